"""Where the panels lie: the two arrangements as Hello ImGui's docking wants them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from imgui_bundle import hello_imgui, imgui

from neuralforge.ui.panel import Arrangement, Dock, Panel

NARROW_PX: Final = 1500
"""Below this width the right column of the Train arrangement becomes tabs at the bottom."""

ARRANGEMENTS: Final[Mapping[Arrangement, str]] = {"build": "Build", "train": "Train"}

_SPACES: Final[Mapping[Dock, str]] = {
    "left": "Left",
    "right": "Right",
    "lower right": "LowerRight",
    "bottom": "Bottom",
    "centre": "MainDockSpace",
    "hidden": "MainDockSpace",
}


def window_label(panel: type[Panel]) -> str:
    """Return the name of a panel's window; what stands before ### is its title."""
    return f"{panel.title}###{panel.key}"


def layout(
    arrangement: Arrangement,
    panels: Mapping[str, type[Panel]],
    width_px: float,
    guis: Mapping[str, Callable[[], None]],
) -> hello_imgui.DockingParams:
    """Describe an arrangement.

    Args:
        arrangement: Which.
        panels: The panels by key.
        width_px: Width of the window at scale 1.
        guis: What draws each panel's window.
    """
    narrow = width_px < NARROW_PX
    left_px, right_px, bottom = (232, 300, 0.27) if arrangement == "build" else (288 if narrow else 328, 318, 0.30)
    params = hello_imgui.DockingParams()
    params.layout_name = ARRANGEMENTS[arrangement]
    params.main_dock_space_node_flags = imgui.DockNodeFlags_.none
    docks = {key: _dock(panel, arrangement, narrow) for key, panel in panels.items()}
    if "right" not in docks.values():  # nothing above it: then it is the whole column
        docks = {key: "right" if dock == "lower right" else dock for key, dock in docks.items()}
    columns = set(docks.values())
    splits = [hello_imgui.DockingSplit("MainDockSpace", "Left", imgui.Dir.left, left_px / width_px)]
    if "right" in columns:
        ratio = right_px / (width_px - left_px)
        splits.append(hello_imgui.DockingSplit("MainDockSpace", "Right", imgui.Dir.right, ratio))
    if "lower right" in columns:
        splits.append(hello_imgui.DockingSplit("Right", "LowerRight", imgui.Dir.down, 0.48))
    if "bottom" in columns:
        splits.append(hello_imgui.DockingSplit("MainDockSpace", "Bottom", imgui.Dir.down, bottom))
    params.docking_splits = splits
    windows = []
    for key, panel in panels.items():
        dock = docks[key]
        window = hello_imgui.DockableWindow(window_label(panel), _SPACES[dock], guis[key], dock != "hidden")
        window.call_begin_end = False
        windows.append(window)
    params.dockable_windows = windows
    return params


def _dock(panel: type[Panel], arrangement: Arrangement, narrow: bool) -> Dock:
    dock = panel.docks.get(arrangement, "hidden")
    return "bottom" if dock in ("right", "lower right") and narrow and arrangement == "train" else dock
