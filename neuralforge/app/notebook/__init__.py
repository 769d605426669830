"""The second way into the application: from a notebook, a prompt or a script. `neuralforge.open` leads here."""
