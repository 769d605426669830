"""Words for the fields of a configuration or a layer, and for their values. Free of Dear ImGui."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from neuralforge.graph.params import ParamField
from neuralforge.graph.shapes import Value

NONE: Final = "none"
_UPPERS: Final = frozenset({"lr", "id", "l1", "l2"})

_TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {"sgd": "SGD", "adamw": "AdamW", "rmsprop": "RMSprop", "step": "Steps"}
)
"""Names of optimizers and schedules that `label_of` would not write so."""

_FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "lr": "Learning rate",
        "beta1": "Beta 1",
        "beta2": "Beta 2",
        "warmup": "Warm-up",
        "min_factor": "Lowest factor",
        "validation_every": "Validate every",
        "checkpoint_every": "Save every",
        "checkpoint_minutes": "Save minutes",
        "test": "Test at the end",
        "keep": "Saves to keep",
    }
)
"""Fields of the configuration that `label_of` would not write so; those that are knobs are called as the knobs are."""


def label_of(name: str) -> str:
    """Return the words for a field's name: "Out channels" for out_channels."""
    words = [word.upper() if word in _UPPERS else word for word in name.split("_")]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])


def tip_of(field: ParamField) -> str:
    """Return what a field means and what fits."""
    doc = field.doc.strip()
    return f"{doc}\n{field.expected[:1].upper()}{field.expected[1:]}." if doc else field.expected


def shown(field: ParamField, value: Value) -> str:
    """Return the text of a value in its field."""
    if value is None:
        return "" if field.kind == "text" else NONE
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, tuple):
        return ", ".join(number_text(part) if isinstance(part, int | float) else str(part) for part in value)
    return field.write(value)


def number_text(value: float) -> str:
    """Return the shortest text of a number that reads as the same number."""
    if isinstance(value, float) and not value.is_integer():
        mantissa, _, exponent = repr(value).partition("e")
        return f"{mantissa}e{int(exponent)}" if exponent else mantissa
    return str(int(value)) if abs(value) < 1e15 else repr(value)


def field_title(name: str) -> str:
    """Return what a field of the configuration is called."""
    return _FIELDS.get(name) or label_of(name)


def title_of(key: str) -> str:
    """Return what an optimizer or a schedule is called."""
    return _TITLES.get(key) or label_of(key)
