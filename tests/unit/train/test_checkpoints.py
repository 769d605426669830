"""Checkpoints: whole or not at all, the right ones kept, and nothing foreign believed."""

from __future__ import annotations

import errno
import json
import os
import random
import sys
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from neuralforge.errors import UserError
from neuralforge.runs import atomic
from neuralforge.runs.reader import RunReader
from neuralforge.train.checkpoint import Snapshot, read_checkpoint, write_checkpoint
from neuralforge.train.keeper import MAX_WAITING, Keeper
from neuralforge.train.launch import Run, replay, resume, start
from neuralforge.workbench.config import TrainConfig
from tests.unit.train.kit import assert_same, outcome, plan, pump, pump_until, train, whole_state

STATE = {
    "step": 3, "epoch": 1, "cursor": 4, "values": {}, "scaler": None, "best_loss": None, "bad_validations": 0,
    "validated_at": 0, "limit_steps": 9, "limit_epochs": None, "stopped_early": False, "numbers": [0.5, 1.0],
    "metrics": {},
}  # fmt: skip


def _snapshot(step: int = 3, fill: float = 1.0) -> Snapshot:
    return Snapshot({"model.w": torch.full((4,), fill)}, {**STATE, "step": step})


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


def _step(number: int) -> str:
    return f"step-{number:010d}.safetensors"


@pytest.mark.parametrize("fault", ["fsync", "replace", "write"])
def test_a_write_that_fails_leaves_the_older_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    path = tmp_path / "c.safetensors"
    sha256 = write_checkpoint(path, _snapshot())
    data = path.read_bytes()

    def refuse(*_args: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if fault == "write":
        monkeypatch.setattr(Path, "write_bytes", refuse)
    else:
        monkeypatch.setattr(atomic.os, fault, refuse)
    with pytest.raises(OSError, match="No space"):
        write_checkpoint(path, _snapshot(fill=2.0))
    monkeypatch.undo()
    assert path.read_bytes() == data and os.listdir(tmp_path) == [path.name]
    assert torch.equal(read_checkpoint(path, sha256).tensors["model.w"], torch.ones(4))


def test_a_run_survives_checkpoints_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    p = plan(tmp_path, steps=12, checkpoint_every=3)
    whole = train(p)
    run = start(p)
    real = os.replace
    failing = {_step(6), _step(12)}

    def replace(source: Any, target: Any) -> None:
        if Path(target).name in failing:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    pump(run.session)
    assert run.session.state == "completed" and run.session.weights_sha256 == whole.session.weights_sha256
    assert "No space left" in (run.session.trouble or "")
    assert _step(6) not in _names(run.folder) and _step(9) in _names(run.folder)
    reader = RunReader(run.folder)
    assert {c.file for c in reader.checkpoints()} >= {f"checkpoints/{_step(s)}" for s in (3, 9)}
    assert {e.key for e in reader.events()} == {"checkpoint"}
    assert not list((run.folder / "checkpoints").glob(".*"))


def test_best_last_and_the_newest_k_are_kept(tmp_path: Path) -> None:
    run = train(plan(tmp_path, steps=23, checkpoint_every=4, keep=2, validation_every=5))
    names = _names(run.folder)
    assert [n for n in names if n.startswith("step")] == [_step(20), _step(23)]
    best = [n for n in names if n.startswith("best")]
    losses = dict(zip(*(x.tolist() for x in RunReader(run.folder).series("validation/loss")), strict=True))
    assert best == [f"best-{min(losses, key=losses.__getitem__):010d}.safetensors"]
    listed = RunReader(run.folder).checkpoints()
    assert listed[-1].kind == "last" and listed[-1].step == 23
    assert [c.step for c in listed if c.kind == "periodic"] == [4, 8, 12, 16, 20]
    for entry in listed:
        if (run.folder / entry.file).exists():
            assert read_checkpoint(run.folder / entry.file, entry.sha256).state["step"] == entry.step


def test_the_best_weights_are_those_of_the_best_validation(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=30, validation_every=3, lr=0.3, optimizer="sgd"))
    seen = {}
    for pulse in run.session.steps():
        if pulse.kind == "step":
            seen[pulse.step] = {k: v.clone() for k, v in run.session.engine.model.state_dict().items()}
    losses = dict(zip(*(x.tolist() for x in RunReader(run.folder).series("validation/loss")), strict=True))
    best = min(losses, key=losses.__getitem__)
    stored = read_checkpoint(run.folder / "checkpoints" / f"best-{best:010d}.safetensors").tensors
    assert all(torch.equal(stored[f"model.{name}"], value) for name, value in seen[best].items())


def test_checkpoints_by_time(tmp_path: Path) -> None:
    now = [0.0]
    keeper = Keeper(tmp_path, TrainConfig(checkpoint_minutes=2.0, steps=1), lambda: now[0])
    assert not keeper.due(1)
    now[0] = 119.9
    assert not keeper.due(2)
    now[0] = 120.0
    assert keeper.due(3)
    keeper.save(_snapshot(3), "periodic")
    assert not keeper.due(4)
    assert keeper.collect(wait=True) is not None
    keeper.close()
    assert not Keeper(tmp_path, TrainConfig(checkpoint_minutes=0.0, steps=1), lambda: 1e9).due(1)


def test_a_slow_disk_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for more than the disk can take waits, and nothing is dropped."""
    keeper = Keeper(tmp_path, TrainConfig(steps=1, keep=100))
    most = 0
    for step in range(1, 30):
        keeper.save(_snapshot(step), "periodic")
        most = max(most, sum(not future.done() for future in keeper._writing))
    assert most <= MAX_WAITING
    written = []
    while (one := keeper.collect(wait=True)) is not None:
        written.append(one.step)
    keeper.close()
    assert written == list(range(1, 30))


def _interrupted(tmp_path: Path) -> tuple[Run, Run]:
    p = plan(tmp_path, steps=20, checkpoint_every=4, validation_every=5, patience=20)
    whole = train(p)
    run = start(p)
    pump_until(run.session, 14)
    run.session.keeper.close()
    run.session._note_written(wait=True)
    run.log.flush()
    run.log.abandon()
    return whole, run


@pytest.mark.parametrize("damage", ["truncate", "empty", "flip", "missing", "foreign", "older"])
@pytest.mark.parametrize("how_many", [1, 9])
def test_a_damaged_newest_checkpoint_leads_to_the_same_end(tmp_path: Path, damage: str, how_many: int) -> None:
    whole, run = _interrupted(tmp_path)
    files = sorted((run.folder / "checkpoints").iterdir(), key=lambda p: p.name.split("-")[1], reverse=True)
    files = [f for f in files if f.name.startswith("step")][:how_many] if how_many < 9 else files
    for path in files:
        data = path.read_bytes()
        if damage == "truncate":
            path.write_bytes(data[: len(data) // 2])
        elif damage == "empty":
            path.write_bytes(b"")
        elif damage == "flip":
            path.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
        elif damage == "missing":
            path.unlink()
        elif damage == "foreign":
            path.write_bytes(safetensors.torch.save({"x": torch.ones(2)}))
        else:
            path.write_bytes(files[-1].read_bytes() if path != files[-1] else b"x")
    again = resume(run.folder)
    whole_files = {f.name: int(f.name.split("-")[1][:10]) for f in (run.folder / "checkpoints").iterdir()}
    left = [step for name, step in whole_files.items() if name not in {f.name for f in files}]
    assert again.session.step == max(left, default=0) < 12
    pump(again.session)
    assert again.retracing is not None and again.retracing.difference is None
    assert_same(outcome(whole.folder), outcome(again.folder))
    assert whole_state(whole.session) == whole_state(again.session)


def test_a_checkpoint_of_another_network_is_refused_in_one_sentence(tmp_path: Path) -> None:
    run, other = start(plan(tmp_path)), start(plan(tmp_path, "mlp", net_options={"hidden": "5"}))
    for mine, theirs in ((run, other), (other, run)):
        with pytest.raises(UserError, match="belongs to another network"):
            mine.session.restore(theirs.session.snapshot())
    for each in (run, other):
        each.log.abandon()


def test_truncated_at_every_length_and_flipped_at_every_byte(tmp_path: Path) -> None:
    """Detected by the digest always; without one, detected or harmless."""
    path = tmp_path / "c.safetensors"
    sha256 = write_checkpoint(path, _snapshot())
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        for digest in (sha256, None):
            with pytest.raises(UserError, match=r"c\.safetensors"):
                read_checkpoint(path, digest)
    rng = random.Random(0)
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ (1 << rng.randrange(8))]) + data[place + 1 :])
        with pytest.raises(UserError, match=r"c\.safetensors"):
            read_checkpoint(path, sha256)
        try:
            assert isinstance(read_checkpoint(path), Snapshot)
        except UserError as error:
            assert "c.safetensors" in str(error)


@pytest.mark.parametrize(
    "state",
    [
        "{}", "[]", "null", "nonsense", '{"format_version": 2}', '{"format_version": 1}', "[" * 100_000,
        *(json.dumps({"format_version": 1, **STATE, **odd})
          for odd in ({"step": "3"}, {"cursor": -1}, {"values": 7}, {"metrics": []}, {"step": True}, {"numbers": [1]})),
        json.dumps({"format_version": 1, **{k: v for k, v in STATE.items() if k != "epoch"}}),
    ],
    ids=lambda text: text[:24],
)  # fmt: skip
def test_a_state_that_cannot_be_is_refused(tmp_path: Path, state: str) -> None:
    path = tmp_path / "c.safetensors"
    safetensors.torch.save_file({"model.w": torch.ones(4)}, path, {"state": state})
    with pytest.raises(UserError, match=r"c\.safetensors"):
        read_checkpoint(path)


def test_no_pickle_is_read_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, run = _interrupted(tmp_path)
    seen: list[str] = []
    watching = [True]

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if watching[0] and event.startswith(("pickle.", "marshal.load", "os.system", "subprocess.")):
            seen.append(f"{event} {args!r:.80}")

    def refuse(*_args: object, **_options: object) -> None:
        raise AssertionError("torch.load was called")

    monkeypatch.setattr(torch, "load", refuse)
    sys.addaudithook(hook)  # stays until the process ends, but is idle after this test
    try:
        again = resume(run.folder)
        pump(again.session)
        replay(run.folder)
        RunReader(run.folder).events()
    finally:
        watching[0] = False
    assert not [event for event in seen if "git" not in event and "pickle" in event], seen
    assert again.session.weights_sha256 == whole.session.weights_sha256


def test_what_a_killed_writer_left_half_written_is_swept(tmp_path: Path) -> None:
    _, run = _interrupted(tmp_path)
    half = run.folder / "checkpoints" / f".{_step(16)}.0a1b2c3d.tmp"
    half.write_bytes(b"half")
    again = resume(run.folder)
    assert not half.exists()
    pump(again.session)
    assert not list((run.folder / "checkpoints").glob(".*"))
