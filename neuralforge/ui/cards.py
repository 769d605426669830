"""The cards and tiles of the welcome screen: each one button, drawn by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from imgui_bundle import ImVec2, imgui, imgui_ctx
from numpy.typing import NDArray

from neuralforge.graph.document import Document
from neuralforge.graph.inference import infer_all
from neuralforge.layers.registry import catalog
from neuralforge.templates.registry import templates
from neuralforge.ui import icons, widgets
from neuralforge.ui.kit import Kit
from neuralforge.ui.memo import Memo
from neuralforge.ui.miniature import draw_miniature, draw_scattered, miniature, scattered
from neuralforge.ui.node_facts import category_of
from neuralforge.ui.numbers import plural, short
from neuralforge.ui.readable import one_line
from neuralforge.ui.rows import u32
from neuralforge.ui.style import CLEAR
from neuralforge.ui.textures import Textures
from neuralforge.ui.theme import BLACK, WHITE, Color
from neuralforge.workbench.view import Points, RecentFile, StartingPoint

_TELLING: Final = ("attention", "recurrent", "convolution", "linear")
_KIND_WORDS: Final = {"image": "Images", "table": "Tables", "sequence": "Sequences", "tokens": "Text"}
_ROUNDING_PX: Final = 10.0
_FOOTER_PX: Final = 72.0
_TALL_FOOTER_PX: Final = 98.0
_GRID_PX: Final = 28.0
_LIFT_STEPS: Final = 5
_TOP: Final = imgui.ImDrawFlags_.round_top.value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Card:
    """A big card.

    Args:
        key: Its id.
        title: Its name.
        lines: Words below it; drawn over up to two lines when `play`.
        note: Right of the title, in mono.
        hint: Right of the line, in mono.
        graph: The network in its picture.
        points: Data in its picture, instead of the network.
        problem: Why it cannot be opened.
        tip: Its tooltip.
        play: Whether it has a button that trains at once.
    """

    key: str
    title: str
    lines: str
    note: str = ""
    hint: str = ""
    graph: Document | None = None
    points: Points | None = None
    problem: str | None = None
    tip: str = ""
    play: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A small card.

    Args:
        key: Its id.
        title: Its name.
        line: What it takes.
        number: How many numbers it learns.
        category: The family of its layers.
        tip: Its tooltip.
    """

    key: str
    title: str
    line: str
    number: str
    category: str
    tip: str


class Pressed(NamedTuple):
    """What became of a card in this frame.

    Args:
        clicked: Whether it was clicked, or chosen with the keyboard.
        play: Whether its button was.
    """

    clicked: bool
    play: bool


def main_category(document: Document) -> str:
    """Return the family of layers that names a network: attention before recurrent, convolution and linear."""
    found = {category_of(node) for node in document.graph.nodes.values()}
    return next((category for category in _TELLING if category in found), next(iter(sorted(found)), ""))


def takes(template: str) -> str:
    """Return a word or two for what a template takes."""
    made = templates().get(template)
    if made is None:
        return ""
    if made.tasks and made.tasks[0] == "segmentation":
        return "Segmentation"
    words = [_KIND_WORDS[kind] for kind in made.kinds]
    first = ", ".join(words[:1] + [word.lower() for word in words[1:2]])
    return "Compression" if made.tasks and made.tasks[0] == "reconstruction" else first


def recent_card(file: RecentFile) -> Card:
    """Return the card of a recent file."""
    layers = plural(len(file.graph.graph.nodes), "layer") if file.graph is not None else ""
    parameters = short(infer_all(file.graph.graph, catalog()).totals(1).parameters) if file.graph is not None else ""
    return Card(
        key=f"recent/{file.path}",
        title=one_line(file.name),
        lines=layers,
        note=parameters,
        hint=file.when_text,
        graph=file.graph,
        problem=one_line(file.problem) if file.problem else None,
        tip=one_line(str(file.path)),
    )


def start_card(point: StartingPoint) -> Card:
    """Return the card of a starting point."""
    return Card(
        key=f"start/{point.key}",
        title=point.title,
        lines=point.summary,
        note=short(point.parameters) if point.parameters is not None else "",
        graph=point.graph,
        points=point.points,
        tip=f"Open a {point.template.replace('_', ' ')} network with the data set {point.data}",
        play=True,
    )


class CardDrawer:
    """Draws cards and tiles, and remembers their pictures.

    Args:
        kit: The kit.
    """

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self._memo = Memo()
        self._textures = Textures(kit)

    def forget(self) -> None:
        """Let go of textures, and work out all pictures anew."""
        self._memo.clear()
        self._textures.forget()

    def card(self, card: Card, at: ImVec2, size: ImVec2) -> Pressed:
        """Draw a card.

        Args:
            card: What it shows.
            at: Its upper left corner, in pixels of the screen.
            size: Width and height, in pixels of the screen.
        """
        kit, t = self.kit, self.kit.theme
        imgui.set_cursor_screen_pos(at)
        imgui.set_next_item_allow_overlap()
        clicked = self._item(card.key, size)
        hovered = imgui.is_item_hovered()
        focused = imgui.is_item_focused() and imgui.get_io().nav_visible
        widgets.tooltip(kit, card.problem or card.tip, "Enter" if focused else "")
        if hovered:
            imgui.set_mouse_cursor(imgui.MouseCursor_.hand)
        end = at + size
        footer = kit.px(_TALL_FOOTER_PX if card.play else _FOOTER_PX)
        split = end.y - footer
        lifted = hovered or focused
        draw = imgui.get_window_draw_list()
        self._shadow(at, end, lifted)
        rounding = kit.px(_ROUNDING_PX)
        draw.add_rect_filled(at, end, u32(t.elevated if lifted else t.panel), rounding)
        draw.add_rect_filled(at, ImVec2(end.x, split), u32(t.canvas), rounding, _TOP)
        draw.push_clip_rect(at, ImVec2(end.x, split), True)
        self._picture(card, at, ImVec2(size.x, split - at.y))
        draw.pop_clip_rect()
        draw.add_line(ImVec2(at.x, split), ImVec2(end.x, split), u32(t.border), 1)
        self._words(card, ImVec2(at.x, split), end)
        edge = t.accent if focused else t.border_strong if lifted else t.border
        draw.add_rect(at, end, u32(edge), rounding, kit.px(2) if focused else 1)
        if kit.marks.on:
            kit.marks.note(f"card/{card.key}", at.x, at.y, end.x, end.y)
        play = card.play and self._play(card, end, lifted)
        return Pressed(clicked and not play, play)

    def tile(self, tile: Tile, at: ImVec2, size: ImVec2) -> bool:
        """Draw a tile and return whether it was clicked.

        Args:
            tile: What it shows.
            at: Its upper left corner, in pixels of the screen.
            size: Width and height, in pixels of the screen.
        """
        kit, t = self.kit, self.kit.theme
        imgui.set_cursor_screen_pos(at)
        clicked = self._item(tile.key, size)
        hovered = imgui.is_item_hovered()
        focused = imgui.is_item_focused() and imgui.get_io().nav_visible
        widgets.tooltip(kit, tile.tip)
        if hovered:
            imgui.set_mouse_cursor(imgui.MouseCursor_.hand)
        end, draw = at + size, imgui.get_window_draw_list()
        lifted = hovered or focused
        draw.add_rect_filled(at, end, u32(t.elevated if lifted else t.panel), kit.px(8))
        edge = t.accent if focused else t.border_strong if lifted else t.border
        draw.add_rect(at, end, u32(edge), kit.px(8), kit.px(2) if focused else 1)
        color = t.category(tile.category) if tile.category else t.text3
        widgets.icon_tile(kit, icons.of_category(tile.category), color, 38, at + kit.vec(12, 13))
        left, right = at.x + kit.px(62), end.x - kit.px(13)
        title = widgets.shortened(kit, tile.title, right - left, "semibold", 15)
        kit.draw_text(ImVec2(left, at.y + kit.px(12)), title, t.text, "semibold", 15)
        if tile.number:
            width = kit.text_size(tile.number, "mono", 13).x
            kit.draw_text(ImVec2(right - width, at.y + kit.px(35)), tile.number, t.text3, "mono", 13)
            right -= width + kit.px(8)
        line = widgets.shortened(kit, tile.line, right - left, "regular", 14)
        kit.draw_text(ImVec2(left, at.y + kit.px(34)), line, t.text2, "regular", 14)
        if kit.marks.on:
            kit.marks.note(f"tile/{tile.key}", at.x, at.y, end.x, end.y)
        return clicked

    def _item(self, key: str, size: ImVec2) -> bool:
        """Make something that can be clicked at the cursor; its focus is drawn by whoever draws it."""
        with imgui_ctx.push_style_color(imgui.Col_.nav_cursor, self.kit.vec4(CLEAR)):
            return bool(imgui.invisible_button(f"##{key}", size, imgui.ButtonFlags_.enable_nav))

    # Parts of a card

    def _shadow(self, at: ImVec2, end: ImVec2, lifted: bool) -> None:
        kit = self.kit
        alpha = kit.theme.shadow_alpha * (1.6 if lifted else 0.8)
        draw, down = imgui.get_window_draw_list(), ImVec2(0, kit.px(5 if lifted else 3))
        ink = u32(BLACK.fade(alpha))
        for step in range(1, _LIFT_STEPS + 1):
            spread = kit.vec(2.2 * step, 2.2 * step)
            draw.add_rect_filled(at - spread + down, end + spread + down, ink, kit.px(_ROUNDING_PX + 2.2 * step))

    def _picture(self, card: Card, at: ImVec2, size: ImVec2) -> None:
        kit, t = self.kit, self.kit.theme
        self._grid(at, size)
        inset = kit.vec(24, 22)
        room = size - inset * 2
        if card.problem is not None:
            icon = kit.text_size(icons.WARNING, "regular", 26)
            kit.draw_text(at + (size - icon) * 0.5, icons.WARNING, t.warning, "regular", 26)
        elif card.points is not None:
            points = card.points
            placed = self._memo.get(card.key, (points, room.x, room.y), lambda: scattered(points, room.x, room.y))
            draw_scattered(kit, placed, at + inset)
        elif card.graph is not None and card.graph.graph.nodes:
            graph = card.graph
            picture = self._memo.get(
                card.key, (graph.graph, room.x, room.y), lambda: miniature(graph, room.x, room.y, kit.scale)
            )  # fmt: skip
            draw_miniature(kit, picture, at + inset, t.canvas)

    def _grid(self, at: ImVec2, size: ImVec2) -> None:
        """Draw the dots of a canvas; as one picture, since there are hundreds of them."""
        kit, t = self.kit, self.kit.theme
        dots = self._memo.get(
            f"grid/{size.x}x{size.y}",
            (t.name, kit.scale),
            lambda: dotted(int(size.x), int(size.y), kit.px(_GRID_PX), round(kit.px(1.5)), t.grid.fade(0.55)),
        )
        imgui.get_window_draw_list().add_image(imgui.ImTextureRef(self._textures.of(dots)), at, at + size)

    def _words(self, card: Card, at: ImVec2, end: ImVec2) -> None:
        kit, t = self.kit, self.kit.theme
        left, right = at.x + kit.px(14), end.x - kit.px(14)
        until = right
        if card.note:
            width = kit.text_size(card.note, "mono", 13).x
            kit.draw_text(ImVec2(right - width, at.y + kit.px(14)), card.note, t.text3, "mono", 13)
            until -= width + kit.px(10)
        title = widgets.shortened(kit, card.title, until - left, "semibold", 16)
        kit.draw_text(ImVec2(left, at.y + kit.px(12)), title, t.text, "semibold", 16)
        if card.play:
            width = right - left - kit.px(42)
            lines = self._memo.get(
                f"{card.key}/words", (card.lines, width), lambda: broken(kit, card.lines, width, 14, 2)
            )  # fmt: skip
            for number, line in enumerate(lines):
                kit.draw_text(ImVec2(left, at.y + kit.px(39 + 21 * number)), line, t.text2, "regular", 14)
            return
        until = right
        if card.hint:
            width = kit.text_size(card.hint, "mono", 13).x
            kit.draw_text(ImVec2(right - width, at.y + kit.px(41)), card.hint, t.text3, "mono", 13)
            until -= width + kit.px(10)
        words, color = (card.problem, t.danger) if card.problem else (card.lines, t.text2)
        shown = widgets.shortened(kit, words, until - left, "regular", 14)
        kit.draw_text(ImVec2(left, at.y + kit.px(39)), shown, color, "regular", 14)

    def _play(self, card: Card, end: ImVec2, lifted: bool) -> bool:
        kit, t = self.kit, self.kit.theme
        side = kit.px(32)
        at = ImVec2(end.x - side - kit.px(12), end.y - side - kit.px(13))
        imgui.set_cursor_screen_pos(at)
        pressed = self._item(f"play/{card.key}", ImVec2(side, side))
        hovered = imgui.is_item_hovered()
        focused = imgui.is_item_focused() and imgui.get_io().nav_visible
        draw, strong = imgui.get_window_draw_list(), lifted or hovered or focused
        ground = t.accent_hover if hovered else t.accent_fill if strong else t.field
        draw.add_rect_filled(at, at + ImVec2(side, side), u32(ground), kit.px(7))
        if focused:
            low, high = at - kit.vec(3, 3), at + ImVec2(side, side) + kit.vec(3, 3)
            draw.add_rect(low, high, u32(t.accent), kit.px(9), kit.px(2))
        ink = kit.text_size(icons.RUN, "regular", 13)
        kit.draw_text(at + (ImVec2(side, side) - ink) * 0.5, icons.RUN, WHITE if strong else t.text2, "regular", 13)
        widgets.tooltip(kit, "Open it and train at once")
        if kit.marks.on:
            kit.marks.note(f"play/{card.key}", at.x, at.y, at.x + side, at.y + side)
        return pressed


def dotted(width: int, height: int, step: float, side: int, color: Color) -> NDArray[np.uint8]:
    """Return a picture of dots on nothing.

    Args:
        width: In pixels.
        height: In pixels.
        step: From dot to dot, in pixels.
        side: Of a dot, in pixels.
        color: Of the dots.

    Returns:
        [H, W, 4].
    """
    picture = np.zeros((max(1, height), max(1, width), 4), np.uint8)
    rows, columns = (np.arange(step / 2, length, step).astype(int) for length in picture.shape[:2])
    ink = [round(part * 255) for part in color]
    picture[..., :3] = ink[:3]
    for y in range(side):
        for x in range(side):
            inside_y, inside_x = rows[rows + y < height] + y, columns[columns + x < width] + x
            picture[inside_y[:, None], inside_x, 3] = ink[3]
    return picture


def broken(kit: Kit, words: str, width: float, size_px: float, most: int) -> tuple[str, ...]:
    """Break words into lines.

    Args:
        kit: The kit.
        words: What.
        width: Room, in pixels of the screen.
        size_px: Size of the text at scale 1.
        most: How many lines there may be; the last one is cut with an ellipsis.
    """
    lines: list[str] = []
    left = words.split()
    while left and len(lines) < most - 1:
        taken = 1
        while taken < len(left) and kit.text_size(" ".join(left[: taken + 1]), "regular", size_px).x <= width:
            taken += 1
        lines.append(widgets.shortened(kit, " ".join(left[:taken]), width, "regular", size_px))
        left = left[taken:]
    if left:
        lines.append(widgets.shortened(kit, " ".join(left), width, "regular", size_px))
    return tuple(lines)
