from __future__ import annotations

import math
import os
import struct
from pathlib import Path

import h5py
import numpy as np
import pytest

from neuralforge.errors import UserError
from neuralforge.runs.errors import RunLogError
from neuralforge.runs.events import Event
from neuralforge.runs.header import RUN_ID, new_run_id
from neuralforge.runs.layout import ROWS_PER_CHUNK
from neuralforge.runs.log import RunLog
from neuralforge.runs.reader import RunReader


def knob(new, **fields):
    return Event(actor="person", operation="set", key="lr", old=0.1, new=new, **fields)


def fill(log, start, stop):
    channel = log.channel("train")
    for step in range(start, stop):
        channel.row(step, 1 / step, step % 3, 0.1, 0.05)


def test_everything_comes_back_from_a_closed_run(log, make_header):
    fill(log, 1, 100)
    log.scalar("validation/accuracy", 50, 0.5)
    log.scalar("test/loss", 99, math.nan)
    made = [log.event(knob(value)) for value in (0.2, 1 / 3, math.inf, 1, "text", True, None)]
    checkpoint = log.checkpoint(50, "checkpoints/50.safetensors", "c0ffee", "best")
    log.set_attribute("note", "ä")
    log.close("completed", weights_sha256="feed", steps=99, best=0.25, exact=True)

    run = RunReader(log.folder)
    assert sorted(os.listdir(log.folder)) == ["checkpoints", "run.h5"]
    assert run.status == "completed"
    steps, values = run.series("train/loss")
    assert steps.tolist() == list(range(1, 100)) and values.tolist() == [1 / step for step in range(1, 100)]
    assert steps.dtype == np.int64 and values.dtype == np.float64
    assert run.series("train/accuracy", since=97)[0].tolist() == [98, 99]
    assert np.isnan(run.series("test/loss")[1]).all()
    assert run.events() == made and run.events(since=5) == made[5:]
    assert [event.new for event in made] == [0.2, 1 / 3, "inf", 1, "text", True, None]
    assert type(run.events()[3].new) is int and type(run.events()[5].new) is bool
    assert [event.sequence for event in made] == list(range(1, 8))
    assert run.checkpoints() == [checkpoint]
    found = run.attributes
    assert [found[name] for name in ("note", "weights_sha256", "steps", "best", "exact")] == [
        "ä", "feed", 99, 0.25, True,
    ]  # fmt: skip
    header = run.header()
    assert header.immutable_json() == make_header().immutable_json()
    assert header.channels["train"] == make_header().channels["train"]
    assert (run.document, run.source) == (header.document, header.source)
    assert run.config == {"lr": 0.1, "betas": [0.9, 0.999]} and run.environment["torch"] == "2.13.0"
    assert run.verify() is None
    assert len(run.writers) == 1 and run.writers[0]["pid"] == os.getpid()


def test_series_of_a_channel_share_one_dataset_of_steps(log):
    fill(log, 1, 3 * ROWS_PER_CHUNK + 1)
    log.close("completed")
    with h5py.File(log.folder / "run.h5", "r") as file:
        steps = [file[f"scalars/{name}/step"] for name in log.channel("train").series]
        assert len({step.id.__hash__() for step in steps}) == 1 and all(step == steps[0] for step in steps)
        stored = steps[0].id.get_storage_size() + sum(
            file[f"scalars/{name}/value"].id.get_storage_size() for name in log.channel("train").series
        )
        assert stored / (3 * ROWS_PER_CHUNK) == 8 + 8 * 4
        assert file["scalars/train/loss/value"].chunks >= (4096,)
        assert steps[0].dtype == "<i8" and file["scalars/train/loss/value"].dtype == "<f8"


def test_all_datasets_are_there_from_the_start(log):
    with h5py.File(log.folder / "run.h5", "r", locking=False) as file:
        assert {
            "graph",
            "config",
            "environment",
            "data",
            "scalars",
            "events",
            "checkpoints",
            "writers",
        } == set(file)
        assert file.attrs["format"] == "neuralforge-run" and file.attrs["format_version"] == 1
        assert file.attrs["status"] == "running" and file.attrs["replayable"]
        assert file.attrs["parent_run"] == "" and file.attrs["parent_step"] == -1
        assert file["scalars/effective/lr/step"].shape == (0,)
        assert (
            file["graph/source"].asstr()[()].startswith("class Net") and len(file["graph/source"].attrs["sha256"]) == 64
        )
    assert {"journal", "writer.lock"} < set(os.listdir(log.folder))
    log.abandon()


def test_ticks_carry_rows_to_the_journal_and_then_to_the_file(log):
    path = log.folder / "run.h5"

    def seen():
        with h5py.File(path, "r", locking=False) as file:
            return len(file["scalars/train/loss/step"])

    log.tick(100.0)
    fill(log, 1, 11)
    log.tick(100.2)
    assert log.recorded_step == 0 and seen() == 0
    log.tick(100.3)
    assert log.recorded_step == 10 and seen() == 0
    log.tick(100.8)
    assert seen() == 10
    fill(log, 11, 12)
    # The next call comes too late for the promise of a second, so this one writes.
    log.tick(100.9, expected_gap_secs=0.95)
    assert log.recorded_step == 11 and seen() == 11
    log.abandon()


def test_events_come_after_the_rows_logged_before_them(log):
    fill(log, 1, 4)
    log.event(knob(0.2))
    assert log.recorded_step == 3
    log.abandon()
    run = RunReader(log.folder)
    assert run.series("train/loss")[0].tolist() == [1, 2, 3] and len(run.events()) == 1


def test_a_full_block_is_written_without_a_tick(log):
    fill(log, 1, 2 * ROWS_PER_CHUNK + 2)
    assert log.recorded_step == 2 * ROWS_PER_CHUNK
    log.close("stopped")
    assert len(RunReader(log.folder).series("train/loss")[0]) == 2 * ROWS_PER_CHUNK + 1


def test_steps_only_go_up_and_rows_are_whole(log):
    fill(log, 1, 4)
    with pytest.raises(AssertionError):
        fill(log, 3, 4)
    with pytest.raises(struct.error):
        log.channel("train").row(4, 1.0)
    with pytest.raises(AssertionError):
        log.scalar("train/loss", 4, 1.0)
    fill(log, 4, 5)
    log.close("completed")
    assert RunReader(log.folder).series("knob/lr")[0].tolist() == [1, 2, 3, 4]


def test_a_paused_run_is_closed_and_goes_on(log):
    fill(log, 1, 4)
    first = log.event(knob(0.2))
    log.set_attribute("note", "stays")
    log.close("paused", weights_sha256="feed")
    assert RunReader(log.folder).status == "paused" and not (log.folder / "journal").exists()

    again = RunLog.reopen(log.folder, {"torch": "2.14.0"})
    assert again.last_step("train") == 3 and again.sequence == 1 and again.status == "running"
    assert RunReader(log.folder).status == "running"
    assert "weights_sha256" not in RunReader(log.folder).attributes
    fill(again, 4, 6)
    again.scalar("knob/conv1.frozen", 5, 1.0)
    second = again.event(knob(0.3))
    again.close("completed", weights_sha256="beef")
    run = RunReader(log.folder)
    assert run.series("train/loss")[0].tolist() == [1, 2, 3, 4, 5]
    assert run.series("knob/conv1.frozen")[1].tolist() == [1.0]
    assert run.events() == [first, second] and run.verify() is None
    assert run.attributes["note"] == "stays" and run.attributes["weights_sha256"] == "beef"
    assert [writer["from_step"] for writer in run.writers] == [0, 3] and run.writers[1]["torch"] == "2.14.0"


def test_the_seeded_journal_holds_everything_again(log):
    fill(log, 1, 10_000)
    log.event(knob(0.2))
    log.checkpoint(9, "checkpoints/9.safetensors", "c0ffee", "last")
    log.set_attribute("note", "x")
    log.close("completed", steps=9_999)
    before = RunReader(log.folder)
    expected = (
        before.series("train/loss")[1].tolist(),
        before.event_texts(),
        before.checkpoints(),
        before.header(),
    )
    again = RunLog.reopen(log.folder)
    again.abandon()
    (log.folder / "run.h5").unlink()
    run = RunReader(log.folder)
    found = (run.series("train/loss")[1].tolist(), run.event_texts(), run.checkpoints(), run.header())
    assert found == expected and run.verify() is None and run.status == "interrupted"
    assert run.attributes["note"] == "x" and "steps" not in run.attributes and len(run.writers) == 2


@pytest.mark.parametrize(
    "make",
    [
        lambda log: log.declare("train", ("a/b",)),
        lambda log: log.declare("new", ("train/loss",)),
        lambda log: log.declare("new", ("../x",)),
        lambda log: log.declare("new", ("a/b", "a/b")),
        lambda log: log.set_attribute("status", "completed"),
        lambda log: log.set_attribute("Bad Name", 1),
        lambda log: log.set_attribute("big", 2**63),
        lambda log: log.checkpoint(1, "../x", "", "last"),
        lambda log: log.checkpoint(1, "/etc/passwd", "", "last"),
        lambda log: log.checkpoint(1, "a\\..\\b", "", "last"),
    ],
)  # fmt: skip
def test_names_that_the_log_cannot_hold_are_refused(log, make):
    with pytest.raises(UserError):
        make(log)
    log.close("completed")
    assert RunReader(log.folder).verify() is None


@pytest.mark.parametrize(
    "changes",
    [
        {"run_id": "../x"}, {"run_id": "A"}, {"run_id": ""}, {"run_id": "a" * 65},
        {"seed": -1}, {"seed": 2**63},
        {"source": "a\0b"}, {"document": "\ud800"}, {"parent_run": "a/b"}, {"channels": {"x": ("loss",)}},
        {"channels": {"x": ("a/b",), "y": ("a/b",)}},
    ],
)  # fmt: skip
def test_headers_that_the_log_cannot_hold_are_refused(make_header, changes):
    with pytest.raises(UserError):
        make_header(**changes)


def test_run_ids_are_safe_names():
    assert RUN_ID.fullmatch(new_run_id("Größe ../ CON " * 20)) and "size-x" in new_run_id("Size: X!")
    assert RUN_ID.fullmatch(new_run_id(""))


def test_a_run_is_made_once(log, make_header):
    with pytest.raises(RunLogError, match="there already"):
        RunLog.create(log.folder.parent, make_header())
    log.close("failed")
    assert RunReader(log.folder).status == "failed"


def test_a_fork_names_its_parent(tmp_path: Path, make_header):
    log = RunLog.create(tmp_path, make_header("child", parent_run="run-a", parent_step=40, seed=2**63 - 1))
    log.close("completed")
    header = RunReader(log.folder).header()
    assert (header.parent_run, header.parent_step, header.seed) == ("run-a", 40, 2**63 - 1)
