"""Options of a data source: a frozen dataclass that checks itself, and its way from and to text."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from neuralforge.errors import UserError
from neuralforge.graph.params import ANY_TEXT, Doc, ParamError, fields_of

P = TypeVar("P", bound="Params")


@dataclass(frozen=True, kw_only=True)
class Params:
    """Base of the options of a data source; every field is checked where the object is made.

    Fields are declared as `neuralforge.graph.params` says.

    Raises:
        UserError: A value has the wrong type or is out of bounds.
    """

    def __post_init__(self) -> None:
        for item in fields_of(type(self)):
            try:
                object.__setattr__(self, item.name, item.parse(getattr(self, item.name)))
            except ParamError as error:
                raise UserError(f"Option '{item.name}' must be {error.expected}. Received: {error.received}.") from None


@dataclass(frozen=True, kw_only=True)
class PathParams(Params):
    """Options of a source that reads a file or a folder."""

    path: Annotated[str, ANY_TEXT, Doc("The file or folder to read.")] = ""


def parse_options(kind: type[P], options: Mapping[str, str], place: str) -> P:
    """Make the options of a source from text.

    Args:
        kind: The dataclass of the source's options.
        options: Name of an option to its text.
        place: What the options belong to, for messages: "data set 'moons'".

    Returns:
        The checked options.

    Raises:
        UserError: An unknown, missing, malformed or out-of-bounds option.
    """
    known = {item.name: item for item in fields_of(kind)}
    values: dict[str, Any] = {}
    for name, text in options.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" (did you mean '{near[0]}'?)" if near else ""
            listed = ", ".join(known) or "none"
            raise UserError(f"There is no option '{name}'{hint} of {place}; its options: {listed}.")
        try:
            values[name] = known[name].read(str(text))
        except ParamError as error:
            raise UserError(f"Option '{name}' of {place} must be {error.expected}. Received: {text!r}.") from None
    if issubclass(kind, PathParams) and not values.get("path"):
        raise UserError(f"The {place} needs the option 'path' ({known['path'].doc.rstrip('.')}).")
    return kind(**values)


def format_options(params: Params) -> dict[str, str]:
    """Write options as text that `parse_options` reads back to an equal object.

    Args:
        params: The options of a source.

    Returns:
        Name to text of all options that differ from their default.
    """
    known = fields_of(type(params))
    values = {item.name: getattr(params, item.name) for item in known}
    return {item.name: item.write(values[item.name]) for item in known if values[item.name] != item.default}
