"""What keeps the network from being trained, each with what mends it."""

from __future__ import annotations

from typing import Final

from imgui_bundle import ImVec2, imgui

from neuralforge.graph.document import Document
from neuralforge.graph.edits import Edit
from neuralforge.graph.inference import Issue
from neuralforge.ui import icons, widgets
from neuralforge.ui.issue_card import MOST_FIXES, fix_buttons
from neuralforge.ui.kit import Face
from neuralforge.ui.local import FitCanvas
from neuralforge.ui.node_facts import advice, fix_label, has_sides, issue_title, title_of
from neuralforge.ui.own_runs import shows_own
from neuralforge.ui.panel import Panel, Post
from neuralforge.ui.rows import Row, listing, row, tile, u32, visible, write
from neuralforge.workbench.commands import Apply, Select
from neuralforge.workbench.view import View

ROW_PX: Final = 58
_FIXES_FROM: Final = 0.62
"""Where the buttons begin, as a share of the width."""
_NARROW_PX: Final = 640


class IssuesPanel(Panel):
    """A list of issues; a click selects the node, a button mends it."""

    key = "issues"
    title = "Issues"
    icon = icons.WARNING
    docks = {"build": "bottom", "train": "hidden"}
    order = 30
    help = "What is wrong with the network, and what mends it"

    def draw(self, view: View, post: Post) -> None:
        """Draw the issues, in the order of computation."""
        document = view.document
        if shows_own(view):
            widgets.empty(self.kit, icons.CHECK, "No issues", "A module of your own is taken as it is, unchecked.")
            return
        if not document.issues:
            words = "All shapes fit: the network can be trained."
            widgets.empty(self.kit, icons.CHECK, "No issues", words)
            return
        with listing(self.kit, "##issues") as opened:
            if opened:
                for place in visible(len(document.issues), self.kit.px(ROW_PX)):
                    issue = document.issues[place]
                    self._draw_issue(place, issue, document.document, issue.node in document.selection, post)

    def _draw_issue(self, place: int, issue: Issue, document: Document, chosen: bool, post: Post) -> None:
        kit, t = self.kit, self.kit.theme
        imgui.set_next_item_allow_overlap()
        start = imgui.get_cursor_pos()
        found = row(kit, f"issue/{place}", ROW_PX, chosen=chosen and bool(issue.node))
        after = imgui.get_cursor_pos()
        wide = found.end.x - found.at.x
        narrow = wide < kit.px(_NARROW_PX)
        fixes_x = found.end.x - kit.px(36) if narrow else found.at.x + wide * _FIXES_FROM
        self._draw_words(found, issue, document, fixes_x)
        imgui.get_window_draw_list().add_line(
            ImVec2(found.at.x, found.end.y), ImVec2(found.end.x, found.end.y), u32(t.border.fade(0.6)), 1
        )
        imgui.set_cursor_screen_pos(ImVec2(fixes_x, found.at.y + kit.px((ROW_PX - 28) / 2)))
        if narrow:
            if issue.fixes and widgets.icon_button(
                kit, icons.WRENCH, f"fix/{place}", fix_label(issue.fixes[0], issue.node, document)
            ):
                post(Apply(issue.fixes[0]))
        else:
            fixes = self._fitting(issue, document, found.end.x - fixes_x)
            fix_buttons(kit, fixes, issue.node, document, post, key=str(place), in_line=True)
        imgui.set_cursor_pos(ImVec2(start.x, after.y))
        imgui.dummy(ImVec2(0, 0))
        if kit.marks.on:
            kit.marks.note(f"issue/{place}", found.at.x, found.at.y, found.end.x, found.end.y)
        if found.clicked and issue.node:
            post(Select(frozenset((issue.node,))))
        if found.double and issue.node:
            post(FitCanvas(selection=True))

    def _fitting(self, issue: Issue, document: Document, room: float) -> tuple[Edit, ...]:
        kit, used = self.kit, 0.0
        fitting = []
        for place, fix in enumerate(issue.fixes[:MOST_FIXES]):
            label = fix_label(fix, issue.node, document)
            used += kit.text_size(label, "medium").x + kit.px(32 + 24 * (place == 0))
            if place and used > room:
                break
            fitting.append(fix)
        return tuple(fitting)

    def _draw_words(self, found: Row, issue: Issue, document: Document, right: float) -> None:
        kit, t = self.kit, self.kit.theme
        first, second = found.at.y + kit.px(19), found.at.y + kit.px(39)
        tile(kit, found.at.x + kit.px(8), first, icons.ERROR, t.danger, 0.14)
        left = found.at.x + kit.px(40)
        end = left + (right - left) * 0.32
        node = document.graph.nodes.get(issue.node)
        place = f"{title_of(node)}" if node else "Network"
        write(kit, left, first, widgets.shortened(kit, place, end - left - kit.px(8), "medium"), t.text, "medium")
        where = issue.node + (f".{issue.port}" if issue.port else "") if node else document.name
        write(kit, left, second, widgets.shortened(kit, where, end - left - kit.px(8), "mono", 13), t.text3, "mono", 13)
        room = right - end - kit.px(14)
        title = issue_title(issue)
        write(kit, end, first, widgets.shortened(kit, title, room), t.danger)
        used = kit.text_size(title, "regular").x + kit.px(10)
        face: Face = "regular"
        words = advice(issue)
        if has_sides(issue):
            if words and room - used > kit.px(90):
                shown = widgets.shortened(kit, words, room - used, "regular", 13)
                write(kit, end + used, first, shown, t.text3, "regular", 13)
            words = f"Expected {issue.expected}, received {issue.received}"
            if issue.expected.startswith("[") and issue.received.startswith("["):
                face, words = "mono", f"{issue.expected}  \u2260  {issue.received}"
        write(kit, end, second, widgets.shortened(kit, words, room, face, 13), t.text2, face, 13)
        if found.hovered and imgui.get_io().mouse_pos.x < right:
            widgets.tooltip(kit, str(issue), "Click selects it, double-click shows it" if issue.node else "")


PANEL = IssuesPanel
