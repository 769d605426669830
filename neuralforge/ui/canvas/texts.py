"""What nodes, wires and bubbles say. Pure: no window is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from neuralforge.graph.edits import Edit
from neuralforge.graph.inference import Issue
from neuralforge.graph.params import ParamField
from neuralforge.graph.shapes import BATCH, TensorType, Value
from neuralforge.layers.registry import catalog
from neuralforge.layers.spec import LayerSpec
from neuralforge.ui.node_facts import advice, fix_label, has_sides, issue_title
from neuralforge.workbench.view import DocumentView

TIMES: Final = "\u00d7"


def number(value: Value) -> str:
    """Write a number as a node shows it: no needless digits, thousands apart."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def sizes(value: Value) -> str:
    """Write a size: equal numbers once, others with multiplication signs."""
    if isinstance(value, tuple):
        return number(value[0]) if len(set(value)) == 1 else TIMES.join(number(item) for item in value)
    return number(value)


def words(name: str) -> str:
    """Turn a parameter's name into words."""
    return name.removeprefix("num_").replace("_", " ")


def _row(value: Value) -> str:
    return f" {TIMES} ".join(number(item) for item in value) if isinstance(value, tuple) else number(value)


_ALWAYS: Final[Mapping[str, Callable[[Value], str]]] = MappingProxyType(
    {
        "out_channels": number,
        "out_features": number,
        "hidden_size": number,
        "kernel_size": lambda value: f"k{sizes(value)}",
        "num_heads": lambda value: f"{number(value)} heads",
        "num_groups": lambda value: f"{number(value)} groups",
        "num_embeddings": number,
        "embedding_dim": lambda value: f"{TIMES} {number(value)}",
        "p": lambda value: f"p {number(value)}",
        "upscale_factor": lambda value: f"{TIMES}{number(value)}",
        "dims": lambda value: f"dims {_row(value) if not isinstance(value, tuple) else ', '.join(map(number, value))}",
    }
)
"""Parameters that a node shows even where they have their defaults."""

_DIFFERENT: Final[Mapping[str, Callable[[Value], str]]] = MappingProxyType(
    {
        "stride": lambda value: f"s{sizes(value)}",
        "padding": lambda value: value if isinstance(value, str) else f"p{sizes(value)}",
        "dilation": lambda value: f"d{sizes(value)}",
        "output_padding": lambda value: f"op{sizes(value)}",
        "output_size": lambda value: f"to {sizes(value)}",
        "num_layers": lambda value: f"{number(value)} layers",
        "inputs": lambda value: "",
    }
)
"""Parameters with words of their own, shown where they differ from their defaults."""

_KEYED: Final[Mapping[str, Mapping[str, Callable[[Value], str]]]] = MappingProxyType(
    {
        "input": {"shape": _row},
        "reshape": {"shape": lambda value: _row(value).replace("-1", "?")},
        "upsample": {
            "scale_factor": lambda value: f"{TIMES}{number(value)}",
            "size": lambda value: f"to {sizes(value)}",
        },
        "layer_norm": {"dims": lambda value: "" if value == 1 else f"{number(value)} dims"},
        "rms_norm": {"dims": lambda value: "" if value == 1 else f"{number(value)} dims"},
        "squeeze": {"dim": lambda value: f"dim {number(value)}"},
        "unsqueeze": {"dim": lambda value: f"dim {number(value)}"},
        "select": {"dim": lambda value: f"dim {number(value)}", "index": lambda value: f"at {number(value)}"},
    }
)
"""Layers whose parameters mean something of their own; these are always shown."""


def params_line(spec: LayerSpec[Any], params: Mapping[str, Value]) -> str:
    """Abbreviate a node's parameters: "128, k3, s2, p1".

    Args:
        spec: The layer.
        params: Name -> value, for the parameters that have one.

    Returns:
        The main parameters, and those that differ from their defaults; empty when there are none.
    """
    parts = []
    for item in spec.fields:
        part = _part(spec.key, item, params.get(item.name, item.default))
        if part:
            parts.append(part)
    return ", ".join(parts).replace(f", {TIMES} ", f" {TIMES} ")


def _part(key: str, item: ParamField, value: Value) -> str:
    name = item.name
    if value is None:
        return ""
    special = _KEYED.get(key, {}).get(name) or _ALWAYS.get(name)
    try:
        if special is not None:
            return special(value)
        if value == item.default:
            return ""
        if name in _DIFFERENT:
            return _DIFFERENT[name](value)
    except (TypeError, ValueError, IndexError):  # a value that does not fit its parameter
        return f"{words(name)} {value!r:.12}"
    if isinstance(value, bool):
        return words(name) if value else f"no {words(name)}"
    if item.kind == "choice":
        return str(value)
    return f"{words(name)} {sizes(value)}"


def pill_text(kind: TensorType | None) -> str:
    """Write a type as a wire shows it: sizes of one sample, without the batch; empty where it is not known."""
    if kind is None:
        return ""
    sample = kind.shape[1:] if kind.shape[:1] == (BATCH,) else kind.shape
    return TIMES.join(str(size) for size in sample) or "1"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a bubble.

    Args:
        label: What it is.
        text: A shape, usually.
        guilty: Whether it is what is wrong.
        note: Where it comes from.
    """

    label: str
    text: str
    guilty: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a bubble says about an issue.

    Args:
        title: A few words.
        rows: What was expected, and what came.
        hint: A sentence more; may be empty.
        fixes: Labels of the fixes, and the edits.
        incomplete: Whether something is only missing yet, rather than wrong.
    """

    title: str
    rows: tuple[Row, ...]
    hint: str
    fixes: tuple[tuple[str, Edit], ...]
    incomplete: bool


def is_incomplete(issue: Issue) -> bool:
    """Tell whether something is only missing yet: a wire that nobody has drawn."""
    return not has_sides(issue)


def complaint(issue: Issue, view: DocumentView) -> Complaint:
    """Put an issue of the open document into words."""
    document, inference = view.document, view.inference
    fixes = tuple((fix_label(fix, issue.node, document), fix) for fix in issue.fixes)
    title, missing = issue_title(issue), is_incomplete(issue)
    node = document.graph.nodes.get(issue.node)
    if node is None or missing:
        return Complaint(title, (), advice(issue), fixes, missing)
    expected = Row("expected", issue.expected)
    feeds = document.graph.feeds(issue.node)
    origin = f"from {feeds[issue.port][0]}" if issue.port in feeds else ""
    names: tuple[str, ...] = catalog().bind(node).input_names
    known = [(port, kind) for port, kind in inference.inputs(issue.node).items() if kind is not None]
    if len(known) > 1 and issue.port in names:
        known.sort(key=lambda item: names.index(item[0]) if item[0] in names else len(names))
        rows = [Row(port, str(kind), port == issue.port, origin if port == issue.port else "") for port, kind in known]
        return Complaint("Shapes differ", (*rows, expected), issue.hint, fixes, False)
    return Complaint(title, (expected, Row("received", issue.received, True, origin)), issue.hint, fixes, False)
