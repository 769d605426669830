"""Arrays of unknown origin become `RawData`, or one sentence on why they cannot.

Rules, the same for `.npz` files, for arrays in a notebook and for the sources that come with NeuralForge:

- Inputs of rank 1 or 2 are a table [N, F]; of rank 3 grey images [N, H, W]; of rank 4 images. `kind` says otherwise:
  "sequence" for [N, time, features] or [N, time], "tokens" for integers [N, time].
- Images of rank 4 are [N, H, W, C] where the last axis is 1, 3 or 4 and the second is not; else [N, C, H, W].
- uint8 images and sequences stay uint8 and are scaled by 1/255 later; other integer images must lie in 0..255 and
  become uint8. Everything else becomes float32, tokens int64.
- Targets that are integers, truth values or text, one a sample, are classes: the distinct values in their order.
  Integers [N, H, W] over images of that size are masks (segmentation), classes found in the same way. Floats [N]
  or [N, T] are numbers to predict (regression). No targets: the input itself is to be learned (reconstruction).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralforge.data.source import RawData
from neuralforge.errors import UserError
from neuralforge.graph.datainfo import DataInfo, DataKind, Task

_CHANNELS = (1, 3, 4)
_MAX_MASK_CLASSES = 1024


def from_arrays(
    inputs: Any,
    targets: Any = None,
    name: str = "arrays",
    *,
    kind: DataKind | None = None,
    classes: Sequence[str] = (),
    features: Sequence[str] = (),
    input_scale: float | None = None,
) -> RawData:
    """Make a data set from arrays in memory.

    Args:
        inputs: [N, ...], see the rules in this module.
        targets: [N], [N, T] or [N, H, W], or None for reconstruction.
        name: Name of the data, which messages begin with.
        kind: How a sample lies in memory, where the rank alone does not say.
        classes: Names of the classes where `targets` holds the indices 0 .. len(classes) - 1.
        features: Names of the columns of a table, all different, as those of the classes are.
        input_scale: Factor for uint8 images and sequences; 1/255 where nothing is said.

    Returns:
        The data; it shares no memory with the arguments.

    Raises:
        UserError: Types, shapes or values that cannot be learned from.
    """
    for what, names_given in (("classes", classes), ("features", features)):
        repeated = [text for text, times in Counter(names_given).items() if times > 1]
        if repeated:
            raise UserError(f"{name}: two of the {what} are named {repeated[0]!r:.80}.")
        if any("\0" in text for text in names_given):  # an array of texts would lose it
            raise UserError(f"{name}: the names of the {what} must not hold the character NUL.")
    x_in = as_array(inputs, f"{name}: inputs")
    x, kind = _inputs(x_in, kind, name)
    if np.may_share_memory(x, x_in):
        x = x.copy()
    count = len(x)
    sample = tuple(int(side) for side in x.shape[1:])
    scale = (1 / 255 if input_scale is None else input_scale) if x.dtype == np.uint8 else 1.0
    task: Task = "reconstruction"
    names: tuple[str, ...] = ()
    if targets is None:
        if kind == "tokens":
            raise UserError(f"{name}: tokens need targets, and none are given.")
        y = x
        outputs = sample[0] if kind == "image" else sample[-1]
    else:
        y_in = as_array(targets, f"{name}: targets")
        y, task, names = _targets(y_in, tuple(classes), (count, *sample), kind, name)
        if np.may_share_memory(y, y_in):
            y = y.copy()
        outputs = int(y.shape[1]) if task == "regression" else len(names)
    if features and (kind != "table" or len(features) != sample[0]):
        raise UserError(f"{name}: {len(features)} names of features are given for samples of shape {sample}.")
    columns = tuple(features) or (tuple(f"x{i + 1}" for i in range(sample[0])) if kind == "table" else ())
    info = DataInfo(
        name=name,
        kind=kind,
        task=task,
        input_shape=sample,
        outputs=outputs,
        classes=names,
        features=columns,
        input_dtype="int64" if kind == "tokens" else "float32",
        samples=count,
        vocabulary=int(x.max()) + 1 if kind == "tokens" else 0,
    )
    return RawData(info, x, y, scale)


def check_classes(counts: NDArray[np.int64], classes: Sequence[str], place: str) -> None:
    """Refuse classes that cannot be learned or split.

    Args:
        counts: [classes], samples of each class.
        classes: Their names.
        place: What messages begin with.

    Raises:
        UserError: Fewer than two classes, or a class with fewer than two samples.
    """
    if len(classes) < 2:
        only = f" ('{classes[0]}')" if classes else ""
        raise UserError(f"{place}: there is only one class{only}, and two are needed to tell them apart.")
    for label, samples in zip(classes, counts, strict=True):
        if samples < 2:
            raise UserError(
                f"{place}: class '{label}' has {samples} sample{'' if samples == 1 else 's'} of the 2 that a class "
                "needs (numbers to predict, rather than classes, are given as floats)."
            )


def as_float32(array: NDArray[Any], place: str, what: str) -> NDArray[np.float32]:
    """Convert numbers to float32 and make sure that all of them are finite.

    Args:
        array: Numbers of any shape.
        place: What messages begin with.
        what: Name of the array in messages.

    Returns:
        The same shape, contiguous.

    Raises:
        UserError: NaN, infinite, or too large for float32; names the index.
    """
    with np.errstate(over="ignore"):
        result = np.ascontiguousarray(array, dtype=np.float32)
    finite = np.isfinite(result)
    if not finite.all():
        index = tuple(int(i) for i in np.unravel_index(int(np.argmin(finite)), result.shape))
        value = array[index]
        reason = "is too large for float32" if np.isfinite(value) else "is not a finite number"
        raise UserError(f"{place}: {what}[{', '.join(map(str, index))}] {reason}. Received: {value}.")
    return result


def as_array(values: Any, place: str) -> NDArray[Any]:
    """Make an array of anything that NumPy takes for one.

    Args:
        values: An array, nested lists, or an object that knows how to become an array.
        place: What the message begins with, in the plural.

    Returns:
        The array; it may share memory with `values`.

    Raises:
        UserError: It cannot be an array: ragged lists, for one.
    """
    try:
        return np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"{place} are not an array ({str(error).splitlines()[0].rstrip('.')}).") from None


def _inputs(x: NDArray[Any], kind: DataKind | None, place: str) -> tuple[NDArray[Any], DataKind]:
    if x.dtype.kind not in "biuf":
        raise UserError(f"{place}: inputs must be numbers. Received: dtype {x.dtype}.")
    if not 1 <= x.ndim <= 4:
        raise UserError(f"{place}: inputs must have 1 to 4 axes, samples first. Received: shape {x.shape}.")
    if x.size == 0:
        raise UserError(f"{place}: inputs hold no values. Received: shape {x.shape}.")
    if x.ndim == 1:
        x = x[:, None]
    if kind is None:
        kind = "table" if x.ndim == 2 else "image"
    if kind == "sequence" and x.ndim == 2:
        x = x[:, :, None]
    allowed = {"table": (2,), "sequence": (3,), "tokens": (2,), "image": (3, 4)}[kind]
    if x.ndim not in allowed:
        raise UserError(f"{place}: a data set of kind {kind} cannot have inputs of shape {x.shape}.")
    if kind == "tokens":
        if x.dtype.kind not in "iu" or int(x.min()) < 0 or int(x.max()) >= 2**31:
            raise UserError(
                f"{place}: tokens must be integers from 0 to 2147483647. Received: {x.dtype} "
                f"from {x.min()} to {x.max()}."
            )
        return np.ascontiguousarray(x, dtype=np.int64), kind
    if kind == "image":
        x = _channels_first(x)
        if x.dtype.kind in "iu" and x.dtype != np.uint8:
            if int(x.min()) < 0 or int(x.max()) > 255:
                raise UserError(
                    f"{place}: images of integers must lie in 0..255 (or be saved as floats). "
                    f"Received: {x.dtype} from {x.min()} to {x.max()}."
                )
            x = x.astype(np.uint8)
    if x.dtype == np.uint8 and kind != "table":
        return np.ascontiguousarray(x), kind
    return as_float32(x, place, "inputs"), kind


def _channels_first(x: NDArray[Any]) -> NDArray[Any]:
    """Bring images [N, H, W], [N, H, W, C] or [N, C, H, W] to [N, C, H, W]."""
    if x.ndim == 3:
        return x[:, None]
    if x.shape[3] in _CHANNELS and x.shape[1] not in _CHANNELS:
        return x.transpose(0, 3, 1, 2)
    return x


def _targets(
    y: NDArray[Any], classes: tuple[str, ...], shape: tuple[int, ...], kind: DataKind, place: str
) -> tuple[NDArray[Any], Task, tuple[str, ...]]:
    """Find the task that the targets pose; `shape` is that of the inputs, [N, ...]."""
    if y.ndim == 0 or len(y) != shape[0]:
        received = "a single value" if y.ndim == 0 else f"{len(y)} targets"
        raise UserError(f"{place}: there are {shape[0]} samples. Received: {received}.")
    if y.dtype.kind == "f":
        if y.ndim > 2 or y.size == 0:
            raise UserError(
                f"{place}: numbers to predict must be [N] or [N, T] (and masks integers). "
                f"Received: {y.dtype} of shape {y.shape}."
            )
        return as_float32(y.reshape(len(y), -1), place, "targets"), "regression", ()
    if y.dtype.kind not in "biuUS":
        raise UserError(f"{place}: targets must be numbers or text. Received: dtype {y.dtype}.")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 3 and kind == "image" and y.dtype.kind in "biu":
        if y.shape[1:] != shape[2:]:
            raise UserError(
                f"{place}: masks must be as large as the images, {shape[2]}x{shape[3]}. "
                f"Received: {y.shape[1]}x{y.shape[2]}."
            )
        indices, names, _ = _classes_of(y, classes, place)
        if not 2 <= len(names) <= _MAX_MASK_CLASSES:
            raise UserError(f"{place}: masks need 2 to {_MAX_MASK_CLASSES} distinct values. Received: {len(names)}.")
        return indices, "segmentation", names
    if y.ndim != 1:
        raise UserError(
            f"{place}: classes must be one a sample, [N], or masks [N, H, W] over images; numbers to "
            f"predict must be floats. Received: {y.dtype} of shape {y.shape}."
        )
    indices, names, counts = _classes_of(y, classes, place)
    check_classes(counts, names, place)
    return indices, "classification", names


def _classes_of(
    y: NDArray[Any], classes: tuple[str, ...], place: str
) -> tuple[NDArray[np.int64], tuple[str, ...], NDArray[np.int64]]:
    """Give class indices in the shape of y, the names of the classes, and how often each occurs."""
    if classes:
        if y.dtype.kind not in "iu" or int(y.min()) < 0 or int(y.max()) >= len(classes):
            span = "" if y.dtype.kind in "US" else f" from {y.min()} to {y.max()}"
            raise UserError(
                f"{place}: targets must be indices from 0 to {len(classes) - 1} of the classes that are "
                f"named. Received: {y.dtype}{span}."
            )
        indices = np.ascontiguousarray(y, dtype=np.int64)
        return indices, classes, np.bincount(indices.reshape(-1), minlength=len(classes))
    if y.dtype.kind == "S":
        try:
            y = np.char.decode(y, "utf-8")
        except UnicodeDecodeError:
            raise UserError(f"{place}: targets that are bytes must be UTF-8 text.") from None
    values, inverse, counts = np.unique(y, return_inverse=True, return_counts=True)
    try:
        names = tuple(str(value) for value in values.tolist())
    except (ValueError, SystemError):  # NumPy keeps any 32 bits as a character, Python does not
        raise UserError(f"{place}: targets hold characters that are not Unicode.") from None
    return inverse.reshape(y.shape).astype(np.int64), names, counts
