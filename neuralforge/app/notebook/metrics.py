"""The curves of a run as arrays, for cells."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuralforge.errors import UserError
from neuralforge.workbench.series import SeriesBook


class Curve(NamedTuple):
    """One series of a run.

    Args:
        steps: [N] int64, going up.
        values: [N] float64.
    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]


class Metrics(Mapping[str, Curve]):
    """The series of a run as they were when they were asked for: name -> `Curve`, for example "train/loss".

    Args:
        curves: The series.
    """

    def __init__(self, curves: Mapping[str, Curve]) -> None:
        self._curves = dict(curves)

    @classmethod
    def of(cls, book: SeriesBook) -> Metrics:
        """Copy what a book holds."""
        rows = {name: book[name].rows() for name in book.names}
        return cls({name: Curve(steps.copy(), values.copy()) for name, (steps, values) in rows.items()})

    def __getitem__(self, name: str) -> Curve:
        try:
            return self._curves[name]
        except KeyError:
            known = ", ".join(self._curves) or "none yet"
            raise KeyError(f"There is no series {name!r}. There are: {known}.") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._curves)

    def __len__(self) -> int:
        return len(self._curves)

    @property
    def last(self) -> dict[str, float]:
        """The last value of each series."""
        return {name: float(curve.values[-1]) for name, curve in self._curves.items() if len(curve.values)}

    def frame(self) -> Any:
        """Return a pandas DataFrame: a row a step, a column a series; NaN where a series has no value at a step.

        Raises:
            UserError: When pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise UserError("A frame needs pandas: pip install pandas. The arrays themselves do without.") from None
        columns = {name: pandas.Series(curve.values, index=curve.steps) for name, curve in self._curves.items()}
        columns = {name: column[~column.index.duplicated(keep="last")] for name, column in columns.items()}
        frame = pandas.DataFrame(columns)
        frame.index.name = "step"
        return frame

    def __repr__(self) -> str:
        lines = [f"{name}: {len(curve.steps):,} rows, last {value:.6g}" for name, curve, value in self._rows()]
        return "\n".join(lines) or "no numbers yet"

    def _repr_html_(self) -> str:
        cells = [
            f"<tr><td style='text-align:left'>{html.escape(name)}</td><td>{len(curve.steps):,}</td>"
            f"<td>{int(curve.steps[-1]):,}</td><td>{value:.6g}</td></tr>"
            for name, curve, value in self._rows()
        ]
        head = "<tr><th style='text-align:left'>series</th><th>rows</th><th>last step</th><th>last value</th></tr>"
        return f"<table>{head}{''.join(cells)}</table>" if cells else "<i>no numbers yet</i>"

    def _rows(self) -> list[tuple[str, Curve, float]]:
        return [(name, curve, float(curve.values[-1])) for name, curve in self._curves.items() if len(curve.values)]
