"""The tool bar: what one does most, for building and for training."""

from __future__ import annotations

from collections.abc import Sequence

from imgui_bundle import ImVec2, imgui

from neuralforge.ui import icons, widgets
from neuralforge.ui.actions import action, is_live, is_running, may_train, no_training, perform, train_words
from neuralforge.ui.bar_state import (
    APP_BAR_PX,
    EDGE_PX,
    NARROW_PX,
    TOOL_BAR_PX,
    BarState,
    divider,
    go_to,
    ground,
    line_below,
    right_of_last,
    tone_color,
)
from neuralforge.ui.bar_texts import (
    EventDot,
    batch_words,
    device_memory,
    device_words,
    epoch_words,
    event_dots,
    run_words,
    speed_words,
)
from neuralforge.ui.kit import Kit
from neuralforge.ui.local import FocusPanel
from neuralforge.ui.numbers import count, memory, plural, si
from neuralforge.ui.own_runs import has_total, parameters_of, shows_own
from neuralforge.ui.panel import Post
from neuralforge.ui.value_field import Dragged, Typed
from neuralforge.workbench.commands import Command, Select, ShowWelcome, Tell
from neuralforge.workbench.view import RunView, View

MOST_RUN_N = 10**9
_BUTTON_PX = 32.0
_LEAST_RAIL_PX = 120.0
_ROUND_SECS = 2.4
"""In which the moving part of the line of an endless run goes over all of it."""
_MOVING = 0.18
"""Its length, as a part of the line."""


def draw_tool_bar(kit: Kit, view: View, post: Post, state: BarState) -> None:
    """Draw the bar below the app bar, in the same window.

    Args:
        kit: The kit.
        view: What there is to show.
        post: Takes commands.
        state: What the bars remember.
    """
    at, width = ground(kit, APP_BAR_PX, TOOL_BAR_PX, kit.theme.panel)
    line_below(kit, at, width, TOOL_BAR_PX)
    if state.arrangement == "build":
        _build(kit, view, post, state, at, width)
    else:
        _train(kit, view, post, state, at, width)


def next_issue(view: View, turn: int) -> tuple[Command, ...]:
    """Return what shows the next issue: its node is selected, or its sentence told where it has none.

    Args:
        view: What there is.
        turn: How many were shown before.
    """
    issues = view.document.issues
    if not issues:
        return ()
    issue = issues[turn % len(issues)]
    if issue.node not in view.document.document.graph.nodes:
        return (Tell(str(issue), "warning"),)
    return Select(frozenset({issue.node})), FocusPanel("canvas")


def read_count(text: str) -> int | None:
    """Return the number of steps that was typed; None for what is no such number."""
    try:
        number = int(text.replace(",", "").replace(" ", ""))
    except ValueError:
        return None
    return number if 1 <= number <= MOST_RUN_N else None


def _act(kit: Kit, view: View, post: Post, state: BarState, key: str, *, icon_only: bool = False,
         kind: widgets.ButtonKind = "field", label: str = "", icon: str = "", width_px: float = 0) -> None:  # fmt: skip
    """Draw the button of an action at the cursor."""
    item = action(key)
    enabled = item.enabled(view)
    tip = item.tip if enabled else (item.why_not(view) or item.tip)
    tip = f"{item.label(view)}\n{tip}" if icon_only else tip
    pressed = widgets.button(
        kit, "" if icon_only else (label or item.title), icon or item.icon, kind, tip=tip, shortcut=item.shortcut,
        enabled=enabled, width_px=width_px, height_px=_BUTTON_PX, key=key,
    )  # fmt: skip
    if pressed:
        perform(item, view, post, state.run_n)


# Building


def _build(kit: Kit, view: View, post: Post, state: BarState, at: ImVec2, width: float) -> None:
    top, middle = at.y + kit.px((TOOL_BAR_PX - _BUTTON_PX) / 2), at.y + kit.px(TOOL_BAR_PX / 2)
    go_to(at.x + kit.px(EDGE_PX - 4), top)
    _act(kit, view, post, state, "edit.undo", icon_only=True, kind="plain")
    go_to(right_of_last(kit.px(4)), top)
    _act(kit, view, post, state, "edit.redo", icon_only=True, kind="plain")
    x = right_of_last(kit.px(12))
    divider(kit, x, middle)
    go_to(x + kit.px(8), top)
    _act(kit, view, post, state, "edit.arrange", kind="plain")
    go_to(right_of_last(kit.px(2)), top)
    if widgets.button(
        kit, "Templates", icons.TEMPLATES, "plain", tip="Choose among networks to start from", key="templates"
    ):
        post(ShowWelcome())
    left = right_of_last(kit.px(16))

    right = at.x + width - kit.px(EDGE_PX)
    label = train_words(view)
    train_px = max(96.0, kit.text_size(label, "medium", 15).x / kit.scale + 52)
    go_to(right - kit.px(train_px), top)
    icon = icons.PAUSE if is_running(view) else icons.RUN
    _act(kit, view, post, state, "run.train", kind="primary", label=label, icon=icon, width_px=train_px)
    right -= kit.px(train_px + 12)
    right = _issues(kit, view, post, state, right, top)
    _totals(kit, view, state, left, right - kit.px(20), middle)


def _issues(kit: Kit, view: View, post: Post, state: BarState, right: float, top: float) -> float:
    issues = view.document.issues
    if not issues or shows_own(view):
        return right
    label = plural(len(issues), "issue")
    width_px = kit.text_size(label, "medium", 15).x / kit.scale + 48
    go_to(right - kit.px(width_px), top)
    tip = f"{issues[state.issue % len(issues)]}\nClick to go to it."
    if widgets.button(kit, label, icons.WARNING, "danger", tip=tip, width_px=width_px, key="issues"):
        for command in next_issue(view, state.issue):
            post(command)
        state.issue += 1
    return right - kit.px(width_px)


def _totals(kit: Kit, view: View, state: BarState, left: float, right: float, middle: float) -> None:
    """Write what the network costs, as much of it as there is room for, from the right."""
    totals, run = view.document.totals, view.run
    size = device_memory(view)
    modules = run.modules if run is not None and shows_own(view) else None

    def make() -> tuple[tuple[str, str, str], ...]:
        if run is not None and shows_own(view):
            tip = "Learnable numbers of all modules."
            return (("Parameters", count(parameters_of(run)), tip),) if modules else ()
        of = f" of {memory(size)}" if size else ""
        return (
            ("Parameters", count(totals.parameters), f"Learnable numbers; {count(totals.trainable)} are not frozen."),
            ("MACs", si(totals.macs), "Multiply-accumulates of the forward pass of one sample."),
            (
                "Memory",
                f"{memory(totals.training_bytes)}{of}",
                f"What training takes at a batch size of {totals.batch_size}: weights, gradients, two numbers of the "
                "optimizer for each, and activations.",
            ),
        )

    facts: Sequence[tuple[str, str, str]] = state.cached("totals", (totals, size, modules, shows_own(view)), make)
    gap, inner = kit.px(22), kit.px(8)
    widths = [kit.text_size(a, "regular", 14).x + inner + kit.text_size(b, "mono", 13).x for a, b, _ in facts]
    while facts and sum(widths) + gap * (len(widths) - 1) > right - left:
        facts, widths = facts[:-1], widths[:-1]
    x = right - sum(widths) - gap * (len(widths) - 1)
    for (label, value, tip), width in zip(facts, widths, strict=True):
        go_to(x, middle - kit.px(9))
        imgui.dummy(ImVec2(width, kit.px(18)))
        widgets.tooltip(kit, tip)
        kit.draw_text(ImVec2(x, middle - kit.px(9)), label, kit.theme.text2, "regular", 14)
        start = x + width - kit.text_size(value, "mono", 13).x
        kit.draw_text(ImVec2(start, middle - kit.px(8)), value, kit.theme.text, "mono", 13)
        x += width + gap


# Training


def _train(kit: Kit, view: View, post: Post, state: BarState, at: ImVec2, width: float) -> None:
    top, middle = at.y + kit.px((TOOL_BAR_PX - _BUTTON_PX) / 2), at.y + kit.px(TOOL_BAR_PX / 2)
    narrow = width < kit.px(NARROW_PX)
    go_to(at.x + kit.px(EDGE_PX), top)
    icon = icons.PAUSE if is_running(view) else icons.RUN
    _act(kit, view, post, state, "run.train", kind="primary", label=train_words(view), icon=icon, width_px=100)
    for key in ("run.step", "run.stop"):
        go_to(right_of_last(kit.px(6)), top)
        _act(kit, view, post, state, key)
    go_to(right_of_last(kit.px(6)), top)
    _act(kit, view, post, state, "run.reset", icon_only=True)
    x = right_of_last(kit.px(14))
    divider(kit, x, middle)
    x = _run_n(kit, view, post, state, x + kit.px(14), top) + kit.px(14)
    divider(kit, x, middle)
    right = _chips(kit, view, at.x + width - kit.px(EDGE_PX), middle, narrow)
    _progress(kit, view, state, x + kit.px(16), right - kit.px(20), at.y, narrow)


def _run_n(kit: Kit, view: View, post: Post, state: BarState, x: float, top: float) -> float:
    """Draw "Run" with the number of steps that it makes."""
    item = action("run.some")
    enabled = item.enabled(view)
    go_to(x, top)
    tip = f"Make {state.run_n:,} updates, then pause." if enabled else item.why_not(view)
    if widgets.button(kit, "Run", "", "field", tip=tip, shortcut=item.shortcut, enabled=enabled, key=item.key):
        perform(item, view, post, state.run_n)
    go_to(right_of_last(kit.px(6)), top + kit.px(2.5))
    answer = state.fields.field(kit, "run-n", count(state.run_n), width=kit.px(66))
    end = right_of_last(kit.px(8))
    widgets.tooltip(kit, "How many steps Run makes; click to type, drag sideways to change.")
    if isinstance(answer, Typed):
        state.run_n = read_count(answer.text) or state.run_n
    elif isinstance(answer, Dragged):
        first = state.cached("run-n", (answer.gesture,), lambda: state.run_n)
        state.run_n = min(MOST_RUN_N, max(1, round(first * 1.012**answer.by_px)))
    kit.draw_text(ImVec2(end, top + kit.px(8)), "steps", kit.theme.text3, "regular", 14)
    return end + kit.text_size("steps", "regular", 14).x


def _chips(kit: Kit, view: View, right: float, middle: float, narrow: bool) -> float:
    """Draw device and recording from the right edge, and return where they begin."""
    if is_live(view) and view.run is not None and not narrow:
        tip = f"Every step and every change is written to\n{view.run.folder}"
        right = _chip(kit, "Recording run", icons.RECORD, "danger", tip, right, middle) - kit.px(10)
    words, tip = device_words(view)
    shown = widgets.shortened(kit, words, kit.px(150), "medium", 14)
    return _chip(kit, shown, icons.DEVICE, "success" if view.engine_ready else "quiet", tip, right, middle)


def _chip(kit: Kit, words: str, icon: str, tone: str, tip: str, right: float, middle: float) -> float:
    size = ImVec2(kit.text_size(words, "medium", 14).x + kit.px(46), kit.px(30))
    at = ImVec2(round(right - size.x), round(middle - size.y / 2))
    go_to(at.x, at.y)
    imgui.dummy(size)
    widgets.tooltip(kit, tip)
    imgui.get_window_draw_list().add_rect_filled(at, at + size, kit.theme.field.u32, kit.px(6))
    kit.draw_text(at + kit.vec(12, 7), icon, tone_color(kit, tone), "regular", 14)  # type: ignore[arg-type]
    kit.draw_text(at + kit.vec(34, 6), words, kit.theme.text, "medium", 14)
    return at.x


def _progress(kit: Kit, view: View, state: BarState, left: float, right: float, top: float, narrow: bool) -> None:
    run, t = view.run, kit.theme
    middle = top + kit.px(TOOL_BAR_PX / 2)
    if right - left < kit.px(_LEAST_RAIL_PX):
        return
    if run is None:
        words = "Press Train, and the run begins." if may_train(view) else no_training(view)
        shown = widgets.shortened(kit, words, right - left, "regular", 14)
        kit.draw_text(ImVec2(left, middle - kit.px(9)), shown, t.text3, "regular", 14)
        return
    title = epoch_words(run)
    kit.draw_text(ImVec2(left, middle - kit.px(17)), title, t.text, "medium", 14)
    x = left + kit.text_size(title, "medium", 14).x + kit.px(26)
    end = right
    for words in reversed(speed_words(run)):  # what matters most is last, and stays
        start = end - kit.text_size(words, "mono", 13).x
        if start < x + kit.px(10):
            break
        kit.draw_text(ImVec2(start, middle - kit.px(16)), words, t.text3, "mono", 13)
        end = start - kit.px(20)
    batch = batch_words(run) if run.live else ""
    if not run.live:
        words = run_words(view)[0] + ("; Train starts a new run" if may_train(view) else "")
        words = widgets.shortened(kit, words, end - x, "regular", 14)
        kit.draw_text(ImVec2(x, middle - kit.px(17)), words, t.text2, "regular", 14)
    if batch and (not narrow or run.own_loop) and x + kit.text_size(batch, "mono", 13).x < end:
        kit.draw_text(ImVec2(x, middle - kit.px(16)), batch, t.text3, "mono", 13)
    _rail(kit, run, state, left, right, middle + kit.px(9))


def _rail(kit: Kit, run: RunView, state: BarState, left: float, right: float, y: float) -> None:
    t, length = kit.theme, right - left
    if not has_total(run):
        _endless(kit, run, left, right, y)
        return
    go_to(left, y - kit.px(2))
    color = t.danger if run.state == "failed" else t.accent_fill if run.live else t.text3
    widgets.progress(kit, run.progress.fraction, length, color)
    if kit.marks.on:
        kit.marks.note("progress", left, y - kit.px(2), right, y + kit.px(2))
    parts = (run.events, run.progress.total_steps)
    dots: tuple[EventDot, ...] = state.cached("dots", parts, lambda: event_dots(run))
    draw, mouse = imgui.get_window_draw_list(), imgui.get_io().mouse_pos
    near: EventDot | None = None
    for dot in dots:
        centre = ImVec2(left + length * dot.place, y)
        draw.add_circle_filled(centre, kit.px(4), t.panel.u32)
        draw.add_circle_filled(centre, kit.px(3), tone_color(kit, dot.tone).u32)
        if abs(mouse.x - centre.x) <= kit.px(5) and abs(mouse.y - y) <= kit.px(7):
            near = dot
    go_to(left, y - kit.px(7))
    imgui.dummy(ImVec2(length, kit.px(14)))
    if near is not None:
        widgets.tooltip(kit, near.words)


def _endless(kit: Kit, run: RunView, left: float, right: float, y: float) -> None:
    """Draw a thin line for a run of which nobody knows how long it will be; a part of it moves while steps are made."""
    t, draw, half = kit.theme, imgui.get_window_draw_list(), kit.px(1)
    draw.add_rect_filled(ImVec2(left, y - half), ImVec2(right, y + half), t.hover.u32, half)
    if kit.marks.on:
        kit.marks.note("progress/endless", left, y - half, right, y + half)
    if run.state != "running" or not run.live or run.between_loops:
        return
    low, high = (0.0, 1.0) if kit.reduce_motion else moving_part(imgui.get_time())
    length = right - left
    draw.add_rect_filled(
        ImVec2(left + length * low, y - half), ImVec2(left + length * high, y + half), t.accent_fill.u32, half
    )


def moving_part(secs: float) -> tuple[float, float]:
    """Return begin and end of the part that moves over the line of an endless run, both from 0 to 1.

    Args:
        secs: Time since it began to move.
    """
    begin = (secs / _ROUND_SECS % 1.0) * (1 + _MOVING) - _MOVING
    return max(0.0, begin), min(1.0, begin + _MOVING)
