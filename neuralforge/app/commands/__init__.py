"""Subcommands of `neuralforge`, one file each."""
