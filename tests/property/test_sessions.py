"""A run that is abandoned anywhere, any number of times, ends as one that never was."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from neuralforge.runs.reader import RunReader
from neuralforge.train.launch import Run, replay, resume, start
from neuralforge.workbench.knobs import Refused
from neuralforge.workbench.requests import Request
from neuralforge.workbench.status import Pulse
from tests.unit.train.kit import assert_same, outcome, plan, whole_state


@dataclass(frozen=True)
class Cut:
    """Where a run is abandoned: at the n-th pulse of a kind, counted from where it was taken up."""

    kind: str
    number: int
    flushed: bool
    saved: bool


@dataclass(frozen=True)
class Case:
    config: dict[str, Any]
    timed: list[tuple[int, dict[str, Any]]]
    live: dict[int, dict[str, Any]]
    cuts: list[Cut] = field(default_factory=list)


def _changes(optimizer: str) -> st.SearchStrategy[dict[str, Any]]:
    own = {
        "sgd": {"momentum": st.sampled_from([0.0, 0.5])},
        "rmsprop": {"momentum": st.sampled_from([0.0, 0.5])},
        "adam": {"beta1": st.sampled_from([0.5, 0.8])},
        "adamw": {"beta2": st.sampled_from([0.9, 0.99])},
    }[optimizer]
    knobs = {
        "lr": st.sampled_from([0.003, 0.02, 0.1]),
        "weight_decay": st.sampled_from([0.0, 0.05]),
        "batch_size": st.sampled_from([5, 16, 40]),
        "clip_norm": st.sampled_from([0.0, 0.3]),
        "label_smoothing": st.sampled_from([0.0, 0.2]),
        "accumulation": st.sampled_from([1, 2, 3]),
        "drop.dropout": st.sampled_from([0.0, 0.6]),
        "fc1.frozen": st.booleans(),
        "norm.frozen": st.booleans(),
        "fc2.frozen": st.booleans(),
        **own,
    }
    one = st.sampled_from(sorted(knobs)).flatmap(lambda key: knobs[key].map(lambda value: (key, value)))
    return st.lists(one, min_size=1, max_size=3, unique_by=lambda pair: pair[0]).map(dict)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    optimizer = draw(st.sampled_from(["sgd", "adam", "adamw", "rmsprop"]))
    config: dict[str, Any] = {
        "optimizer": optimizer,
        "seed": draw(st.integers(0, 3)),
        "lr": draw(st.sampled_from([0.005, 0.3])),
        "momentum": draw(st.sampled_from([0.0, 0.9])),
        "accumulation": draw(st.sampled_from([1, 2])),
        "batch_size": draw(st.sampled_from([8, 26])),
        "schedule": draw(st.sampled_from(["constant", "step", "cosine", "one_cycle"])),
        "warmup": draw(st.sampled_from([0.0, 0.2])),
        "validation_every": draw(st.sampled_from([0, 3, 4])),
        "patience": draw(st.sampled_from([0, 2])),
        "checkpoint_every": draw(st.sampled_from([0, 2, 5])),
        "keep": draw(st.sampled_from([1, 3])),
    }
    config |= {"epochs": 2} if draw(st.booleans()) else {"steps": draw(st.integers(8, 22))}
    step = st.integers(1, 24)
    timed = draw(st.lists(st.tuples(step, _changes(optimizer)), max_size=4))
    live = draw(st.dictionaries(step, _changes(optimizer), max_size=3))
    cut = st.builds(
        Cut,
        kind=st.sampled_from(["step", "step", "batch", "validation"]),
        number=st.integers(1, 12),
        flushed=st.booleans(),
        saved=st.booleans(),
    )
    return Case(config, timed, live, draw(st.lists(cut, min_size=1, max_size=3)))


def _pulses(run: Run, live: dict[int, dict[str, Any]]) -> Iterator[Pulse]:
    """Pump, and turn knobs by hand after certain steps, but what the log has already is not asked again."""
    session = run.session
    known = {event.gesture for event in RunReader(run.folder).events()}

    def turn(step: int) -> None:
        if step in live and f"live-{step}" not in known:
            known.add(f"live-{step}")
            with suppress(Refused):  # when it was asked, which the log tells
                session.request(Request(changes=live[step], gesture=f"live-{step}"))

    if session.step:
        turn(session.step)
    for pulse in session.steps():
        if pulse.kind == "step":
            turn(pulse.step)
        yield pulse


def _begin(runs: Path, case: Case) -> Run:
    run = start(plan(runs, **case.config))
    for step, changes in case.timed:
        with suppress(Refused):
            run.session.request(Request(changes=changes, at_step=step, actor="script"))
    return run


def _interrupt(run: Run, case: Case, cut: Cut) -> bool:
    """Pump to the cut and let go as a killed process does; return False when the run ended before."""
    seen = 0
    for pulse in _pulses(run, case.live):
        assert pulse.kind != "paused", run.session.trouble
        seen += pulse.kind == cut.kind
        if seen >= cut.number:
            assert run.session.keeper is not None
            if cut.saved:
                run.session._note_written(wait=True)
            if cut.flushed:
                run.log.flush()
            run.log.abandon()
            run.session.keeper.close()
            return True
    return False


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
@example(
    Case(
        {"steps": 40, "validation_every": 2, "patience": 2, "lr": 0.9, "optimizer": "sgd", "checkpoint_every": 2},
        [(5, {"lr": 0.5}), (30, {"lr": 0.1})],
        {3: {"batch_size": 9}},
        [Cut("validation", 4, True, True), Cut("step", 1, True, True), Cut("step", 3, False, False)],
    )
)
@example(
    Case(
        {"steps": 12, "accumulation": 2, "batch_size": 8, "checkpoint_every": 2},
        [(9, {"norm.frozen": True}), (11, {"norm.frozen": False, "lr": 0.1})],
        {6: {"fc1.frozen": True}, 7: {"fc1.frozen": False}},
        [Cut("batch", 7, True, True), Cut("batch", 2, True, True), Cut("batch", 3, True, False)],
    )
)
def test_interrupted_anywhere_and_resumed(case: Case) -> None:
    folder = Path(tempfile.mkdtemp(prefix="nf-sessions-"))
    try:
        whole = _begin(folder, case)
        for pulse in _pulses(whole, case.live):
            assert pulse.kind != "paused", whole.session.trouble
        run = _begin(folder, case)
        for cut in case.cuts:
            if not _interrupt(run, case, cut):
                break
            run = resume(run.folder)
        else:
            for pulse in _pulses(run, case.live):
                assert pulse.kind != "paused", run.session.trouble
        assert run.retracing is None or run.retracing.difference is None
        assert_same(outcome(whole.folder), outcome(run.folder))
        assert whole_state(whole.session) == whole_state(run.session)
        assert whole.session.final_metrics() == run.session.final_metrics()
        for each in (whole, run):
            assert replay(each.folder).identical
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("steps", [4, 9])
def test_interrupted_after_every_step(tmp_path: Path, steps: int) -> None:
    """Taken up and dropped again step by step; the step before is gone over again each time."""
    case = Case({"steps": steps, "checkpoint_every": 1, "validation_every": 2}, [(3, {"lr": 0.1})], {})
    whole = _begin(tmp_path, case)
    for _ in _pulses(whole, {}):
        pass
    run = _begin(tmp_path, case)
    while _interrupt(run, case, Cut("step", 2, True, True)):
        run = resume(run.folder)
    assert_same(outcome(whole.folder), outcome(run.folder))
