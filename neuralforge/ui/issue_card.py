"""An issue of the network as a card: what is wrong, both sides of it, and the buttons that mend it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from imgui_bundle import imgui, imgui_ctx

from neuralforge.graph.document import Document
from neuralforge.graph.edits import Edit
from neuralforge.graph.inference import Issue
from neuralforge.ui import icons, widgets
from neuralforge.ui.kit import Face, Kit
from neuralforge.ui.node_facts import advice, fix_label, has_sides, issue_title
from neuralforge.ui.panel import Post
from neuralforge.workbench.commands import Apply

MOST_FIXES: Final = 3


def issue_card(kit: Kit, issue: Issue, document: Document, post: Post, *, key: str, filled: bool = True) -> None:
    """Draw an issue over the width of the panel.

    Args:
        kit: The kit.
        issue: What is wrong.
        document: Where it is wrong.
        post: Takes the fix.
        key: Makes ids unique.
        filled: Whether the first fix is the filled button of the view.
    """
    t = kit.theme
    with widgets.card(kit, f"issue-{key}", t.danger):
        widgets.text(kit, icons.ERROR, t.danger, "semibold", 15)
        imgui.same_line()
        widgets.text(kit, issue_title(issue), t.text, "semibold", 15)
        if has_sides(issue):
            _side(kit, "expected", issue.expected, wrong=False)
            _side(kit, "received", issue.received, wrong=True)
        if words := advice(issue):
            widgets.wrapped(kit, words, t.text2, 13)
        fix_buttons(kit, issue.fixes[:MOST_FIXES], issue.node, document, post, key=key, filled=filled)


def _side(kit: Kit, label: str, value: str, *, wrong: bool) -> None:
    t = kit.theme
    widgets.text(kit, label, t.text3, size_px=13)
    imgui.same_line(kit.px(76))
    face: Face = "mono" if value.startswith("[") else "regular"
    ink = kit.vec4(t.danger if wrong else t.text)
    with kit.font(face, 13), imgui_ctx.push_style_color(imgui.Col_.text, ink):
        imgui.text_wrapped(value)


def fix_buttons(
    kit: Kit, fixes: Sequence[Edit], at: str, document: Document, post: Post, *, key: str, filled: bool = False,
    in_line: bool = False,
) -> None:  # fmt: skip
    """Draw a button for each fix, in as many lines as they need.

    Args:
        kit: The kit.
        fixes: The edits, the best first.
        at: Node that they mend.
        document: Where it is.
        post: Takes the chosen one.
        key: Makes ids unique.
        filled: Whether the first is the filled button of the view.
        in_line: Whether they stand in one line, which the caller has made room for.
    """
    left = imgui.get_cursor_pos_x()
    room = imgui.get_content_region_avail().x
    used = 0.0
    for place, fix in enumerate(fixes):
        label = fix_label(fix, at, document)
        shown = widgets.shortened(kit, label, room - kit.px(52), "medium")
        width = kit.text_size(shown, "medium").x + kit.px(24 + 24 * (place == 0))
        if place and (in_line or used + kit.px(8) + width <= room):
            imgui.same_line(0, kit.px(8))
            used += kit.px(8) + width
        elif place:
            imgui.set_cursor_pos_x(left)
            used = width
        else:
            used = width
        pressed = widgets.button(
            kit,
            shown,
            icons.WRENCH if place == 0 else "",
            "primary" if filled and place == 0 else "field",
            tip=fix.label,
            height_px=28,
            key=f"fix/{key}/{place}",
        )
        if pressed:
            post(Apply(fix))
