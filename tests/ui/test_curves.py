"""The panels Curves and Events, alone in a window, on a real short run."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from imgui_bundle import imgui

from neuralforge.ui.kit import Kit
from neuralforge.ui.local import FocusPanel, ShowEvent, ShowStep
from neuralforge.ui.panels.curves import CurvesPanel
from neuralforge.ui.panels.events import EventsPanel
from neuralforge.workbench.commands import Train
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.looks import GradientHistory
from neuralforge.workbench.series import SeriesBook
from neuralforge.workbench.settings import Settings
from neuralforge.workbench.view import DocumentView, KnobsView, RunView, View
from tests.ui.pilot import Pilot, scenario
from tests.ui.standin import StandIn, stage

STEPS = 40


@lru_cache(maxsize=1)
def trained() -> RunView:
    """Train for some steps, with changes on the way, and open the run from its files."""
    from neuralforge.app.planning import make_plan
    from neuralforge.app.rundesk import read_run
    from neuralforge.train.launch import start
    from neuralforge.workbench.knobs import Refused
    from neuralforge.workbench.requests import Request

    folder = Path(tempfile.mkdtemp(prefix="neuralforge-curves-"))
    run = start(
        make_plan("small_cnn", "digits", steps=STEPS, threads=1, batch_size=32, validation_every=10, runs_dir=folder)
    )
    session = run.session
    session.request(Request(changes={"conv1.frozen": True}, at_step=20))
    session.request(Request(changes={"lr": 5e-4}, at_step=1000, gesture="later"))
    with suppress(Refused):
        session.request(Request(changes={"momentum": 0.5}))
    for pulse in session.steps():
        if pulse.kind == "step" and 5 <= pulse.step < 10:  # a drag over five steps
            session.request(Request(changes={"lr": 1e-3 * (11 - pulse.step) / 12}, gesture="drag"))
    return read_run(run.folder).view(False)


def view(run: RunView | None, **more: object) -> View:
    from neuralforge.graph.inference import infer_all
    from neuralforge.layers.registry import catalog
    from neuralforge.workbench.knobs import KnobBoard

    document = trained().document
    inference = infer_all(document.graph, catalog())
    board = KnobBoard.for_run(TrainConfig(), "cross_entropy", document.graph, inference)
    knobs = KnobsView(knobs=tuple(board.knobs.values()), values=board.values, in_force=board.values)
    return View(
        welcome=False,
        settings=Settings(),
        document=DocumentView(document=document, inference=inference, totals=None),  # type: ignore[arg-type]
        config=TrainConfig(),
        knobs=knobs,
        run=run,
        **more,  # type: ignore[arg-type]
    )


class TwoPanels(StandIn):
    """The curves, and the events below them."""

    def __init__(self, theme: str = "dark", scale: float = 1.0) -> None:
        super().__init__(view(trained()), [CurvesPanel, EventsPanel], Kit(theme, scale))
        self.curves, self.events = self.panels
        self.size = (1000.0, 500.0)

    def draw_panels(self) -> None:
        width, height = self.size
        self.place(self.curves, 0, 0, self.size)
        self.place(self.events, 0, height, (width, 250))


dark = stage(TwoPanels)
light = stage(lambda: TwoPanels("light", 2.0))
SIZE_PX = (1000, 750)


def span_of(pilot: Pilot) -> tuple[float, float]:
    span = pilot.desk.curves._span
    return (span.low, span.high)


# Every state is drawn


def states() -> list[View]:
    run = trained()
    names = ("train/loss", "train/accuracy", "effective/lr")
    steps = np.arange(1, 3001)
    broken = np.linspace(2, 1, 3000)
    broken[[1000, 2000]] = np.nan, np.inf
    norms = np.full((50, 2), 0.5)
    norms[3, 1] = np.nan
    gradients = GradientHistory(steps=np.arange(1, 51), nodes=("a", "b"), norms=norms)
    plan = (np.linspace(0, 4000, 100), np.linspace(1e-3, 0, 100))
    books = [
        SeriesBook.of({"train/loss": (steps, broken)}),
        SeriesBook.of({"train/loss": ([1], [np.nan])}),
        SeriesBook.of({"train/loss": ([1], [2.0]), "train/mae": ([1], [0.0])}),
        SeriesBook.of({"train/loss": (steps, np.zeros(3000))}),
        SeriesBook.of({"validation/loss": ([10], [1.0]), "effective/lr": ([1, 2], [0.0, 0.0])}),
        SeriesBook.of({name: (steps, np.linspace(1, 3, 3000)) for name in names}),
        SeriesBook.of({"train/loss": (steps, -steps / 10), "knob/clip_norm": ([1], [1.0])}),
    ]
    found = [view(None), view(None, can_train=True), view(replace(run, series=SeriesBook(), events=()))]
    for state in ("ready", "running", "paused", "completed", "stopped", "failed", "interrupted"):
        found.append(view(replace(run, state=state, live=state in ("ready", "running", "paused"))))
        found.append(view(replace(run, state=state, series=SeriesBook(), events=(), trouble="It went wrong.")))
    for number, book in enumerate(books):
        some = replace(run, run_id=str(number), series=book, planned=plan, gradients=gradients, metric="mae")
        found.append(view(some))
    return found


@scenario(stage=dark, size_px=SIZE_PX)
def test_every_state_is_drawn(pilot: Pilot) -> None:
    for state in states():
        for size in ((1000.0, 500.0), (700.0, 400.0), (420.0, 260.0), (120.0, 60.0)):
            pilot.desk.view, pilot.desk.size = state, size
            pilot.frames(2)
    pilot.desk.curves._choices.log = False
    for state in states():
        pilot.desk.view, pilot.desk.size = state, (1000.0, 500.0)
        pilot.frames(2)
    assert pilot.desk.posted == []


@scenario(stage=light, size_px=SIZE_PX)
def test_every_state_is_drawn_light_and_twice_as_large(pilot: Pilot) -> None:
    for state in states():
        pilot.desk.view = state
        pilot.frames(2)
    assert pilot.desk.posted == []


@scenario(stage=dark, size_px=SIZE_PX)
def test_an_empty_panel_trains_when_it_can(pilot: Pilot) -> None:
    pilot.desk.view = view(None, why_not="There is no data.")
    pilot.click("button/Train")
    assert pilot.desk.last(Train) == []
    pilot.desk.view = view(None, can_train=True)
    pilot.click("button/Train")
    assert pilot.desk.last(Train) == [Train()]


# Zoom and follow


@scenario(stage=dark, size_px=SIZE_PX)
def test_the_wheel_zooms_around_the_mouse_and_a_double_click_follows_again(pilot: Pilot) -> None:
    choices = pilot.desk.curves._choices
    assert choices.follow
    pilot.wheel(3, "plot/loss")
    assert not choices.follow
    low, high = span_of(pilot)
    assert 0 < low < STEPS / 2 < high < STEPS
    pilot.double_click("plot/metric")
    assert choices.follow


@scenario(stage=dark, size_px=SIZE_PX)
def test_dragging_pans_and_the_button_follows_again(pilot: Pilot) -> None:
    pilot.wheel(4, "plot/loss")
    before = span_of(pilot)
    pilot.drag_by("plot/loss", 100, 0)
    after = span_of(pilot)
    assert after[0] < before[0]
    assert abs((after[1] - after[0]) - (before[1] - before[0])) < 1e-9
    pilot.click("button/follow")
    assert pilot.desk.curves._choices.follow


@scenario(stage=dark, size_px=SIZE_PX)
def test_the_right_button_draws_a_range_to_zoom_to(pilot: Pilot) -> None:
    left, top, right, bottom = pilot.rect("plot/loss") or (0, 0, 0, 0)
    width, middle = right - left, (top + bottom) / 2
    pilot.drag((left + width / 4, middle), (left + width / 2, middle), button=1)
    low, high = span_of(pilot)
    end = STEPS * 1.04 + 2
    assert abs(low - end / 4) < 2 and abs(high - end / 2) < 2


@scenario(stage=dark, size_px=SIZE_PX)
def test_a_plot_with_the_keyboard_zooms_moves_and_follows(pilot: Pilot) -> None:
    pilot.ctx.nav_move_to("**/##plot loss")
    pilot.press("=", "=", "=")
    zoomed = span_of(pilot)
    assert not pilot.desk.curves._choices.follow
    pilot.press(".")
    assert span_of(pilot)[0] > zoomed[0]
    pilot.press("-")
    assert span_of(pilot)[1] - span_of(pilot)[0] > zoomed[1] - zoomed[0]
    pilot.press("0")
    assert pilot.desk.curves._choices.follow


@scenario(stage=dark, size_px=SIZE_PX)
def test_the_controls_change_smoothing_and_axis(pilot: Pilot) -> None:
    choices = pilot.desk.curves._choices
    pilot.click("toggle/log")
    assert not choices.log
    pilot.drag_by("slider/smoothing", 60, 0)
    assert choices.weight > 0.95
    pilot.drag_by("slider/smoothing", -80, 0)
    assert choices.weight == 0


# Flags and events


def one(run: RunView, key: str) -> int:
    return next(e.sequence for e in reversed(run.events) if e.key == key and e.status == "applied")


@scenario(stage=dark, size_px=SIZE_PX)
def test_a_drag_is_one_flag_and_one_row(pilot: Pilot) -> None:
    run = trained()
    drag = [event for event in run.events if event.gesture == "drag"]
    assert len(drag) > 1
    assert pilot.names("flag/") == sorted(f"flag/{n}" for n in (drag[-1].sequence, one(run, "conv1.frozen")))
    row = next(row for row in pilot.desk.events._shown if row.change.sequence == drag[-1].sequence)
    assert (row.title, row.old, row.new, row.hint) == ("Learning rate", "1e-3", "1.667e-4", f"{len(drag)} values")
    statuses = {row.title: row.status for row in pilot.desk.events._shown if row.status != "applied"}
    assert statuses == {"Momentum": "refused", "Learning rate": "pending"}


@scenario(stage=dark, size_px=SIZE_PX)
def test_another_run_without_events_has_no_flags(pilot: Pilot) -> None:
    assert pilot.names("flag/")
    pilot.desk.view = view(replace(trained(), run_id="another", events=()))
    pilot.frames(2)
    assert not pilot.desk.curves._flags


@scenario(stage=dark, size_px=SIZE_PX)
def test_a_flag_points_at_its_row(pilot: Pilot) -> None:
    number = one(trained(), "conv1.frozen")
    pilot.click(f"flag/{number}")
    assert ShowEvent(number) in pilot.desk.posted and FocusPanel("events") in pilot.desk.posted
    assert pilot.desk.events._selected == number
    assert pilot.desk.curves._choices.follow


@scenario(stage=dark, size_px=SIZE_PX)
def test_a_row_points_at_its_step_in_the_curves(pilot: Pilot) -> None:
    number = one(trained(), "conv1.frozen")
    pilot.desk.curves._show(type(pilot.desk.curves._span)(0.0, 8.0))
    pilot.click(f"event/{number}")
    assert pilot.desk.last(ShowStep) == [ShowStep(20)]
    low, high = span_of(pilot)
    assert low <= 20 <= high and high - low == 8


@scenario(stage=dark, size_px=SIZE_PX)
def test_the_filter_keeps_what_has_all_words(pilot: Pilot) -> None:
    pilot.click("field/events")
    pilot.type("refused mom")
    assert [row.title for row in pilot.desk.events._shown] == ["Momentum"]


@scenario(stage=dark, size_px=SIZE_PX)
def test_a_row_can_be_copied(pilot: Pilot) -> None:
    number = one(trained(), "conv1.frozen")
    pilot.right_click(f"event/{number}")
    pilot.click("//$FOCUSED/Copy row")
    assert imgui.get_clipboard_text().startswith("20\t1\tFreeze conv1\toff\ton\tyou\tapplied")


@scenario(stage=dark, size_px=SIZE_PX)
def test_thousands_of_events_are_listed_and_merged(pilot: Pilot) -> None:
    run = trained()
    event = run.events[-1]
    many = tuple(
        replace(event, sequence=n, key="lr", operation="set", status="applied", applied_step=1 + n % STEPS,
                gesture=f"m{n}", old=1.0, new=2.0)
        for n in range(1, 3001)
    )  # fmt: skip
    pilot.desk.view = view(replace(run, run_id="many", events=many))
    flags = pilot.names("flag/")
    assert 3 <= len(flags) < 60
    assert len(pilot.desk.events._shown) == 3000
    assert len(pilot.names("event/")) < 30
    pilot.desk.events.take(ShowEvent(1))
    pilot.frames(3)
    assert "event/1" in pilot.names("event/")
