"""Data that is asked for item by item: map-style Datasets of torch, and whatever else has a length and items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralforge.data.given_values import COPIES, Given, array_of, classes_of, converted, is_from, targets_of
from neuralforge.data.memory import refuse_if_too_large
from neuralforge.errors import UserError
from neuralforge.runs.errors import reason


def from_items(dataset: Any, place: str) -> Given:
    """Read every item once, in order.

    Args:
        dataset: Has a length, and items (sample, target) or a sample: arrays, tensors, numbers, images of PIL; text as
            a target. Where it has `classes`, texts that the targets are the indices of, these are the names.
        place: What messages begin with.

    Returns:
        The samples stacked to [N, ...], and the targets, if the items have any.

    Raises:
        UserError: It has no length, or an item cannot be read or differs from the first; names the item.
    """
    if is_from(dataset, "torch", "TensorDataset") and _is_plain_tensor_dataset(dataset):
        return _from_tensors(dataset.tensors, place)
    try:
        count = len(dataset)
    except Exception as error:  # whatever a person's own code raises
        raise UserError(
            f"{place}: a map-style Dataset is needed, and this {type(dataset).__name__} has no length "
            f"({type(error).__name__}: {reason(error)})."
        ) from error
    if count < 1:
        raise UserError(f"{place}: the {type(dataset).__name__} holds no items.")
    sample = _Field("sample", count, place)
    target: _Field | None = None
    for number in range(count):
        fields = _fields(dataset, number, place)
        if number == 0 and len(fields) == 2:
            target = _Field("target", count, place)
        if len(fields) != (1 if target is None else 2):
            has, had = ("no target", "one") if target else ("a target", "none")
            raise UserError(f"{place}: item {number} has {has}, where item 0 has {had}.")
        sample.put(number, fields[0])
        if sample.array is None:
            raise UserError(f"{place}: item 0 has a sample that is text; numbers are needed.")
        if target is not None:
            target.put(number, fields[1])
    if target is None:
        return Given(sample.array)
    if target.array is None:
        y, classes = classes_of(target.texts)
        return Given(sample.array, y, classes)
    return Given(sample.array, target.array, _named(getattr(dataset, "classes", None), target.array))


class _Field:
    """One of the parts that every item has, filled item by item; the first one tells type and shape."""

    def __init__(self, what: str, count: int, place: str) -> None:
        self.what, self.count, self.place = what, count, place
        self.array: NDArray[Any] | None = None
        self.texts: list[str] = []

    def put(self, number: int, value: Any) -> None:
        """Keep the value of one item."""
        if isinstance(value, str):
            received = "text"
            if number == len(self.texts):
                self.texts.append(value)
                return
        else:
            values = converted(value, f"{self.place}: values of the {self.what} of item {number}")
            if values.dtype.kind not in "biuf":
                raise UserError(
                    f"{self.place}: item {number} has a {self.what} of type {type(value).__name__} (dtype "
                    f"{values.dtype}); numbers, arrays or tensors are needed."
                )
            received = _described(values)
            if number == 0:
                refuse_if_too_large(values.nbytes * self.count * COPIES, self.place)
                self.array = np.empty((self.count, *values.shape), values.dtype)
            array = self.array
            if array is not None and (array.dtype, array.shape[1:]) == (values.dtype, values.shape):
                array[number] = values
                return
        first = "text" if self.array is None else _described(self.array[0])
        raise UserError(
            f"{self.place}: the items must be alike, but item {number} has a {self.what} of {received}, "
            f"where item 0 has {first}."
        )


def _described(values: Any) -> str:
    return f"{values.dtype} {tuple(int(side) for side in values.shape)}"


def _is_plain_tensor_dataset(dataset: Any) -> bool:
    """Say whether nothing was put over the way that a TensorDataset gives its items."""
    base = next(cls for cls in type(dataset).__mro__ if cls.__name__ == "TensorDataset")
    return getattr(type(dataset), "__getitem__", None) is getattr(base, "__getitem__", None)


def _from_tensors(tensors: Sequence[Any], place: str) -> Given:
    if not 1 <= len(tensors) <= 2:
        raise UserError(f"{place}: item 0 has {len(tensors)} parts, where (sample, target) or a sample is needed.")
    y, classes = targets_of(tensors[1], f"{place}: targets") if len(tensors) == 2 else (None, ())
    return Given(array_of(tensors[0], f"{place}: inputs"), y, classes)


def _fields(dataset: Any, number: int, place: str) -> Sequence[Any]:
    """Give the one or two parts of an item."""
    try:
        item = dataset[number]
    except Exception as error:  # whatever a person's own code raises
        fault = f"{type(error).__name__}: {reason(error)}"
        raise UserError(f"{place}: item {number} of {len(dataset)} cannot be read ({fault}).") from error
    if hasattr(item, "keys") or item is None:
        raise UserError(
            f"{place}: item {number} is a {type(item).__name__}, where (sample, target) or a sample is needed."
        )
    if not isinstance(item, tuple | list):
        return (item,)
    if not 1 <= len(item) <= 2:
        raise UserError(f"{place}: item {number} has {len(item)} parts, where (sample, target) or a sample is needed.")
    return item


def _named(classes: Any, targets: NDArray[Any]) -> tuple[str, ...]:
    """Take the names that a Dataset has for its classes, where every one of them occurs and nothing else does."""
    if not isinstance(classes, list | tuple) or not all(isinstance(name, str) for name in classes):
        return ()
    found = np.unique(targets) if targets.ndim == 1 and targets.dtype.kind in "iu" else np.array([])
    return tuple(classes) if np.array_equal(found, np.arange(len(classes))) else ()
