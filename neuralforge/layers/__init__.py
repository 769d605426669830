"""Layers: one description each, one file for each family. `neuralforge.layers.registry.catalog()` holds them all."""
