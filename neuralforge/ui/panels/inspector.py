"""What is selected, with everything about it that can be changed: a node, several nodes, or the document."""

from __future__ import annotations

from typing import Final

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.graph.edits import Edit, SetName, SetTitle
from neuralforge.graph.graph import Node
from neuralforge.ui import icons, widgets
from neuralforge.ui.kit import Kit
from neuralforge.ui.local import FocusPanel
from neuralforge.ui.memo import Memo
from neuralforge.ui.module_facts import ModuleFacts
from neuralforge.ui.node_facts import category_of, family_title, freeze_all, icon_of, title_of
from neuralforge.ui.node_sections import NodeSections, fact_row
from neuralforge.ui.numbers import count, memory, plural, si
from neuralforge.ui.own_runs import shows_own
from neuralforge.ui.panel import Panel, Post
from neuralforge.ui.style import CLEAR
from neuralforge.ui.theme import Color
from neuralforge.ui.value_field import new_gesture
from neuralforge.workbench.commands import Apply, DeleteSelection, Duplicate, Select
from neuralforge.workbench.view import DocumentView, View

_TILE_PX: Final = 38


class InspectorPanel(Panel):
    """The form of the selected node; facts about several, or about the network, otherwise."""

    key = "inspector"
    title = "Inspector"
    icon = icons.INFO
    docks = {"build": "right", "train": "hidden"}
    order = 10
    help = "What is selected, and everything about it that can be changed"
    wants = frozenset({"maps", "node"})
    on_graph = True

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._sections = NodeSections(kit)
        self._module = ModuleFacts(kit)
        self._memo = Memo()
        self._gesture = ""

    def forget(self) -> None:
        """Let go of the pictures."""
        self._sections.forget()
        self._module.forget()

    def draw(self, view: View, post: Post) -> None:
        """Draw what is selected."""
        nodes = view.document.document.graph.nodes
        chosen = [node_id for node_id in view.document.selection if node_id in nodes]
        if len(chosen) == 1:
            self._draw_node(nodes[chosen[0]], view, post)
        elif chosen:
            self._draw_several(sorted(chosen), view.document, post)
        else:
            self._draw_document(view, post)

    # Heads

    def _head(self, icon: str, color: Color, second: str, aside_px: float = 0) -> tuple[ImVec2, float]:
        """Draw tile and second line; return where the first line goes, and how wide it may be."""
        kit = self.kit
        at, room = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
        widgets.icon_tile(kit, icon, color, _TILE_PX, draw_at=at)
        left = at.x + kit.px(_TILE_PX + 10)
        width = room - kit.px(_TILE_PX + 10 + aside_px)
        shown = widgets.shortened(kit, second, width, "mono", 13)
        kit.draw_text(ImVec2(left, at.y + kit.px(23)), shown, kit.theme.text3, "mono", 13)
        return ImVec2(left, at.y - kit.px(3)), width

    def _title_field(self, key: str, value: str, at: ImVec2, width: float, tip: str) -> str | None:
        """Draw a title that can be typed over in its place, and return what was typed in this frame."""
        kit = self.kit
        pad = kit.px(5)
        imgui.set_cursor_screen_pos(ImVec2(at.x - pad, at.y))
        imgui.set_next_item_width(width + pad)
        with (
            kit.font("semibold", 17),
            imgui_ctx.push_style_color(imgui.Col_.frame_bg, kit.vec4(CLEAR)),
            imgui_ctx.push_style_var(imgui.StyleVar_.frame_padding, ImVec2(pad, kit.px(2))),
        ):
            changed, text = imgui.input_text(f"##{key}", value)
        if imgui.is_item_activated():
            self._gesture = new_gesture()
        widgets.focus_ring(kit)
        if kit.marks.on:
            low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
            kit.marks.note(f"field/{key}", low.x, low.y, high.x, high.y)
        if not imgui.is_item_active():
            widgets.tooltip(kit, tip)
        return text if changed and text != value else None

    def _below_head(self, top: float) -> None:
        left = imgui.get_window_pos().x + self.kit.px(12)
        imgui.set_cursor_screen_pos(ImVec2(left, top + self.kit.px(_TILE_PX)))
        imgui.dummy(ImVec2(0, 0))

    def _rename(self, edit: Edit, post: Post) -> None:
        post(Apply(edit, self._gesture or None))

    # One node

    def _draw_node(self, node: Node, view: View, post: Post) -> None:
        kit, sections = self.kit, self._sections
        category = category_of(node)
        top = imgui.get_cursor_screen_pos()
        right = top.x + imgui.get_content_region_avail().x
        at, width = self._head(icon_of(node.layer, category), kit.theme.category(category), node.id, aside_px=34)
        typed = self._title_field(f"title/{node.id}", title_of(node), at, width, "Click to rename")
        if typed is not None:
            self._rename(SetTitle(node.id, "" if typed == title_of(Node(node.id, node.layer)) else typed.strip()), post)
        imgui.set_cursor_screen_pos(ImVec2(right - kit.px(28), top.y + kit.px(3)))
        sections.help_button(node)
        self._below_head(top.y)
        sections.draw(node, view, post)

    # Several nodes

    def _draw_several(self, chosen: list[str], view: DocumentView, post: Post) -> None:
        kit, t = self.kit, self.kit.theme
        nodes = view.document.graph.nodes
        top = imgui.get_cursor_screen_pos()
        at, _ = self._head(icons.POINTER, t.accent, f"{len(nodes)} nodes in all")
        kit.draw_text(at + kit.vec(0, 2), f"{len(chosen)} nodes selected", t.text, "semibold", 17)
        self._below_head(top.y)
        families: dict[str, list[str]] = {}
        for node_id in chosen:
            families.setdefault(category_of(nodes[node_id]), []).append(node_id)
        widgets.section(kit, "Families")
        for family, members in sorted(families.items(), key=lambda item: (-len(item[1]), item[0])):
            widgets.text(kit, icons.of_category(family), t.category(family), size_px=14)
            imgui.same_line(0, kit.px(8))
            label = family_title(family) or "Unknown layers"
            if len(families) > 1 and widgets.link(kit, label, "Select these alone"):
                post(Select(frozenset(members)))
            elif len(families) == 1:
                widgets.text(kit, label, t.text2)
            widgets.mono_right(kit, str(len(members)))
        costs = [view.inference.cost(node_id) for node_id in chosen]
        widgets.section(kit, "Cost")
        fact_row(kit, "Parameters", count(sum(cost.parameters for cost in costs)))
        fact_row(kit, "MACs", si(sum(cost.macs for cost in costs)), "Multiply-accumulates of one sample")
        size = sum(cost.activation_bytes for cost in costs) * view.totals.batch_size
        fact_row(kit, "Activations", memory(size), f"Kept for the backward pass of {view.totals.batch_size} samples")
        widgets.section(kit, "Actions")
        self._draw_actions(view, post)

    def _draw_actions(self, view: DocumentView, post: Post) -> None:
        kit = self.kit
        half = (imgui.get_content_region_avail().x / kit.scale - 8) / 2
        freeze, thaw = freeze_all(view, True), freeze_all(view, False)
        if widgets.button(kit, "Duplicate", icons.DUPLICATE, shortcut="Ctrl+D", tip="Add copies", width_px=half):
            post(Duplicate())
        imgui.same_line()
        if widgets.button(
            kit, "Delete", icons.DELETE, "danger", shortcut="Del", tip="Remove them and their wires", width_px=half
        ):
            post(DeleteSelection())
        if widgets.button(
            kit, "Freeze all", icons.FREEZE, tip="Their parameters do not change while training",
            enabled=freeze is not None, width_px=half,
        ) and freeze:  # fmt: skip
            post(Apply(freeze))
        imgui.same_line()
        if widgets.button(
            kit, "Unfreeze all", icons.LIGHT, tip="Their parameters are trained again", enabled=thaw is not None,
            width_px=half,
        ) and thaw:  # fmt: skip
            post(Apply(thaw))

    # The document

    def _draw_document(self, shown: View, post: Post) -> None:
        view = shown.document
        kit, t, document, totals = self.kit, self.kit.theme, view.document, view.totals
        if shown.run is not None and shows_own(shown):
            self._module.draw(shown.run)
            return
        graph = document.graph
        nodes, wires = len(graph.nodes), self._memo.get("wires", (id(graph), graph), lambda: len(graph.edges))
        top = imgui.get_cursor_screen_pos()
        at, width = self._head(icons.BUILD, t.accent, f"{plural(nodes, 'node')}, {plural(wires, 'wire')}")
        typed = self._title_field("document", document.name, at, width, "Name of the network; click to rename")
        if typed is not None and typed.strip():
            self._rename(SetName(typed.strip()), post)
        self._below_head(top.y)
        if not nodes:
            widgets.hairline(kit)
            words = "Drag a layer from Layers onto the canvas, or choose a template on the welcome page."
            widgets.empty(kit, icons.LAYERS, "The canvas is empty", words)
            return
        if view.issues:
            imgui.dummy(kit.vec(0, 2))
            with widgets.card(kit, "issues", t.danger):
                widgets.text(kit, icons.ERROR, t.danger, "semibold")
                imgui.same_line()
                widgets.text(kit, plural(len(view.issues), "issue"), t.text, "semibold")
                widgets.wrapped(kit, str(view.issues[0]), size_px=13)
                if widgets.link(kit, "Show issues", "Open the list of issues"):
                    post(FocusPanel("issues"))
        widgets.section(kit, "Network")
        fact_row(kit, "Parameters", count(totals.parameters), "All numbers that can be learned")
        fact_row(kit, "Trainable", count(totals.trainable), "Those of nodes that are not frozen")
        if totals.buffers:
            fact_row(
                kit, "Buffers", count(totals.buffers), "Numbers that are kept but not learned, such as running means"
            )
        fact_row(kit, "MACs", si(totals.macs), "Multiply-accumulates of the forward pass of one sample")
        widgets.section(kit, "Memory", f"batch of {totals.batch_size}")
        fact_row(kit, "Activations", memory(totals.activation_bytes), "Kept for the backward pass")
        fact_row(
            kit, "Training", memory(totals.training_bytes), "Activations, weights, gradients, and two numbers of the "
            "optimizer for each parameter, as Adam keeps them",
        )  # fmt: skip
        if document.notes:
            widgets.section(kit, "Notes")
            for note in document.notes:
                widgets.wrapped(kit, note)


PANEL = InspectorPanel
