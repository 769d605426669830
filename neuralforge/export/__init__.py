"""Trained networks in other formats, each with a certificate of what was measured.

A target is one file of this package with an `EXPORTERS` tuple. `neuralforge.export.run.export_run` is what the command
line calls: it loads a finished run, writes the file under a temporary name, holds it against the original on real
samples in a process of its own, and only then gives it its name.
"""

from neuralforge.export.certificate import Certificate
from neuralforge.export.exporter import Exporter, exporters
from neuralforge.export.run import export_model, export_run
from neuralforge.export.trained import TrainedModel, load_trained

__all__ = [
    "Certificate",
    "Exporter",
    "TrainedModel",
    "export_model",
    "export_run",
    "exporters",
    "load_trained",
]
