"""The PyTorch source of the network, as it is trained and exported; or a person's own, as far as it is known."""

from __future__ import annotations

from typing import Final

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.graph.inference import Issue
from neuralforge.ui import icons, widgets
from neuralforge.ui.highlight import Kind, Layer, layers
from neuralforge.ui.kit import Kit
from neuralforge.ui.local import FocusPanel
from neuralforge.ui.memo import Memo
from neuralforge.ui.node_facts import title_of
from neuralforge.ui.own_runs import shows_own
from neuralforge.ui.panel import Panel, Post
from neuralforge.ui.rows import u32, visible
from neuralforge.ui.theme import Color
from neuralforge.workbench.commands import Select
from neuralforge.workbench.view import CodeView, RunView, View

ROW_PX: Final = 20
TEXT_PX: Final = 15
_NUMBERS_END_PX: Final = 38
_TEXT_FROM_PX: Final = 58
_BAR_PX: Final = 3
_COPY_PX: Final = 88
_COPIED_SECS: Final = 1.5
_WHOSE_PX: Final = 24


class CodePanel(Panel):
    """Source with line numbers; lines of selected nodes are tinted, and a click on a line selects its node."""

    key = "code"
    title = "Code"
    icon = icons.CODE
    docks = {"build": "bottom", "train": "hidden"}
    order = 10
    padded = False
    help = "The PyTorch source of the network, as it is trained and exported"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._made_for: CodeView | None = None
        self._lines: tuple[tuple[Layer, ...], ...] = ()
        self._nodes: dict[int, str] = {}
        self._widest = 0
        self._followed: frozenset[str] = frozenset()
        self._wrong: tuple[tuple[Issue, ...] | None, frozenset[str]] = (None, frozenset())
        self._copied_at: float | None = None
        self._memo = Memo()

    def draw(self, view: View, post: Post) -> None:
        """Draw the source, or why there is none."""
        run = view.run
        is_own = run is not None and shows_own(view)
        if run is not None and is_own and not run.own_source:
            what = "the loop" if run.own_loop else "the module"
            words = f"Its text could not be read where {what} was defined; it runs all the same."
            widgets.empty(self.kit, icons.CODE, "The source is not known", words)
            return
        code = self._own(run.own_source) if run is not None and is_own else view.code
        if code is None:
            widgets.empty(self.kit, icons.CODE, "Writing the code", "It is made when this panel is seen.")
            return
        if not code.source:
            self._draw_problem(code, view, post)
            return
        self._update(code)
        with imgui_ctx.begin_child(
            "##code", ImVec2(0, 0), window_flags=imgui.WindowFlags_.horizontal_scrollbar
        ) as child:
            if child:
                self._draw_source(code, view, post)

    def _own(self, source: str) -> CodeView:
        """Return the view of a source that belongs to no node."""
        return self._memo.get("own", (source,), lambda: CodeView(source=source))

    def _update(self, code: CodeView) -> None:
        if self._made_for is code:
            return
        if self._made_for is None or self._made_for.source != code.source:
            self._lines = layers(code.source)
            self._widest = max(map(len, code.source.splitlines()), default=0)
        self._nodes = {line: node for node, lines in code.lines.items() for line in lines}
        self._made_for = code

    def _draw_problem(self, code: CodeView, view: View, post: Post) -> None:
        issues = view.document.issues
        with imgui_ctx.begin_child("##problem", ImVec2(0, 0)):
            if issues:
                title = "No code while there are issues" if len(issues) > 1 else "No code while there is an issue"
                if widgets.empty(self.kit, icons.ERROR, title, str(issues[0]), "Show issues", icons.WARNING):
                    post(FocusPanel("issues"))
                    if issues[0].node:
                        post(Select(frozenset((issues[0].node,))))
            else:
                words = code.problem or "Add layers to the canvas, and their code appears here."
                widgets.empty(self.kit, icons.CODE, "No code yet", words)

    def _draw_source(self, code: CodeView, view: View, post: Post) -> None:
        kit = self.kit
        draw = imgui.get_window_draw_list()
        draw.channels_split(2)
        try:
            draw.channels_set_current(1)
            start = imgui.get_cursor_pos()
            self._draw_copy(code)
            draw.channels_set_current(0)
            imgui.set_cursor_pos(ImVec2(start.x, start.y + kit.px(8)))
            if view.run is not None and shows_own(view):
                self._draw_whose(view.run)
            self._draw_lines(code, view, post)
        finally:
            draw.channels_merge()

    def _draw_whose(self, run: RunView) -> None:
        """Say above the lines that nobody but the person has written them."""
        kit, at = self.kit, imgui.get_cursor_screen_pos()
        what = "module and loop" if run.own_loop else "module"
        room = imgui.get_window_size().x - kit.px(_TEXT_FROM_PX + _COPY_PX + 24)
        words = widgets.shortened(kit, f"Your own {what}, as far as the text is known", room, "regular", 14)
        left = at.x + imgui.get_scroll_x() + kit.px(_TEXT_FROM_PX)
        kit.draw_text(ImVec2(left, at.y), words, kit.theme.text3, "regular", 14)
        imgui.dummy(kit.vec(1, _WHOSE_PX))

    def _draw_copy(self, code: CodeView) -> None:
        kit, window = self.kit, imgui.get_window_pos()
        width = imgui.get_window_size().x - (imgui.get_style().scrollbar_size if imgui.get_scroll_max_y() else 0)
        fresh = self._copied_at is not None and imgui.get_time() - self._copied_at < _COPIED_SECS
        imgui.set_cursor_screen_pos(ImVec2(window.x + width - kit.px(_COPY_PX + 10), window.y + kit.px(8)))
        label, icon = ("Copied", icons.CHECK) if fresh else ("Copy", icons.COPY)
        tip = "Copy the whole source"
        pressed = widgets.button(
            kit, label, icon, tip=tip, shortcut="Ctrl+C", width_px=_COPY_PX, height_px=28, key="copy code"
        )
        keys = int(imgui.Key.mod_ctrl) | int(imgui.Key.c)
        if pressed or (imgui.is_window_focused() and imgui.shortcut(keys)):
            imgui.set_clipboard_text(code.source)
            self._copied_at = imgui.get_time()

    def _draw_lines(self, code: CodeView, view: View, post: Post) -> None:
        kit, t = self.kit, self.kit.theme
        advance = kit.text_size("0" * 100, "mono", TEXT_PX).x / 100
        width = max(imgui.get_content_region_avail().x, kit.px(_TEXT_FROM_PX + 24) + advance * self._widest)
        self._follow(code, view)
        chosen, wrong = view.document.selection, self._wrong_nodes(view)
        inks = self._inks()
        with imgui_ctx.push_style_var(imgui.StyleVar_.item_spacing, ImVec2(0, 0)):
            for place in visible(len(self._lines), kit.px(ROW_PX)):
                node = self._nodes.get(place + 1)
                at = imgui.get_cursor_screen_pos()
                clicked = imgui.invisible_button(f"##line/{place}", ImVec2(width, kit.px(ROW_PX)))
                hovered = node is not None and imgui.is_item_hovered()
                ground = t.accent if node in chosen else t.danger if node in wrong else None
                self._draw_ground(at, width, ground, hovered)
                self._draw_line(at, place, inks, t.text2 if ground else t.text3)
                if node is not None and hovered:
                    imgui.set_mouse_cursor(imgui.MouseCursor_.hand)
                    found = view.document.document.graph.nodes.get(node)
                    widgets.tooltip(kit, f"{title_of(found)} ({node})" if found else node, "Click selects it")
                if clicked and node is not None:
                    self._followed = frozenset((node,))
                    post(Select(self._followed, "toggle" if imgui.get_io().key_ctrl else "set"))
                if kit.marks.on:
                    kit.marks.note(f"line/{place + 1}", at.x, at.y, at.x + width, at.y + kit.px(ROW_PX))
            imgui.dummy(ImVec2(width, kit.px(8)))

    def _draw_ground(self, at: ImVec2, width: float, color: Color | None, hovered: bool) -> None:
        kit, t = self.kit, self.kit.theme
        draw, end = imgui.get_window_draw_list(), ImVec2(at.x + width, at.y + kit.px(ROW_PX))
        if color is not None:
            draw.add_rect_filled(at, end, u32(color.fade(0.14)))
            draw.add_rect_filled(at, ImVec2(at.x + kit.px(_BAR_PX), end.y), u32(color))
        elif hovered:
            draw.add_rect_filled(at, end, u32(t.hover.fade(0.5)))

    def _draw_line(self, at: ImVec2, place: int, inks: dict[Kind, Color], dim: Color) -> None:
        kit = self.kit
        draw, font, size = imgui.get_window_draw_list(), kit.face("mono"), TEXT_PX * kit.scale
        y = round(at.y + kit.px(1))
        number = str(place + 1)
        number_x = at.x + kit.px(_NUMBERS_END_PX) - kit.text_size(number, "mono", TEXT_PX).x
        draw.add_text(font, size, ImVec2(round(number_x), y), u32(dim), number)
        start = ImVec2(round(at.x + kit.px(_TEXT_FROM_PX)), y)
        for kind, text in self._lines[place]:
            draw.add_text(font, size, start, u32(inks[kind]), text)

    def _inks(self) -> dict[Kind, Color]:
        t = self.kit.theme
        return {
            "plain": t.text,
            "name": t.text,
            "keyword": t.categories["recurrent"],
            "call": t.categories["convolution"],
            "number": t.series[1],
            "string": t.categories["pooling"],
            "comment": t.text3,
            "sign": t.text2,
        }

    def _wrong_nodes(self, view: View) -> frozenset[str]:
        if self._wrong[0] is not view.document.issues:
            self._wrong = view.document.issues, frozenset(issue.node for issue in view.document.issues)
        return self._wrong[1]

    def _follow(self, code: CodeView, view: View) -> None:
        """Scroll to the lines of a node that was selected elsewhere, when they are out of sight."""
        selection = view.document.selection
        if selection == self._followed:
            return
        self._followed = selection
        lines = code.lines.get(view.document.selected or "", ())
        if not lines:
            return
        height = self.kit.px(ROW_PX)
        top, low, room = (min(lines) - 1) * height, imgui.get_scroll_y(), imgui.get_window_size().y
        if top < low or top + 2 * height > low + room:
            imgui.set_scroll_y(max(0.0, top - room / 3))


PANEL = CodePanel
