"""What every kind of data in memory comes down to: arrays, with names where there are any.

Nothing here imports torch or pandas: an object of theirs is known by the names of its classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralforge.data.arrays import as_array
from neuralforge.data.memory import refuse_if_too_large
from neuralforge.errors import UserError
from neuralforge.runs.errors import reason

COPIES = 3  # the array as converted, as read back, and as taken over from there
_NUMPY_FLOATS = ("torch.float16", "torch.float32", "torch.float64")


@dataclass(frozen=True, eq=False)
class Given:
    """Data in memory in the form that `from_arrays` judges.

    Args:
        inputs: [N, ...].
        targets: [N, ...], or None where the input itself is to be learned.
        classes: Names of the classes where `targets` are indices of them.
        features: Names of the columns of a table.
    """

    inputs: Any
    targets: Any = None
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()


def is_from(value: object, package: str, *names: str) -> bool:
    """Say whether an object is of a class, or of one derived from it, without importing its package.

    Args:
        value: Any object.
        package: The package at the root: "torch".
        *names: Names of classes, any of which will do.

    Returns:
        True where it is.
    """
    return any(cls.__name__ in names and cls.__module__.partition(".")[0] == package for cls in type(value).__mro__)


def array_of(values: Any, place: str) -> NDArray[Any]:
    """Make an array of an array, a tensor, nested lists, or what NumPy can convert.

    Args:
        values: The values; nothing is done to them.
        place: What messages begin with, in the plural: "data: inputs".

    Returns:
        The array; it may share memory with `values`.

    Raises:
        UserError: It cannot be an array, is larger than the memory allows, or has masked values.
    """
    with suppress(RuntimeError):  # sparse tensors have no such number
        declared = getattr(values, "nbytes", None)
        if isinstance(declared, int):
            refuse_if_too_large(declared * COPIES, place)
    return converted(values, place)


def converted(values: Any, place: str) -> NDArray[Any]:
    """Do as `array_of` for values that are small for sure; asking for the free memory takes longer than they do."""
    if is_from(values, "torch", "Tensor"):
        return _from_tensor(values, place)
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise UserError(f"{place} have masked values, and every value is needed.")
    first: Any = values[0] if isinstance(values, list) and values else None
    if isinstance(first, tuple) or (hasattr(first, "shape") and first.shape):
        raise UserError(
            f"{place} are a list of {type(first).__name__}s, which can mean several things; "
            "give inputs and targets as a tuple (x, y), and samples stacked in one array."
        )
    return as_array(values, place)


def targets_of(values: Any, place: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Make targets of anything that `array_of` takes; texts that NumPy keeps as objects are taken as texts.

    Args:
        values: [N, ...].
        place: What messages begin with: "data: targets".

    Returns:
        The targets, and names of classes where they are indices of them.

    Raises:
        UserError: As `array_of`.
    """
    array = array_of(values, place)
    if array.dtype == object and array.shape[1:] in ((), (1,)):
        texts = array.reshape(-1).tolist()
        if texts and all(isinstance(text, str) for text in texts):
            return classes_of(texts)
    return array, ()


def classes_of(texts: Sequence[str]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Number texts by their order, as `from_arrays` does, without making an array of the longest of them.

    Args:
        texts: One a sample.

    Returns:
        Indices [N], and the names of the classes.
    """
    names = sorted(set(texts))
    index = {name: position for position, name in enumerate(names)}
    return np.array([index[text] for text in texts], np.int64), tuple(names)


def _from_tensor(tensor: Any, place: str) -> NDArray[Any]:
    try:
        tensor = tensor.detach()
        if tensor.is_floating_point() and str(tensor.dtype) not in _NUMPY_FLOATS:
            tensor = tensor.float()  # bfloat16 and the 8-bit floats, which NumPy does not know
        array: NDArray[Any] = tensor.cpu().resolve_conj().resolve_neg().numpy()
    except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:
        raise UserError(f"{place} cannot be taken from the tensor ({reason(error)}).") from None
    return array
