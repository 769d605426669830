"""A strict reader of CSV tables: every complaint names the file, the line and the column.

The csv module splits the text; what it forgives (ragged rows, empty cells, `nan`, `1_000`) is refused here, since a
cell that silently becomes something else is found out only after the training.
"""

from __future__ import annotations

import csv
import math
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from neuralforge.data.memory import refuse_if_too_large
from neuralforge.errors import UserError

Delimiter = Literal["auto", "comma", "semicolon", "tab"]
Header = Literal["auto", "yes", "no"]

_DELIMITERS = MappingProxyType({"comma": ",", "semicolon": ";", "tab": "\t"})
_SNIFFED_CHARACTERS = 65536
_SNIFFED_ROWS = 20
_MEMORY_PER_BYTE = 8  # a cell takes 2 bytes of text or more, and 8 as float64, 4 as float32, the target more
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


@dataclass(frozen=True, eq=False)
class CsvTable:
    """What a file holds, before anybody decides what the target means.

    Args:
        features: Names of the feature columns, F of them.
        target: Name of the target column.
        x_NF: float32 [N, F].
        targets: N texts, stripped, none empty.
        lines: N numbers of lines in the file, the first being 1; a quoted cell with line breaks counts at its end.
    """

    features: tuple[str, ...]
    target: str
    x_NF: NDArray[np.float32]
    targets: Sequence[str]
    lines: Sequence[int]


def shown(text: str) -> str:
    """Quote text from a file for a message.

    Args:
        text: Anything.

    Returns:
        At most some 40 characters in quotes, control characters escaped.
    """
    return repr(text if len(text) <= 40 else text[:37] + "...")


def read_csv(path: Path, target: str | None, ignore: Sequence[str], delimiter: Delimiter, header: Header) -> CsvTable:
    """Read a table.

    Line 1 is taken as a header unless all its cells but the last are numbers (or `header` says); columns without a
    header are named column_1, column_2, ...

    Args:
        path: The file, in UTF-8 (a byte order mark is accepted).
        target: Name of the target column; None for the last one.
        ignore: Names of columns to leave out.
        delimiter: What separates cells; auto finds out among comma, semicolon and tabulator.
        header: Whether line 1 holds the names.

    Returns:
        The table.

    Raises:
        UserError: The file, a line or a cell cannot be used.
    """
    if not path.is_file():
        raise UserError(f"{path}: this is not a file." if path.exists() else f"There is no file at {str(path)!r}.")
    try:
        refuse_if_too_large(path.stat().st_size * _MEMORY_PER_BYTE, str(path))
        with path.open(encoding="utf-8-sig", newline="") as file:
            sample = file.read(_SNIFFED_CHARACTERS)
        if not sample.strip():
            raise UserError(f"{path}: the file is empty.")
        character = _sniff(sample) if delimiter == "auto" else _DELIMITERS[delimiter]
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _read(path, csv.reader(file, delimiter=character, strict=True), target, ignore, header)
    except UnicodeDecodeError:
        raise UserError(f"{path}:{_first_bad_line(path)}: this is not UTF-8 text.") from None
    except OSError as error:
        raise UserError(f"{path}: the file cannot be read ({error.strerror}).") from None


def _sniff(sample: str) -> str:
    """Find the delimiter that gives the most columns, the same number in all rows where there is such a one."""
    lines = sample.splitlines(keepends=True)
    if len(sample) == _SNIFFED_CHARACTERS and len(lines) > 1:
        lines.pop()  # cut in the middle
    best, best_score = ",", (False, 1)
    for character in _DELIMITERS.values():
        widths = []
        try:
            for row in csv.reader(lines, delimiter=character):
                widths += [len(row)] if row else []
                if len(widths) == _SNIFFED_ROWS:
                    break
        except csv.Error:
            continue
        score = (len(set(widths)) == 1 and widths[0] > 1, widths[0] if widths else 0)
        if score > best_score:
            best, best_score = character, score
    return best


def _rows(path: Path, reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the line and the stripped cells of every row that is not blank."""
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UserError(f"{path}:{reader.line_num}: the line is not CSV ({error}).") from None  # type: ignore[attr-defined]
        if row and any(cell and not cell.isspace() for cell in row):
            yield reader.line_num, [cell.strip() for cell in row]  # type: ignore[attr-defined]


def _read(
    path: Path, reader: Iterator[list[str]], target: str | None, ignore: Sequence[str], header: Header
) -> CsvTable:
    rows = _rows(path, reader)
    first_line, first = next(rows, (1, []))
    if not first:
        raise UserError(f"{path}: the file is empty.")
    if header == "auto":
        named = target is not None and target in first
        has_header = named or not all(NUMBER.fullmatch(cell) for cell in (first[:-1] or first))
    else:
        has_header = header == "yes"
    names = first if has_header else [f"column_{i + 1}" for i in range(len(first))]
    _check_names(path, names, first_line)
    target_at, keep = _choose(path, names, target, ignore)

    numbers, targets, lines = array("d"), [], array("q")
    if not has_header:
        rows = chain([(first_line, first)], rows)
    for line, row in rows:
        if len(row) != len(names):
            raise UserError(f"{path}:{line}: the row has {len(row)} cells, where line {first_line} has {len(names)}.")
        joined = "".join(row)
        if "_" in joined or not joined.isascii():  # float() takes 1_000 and digits of any script; a table does not
            _check_cells(path, line, names, row, keep)
        try:
            numbers.extend([float(row[i]) for i in keep])
        except ValueError:
            _check_cells(path, line, names, row, keep)
            raise
        if not row[target_at] or "\0" in row[target_at]:
            reason = "is empty" if not row[target_at] else "holds a NUL byte"
            raise UserError(f"{path}:{line}: the cell in column {shown(names[target_at])} {reason}.")
        targets.append(row[target_at])
        lines.append(line)
    if not lines:
        raise UserError(f"{path}: the file holds a header and no rows.")
    x_NF = _to_float32(path, np.frombuffer(numbers, np.float64).reshape(-1, len(keep)), names, keep, lines)
    return CsvTable(tuple(names[i] for i in keep), names[target_at], x_NF, targets, lines)


def _check_names(path: Path, names: Sequence[str], line: int) -> None:
    if len(names) < 2:
        raise UserError(
            f"{path}:{line}: there is one column; a feature and a target are needed, parted by comma, semicolon or tab."
        )
    seen: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        if not name:
            raise UserError(f"{path}:{line}: column {number} of the header has no name.")
        if name in seen:
            raise UserError(f"{path}:{line}: columns {seen[name]} and {number} are both named {shown(name)}.")
        seen[name] = number


def _choose(path: Path, names: list[str], target: str | None, ignore: Sequence[str]) -> tuple[int, list[int]]:
    """Give the position of the target and those of the features."""
    for name in (*([] if target is None else [target]), *ignore):
        if name not in names:
            listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
            raise UserError(f"{path}: there is no column {shown(name)}; the columns are {listed}.")
    left = [i for i, name in enumerate(names) if name not in ignore]
    if target is not None and target in ignore:
        raise UserError(f"{path}: column {shown(target)} is the target and cannot be ignored.")
    if len(left) < 2:
        raise UserError(f"{path}: {len(left)} columns are left; a target and at least one feature are needed.")
    target_at = left[-1] if target is None else names.index(target)
    return target_at, [i for i in left if i != target_at]


def _check_cells(path: Path, line: int, names: Sequence[str], row: Sequence[str], keep: Sequence[int]) -> None:
    """Refuse the first feature cell of a row that is not a number."""
    for i in keep:
        cell = row[i]
        if not cell:
            raise UserError(f"{path}:{line}: the cell in column {shown(names[i])} is empty.")
        if not NUMBER.fullmatch(cell):
            raise UserError(
                f"{path}:{line}: column {shown(names[i])} must hold numbers (ignore=NAME leaves a column "
                f"out). Received: {shown(cell)}."
            )


def _to_float32(
    path: Path, wide: NDArray[np.float64], names: Sequence[str], keep: Sequence[int], lines: Sequence[int]
) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        x_NF = wide.astype(np.float32)
    finite = np.isfinite(x_NF)
    if not finite.all():
        row, column = (int(i) for i in np.unravel_index(int(np.argmin(finite)), finite.shape))
        value = float(wide[row, column])
        reason = "too large for float32" if math.isfinite(value) else "not a finite number"
        raise UserError(
            f"{path}:{lines[row]}: the cell in column {shown(names[keep[column]])} is {reason}. Received: {value}."
        )
    return x_NF


def _first_bad_line(path: Path) -> int:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 1
