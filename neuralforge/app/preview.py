"""What the window shows of a data set: counts, thumbnails, rows and points. No torch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Final

import numpy as np
from numpy.typing import NDArray

from neuralforge.data.registry import reference, resolve
from neuralforge.data.source import RawData
from neuralforge.data.splits import Splits, split
from neuralforge.errors import UserError
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.view import DataView, Points, Thumbnail

_THUMBNAILS: Final = 96
_THUMBNAIL_SIDE: Final = 96
_ROWS: Final = 100
_ROW_COLUMNS: Final = 12
_POINTS: Final = 4000


def describe(raw: RawData, text: str, options: dict[str, str], config: TrainConfig) -> DataView:
    """Make the view of a data set that has been loaded.

    Args:
        raw: The data.
        text: What was asked for.
        options: Its options.
        config: Says how it is split.
    """
    info = raw.info
    parts = _splits(raw, config)
    counts = {}
    if parts is not None and info.task == "classification":
        counts = {
            name: np.bincount(raw.targets[indices], minlength=len(info.classes))
            for name, indices in _named(parts)
            if len(indices)
        }
    shown = _shown(raw)
    is_image = info.kind == "image"
    return DataView(
        text=text,
        options=options,
        state="ready",
        info=info,
        splits={name: len(indices) for name, indices in _named(parts)} if parts is not None else {},
        class_counts=counts,
        thumbnails=tuple(_thumbnails(raw, shown)) if is_image else (),
        columns=_columns(raw) if not is_image else (),
        rows=tuple(_rows(raw, shown)) if not is_image else (),
        points=_points(raw, parts) if info.kind == "table" and info.input_shape == (2,) else None,
        reference=_reference(text, options),
    )


def _reference(text: str, options: dict[str, str]) -> tuple[str, dict[str, str]] | None:
    try:
        return reference(*resolve(text, options))
    except UserError:  # its file has gone since it was read
        return None


def _splits(raw: RawData, config: TrainConfig) -> Splits | None:
    try:
        return split(raw, config.split, seed=config.seed, stratify=config.stratify)
    except UserError:  # said again, in full, when a run is to start
        return None


def _named(parts: Splits) -> tuple[tuple[str, NDArray[np.int64]], ...]:
    return ("train", parts.train), ("validation", parts.validation), ("test", parts.test)


def _shown(raw: RawData) -> list[int]:
    """Choose samples to show: of each class in turn, where there are classes."""
    limit = _THUMBNAILS if raw.info.kind == "image" else _ROWS
    if raw.info.task != "classification":
        return list(range(min(limit, raw.info.samples)))
    each = -(-limit // len(raw.info.classes))
    members = [np.flatnonzero(raw.targets == label)[:each].tolist() for label in range(len(raw.info.classes))]
    return [index for row in zip_longest(*members) for index in row if index is not None][:limit]


def label_of(raw: RawData, sample: int) -> str:
    """Return the target of a sample as a person reads it."""
    if raw.info.task == "classification":
        return raw.info.classes[int(raw.targets[sample])]
    if raw.info.task == "regression":
        return ", ".join(f"{value:.4g}" for value in raw.targets[sample].tolist()[:4])
    return ""


def rgba(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Turn an image [C, H, W] of 0..1 into [H, W, 4]; one channel is grey, of more than four the first is shown."""
    levels = (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
    channels, height, width = levels.shape
    result = np.full((height, width, 4), 255, np.uint8)
    if channels in (3, 4):
        result[..., :channels] = levels.transpose(1, 2, 0)
    else:
        result[..., :3] = levels[0][..., None]
    return result


def _thumbnails(raw: RawData, shown: list[int]) -> Iterator[Thumbnail]:
    step = max(1, -(-max(raw.info.input_shape[1:]) // _THUMBNAIL_SIDE))
    images = raw.inputs[shown][:, :, ::step, ::step].astype(np.float32) * raw.input_scale
    if raw.inputs.dtype != np.uint8:  # floats of any range: the window shows what there is
        low, high = float(images.min()), float(images.max())
        if low < 0 or high > 1:
            images = (images - low) / (high - low)
    for sample, image in zip(shown, images, strict=True):
        yield Thumbnail(rgba=rgba(image), label=label_of(raw, sample), sample=sample)


def _columns(raw: RawData) -> tuple[str, ...]:
    info = raw.info
    names = info.features[:_ROW_COLUMNS] if info.kind == "table" else ("values",)
    target = {"classification": "class", "regression": "target"}.get(info.task)
    return ("sample", *names, *((target,) if target else ()))


def _rows(raw: RawData, shown: list[int]) -> Iterator[tuple[str, ...]]:
    for sample in shown:
        values = raw.inputs[sample].reshape(-1)[:_ROW_COLUMNS].tolist()
        texts = [f"{value:.4g}" for value in values]
        cells = texts if raw.info.kind == "table" else [" ".join(texts) + (" \u2026" if len(texts) > 11 else "")]
        target = label_of(raw, sample)
        yield (str(sample), *cells, *((target,) if raw.info.task in ("classification", "regression") else ()))


def _points(raw: RawData, parts: Splits | None) -> Points | None:
    count = raw.info.samples
    which = np.zeros(count, np.uint8)
    if parts is not None:
        which[parts.validation], which[parts.test] = 1, 2
    keep = np.arange(count) if count <= _POINTS else np.linspace(0, count - 1, _POINTS).astype(np.int64)
    targets = raw.targets[keep].astype(np.float32)
    if targets.ndim > 1:
        targets = targets[:, 0]
    return Points(xy=raw.inputs[keep].astype(np.float32), targets=targets, split=which[keep])
