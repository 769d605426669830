"""What a target of export owes, and how targets are found.

A target is one class in one file of this package, listed in that file's `EXPORTERS` tuple, or a class named by an entry
point of the group `neuralforge.exporters`.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar

import neuralforge.export as package
from neuralforge.errors import UserError
from neuralforge.export.certificate import Certificate
from neuralforge.export.trained import TrainedModel
from neuralforge.graph.params import ParamError, ParamField, fields_of

ENTRY_POINT_GROUP = "neuralforge.exporters"
"""Other packages name an `Exporter` class here, under any name."""

DEFAULT_TIME_LIMIT_SECS = 600.0
"""How long the check of one file may take."""


@dataclass(frozen=True, kw_only=True)
class NoOptions:
    """Options of a target that has none."""


O = TypeVar("O")  # noqa: E741


class Exporter(ABC, Generic[O]):
    """One format that a trained network can be written in.

    Attributes:
        key: Name that a person types, in [a-z0-9_].
        title: Name that a person reads.
        suffix: Usual ending of a file's name, with the dot.
        options_type: Dataclass of its options, in the style of `neuralforge.graph.params`.

    Args:
        options: Options; their defaults when None.

    Raises:
        UserError: When an option does not fit.
    """

    key: ClassVar[str]
    title: ClassVar[str]
    suffix: ClassVar[str]
    options_type: ClassVar[type[Any]] = NoOptions

    def __init__(self, options: O | None = None) -> None:
        self.options: O = self.options_type() if options is None else options
        for item in self.fields():
            try:
                item.parse(getattr(self.options, item.name))
            except ParamError as error:
                raise UserError(
                    f"Option '{error.name}' of {self.key} must be {error.expected}. Received: {error.received}"
                ) from None

    @classmethod
    def fields(cls) -> tuple[ParamField, ...]:
        """Return the options with their bounds and meaning."""
        return fields_of(cls.options_type)

    @abstractmethod
    def check(self, model: TrainedModel) -> tuple[str, ...]:
        """Say why a network cannot be written in this format, as far as that can be told beforehand.

        Args:
            model: The network.

        Returns:
            One sentence a reason; empty when nothing stands against it.
        """

    @abstractmethod
    def write(self, model: TrainedModel, path: Path) -> tuple[str, ...]:
        """Write a network to a file.

        Args:
            model: The network.
            path: The file, which may be a temporary name; its folder is there.

        Returns:
            Sentences for the certificate, about what a user of the file should know.

        Raises:
            UserError: When the format cannot express the network.
            OSError: When the file cannot be written.
        """

    @abstractmethod
    def verify(
        self, model: TrainedModel, path: Path, *, time_limit_secs: float = DEFAULT_TIME_LIMIT_SECS
    ) -> Certificate:
        """Hold a file against the network, in a process of its own.

        Whatever the file does to the runtime, be it a crash, an endless loop or an answer that is not one, is a
        certificate that has not passed.

        Args:
            model: The network.
            path: The file.
            time_limit_secs: How long it may take.

        Returns:
            What was measured.
        """


@cache
def exporters() -> Mapping[str, type[Exporter[Any]]]:
    """Return all built-in and plugged-in targets, by key in alphabetical order; found once.

    A plug-in that fails to load, or whose key is taken, is left out with a warning: one bad neighbour must not take
    the others away.

    Raises:
        ValueError: When two built-in targets have the same key.
    """
    found: dict[str, type[Exporter[Any]]] = {}
    for kind in _built_in():
        if kind.key in found:
            raise ValueError(f"Two exporters have the key {kind.key!r}.")
        found[kind.key] = kind
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda item: (item.name, item.value)):
        try:
            kind = entry.load()
            if not (isinstance(kind, type) and issubclass(kind, Exporter)):
                raise TypeError(f"{kind!r:.80} is no Exporter")
            if kind.key in found:
                raise ValueError(f"the key {kind.key!r} is taken")
            kind()
        except Exception as error:
            warnings.warn(f"The exporter '{entry.name}' ({entry.value}) is left out: {error}", stacklevel=2)
            continue
        found[kind.key] = kind
    return MappingProxyType(dict(sorted(found.items())))


def make(key: str, options: Mapping[str, str] | None = None) -> Exporter[Any]:
    """Make an exporter from what a person types.

    Args:
        key: Key of the target, in any case.
        options: Options as text.

    Raises:
        UserError: When there is no such target or option, or a value does not fit.
    """
    known = exporters()
    kind = known.get(key.strip().lower())
    if kind is None:
        near = difflib.get_close_matches(key.strip().lower(), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(known)}."
        raise UserError(f"Nothing exports to {key!r:.80}; {hint}")
    fields = {item.name: item for item in kind.fields()}
    values = {}
    for name, text in (options or {}).items():
        if name not in fields:
            there = f"there is {', '.join(fields)}." if fields else "it has none."
            raise UserError(f"There is no option {name!r:.80} of {kind.key}; {there}")
        try:
            values[name] = fields[name].read(text)
        except ParamError as error:
            raise UserError(
                f"Option '{name}' of {kind.key} must be {error.expected}. Received: {error.received}"
            ) from None
    return kind(kind.options_type(**values))


def _built_in() -> Iterator[type[Exporter[Any]]]:
    for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        if not module.startswith("_"):
            yield from getattr(importlib.import_module(f"{package.__name__}.{module}"), "EXPORTERS", ())
