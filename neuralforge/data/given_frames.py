"""Tables of pandas: columns by name, categories in their order, and no missing values."""

from __future__ import annotations

from collections.abc import Hashable
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralforge.data.arrays import as_float32
from neuralforge.data.csv_reader import shown
from neuralforge.data.given_values import COPIES, Given, classes_of, is_from
from neuralforge.data.memory import refuse_if_too_large
from neuralforge.errors import UserError

_WIDEST = MappingProxyType({"b": np.bool_, "i": np.int64, "u": np.uint64, "f": np.float64})


def is_frame(value: object) -> bool:
    """Say whether an object is a pandas DataFrame."""
    return is_from(value, "pandas", "DataFrame")


def is_column(value: object) -> bool:
    """Say whether an object is one column of pandas: a Series, an Index, or the array inside of one."""
    return is_from(value, "pandas", "Series", "Index", "ExtensionArray")


def from_frame(frame: Any, target: Hashable, place: str) -> Given:
    """Divide a table into features and target.

    Args:
        frame: The DataFrame; all columns but those of the target are features and hold numbers.
        target: Name of the column to predict, or a tuple of names: numbers to predict, also where they are integers.
        place: What messages begin with.

    Returns:
        float32 [N, F] with the names of the columns, and the targets.

    Raises:
        UserError: There is no such column, a value is missing, or a column cannot be used.
    """
    columns = list(frame.columns)
    several = isinstance(target, tuple | list) and target not in columns  # a column may be named by a tuple
    wanted = list(target) if several else [target]  # type: ignore[call-overload]
    chosen = []
    for name in wanted:
        if columns.count(name) != 1:
            fault = "there is no column" if name not in columns else "several columns are named"
            listed = ", ".join(map(str, columns[:20])) + (", ..." if len(columns) > 20 else "")
            raise UserError(f"{place}: {fault} {shown(str(name))}; the columns are {listed}.")
        chosen.append(columns.index(name))
    features = [position for position in range(len(columns)) if position not in chosen]
    if not features or not chosen:
        raise UserError(f"{place}: a target and at least one more column are needed. Received: target={target!r:.80}.")
    y, classes = (_numbers(frame, chosen, place), ()) if several else _target(frame, chosen[0], place)
    x = _numbers(frame, features, place)
    return Given(x, y, classes, tuple(str(columns[position]) for position in features))


def features_of(frame: Any, place: str) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Give all columns of a frame as float32 [N, F], and their names; complaints as in `from_frame`."""
    return _numbers(frame, list(range(frame.shape[1])), place), tuple(map(str, frame.columns))


def outcomes_of(values: Any, place: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Make targets of a column, or of a frame that holds nothing but targets.

    Args:
        values: A column of numbers, texts or categories; or a frame, whose columns are numbers to predict where there
            are several.
        place: What messages begin with.

    Returns:
        The targets, and names of classes where they are indices of them.

    Raises:
        UserError: A value is missing, or a column cannot be used.
    """
    if not is_frame(values):
        return _outcomes(values, f"{place}: the column of targets")
    if values.shape[1] == 1:
        return _target(values, 0, place)
    return _numbers(values, list(range(values.shape[1])), place), ()


def _numbers(frame: Any, positions: list[int], place: str) -> NDArray[np.float32]:
    refuse_if_too_large(len(frame) * len(positions) * 4 * COPIES, place)
    result = np.empty((len(frame), len(positions)), np.float32)
    for k, position in enumerate(positions):
        what = f"column {shown(str(frame.columns[position]))}"
        result[:, k] = as_float32(_plain(frame.iloc[:, position], f"{place}: {what}"), place, what)
    return result


def _target(frame: Any, position: int, place: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    return _outcomes(frame.iloc[:, position], f"{place}: column {shown(str(frame.columns[position]))}")


def _outcomes(column: Any, place: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    if column.dtype.kind in "biuf":
        return _plain(column, place), ()
    _refuse_missing(column, place)
    if type(column.dtype).__name__ == "CategoricalDtype":
        # Rows that were filtered away leave their categories behind; what no row has cannot be learned.
        used, codes = np.unique(np.asarray(getattr(column, "cat", column).codes), return_inverse=True)
        return codes.astype(np.int64), tuple(str(column.dtype.categories[int(code)]) for code in used)
    texts = list(column)
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            received = f"{type(text).__name__} in row {row} (dtype {column.dtype})"
            raise UserError(f"{place} must hold numbers, texts or categories. Received: {received}.")
    return classes_of(texts)


def _plain(column: Any, place: str) -> NDArray[Any]:
    """Give a column of numbers as an array of one of NumPy's types."""
    kind = column.dtype.kind
    if kind not in _WIDEST:
        raise UserError(f"{place} must hold numbers. Received: dtype {column.dtype}.")
    _refuse_missing(column, place)
    values: NDArray[Any] = column.to_numpy()
    return values.astype(_WIDEST[kind]) if values.dtype == object else values


def _refuse_missing(column: Any, place: str) -> None:
    missing = np.flatnonzero(np.asarray(column.isna()))
    if len(missing):
        raise UserError(f"{place} has no value in row {missing[0]} (rows are counted from 0).")
