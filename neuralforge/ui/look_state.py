"""What the panels that look into a run ask first: is it measured here, and is the chosen data the data of the run?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from imgui_bundle import imgui, imgui_ctx

from neuralforge.graph.datainfo import DataInfo
from neuralforge.ui import icons, widgets
from neuralforge.ui.kit import Kit
from neuralforge.ui.panel import Post
from neuralforge.workbench.commands import ResumeRun, Train
from neuralforge.workbench.view import DataView, RunView, View

COLUMN_GAP_PX: Final = 18.0


def is_here(run: RunView) -> bool:
    """Tell whether this window trains a run, or has trained it: only then there is a network to look into."""
    return run.live or bool(run.driver)


def info_of(run: RunView, data: DataView) -> DataInfo | None:
    """Return the facts about the data of a run, if just that is what is chosen now: source and options."""
    info = data.info
    if info is None or (data.reference or (data.text, data.options)) != (run.data, run.data_options):
        return None
    inputs = (dict(node.params) for node in run.document.graph.nodes.values() if node.layer == "input")
    shapes = [params["shape"] for params in inputs if "shape" in params]
    return info if not shapes or info.input_shape in shapes else None


def draw_missing(kit: Kit, view: View, post: Post, icon: str, title: str, line: str) -> bool:
    """Fill a panel for which there is no network to look into.

    Args:
        kit: The kit.
        view: What there is.
        post: Asks for something.
        icon: What the panel is for.
        title: Its head where there is no run.
        line: What it will show.

    Returns:
        Whether it was filled.
    """
    run = view.run
    if run is None:
        if widgets.empty(kit, icon, title, line, "Train" if view.can_train else "", icons.RUN):
            post(Train())
        return True
    if is_here(run):
        return False
    words = "This run was opened from its files. A network can be looked into while it trains in this window."
    action = "Continue" if run.can_resume else ""
    tip = "Restore the last checkpoint and go on with this run"
    if widgets.empty(kit, icon, "Not trained in this window", words, action, icons.RUN, tip):
        post(ResumeRun(run.folder))
    return True


def step_text(step: int) -> str:
    """Write of which step something is."""
    return f"step {step:,}"


def draw_step(kit: Kit, text: str, row_height_px: float = 32) -> None:
    """Write a hint against the right edge of a row of controls, in its middle; nothing where there is no room.

    Args:
        kit: The kit.
        text: The hint.
        row_height_px: Height of the row, at scale 1.
    """
    low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
    size = kit.text_size(text, "mono", 13)
    right = imgui.get_window_pos().x + imgui.get_cursor_pos_x() + imgui.get_content_region_avail().x
    right -= imgui.get_scroll_x()
    x = right - size.x
    if x < high.x + kit.px(10):
        return
    y = low.y + (kit.px(row_height_px) - size.y) / 2
    kit.draw_text(imgui.ImVec2(x, y), text, kit.theme.text3, "mono", 13)


def is_wide(kit: Kit) -> bool:
    """Tell whether the room that is left is a low strip, as below the curves of a small window: columns fit better."""
    room = imgui.get_content_region_avail()
    return bool(room.x > kit.px(600) and room.y < room.x * 0.42)


@contextmanager
def column(kit: Kit, key: str, width: float, *, first: bool = False) -> Iterator[bool]:
    """Draw what is inside in a column of its own, beside the one before.

    Args:
        kit: The kit.
        key: Its id.
        width: In pixels of the screen; the rest of the panel when 0.
        first: Whether it is the leftmost.
    """
    if not first:
        imgui.same_line(0, kit.px(COLUMN_GAP_PX))
    with imgui_ctx.begin_child(f"##{key}", imgui.ImVec2(width, 0), imgui.ChildFlags_.nav_flattened) as child:
        yield bool(child)
