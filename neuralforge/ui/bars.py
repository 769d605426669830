"""The bars around the panels: above them the app bar and the tool bar, below them the status bar."""

from neuralforge.ui.app_bar import draw_app_bar
from neuralforge.ui.bar_state import APP_BAR_PX, STATUS_BAR_PX, TOOL_BAR_PX, BarState
from neuralforge.ui.status_bar import draw_status_bar
from neuralforge.ui.tool_bar import draw_tool_bar

__all__ = [
    "APP_BAR_PX",
    "STATUS_BAR_PX",
    "TOOL_BAR_PX",
    "BarState",
    "draw_app_bar",
    "draw_status_bar",
    "draw_tool_bar",
]
