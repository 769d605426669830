"""The app bar: logo, menus, the open document, the arrangements, the way to all commands."""

from __future__ import annotations

from itertools import pairwise

from imgui_bundle import ImVec2, imgui

from neuralforge.ui import icons, widgets
from neuralforge.ui.actions import ACTIONS
from neuralforge.ui.bar_state import APP_BAR_PX, EDGE_PX, NARROW_PX, BarState, divider, go_to, ground, line_below
from neuralforge.ui.bar_texts import document_words
from neuralforge.ui.kit import Kit
from neuralforge.ui.local import FocusPanel, SetArrangement, ShowCommands
from neuralforge.ui.menus import draw_menu_button, draw_menus
from neuralforge.ui.panel import Post
from neuralforge.ui.theme import WHITE
from neuralforge.workbench.view import View

SEARCH_WIDTH_PX = 262.0
_LOGO_PX = 22.0
_SWITCH = (("build", "Build", icons.BUILD), ("train", "Train", icons.TRAIN))
_SWITCHING = {item.key.removeprefix("view."): item for item in ACTIONS if item.key in ("view.build", "view.train")}
_SWITCH_TIPS = {name: item.tip for name, item in _SWITCHING.items()}
_SWITCH_KEYS = {name: item.shortcut for name, item in _SWITCHING.items()}


def draw_app_bar(kit: Kit, view: View, post: Post, state: BarState) -> None:
    """Draw the bar at the top of the present window, over its width.

    Args:
        kit: The kit.
        view: What there is to show.
        post: Takes commands.
        state: What the bars remember.
    """
    at, width = ground(kit, 0, APP_BAR_PX, kit.theme.bg)
    line_below(kit, at, width, APP_BAR_PX)
    middle = at.y + kit.px(APP_BAR_PX / 2)
    narrow = width < kit.px(NARROW_PX)
    x = at.x + kit.px(EDGE_PX)
    draw_logo(kit, ImVec2(x, middle - kit.px(_LOGO_PX / 2)), _LOGO_PX)
    x += kit.px(_LOGO_PX + 10)
    kit.draw_text(ImVec2(x, middle - kit.px(9)), "NeuralForge", kit.theme.text, "semibold", 15)
    x += kit.text_size("NeuralForge", "semibold", 15).x + kit.px(16)
    x = (draw_menu_button if narrow else draw_menus)(kit, view, post, state, x, middle) + kit.px(12)

    switch = sum(kit.text_size(label, "medium", 15).x + kit.px(46) for _, label, _ in _SWITCH)
    left = at.x + (width - switch) / 2
    divider(kit, x, middle)
    _document(kit, view, x + kit.px(16), middle, left - x - kit.px(40))
    go_to(left, middle - kit.px(16))
    clicked = widgets.segmented(
        kit, "arrangement", _SWITCH, state.arrangement, on_bar=True, tips=_SWITCH_TIPS, shortcuts=_SWITCH_KEYS
    )
    if clicked is not None and clicked != state.arrangement:
        post(SetArrangement("build" if clicked == "build" else "train"))

    x = at.x + width - kit.px(EDGE_PX + 28)
    go_to(x, middle - kit.px(14))
    if widgets.icon_button(kit, icons.SETTINGS, "settings", "Settings"):
        post(FocusPanel("settings"))
    x -= kit.px(34)
    go_to(x, middle - kit.px(14))
    if widgets.icon_button(kit, icons.HELP, "help", "Commands and shortcuts", shortcut="Ctrl+K"):
        post(ShowCommands())
    if narrow:
        go_to(x - kit.px(34), middle - kit.px(14))
        if widgets.icon_button(kit, icons.SEARCH, "search", "Search or run a command", shortcut="Ctrl+K"):
            post(ShowCommands())
    elif _search(kit, x - kit.px(SEARCH_WIDTH_PX + 14), middle):
        post(ShowCommands())


def draw_logo(kit: Kit, at: ImVec2, size_px: float) -> None:
    """Draw the sign of the program: an N of three wires between four nodes, on the accent.

    Args:
        kit: The kit.
        at: Its upper left corner, in pixels of the screen.
        size_px: Its side at scale 1.
    """
    draw, side = imgui.get_window_draw_list(), kit.px(size_px)
    draw.add_rect_filled(at, at + ImVec2(side, side), kit.theme.accent_fill.u32, side * 0.23)
    corners = [at + ImVec2(side * x, side * y) for x, y in ((0.29, 0.73), (0.29, 0.27), (0.71, 0.73), (0.71, 0.27))]
    for start, end in pairwise(corners):
        draw.add_line(start, end, WHITE.u32, max(1.0, side * 0.075))
    for corner in corners:
        draw.add_circle_filled(corner, side * 0.095, WHITE.u32)


def _document(kit: Kit, view: View, x: float, middle: float, room: float) -> None:
    t = kit.theme
    folder, name = document_words(view)
    saved = view.document.saved
    start = x
    y = middle - kit.px(9)
    name_width = kit.text_size(name, "medium", 15).x
    ahead = f"{folder}  /  " if folder else ""
    ahead_width = kit.text_size(ahead, "regular", 15).x if ahead else 0.0
    if ahead and ahead_width + name_width + kit.px(20) <= room:
        kit.draw_text(ImVec2(x, y), ahead, t.text2, "regular", 15)
        x += ahead_width
    name = widgets.shortened(kit, name, max(kit.px(60), room - (x - start) - kit.px(20)), "medium", 15)
    kit.draw_text(ImVec2(x, y), name, t.text, "medium", 15)
    x += kit.text_size(name, "medium", 15).x
    if not saved:
        centre = ImVec2(x + kit.px(12), middle + kit.px(1))
        imgui.get_window_draw_list().add_circle_filled(centre, kit.px(3.5), t.warning.u32)
        x += kit.px(18)
    go_to(start, y)
    imgui.dummy(ImVec2(max(1.0, x - start), kit.px(20)))
    path = view.document.path
    where = str(path) if path is not None else "Not in a file yet"
    widgets.tooltip(kit, where if saved else f"{where}\nChanged since it was saved", "" if saved else "Ctrl+S")


def _search(kit: Kit, x: float, middle: float) -> bool:
    t = kit.theme
    size = kit.vec(SEARCH_WIDTH_PX, 30)
    go_to(x, middle - kit.px(15))
    at = imgui.get_cursor_screen_pos()
    pressed = imgui.invisible_button("commands", size, imgui.ButtonFlags_.enable_nav)
    color = t.hover if imgui.is_item_hovered() else t.panel
    imgui.get_window_draw_list().add_rect_filled(at, at + size, color.u32, kit.px(6))
    widgets.focus_ring(kit)
    kit.draw_text(at + kit.vec(12, 8), icons.SEARCH, t.text3, "regular", 13)
    kit.draw_text(at + kit.vec(34, 6), "Search or run a command", t.text3, "regular", 14)
    keys = kit.text_size("Ctrl K", "mono", 13).x
    kit.draw_text(ImVec2(at.x + size.x - keys - kit.px(10), at.y + kit.px(7)), "Ctrl K", t.text3, "mono", 13)
    widgets.tooltip(kit, "Search among all commands and layers", "Ctrl+K")
    if kit.marks.on:
        kit.marks.note("button/commands", at.x, at.y, at.x + size.x, at.y + size.y)
    return bool(pressed)
