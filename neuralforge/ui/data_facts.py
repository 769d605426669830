"""What the data panel says of data, as text and numbers. Pure functions."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, Literal, NamedTuple

from neuralforge.errors import UserError
from neuralforge.graph.datainfo import DataInfo
from neuralforge.ui.numbers import count
from neuralforge.ui.readable import one_line
from neuralforge.workbench.view import DataChoice, DataView, DocumentView

WIDE_PX: Final = 860.0
MEDIUM_PX: Final = 520.0
UNEVEN: Final = 3.0
"""Classes are uneven when the largest is more than so many times the smallest."""

Shape = Literal["narrow", "medium", "wide"]

_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_KINDS: Final = {"image": "Images", "table": "Table", "sequence": "Sequences", "tokens": "Text"}
_SPLITS: Final = ("train", "validation", "test")


class Fact(NamedTuple):
    """A line of facts: label, value, and what the label means."""

    label: str
    value: str
    tip: str


@dataclass(frozen=True, slots=True)
class ClassBar:
    """How many samples a class has.

    Args:
        name: The class.
        parts: Samples in train, validation and test.
        total: All of them.
        share: Of the largest class, from 0 to 1.
    """

    name: str
    parts: tuple[int, int, int]
    total: int
    share: float


def shape_for(width_px: float) -> Shape:
    """Return how the parts of the panel lie in a width at scale 1: one below the other, in two, or three columns."""
    return "wide" if width_px >= WIDE_PX else "medium" if width_px >= MEDIUM_PX else "narrow"


def read_options(text: str) -> dict[str, str]:
    """Read options as a person types them: `noise=0.2 samples=500`; values with blanks stand in quotes.

    Raises:
        UserError: When the text is something else; the sentence says what fits.
    """
    hint = "Write options as name=value with blanks between, such as noise=0.2 samples=500."
    try:
        words = shlex.split(text)
    except ValueError:
        raise UserError(f"{hint} A quotation mark is not closed in {text.strip()!r:.60}.") from None
    options: dict[str, str] = {}
    for word in words:
        name, equals, value = word.rstrip(",").partition("=")
        name = name.removeprefix("data.")
        if not equals or not _NAME.fullmatch(name):
            raise UserError(f"{hint} Received: {word!r:.60}")
        if name in options:
            raise UserError(f"The option {name!r:.60} is given twice.")
        options[name] = value
    return options


def write_options(options: Mapping[str, str]) -> str:
    """Write options so that `read_options` reads them back; the path of a file stands elsewhere and is left out."""
    return " ".join(f"{name}={_quoted(value)}" for name, value in options.items() if name != "path")


def _quoted(value: str) -> str:
    return value if re.fullmatch(r"[\w./:;%+-]*", value, re.ASCII) else shlex.quote(value)


def with_path(options: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    """Return options that were typed, with the path that the data had before."""
    path = {"path": before["path"]} if "path" in before and "path" not in options else {}
    return {**path, **options}


def title_of(data: DataView, choices: tuple[DataChoice, ...]) -> str:
    """Return what the chosen data is called: the title of a data set, or the name of its file."""
    if not data.text:
        return "Choose data"
    choice = next((choice for choice in choices if choice.key == data.text), None)
    path = data.options.get("path") or (data.text if choice is None else "")
    if path and (choice is None or choice.kind == "file"):
        return one_line(PurePath(path).name or path)
    return choice.title if choice is not None else one_line(data.text)


def summary_of(data: DataView, choices: tuple[DataChoice, ...]) -> str:
    """Return what the chosen data is, in a sentence, or where it lies."""
    choice = next((choice for choice in choices if choice.key == data.text), None)
    path = data.options.get("path") or (data.text if choice is None else "")
    if path and (choice is None or choice.kind == "file"):
        return one_line(path)
    return choice.summary if choice is not None else ""


def facts(info: DataInfo) -> tuple[Fact, ...]:
    """Return what is known of data, line by line."""
    shape = ", ".join(str(size) for size in info.input_shape)
    lines = [
        Fact("Kind", _KINDS[info.kind], "How one sample lies in memory"),
        Fact("Task", info.task.capitalize(), "What there is to learn from it"),
        Fact("Samples", count(info.samples), "All splits together"),
        Fact("Input", f"[{shape}]", f"Shape of one sample, {info.input_dtype}"),
    ]
    if info.task in ("classification", "segmentation"):
        lines.append(Fact("Classes", count(info.outputs), "How many classes there are"))
    elif info.task == "regression":
        lines.append(Fact("Outputs", count(info.outputs), "How many numbers are to be predicted"))
    if info.vocabulary:
        lines.append(Fact("Vocabulary", count(info.vocabulary), "How many different tokens there are"))
    return tuple(lines)


def split_parts(splits: Mapping[str, int]) -> tuple[tuple[str, int, float], ...]:
    """Return name, samples and share of train, validation and test."""
    total = sum(splits.values())
    return tuple((name, splits.get(name, 0), splits.get(name, 0) / total) for name in _SPLITS) if total else ()


def class_bars(data: DataView) -> tuple[ClassBar, ...]:
    """Return how many samples each class has."""
    if data.info is None or not data.class_counts:
        return ()
    none = [0] * len(data.info.classes)
    columns = [data.class_counts[name].tolist() if name in data.class_counts else none for name in _SPLITS]
    totals = [sum(parts) for parts in zip(*columns, strict=True)]
    most = max(totals, default=0) or 1
    return tuple(
        ClassBar(one_line(name), (train, validation, test), total, total / most)
        for name, train, validation, test, total in zip(data.info.classes, *columns, totals, strict=True)
    )


def uneven(bars: tuple[ClassBar, ...]) -> str:
    """Return a sentence about classes of very different size; "" when they are even."""
    if len(bars) < 2:
        return ""
    largest, smallest = max(bars, key=lambda bar: bar.total), min(bars, key=lambda bar: bar.total)
    if not smallest.total:
        return f"{smallest.name} has no samples."
    ratio = largest.total / smallest.total
    if ratio <= UNEVEN:
        return ""
    return f"Uneven classes: {largest.name} has {ratio:.1f} times as many samples as {smallest.name}."


def with_label(labels: tuple[str, ...], wanted: str | None) -> tuple[int, ...]:
    """Return the places of the samples of a class, or of all."""
    return tuple(place for place, label in enumerate(labels) if wanted is None or label == wanted)


def fit_problem(document: DocumentView, data: DataView) -> str:
    """Return why the network does not take the data, when that is all that is wrong with it; else ""."""
    if data.state != "ready" or not document.issues or document.inference.issues:
        return ""
    return str(document.issues[0])


def framed(low: tuple[float, float], high: tuple[float, float], aspect: float) -> tuple[float, float, float, float]:
    """Return the range of both axes that shows all points with some air, one unit as long on either axis.

    Args:
        low: Least x and y.
        high: Greatest x and y.
        aspect: Width of the plot for a height of 1.

    Returns:
        Least and greatest x, least and greatest y.
    """
    width, height = ((b - a) * 1.1 or 1.0 for a, b in zip(low, high, strict=True))
    width, height = max(width, height * aspect), max(height, width / aspect)
    x, y = ((a + b) / 2 for a, b in zip(low, high, strict=True))
    return x - width / 2, x + width / 2, y - height / 2, y + height / 2
