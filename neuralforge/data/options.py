"""Options of a data source: a frozen dataclass that checks itself, and its way from and to text.

An option is declared once, with its type, default, bounds and one line of documentation. The command line, a form
in the window and the record of a run all derive from that declaration.
"""

from __future__ import annotations

import difflib
import math
import re
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from neuralforge.errors import UserError

P = TypeVar("P", bound="Params")

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_SIZE = re.compile(r"([0-9]{1,5})x([0-9]{1,5})")
_TRUTH = types.MappingProxyType({"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False})


def option(default: Any = MISSING, doc: str = "", low: float | None = None, high: float | None = None) -> Any:
    """Declare one option of a data source, as a field of its `Params`.

    Args:
        default: Value where nothing is said; without it the option must be given.
        doc: One line for the person who reads the help.
        low: Smallest value that is accepted; of both numbers for a size.
        high: Largest value that is accepted.

    Returns:
        A dataclass field.
    """
    return field(default=default, metadata={"doc": doc, "low": low, "high": high})


@dataclass(frozen=True, kw_only=True)
class Params:
    """Base of the options of a data source; every field is checked where the object is made.

    Fields may be int, float, bool, str, `Literal` of texts, a size `tuple[int, int]`, or one of these or None.

    Raises:
        UserError: A value has the wrong type or is out of bounds.
    """

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for item in fields(self):
            value = getattr(self, item.name)
            if not _fits(value, hints[item.name], item):
                raise UserError(
                    f"Option '{item.name}' must be {_expected(hints[item.name], item)}. Received: {value!r}."
                )
            if hints[item.name] is float:
                object.__setattr__(self, item.name, float(value))


@dataclass(frozen=True, kw_only=True)
class PathParams(Params):
    """Options of a source that reads a file or a folder."""

    path: str = option(doc="the file or folder to read")


def parse_options(kind: type[P], options: Mapping[str, str], place: str) -> P:
    """Make the options of a source from text.

    Args:
        kind: The dataclass of the source's options.
        options: Name of an option to its text; `true`/`false` for truth values, `HxW` for a size.
        place: What the options belong to, for messages: "data set 'moons'".

    Returns:
        The checked options.

    Raises:
        UserError: An unknown, missing, malformed or out-of-bounds option.
    """
    hints = get_type_hints(kind)
    known = {item.name: item for item in fields(kind)}
    values: dict[str, Any] = {}
    for name, text in options.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" (did you mean '{near[0]}'?)" if near else ""
            listed = ", ".join(known) or "none"
            raise UserError(f"There is no option '{name}'{hint} of {place}; its options: {listed}.")
        try:
            values[name] = _parse(str(text), hints[name])
            usable = _fits(values[name], hints[name], known[name])
        except ValueError:
            usable = False
        if not usable:
            expected = _expected(hints[name], known[name])
            raise UserError(f"Option '{name}' of {place} must be {expected}. Received: {text!r}.")
    for name, item in known.items():
        if item.default is MISSING and name not in values:
            raise UserError(f"The {place} needs the option '{name}' ({item.metadata.get('doc', '')}).")
    return kind(**values)


def format_options(params: Params) -> dict[str, str]:
    """Write options as text that `parse_options` reads back to an equal object.

    Args:
        params: The options of a source.

    Returns:
        Name to text of all options that differ from their default.
    """
    texts = {}
    for item in fields(params):
        value = getattr(params, item.name)
        if value == item.default or value is None:
            continue
        if isinstance(value, tuple):
            texts[item.name] = "x".join(map(str, value))
        elif isinstance(value, bool):
            texts[item.name] = str(value).lower()
        else:
            texts[item.name] = str(value)
    return texts


def _plain(hint: Any) -> Any:
    """Strip `| None` from a type."""
    if get_origin(hint) in (Union, types.UnionType):
        return next(part for part in get_args(hint) if part is not type(None))
    return hint


def _parse(text: str, hint: Any) -> Any:
    hint = _plain(hint)
    if hint is bool:
        if text.lower() not in _TRUTH:
            raise ValueError(text)
        return _TRUTH[text.lower()]
    if hint is int:
        if not _INTEGER.fullmatch(text):
            raise ValueError(text)
        return int(text)
    if hint is float:
        return float(text)
    if get_origin(hint) is tuple:
        match = _SIZE.fullmatch(text)
        if match is None:
            raise ValueError(text)
        return int(match[1]), int(match[2])
    return text


def _fits(value: Any, hint: Any, item: Field[Any]) -> bool:
    if value is None:
        return hint is not _plain(hint)
    hint = _plain(hint)
    low, high = item.metadata.get("low"), item.metadata.get("high")
    if get_origin(hint) is Literal:
        return isinstance(value, str) and value in get_args(hint)
    if get_origin(hint) is tuple:
        if not (isinstance(value, tuple) and len(value) == 2 and all(type(v) is int for v in value)):
            return False
        numbers: tuple[float, ...] = value
    elif hint is int:
        if type(value) is not int:
            return False
        numbers = (value,)
    elif hint is float:
        if type(value) not in (int, float) or not math.isfinite(value):
            return False
        numbers = (value,)
    else:
        return isinstance(value, hint)
    return all((low is None or v >= low) and (high is None or v <= high) for v in numbers)


def _expected(hint: Any, item: Field[Any]) -> str:
    """Say in words what an option accepts."""
    hint = _plain(hint)
    low, high = item.metadata.get("low"), item.metadata.get("high")
    if low is not None and high is not None:
        bounds = f" from {low} to {high}"
    elif low is not None:
        bounds = f" of at least {low}"
    else:
        bounds = ""
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(get_args(hint))
    if get_origin(hint) is tuple:
        return f"a size HEIGHTxWIDTH{', each' + bounds if bounds else ''}"
    return {int: "an integer", float: "a number", bool: "true or false", str: "text"}[hint] + bounds


def described(kind: type[Params]) -> list[dict[str, str]]:
    """Return name, default, expected form and meaning of each option of a source, for help and JSON."""
    hints = get_type_hints(kind)
    return [
        {
            "name": item.name,
            "default": "" if item.default in (MISSING, None) else str(item.default),
            "expected": _expected(hints[item.name], item),
            "doc": item.metadata.get("doc", ""),
        }
        for item in fields(kind)
    ]
