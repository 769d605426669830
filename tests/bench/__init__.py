"""Measurements of speed, each a ratio taken side by side in one process. `python -m tests.bench` prints them."""
