"""Turns a theme into the styles of Dear ImGui, ImPlot and the node editor."""

from __future__ import annotations

import numpy as np
from imgui_bundle import ImVec2, ImVec4, imgui, implot
from imgui_bundle import imgui_node_editor as ed

from neuralforge.ui.kit import Kit
from neuralforge.ui.theme import BLACK, WHITE, Color, Theme

CLEAR = Color(0, 0, 0, 0)


def apply(kit: Kit) -> None:
    """Apply the theme and the scale of a kit; inside the first frame, and again when one of them changes."""
    style = imgui.get_style()
    _sizes(kit, style)
    _colors(style, kit.theme)
    _plots(kit)


def _sizes(kit: Kit, style: imgui.Style) -> None:
    style.font_size_base = 15
    style.font_scale_main = kit.scale
    lengths = {
        "indent_spacing": 14,
        "scrollbar_size": 10,
        "scrollbar_rounding": 5,
        "scrollbar_padding": 2,
        "frame_rounding": 5,
        "grab_rounding": 5,
        "child_rounding": 0,  # docks are children too; cards push their own
        "popup_rounding": 8,
        "window_rounding": 0,
        "tab_rounding": 0,
        "window_border_size": 0,
        "frame_border_size": 0,
        "tab_border_size": 0,
        "popup_border_size": 1,
        "child_border_size": 1,
        "tab_bar_border_size": 1,
        "tab_bar_overline_size": 2,
        "docking_separator_size": 4,
        "separator_text_border_size": 1,
        "grab_min_size": 12,
        "columns_min_spacing": 6,
    }
    for name, length in lengths.items():
        setattr(style, name, kit.px(length))
    pairs = {
        "window_padding": (12, 10),
        "frame_padding": (9, 5),
        "item_spacing": (8, 7),
        "item_inner_spacing": (6, 4),
        "cell_padding": (8, 4),
        "window_min_size": (32, 32),
        "display_safe_area_padding": (3, 3),
    }
    for name, (x, y) in pairs.items():
        setattr(style, name, kit.vec(x, y))
    style.window_menu_button_position = imgui.Dir.none
    style.docking_node_has_close_button = False
    style.hover_delay_short = 0.15
    style.hover_delay_normal = 0.5
    style.tab_close_button_min_width_selected = -1  # always, where a tab can be closed
    style.tab_close_button_min_width_unselected = 0  # under the mouse


def _colors(style: imgui.Style, theme: Theme) -> None:
    col = imgui.Col_
    t = theme
    table: dict[imgui.Col_, Color] = {
        col.text: t.text,
        col.text_disabled: t.disabled,
        col.window_bg: t.panel,
        col.child_bg: CLEAR,
        col.popup_bg: t.elevated,
        col.border: t.bg,  # docking splitters take it; popups push their own
        col.border_shadow: CLEAR,
        col.frame_bg: t.field,
        col.frame_bg_hovered: t.hover,
        col.frame_bg_active: t.active,
        col.title_bg: t.bg,
        col.title_bg_active: t.bg,
        col.title_bg_collapsed: t.bg,
        col.menu_bar_bg: t.bg,
        col.scrollbar_bg: CLEAR,
        col.scrollbar_grab: t.hover,
        col.scrollbar_grab_hovered: t.active,
        col.scrollbar_grab_active: t.border_strong,
        col.check_mark: t.accent,
        col.slider_grab: t.accent_fill,
        col.slider_grab_active: t.accent_hover,
        col.button: t.field,
        col.button_hovered: t.hover,
        col.button_active: t.active,
        col.header: t.hover,
        col.header_hovered: t.hover,
        col.header_active: t.active,
        col.separator: t.border,
        col.separator_hovered: t.accent,
        col.separator_active: t.accent,
        col.resize_grip: CLEAR,
        col.resize_grip_hovered: t.accent.fade(0.5),
        col.resize_grip_active: t.accent,
        col.input_text_cursor: t.text,
        col.tab: t.bg,
        col.tab_hovered: t.hover,
        col.tab_selected: t.panel,
        col.tab_selected_overline: t.accent,
        col.tab_dimmed: t.bg,
        col.tab_dimmed_selected: t.panel,
        col.tab_dimmed_selected_overline: t.border_strong,
        col.docking_preview: t.accent.fade(0.35),
        col.docking_empty_bg: t.bg,
        col.plot_lines: t.series[0],
        col.plot_lines_hovered: t.series[1],
        col.plot_histogram: t.series[0],
        col.plot_histogram_hovered: t.series[0],
        col.table_header_bg: t.panel,
        col.table_border_strong: t.border,
        col.table_border_light: t.border,
        col.table_row_bg: CLEAR,
        col.table_row_bg_alt: t.text.fade(0.022),
        col.text_link: t.accent,
        col.text_selected_bg: t.accent.fade(0.35),
        col.tree_lines: t.border,
        col.drag_drop_target: t.accent,
        col.nav_cursor: t.accent,
        col.nav_windowing_highlight: t.accent,
        col.nav_windowing_dim_bg: BLACK.fade(0.35),
        col.modal_window_dim_bg: BLACK.fade(0.45 if t.name == "dark" else 0.25),
    }
    for key, color in table.items():
        style.set_color_(key, ImVec4(*color))


def _plots(kit: Kit) -> None:
    if implot.get_current_context() is None:
        return
    t, style = kit.theme, implot.get_style()
    style.plot_border_size = 0
    style.minor_alpha = 0.0
    style.major_tick_len = ImVec2(0, 0)
    style.minor_tick_len = ImVec2(0, 0)
    style.major_grid_size = ImVec2(1, 1)
    style.plot_padding = kit.vec(4, 6)
    style.label_padding = kit.vec(6, 4)
    col = implot.Col_
    for key, color in {
        col.plot_bg: CLEAR,
        col.frame_bg: CLEAR,
        col.plot_border: CLEAR,
        col.axis_grid: t.plot_grid,
        col.axis_text: t.text3,
        col.axis_tick: CLEAR,
        col.axis_bg: CLEAR,
        col.axis_bg_hovered: t.hover.fade(0.5),
        col.axis_bg_active: t.hover,
        col.legend_bg: t.elevated,
        col.legend_border: t.border,
        col.legend_text: t.text2,
        col.title_text: t.text,
        col.inlay_text: t.text2,
        col.selection: t.accent.fade(0.5),
        col.crosshairs: t.text3,
    }.items():
        style.set_color_(key, ImVec4(*color))
    name = f"neuralforge-{t.name}"
    index = implot.get_colormap_index(name)
    if index < 0:
        index = implot.add_colormap(name, np.array([color.u32 for color in t.series], np.uint32))
    style.colormap = index


def apply_to_node_editor(kit: Kit) -> None:
    """Style the node editor; with its context current, and with `update_node_editor_colors_from_imgui_colors` off."""
    t, style, col = kit.theme, ed.get_style(), ed.StyleColor
    for key, color in {
        col.bg: t.canvas,
        col.grid: CLEAR,
        col.node_bg: t.node,
        col.node_border: t.border_strong,
        col.hov_node_border: t.text3,
        col.sel_node_border: t.accent,
        col.node_sel_rect: t.accent.fade(0.12),
        col.node_sel_rect_border: t.accent,
        col.hov_link_border: t.text2,
        col.sel_link_border: t.accent,
        col.highlight_link_border: t.accent,
        col.link_sel_rect: t.accent.fade(0.12),
        col.link_sel_rect_border: t.accent,
        col.pin_rect: CLEAR,
        col.pin_rect_border: CLEAR,
        col.flow: t.accent,
        col.flow_marker: t.accent,
        col.group_bg: t.accent.fade(0.045),
        col.group_border: t.accent.fade(0.35),
    }.items():
        style.set_color_(key, ImVec4(*color))
    style.node_padding = ImVec4(0, 0, 0, 0)
    style.node_rounding = 8
    style.node_border_width = 1
    style.hovered_node_border_width = 1.5
    style.selected_node_border_width = 3
    style.pin_rounding = 4
    style.pin_border_width = 0
    style.link_strength = 70


__all__ = ["BLACK", "CLEAR", "WHITE", "apply", "apply_to_node_editor"]
