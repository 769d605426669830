"""Finds the panels: every module of `neuralforge.ui.panels` that has a `PANEL`, and those of plug-ins."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from importlib.metadata import entry_points

import neuralforge.ui.panels as package
from neuralforge.ui.panel import Panel

ENTRY_POINT_GROUP = "neuralforge.panels"
"""Other packages name a subclass of `Panel` here."""


def panels() -> tuple[type[Panel], ...]:
    """Return all panels in the order of their tabs.

    Raises:
        ValueError: When two have the same key.
    """
    found: dict[str, type[Panel]] = {}
    for kind in (*_built_in(), *_plugged_in()):
        if kind.key in found:
            raise ValueError(f"Two panels have the key {kind.key!r}.")
        found[kind.key] = kind
    return tuple(sorted(found.values(), key=lambda kind: (kind.order, kind.title)))


def _built_in() -> Iterator[type[Panel]]:
    for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        kind = getattr(importlib.import_module(f"{package.__name__}.{module}"), "PANEL", None)
        if kind is not None:
            yield kind


def _plugged_in() -> Iterator[type[Panel]]:
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda item: item.name):
        yield entry.load()
