"""Validation, early stopping, the test split, and every task and loss."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from neuralforge.errors import UserError
from neuralforge.graph.datainfo import DataInfo
from neuralforge.graph.document import Document
from neuralforge.runs.reader import RunReader
from neuralforge.templates.builder import Builder
from neuralforge.train.launch import Run, replay, start
from tests.unit.train.kit import plain, plan, pump, segmentation_file, train


def _steps(run: Run, name: str) -> list[int]:
    return [int(step) for step in RunReader(run.folder).series(name)[0]]


def test_validation_after_each_epoch(tmp_path: Path) -> None:
    run = train(plan(tmp_path, epochs=3, batch_size=20))
    assert run.session.step == 18
    assert _steps(run, "validation/loss") == _steps(run, "validation/accuracy") == [6, 12, 18]
    assert _steps(run, "test/loss") == [18]


def test_validation_every_n_steps_and_at_the_end(tmp_path: Path) -> None:
    run = train(plan(tmp_path, steps=11, validation_every=4))
    assert _steps(run, "validation/loss") == [4, 8, 11]


def test_neither_validation_nor_test_where_there_is_none(tmp_path: Path) -> None:
    run = train(plan(tmp_path, steps=6, split=(1.0, 0.0, 0.0)))
    assert _steps(run, "validation/loss") == _steps(run, "test/loss") == []
    assert run.session.state == "completed" and set(run.session.final_metrics()) == {"train/loss", "train/accuracy"}
    off = train(plan(tmp_path, steps=6, test=False))
    assert _steps(off, "test/loss") == [] and _steps(off, "validation/loss") == [6]


def test_the_numbers_of_an_evaluation(tmp_path: Path) -> None:
    """By hand, over the whole split at once, in evaluation mode."""
    run = train(plan(tmp_path, steps=12, batch_size=10, label_smoothing=0.2))
    engine = run.session.engine
    engine.model.eval()
    for split in ("validation", "test"):
        data = getattr(engine, split)
        with torch.no_grad():
            output = engine.model(data.inputs)
        loss, hits = F.cross_entropy(output, data.targets), (output.argmax(1) == data.targets).double().mean()
        assert run.session.metrics[f"{split}/loss"] == pytest.approx(loss.item(), rel=1e-6)
        assert run.session.metrics[f"{split}/accuracy"] == pytest.approx(hits.item())


def test_the_splits_share_no_sample(tmp_path: Path) -> None:
    engine = start(plan(tmp_path)).session.engine
    rows = [{tuple(x.tolist()) for x in getattr(engine, part).inputs} for part in ("train", "validation", "test")]
    assert sum(map(len, rows)) == len(set().union(*rows)) == 150


def _patient(tmp_path: Path, losses: list[float], **config: Any) -> Run:
    """Run with validation losses given beforehand."""
    run = start(plan(tmp_path, steps=40, validation_every=2, **config))
    values = iter(losses)
    real = run.session.engine.evaluate

    def fake(data: Any) -> Any:
        for result in real(data):
            yield None if result is None else (next(values, 9.0), result[1])

    run.session.engine.evaluate = fake  # type: ignore[method-assign]
    pump(run.session)
    return run


@pytest.mark.parametrize(
    ("losses", "patience", "last"),
    [
        ([5, 4, 3, 3, 3], 2, 10), ([5, 6, 4, 6, 6, 6], 3, 12), ([5, float("nan"), float("nan")], 2, 6),
        ([5, 6], 1, 4), ([5, 4, 3, 2, 1, 0.5, 0.4, 0.3, 0.2, 0.1], 1, 22),
    ],
)  # fmt: skip
def test_early_stopping(tmp_path: Path, losses: list[float], patience: int, last: int) -> None:
    run = _patient(tmp_path, losses, patience=patience)
    assert (run.session.state, run.session.step) == ("completed", last)
    (event,) = RunReader(run.folder).events()
    assert (event.operation, event.key, event.actor, event.applied_step) == ("control", "stop", "rule", last + 1)
    assert f"{patience} validations" in (event.why or "")
    assert _steps(run, "validation/loss")[-1] == last and _steps(run, "test/loss") == [last]


def test_without_patience_nothing_stops_early(tmp_path: Path) -> None:
    assert _patient(tmp_path, [1.0, 2, 3, 4, 5, 6, 7]).session.step == 40


def test_the_best_checkpoint_is_that_of_the_lowest_loss(tmp_path: Path) -> None:
    run = _patient(tmp_path, [5, 3, 4, 3, 6], checkpoint_every=4)
    names = [p.name for p in (run.folder / "checkpoints").glob("best*")]
    assert names == ["best-0000000004.safetensors"]


# Tasks and losses


@pytest.mark.parametrize("loss", ["auto", "mse", "l1", "huber"])
def test_regression(tmp_path: Path, loss: str) -> None:
    run = train(plan(tmp_path, plain, "diabetes", {}, steps=60, lr=0.01, loss=loss))
    session, engine = run.session, run.session.engine
    assert session.state == "completed" and session.metrics["test/mae"] > 1  # in the unit of the data
    reader = RunReader(run.folder)
    assert reader.series("train/loss")[1][-5:].mean() < reader.series("train/loss")[1][:5].mean()
    engine.model.eval()
    with torch.no_grad():
        output = engine.model(engine.test.inputs)
    function = {"auto": F.mse_loss, "mse": F.mse_loss, "l1": F.l1_loss, "huber": F.huber_loss}[loss]
    assert session.metrics["test/loss"] == pytest.approx(function(output, engine.test.targets).item(), rel=1e-5)
    unit = engine.prepared.preprocessing.target_std[0]
    mae = (output - engine.test.targets).abs().mean().item() * unit
    assert session.metrics["test/mae"] == pytest.approx(mae, rel=1e-5)
    assert replay(run.folder).identical


def test_reconstruction(tmp_path: Path) -> None:
    p = plan(tmp_path, "conv_autoencoder", "digits", net_options={"channels": "4,4"}, steps=12, lr=0.01)
    assert p.task == "reconstruction"
    run = train(p)
    assert set(run.session.metrics) == {"validation/loss", "validation/mae", "test/loss", "test/mae"}
    values = RunReader(run.folder).series("train/loss")[1]
    assert values[-3:].mean() < values[:3].mean()
    assert replay(run.folder).identical


def test_segmentation(tmp_path: Path) -> None:
    path = segmentation_file(tmp_path)
    net = {"width": "8", "depth": "1"}
    run = train(plan(tmp_path / "runs", "unet", str(path), {}, net_options=net, steps=60, lr=0.005, batch_size=8))
    assert run.session.engine.prepared.info.task == "segmentation"
    assert run.session.metrics["test/accuracy"] > 0.8
    engine = run.session.engine
    engine.model.eval()
    x, y = next(engine.test.batches(100))
    with torch.no_grad():
        hits = (engine.model(x).argmax(1) == y).double().mean().item()
    assert run.session.metrics["test/accuracy"] == pytest.approx(hits)
    assert replay(run.folder).identical


def _one_logit(info: DataInfo) -> Document:
    return plain(replace(info, outputs=1))


@pytest.mark.parametrize("net", [plain, _one_logit], ids=["two", "one"])
def test_binary_cross_entropy(tmp_path: Path, net: Any) -> None:
    run = train(plan(tmp_path, net, loss="bce_with_logits", steps=80, lr=0.05))
    engine = run.session.engine
    engine.model.eval()
    data = engine.test
    with torch.no_grad():
        output = engine.model(data.inputs)
    target = F.one_hot(data.targets, 2).float() if net is plain else data.targets[:, None].float()
    loss = F.binary_cross_entropy_with_logits(output, target).item()
    right = output.argmax(1) == data.targets if net is plain else (output[:, 0] > 0).long() == data.targets
    assert run.session.metrics["test/loss"] == pytest.approx(loss, rel=1e-5)
    assert run.session.metrics["test/accuracy"] == pytest.approx(right.double().mean().item())
    assert run.session.metrics["test/accuracy"] > 0.75
    assert replay(run.folder).identical


def _log_softmax(info: DataInfo) -> Document:
    b = Builder("logs")
    x = b.add("fc1", "linear", b.input(info.input_shape), out_features=8)
    x = b.add("fc2", "linear", b.add("act", "tanh", x), out_features=info.outputs)
    b.output(b.add("logs", "log_softmax", x, dim=1))
    return b.document()


def test_nll_needs_log_softmax_and_equals_cross_entropy(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="end the network with log_softmax"):
        start(plan(tmp_path, plain, loss="nll"))
    one, other = (train(plan(tmp_path, _log_softmax, "iris", {}, loss=loss)) for loss in ("nll", "cross_entropy"))
    rows = [RunReader(run.folder).series("train/loss")[1] for run in (one, other)]
    assert rows[0] == pytest.approx(rows[1], rel=1e-4)  # the log-softmax of one is itself
    assert replay(one.folder).identical


@pytest.mark.parametrize(
    ("net", "data", "loss", "why"),
    [
        (plain, "diabetes", "cross_entropy", "needs classes"), (plain, "diabetes", "nll", "needs classes"),
        (_one_logit, "iris", "bce_with_logits", r"\[B, 1\].*needs \[B, 3\]"),
        (_one_logit, "moons", "cross_entropy", r"needs \[B, 2\]"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_leaves_no_run(
    tmp_path: Path, net: Any, data: str, loss: str, why: str
) -> None:
    with pytest.raises(UserError, match=why):
        start(plan(tmp_path, net, data, None if data == "moons" else {}, loss=loss))
    assert not list(tmp_path.iterdir())


def test_a_network_for_other_data_is_refused(tmp_path: Path) -> None:
    p = plan(tmp_path, plain, "iris", {})
    other = plan(tmp_path, plain, "wine", {})
    with pytest.raises(UserError, match=r"takes \[B, 4\], but wine has samples of \[B, 13\]"):
        start(replace(other, document=p.document))


def test_autocast_on_the_cpu(tmp_path: Path) -> None:
    options = {"channels": "4,4", "hidden": "8"}
    p = plan(tmp_path, "small_cnn", "digits", net_options=options, steps=15, precision="bfloat16")
    run = start(p)
    kinds = set()
    run.session.engine.model.get_submodule("fc1").register_forward_hook(lambda _m, _a, out: kinds.add(out.dtype))
    pump(run.session)
    assert kinds == {torch.bfloat16}
    assert all(q.dtype == torch.float32 for q in run.session.engine.model.parameters())
    assert replay(run.folder).identical
    full = train(plan(tmp_path, "small_cnn", "digits", net_options=options, steps=15))
    assert full.session.weights_sha256 != run.session.weights_sha256
    with pytest.raises(UserError, match=r"cpu cannot train in float16\. There is: float32, bfloat16"):
        start(replace(p, config=replace(p.config, precision="float16")))


@pytest.mark.parametrize("device", ["cuda:77", "mps"])
def test_a_device_that_is_missing_is_refused_with_what_there_is(tmp_path: Path, device: str) -> None:
    from neuralforge.train.devices import list_devices

    there = [d.key for d in list_devices()]
    if device in there:
        pytest.skip(f"this machine has {device}")
    with pytest.raises(UserError, match=f"There is no device '{device}' here. There is: {', '.join(there)}"):
        start(plan(tmp_path, device=device))
    assert not list(tmp_path.iterdir())


def test_a_recurrent_network_with_dropout_is_steered(tmp_path: Path) -> None:
    options = {"hidden_size": "6", "num_layers": "2"}
    p = plan(tmp_path, "lstm_classifier", "digits_sequence", net_options=options, steps=8, batch_size=32)
    run = train(p, [(4, {"drop.dropout": 0.6, "lstm.dropout": 0.9}), (6, {"lstm.frozen": True})])
    assert run.session.engine.model.get_submodule("lstm").dropout == 0.9
    plainly = train(p, [(4, {"drop.dropout": 0.6}), (6, {"lstm.frozen": True})])
    assert run.session.weights_sha256 != plainly.session.weights_sha256
    assert replay(run.folder).identical
