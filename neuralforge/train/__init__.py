"""The engine: a session is a generator of steps, steered at one boundary, written down in one log."""
