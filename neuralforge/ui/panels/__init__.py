"""The panels, one file each. A module here with a `PANEL` class is found by `neuralforge.ui.registry`."""
