"""The list of runs: opened, sorted, filtered, deleted after a question, and drawn in every state."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from neuralforge.runs.store import RunSummary
from neuralforge.ui.panels.runs import RunsPanel
from neuralforge.ui.theme import THEMES
from neuralforge.workbench import commands as do
from neuralforge.workbench.view import RunsView, View
from tests.ui.hands import run_view, view_of
from tests.ui.pilot import Pilot, scenario
from tests.ui.solo import solo

SIZE = (1280, 600)
STATES = ("completed", "paused", "interrupted", "stopped", "failed", "running", "unreadable: it is no HDF5 file")


def _run(number: int, status: str, accuracy: float | None = None) -> RunSummary:
    run_id = f"20261121-1111{number:02}-net-{number:04x}"
    metrics = (
        {} if accuracy is None else {"validation/accuracy": accuracy, "validation/loss": 1.0, "test/accuracy": 0.5}
    )
    broken = status.startswith("unreadable")
    return RunSummary(
        run_id=run_id, folder=Path("/runs") / run_id, name="" if broken else f"net {number}", status=status,
        created_utc="" if broken else f"2026-11-21T11:11:{59 - number % 60:02}+00:00", steps=10 * number,
        metrics=metrics, size_bytes=1000 * number,
    )  # fmt: skip


RUNS = tuple(_run(number, status, 0.9 - number / 10 if number % 2 else None) for number, status in enumerate(STATES))
IDS = tuple(run.run_id for run in RUNS)


def _view(runs: tuple[RunSummary, ...] | None = RUNS) -> View:
    return view_of(runs=RunsView(folder=Path("/runs"), runs=runs, size_bytes=12_000_000, free_bytes=10**11))


def _order(pilot: Pilot) -> list[str]:
    pilot.frames(2)
    rows = {name: pilot.rect(name) for name in pilot.names("run/")}
    return [name.removeprefix("run/") for name in sorted(rows, key=lambda name: rows[name][1])]  # type: ignore[index]


@scenario(stage=solo(RunsPanel, _view), size_px=SIZE)
def test_runs_are_opened_and_gone_on_with(pilot: Pilot) -> None:
    pilot.click(f"run/{IDS[0]}")
    assert pilot.desk.posted == []
    pilot.double_click(f"run/{IDS[0]}")
    pilot.press("enter")
    pilot.click(f"open/{IDS[1]}")
    pilot.click(f"resume/{IDS[2]}")
    pilot.click(f"resume/{IDS[0]}")  # it is complete
    pilot.double_click(f"run/{IDS[6]}")  # it cannot be read
    pilot.click("button/refresh-runs")
    folder = RUNS[0].folder
    assert pilot.desk.posted == [
        do.OpenRun(folder), do.OpenRun(folder), do.OpenRun(RUNS[1].folder), do.ResumeRun(RUNS[2].folder),
        do.RefreshRuns(),
    ]  # fmt: skip


@scenario(stage=solo(RunsPanel, _view), size_px=SIZE)
def test_a_run_is_deleted_after_a_question(pilot: Pilot) -> None:
    pilot.click(f"delete/{IDS[0]}")
    pilot.frames(2)
    pilot.click("button/delete-no")
    pilot.frames(2)
    assert not pilot.exists("button/delete-yes")
    pilot.click(f"run/{IDS[0]}")
    pilot.press("del")
    pilot.frames(2)
    assert pilot.exists("button/delete-yes")
    pilot.press("esc")
    pilot.frames(2)
    assert not pilot.exists("button/delete-yes") and pilot.desk.posted == []
    pilot.click(f"delete/{IDS[6]}")
    pilot.frames(2)
    pilot.click("button/delete-yes")
    pilot.click(f"delete/{IDS[5]}")  # it is being written
    pilot.frames(2)
    assert pilot.desk.posted == [do.DeleteRun(IDS[6])] and not pilot.exists("button/delete-yes")


@scenario(stage=solo(RunsPanel, _view), size_px=SIZE)
def test_the_live_run_is_neither_deleted_nor_gone_on_with(pilot: Pilot) -> None:
    view = _view()
    live = run_view(view.document.document, view.config, "paused", run_id=IDS[1], live=True)
    pilot.desk.view = replace(view, run=live)
    pilot.frames(2)
    pilot.click(f"delete/{IDS[1]}")
    pilot.click(f"resume/{IDS[1]}")
    pilot.click(f"run/{IDS[1]}")
    pilot.press("del")
    pilot.frames(2)
    assert pilot.desk.posted == [] and not pilot.exists("button/delete-yes")


@scenario(stage=solo(RunsPanel, _view), size_px=SIZE)
def test_the_menu_of_a_run(pilot: Pilot) -> None:
    pilot.right_click(f"run/{IDS[1]}")
    pilot.frames(2)
    pilot.press("down", "enter")
    pilot.frames(2)
    assert pilot.desk.posted in ([do.OpenRun(RUNS[1].folder)], [do.ResumeRun(RUNS[1].folder)])


@scenario(stage=solo(RunsPanel, _view), size_px=SIZE)
def test_runs_are_sorted_by_a_column(pilot: Pilot) -> None:
    assert _order(pilot) == list(IDS)
    pilot.click("sort/size")
    assert _order(pilot) == list(reversed(IDS))
    pilot.click("sort/size")
    assert _order(pilot) == list(IDS)
    pilot.click("sort/validation")
    assert _order(pilot)[:3] == [IDS[1], IDS[3], IDS[5]], "the best first; runs without the metric at the end"
    pilot.click("sort/validation")
    assert _order(pilot)[:3] == [IDS[5], IDS[3], IDS[1]]


@scenario(stage=solo(RunsPanel, _view), size_px=SIZE)
def test_runs_are_filtered(pilot: Pilot) -> None:
    pilot.click("field/runs")
    pilot.type("net inter")
    assert _order(pilot) == [IDS[2]]
    pilot.type("x")
    pilot.frames(2)
    assert pilot.desk.panel._filter == "net interx"


@scenario(stage=solo(RunsPanel, _view), size_px=SIZE)
def test_a_thousand_runs_draw_only_what_is_seen(pilot: Pilot) -> None:
    many = tuple(
        replace(_run(number % 60, "completed", 0.5), run_id=f"run-{number:04}", folder=Path(f"/runs/{number}"))
        for number in range(1000)
    )
    pilot.desk.view = _view(many)
    pilot.frames(3)
    assert 5 < len(pilot.names("run/")) < 40
    panel = pilot.desk.panel
    before = panel._memo.get("rows", (many,), lambda: None)
    pilot.desk.view = replace(pilot.desk.view, fps=59.0)
    pilot.frames(2)
    assert panel._memo.get("rows", (many,), lambda: None) is before


@scenario(stage=solo(RunsPanel, _view), size_px=SIZE)
@pytest.mark.parametrize("width_px", [220, 480, 900, 1280])
def test_it_can_be_drawn_in_every_state(pilot: Pilot, width_px: int) -> None:
    pilot.desk.width_px = width_px
    view = _view()
    shown = replace(view, run=run_view(view.document.document, view.config, "completed", run_id=IDS[0], live=False))
    for scale, theme in ((1.0, "dark"), (2.0, "light")):
        pilot.desk.kit.scale, pilot.desk.kit.theme = scale, THEMES[theme]
        for height_px in (100, 500):
            pilot.desk.height_px = height_px
            for state in (view_of(), _view(None), _view(()), view, shown):
                pilot.desk.view = state
                pilot.frames(2)
        pilot.desk.panel._asking = IDS[0]
        pilot.frames(2)
        pilot.desk.panel._asking = ""
    assert pilot.desk.posted == []
