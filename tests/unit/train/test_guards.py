"""What a stranger may have put into the folder of a run, and what would eat the machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from neuralforge.app.planning import make_plan
from neuralforge.errors import UserError
from neuralforge.runs.reader import RunReader
from neuralforge.runs.store import RunStore
from neuralforge.train.checkpoint import read_checkpoint
from neuralforge.train.launch import resume, start
from tests.unit.train.kit import plan, pump


def finished(tmp_path: Path, **config: object) -> Path:
    run = start(plan(tmp_path / "runs", checkpoint_every=5, **config))
    pump(run.session)
    return run.folder


def test_a_linked_folder_of_checkpoints_is_neither_read_nor_written(tmp_path: Path) -> None:
    folder = finished(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    (folder / "checkpoints").rename(elsewhere)
    (folder / "checkpoints").symlink_to(elsewhere)
    before = {path.name: path.read_bytes() for path in elsewhere.iterdir()}
    with pytest.raises(UserError, match="is a link"):
        resume(folder, steps=30)
    assert {path.name: path.read_bytes() for path in elsewhere.iterdir()} == before


@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "device"])
def test_a_checkpoint_that_is_no_plain_file_is_passed_over(tmp_path: Path, kind: str) -> None:
    folder = finished(tmp_path)
    reference = resume(finished(tmp_path), steps=30)
    pump(reference.session)
    for path in (folder / "checkpoints").iterdir():
        path.unlink()
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        else:
            path.symlink_to("/dev/zero" if kind == "device" else "/etc/hostname")
        with pytest.raises(UserError):
            read_checkpoint(path)
    run = resume(folder, steps=30)
    assert run.session.step == 0
    pump(run.session)
    assert run.session.weights_sha256 == reference.session.weights_sha256


def test_a_pipe_in_place_of_the_lock_holds_nobody_up(tmp_path: Path) -> None:
    folder = finished(tmp_path)
    os.mkfifo(folder / "writer.lock")
    assert RunStore(folder.parent).list()[0].status == "completed"


def test_a_resume_that_fails_leaves_the_run_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = finished(tmp_path)
    before = RunReader(folder).attributes

    def fail(*_: object) -> None:
        raise UserError("not today")

    monkeypatch.setattr("neuralforge.train.session.TrainingSession.restore", fail)
    with pytest.raises(UserError, match="not today"):
        resume(folder, steps=30)
    assert RunReader(folder).status == "completed"
    assert RunReader(folder).attributes == before


def test_weights_that_are_not_finite_are_not_saved(tmp_path: Path) -> None:
    run = start(plan(tmp_path / "runs", checkpoint_every=5))
    for pulse in run.session.steps():
        if pulse.step == 7:
            with torch.no_grad():
                next(run.session.engine.model.parameters())[0] = float("nan")
        if pulse.kind == "paused":
            break
    assert "step 8 is not finite" in str(run.session.trouble)
    run.session.end("paused")
    assert [entry.step for entry in RunReader(run.folder).checkpoints()] == [5]
    assert resume(run.folder).session.step == 5


def test_the_log_always_lists_a_checkpoint_that_is_there(tmp_path: Path) -> None:
    run = start(plan(tmp_path / "runs", checkpoint_every=5, keep=1))
    listed = False
    for _ in run.session.steps():
        run.log.flush()
        entries = RunReader(run.folder).checkpoints()
        listed = listed or bool(entries)
        assert not entries or any((run.folder / entry.file).exists() for entry in entries)
    assert listed


def test_a_network_that_memory_cannot_hold_is_refused_before_it_is_made(tmp_path: Path) -> None:
    huge = make_plan("mlp", "moons", steps=1, settings=["hidden=65536,65536,65536,65536"], runs_dir=tmp_path)
    with pytest.raises(UserError, match="GiB to train"):
        start(huge)
    assert not list(tmp_path.iterdir())
