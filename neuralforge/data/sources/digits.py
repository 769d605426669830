"""The handwritten digits inside scikit-learn, as images and as sequences of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neuralforge.data.arrays import from_arrays
from neuralforge.data.options import Params
from neuralforge.data.source import DataSource, RawData

_ORIGIN = "Alpaydin and Kaynak 1998, UCI repository (CC BY 4.0), the test part, as shipped with scikit-learn."
_LEVELS = 16  # grey levels run from 0 to 16


@dataclass(frozen=True, kw_only=True)
class DigitsParams(Params):
    """No options."""


class _Digits(DataSource[DigitsParams]):
    """The same numbers; subclasses say how they lie."""

    task = "classification"
    origin = _ORIGIN
    params = DigitsParams

    def load(self, params: DigitsParams) -> RawData:
        """Give images [1, 8, 8] or sequences [8, 8] as uint8; see `DataSource.load`."""
        from sklearn.datasets import load_digits  # a second to import

        bunch: Any = load_digits()
        # Legend: N samples, H = W = 8; a row is a time step for the sequence
        x_NHW = bunch.images.astype(np.uint8)
        return from_arrays(
            x_NHW,
            bunch.target,
            self.key,
            kind=self.kind,
            input_scale=1 / _LEVELS,
            classes=[str(digit) for digit in range(10)],
        )


class Digits(_Digits):
    """Digits as images."""

    key = "digits"
    title = "Handwritten digits"
    summary = "1,797 real handwritten digits, 8x8 pixels in 17 grey levels."
    kind = "image"


class DigitsSequence(_Digits):
    """Digits as sequences, read from the top row down."""

    key = "digits_sequence"
    title = "Handwritten digits, row by row"
    summary = "The same 1,797 digits as sequences of 8 time steps with 8 features."
    kind = "sequence"


SOURCES = (Digits(), DigitsSequence())
