"""Parameters as a frozen dataclass whose annotations say type, bounds and meaning.

Layers, templates, data sets, exporters and the training configuration all declare theirs this way:

    @dataclass(frozen=True, kw_only=True)
    class LinearParams:
        out_features: Annotated[int, Range(1, 1 << 20), Doc("Width of the output.")] = 128

Forms, validation, documentation and search spaces are derived from these annotations.
"""

from __future__ import annotations

import math
import re
import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from neuralforge.graph.shapes import Value


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of a number, both included.

    Args:
        low: Least value.
        high: Greatest value.
        log: Whether sliders and searches go by ratio rather than by difference.
    """

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True, slots=True)
class Pattern:
    """Form of a text.

    Args:
        regex: What the whole text must match.
        words: The same in words.
    """

    regex: str
    words: str


ANY_TEXT = Pattern(r"[^\0]*", "text")
"""For names and paths, which never enter generated source."""


class Doc(str):
    """One sentence that says what a parameter means."""

    __slots__ = ()


class ParamError(ValueError):
    """A parameter that does not fit; what inference turns into an issue.

    Args:
        name: Name of the parameter.
        expected: What would fit, in a few words.
        received: What came.
    """

    def __init__(self, name: str, expected: str, received: object) -> None:
        super().__init__(f"{name}: expected {expected}, received {received!r:.80}")
        self.name = name
        self.expected = expected
        self.received = f"{received!r:.80}"


@dataclass(frozen=True, slots=True)
class ParamField:
    """One parameter, as derived from its annotation.

    Args:
        name: Name.
        kind: "int", "float", "bool", "choice" (one of `choices`), "ints" or "floats" (a tuple of numbers), or
            "text" of a given form.
        default: Value when none is given.
        doc: What it means.
        bounds: For numbers, and each number of a tuple.
        choices: For "choice".
        length: For "ints" and "floats": how many, or None for any number of them.
        optional: Whether None is allowed.
        pattern: For "text".
    """

    name: str
    kind: Literal["int", "float", "bool", "choice", "ints", "floats", "text"]
    default: Value
    doc: str
    bounds: Range | None = None
    choices: tuple[str, ...] = ()
    length: int | None = None
    optional: bool = False
    pattern: Pattern | None = None

    @property
    def expected(self) -> str:
        """What fits, in words."""
        span = f" from {_plain(self.bounds.low)} to {_plain(self.bounds.high)}" if self.bounds else ""
        words = {
            "int": f"a whole number{span}",
            "float": f"a number{span}",
            "bool": "true or false",
            "choice": "one of " + ", ".join(self.choices),
            "ints": f"{self.length or 'some'} whole numbers{span}",
            "floats": f"{self.length or 'some'} numbers{span}",
            "text": self.pattern.words if self.pattern else "",
        }[self.kind]
        return f"{words}, or none" if self.optional else words

    def parse(self, value: object) -> Value:
        """Return the value in its exact type.

        Raises:
            ParamError: When it does not fit.
        """
        if value is None and self.optional:
            return None
        if self.kind == "bool" and isinstance(value, bool):
            return value
        if self.kind == "choice" and isinstance(value, str) and value in self.choices:
            return value
        if self.pattern is not None and isinstance(value, str) and re.fullmatch(self.pattern.regex, value):
            return value
        if self.kind == "int" and type(value) is int and self._within(value):
            return value
        if self.kind == "float" and type(value) in (int, float) and self._within(value):
            return float(value)  # type: ignore[arg-type]
        if self.kind in ("ints", "floats"):
            numeric = (int,) if self.kind == "ints" else (int, float)
            items = (value,) * (self.length or 1) if type(value) in numeric else value
            if (
                isinstance(items, tuple | list)
                and (len(items) == self.length if self.length else 1 <= len(items) <= 16)
                and all(type(item) in numeric and self._within(item) for item in items)
            ):
                return tuple(items) if self.kind == "ints" else tuple(float(item) for item in items)
        raise ParamError(self.name, self.expected, value)

    def read(self, text: str) -> Value:
        """Return the value that a text stands for, as people type it: 0.1, true, none, 256,128.

        Raises:
            ParamError: When it does not fit.
        """
        word = text.strip().lower()
        if self.optional and (not word or (word == "none" and self.kind != "text")):
            return None
        if self.kind in ("choice", "text"):
            return self.parse(word if self.kind == "choice" else text.strip())
        if self.kind == "bool":
            return self.parse(True if word in _YES else False if word in _NO else text)
        try:
            numbers = tuple(_number(part) for part in word.strip("()[]").replace("x", ",").split(",") if part.strip())
        except ValueError:
            raise ParamError(self.name, self.expected, text) from None
        return self.parse(numbers[0] if len(numbers) == 1 else numbers)

    def write(self, value: Value) -> str:
        """Return a text that `read` turns into the value again."""
        if isinstance(value, tuple):
            return ",".join(str(item) for item in value)
        if value is None:
            return "" if self.kind == "text" else "none"
        return str(value).lower() if isinstance(value, bool) else str(value)

    def _within(self, number: Any) -> bool:
        try:
            finite = math.isfinite(number)
        except OverflowError:  # a whole number larger than any float
            return False
        return finite and (self.bounds is None or self.bounds.low <= number <= self.bounds.high)


def _plain(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) and abs(bound) < 1e7 else f"{bound:g}"


def fields_of(params: type[Any]) -> tuple[ParamField, ...]:
    """Derive the fields of a parameter dataclass from its annotations.

    Raises:
        TypeError: When an annotation is of no supported form, or a parameter has no default.
    """
    found: tuple[ParamField, ...] = _fields_of(params)  # type: ignore[arg-type]
    return found


@cache
def _fields_of(params: Any) -> tuple[ParamField, ...]:
    hints = get_type_hints(params, include_extras=True)
    found = []
    for item in fields(params):
        if item.default is MISSING:
            raise TypeError(f"{params.__name__}.{item.name} needs a default.")
        found.append(_field(f"{params.__name__}.{item.name}", item.name, hints[item.name], item.default))
    return tuple(found)


def _field(place: str, name: str, hint: Any, default: Value) -> ParamField:
    doc, bounds, pattern = "", None, None
    if get_origin(hint) is Annotated:
        hint, *notes = get_args(hint)
        doc = next((str(note) for note in notes if isinstance(note, Doc)), "")
        bounds = next((note for note in notes if isinstance(note, Range)), None)
        pattern = next((note for note in notes if isinstance(note, Pattern)), None)
    optional = False
    if get_origin(hint) in (types.UnionType,) and type(None) in get_args(hint):
        optional = True
        (hint,) = (part for part in get_args(hint) if part is not type(None))
    if hint in (int, float, bool):
        return ParamField(name, hint.__name__, default, doc, bounds, optional=optional)
    if hint is str and pattern is not None:
        return ParamField(name, "text", default, doc, optional=optional, pattern=pattern)
    if get_origin(hint) is Literal:
        return ParamField(name, "choice", default, doc, choices=get_args(hint), optional=optional)
    for kind, item in (("ints", int), ("floats", float)):
        if get_origin(hint) is tuple and set(get_args(hint)) <= {item, Ellipsis}:
            length = None if Ellipsis in get_args(hint) else len(get_args(hint))
            return ParamField(name, kind, default, doc, bounds, length=length, optional=optional)  # type: ignore[arg-type]
    raise TypeError(f"{place} has a type that parameters cannot have: {hint!r}")


_YES = ("true", "yes", "on", "1")
_NO = ("false", "no", "off", "0")


def _number(text: str) -> int | float:
    if "_" in text:  # which Python would take for a separator of thousands
        raise ValueError(text)
    try:
        return int(text)
    except ValueError:
        return float(text)


def parse(params: type[Any], known: tuple[ParamField, ...], values: Mapping[str, object]) -> Any:
    """Make a parameter object out of values as a document holds them.

    Args:
        params: The parameter dataclass.
        known: Its fields, from `fields_of`.
        values: Given values; the others take their defaults.

    Raises:
        ParamError: For an unknown name or a value that does not fit.
    """
    by_name = {item.name: item for item in known}
    for name, value in values.items():
        if name not in by_name:
            raise ParamError(name, f"one of {', '.join(by_name) or 'no parameters'}", value)
    return params(**{name: by_name[name].parse(value) for name, value in values.items()})
