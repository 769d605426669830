"""All templates by key: every `TEMPLATES` tuple of this package's modules, and of plug-ins.

Adding a template is one file: nothing here names one.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import warnings
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any

import neuralforge.templates as package
from neuralforge.errors import UserError
from neuralforge.templates.template import Template

ENTRY_POINT_GROUP = "neuralforge.templates"
"""Other packages name a `Template` here, under any name."""


@cache
def templates() -> Mapping[str, Template[Any]]:
    """Return all built-in and plugged-in templates, by key in alphabetical order; found once.

    A plug-in that fails to load, or whose key is taken, is left out with a warning: one bad neighbour must not take
    the others away.

    Raises:
        ValueError: When two built-in templates have the same key.
    """
    found: dict[str, Template[Any]] = {}
    for template in _built_in():
        if template.key in found:
            raise ValueError(f"Two templates have the key {template.key!r}.")
        found[template.key] = template
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda item: (item.name, item.value)):
        try:
            template = entry.load()
            if not isinstance(template, Template):
                raise TypeError(f"{template!r:.80} is no Template")
            if template.key in found:
                raise ValueError(f"the key {template.key!r} is taken")
        except Exception as error:
            warnings.warn(f"The template '{entry.name}' ({entry.value}) is left out: {error}", stacklevel=2)
            continue
        found[template.key] = template
    return MappingProxyType(dict(sorted(found.items())))


def find(key: str) -> Template[Any]:
    """Return a template by its key.

    Args:
        key: The key, in any case, `-` as good as `_`.

    Returns:
        The template.

    Raises:
        UserError: When there is none; names the nearest.
    """
    known = templates()
    wanted = key.strip().lower().replace("-", "_")
    if wanted in known:
        return known[wanted]
    near = difflib.get_close_matches(wanted, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}."
    raise UserError(f"There is no template {key!r:.80}; {hint}")


def _built_in() -> Iterator[Template[Any]]:
    for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        yield from getattr(importlib.import_module(f"{package.__name__}.{module}"), "TEMPLATES", ())
