"""What the panels that look into a run ask first: can it be looked into, and is the chosen data the data of the run?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from imgui_bundle import imgui, imgui_ctx

from neuralforge.graph.datainfo import DataInfo
from neuralforge.ui import icons, widgets
from neuralforge.ui.kit import Kit
from neuralforge.ui.own_runs import NO_NETWORK, is_own
from neuralforge.ui.panel import Post
from neuralforge.workbench.commands import ResumeRun, Train
from neuralforge.workbench.view import DataView, RunView, View

COLUMN_GAP_PX: Final = 18.0


def is_here(run: RunView) -> bool:
    """Tell whether there is a network to look into: trained in this window, or loaded from the files of the run."""
    seen = is_own(run) and (run.layers is not None or run.node is not None)
    return run.live or bool(run.driver) or run.own_data is not None or seen


def is_plane(run: RunView, data: DataView) -> bool:
    """Tell whether the network of a run takes two features, so that all it says fits into a plane.

    Args:
        run: The run.
        data: The chosen data, which tells of a network that was not drawn here.
    """
    if not is_own(run):
        return (2,) in _input_shapes(run)
    of_data = run.own_data or (data if info_of(run, data) is not None else None)
    return run.boundary is not None or (of_data is not None and of_data.points is not None)


def of_run(view: View) -> View:
    """Return the view with what the run in the panels learns, and with its own data where it brings it.

    The chosen data and the open document may be others than those of the run.
    """
    run = view.run
    if run is None:
        return view
    data, task = run.own_data or view.data, run.task or view.task
    return view if data is view.data and task == view.task else replace(view, data=data, task=task)


def when_answered(run: RunView) -> str:
    """Say when something comes that was asked of the network of a run."""
    return "with the next step" if run.live else "in a moment"


def info_of(run: RunView, data: DataView) -> DataInfo | None:
    """Return the facts about the data of a run, if just that is what is chosen now: source and options."""
    info = data.info
    if info is None or (data.reference or (data.text, data.options)) != (run.data, run.data_options):
        return None
    shapes = _input_shapes(run)
    return info if not shapes or info.input_shape in shapes else None


def _input_shapes(run: RunView) -> list[Any]:
    inputs = (dict(node.params) for node in run.document.graph.nodes.values() if node.layer == "input")
    return [params["shape"] for params in inputs if "shape" in params]


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
    if is_own(run):
        widgets.empty(kit, icon, "The network cannot be shown", run.look_problem or NO_NETWORK)
        return True
    if not run.look_problem:
        words = "Its data and its newest checkpoint are being read."
        widgets.empty(kit, icons.WAIT, "Loading the network of the run\u2026", words)
        return True
    action = "Continue" if run.can_resume else ""
    tip = "Restore the last checkpoint and go on with this run"
    if widgets.empty(kit, icon, "The network cannot be shown", run.look_problem, action, icons.RUN, tip):
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
