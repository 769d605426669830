"""The composition root: command line, drivers, and later the loop of the window."""
