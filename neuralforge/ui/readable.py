"""Texts from outside (names of files, messages of libraries) in a form that can be drawn."""

from __future__ import annotations

from typing import Final

MAX_LINES: Final = 2000
_TAB: Final = "    "
_LOST: Final = "\ufffd"


def one_line(text: str) -> str:
    """Return a text as one line: what cannot be drawn, line breaks and bytes that were no text say, as U+FFFD."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _LOST for letter in text)


def lines_of(text: str) -> list[str]:
    """Return the lines of a text, each as it can be drawn; of a very long one the first lines alone."""
    lines = [one_line(line.replace("\t", _TAB)) for line in text.rstrip().splitlines()[: MAX_LINES + 1]]
    if len(lines) > MAX_LINES:
        lines[MAX_LINES:] = ["\u2026"]
    return lines or [""]


def paragraphs(text: str) -> str:
    """Return a text with its line breaks, as it can be drawn."""
    return text if text.isprintable() else "\n".join(lines_of(text))
