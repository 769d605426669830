"""What the subcommands share: where runs are kept, JSON and numbers. What prints tables is `terminal`."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
import platformdirs

F = TypeVar("F", bound=Callable[..., Any])

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def default_runs_dir() -> Path:
    """Return where runs are kept where nobody says: $NEURALFORGE_RUNS, or the user's data folder."""
    given = os.environ.get("NEURALFORGE_RUNS")
    return Path(given) if given else Path(platformdirs.user_data_dir("neuralforge", appauthor=False)) / "runs"


def runs_option(command: F) -> F:
    """Add `--runs DIR` to a subcommand."""
    return click.option(
        "--runs", "runs_dir", type=click.Path(path_type=Path), default=default_runs_dir, metavar="DIR",
        help="Folder of all runs; default: $NEURALFORGE_RUNS, or the user's data folder.",
    )(command)  # fmt: skip


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def print_json(value: object) -> None:
    """Print a value as JSON; numbers that JSON does not have become null."""
    click.echo(json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False))


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def printable(text: object) -> str:
    """Return a text without what could steer a terminal; for text that comes from files."""
    return "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in str(text))


def size_text(count: int) -> str:
    """Write a number of bytes, for example 1.5 MiB."""
    value = float(count)
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError


def number_text(value: float) -> str:
    """Write a loss or metric with four significant places."""
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e4 or value == 0 else f"{value:.4g}"
