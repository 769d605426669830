"""Data sets: where samples come from, how they are split, prepared, ordered and handed to the engine.

The way of a data set: `load` gives `RawData` (NumPy), `split` divides it, `prepare` fits what is fitted on the
train part, `neuralforge.data.tensors.TensorData` holds one part on a device, `neuralforge.data.order` says which
samples come next. Importing this package, and loading or describing a data set, imports no torch; the two modules
that need it (`tensors`, `order`) are therefore imported by their own names.
"""

from neuralforge.data.arrays import from_arrays
from neuralforge.data.fingerprint import fingerprint
from neuralforge.data.options import Params, PathParams
from neuralforge.data.prepare import Prepared, Preprocessing, prepare
from neuralforge.data.registry import load, reference, registered, resolve
from neuralforge.data.seeds import derive_seed
from neuralforge.data.source import DataSource, RawData
from neuralforge.data.splits import Splits, split

__all__ = [
    "DataSource",
    "Params",
    "PathParams",
    "Prepared",
    "Preprocessing",
    "RawData",
    "Splits",
    "derive_seed",
    "fingerprint",
    "from_arrays",
    "load",
    "prepare",
    "reference",
    "registered",
    "resolve",
    "split",
]
