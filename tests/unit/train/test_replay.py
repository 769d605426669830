"""Running again from the log alone: identical, or the first difference, or what was altered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neuralforge.errors import UserError
from neuralforge.runs.events import chain, genesis
from neuralforge.runs.header import canonical
from neuralforge.runs.reader import RunReader
from neuralforge.train.launch import Altered, NeedsTrust, Run, replay, resume, start
from neuralforge.workbench.requests import Request
from tests.unit.train.kit import ask, plan, pump, pump_until, train

SCRIPT = [(6, {"lr": 0.01}), (9, {"drop.dropout": 0.1, "norm.frozen": True}), (13, {"batch_size": 7})]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return train(plan(tmp_path, steps=18, validation_every=5, accumulation=2), SCRIPT)


def test_a_completed_run(run: Run) -> None:
    result = replay(run.folder)
    assert result.identical and result.steps == 18 and result.difference is None and result.largest == 0
    assert result.weights_sha256 == result.recorded_sha256 == run.session.weights_sha256
    assert result.environment == ()
    assert replay(run.folder / "run.h5").identical


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop"])
def test_every_optimizer_and_a_schedule(tmp_path: Path, optimizer: str) -> None:
    run = train(plan(tmp_path, epochs=2, optimizer=optimizer, schedule="one_cycle", patience=3), SCRIPT)
    assert replay(run.folder).identical


def test_stopped_paused_and_interrupted_runs(tmp_path: Path) -> None:
    for how in ("stopped", "paused", "interrupted"):
        run = start(plan(tmp_path, steps=18, validation_every=5, accumulation=2))
        ask(run.session, SCRIPT)
        if how == "interrupted":
            pump_until(run.session, 10)
            run.log.flush()
            run.log.abandon()
        else:
            run.session.request(Request(action="stop" if how == "stopped" else "pause", at_step=11))
            pump(run.session)
            if how == "paused":
                run.session.end("paused")
        assert RunReader(run.folder).status == how
        result = replay(run.folder)
        assert result.identical and result.steps == 10, (how, result)
        assert (result.recorded_sha256 is None) == (how == "interrupted")


def test_a_validation_at_the_last_row_of_an_interrupted_run_is_compared(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=18, validation_every=5))
    run.session.request(Request(action="pause", at_step=11))
    pump(run.session)
    run.log.flush()
    run.log.abandon()
    assert RunReader(run.folder).series("validation/loss")[0].tolist() == [5, 10]
    with h5py.File(run.folder / "run.h5", "r+") as file:
        file["scalars/validation/loss/value"][1] += 1e-12
    result = replay(run.folder)
    assert not result.identical and result.difference is not None
    assert (result.difference.step, result.difference.series) == (10, "validation/loss")


def test_a_run_without_steps(tmp_path: Path) -> None:
    run = start(plan(tmp_path), paused=True)
    run.session.end("paused")
    assert replay(run.folder).identical and replay(run.folder).steps == 0


@pytest.mark.parametrize(
    ("series", "row", "step"),
    [
        ("train/loss", 0, 1), ("train/loss", 17, 18), ("train/accuracy", 4, 5), ("effective/lr", 8, 9),
        ("knob/lr", 5, 6), ("knob/drop.dropout", 1, 9), ("validation/loss", 1, 10), ("test/accuracy", 0, 18),
    ],
)  # fmt: skip
def test_an_altered_number_is_the_first_difference(run: Run, series: str, row: int, step: int) -> None:
    with h5py.File(run.folder / "run.h5", "r+") as file:
        values = file[f"scalars/{series}/value"]
        old = float(values[row])
        values[row] = np.nextafter(old, np.inf)
    result = replay(run.folder)
    assert not result.identical and result.difference is not None
    assert (result.difference.step, result.difference.series) == (step, series)
    assert (result.difference.now, result.difference.recorded) == (old, np.nextafter(old, np.inf))
    assert f"step {step}: {series} was" in str(result.difference)
    assert result.weights_sha256 == run.session.weights_sha256


def test_the_first_of_several_differences_is_named(run: Run) -> None:
    with h5py.File(run.folder / "run.h5", "r+") as file:
        for row in (3, 7, 12):
            file["scalars/train/loss/value"][row] += row
    result = replay(run.folder)
    assert result.difference is not None and result.difference.step == 4
    assert result.largest == pytest.approx(12)


def test_other_final_weights(run: Run) -> None:
    with h5py.File(run.folder / "run.h5", "r+") as file:
        file.attrs["weights_sha256"] = "0" * 64
    result = replay(run.folder)
    assert not result.identical and result.difference is None


def test_a_row_less_is_not_identical(run: Run) -> None:
    with h5py.File(run.folder / "run.h5", "r+") as file:
        for name in ("train/loss", "train/accuracy", "knob/lr", "effective/lr"):
            for part in ("step", "value"):
                file[f"scalars/{name}/{part}"].resize((17,))
    assert not replay(run.folder).identical


def _replace_text(dataset: Any, old: str, new: str) -> None:
    text = dataset[()].decode()
    assert old in text
    dataset[()] = text.replace(old, new)


def _alter_event(file: h5py.File) -> None:
    events = file["events"]
    found = json.loads(events[2])
    found["new"] = 0.5
    events[2] = json.dumps(found)


def _drop_event(file: h5py.File) -> None:
    file["events"].resize((len(file["events"]) - 1,))


def _alter_seed(file: h5py.File) -> None:
    file.attrs["seed"] = 7


ALTERATIONS: dict[str, Callable[[h5py.File], object]] = {
    "event": _alter_event,
    "last event": _drop_event,
    "seed": _alter_seed,
    "config": lambda file: _replace_text(file["config"], '"lr":', '"lr": 0.5, "x":'),
    "document": lambda file: _replace_text(file["graph/document"], '"p": 0.3', '"p": 0.4'),
    "source": lambda file: _replace_text(file["graph/source"], "Dropout(0.3)", "Dropout(0.4)"),
}


@pytest.mark.parametrize("what", list(ALTERATIONS))
def test_what_was_altered_is_said(run: Run, what: str) -> None:
    with h5py.File(run.folder / "run.h5", "r+") as file:
        ALTERATIONS[what](file)
    with pytest.raises(Altered, match=r"altered|missing|removed") as error:
        replay(run.folder)
    if what in ("document", "source"):
        assert what in str(error.value)
    with pytest.raises(UserError, match=r"cannot be resumed|unknown key"):
        resume(run.folder, steps=30)
    assert {p.name for p in run.folder.iterdir()} == {"run.h5", "checkpoints"}


@pytest.mark.parametrize("what", ["document", "source"])
def test_a_recomputed_sha256_does_not_help(run: Run, what: str) -> None:
    with h5py.File(run.folder / "run.h5", "r+") as file:
        ALTERATIONS[what](file)
        text = file[f"graph/{what}"][()]
        file[f"graph/{what}"].attrs["sha256"] = hashlib.sha256(text).hexdigest()
    with pytest.raises(Altered, match="header of the log"):
        replay(run.folder)


def _forge(run: Run, alter: Callable[[h5py.File], object]) -> None:
    """Alter a file and recompute all digests, as a hostile author can."""
    path = run.folder / "run.h5"
    with h5py.File(path, "r+") as file:
        alter(file)
        for what in ("document", "source"):
            text = file[f"graph/{what}"][()]
            file[f"graph/{what}"].attrs["sha256"] = hashlib.sha256(text).hexdigest()
    digest = opening = genesis(RunReader(path).header())
    with h5py.File(path, "r+") as file:
        for i in range(len(file["events"])):
            found = json.loads(file["events"][i])
            del found["digest"]
            digest = chain(digest, canonical(found))
            file["events"][i] = canonical({**found, "digest": digest})
        file.attrs["events_digest"], file.attrs["header_digest"] = digest, opening
    assert RunReader(path).verify() is None


def test_foreign_source_never_runs_without_trust(run: Run, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    evil = f"open({str(proof)!r}, 'a').write('x')\n"

    def alter(file: h5py.File) -> None:
        file["graph/source"][()] = evil + file["graph/source"][()].decode()

    _forge(run, alter)
    for path in (run.folder, run.folder / "run.h5"):
        with pytest.raises(NeedsTrust, match="first at line 1"):
            replay(path)
    with pytest.raises(NeedsTrust):
        resume(run.folder, steps=30)
    RunReader(run.folder).source  # noqa: B018
    assert not proof.exists()
    assert replay(run.folder, trust=True).identical
    assert proof.exists()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"layer": "linear"', '"layer": "os.system"'),
        ('"p": 0.3', '"p": "0.3); __import__(\'os\').abort("'),
        ('"id": "fc1"', '"id": "fc1 = 1; x"'),
        ('"name": "mixed"', '"name": "x):\\n pass #"'),
    ],
)
def test_a_hostile_document_is_refused_or_harmless(run: Run, old: str, new: str) -> None:
    _forge(run, lambda file: _replace_text(file["graph/document"], old, new))
    with pytest.raises(UserError):
        replay(run.folder)


@pytest.mark.parametrize(
    ("field", "value"),
    [("key", "no.such.knob"), ("new", "text"), ("new", -1), ("applied_step", 3_000_000), ("key", "fc1.frozen")],
)
def test_hostile_events_end_in_a_sentence(run: Run, field: str, value: object) -> None:
    def alter(file: h5py.File) -> None:
        for i in range(len(file["events"])):
            found = json.loads(file["events"][i])
            if found["status"] == "applied" and found["key"] == "lr":
                file["events"][i] = json.dumps({**found, field: value})

    _forge(run, alter)
    try:
        assert not replay(run.folder).identical
    except UserError as error:
        assert "Traceback" not in str(error)


def test_a_hostile_config_is_refused(run: Run) -> None:
    def alter(file: h5py.File) -> None:
        file["config"][()] = json.dumps({**json.loads(file["config"][()]), "threads": -1})

    _forge(run, alter)
    with pytest.raises(UserError, match="threads"):
        replay(run.folder)


def test_data_that_has_changed_is_said(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    x = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    np.savez(path, x=x, y=np.arange(60) % 3)
    run = train(plan(tmp_path / "runs", "mlp", str(path), {}, steps=8, batch_size=8))
    assert replay(run.folder).identical
    x[5, 1] += 1e-6
    np.savez(path, x=x, y=np.arange(60) % 3)
    with pytest.raises(Altered, match=r"data of run .* has changed since: its sha256 was [0-9a-f]+ and is [0-9a-f]+"):
        replay(run.folder)


def test_a_run_that_cannot_be_replayed_says_so(run: Run) -> None:
    with h5py.File(run.folder / "run.h5", "r+") as file:
        file.attrs["replayable"] = False
    with pytest.raises(UserError, match=r"cannot be replayed|altered"):
        replay(run.folder)


def test_a_replay_writes_nothing(run: Run) -> None:
    before = {p: p.read_bytes() for p in run.folder.rglob("*") if p.is_file()}
    replay(run.folder)
    assert {p: p.read_bytes() for p in run.folder.rglob("*") if p.is_file()} == before
