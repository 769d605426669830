"""Templates: well-known networks written straight into a graph, one file for each architecture.

`neuralforge.templates.registry.templates()` holds them all; `neuralforge.templates.binding.bind` fits one to data.
"""
