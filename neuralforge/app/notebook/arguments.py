"""What calls are given from code, checked where it is given: one sentence on what was expected and what came."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuralforge.app.output import default_runs_dir
from neuralforge.errors import UserError


class NoAttribute(UserError, AttributeError):
    """An attribute that is written, and that there is none of."""


def plain_number(value: Any) -> Any:
    """Return a number of NumPy or a tensor of no dimension as Python's own; anything else as it is."""
    item = getattr(value, "item", None)
    return item() if callable(item) and getattr(value, "ndim", None) == 0 else value


def whole_number(name: str, value: Any) -> int:
    """Return a whole number that was given.

    Args:
        name: The argument.
        value: What was given for it; NumPy's numbers will do.

    Returns:
        Python's own number.

    Raises:
        UserError: When it is none.
    """
    number = plain_number(value)
    if type(number) is not int:
        raise UserError(f"{name} is a whole number. Received: {value!r:.80}")
    return number


def runs_folder(value: Any) -> Path:
    """Return the folder of all runs; the usual one for None.

    Raises:
        UserError: When something else than a path was given.
    """
    if value is not None and not isinstance(value, str | os.PathLike):
        raise UserError(f"runs is the path of the folder of all runs. Received: {value!r:.80}")
    return default_runs_dir() if value is None else Path(value)


def data_options_of(value: Any) -> dict[str, str]:
    """Return the options of a data set as texts; none for None.

    Raises:
        UserError: When they are no mapping from names.
    """
    options = {} if value is None else value
    if not (isinstance(options, Mapping) and all(isinstance(key, str) for key in options)):
        raise UserError(f'data_options maps names to values, such as {{"seed": 3}}. Received: {value!r:.80}')
    return {key: str(option) for key, option in options.items()}
