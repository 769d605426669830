"""From a run's folder to a file: what is written, what is refused, and what is left alone."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from neuralforge.data import load
from neuralforge.errors import UserError
from neuralforge.export import onnx as target_module
from neuralforge.export.certificate import Certificate
from neuralforge.export.exporter import make
from neuralforge.export.onnx import OnnxExporter, OnnxOptions
from neuralforge.export.run import export_model, export_run
from neuralforge.export.trained import TrainedModel, load_trained
from neuralforge.train import launch
from neuralforge.train.launch import Altered, NeedsTrust, Run

Train = Callable[..., Run]


class Failing(OnnxExporter):
    def verify(self, model: TrainedModel, path: Path, *, time_limit_secs: float = 1) -> Certificate:
        certificate = super().verify(model, path)
        return replace(certificate, passed=False, why="Because.")


def metadata(file: Path) -> dict[str, str]:
    return {item.key: item.value for item in onnx.load(file).metadata_props}


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "runs")


def test_a_run_becomes_a_file(train: Train, tmp_path: Path) -> None:
    run = train("diabetes")
    file = tmp_path / "diabetes.onnx"
    file.write_text("what was there before")
    certificate = export_run(run.folder, "onnx", file)
    assert certificate.passed, certificate.why
    assert (certificate.target, certificate.model, certificate.file) == ("onnx", run.folder.name, str(file))
    assert certificate.samples >= 100 and certificate.batch_sizes == (1, 7, 32)
    assert certificate.notes == ("Compared on 128 real samples (66 of test, 62 of validation).",)
    assert json.loads(json.dumps(certificate.to_json()))["batch_sizes"] == [1, 7, 32]
    assert leftovers(tmp_path) == ["diabetes.onnx"]

    proto, told = onnx.load(file), metadata(file)
    onnx.checker.check_model(proto, full_check=True)
    assert proto.producer_name == "NeuralForge"
    assert [item.name for item in proto.graph.input] == ["input"]
    assert [item.name for item in proto.graph.output] == ["output"]
    assert told["run_id"] == run.folder.name and told["step"] == "6" and told["weights"] == "last"
    assert told["weights_sha256"] == run.session.weights_sha256
    assert b"stack_trace" not in file.read_bytes() and b"/work" not in file.read_bytes()

    # With what the file says of itself, and nothing else, predictions come out in the unit of the data.
    raw = load("diabetes")
    numbers = json.loads(told["preprocessing"])
    x = (raw.inputs * numbers["input_scale"] - numbers["input_mean"]) / numbers["input_std"]
    (y,) = onnxruntime.InferenceSession(file).run(None, {"input": x.astype(np.float32)})
    answers = y * numbers["target_std"] + numbers["target_mean"]
    prepared = run.session.engine.prepared
    model = run.session.engine.model.eval()
    with torch.no_grad():
        wanted = model(torch.from_numpy(np.array(prepared.inputs))).numpy()
    assert np.allclose(answers, prepared.preprocessing.restore_targets(wanted), rtol=1e-3)


def test_classes_are_told(train: Train, tmp_path: Path) -> None:
    export_run(train("iris").folder, "onnx", tmp_path / "iris.onnx")
    told = metadata(tmp_path / "iris.onnx")
    assert json.loads(told["classes"]) == list(load("iris").info.classes)
    assert told["task"] == "classification" and "how_to_feed" in told and "input_std" in told["how_to_feed"]


def test_two_exports_are_the_same_bytes(train: Train, tmp_path: Path) -> None:
    run = train("iris")
    one, two = (export_run(run.folder, "onnx", tmp_path / name) for name in ("one.onnx", "two.onnx"))
    assert one.file_sha256 == two.file_sha256


def test_a_failed_export_leaves_what_was_there(model: TrainedModel, tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_text("precious")
    certificate = export_model(model, Failing(OnnxOptions(way="legacy")), file)
    assert not certificate.passed and certificate.why == "Because."
    assert certificate.notes[-1] == "Nothing was written." and certificate.file == str(file)
    assert file.read_text() == "precious" and leftovers(tmp_path) == ["model.onnx"]


def test_neither_exporter_can(model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("No such\nthing.")

    monkeypatch.setattr(target_module, "_dynamo", broken)
    file = tmp_path / "model.onnx"
    file.write_text("precious")
    certificate = export_model(model, OnnxExporter(), file)
    assert certificate.passed
    assert certificate.notes == ("Made by PyTorch's older exporter, since the newer failed: No such.",)
    monkeypatch.setattr(target_module, "_legacy", broken)
    with pytest.raises(UserError, match=r"^tiny cannot be written as ONNX: No such\.$"):
        export_model(model, OnnxExporter(), file)
    assert file.read_bytes()[:8] != b"precious" and leftovers(tmp_path) == ["model.onnx"]


def test_what_is_too_large_is_refused(model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target_module, "MAX_WEIGHT_BYTES", 8)
    with pytest.raises(UserError, match=r"tiny has 0\.0 GiB of weights, and one ONNX file holds less than 2 GiB"):
        export_model(model, OnnxExporter(), tmp_path / "model.onnx")


def test_places_that_cannot_be_written(train: Train, tmp_path: Path) -> None:
    folder = tmp_path / "no run is needed for this"
    with pytest.raises(UserError, match=r"there is no folder .*missing"):
        export_run(folder, "onnx", tmp_path / "missing" / "model.onnx")
    with pytest.raises(UserError, match="it is a folder"):
        export_run(folder, "onnx", tmp_path)
    with pytest.raises(UserError, match=r"Nothing exports to 'onx'; did you mean onnx\?"):
        export_run(folder, "onx", tmp_path / "model.onnx")
    with pytest.raises(UserError, match="is not a run"):
        export_run(folder, "onnx", tmp_path / "model.onnx")


def test_the_best_weights(train: Train, tmp_path: Path) -> None:
    run = train("iris", steps=8, lr=0.5)
    best = load_trained(run.folder, weights="best")
    entry = max((item for item in run_checkpoints(run) if item.kind == "best"), key=lambda item: item.step)
    assert best.facts["step"] == str(entry.step) and best.facts["weights"] == "best"
    assert load_trained(run.folder).facts["step"] == "8"


def run_checkpoints(run: Run) -> list:
    return launch.RunReader(run.folder).checkpoints()


def test_a_tiny_data_set(tmp_path: Path, train: Train) -> None:
    """What is compared is all that there is, and the certificate says so."""
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "few.npz", inputs=rng.normal(size=(30, 3)).astype(np.float32), targets=np.arange(30) % 2)
    run = train(str(tmp_path / "few.npz"))
    certificate = export_run(run.folder, "onnx", tmp_path / "few.onnx")
    assert certificate.passed and certificate.samples == 30 and certificate.batch_sizes == (1, 7, 30)
    assert certificate.notes[0].endswith(", which is all there is.")
    assert metadata(tmp_path / "few.onnx")["data"] == "few.npz"


def test_samples_come_from_the_test_part_first(train: Train) -> None:
    model = load_trained(train("iris").folder)
    assert model.count == 128 and len(model.notes) == 1
    assert "of test" in model.notes[0] and "of train" in model.notes[0] and "all there is" not in model.notes[0]
    assert not model.module.training
    prepared = train("iris").session.engine.prepared
    first = torch.from_numpy(np.array(prepared.inputs[prepared.splits.test[0]]))
    assert torch.equal(model.samples["input"][0], first)


def test_a_damaged_checkpoint_is_not_taken(train: Train) -> None:
    run = train("iris", checkpoint_every=2)
    assert load_trained(run.folder).facts["step"] == "6"
    for path in run.folder.glob("checkpoints/*-0000000006.safetensors"):
        path.write_bytes(b"x" + path.read_bytes()[1:])
    model = load_trained(run.folder)
    assert model.facts["step"] == "4"
    assert model.notes[0] == "The newest checkpoint is damaged; the weights are those of step 4."
    for path in run.folder.glob("checkpoints/*"):
        path.write_bytes(b"no")
    with pytest.raises(UserError, match="is not the one that the run wrote"):
        load_trained(run.folder)
    for path in run.folder.glob("checkpoints/*"):
        path.unlink()
    with pytest.raises(UserError, match="has no checkpoint, so there are no weights to export"):
        load_trained(run.folder)


def test_weights_that_are_not_those_of_the_log(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    run = train("iris")
    monkeypatch.setattr("neuralforge.export.trained.weights_sha256", lambda module: "0" * 64)
    with pytest.raises(Altered, match="are not those that its log states"):
        load_trained(run.folder)


def test_an_altered_log_is_refused(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    run = train("iris")
    monkeypatch.setattr(launch.RunReader, "verify", lambda self: "The document in the log was altered.")
    with pytest.raises(Altered, match="The document in the log was altered"):
        load_trained(run.folder)


def test_foreign_source_needs_trust(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    run = train("iris")
    sound = launch.generate

    def other(*arguments: object) -> object:
        generated = sound(*arguments)  # type: ignore[arg-type]
        return replace(generated, source=generated.source + "# newer\n")

    monkeypatch.setattr(launch, "generate", other)
    with pytest.raises(NeedsTrust, match="--trust runs it"):
        load_trained(run.folder)
    assert "# newer" not in load_trained(run.folder, trust=True).generated.source


def test_chatter_goes_to_the_debug_log(
    model: TrainedModel, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    loggers = [logging.getLogger(name) for name in ("torch", "torch.onnx", "onnxscript")]
    before = [(logger.handlers[:], logger.propagate) for logger in loggers]
    with caplog.at_level(logging.DEBUG, logger="neuralforge.export"):
        make("onnx", {"way": "dynamo"}).write(model, tmp_path / "one.onnx")
        make("onnx", {"way": "legacy"}).write(model, tmp_path / "two.onnx")
    texts = [record.getMessage() for record in caplog.records if record.name == "neuralforge.export"]
    assert any("DeprecationWarning" in text for text in texts)
    assert any(text.startswith("torch.onnx") for text in texts)
    assert capfd.readouterr() == ("", "")
    assert [(logger.handlers[:], logger.propagate) for logger in loggers] == before


def test_the_exporters_graphs_stay_off_standard_output(tmp_path: Path) -> None:
    """What the older exporter prints when it fails comes from C++, past Python; scripts read our standard output."""
    code = f"""
from neuralforge.codegen.module import generate
from neuralforge.errors import UserError
from neuralforge.export.onnx import OnnxExporter, OnnxOptions
from neuralforge.export.trained import TrainedModel
from neuralforge.graph.document import Document
from neuralforge.graph.graph import Edge, Graph, Node
from neuralforge.layers.registry import catalog
from neuralforge.train.build import build_module
from pathlib import Path
import torch
nodes = [Node.make("a", "input", shape=(4,)), Node.make("n", "rms_norm"), Node.make("b", "output")]
edges = [Edge("a", "output", "n", "input"), Edge("n", "output", "b", "input")]
document = Document(graph=Graph.build(nodes, edges))
generated = generate(document, catalog())
module = build_module(generated, 0)
model = TrainedModel(
    name="m", document=document, generated=generated, module=module, samples={{"a": torch.randn(9, 4)}}
)
try:
    OnnxExporter(OnnxOptions(way="legacy")).write(model, Path({str(tmp_path / "m.onnx")!r}))
except UserError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "m cannot be written as ONNX: it has no form of rms_norm.\n"
    assert "graph(" not in done.stderr
