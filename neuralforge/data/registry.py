"""All data sources by name, and the way from what a person types to one of them."""

from __future__ import annotations

import difflib
import importlib
import os
import pkgutil
import warnings
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import neuralforge.data.sources as _package
from neuralforge.data.options import Params, PathParams, format_options, parse_options
from neuralforge.data.source import DataSource, RawData
from neuralforge.errors import UserError

ENTRY_POINT_GROUP = "neuralforge.data_sources"
"""Other packages name a `DataSource` class here, under any name."""


@cache
def builtin() -> tuple[DataSource[Any], ...]:
    """Find the sources that come with NeuralForge.

    Returns:
        The `SOURCES` of every module in `neuralforge/data/sources/`, by name of the module.
    """
    found: list[DataSource[Any]] = []
    for name in sorted(module.name for module in pkgutil.iter_modules(_package.__path__)):
        found.extend(importlib.import_module(f"{_package.__name__}.{name}").SOURCES)
    keys = [source.key for source in found]
    assert len(set(keys)) == len(keys), f"two data sources share a key: {keys}"
    return tuple(found)


@cache
def registered() -> tuple[DataSource[Any], ...]:
    """Find all sources, also those of other installed packages.

    A package that fails to load, or that takes a name that is already there, is left out with a warning: one bad
    neighbour must not take the others away.

    Returns:
        The built-in sources, then the others by the name of their entry point.
    """
    found = list(builtin())
    keys = {source.key for source in found}
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: (point.name, point.value)):
        try:
            source = point.load()()
            if not isinstance(source, DataSource):
                raise TypeError(f"{source!r} is not a DataSource")
            if source.key in keys:
                raise ValueError(f"the name '{source.key}' is taken")
        except Exception as error:
            warnings.warn(f"The data source '{point.name}' ({point.value}) is left out: {error}", stacklevel=2)
            continue
        keys.add(source.key)
        found.append(source)
    return tuple(found)


def resolve(text: str, options: Mapping[str, str] | None = None) -> tuple[DataSource[Any], Params]:
    """Find the source and its options for what a person typed.

    A name of a source wins over a file of that name; write `./iris` for the file.

    Args:
        text: Name of a source, or path of a file or folder (`~` is the home folder).
        options: Options as text.

    Returns:
        The source, and its checked options; paths in them are absolute.

    Raises:
        UserError: Nothing of that name, no such file, a kind of file that nobody reads, or a bad option.
    """
    options = options or {}
    for sources in (builtin, registered):  # a built-in name does not load other packages
        for source in sources():
            if source.key == text:
                params = parse_options(source.params, options, f"data set '{text}'")
                return source, _absolute(params)
    path = Path(os.path.expanduser(text))
    if not text or not os.path.exists(path):
        if os.sep in text or text.startswith((".", "~")) or path.suffix:
            raise UserError(f"There is no file or folder at {str(path)!r}.")
        near = difflib.get_close_matches(text, [source.key for source in registered()], n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "`neuralforge datasets` lists the names."
        raise UserError(f"There is no data set and no file named {text!r}; {hint}")
    for source in registered():
        if issubclass(source.params, PathParams) and source.opens(path):
            if "path" in options:
                raise UserError(f"The path is given twice, as {text!r} and as the option 'path'.")
            params = parse_options(source.params, {**options, "path": str(path)}, f"data set {str(path)!r}")
            return source, _absolute(params)
    known = sorted({suffix for source in registered() for suffix in source.suffixes})
    raise UserError(f"Nothing here reads {str(path)!r}; what can be read: {', '.join(known)}.")


def load(text: str, options: Mapping[str, str] | None = None) -> RawData:
    """Load a data set by name or path: `load("moons", {"noise": "0.2"})`, `load("flowers.csv")`.

    Args:
        text: Name of a source, or path of a file or folder.
        options: Options as text.

    Returns:
        The whole data set.

    Raises:
        UserError: It cannot be found, read or learned from; names the place.
    """
    source, params = resolve(text, options)
    return source.load(params)


def reference(source: DataSource[Any], params: Params) -> tuple[str, dict[str, str]]:
    """Write a source and its options as what `resolve` takes, to be kept with a run.

    Args:
        source: The source.
        params: Its options.

    Returns:
        The text (a name, with the absolute path among the options for files) and the options.
    """
    return source.key, format_options(_absolute(params))


def _absolute(params: Params) -> Params:
    if isinstance(params, PathParams):
        return replace(params, path=os.path.abspath(os.path.expanduser(params.path)))
    return params
