"""The menus, made from the actions."""

from __future__ import annotations

from pathlib import Path

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.ui import icons, widgets
from neuralforge.ui.actions import MENUS, Action, Menu, all_actions, perform
from neuralforge.ui.bar_state import BarState, go_to
from neuralforge.ui.kit import Kit
from neuralforge.ui.panel import Post
from neuralforge.workbench.commands import OpenPath
from neuralforge.workbench.view import View

MENU_WIDTH_PX = 290.0
_CHECK_PX = 26.0
MOST_RECENT = 10


def draw_menus(kit: Kit, view: View, post: Post, state: BarState, x: float, middle: float) -> float:
    """Draw the names of the menus side by side, and the menu that is open.

    Args:
        kit: The kit.
        view: What there is.
        post: Takes commands.
        state: Knows which menu is open.
        x: Where they begin, in pixels of the screen.
        middle: Their middle, in pixels of the screen.

    Returns:
        Where they end.
    """
    t = kit.theme
    low = middle - kit.px(14)
    for menu in MENUS:
        width = kit.text_size(menu, "regular", 15).x + kit.px(20)
        size = ImVec2(width, kit.px(28))
        go_to(x, low)
        at = imgui.get_cursor_screen_pos()
        pressed = imgui.invisible_button(f"menu {menu}", size, imgui.ButtonFlags_.enable_nav)
        over = imgui.is_mouse_hovering_rect(at, at + size)
        is_open = state.menu == menu
        if is_open or imgui.is_item_hovered():
            imgui.get_window_draw_list().add_rect_filled(at, at + size, t.hover.u32, kit.px(5))
        widgets.focus_ring(kit)
        ink = t.text if is_open or over else t.text2
        kit.draw_text(at + kit.vec(10, 5), menu, ink, "regular", 15)
        if kit.marks.on:
            kit.marks.note(f"menu/{menu}", at.x, at.y, at.x + size.x, at.y + size.y)
        if pressed or (over and state.menu and not is_open):
            state.menu = menu
            imgui.open_popup(f"{menu} popup")
        _popup(kit, view, post, state, menu, ImVec2(at.x, at.y + size.y + kit.px(6)))
        x += width
    return x


def draw_menu_button(kit: Kit, view: View, post: Post, state: BarState, x: float, middle: float) -> float:
    """Draw one button with all menus in it, where there is little room; arguments as for `draw_menus`."""
    go_to(x, middle - kit.px(14))
    at = imgui.get_cursor_screen_pos()
    if widgets.icon_button(kit, icons.MENU, "menu", "Menu"):
        imgui.open_popup("all menus")
    imgui.set_next_window_pos(at + kit.vec(0, 34))
    spacing = imgui_ctx.push_style_var(imgui.StyleVar_.item_spacing, kit.vec(8, 10))
    with widgets.popup_look(kit), spacing, kit.font("regular", 15), imgui_ctx.begin_popup("all menus") as opened:
        if opened:
            for menu in MENUS:
                with imgui_ctx.begin_menu(menu) as inside:
                    if inside:
                        _items(kit, view, post, state, menu)
    return x + kit.px(28)


def _popup(kit: Kit, view: View, post: Post, state: BarState, menu: Menu, at: ImVec2) -> None:
    imgui.set_next_window_pos(at)
    with widgets.popup_look(kit), kit.font("regular", 15), imgui_ctx.begin_popup(f"{menu} popup") as opened:
        if opened:
            if state.menu != menu:
                imgui.close_current_popup()  # the mouse went on to another name
            else:
                _items(kit, view, post, state, menu)
        elif state.menu == menu and not imgui.is_popup_open(f"{menu} popup"):
            state.menu = ""


def _items(kit: Kit, view: View, post: Post, state: BarState, menu: Menu) -> None:
    with (
        imgui_ctx.push_style_color(imgui.Col_.text_disabled, kit.vec4(kit.theme.text3)),
        imgui_ctx.push_style_var(imgui.StyleVar_.item_spacing, kit.vec(8, 10)),
    ):
        _list(kit, view, post, state, menu)


def _list(kit: Kit, view: View, post: Post, state: BarState, menu: Menu) -> None:
    imgui.dummy(ImVec2(kit.px(MENU_WIDTH_PX), 0))
    before: Action | None = None
    for item in all_actions():
        if item.menu != menu:
            continue
        if before is not None and before.group != item.group:
            imgui.separator()
        before = item
        enabled = item.enabled(view)
        checked = item.checked(view) if item.checked else False
        label = item.label(view, state.run_n)
        at = imgui.get_cursor_screen_pos()
        chosen, _ = imgui.menu_item(f"       {label}###{item.key}", "", checked, enabled)
        low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
        if item.shortcut:  # against the right edge; Dear ImGui would begin all of them in one column
            wide = kit.text_size(item.shortcut, "mono", 13).x
            end = ImVec2(high.x - kit.px(_CHECK_PX) - wide, (low.y + high.y) / 2 - kit.px(8))
            kit.draw_text(end, item.shortcut, kit.theme.text3 if enabled else kit.theme.disabled, "mono", 13)
        ink = kit.theme.text2 if enabled else kit.theme.disabled
        kit.draw_text(ImVec2(at.x, (low.y + high.y) / 2 - kit.px(7)), item.icon, ink, "regular", 13)
        if kit.marks.on:
            kit.marks.note(f"action/{item.key}", low.x, low.y, high.x, high.y)
        widgets.tooltip(kit, item.tip if enabled else item.why_not(view) or item.tip)
        if chosen:
            perform(item, view, post, state.run_n)
        if item.key == "file.open":
            _recent(kit, view, post)


def _recent(kit: Kit, view: View, post: Post) -> None:
    files = view.recent[:MOST_RECENT]
    with imgui_ctx.begin_menu("       Open recent", bool(files)) as opened:
        if opened:
            for file in files:
                if imgui.menu_item_simple(f"{file.name}###{file.path}", enabled=file.problem is None):
                    post(OpenPath(Path(file.path)))
                widgets.tooltip(kit, file.problem or str(file.path))
