"""Bad input on the command line: one sentence on standard error, exit code 2, no traceback."""

from __future__ import annotations

from pathlib import Path

import h5py
import pytest

from tests.unit.app.conftest import Command

BAD = [
    (("train",), "neuralforge train ARCH --data DATA"),
    (("train", "mlp"), "neuralforge train ARCH --data DATA"),
    (("train", "nothing", "--data", "iris"), "no template 'nothing'"),
    (("train", "mlp", "--data", "nothing"), "'nothing'"),
    (("train", "mlp", "--data", "/no/such.csv"), "/no/such.csv"),
    (("train", "/no/such.nf.json", "--data", "iris"), "/no/such.nf.json"),
    (("train", "resnet18", "--data", "iris"), "resnet18 takes images"),
    (("train", "mlp", "--data", "iris", "--set", "hiden=3"), "hidden"),
    (("train", "mlp", "--data", "iris", "--set", "lr"), "KEY=VALUE"),
    (("train", "mlp", "--data", "iris", "--set", "lr=fast"), "lr must be a number"),
    (("train", "mlp", "--data", "iris", "--set", "lr=-1"), "lr must be a number from 0"),
    (("train", "mlp", "--data", "iris", "--set", "optimizer=sgdd"), "optimizer must be one of sgd"),
    (("train", "mlp", "--data", "iris", "--set", "split=0.5,0.1,0.1"), "split"),
    (("train", "mlp", "--data", "iris", "--set", "data.noise=1"), "noise"),
    (("train", "mlp", "--data", "iris", "--set", "fc9.frozen=true"), "fc9"),
    (("train", "mlp", "--data", "iris", "--set", "fc1.dropout=0.1"), "fc1 has no dropout"),
    (("train", "mlp", "--data", "iris", "--set", "loss=nll"), "log_softmax"),
    (("train", "mlp", "--data", "diabetes", "--set", "loss=cross_entropy"), "needs classes"),
    (("train", "mlp", "--data", "iris", "--steps", "5", "--epochs", "2"), "epochs or after steps"),
    (("train", "mlp", "--data", "iris", "--steps", "5", "--set", "steps=4"), "twice"),
    (("train", "mlp", "--data", "iris", "--steps", "0"), "steps must be"),
    (("train", "mlp", "--data", "iris", "--at", "soon"), "STEP:KEY=VALUE"),
    (("train", "mlp", "--data", "iris", "--at", "3:lr=fast"), "'fast'"),
    (("train", "mlp", "--data", "iris", "--at", "3:momentum=0.5"), "adam has no momentum"),
    (("train", "mlp", "--data", "iris", "--at", "3:speed=1"), "no knob 'speed'"),
    (("train", "mlp", "--data", "iris", "--at", "0:lr=1"), "count from 1"),
    (("train", "mlp", "--data", "iris", "--steps", "5", "--at", "9:lr=1"), "ends after 5 steps"),
    (("train", "mlp", "--data", "iris", "--set", "momentum=0.9"), "adam has no momentum"),
    (("train", "mlp", "--data", "diabetes", "--set", "label_smoothing=0.1"), "mse has no label smoothing"),
    (("train", "mlp", "--data", "iris", "--set", "drop.dropout=0.1"), "there is no node 'drop'"),
    (("train", "mlp", "--data", "iris", "--device", "cuda:99"), "There is: "),
    (("train", "mlp", "--data", "iris", "--device", "tpu"), "device must be"),
    (("train", "mlp", "--data", "iris", "--set", "precision=float16", "--device", "cpu"), "float16"),
    (("train", "--resume", "last"), "no run"),
    (("train", "mlp", "--resume", "last"), "--resume takes everything from the run"),
    (("replay", "nothing"), "nothing"),
    (("runs", "show", "nothing"), "nothing"),
    (("runs", "delete", "../elsewhere"), "elsewhere"),
    (("check", "nothing"), "no template"),
    (("code", "mlp", "-o", "/no/such/folder/x.py"), "/no/such/folder/x.py"),
    (("nonsense",), "No such command"),
    (("train", "mlp", "--nonsense"), "--nonsense"),
]


@pytest.mark.parametrize(("arguments", "place"), BAD, ids=[" ".join(a) for a, _ in BAD])
def test_one_sentence_and_exit_code_2(nf: Command, arguments: tuple[str, ...], place: str) -> None:
    outcome = nf(*arguments)
    assert outcome.code == 2
    assert place in outcome.err
    assert outcome.err.count("\n") == 1
    assert "Traceback" not in outcome.err
    assert outcome.out == ""


def test_a_refused_request_leaves_no_run_behind(nf: Command, runs_dir: Path) -> None:
    assert nf("train", "mlp", "--data", "iris", "--at", "3:momentum=0.5").code == 2
    assert not runs_dir.exists() or not list(runs_dir.iterdir())


def test_debug_shows_the_traceback(nf: Command) -> None:
    outcome = nf("--debug", "check", "nothing")
    assert outcome.code == 2
    assert "Traceback" in outcome.err
    assert "Traceback" in nf("check", "nothing", "--debug").err


def test_documents_that_are_not_valid(nf: Command, tmp_path: Path) -> None:
    for number, (text, place) in enumerate(
        [
            ("{", "not valid JSON"),
            ("[]", "not a NeuralForge document"),
            ('{"format": "neuralforge-document", "schema": 99}', "newer NeuralForge"),
            (
                '{"format": "neuralforge-document", "schema": 1, "nodes": [{"id": "a", "layer": "relu"}, '
                '{"id": "b", "layer": "relu"}], "edges": [{"from": "a.output", "to": "b.input"}, '
                '{"from": "b.output", "to": "a.input"}]}',
                "cycle through 'a'",
            ),
        ]
    ):
        file = tmp_path / f"bad{number}.nf.json"
        file.write_text(text)
        outcome = nf("check", file)
        assert outcome.code == 2
        assert str(file) in outcome.err
        assert place in outcome.err


def test_a_run_file_that_is_not_one(nf: Command, tmp_path: Path) -> None:
    folder = tmp_path / "not-a-run"
    folder.mkdir()
    (folder / "run.h5").write_bytes(b"nonsense")
    assert nf("replay", folder).code == 2
    with h5py.File(folder / "run.h5", "w") as file:
        file.attrs["format"] = "something else"
    outcome = nf("replay", folder)
    assert outcome.code == 2
    assert "Traceback" not in outcome.err
