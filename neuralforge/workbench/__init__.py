"""What the window, the command line and the engine agree on: configuration, knobs, requests and status."""
