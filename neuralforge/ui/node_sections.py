"""The sections of the inspector that describe one node."""

from __future__ import annotations

from typing import Any, Final

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.graph.edits import Disconnect, SetFrozen, SetParams
from neuralforge.graph.graph import Node
from neuralforge.graph.inference import Inference, Issue
from neuralforge.graph.shapes import Port, Value
from neuralforge.layers.registry import catalog
from neuralforge.layers.spec import LayerSpec
from neuralforge.ui import icons, widgets
from neuralforge.ui.forms import Form
from neuralforge.ui.issue_card import issue_card
from neuralforge.ui.kit import Kit
from neuralforge.ui.local import FocusPanel
from neuralforge.ui.map_pictures import MapPictures
from neuralforge.ui.node_facts import constructor_of, shape_text, spec_of, title_of
from neuralforge.ui.numbers import count, memory, number, si
from neuralforge.ui.panel import Post
from neuralforge.ui.rows import write
from neuralforge.workbench.commands import Apply, Select
from neuralforge.workbench.looks import Stats
from neuralforge.workbench.view import DocumentView, RunView, View

_WIRE_PX: Final = 28
_MOST_CONSUMERS: Final = 6


def fact_row(kit: Kit, label: str, value: str, tip: str = "") -> None:
    """Write a label, and its value against the right edge; what is too long is cut, and whole in the tooltip."""
    room = imgui.get_content_region_avail().x - kit.text_size(label, "regular").x - kit.px(12)
    shown = widgets.shortened(kit, value, room, "mono", 13)
    if shown != value:
        tip = f"{value}\n{tip}" if tip else value
    widgets.fact(kit, label, shown, tip)


class NodeSections:
    """Draws what is known of a node, and the form of its parameters.

    Args:
        kit: The kit.
    """

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self._form = Form(kit)
        self._pictures = MapPictures(kit)
        self._node = ""
        self._help = False
        self._code: tuple[Inference | None, str, str] = (None, "", "")

    def forget(self) -> None:
        """Let go of the pictures."""
        self._pictures.forget()

    def help_button(self, node: Node) -> None:
        """Draw the button that unfolds what a layer is."""
        spec = spec_of(node.layer)
        tip = spec.doc if spec else "Nothing here knows this layer."
        if widgets.icon_button(self.kit, icons.HELP, "help", tip, on=self._help):
            self._help = not self._help

    def draw(self, node: Node, view: View, post: Post) -> None:
        """Draw all sections below the head.

        Args:
            node: The node.
            view: Everything.
            post: Asks for something.
        """
        if self._node != node.id:
            self._node = node.id
            self._form.forget()
        document, spec = view.document, spec_of(node.layer)
        issues = [issue for issue in document.issues if issue.node == node.id]
        for place, issue in enumerate(issues):
            imgui.dummy(self.kit.vec(0, 2))
            issue_card(self.kit, issue, document.document, post, key=f"{node.id}/{place}", filled=place == 0)
        if self._help and spec is not None:
            self._draw_help(node, spec, document)
        if spec is not None and spec.fields:
            self._draw_parameters(node, spec, issues, post)
        self._draw_training(node, view, post)
        self._draw_cost(node, document)
        if view.run is not None:
            self._draw_run(node, view.run)
        self._draw_wires(node, document, post)

    def _draw_help(self, node: Node, spec: LayerSpec[Any], view: DocumentView) -> None:
        kit, t = self.kit, self.kit.theme
        widgets.section(kit, "About this layer")
        widgets.wrapped(kit, spec.doc, t.text)
        if self._code[0] is not view.inference or self._code[1] != node.id:
            self._code = view.inference, node.id, constructor_of(view, node.id)
        if self._code[2]:
            with kit.font("mono", 13):
                imgui.push_text_wrap_pos(0)
                imgui.text_colored(kit.vec4(t.accent), self._code[2])
                imgui.pop_text_wrap_pos()
        for port in _ports(node, spec):
            words = port.doc or ("may stay without a wire" if port.optional else "")
            if words:
                widgets.mono(kit, port.name, t.text)
                imgui.same_line()
                widgets.wrapped(kit, words, t.text2, 13)
        if len(spec.outputs) > 1:
            widgets.wrapped(kit, f"Outputs: {', '.join(spec.outputs)}.", t.text2, 13)

    def _draw_parameters(self, node: Node, spec: LayerSpec[Any], issues: list[Issue], post: Post) -> None:
        widgets.section(self.kit, "Parameters")
        params = catalog().bind(node).params
        wrong = {issue.port: f"Expected {issue.expected}" for issue in issues}
        for field in spec.fields:
            value: Value = node.param(field.name, field.default) if params is None else getattr(params, field.name)
            change = self._form.row(field, value, key=f"{node.id}/{field.name}", problem=wrong.get(field.name))
            if change is not None:
                post(Apply(SetParams.of(node.id, **{field.name: change.value}), change.gesture))

    def _draw_training(self, node: Node, view: View, post: Post) -> None:
        kit = self.kit
        if not (view.document.inference.cost(node.id).parameters or node.frozen):
            return
        widgets.section(kit, "Training")
        width = widgets.row_label(kit, "Freeze", "Its parameters keep their values when a run starts")
        at = imgui.get_cursor_pos()
        imgui.set_cursor_pos(ImVec2(at.x + width - kit.px(32), at.y + kit.px(4.5)))
        if widgets.toggle(
            kit, f"frozen/{node.id}", node.frozen, tip="Its parameters keep their values when a run starts"
        ):
            post(Apply(SetFrozen(node.id, not node.frozen)))
        run = view.run
        if run is not None and run.live and node.id in run.document.graph.nodes:
            widgets.text(kit, "The run that trains has its own:", kit.theme.text3, size_px=13)
            imgui.same_line(0, kit.px(5))
            if widgets.link(kit, "Knobs", "Freeze it in the live run, by its knob", 13):
                post(FocusPanel("knobs"))

    def _draw_cost(self, node: Node, view: DocumentView) -> None:
        kit, inference = self.kit, view.inference
        cost, batch = inference.cost(node.id), view.totals.batch_size
        widgets.section(kit, "Cost")
        inputs, outputs = inference.inputs(node.id), inference.outputs(node.id)
        for port, kind in inputs.items():
            fact_row(kit, "Input" if len(inputs) == 1 else _port_title(port), shape_text(kind))
        for port, kind in outputs.items():
            fact_row(kit, "Output" if len(outputs) == 1 else _port_title(port), shape_text(kind))
        if cost.parameters:
            fact_row(kit, "Parameters", count(cost.parameters), "Numbers that it learns")
        if cost.buffers:
            fact_row(kit, "Buffers", count(cost.buffers), "Numbers that it keeps but does not learn")
        if cost.macs:
            fact_row(kit, "MACs", si(cost.macs), "Multiply-accumulates of the forward pass of one sample")
        if cost.activation_bytes:
            size = memory(cost.activation_bytes * batch)
            fact_row(kit, "Activations", size, f"Kept for the backward pass of {batch} samples")

    def _draw_wires(self, node: Node, view: DocumentView, post: Post) -> None:
        graph, spec = view.document.graph, spec_of(node.layer)
        feeds = graph.feeds(node.id)
        ports = _ports(node, spec) if spec else ()
        names = [*(port.name for port in ports), *(port for port in feeds if all(port != p.name for p in ports))]
        consumers = graph.consumers(node.id)
        if not names and not consumers:
            return
        widgets.section(self.kit, "Wires")
        optional = {port.name for port in ports if port.optional}
        with imgui_ctx.push_style_var(imgui.StyleVar_.item_spacing, ImVec2(0, 0)):
            for port in names:
                self._draw_feed(node, port, feeds.get(port), port in optional, view, post)
            for target in consumers[:_MOST_CONSUMERS]:
                self._draw_wire_row("to", target, view, post)
        if len(consumers) > _MOST_CONSUMERS:
            more = f"and {len(consumers) - _MOST_CONSUMERS} more"
            widgets.text(self.kit, more, self.kit.theme.text3, size_px=13)

    def _draw_feed(
        self, node: Node, port: str, feed: tuple[str, str] | None, optional: bool, view: DocumentView, post: Post
    ) -> None:
        kit, t = self.kit, self.kit.theme
        if feed is None:
            at = imgui.get_cursor_screen_pos()
            middle = at.y + kit.px(_WIRE_PX / 2)
            write(kit, at.x, middle, widgets.shortened(kit, port, kit.px(70), "mono", 13), t.text3, "mono", 13)
            write(
                kit, at.x + kit.px(78), middle, "optional" if optional else "no wire", t.text3 if optional else t.danger
            )
            imgui.dummy(kit.vec(1, _WIRE_PX))
            return
        right = imgui.get_cursor_pos_x() + imgui.get_content_region_avail().x
        self._draw_wire_row(port, feed[0], view, post)
        imgui.same_line(right - kit.px(26))
        if widgets.icon_button(kit, icons.UNLINK, f"unlink/{port}", f"Disconnect {port}", size_px=26):
            post(Apply(Disconnect(node.id, port)))

    def _draw_wire_row(self, label: str, other: str, view: DocumentView, post: Post) -> None:
        kit, t = self.kit, self.kit.theme
        at = imgui.get_cursor_screen_pos()
        size = ImVec2(imgui.get_content_region_avail().x - kit.px(30), kit.px(_WIRE_PX))
        clicked = imgui.invisible_button(f"##wire/{label}/{other}", size, imgui.ButtonFlags_.enable_nav)
        hovered, middle = imgui.is_item_hovered(), at.y + size.y / 2
        widgets.focus_ring(kit)
        found = view.document.graph.nodes.get(other)
        title = title_of(found) if found else other
        write(kit, at.x, middle, widgets.shortened(kit, label, kit.px(70), "mono", 13), t.text3, "mono", 13)
        left = at.x + kit.px(78)
        shown = widgets.shortened(kit, title, size.x - kit.px(82), "medium")
        write(kit, left, middle, shown, t.accent if hovered else t.text, "medium")
        used = kit.text_size(shown, "medium").x + kit.px(8)
        rest = size.x - kit.px(82) - used
        if rest > kit.px(30):
            write(kit, left + used, middle, widgets.shortened(kit, other, rest, "mono", 13), t.text3, "mono", 13)
        if kit.marks.on:
            kit.marks.note(f"wire/{label}/{other}", at.x, at.y, at.x + size.x, at.y + size.y)
        if hovered:
            imgui.set_mouse_cursor(imgui.MouseCursor_.hand)
            widgets.tooltip(kit, f"Select {title} ({other})")
        if clicked:
            post(Select(frozenset((other,))))

    def _draw_run(self, node: Node, run: RunView) -> None:
        kit = self.kit
        maps, look = run.maps, run.node
        if maps is not None and maps.node == node.id and (maps.maps is not None or maps.vector is not None):
            widgets.section(kit, "Output on pinned sample", f"step {maps.step:,}")
            self._pictures.draw(maps)
        if look is not None and look.node == node.id and (look.weights or look.activations):
            widgets.section(kit, "In this run", f"step {look.step:,}")
            for label, stats in (("Weights", look.weights), ("Activations", look.activations)):
                if stats is not None:
                    fact_row(kit, label, _spread(stats), _more(stats))


def _ports(node: Node, spec: LayerSpec[Any]) -> tuple[Port, ...]:
    rule = catalog().bind(node)
    return rule.ports if rule.ports_known else spec.ports(spec.parse({}))


def _port_title(port: str) -> str:
    return port.replace("_", " ").capitalize()


def _spread(stats: Stats) -> str:
    return f"{number(stats.mean)} \u00b1 {number(stats.std)}"


def _more(stats: Stats) -> str:
    words = f"Mean and standard deviation; from {number(stats.minimum)} to {number(stats.maximum)}"
    words += f", {stats.zero_fraction:.0%} are 0" if stats.zero_fraction else ""
    return words + (f", {stats.nonfinite:,} are not finite" if stats.nonfinite else "")
