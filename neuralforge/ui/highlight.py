"""Python text as coloured pieces, line by line: a small scanner for what the code generator writes.

It reads any Python well enough to be looked at; it does not check it.
"""

from __future__ import annotations

import builtins
import keyword
import re
from typing import Final, Literal, NamedTuple

Kind = Literal["plain", "keyword", "name", "call", "number", "string", "comment", "sign"]

_TOKEN: Final = re.compile(
    r"""
    (?P<comment>\#.*)
  | (?P<long>[rbfuRBFU]{0,2}(?:\"\"\"|'''))
  | (?P<string>[rbfuRBFU]{0,2}(?:"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?))
  | (?P<number>(?<![\w.])(?:0[xob][0-9a-fA-F_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?j?))
  | (?P<word>[^\W\d]\w*)
  | (?P<space>\s+)
  | (?P<sign>.)
    """,
    re.VERBOSE,
)
_CONSTANTS: Final = frozenset(("self", "cls", "True", "False", "None"))
_TYPES: Final = frozenset(
    name for name in dir(builtins) if isinstance(getattr(builtins, name), type) and name.islower()
)


class Piece(NamedTuple):
    """Some letters of a line in one colour.

    Args:
        column: Where it begins, from 0.
        text: The letters.
        kind: What they are.
    """

    column: int
    text: str
    kind: Kind


Line = tuple[Piece, ...]


def highlight(source: str) -> tuple[Line, ...]:
    """Cut source into lines of coloured pieces.

    Args:
        source: Python text.

    Returns:
        One entry a line; blanks are left out, everything else is in exactly one piece.
    """
    lines: list[Line] = []
    quote = ""
    for text in source.expandtabs(4).splitlines():
        pieces, quote = _line(text, quote)
        lines.append(tuple(pieces))
    return tuple(lines)


def _line(text: str, quote: str) -> tuple[list[Piece], str]:
    """Scan one line; `quote` is what ends a long string that began above."""
    pieces: list[Piece] = []
    at, before = 0, ""
    if quote:
        at = _end_of_long(text, 0, quote)
        start = len(text) - len(text.lstrip())
        if text[start:at]:
            pieces.append(Piece(start, text[start:at], "string"))
        if not text.endswith(quote, 0, at):
            return pieces, quote
    while at < len(text):
        found = _TOKEN.match(text, at)
        assert found is not None and found.lastgroup is not None  # the last branch takes anything
        group, piece = found.lastgroup, found[0]
        if group == "long":
            quote = piece[-3:]
            end = _end_of_long(text, found.end(), quote)
            pieces.append(Piece(at, text[at:end], "string"))
            if end < found.end() + 3 or not text.endswith(quote, 0, end):
                return pieces, quote
            at, before = end, piece
            continue
        if group != "space":
            pieces.append(Piece(at, piece, _kind(group, piece, before, text[found.end() :])))
            before = piece
        at = found.end()
    return pieces, ""


def _end_of_long(text: str, start: int, quote: str) -> int:
    end = text.find(quote, start)
    return len(text) if end < 0 else end + 3


def _kind(group: str, piece: str, before: str, after: str) -> Kind:
    if group == "word":
        if before != "." and (keyword.iskeyword(piece) or piece in _CONSTANTS or piece in _TYPES):
            return "keyword"
        called = after.startswith("(") or before in ("class", "def") or (before == "." and piece[0].isupper())
        return "call" if called else "name"
    kinds: dict[str, Kind] = {"comment": "comment", "string": "string", "number": "number"}
    return kinds.get(group, "sign")


Layer = tuple[Kind, str]
"""All pieces of one kind in a line, at their columns, with blanks in between."""


def layers(source: str) -> tuple[tuple[Layer, ...], ...]:
    """Cut source into lines, and each line into one text a colour.

    In a font whose letters are all as wide, a line is drawn by drawing these texts over each other at the same place:
    half a dozen calls instead of one for each word.

    Args:
        source: Python text.
    """
    return tuple(_layers(line) for line in highlight(source))


def _layers(line: Line) -> tuple[Layer, ...]:
    texts: dict[Kind, str] = {}
    for column, text, kind in line:
        texts[kind] = texts.get(kind, "").ljust(column) + text
    return tuple(texts.items())
