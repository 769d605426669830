"""The document as the canvas draws it: items for nodes and wires, made anew only where something has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from imgui_bundle import ImVec2
from imgui_bundle import imgui_node_editor as ed

from neuralforge.graph.document import Position
from neuralforge.graph.graph import Edge, Node
from neuralforge.graph.inference import Issue
from neuralforge.graph.layout import complete
from neuralforge.graph.shapes import TensorType
from neuralforge.layers.registry import LayerCatalog, catalog
from neuralforge.ui.canvas.sizes import NodeForm, Pin, node_form, node_sizes
from neuralforge.ui.canvas.texts import is_incomplete, pill_text
from neuralforge.ui.node_facts import category_of, shape_text
from neuralforge.workbench.view import DocumentView

PIN_REACH_PX: Final = 8.0
"""Half the side of the square around a pin that answers to the mouse."""

Box = tuple[float, float, float, float]
Drawing = list[tuple[Callable[..., object], tuple[Any, ...]]]
"""What is drawn: functions of a draw list with their arguments, made once and called every frame."""


@dataclass(eq=False, slots=True)
class PinItem:
    """A pin.

    Args:
        node: Its node.
        pin: Where it lies.
        is_input: Whether it takes.
        pin_id: What the editor knows it by.
        kind: Type of what flows there; None where it is not known.
        faulty: Whether an issue is about it.
    """

    node: str
    pin: Pin
    is_input: bool
    pin_id: ed.PinId
    kind: TensorType | None = None
    faulty: bool = False


@dataclass(eq=False, slots=True)
class NodeItem:
    """A node.

    Args:
        node: The node.
        form: Its size and parts.
        category: Family of its layer.
        node_id: What the editor knows it by.
        outputs: Types of its outputs, as inference gave them.
        issue: What is wrong with it first of all.
        incomplete: Whether that is only missing yet.
        shape: Type of its first output, as text.
        pins: Inputs, then outputs.
        at: Upper left corner on the canvas.
    """

    node: Node
    form: NodeForm
    category: str
    node_id: ed.NodeId
    outputs: Mapping[str, TensorType | None]
    issue: Issue | None
    incomplete: bool
    shape: str
    pins: tuple[PinItem, ...]
    fed: tuple[str, ...]
    at: Position = (0.0, 0.0)
    submission: tuple[Any, ...] = ()
    drawing: Drawing = field(default_factory=list)
    drawn_for: tuple[Any, ...] = ()

    def place(self, at: Position) -> None:
        """Move it, and prepare what the editor is told every frame."""
        self.at = at
        x, y = at
        pins = []
        for item in self.pins:
            px, py = x + item.pin.x_px, y + item.pin.y_px
            low = ImVec2(px - PIN_REACH_PX, py - PIN_REACH_PX)
            high = ImVec2(px + PIN_REACH_PX, py + PIN_REACH_PX)
            side = ed.PinKind.input if item.is_input else ed.PinKind.output
            pins.append((item.pin_id, side, low, high, ImVec2(px, py)))
        self.submission = (self.node_id, ImVec2(self.form.width_px, self.form.height_px), tuple(pins))
        self.drawn_for = ()

    @property
    def box(self) -> Box:
        """Left, top, right, bottom on the canvas."""
        x, y = self.at
        return x, y, x + self.form.width_px, y + self.form.height_px

    def find(self, port: str, is_input: bool) -> PinItem | None:
        """Return a pin by its port."""
        return next((item for item in self.pins if item.is_input == is_input and item.pin.port == port), None)


@dataclass(eq=False, slots=True)
class WireItem:
    """A wire.

    Args:
        edge: The wire.
        link_id: What the editor knows it by.
        source: Its pin at the left.
        target: Its pin at the right.
        kind: Type of what flows; None where it is not known.
        faulty: Whether it is what an issue is about.
        text: Shape for its pill.
    """

    edge: Edge
    link_id: ed.LinkId
    source: PinItem
    target: PinItem
    kind: TensorType | None
    faulty: bool
    text: str


def box_around(items: Iterable[NodeItem]) -> Box | None:
    """Return the box around nodes; None without any."""
    boxes = [item.box for item in items]
    if not boxes:
        return None
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


class Numbers:
    """Small whole numbers for what the editor knows by number; the same thing always has the same one."""

    def __init__(self) -> None:
        self._by_name: dict[tuple[str, ...], int] = {}
        self._names: dict[int, tuple[str, ...]] = {}

    def of(self, *name: str) -> int:
        """Return the number of a thing."""
        found = self._by_name.get(name)
        if found is None:
            found = self._by_name[name] = len(self._by_name) + 1
            self._names[found] = name
        return found

    def name(self, number: int) -> tuple[str, ...] | None:
        """Return the thing with a number."""
        return self._names.get(number)


class Scene:
    """What lies on the canvas.

    Attributes:
        nodes: Items by id, in the order of the document.
        wires: All wires.
        by_target: (target, port) -> wire.
        view: The document that is shown.
        version: Grows with everything that changes where something lies or what it says.
    """

    def __init__(self) -> None:
        self.version = 0
        self.nodes: dict[str, NodeItem] = {}
        self.wires: list[WireItem] = []
        self.by_target: dict[tuple[str, str], WireItem] = {}
        self.numbers = Numbers()
        self.view: DocumentView | None = None
        self._layout: object = None
        self._bounds: Box | None = None
        self._bounds_of = -1

    @property
    def catalog(self) -> LayerCatalog:
        """The layers."""
        return catalog()

    def update(self, view: DocumentView) -> list[NodeItem]:
        """Follow the document.

        Returns:
            Nodes that are new or lie elsewhere than before.
        """
        before = self.view
        self.view = view
        changed = before is None or before.inference is not view.inference or before.issues is not view.issues
        if changed:
            self._rebuild(view)
        if changed or self._layout is not view.document.layout:
            self._layout = view.document.layout
            self.version += 1
            return self._place(view)
        return []

    def check_places(self) -> None:
        """Compare all places with the document once more at the next update."""
        self._layout = None

    def pin(self, number: int) -> PinItem | None:
        """Return a pin by its number."""
        name = self.numbers.name(number)
        if name is None or name[0] != "pin":
            return None
        item = self.nodes.get(name[1])
        return item.find(name[3], name[2] == "in") if item else None

    def node(self, number: int) -> NodeItem | None:
        """Return a node by its number."""
        name = self.numbers.name(number)
        return self.nodes.get(name[1]) if name is not None and name[0] == "node" else None

    def wire(self, number: int) -> WireItem | None:
        """Return a wire by its number."""
        name = self.numbers.name(number)
        return self.by_target.get((name[1], name[2])) if name is not None and name[0] == "wire" else None

    def bounds(self) -> Box | None:
        """Return the box around all nodes; None without any."""
        if self._bounds_of != self.version:
            self._bounds_of, self._bounds = self.version, box_around(self.nodes.values())
        return self._bounds

    def _rebuild(self, view: DocumentView) -> None:
        graph, inference = view.document.graph, view.inference
        issues: dict[str, Issue] = {}
        faults: dict[tuple[str, str], Issue] = {}
        for issue in view.issues:
            issues.setdefault(issue.node, issue)
            faults.setdefault((issue.node, issue.port), issue)
        old, self.nodes = self.nodes, {}
        for node_id, node in graph.nodes.items():
            outputs, first = inference.outputs(node_id), issues.get(node_id)
            fed = tuple(graph.feeds(node_id))
            item = old.get(node_id)
            if (
                item is None
                or item.node is not node
                or item.outputs is not outputs
                or item.issue != first
                or item.fed != fed
            ):
                at = item.at if item is not None else None
                item = self._item(node, outputs, first, fed)
                if at is not None:
                    item.place(at)
            self.nodes[node_id] = item
        self.wires, self.by_target = [], {}
        for edge in graph.edges:
            source = self.nodes[edge.source].find(edge.source_port, False)
            target = self.nodes[edge.target].find(edge.target_port, True)
            if source is None or target is None:
                continue
            kind = inference.outputs(edge.source).get(edge.source_port)
            fault = faults.get((edge.target, edge.target_port))
            faulty = fault is not None and not is_incomplete(fault)
            target.kind = kind
            target.faulty = faulty
            link_id = ed.LinkId(self.numbers.of("wire", edge.target, edge.target_port))
            wire = WireItem(edge, link_id, source, target, kind, faulty, pill_text(kind))
            self.wires.append(wire)
            self.by_target[edge.target, edge.target_port] = wire

    def _item(
        self, node: Node, outputs: Mapping[str, TensorType | None], issue: Issue | None, fed: tuple[str, ...]
    ) -> NodeItem:
        form = node_form(node, fed, self.catalog)
        pins = [
            PinItem(node.id, pin, is_input, ed.PinId(self.numbers.of("pin", node.id, side, pin.port)))
            for pins, is_input, side in ((form.inputs, True, "in"), (form.outputs, False, "out"))
            for pin in pins
        ]
        for item in pins:
            if not item.is_input:
                item.kind = outputs.get(item.pin.port)
            elif issue is not None and issue.port == item.pin.port:
                item.faulty = True
        first = form.outputs[0].port if form.outputs else ""
        return NodeItem(
            node,
            form,
            category_of(node) or "custom",
            ed.NodeId(self.numbers.of("node", node.id)),
            outputs,
            issue,
            issue is not None and is_incomplete(issue),
            shape_text(outputs.get(first)),
            tuple(pins),
            fed,
        )

    def _place(self, view: DocumentView) -> list[NodeItem]:
        document = view.document
        layout = document.layout
        if any(node_id not in layout for node_id in self.nodes):
            layout = complete(document.graph, layout, node_sizes(document.graph, self.catalog))
        moved = []
        for node_id, item in self.nodes.items():
            # The editor knows whole pixels alone.
            x, y = layout[node_id]
            at = (float(int(x // 1)), float(int(y // 1)))
            if item.at != at or not item.submission:
                item.place(at)
                moved.append(item)
        return moved
