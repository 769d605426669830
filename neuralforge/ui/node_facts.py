"""What panels say about nodes, wires and issues, as text. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from neuralforge.graph.document import Document
from neuralforge.graph.edits import (
    AddNode,
    Connect,
    Disconnect,
    Edit,
    Many,
    RemoveNode,
    SetFrozen,
    SetParams,
    Splice,
)
from neuralforge.graph.graph import Node
from neuralforge.graph.inference import Issue
from neuralforge.graph.shapes import UNCONNECTED, Cost, TensorType, Value
from neuralforge.layers.registry import catalog
from neuralforge.layers.spec import LayerSpec
from neuralforge.ui import icons
from neuralforge.ui.numbers import count
from neuralforge.workbench.view import DocumentView

UNKNOWN: Final = "?"
"""Stands for a shape that is not known."""

_PLACEHOLDER: Final = re.compile(r"\{_?(\w+)\}")


def spec_of(layer: str) -> LayerSpec[Any] | None:
    """Return the description of a layer; None for one that nothing here knows."""
    return catalog().specs.get(layer)


def title_of(node: Node) -> str:
    """Return what the canvas calls a node."""
    if node.title:
        return node.title
    spec = spec_of(node.layer)
    return spec.title if spec else node.layer


def category_of(node: Node) -> str:
    """Return the family of a node's layer; "" when it is not known."""
    spec = spec_of(node.layer)
    return spec.category if spec else ""


def icon_of(layer: str, category: str) -> str:
    """Return the icon of a layer: that of its family, and an arrow out of a bracket for the output."""
    return icons.OUTPUT if layer == catalog().output_key else icons.of_category(category)


def has_sides(issue: Issue) -> bool:
    """Tell whether what was expected and what came say more than the title."""
    return issue.received not in (UNCONNECTED.dtype, "none")


def advice(issue: Issue) -> str:
    """Return a sentence that helps; "" where there is none."""
    if issue.hint:
        return issue.hint
    if issue.received == UNCONNECTED.dtype:
        return "Draw a wire from another node into it."
    return "" if has_sides(issue) or issue.node else "Add one to the canvas."


def family_title(category: str) -> str:
    """Return the words for a family of layers: "Input / output"."""
    return category.replace("/", " / ").capitalize()


def shape_text(kind: TensorType | None) -> str:
    """Return a type as text: "[B, 64, 8, 8]"."""
    return UNKNOWN if kind is None else str(kind)


@dataclass(frozen=True, slots=True)
class OutlineRow:
    """A node in the list of all nodes.

    Args:
        node: Its id.
        title: What the canvas calls it.
        category: Its family.
        icon: Its icon.
        shape: Type of its first output, or of its input where it has none.
        parameters: Number of learnable numbers; "" for none.
        frozen: Whether they start frozen.
        wrong: Whether it has an issue.
        words: Where a filter looks, in small letters.
    """

    node: str
    title: str
    category: str
    icon: str
    shape: str
    parameters: str
    frozen: bool
    wrong: bool
    words: str


class Outline:
    """The rows of all nodes in topological order; makes anew only those that changed."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[Node, Mapping[str, TensorType | None], Cost, bool, OutlineRow]] = {}

    def rows(self, view: DocumentView) -> tuple[OutlineRow, ...]:
        """Return the rows.

        Args:
            view: The open document.
        """
        wrong = {issue.node for issue in view.issues}
        made, inference = {}, view.inference
        nodes = inference.graph.nodes
        for node_id in inference.graph.order():
            node, outputs, cost = nodes[node_id], inference.outputs(node_id), inference.cost(node_id)
            bad = node_id in wrong
            old = self._made.get(node_id)
            if old is None or old[0] is not node or old[1] is not outputs or old[2] is not cost or old[3] != bad:
                old = (node, outputs, cost, bad, outline_row(view, node_id, bad))
            made[node_id] = old
        self._made = made
        return tuple(entry[4] for entry in made.values())


def outline_row(view: DocumentView, node_id: str, wrong: bool) -> OutlineRow:
    """Describe one node for the list of all nodes."""
    node = view.inference.graph.nodes[node_id]
    outputs = view.inference.outputs(node_id) or view.inference.inputs(node_id)
    parameters = view.inference.cost(node_id).parameters
    title, category = title_of(node), category_of(node)
    words = f"{title} {node_id} {node.layer} {category}".lower()
    return OutlineRow(
        node_id,
        title,
        category,
        icon_of(node.layer, category),
        shape_text(next(iter(outputs.values()), None)),
        count(parameters) if parameters else "",
        node.frozen,
        wrong,
        words,
    )


def issue_title(issue: Issue) -> str:
    """Return what is wrong, in a few words."""
    if not issue.node:
        return f"There is no {issue.expected.removeprefix('a ')}" if issue.received == "none" else "The network"
    if issue.received == UNCONNECTED.dtype:
        return f"Nothing is wired to {issue.port}"
    if issue.received == "none" and issue.expected == "a wire to another node":
        return "The result is not used"
    if issue.received.startswith("["):
        return "The shape does not fit"
    return f"{issue.port.replace('_', ' ').capitalize()} does not fit" if issue.port else "The layer does not fit"


def fix_label(fix: Edit, at: str, document: Document) -> str:
    """Return what stands on the button of a fix.

    Args:
        fix: The edit.
        at: Node whose issue it mends; edits of another node name that one.
        document: Where both are.
    """
    match fix:
        case SetParams(node, params):
            sets = ", ".join(f"{name.replace('_', ' ')} to {value_text(value)}" for name, value in params)
            return f"Set {sets}" if node == at else f"Set {sets} on {_name(document, node)}"
        case Splice(layer=layer):
            spec = spec_of(layer)
            return f"Insert {spec.title if spec else layer}"
        case Connect(edge):
            return f"Connect {_name(document, edge.source)}"
        case Disconnect(node, port):
            return f"Disconnect {port}" if node == at else f"Disconnect {_name(document, node)}"
        case RemoveNode(node):
            return "Remove this node" if node == at else f"Remove {_name(document, node)}"
        case AddNode(node):
            return f"Add {title_of(node)}"
        case _:
            return fix.label


def value_text(value: Value) -> str:
    """Return a parameter as people write it: none, true, 3 x 3."""
    if isinstance(value, tuple):
        return " \u00d7 ".join(value_text(part) for part in value)
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _name(document: Document, node_id: str) -> str:
    node = document.graph.nodes.get(node_id)
    return title_of(node) if node else node_id


def freeze_all(view: DocumentView, frozen: bool) -> Many | None:
    """Make the edit that freezes, or thaws, the selected nodes that have parameters; None where none would change."""
    nodes = view.document.graph.nodes
    chosen = sorted(node_id for node_id in view.selection if node_id in nodes)
    edits = tuple(
        SetFrozen(node_id, frozen)
        for node_id in chosen
        if nodes[node_id].frozen != frozen and view.inference.cost(node_id).parameters
    )
    verb = "Freeze" if frozen else "Unfreeze"
    return Many(f"{verb} {len(edits)} node{'s' if len(edits) != 1 else ''}", edits) if edits else None


def constructor_of(view: DocumentView, node_id: str) -> str:
    """Return the PyTorch call that makes a node's module, or of a layer without state its result, as the code has it.

    Returns:
        "nn.Conv2d(3, 64, kernel_size=3)", say; "" where shapes are not known.
    """
    rule = catalog().bind(view.inference.graph.nodes[node_id])
    if rule.spec is None or rule.params is None:
        return ""
    found = view.inference.inputs(node_id)
    types = [found.get(name, UNCONNECTED) for name in rule.input_names]
    inputs = tuple(kind for kind in types if kind is not None)
    known = view.inference.outputs(node_id).values()
    outputs = tuple(kind for kind in known if kind is not None)
    if len(inputs) < len(types) or len(outputs) < len(known):
        return ""
    source = rule.spec.emit(rule.params, inputs, outputs)
    if source.module or not source.lines:
        return source.module or ""
    return _PLACEHOLDER.sub(r"\1", source.lines[-1].text.partition("=")[2]).strip()
