"""The network of a run on the disk: it says what the live one said, and looking at it leaves no trace."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from neuralforge.errors import UserError
from neuralforge.runs.reader import RunReader
from neuralforge.train import specimen as specimens
from neuralforge.train.glimpse import SampleOf
from neuralforge.train.launch import Altered, NeedsTrust, Run, start
from neuralforge.train.specimen import Specimen, open_specimen
from neuralforge.train.watch import Watch
from tests.unit.train import test_replay
from tests.unit.train.kit import ask, mixed, plan, pump, pump_until, train
from tests.unit.train.test_watch import SCRIPT, convolutional

LOOKS = frozenset({"node", "maps", "boundary", "prediction"})


def trained(runs: Path, net: Any = mixed, data: str = "moons", **config: Any) -> Run:
    """Train to the end, with checkpoints on the way and knobs that are turned."""
    run = start(plan(runs, net, data, steps=30, checkpoint_minutes=1e-9, **config), watch=True)
    ask(run.session, SCRIPT)
    pump(run.session)
    return run


def looked(watch: Watch, session: Any, node: str, sample: int = 3) -> list[Any]:
    """Take every look until there is nothing more to see."""
    watch.wants, watch.node = LOOKS, node
    watch.ask(SampleOf("validation", sample))
    while watch.is_due(session.step):
        watch._due_secs = 0.0
        for look in watch._looks:
            look.pace.due_secs = 0.0
        watch.service(session)
    assert watch.trouble is None
    return [watch.node_look, watch.maps, watch.boundary, watch.prediction]


def same(one: Any, other: Any) -> bool:
    """Compare two looks bit for bit."""
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if hasattr(one, "__dataclass_fields__"):
        return type(one) is type(other) and all(
            same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one)
        )
    return bool(one == other)


def files(folder: Path) -> dict[str, tuple[int, str]]:
    """Return what lies in a folder: time of the last change, and a digest."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def damage(run: Run, step: int | None = None) -> None:
    """Spoil the checkpoints of a step, or all."""
    for entry in RunReader(run.folder).checkpoints():
        path = run.folder / entry.file
        if path.exists() and step in (None, entry.step):
            path.write_bytes(path.read_bytes()[:-8])


@pytest.mark.parametrize(
    ("net", "data", "config"),
    [(mixed, "moons", {}), (convolutional, "digits", {}), (convolutional, "digits", {"precision": "bfloat16"})],
)
def test_it_says_bit_for_bit_what_the_live_network_says_at_its_end(
    tmp_path: Path, net: Any, data: str, config: dict[str, Any]
) -> None:
    run = trained(tmp_path, net, data, **config)
    assert run.watch is not None
    opened = open_specimen(run.folder)
    assert opened.step == run.session.step == 30
    for node, sample in (("norm", 3), ("fc2", 0), ("output", 5)):
        live = looked(run.watch, run.session, node, sample)
        ours = looked(opened.watch, opened, node, sample)
        assert all(same(a, b) for a, b in zip(live, ours, strict=True)), node
        assert live[0] is not None and live[3] is not None and (live[2] is not None) == (data == "moons")
    assert opened.engine.board.values == run.session.engine.board.values


def test_the_norms_of_the_weights_are_there_without_a_step(tmp_path: Path) -> None:
    run = trained(tmp_path)
    opened = open_specimen(run.folder)
    assert opened.watch.layers is not None and opened.watch.gradients is None
    model = run.session.engine.model
    for layer in opened.watch.layers.layers:
        norm = torch.cat([p.detach().reshape(-1) for p in model.get_submodule(layer.path).parameters()]).norm()
        assert layer.weight_norm == pytest.approx(float(norm)) and layer.gradient_norm is None
    assert [layer.node for layer in opened.watch.layers.layers if layer.frozen] == ["fc1"]


def test_each_look_is_taken_once_and_again_only_for_another_wish(tmp_path: Path) -> None:
    opened = open_specimen(trained(tmp_path).folder)
    watch = opened.watch
    seen = looked(watch, opened, "fc1")
    assert not watch.is_due(opened.step)
    watch.service(opened)
    assert [watch.node_look, watch.maps, watch.boundary, watch.prediction] == seen
    watch.node = "fc2"
    assert watch.is_due(opened.step)
    looked(watch, opened, "fc2")
    assert watch.node_look is not None and watch.node_look.node == "fc2" and watch.boundary is seen[2]
    watch.wants = frozenset({"gradients"})
    watch.service(opened)
    assert not watch.is_due(opened.step)


def test_a_look_that_fails_is_not_due_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_specimen(trained(tmp_path).folder)
    monkeypatch.setattr(opened.watch._glimpse, "boundary", lambda *_: 1 / 0)
    opened.watch.wants = frozenset({"boundary"})
    opened.watch.service(opened)
    assert opened.watch.trouble is not None and not opened.watch.is_due(opened.step)


def test_looking_leaves_files_and_generator_alone(tmp_path: Path) -> None:
    run = trained(tmp_path)
    before = files(run.folder)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    opened = open_specimen(run.folder)
    looked(opened.watch, opened, "fc1")
    assert torch.equal(torch.get_rng_state(), state)
    assert files(run.folder) == before and (tmp_path / run.folder.name / "checkpoints").is_dir()


def test_a_run_that_is_being_written_can_be_looked_into_and_is_not_disturbed(tmp_path: Path) -> None:
    quiet = train(plan(tmp_path / "quiet", steps=40))
    run = start(plan(tmp_path, steps=40))
    steps = run.session.steps()
    while next(steps).step < 10:
        pass
    run.session.keeper.save(run.session.snapshot(), "time")  # type: ignore[union-attr]
    run.session._note_written(wait=True)
    run.log.flush()
    opened = open_specimen(run.folder)
    looked(opened.watch, opened, "norm")
    assert opened.step == 10 and run.session.state == "running"
    for _ in steps:
        pass
    assert run.session.weights_sha256 == quiet.session.weights_sha256


def test_an_older_checkpoint_stands_in_for_a_damaged_one(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=40))
    pump_until(run.session, 12)
    run.session.keeper.save(run.session.snapshot(), "time")  # type: ignore[union-attr]
    run.session._note_written(wait=True)
    middle = run.session.engine.tensors()["model.fc1.weight"]
    pump(run.session)
    assert open_specimen(run.folder).step == 40
    damage(run, 40)
    opened = open_specimen(run.folder)
    assert opened.step == 12 and torch.equal(opened.engine.model.get_parameter("fc1.weight"), middle)
    damage(run)
    with pytest.raises(UserError, match=r"^The checkpoint checkpoints/\S+ is not the one that the run wrote"):
        open_specimen(run.folder)


def test_without_a_checkpoint_there_is_a_sentence(tmp_path: Path) -> None:
    run = start(plan(tmp_path, steps=40))
    pump_until(run.session, 5)
    with pytest.raises(UserError, match=f"Run {run.folder.name} has no checkpoint"):
        open_specimen(run.folder)
    pump(run.session)
    for path in (run.folder / "checkpoints").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"^The checkpoint checkpoints/\S+ cannot be read"):
        open_specimen(run.folder)


def test_data_must_be_what_was_recorded(tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    rows = [f"{i % 7},{i % 5},{'ab'[i % 2]}" for i in range(60)]
    file.write_text("\n".join(["x,y,kind", *rows]))
    run = train(plan(tmp_path / "runs", mixed, "csv", {"path": str(file)}))
    assert open_specimen(run.folder).step == 20
    file.write_text("\n".join(["x,y,kind", *rows[:-1], "9,9,a"]))
    with pytest.raises(Altered, match="has changed since it was trained"):
        open_specimen(run.folder)
    file.unlink()
    with pytest.raises(UserError, match=r"points\.csv"):
        open_specimen(run.folder)


def test_foreign_source_and_altered_logs_are_refused_and_nothing_runs(tmp_path: Path) -> None:
    run = train(plan(tmp_path / "runs"))
    proof = tmp_path / "proof"

    def alter(file: h5py.File) -> None:
        file["graph/source"][()] = f"open({str(proof)!r}, 'a')\n" + file["graph/source"][()].decode()

    with h5py.File(run.folder / "run.h5", "r+") as file:
        before = file["graph/source"][()]
        alter(file)
    with pytest.raises(Altered, match="source in the log was altered"):
        open_specimen(run.folder)
    with h5py.File(run.folder / "run.h5", "r+") as file:
        file["graph/source"][()] = before
    test_replay._forge(run, alter)
    with pytest.raises(NeedsTrust, match="is not run to be looked into"):
        open_specimen(run.folder)
    assert not proof.exists()


def test_a_network_that_was_not_drawn_here_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = train(plan(tmp_path))
    attributes = RunReader(run.folder).attributes
    monkeypatch.setattr(RunReader, "attributes", {**attributes, "replayable": False})
    with pytest.raises(UserError, match="was not drawn here"):
        open_specimen(run.folder)


def test_a_run_of_another_machine_is_looked_at_on_the_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained(tmp_path)
    read: Callable[..., Any] = specimens.read_recorded

    def from_elsewhere(reader: RunReader) -> Any:
        found = read(reader)
        return replace(found, config=replace(found.config, device="cuda:9", precision="float16"))

    monkeypatch.setattr(specimens, "read_recorded", from_elsewhere)
    opened: Specimen = open_specimen(run.folder)
    assert (opened.engine.device.type, opened.engine.config.precision) == ("cpu", "float32")
    assert run.watch is not None
    live, ours = looked(run.watch, run.session, "fc2"), looked(opened.watch, opened, "fc2")
    assert all(same(a, b) for a, b in zip(live, ours, strict=True))
