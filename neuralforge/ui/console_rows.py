"""Lines of the console as rows of one height, of which a list draws only those in sight."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from neuralforge.ui.readable import lines_of
from neuralforge.workbench.view import Level, LogLine

Shown = Literal["all", "warnings", "errors"]

LEVELS: Final[dict[Shown, frozenset[Level]]] = {
    "all": frozenset(("info", "warning", "error")),
    "warnings": frozenset(("warning", "error")),
    "errors": frozenset(("error",)),
}

MAX_LETTERS: Final = 400
"""So many letters of a folded line are kept; no window is that wide."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the list.

    Args:
        line: The line that it belongs to.
        part: 0 for its head, then one for each row of an unfolded line.
        text: What it says.
        folds: Whether there is more to unfold.
        open: Whether it is unfolded.
    """

    line: LogLine
    part: int
    text: str
    folds: bool
    open: bool


def rows_of(
    lines: Sequence[LogLine], shown: Shown, query: str, unfolded: Collection[int], letters: int
) -> tuple[Row, ...]:
    """Make the rows.

    Args:
        lines: The lines, the newest last.
        shown: Which levels.
        query: Words that must all be in a line; case does not matter.
        unfolded: Numbers of the lines that are unfolded.
        letters: How many letters fit a row.
    """
    words, levels = query.casefold().split(), LEVELS[shown]
    rows: list[Row] = []
    for line in lines:
        if line.level not in levels:
            continue
        if words:
            folded = line.text.casefold()
            if not all(word in folded for word in words):
                continue
        rows += _rows_of_line(line, line.number in unfolded, letters)
    return tuple(rows)


def _rows_of_line(line: LogLine, is_open: bool, letters: int) -> list[Row]:
    if not is_open and len(line.text) <= letters and line.text.isprintable():
        return [Row(line, 0, line.text, False, False)]
    texts = lines_of(line.text)
    folds = len(texts) > 1 or len(texts[0]) > letters
    head = texts[-1] if texts[0].startswith("Traceback ") else texts[0]
    rows = [Row(line, 0, head[:MAX_LETTERS], folds, is_open and folds)]
    if is_open and folds:
        for text in texts:
            parts = textwrap.wrap(text, max(20, letters), drop_whitespace=False, replace_whitespace=False) or [""]
            rows += [Row(line, len(rows) + at, part, False, False) for at, part in enumerate(parts)]
    return rows


def text_of(line: LogLine) -> str:
    """Return a line for the clipboard."""
    return f"{line.time_text} {line.level.upper():7} " + "\n".join(lines_of(line.text))


def count_levels(lines: Sequence[LogLine]) -> tuple[int, int]:
    """Return how many warnings there are, and how many errors."""
    warnings = sum(line.level == "warning" for line in lines)
    return warnings, sum(line.level == "error" for line in lines)
