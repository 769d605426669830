"""The rows of the list of runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralforge.runs.store import RunSummary
from neuralforge.ui.run_rows import chosen, metric_of, row_of, short_path, when

NOW = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
RUN = RunSummary(
    run_id="20261121-141111-mlp-b189", folder=Path("/runs/20261121-141111-mlp-b189"), name="mlp", status="completed",
    created_utc="2026-11-21T14:11:11.5+00:00", steps=1234,
    metrics={"validation/accuracy": 0.9565, "validation/loss": 0.88, "test/accuracy": 0.8636, "train/loss": 0.9},
    size_bytes=1_482_552,
)  # fmt: skip


def test_a_row_of_a_run() -> None:
    row = row_of(RUN, NOW, UTC)
    assert (row.title, row.state, row.tone, row.can_resume) == ("mlp", "completed", "good", False)
    assert dict(row.cells) == {
        "created": "today 14:11", "steps": "1,234", "metric": "accuracy", "validation": "0.957", "test": "0.864",
        "size": row.cells["size"],
    }  # fmt: skip
    assert row.cells["size"].startswith("1.")


def test_a_row_of_a_run_that_cannot_be_read() -> None:
    run = RunSummary(run_id="r1", folder=Path("/runs/r1"), name="", status="unreadable: it is: broken")
    row = row_of(run, NOW, UTC)
    assert (row.title, row.state, row.reason, row.tone) == ("r1", "unreadable", "it is: broken", "bad")
    assert row.cells["validation"] == row.cells["steps"] == row.cells["created"] == ""


@pytest.mark.parametrize("status", ["paused", "interrupted", "stopped"])
def test_runs_that_can_be_gone_on_with(status: str) -> None:
    assert row_of(replace(RUN, status=status), NOW).can_resume
    assert not row_of(replace(RUN, status="running"), NOW).can_resume


def test_moments() -> None:
    assert when("2026-11-20T23:30:00+00:00", NOW, UTC) == "20 Nov 23:30"
    assert when("2026-11-20T23:30:00+00:00", NOW, timezone(timedelta(hours=1))) == "today 00:30"
    assert when("2026-11-21T14:00:00", NOW, UTC) == "today 14:00", "a moment without a zone is in UTC"
    assert when("2025-01-02T10:00:00+00:00", NOW, UTC) == "2 Jan 2025"
    assert when("", NOW) == when("yesterday", NOW) == ""


def test_the_telling_metric() -> None:
    assert metric_of(RUN.metrics) == "accuracy"
    assert metric_of({"validation/loss": 1.0, "train/accuracy": 0.5}) == "loss"
    assert metric_of({"train/loss": 1.0}) == "loss" and metric_of({}) == ""
    assert metric_of({"test/mae": 1.0}) == "mae"


def _runs() -> list[RunSummary]:
    accuracies = (0.7, None, 0.9, float("nan"))
    runs = [
        replace(RUN, run_id=f"r{place}", metrics={} if value is None else {"validation/accuracy": value}, steps=place)
        for place, value in enumerate(accuracies)
    ]
    return [*runs, replace(RUN, run_id="r4", metrics={"validation/mae": 49.0}, steps=4)]


def test_sorting_by_a_metric_keeps_metrics_apart_and_empty_ones_last() -> None:
    rows = [row_of(run, NOW) for run in _runs()]
    up = [row.run.run_id for row in chosen(rows, "", "validation", descending=False)]
    down = [row.run.run_id for row in chosen(rows, "", "validation", descending=True)]
    assert up == ["r0", "r2", "r4", "r1", "r3"] and down == ["r4", "r2", "r0", "r1", "r3"]
    assert chosen(rows, "", None, descending=True) == tuple(rows)


columns = st.sampled_from(["name", "state", "created", "steps", "metric", "validation", "test", "size"])
runs = st.builds(
    lambda name, steps, value: replace(RUN, name=name, steps=steps, metrics={"test/loss": value}),
    st.text("ab ", max_size=3), st.integers(0, 9), st.floats(allow_nan=True),
)  # fmt: skip


@given(st.lists(runs, max_size=8), columns, st.booleans())
def test_sorting_loses_no_run(found: list[RunSummary], column: str, descending: bool) -> None:
    rows = [row_of(run, NOW) for run in found]
    shown = chosen(rows, "", column, descending=descending)  # type: ignore[arg-type]
    assert sorted(map(id, shown)) == sorted(map(id, rows))


def test_a_filter_wants_every_word() -> None:
    rows = [row_of(run, NOW) for run in (RUN, replace(RUN, name="cnn", status="failed", run_id="other"))]
    assert [row.title for row in chosen(rows, "FAILED cn", None, descending=False)] == ["cnn"]
    assert chosen(rows, "failed mlp", None, descending=False) == ()


def test_the_home_folder_is_short() -> None:
    assert short_path(Path("/home/a/runs"), Path("/home/a")) == "~/runs"
    assert short_path(Path("/srv/runs"), Path("/home/a")) == "/srv/runs"
    assert short_path(Path("/home/a"), Path("/home/a")) == "/home/a"
