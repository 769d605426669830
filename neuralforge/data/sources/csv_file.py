"""Tables from CSV files.

What the target column means is decided from its cells, unless the option `task` says: text is classes; integers are
classes where there are at most 20 distinct ones, each found 5 times on average (two distinct ones always); all else
is numbers to predict.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np

from neuralforge.data.arrays import from_arrays
from neuralforge.data.csv_reader import NUMBER, CsvTable, read_csv, shown
from neuralforge.data.options import PathParams
from neuralforge.data.source import DataSource, RawData
from neuralforge.errors import UserError
from neuralforge.graph.params import ANY_TEXT, Doc

_MAX_INTEGER_CLASSES = 20
_MIN_MEAN_SAMPLES = 5
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")


@dataclass(frozen=True, kw_only=True)
class CsvParams(PathParams):
    """Options of CSV files."""

    target: Annotated[str | None, ANY_TEXT, Doc("Name of the column to predict; none: the last.")] = None
    ignore: Annotated[str, ANY_TEXT, Doc("Names of columns to leave out, separated by commas.")] = ""
    task: Annotated[Literal["auto", "classification", "regression"], Doc("What the target means.")] = "auto"
    delimiter: Annotated[Literal["auto", "comma", "semicolon", "tab"], Doc("What separates the cells.")] = "auto"
    header: Annotated[Literal["auto", "yes", "no"], Doc("Whether line 1 names the columns.")] = "auto"


class CsvFile(DataSource[CsvParams]):
    """One table with one target column."""

    key = "csv"
    title = "CSV file"
    summary = "A table of numbers with one column to predict, classes or numbers."
    kind = "table"
    origin = "Your own file."
    params = CsvParams
    suffixes = (".csv", ".tsv")

    def load(self, params: CsvParams) -> RawData:
        """Read the table and decide on the task; see `DataSource.load`."""
        path = Path(params.path)
        ignored = [name.strip() for name in params.ignore.split(",") if name.strip()]
        table = read_csv(path, params.target, ignored, params.delimiter, params.header)
        task = _task(path, table) if params.task == "auto" else params.task
        if task == "regression":
            y_N = np.array([_number(path, table, row) for row in range(len(table.targets))])
            return from_arrays(table.x_NF, y_N.astype(np.float32), params.path, features=table.features)
        values = table.targets
        if all(_INTEGER.fullmatch(value) for value in values):
            values = [str(int(value)) for value in values]  # 01 and 1 are one class
            classes = sorted(set(values), key=int)
        else:
            classes = sorted(set(values))
        _check_rare(path, table, Counter(values), values)
        index = {name: position for position, name in enumerate(classes)}
        y_N = np.array([index[value] for value in values], np.int64)
        return from_arrays(table.x_NF, y_N, params.path, classes=classes, features=table.features)

    def example(self, folder: Path) -> CsvParams:
        """Write a small table with a text target; see `DataSource.example`."""
        path = folder / "example.csv"
        rows = [f"{i / 7},{i * i},{'odd' if i % 2 else 'even'}" for i in range(20)]
        path.write_text("\n".join(["width,height,parity", *rows]) + "\n", encoding="utf-8")
        return CsvParams(path=str(path))


def _task(path: Path, table: CsvTable) -> Literal["classification", "regression"]:
    """Decide by the cells of the target; see the top of this module."""
    numeric = [_is_number(text) for text in table.targets]
    if not all(numeric):
        if sum(numeric) > len(numeric) / 2:
            row = numeric.index(False)
            raise UserError(
                f"{path}:{table.lines[row]}: the other cells of column {shown(table.target)} are numbers "
                f"(task=classification reads all as text). Received: {shown(table.targets[row])}."
            )
        return "classification"
    if all(_INTEGER.fullmatch(text) for text in table.targets):
        distinct = len({int(text) for text in table.targets})
        common = distinct <= _MAX_INTEGER_CLASSES and distinct * _MIN_MEAN_SAMPLES <= len(numeric)
        if distinct <= 2 or common:
            return "classification"
    return "regression"


def _is_number(text: str) -> bool:
    """Take "nan" and "inf" for numbers too, so that they are refused as such and do not become classes."""
    try:
        value = float(text)
    except ValueError:
        return False
    return not math.isfinite(value) or NUMBER.fullmatch(text) is not None


def _number(path: Path, table: CsvTable, row: int) -> float:
    text = table.targets[row]
    if NUMBER.fullmatch(text) and abs(float(text)) <= float(np.finfo(np.float32).max):
        return float(text)
    raise UserError(
        f"{path}:{table.lines[row]}: column {shown(table.target)} must hold finite numbers that float32 "
        f"can hold. Received: {shown(text)}."
    )


def _check_rare(path: Path, table: CsvTable, counts: Counter[str], values: Sequence[str]) -> None:
    """Refuse a single class, and a class with one row, with its line."""
    if len(counts) == 1:
        raise UserError(
            f"{path}: all {len(values)} rows have the one class {shown(values[0])} in column "
            f"{shown(table.target)}, and two are needed to tell them apart."
        )
    for row, value in enumerate(values):
        if counts[value] < 2:
            raise UserError(
                f"{path}:{table.lines[row]}: class {shown(value)} of column {shown(table.target)} occurs "
                "once, and a class needs 2 rows (task=regression reads numbers)."
            )


SOURCES = (CsvFile(),)
