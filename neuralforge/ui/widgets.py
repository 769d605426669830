"""The controls that all panels share. Each takes the kit first, and lays itself out at the cursor."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, Literal

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.ui import icons
from neuralforge.ui.kit import Face, Kit
from neuralforge.ui.style import CLEAR, WHITE
from neuralforge.ui.theme import Color

_TIP_FLAGS: Final = int(imgui.HoveredFlags_.for_tooltip | imgui.HoveredFlags_.allow_when_disabled)

ButtonKind = Literal["primary", "field", "plain", "danger"]


# Text


def text(kit: Kit, words: str, color: Color | None = None, face: Face = "regular", size_px: float = 15) -> None:
    """Write words."""
    with kit.font(face, size_px):
        imgui.text_colored(kit.vec4(color or kit.theme.text), words)


def mono(kit: Kit, words: str, color: Color | None = None, size_px: float = 13) -> None:
    """Write numbers, shapes or code."""
    text(kit, words, color or kit.theme.text, "mono", size_px)


def mono_right(kit: Kit, words: str, color: Color | None = None, size_px: float = 13) -> None:
    """Write numbers against the right edge, on the same line as what came before."""
    width = kit.text_size(words, "mono", size_px).x
    imgui.same_line()
    imgui.set_cursor_pos_x(imgui.get_cursor_pos_x() + max(0.0, imgui.get_content_region_avail().x - width))
    mono(kit, words, color, size_px)


def wrapped(kit: Kit, words: str, color: Color | None = None, size_px: float = 14) -> None:
    """Write a paragraph, as wide as there is room."""
    with kit.font("regular", size_px), imgui_ctx.push_style_color(imgui.Col_.text, kit.vec4(color or kit.theme.text2)):
        imgui.text_wrapped(words)


def shortened(kit: Kit, words: str, width_px: float, face: Face = "regular", size_px: float = 15) -> str:
    """Return the words, cut with an ellipsis where they are wider than some pixels of the screen."""
    if kit.text_size(words, face, size_px).x <= width_px:
        return words
    low, high = 0, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        if kit.text_size(words[:middle] + "\u2026", face, size_px).x <= width_px:
            low = middle
        else:
            high = middle - 1
    return words[:low] + "\u2026"


def shortened_left(kit: Kit, words: str, width_px: float, face: Face = "regular", size_px: float = 15) -> str:
    """Return the words, their beginning cut where they are too wide: of a dotted path the end says most."""
    if kit.text_size(words, face, size_px).x <= width_px:
        return words
    low, high = 0, len(words)
    while low < high:
        middle = (low + high) // 2
        if kit.text_size("\u2026" + words[middle:], face, size_px).x <= width_px:
            high = middle
        else:
            low = middle + 1
    return "\u2026" + words[low:]


def folded(kit: Kit, words: str, width_px: float, face: Face = "regular", size_px: float = 15) -> list[str]:
    """Return the words in lines that are about equally long and at most some pixels of the screen wide."""
    lines: list[str] = []
    for paragraph in words.split("\n"):
        whole = kit.text_size(paragraph, face, size_px).x
        # A little more than an even share: with no more the last word goes onto a line of its own.
        share = width_px if whole <= width_px else min(width_px, whole / math.ceil(whole / width_px) * 1.12)
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}" if line else word
            if kit.text_size(longer, face, size_px).x <= share:
                line = longer
                continue
            if line:
                lines.append(line)
            line = word
            while kit.text_size(line, face, size_px).x > width_px and len(line) > 1:  # a path, say
                head = shortened(kit, line, width_px, face, size_px)[:-1] or line[0]
                lines.append(head)
                line = line[len(head) :]
        lines.append(line)
    return lines


def tooltip(kit: Kit, words: str, shortcut: str = "") -> None:
    """Explain the last item when the mouse rests on it, or when it has the keyboard's focus."""
    if not words or not imgui.is_item_hovered(_TIP_FLAGS):
        return
    rounding = imgui_ctx.push_style_var(imgui.StyleVar_.window_rounding, kit.px(6))
    with popup_look(kit), rounding, imgui_ctx.begin_tooltip() as tip:
        if tip:
            with imgui_ctx.push_style_var(imgui.StyleVar_.item_spacing, kit.vec(8, 4)):
                for line in folded(kit, words, kit.px(340), "regular", 14):
                    text(kit, line, size_px=14)
                if shortcut:
                    mono(kit, shortcut, kit.theme.text3)


class popup_look:  # like those of imgui_ctx; as a generator it would take thrice as long
    """Give popups and tooltips that are begun inside their border and padding.

    Args:
        kit: The kit.
    """

    __slots__ = ("_kit",)

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    def __enter__(self) -> None:
        imgui.push_style_color(imgui.Col_.border, self._kit.vec4(self._kit.theme.border_strong))
        imgui.push_style_var(imgui.StyleVar_.window_padding, self._kit.vec(10, 8))

    def __exit__(self, *_: object) -> None:
        imgui.pop_style_var()
        imgui.pop_style_color()


# Buttons


def button(
    kit: Kit,
    label: str,
    icon: str = "",
    kind: ButtonKind = "field",
    *,
    tip: str = "",
    shortcut: str = "",
    enabled: bool = True,
    width_px: float = 0,
    height_px: float = 32,
    key: str = "",
) -> bool:
    """Draw a button and return whether it was pressed.

    Args:
        kit: The kit.
        label: What stands on it; may be empty beside an icon.
        icon: Left of the label.
        kind: "primary" is filled, one for each view; "field" quiet; "plain" without ground; "danger" red.
        tip: What it does; every button has one that is not plain from its label.
        shortcut: Keys that do the same.
        enabled: Whether it can be pressed.
        width_px: At scale 1; by the label when 0.
        height_px: At scale 1.
        key: Makes the id unique, and names the button for tests; the label when empty.
    """
    t = kit.theme
    ground, hover, active, ink = {
        "primary": (t.accent_fill, t.accent_hover, t.accent_fill, WHITE),
        "field": (t.field, t.hover, t.active, t.text),
        "plain": (CLEAR, t.hover, t.active, t.text),
        "danger": (t.danger.fade(0.14), t.danger.fade(0.24), t.danger.fade(0.30), t.danger),
    }[kind]
    name = key or label
    space = 8.0 if icon and label else 0.0
    text_width = kit.text_size(label, "medium", 15).x if label else 0.0
    icon_width = kit.text_size(icon, "medium", 15).x if icon else 0.0
    inner = text_width + icon_width + kit.px(space)
    width = kit.px(width_px) if width_px else max(kit.px(height_px), inner + kit.px(24 if label else 0))
    size = ImVec2(width, kit.px(height_px))
    at = imgui.get_cursor_screen_pos()
    imgui.begin_disabled(not enabled)
    pressed = imgui.invisible_button(f"##{name}", size, imgui.ButtonFlags_.enable_nav)
    hovered, held = imgui.is_item_hovered(), imgui.is_item_active()
    imgui.end_disabled()
    if not enabled:
        ground, ink = (t.field if kind != "plain" else CLEAR), t.disabled
    elif held:
        ground = active
    elif hovered:
        ground = hover
    elif kind == "plain" and not label:  # icons by themselves are louder than words
        ink = t.text2
    draw = imgui.get_window_draw_list()
    end = at + size
    if ground.alpha:
        draw.add_rect_filled(at, end, ground.u32, kit.px(6))
    x = at.x + (width - inner) / 2
    middle = at.y + size.y / 2
    if icon:
        kit.draw_text(ImVec2(x, middle - kit.px(9)), icon, ink, "medium", 15, draw)
        x += icon_width + kit.px(space)
    if label:
        kit.draw_text(ImVec2(x, middle - kit.px(9)), label, ink, "medium", 15, draw)
    if kit.marks.on:
        kit.marks.note(f"button/{name}", at.x, at.y, end.x, end.y)
    tooltip(kit, tip, shortcut)
    return bool(pressed and enabled)


def icon_button(
    kit: Kit, icon: str, key: str, tip: str, *, shortcut: str = "", enabled: bool = True, on: bool = False,
    size_px: float = 28,
) -> bool:  # fmt: skip
    """Draw a square button with an icon alone; its tooltip is its name."""
    return button(
        kit, "", icon, "field" if on else "plain", tip=tip, shortcut=shortcut, enabled=enabled, width_px=size_px,
        height_px=size_px, key=key,
    )  # fmt: skip


def link(kit: Kit, label: str, tip: str = "", size_px: float = 14) -> bool:
    """Draw words that can be clicked."""
    size = kit.text_size(label, "medium", size_px)
    at = imgui.get_cursor_screen_pos()
    pressed = imgui.invisible_button(f"##{label}", size, imgui.ButtonFlags_.enable_nav)
    hovered = imgui.is_item_hovered()
    kit.draw_text(at, label, kit.theme.accent, "medium", size_px)
    if hovered or (imgui.is_item_focused() and imgui.get_io().nav_visible):
        imgui.set_mouse_cursor(imgui.MouseCursor_.hand)
        y = at.y + size.y
        imgui.get_window_draw_list().add_line(ImVec2(at.x, y), ImVec2(at.x + size.x, y), kit.theme.accent.u32, 1)
    if kit.marks.on:
        kit.marks.note(f"link/{label}", at.x, at.y, at.x + size.x, at.y + size.y)
    tooltip(kit, tip)
    return bool(pressed)


def toggle(kit: Kit, key: str, on: bool, *, tip: str = "", enabled: bool = True) -> bool:
    """Draw a switch and return whether it was flipped."""
    t = kit.theme
    size = kit.vec(32, 18)
    at = imgui.get_cursor_screen_pos()
    imgui.begin_disabled(not enabled)
    pressed = imgui.invisible_button(f"##{key}", size, imgui.ButtonFlags_.enable_nav)
    hovered = imgui.is_item_hovered()
    imgui.end_disabled()
    draw = imgui.get_window_draw_list()
    ground = (t.accent_hover if hovered else t.accent_fill) if on else (t.border_strong if hovered else t.active)
    if not enabled:
        ground = ground.fade(0.5)
    draw.add_rect_filled(at, at + size, ground.u32, size.y / 2)
    x = at.x + (size.x - size.y / 2 if on else size.y / 2)
    draw.add_circle_filled(ImVec2(x, at.y + size.y / 2), kit.px(6.5), WHITE.u32)
    if kit.marks.on:
        kit.marks.note(f"toggle/{key}", at.x, at.y, at.x + size.x, at.y + size.y)
    tooltip(kit, tip)
    return bool(pressed and enabled)


def segmented(
    kit: Kit, key: str, options: Sequence[tuple[str, str, str]], chosen: str, *, on_bar: bool = False,
    tips: Mapping[str, str] | None = None, shortcuts: Mapping[str, str] | None = None,
) -> str | None:  # fmt: skip
    """Draw a row of choices of which one holds, and return the one that was clicked.

    Args:
        kit: The kit.
        key: Makes ids unique.
        options: (value, label, icon) of each.
        chosen: The value that holds.
        on_bar: Whether it lies on the ground of the window instead of a panel.
        tips: Value -> its tooltip.
        shortcuts: Value -> the keys that choose it.
    """
    t = kit.theme
    clicked = None
    at = imgui.get_cursor_screen_pos()
    widths = [kit.text_size(label, "medium", 15).x + kit.px(24 + (22 if icon else 0)) for _, label, icon in options]
    draw = imgui.get_window_draw_list()
    height = kit.px(32)
    draw.add_rect_filled(at, at + ImVec2(sum(widths), height), (t.panel if on_bar else t.field).u32, kit.px(7))
    x = at.x
    for (value, label, icon), width in zip(options, widths, strict=True):
        imgui.set_cursor_screen_pos(ImVec2(x, at.y))
        if imgui.invisible_button(f"##{key}/{value}", ImVec2(width, height), imgui.ButtonFlags_.enable_nav):
            clicked = value
        hovered = imgui.is_item_hovered()
        if tips:
            tooltip(kit, tips.get(value, ""), (shortcuts or {}).get(value, ""))
        inset = kit.vec(2, 2)
        low, high = ImVec2(x, at.y) + inset, ImVec2(x + width, at.y + height) - inset
        if value == chosen:
            ground = t.elevated if t.name == "light" else t.hover if on_bar else t.active
            draw.add_rect_filled(low, high, ground.u32, kit.px(6))
        ink = t.text if value == chosen or hovered else t.text2
        left = x + kit.px(12)
        if icon:
            kit.draw_text(ImVec2(left, at.y + kit.px(7)), icon, t.accent if value == chosen else ink, "medium", 15)
            left += kit.px(22)
        kit.draw_text(ImVec2(left, at.y + kit.px(7)), label, ink, "medium", 15)
        if kit.marks.on:
            kit.marks.note(f"segment/{key}/{value}", x, at.y, x + width, at.y + height)
        x += width
    return clicked


def menu_item(kit: Kit, label: str, tip: str, shortcut: str = "", *, enabled: bool = True) -> bool:
    """Draw a line of a context menu, with its tooltip, and return whether it was chosen."""
    chosen, _ = imgui.menu_item(label, shortcut, False, enabled)
    tooltip(kit, tip)
    return bool(chosen)


# Structure


def hairline(kit: Kit, above_px: float = 7, below_px: float = 7) -> None:
    """Draw a line over the width of the panel between two sections."""
    imgui.dummy(ImVec2(0, max(0.0, kit.px(above_px) - imgui.get_style().item_spacing.y)))
    at = imgui.get_cursor_screen_pos()
    left = imgui.get_window_pos().x
    imgui.get_window_draw_list().add_line(
        ImVec2(left, at.y), ImVec2(left + imgui.get_window_size().x, at.y), kit.theme.border.u32, 1
    )
    imgui.dummy(ImVec2(0, max(1.0, kit.px(below_px) - imgui.get_style().item_spacing.y)))


def section(kit: Kit, title: str, hint: str = "", *, line: bool = True) -> None:
    """Write the head of a section, with a hint at the right edge; a hairline above when there is one before."""
    if line:
        hairline(kit)
    text(kit, title, kit.theme.text2, "semibold", 14)
    if hint:
        mono_right(kit, hint, kit.theme.text3)


def row_label(kit: Kit, label: str, tip: str = "") -> float:
    """Write the label of a form row and put the cursor where its field begins.

    Returns:
        Width of the field, in pixels of the screen.
    """
    start = imgui.get_cursor_pos()
    width = imgui.get_content_region_avail().x
    field_x = start.x + width * 0.46
    with kit.font("regular", 15):
        imgui.align_text_to_frame_padding()
        shown = shortened(kit, label, width * 0.46 - kit.px(6))
        imgui.text_colored(kit.vec4(kit.theme.text2), shown)
    tooltip(kit, tip or (label if shown != label else ""))
    imgui.same_line(field_x)
    return width - (field_x - start.x)


def fact(kit: Kit, label: str, value: str, tip: str = "") -> None:
    """Write a label and, against the right edge, what is known."""
    text(kit, label, kit.theme.text2)
    tooltip(kit, tip)
    mono_right(kit, value)


def chip(kit: Kit, words: str, color: Color, icon: str = "", tip: str = "", *, filled: bool = True) -> None:
    """Draw a small pill with words."""
    shown = f"{icon}  {words}" if icon else words
    size = kit.text_size(shown, "medium", 13) + kit.vec(14, 5)
    at = imgui.get_cursor_screen_pos()
    imgui.dummy(size)
    draw = imgui.get_window_draw_list()
    draw.add_rect_filled(at, at + size, color.fade(0.14 if filled else 0.07).u32, kit.px(5))
    kit.draw_text(at + kit.vec(7, 2), shown, color, "medium", 13)
    tooltip(kit, tip)


def dot(kit: Kit, color: Color, tip: str = "", radius_px: float = 3) -> None:
    """Draw a disc on the line."""
    height = imgui.get_text_line_height()
    at = imgui.get_cursor_screen_pos()
    imgui.dummy(ImVec2(kit.px(2 * radius_px), height))
    imgui.get_window_draw_list().add_circle_filled(
        at + ImVec2(kit.px(radius_px), height / 2 + kit.px(1)), kit.px(radius_px), color.u32
    )
    tooltip(kit, tip)


def icon_tile(kit: Kit, icon: str, color: Color, size_px: float = 38, draw_at: ImVec2 | None = None) -> None:
    """Draw an icon on a tinted tile, at the cursor or at a place of the screen."""
    size = kit.vec(size_px, size_px)
    at = draw_at or imgui.get_cursor_screen_pos()
    if draw_at is None:
        imgui.dummy(size)
    draw = imgui.get_window_draw_list()
    draw.add_rect_filled(at, at + size, color.fade(0.20).u32, kit.px(size_px * 0.18))
    ink = kit.text_size(icon, "regular", size_px * 0.45)
    kit.draw_text(at + (size - ink) * 0.5, icon, color, "regular", size_px * 0.45)


def progress(kit: Kit, fraction: float, width_px: float, color: Color | None = None, height_px: float = 4) -> None:
    """Draw a rail that is filled to a fraction.

    Args:
        kit: The kit.
        fraction: From 0 to 1.
        width_px: In pixels of the screen.
        color: Of the filled part; the accent's fill by default.
        height_px: At scale 1.
    """
    at = imgui.get_cursor_screen_pos()
    height = kit.px(height_px)
    imgui.dummy(ImVec2(width_px, height))
    draw = imgui.get_window_draw_list()
    draw.add_rect_filled(at, at + ImVec2(width_px, height), kit.theme.hover.u32, height / 2)
    done = width_px * min(1.0, max(0.0, fraction))
    if done >= height:
        draw.add_rect_filled(at, at + ImVec2(done, height), (color or kit.theme.accent_fill).u32, height / 2)


def empty(
    kit: Kit, icon: str, title: str, line: str, action: str = "", action_icon: str = "", tip: str = "", *,
    enabled: bool = True,
) -> bool:  # fmt: skip
    """Fill a panel that has nothing to show: what it is for, and what to do next.

    Returns:
        Whether the button was pressed.
    """
    available = imgui.get_content_region_avail()
    room = max(kit.px(120), available.x)
    lines = folded(kit, line, min(room - kit.px(16), kit.px(340)), size_px=14)
    words_height = kit.px(20) * len(lines)
    below = kit.px(22 + 6) + words_height + (kit.px(46) if action else 0)
    tile = kit.px(48 + 12) if available.y >= below + kit.px(48 + 12) else 0.0  # the words matter more
    start = imgui.get_cursor_pos()
    y = start.y + max(0.0, (available.y - tile - below) * 0.45)

    def centred(width: float, top: float) -> None:
        imgui.set_cursor_pos(ImVec2(start.x + max(0.0, (room - width) / 2), top))

    if tile:
        centred(kit.px(48), y)
        icon_tile(kit, icon, kit.theme.text3, 48)
        y += tile
    title = shortened(kit, title, room, "semibold", 16)
    centred(kit.text_size(title, "semibold", 16).x, y)
    text(kit, title, kit.theme.text, "semibold", 16)
    y += kit.px(26)
    for words in lines:
        centred(kit.text_size(words, "regular", 14).x, y)
        text(kit, words, kit.theme.text2, "regular", 14)
        y += kit.px(20)
    if not action:
        return False
    width = kit.text_size(action, "medium", 15).x + kit.px(24 + (24 if action_icon else 0))
    centred(width, y + kit.px(12))
    return button(kit, action, action_icon, "field", tip=tip, enabled=enabled)


def search_field(
    kit: Kit, key: str, value: str, hint: str, shortcut: str = "", *, focus: bool = False, tip: str = ""
) -> str:
    """Draw a field to search in, as wide as there is room, and return what stands in it.

    Args:
        kit: The kit.
        key: Its id.
        value: What stood in it.
        hint: Shown while it is empty.
        shortcut: Keys that lead to it.
        focus: Whether it gets the keyboard now.
        tip: Its tooltip while nobody types in it.
    """
    width = imgui.get_content_region_avail().x
    at = imgui.get_cursor_screen_pos()
    if focus:
        imgui.set_keyboard_focus_here()
    imgui.set_next_item_width(width)
    with imgui_ctx.push_style_var(imgui.StyleVar_.frame_padding, kit.vec(30, 7)), kit.font("regular", 15):
        _, found = imgui.input_text_with_hint(f"##{key}", hint, value)
        size = imgui.get_item_rect_size()
        focus_ring(kit)
    if tip and not imgui.is_item_active():
        tooltip(kit, tip, shortcut)
    kit.draw_text(at + kit.vec(10, 8), icons.SEARCH, kit.theme.text3, "regular", 13)
    if shortcut and not value:
        taken = kit.text_size(shortcut, "mono", 13).x
        kit.draw_text(
            ImVec2(at.x + width - taken - kit.px(10), at.y + kit.px(8)), shortcut, kit.theme.text3, "mono", 13
        )
    if kit.marks.on:
        kit.marks.note(f"field/{key}", at.x, at.y, at.x + width, at.y + size.y)
    return found


def focus_ring(kit: Kit) -> None:
    """Outline the last item while it has the keyboard; one that was reached by keys has an outline already."""
    if imgui.is_item_active() and not (imgui.is_item_focused() and imgui.get_io().nav_visible):
        low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
        imgui.get_window_draw_list().add_rect(low, high, kit.theme.accent.u32, kit.px(5), kit.px(1.5))


@contextmanager
def card(kit: Kit, key: str, color: Color | None = None, height_px: float = 0) -> Iterator[None]:
    """Draw what is inside on a card over the width of the panel; tinted when a colour is given."""
    t = kit.theme
    ground = color.fade(0.09) if color else t.elevated
    edge = color.fade(0.35) if color else t.border
    flags = imgui.ChildFlags_.borders | imgui.ChildFlags_.always_use_window_padding
    if not height_px:
        flags |= imgui.ChildFlags_.auto_resize_y
    with (
        imgui_ctx.push_style_color(imgui.Col_.child_bg, kit.vec4(ground)),
        imgui_ctx.push_style_color(imgui.Col_.border, kit.vec4(edge)),
        imgui_ctx.push_style_var(imgui.StyleVar_.child_rounding, kit.px(6)),
        imgui_ctx.begin_child(key, ImVec2(0, kit.px(height_px)), flags, imgui.WindowFlags_.no_scrollbar),
    ):
        yield
