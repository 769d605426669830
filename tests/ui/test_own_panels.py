"""The window with runs whose network or loop a person has written: what is clicked, and every state in every size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralforge.runs.store import RunSummary
from neuralforge.ui.local import FocusPanel
from neuralforge.ui.panel import Panel
from neuralforge.ui.panels.canvas import CanvasPanel
from neuralforge.ui.panels.code import CodePanel
from neuralforge.ui.panels.curves import CurvesPanel
from neuralforge.ui.panels.decision import DecisionPanel
from neuralforge.ui.panels.inspector import InspectorPanel
from neuralforge.ui.panels.issues import IssuesPanel
from neuralforge.ui.panels.knobs import KnobsPanel
from neuralforge.ui.panels.layers import LayersPanel
from neuralforge.ui.panels.outline import OutlinePanel
from neuralforge.ui.panels.runs import RunsPanel
from neuralforge.ui.panels.try_it import TryPanel
from neuralforge.ui.theme import THEMES
from neuralforge.workbench import commands as do
from neuralforge.workbench.knobs import Knob
from neuralforge.workbench.series import SeriesBook
from neuralforge.workbench.view import CodeView, KnobsView, RunsView, View
from tests.ui.hands import Hands, document_of, document_view, knobs_view, live_view
from tests.ui.own import SOURCE, curves, feature_maps, modules, node_look, own_knobs, own_run, own_view
from tests.ui.pilot import Pilot, scenario
from tests.ui.solo import solo
from tests.ui.standin import stage

SIZE = (1280, 800)
PANELS: tuple[type[Panel], ...] = (
    CanvasPanel, OutlinePanel, InspectorPanel, IssuesPanel, CodePanel, KnobsPanel, LayersPanel, CurvesPanel,
    DecisionPanel, TryPanel,
)  # fmt: skip
WAITS = "A cell runs, and the window waits for it"


def states() -> list[View]:
    """Return views of such runs in every state."""
    bare: dict[str, Any] = {"layers": None, "gradients": None, "node": None}
    begun = own_run("ready", series=SeriesBook(), events=(), **bare)
    begun = replace(begun, progress=begun.progress._replace(step=0, batch=0, batches=0, epoch=1))
    mixed = own_knobs()
    more = (Knob(key="augment", title="Augment", kind="bool"), *mixed.knobs)
    mixed = replace(mixed, knobs=more, values={**mixed.values, "augment": True}, in_force={})
    own = own_view(own_run(loop=False, maps=feature_maps("blocks.0.conv"), looked="blocks.0.conv"))
    rate_alone = SeriesBook.of({"effective/lr": (np.arange(1, 100), np.full(99, 1e-3))})
    found = [
        own_view(begun),
        own_view(knobs=mixed),
        own_view(knobs=replace(own_knobs(), knobs=own_knobs().knobs[3:])),
        own_view(knobs=KnobsView(live=True)),
        own_view(own_run(looked="head")),
        own_view(own_run(looked="gone")),
        own_view(own_run(node=node_look(""))),
        own_view(own_run(node=replace(node_look("blocks.0.act"), weights=None, activations=None))),
        own_view(own_run(modules=())),
        own_view(own_run(own_source="")),
        own_view(own_run(series=rate_alone, metric="")),
        own_view(own_run(series=curves("gan/d", "gan/g", "train/f1", "a/b", "timing/data", "x" * 90))),
        own_view(own_run(progress=own_run().progress._replace(batches=0)), busy=(WAITS,)),
        own,
        replace(own, knobs=replace(knobs_view(document_of(), own.config), live=True)),
        own_view(own_run("completed", loop=False, live=False)),
        own_view(own_run("completed", loop=False, live=False, driver="", **bare, modules=())),
        own_view(own_run("completed", live=False, driver="", **bare, modules=None)),
        own_view(own_run("completed", live=False, gradients=None)),
        replace(live_view(), run=own_run(differs=True)),
    ]
    trouble = "The loss of step 1,235 is not finite. " * 4
    for state in ("running", "paused", "completed", "stopped", "failed", "interrupted"):
        found += [own_view(own_run(state, trouble=words), busy=(WAITS,)) for words in (None, trouble)]
        found.append(own_view(own_run(state, loop=False)))
    return found


@scenario(stage=solo(CanvasPanel, own_view), size_px=SIZE)
@pytest.mark.parametrize("key", [kind.key for kind in PANELS])
@pytest.mark.parametrize(("theme", "scale"), [("dark", 1.0), ("light", 2.0)])
def test_every_state_is_drawn(pilot: Pilot, key: str, theme: str, scale: float) -> None:
    desk = pilot.desk
    desk.kit.theme, desk.kit.scale = THEMES[theme], scale
    desk.panels = [kind(desk.kit) for kind in PANELS if kind.key == key]
    for view in states():
        desk.view = view
        for size in ((232, 460), (318, 300), (980, 190), (640, 400), (200, 90), (30, 20)):
            desk.width_px, desk.height_px = (side / scale for side in size)
            pilot.frames(1)
    assert not desk.posted


def _bars(arrangement: str) -> Any:
    return stage(lambda: Hands(own_view(), lambda kit: [], arrangement))


@scenario(stage=_bars("train"), size_px=SIZE)
@pytest.mark.parametrize("arrangement", ["train", "build"])
def test_bars_are_drawn_in_every_state(pilot: Pilot, arrangement: str) -> None:
    pilot.desk.bars.arrangement = arrangement
    for view in states():
        for scale in (1.0, 2.0):
            pilot.desk.kit.scale = scale
            pilot.desk.view = view
            pilot.frames(1)
    pilot.desk.kit.reduce_motion = True
    pilot.desk.view = own_view()
    pilot.frames(2)


@scenario(stage=_bars("train"), size_px=SIZE)
def test_a_loop_is_steered_from_the_bar_and_has_no_made_up_progress(pilot: Pilot) -> None:
    pilot.frames(2)
    assert pilot.rect("progress/endless") and pilot.rect("progress") is None
    pilot.click("button/run.train")
    pilot.click("button/run.reset")  # a loop begins where it is called
    pilot.desk.view = own_view(own_run("paused"))
    pilot.click("button/run.train")
    pilot.click("button/run.step")
    pilot.click("button/run.some")
    pilot.click("button/run.stop")
    wanted = [do.Control("pause"), do.Control("run"), do.Control("run", 1), do.Control("run", 100), do.Control("stop")]
    assert pilot.desk.posted == wanted
    pilot.desk.posted.clear()
    pilot.desk.view = own_view(own_run("completed"), can_train=True)
    pilot.click("button/run.train")
    pilot.press("f5")
    assert pilot.desk.posted == []
    pilot.desk.view = own_view(own_run(loop=False))
    pilot.frames(2)
    assert pilot.rect("progress")


@scenario(stage=_bars("train"), size_px=SIZE)
def test_that_a_cell_holds_the_window_up_is_always_to_be_read(pilot: Pilot) -> None:
    pilot.desk.view = own_view(busy=(WAITS,))
    pilot.frames(2)
    alone = pilot.rect("status/busy")
    pilot.desk.view = own_view(own_run("paused", trouble="The loss is not finite. " * 20), busy=(WAITS,))
    pilot.frames(2)
    beside, run, right = pilot.rect("status/busy"), pilot.rect("status/run"), pilot.rect("status/parameters")
    assert alone and beside and run and right
    assert beside[2] - beside[0] == pytest.approx(alone[2] - alone[0], abs=1)  # not shortened
    assert run[2] <= beside[0] and beside[2] < right[0] and run[2] - run[0] > 160


# Canvas


def _shown(pilot: Pilot, width: float, height: float) -> None:
    pilot.desk.width_px, pilot.desk.height_px = width, height
    pilot.desk.kit.marks.rects.clear()
    pilot.frames(3)


@scenario(stage=solo(CanvasPanel, own_view), size_px=SIZE)
def test_the_card_of_a_module_says_where_its_tree_is(pilot: Pilot) -> None:
    pilot.frames(3)
    card = pilot.rect("card/own")
    assert card and pilot.rect("zoom/actual") is None
    pilot.click("button/own-outline")
    pilot.click("button/own-code")
    assert pilot.desk.posted == [FocusPanel("outline"), FocusPanel("code")]
    for width, height in ((990, 176), (420, 300), (300, 130), (232, 120)):  # whole in every size
        _shown(pilot, width, height)
        card = pilot.rect("card/own")
        assert card and card[0] >= 0 and card[1] >= 0 and card[2] <= width and card[3] <= height
        for button in ("button/own-outline", "button/own-code"):
            place = pilot.rect(button)
            if place is not None:
                assert card[0] < place[0] and place[2] < card[2] and card[1] < place[1] and place[3] < card[3]
    _shown(pilot, 300, 60)
    assert pilot.rect("card/own") is None


@scenario(stage=solo(CanvasPanel, own_view), size_px=SIZE)
def test_the_canvas_says_nothing_of_a_difference_to_a_module(pilot: Pilot) -> None:
    drawn = document_view(document_of())
    pilot.desk.view = own_view(own_run(differs=True), document=drawn)
    pilot.frames(3)
    assert pilot.rect("card/own") is None and not pilot.exists("button/revert")
    pilot.desk.view = replace(live_view(), run=replace(live_view().run, differs=True))
    pilot.frames(3)
    assert pilot.rect("button/revert")
    pilot.desk.view = replace(own_view(), run=None)
    pilot.desk.kit.marks.rects.clear()
    pilot.frames(3)
    assert pilot.rect("card/own") is None and pilot.rect("button/Add a layer")


# Outline and inspector


@scenario(stage=solo(OutlinePanel, own_view), size_px=(300, 800))
def test_a_module_is_chosen_and_found_in_the_outline(pilot: Pilot) -> None:
    pilot.frames(2)
    assert len(pilot.names("module/")) == len(modules())
    pilot.click("module/head")
    pilot.click("module/")
    assert pilot.desk.posted == [do.LookAtModule("head"), do.LookAtModule("")]
    pilot.click("field/modules")
    pilot.type("blocks.1 relu")
    pilot.desk.kit.marks.rects.clear()
    pilot.frames(2)
    assert pilot.names("module/") == ["module/", "module/blocks", "module/blocks.1", "module/blocks.1.act"]
    pilot.type("nothing")
    pilot.frames(2)
    pilot.click("button/Show all")
    pilot.frames(2)
    assert pilot.rect("module/head")


@scenario(stage=solo(OutlinePanel, own_view), size_px=(300, 400))
def test_a_module_that_is_looked_at_from_elsewhere_comes_into_view(pilot: Pilot) -> None:
    pilot.desk.view = own_view(own_run(modules=modules(40)))
    pilot.frames(2)
    assert not pilot.exists("module/blocks.30.act")
    pilot.desk.view = own_view(own_run(modules=modules(40), looked="blocks.30.act"))
    pilot.desk.kit.marks.rects.clear()
    pilot.frames(3)
    place = pilot.rect("module/blocks.30.act")
    assert place and 0 < place[1] < 400


@scenario(stage=solo(OutlinePanel, own_view), size_px=(300, 800))
def test_the_outline_of_a_drawn_network_stays_what_it_was(pilot: Pilot) -> None:
    pilot.desk.view = replace(live_view(), run=own_run())
    pilot.frames(2)
    assert pilot.names("outline/") and not pilot.names("module/")


# Health


@scenario(stage=solo(LayersPanel, own_view), size_px=(318, 1400))
def test_layers_are_chosen_by_their_path(pilot: Pilot) -> None:
    pilot.frames(2)
    pilot.click("ratio/head")
    pilot.click("gradient/(model)")
    assert pilot.desk.posted == [do.LookAtModule("head"), do.LookAtModule("")]
    assert not pilot.names("map/")
    pilot.desk.view = own_view(own_run(loop=False, maps=feature_maps("blocks.0.conv")))
    pilot.frames(2)
    assert len(pilot.names("map/")) == 8


# Code


@scenario(stage=solo(CodePanel, own_view), size_px=SIZE)
def test_the_persons_own_source_is_shown_and_copied(pilot: Pilot) -> None:
    from imgui_bundle import imgui

    pilot.frames(2)
    assert len(pilot.names("line/")) == len(SOURCE.splitlines())
    pilot.click("line/2")
    pilot.click("button/copy code")
    assert imgui.get_clipboard_text() == SOURCE and pilot.desk.posted == []
    pilot.desk.view = replace(own_view(own_run(own_source="")), code=CodeView(source="x = 1\n"))
    pilot.desk.kit.marks.rects.clear()
    pilot.frames(2)
    assert not pilot.names("line/")
    pilot.desk.view = replace(live_view(), run=own_run(), code=CodeView(source="x = 1\n"))
    pilot.frames(2)
    assert len(pilot.names("line/")) == 1


# Knobs


def _fields(pilot: Pilot) -> list[str]:
    """Return the fields of the panel; the tool bar has one, too."""
    return [name for name in pilot.names("field/") if name != "field/run-n"]


@scenario(stage=stage(lambda: Hands(own_view(), lambda kit: [KnobsPanel(kit)])), size_px=(720, 1400))
def test_a_loop_has_its_own_knobs_and_no_forms(pilot: Pilot) -> None:
    pilot.frames(2)
    assert pilot.names("knob/") and pilot.rect("fold/more") is None  # no section of a configuration that says nothing
    pilot.set_value("field/temperature", "2.5")
    pilot.set_value("field/weight_decay_1", "0.001")
    assert [(turn.key, turn.value) for turn in pilot.desk.of(do.Turn)] == [
        ("temperature", 2.5), ("weight_decay_1", 0.001),
    ]  # fmt: skip
    pilot.desk.view = own_view(own_run("completed"))
    pilot.desk.kit.marks.rects.clear()
    pilot.frames(2)
    assert not pilot.names("knob/") and not _fields(pilot) and pilot.rect("fold/more") is None
    assert not pilot.desk.of(do.Configure)


@scenario(stage=stage(lambda: Hands(own_view(), lambda kit: [KnobsPanel(kit)])), size_px=(720, 1400))
def test_what_a_module_was_trained_with_can_only_be_read(pilot: Pilot) -> None:
    pilot.desk.view = own_view(own_run("completed", loop=False, live=False))
    pilot.frames(2)
    assert not _fields(pilot) and pilot.rect("fold/more")
    pilot.desk.view = replace(pilot.desk.view, run=None)
    pilot.frames(2)
    assert _fields(pilot)  # the next run of what is drawn


# Curves


@scenario(stage=solo(CurvesPanel, own_view), size_px=SIZE)
def test_all_plots_can_be_reached(pilot: Pilot) -> None:
    pilot.desk.view = own_view(own_run(series=curves("gan/d", "gan/g", "train/f1", "a/b", "train/bleu")))

    def shown() -> set[str]:
        pilot.desk.kit.marks.rects.clear()
        pilot.frames(2)
        return {name.removeprefix("plot/") for name in pilot.names("plot/")}

    assert shown() == {"loss", "metric", "metric f1", "metric bleu"}
    pilot.click("button/more plots")
    assert shown() == {"loss", "group gan", "group a", "lr"}
    pilot.click("button/more plots")
    assert shown() == {"loss", "group a", "lr", "norm"}
    pilot.click("button/more plots")  # there are no more
    pilot.click("button/plots before")
    assert "metric bleu" in shown()
    pilot.desk.view = own_view(own_run(series=curves(), run_id="another"))
    assert shown() == {"loss", "metric", "lr", "norm"} and not pilot.exists("button/more plots")


# The list of runs


def _runs() -> View:
    def made(number: int, **more: Any) -> RunSummary:
        run_id = f"20261121-1111{number:02}-net-{number:04x}"
        return RunSummary(run_id=run_id, folder=Path("/runs") / run_id, name="Net", status="stopped",
                          created_utc="2026-11-21T11:11:11+00:00", **more)  # fmt: skip

    runs = (made(1, kind="own loop", replayable=False), made(2), made(3, kind="own module", replayable=False))
    return own_view(runs=RunsView(folder=Path("/runs"), runs=runs))


@scenario(stage=solo(RunsPanel, _runs), size_px=SIZE)
def test_runs_of_a_persons_own_are_opened_and_not_gone_on_with(pilot: Pilot) -> None:
    own, drawn, module = pilot.desk.view.runs.runs
    pilot.frames(2)
    for run in (own, drawn, module):
        pilot.click(f"resume/{run.run_id}")
        pilot.click(f"open/{run.run_id}")
    assert pilot.desk.posted == [
        do.OpenRun(own.folder), do.ResumeRun(drawn.folder), do.OpenRun(drawn.folder), do.OpenRun(module.folder),
    ]  # fmt: skip
    for width in (420, 600, 900):
        pilot.desk.width_px = width
        pilot.frames(2)
    pilot.desk.width_px = 0
    pilot.click("field/runs")
    pilot.type("own loop")
    pilot.desk.kit.marks.rects.clear()
    pilot.frames(2)
    assert pilot.names("run/") == [f"run/{own.run_id}"]
