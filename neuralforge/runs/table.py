"""Tables for spreadsheets: series and events of a run as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from neuralforge.runs.atomic import replacing
from neuralforge.runs.errors import RunLogError, reason
from neuralforge.runs.events import Event, Scalar
from neuralforge.runs.reader import RunReader

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def guarded(text: str) -> str:
    """Return text that no spreadsheet takes for a formula.

    Args:
        text: Any text.

    Returns:
        The text, with a quote mark in front when it begins with `= + - @`, a tab or a carriage return.
    """
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def export_csv(run: RunReader, file: Path) -> int:
    """Write all series of a run as `series,step,value`, a row for each value.

    Args:
        run: The run.
        file: Where; the file appears whole or not at all.

    Returns:
        Number of rows.

    Raises:
        RunFileError: The run cannot be read.
        RunLogError: The file cannot be written.
    """

    def rows() -> Iterator[Sequence[Scalar]]:
        for name in run.series_names():
            steps, values = run.series(name)
            shown = guarded(name)
            for step, value in zip(steps.tolist(), values.tolist(), strict=True):
                yield shown, step, value

    return _write(file, ("series", "step", "value"), rows())


def export_events_csv(run: RunReader, file: Path) -> int:
    """Write all events of a run, a column for each field.

    Args:
        run: The run.
        file: Where; the file appears whole or not at all.

    Returns:
        Number of rows.

    Raises:
        UserError: The run cannot be read.
        RunLogError: The file cannot be written.
    """
    found = (asdict(event).values() for event in run.events())
    rows = ([guarded(value) if isinstance(value, str) else value for value in row] for row in found)
    return _write(file, [item.name for item in fields(Event)], rows)


def _write(file: Path, head: Sequence[str], rows: Iterable[Sequence[Scalar]]) -> int:
    count = 0
    try:
        with replacing(file) as temporary, temporary.open("w", encoding="utf-8", newline="") as target:
            writer = csv.writer(target, lineterminator="\n")
            writer.writerow(head)
            for row in rows:
                writer.writerow(row)
                count += 1
    except OSError as error:
        raise RunLogError(f"{file} cannot be written: {reason(error)}.") from None
    return count
