"""The catalog of layers: every `LAYERS` tuple of this package's modules, and of plug-ins.

Adding a layer is one definition in one file: nothing here names a layer but the two ends of a graph.
"""

from __future__ import annotations

import importlib
import marshal
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any

import neuralforge.layers as package
from neuralforge.graph.graph import Node
from neuralforge.layers.spec import BoundRule, LayerSpec, bind_rule

ENTRY_POINT_GROUP = "neuralforge.layers"


class LayerCatalog:
    """Layer types by key.

    Args:
        specs: Their descriptions.

    Raises:
        ValueError: When two have the same key.
    """

    input_key = "input"
    output_key = "output"

    def __init__(self, specs: Iterable[LayerSpec[Any]]) -> None:
        by_key: dict[str, LayerSpec[Any]] = {}
        for spec in specs:
            if spec.key in by_key:
                raise ValueError(f"Two layers have the key {spec.key!r}.")
            by_key[spec.key] = spec
        self._specs = by_key
        self._rules: dict[tuple[str, bytes], BoundRule] = {}

    @property
    def specs(self) -> Mapping[str, LayerSpec[Any]]:
        """Descriptions by key."""
        return MappingProxyType(self._specs)

    def __getitem__(self, key: str) -> LayerSpec[Any]:
        return self._specs[key]

    def __iter__(self) -> Iterator[LayerSpec[Any]]:
        return iter(self._specs.values())

    def __len__(self) -> int:
        return len(self._specs)

    def bind(self, node: Node) -> BoundRule:
        """Return the rule of a node and note it there. Never raises.

        Nodes of the same layer with the same parameters share one rule, and so what is known of it.
        """
        bound = node.bound
        if bound is not None and bound.catalog is self:
            rule: BoundRule = bound
            return rule
        # By their bytes, since 1, 1.0 and True are equal but not the same parameter.
        key = (node.layer, marshal.dumps(node.params, 2))
        found = self._rules.get(key)
        if found is None:
            if len(self._rules) > 65536:
                self._rules.clear()
            found = self._rules[key] = bind_rule(self, node.layer, self._specs.get(node.layer), dict(node.params))
        object.__setattr__(node, "bound", found)
        return found


def _built_in() -> Iterator[LayerSpec[Any]]:
    for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        yield from getattr(importlib.import_module(f"{package.__name__}.{module}"), "LAYERS", ())


def _plugged_in() -> Iterator[LayerSpec[Any]]:
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda item: item.name):
        yield from entry.load()


@cache
def catalog() -> LayerCatalog:
    """Return the catalog of all built-in and plugged-in layers; made once."""
    return LayerCatalog((*_built_in(), *_plugged_in()))
