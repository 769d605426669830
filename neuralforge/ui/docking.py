"""Where the panels lie: the two arrangements as Hello ImGui's docking wants them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from imgui_bundle import hello_imgui, imgui

from neuralforge.ui.panel import Arrangement, Dock, Panel

NARROW_PX: Final = 1500
"""Below this width the right column of the Train arrangement becomes tabs at the bottom."""

ARRANGEMENTS: Final[Mapping[Arrangement, str]] = {"build": "Build", "train": "Train"}

WELCOME: Final = "welcome"
"""Key of the panel that covers the window instead of being docked."""

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


def docks(arrangement: Arrangement, panels: Mapping[str, type[Panel]], width_px: float) -> dict[str, Dock]:
    """Say where each panel lies.

    Args:
        arrangement: In which arrangement.
        panels: The panels by key.
        width_px: Width of the window at scale 1; a narrow one has no right column in the Train arrangement.
    """
    narrow = width_px < NARROW_PX and arrangement == "train"
    found: dict[str, Dock] = {key: panel.docks.get(arrangement, "hidden") for key, panel in panels.items()}
    if narrow:
        return {key: "bottom" if dock in ("right", "lower right") else dock for key, dock in found.items()}
    if "right" not in found.values():  # nothing above it: then it is the whole column
        return {key: "right" if dock == "lower right" else dock for key, dock in found.items()}
    return found


def kept_arrangements(params: hello_imgui.RunnerParams) -> frozenset[Arrangement]:
    """Return the arrangements that lie in the file of the layout as the user has left them.

    Args:
        params: Where the file lies; it need not exist.
    """
    file = None if params.ini_disable else hello_imgui.ini_settings_location(params)
    if file is None or not Path(file).is_file():
        return frozenset()
    text = Path(file).read_text(encoding="utf-8", errors="replace")
    parts = [part.partition(">>>") for part in text.split(";;;<<<")]
    laid_out = [name for name, _, what in parts if name.startswith("ImGui_") and "DockNode" in what]
    return frozenset(key for key, title in ARRANGEMENTS.items() if any(name.endswith(f"_{title}") for name in laid_out))


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
    places = docks(arrangement, panels, width_px)
    columns = set(places.values())
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
        dock = places[key]
        window = hello_imgui.DockableWindow(window_label(panel), _SPACES[dock], guis[key], dock != "hidden")
        window.call_begin_end = False
        windows.append(window)
    params.dockable_windows = windows
    return params
