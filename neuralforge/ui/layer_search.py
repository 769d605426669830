"""Finding a layer by a few letters: what the palette lists, in which order, and with which hint."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Protocol

from neuralforge.graph.shapes import UNCONNECTED, ShapeError, TensorType
from neuralforge.layers.registry import catalog
from neuralforge.layers.spec import Inputs, LayerSpec

_WORD: Final = re.compile(r"[a-z0-9]+")
_MODULE: Final = re.compile(r"\b(?:nn|F|torch)\.(\w+)")
_RANKS: Final = (2, 3, 4, 5)

Rank = tuple[int, int, int]
"""How well a layer fits: kind of match, how scattered it is, length of the title. The smaller, the better."""


class Findable(Protocol):
    """What can be found by a few letters: a layer here, a command elsewhere. The parts are those of `LayerEntry`."""

    @property
    def title(self) -> str:
        """Its title in small letters and digits alone."""
        ...

    @property
    def key(self) -> str:
        """Its name, likewise."""
        ...

    @property
    def words(self) -> tuple[str, ...]:
        """Words of both."""
        ...

    @property
    def more(self) -> tuple[str, ...]:
        """More words under which it is known."""
        ...


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """A layer as the palette lists it.

    Args:
        spec: The layer.
        hint: What it takes, where that is one thing: "4D", "int"; else "".
        title: Title in small letters and digits alone.
        key: Key, likewise.
        words: Words of title and key.
        more: Words of the category, of PyTorch's name, and others it is known under.
    """

    spec: LayerSpec[Any]
    hint: str
    title: str
    key: str
    words: tuple[str, ...]
    more: tuple[str, ...]


def entry(spec: LayerSpec[Any]) -> LayerEntry:
    """Describe a layer for the palette."""
    modules = _MODULE.findall(spec.doc)
    more = [word for text in (spec.category, *spec.search) for word in _words(text)]
    more += [_bare(text) for text in (*spec.search, *modules)]
    return LayerEntry(
        spec,
        hint(spec),
        _bare(spec.title),
        _bare(spec.key),
        tuple(dict.fromkeys((*_words(spec.title), *_words(spec.key.replace("_", " "))))),
        tuple(dict.fromkeys(more)),
    )


@cache
def entries() -> tuple[LayerEntry, ...]:
    """Return all layers of the catalog, families together; made once."""
    by_category: dict[str, list[LayerEntry]] = {}
    for spec in catalog():
        by_category.setdefault(spec.category, []).append(entry(spec))
    families = sorted(by_category, key=_family_order)
    return tuple(item for family in families for item in by_category[family])


_FAMILIES: Final = (
    "input/output", "convolution", "linear", "recurrent", "attention", "normalization", "activation", "pooling",
    "regularization", "shape", "merge",
)  # fmt: skip


def _family_order(category: str) -> tuple[int, str]:
    return (_FAMILIES.index(category) if category in _FAMILIES else len(_FAMILIES), category)


def hint(spec: LayerSpec[Any]) -> str:
    """Say what a layer takes, where it takes one kind alone.

    The layer itself is asked: its samples are tried with other numbers of dimensions.

    Returns:
        "4D" for a layer of images, "int" for one of tokens, "" for one that takes several kinds or has no input.
    """
    samples = [sample for sample in spec.samples if sample.inputs]
    if samples and all(sample.inputs[0].dtype == "int64" for sample in samples):
        return "int"
    taken = {rank for sample in samples for rank in _RANKS if _takes(spec, dict(sample.params), sample.inputs, rank)}
    taken |= {len(sample.inputs[0].shape) for sample in samples}
    return f"{taken.pop()}D" if len(taken) == 1 else ""


def _takes(spec: LayerSpec[Any], params: dict[str, Any], inputs: Inputs, rank: int) -> bool:
    changed = tuple(_with_rank(kind, rank) for kind in inputs)
    try:
        spec.infer(spec.parse(params), changed)
    except (ShapeError, ValueError):
        return False
    return True


def _with_rank(kind: TensorType, rank: int) -> TensorType:
    if kind is UNCONNECTED or len(kind.shape) < 2:
        return kind
    shape = kind.shape[:rank]
    return TensorType((*shape, *(shape[-1:] * (rank - len(shape)))), kind.dtype)


def search(query: str, among: Iterable[LayerEntry]) -> Sequence[LayerEntry]:
    """Find layers.

    Args:
        query: What was typed; case, blanks and signs do not matter, and "nn." may stand before it.
        among: The layers.

    Returns:
        Those that fit, the best first; all of them, as they came, for an empty query.
    """
    among = tuple(among)
    if not _bare(query):
        return among
    ranked = [(rank, place, item) for place, item in enumerate(among) if (rank := rank_of(query, item)) is not None]
    return tuple(item for _, _, item in sorted(ranked, key=lambda one: one[:2]))


def rank_of(query: str, item: Findable) -> Rank | None:
    """Say how well something fits a query: its name, the start of it, starts of words, then letters in between.

    Returns:
        The smaller, the better; None when it does not fit.
    """
    asked = query.strip().lower().removeprefix("nn.")
    bare, words = _bare(asked), _words(asked)
    size = len(item.title)
    if bare in (item.title, item.key):
        return 0, 0, size
    if item.title.startswith(bare) or item.key.startswith(bare):
        return 1, 0, size
    if _start_of_each(words, item.words):
        return 2, 0, size
    if bare in item.more:
        return 3, 0, size
    if _start_of_each(words, (*item.words, *item.more)):
        return 4, 0, size
    if bare in item.title:
        return 5, item.title.index(bare), size
    gaps = [gap for text in (item.title, item.key) if (gap := _scatter(bare, text)) is not None]
    return (6, min(gaps), size) if gaps else None


def _start_of_each(asked: Sequence[str], words: Sequence[str]) -> bool:
    return bool(asked) and all(any(word.startswith(part) for word in words) for part in asked)


def _scatter(letters: str, text: str) -> int | None:
    """Return how many other letters come before the last one that is looked for; None when they are not in order."""
    place = text.find(letters[0])
    for letter in letters[1:]:
        if place < 0:
            return None
        place = text.find(letter, place + 1)
    return None if place < 0 else place - len(letters) + 1


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _bare(text: str) -> str:
    return "".join(_words(text))
