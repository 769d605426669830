"""The command line as a person uses it: train, steer, look, replay, resume, check, code."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from neuralforge.app.cli import COMMANDS
from neuralforge.graph.document import dumps
from neuralforge.graph.edits import SetParams
from neuralforge.templates.registry import templates
from tests.unit.app.conftest import Command

MLP = ("train", "mlp", "--data", "moons", "--steps", 40, "--threads", 1, "--json")


def test_help_names_every_command(nf: Command) -> None:
    outcome = nf("--help")
    assert outcome.code == 0
    assert all(name in outcome.out for name in COMMANDS)
    for name in COMMANDS:
        assert nf(name, "--help").code == 0


def test_training_writes_a_log_that_plain_h5py_reads(nf: Command) -> None:
    outcome = nf(*MLP, "--at", "20:lr=0.01", "--seed", 7)
    assert outcome.code == 0
    result = outcome.json
    assert result["status"] == "completed"
    assert result["steps"] == 40
    assert set(result) >= {"run_id", "path", "status", "steps", "metrics", "weights_sha256"}
    with h5py.File(Path(result["path"]) / "run.h5", "r", locking=False) as file:
        assert file.attrs["format"] == "neuralforge-run"
        assert file.attrs["status"] == "completed"
        assert file.attrs["seed"] == 7
        assert file.attrs["weights_sha256"] == result["weights_sha256"]
        steps = file["scalars/train/loss/step"][:]
        assert steps.dtype == np.int64
        assert steps.tolist() == list(range(1, 41))
        rates = file["scalars/knob/lr/value"][:]
        assert rates.dtype == np.float64
        assert rates[:19].tolist() == [1e-3] * 19
        assert rates[19:].tolist() == [1e-2] * 21
        assert file["scalars/effective/lr/value"][:].tolist() == rates.tolist()
        events = [json.loads(text) for text in file["events"].asstr()[:]]
        applied = [event for event in events if event["status"] == "applied"]
        assert [(e["key"], e["old"], e["new"], e["requested_step"], e["applied_step"]) for e in applied] == [
            ("lr", 1e-3, 1e-2, 20, 20)
        ]
        assert file["graph/source"].asstr()[()].startswith("from torch import")
    assert sorted(path.name for path in Path(result["path"]).iterdir()) == ["checkpoints", "run.h5"]


def test_same_seed_same_weights_and_replay_is_identical(nf: Command) -> None:
    first, second = nf(*MLP, "--at", "20:lr=0.01").json, nf(*MLP, "--at", "20:lr=0.01").json
    assert first["weights_sha256"] == second["weights_sha256"]
    assert nf(*MLP).json["weights_sha256"] != first["weights_sha256"]
    outcome = nf("replay", first["run_id"])
    assert outcome.code == 0
    assert "identical" in outcome.out
    assert first["weights_sha256"] in outcome.out
    by_path = nf("replay", Path(first["path"]) / "run.h5", "--json")
    assert by_path.code == 0
    assert by_path.json["result"] == "identical"


def test_replay_names_the_first_difference(nf: Command) -> None:
    result = nf(*MLP).json
    with h5py.File(Path(result["path"]) / "run.h5", "r+") as file:
        file["scalars/train/loss/value"][10] += 1e-9
    outcome = nf("replay", result["run_id"])
    assert outcome.code == 1
    assert "step 11: train/loss was" in outcome.out


def test_replay_says_that_a_log_was_altered(nf: Command) -> None:
    result = nf(*MLP, "--at", "20:lr=0.01").json
    with h5py.File(Path(result["path"]) / "run.h5", "r+") as file:
        file["events"][1] = file["events"].asstr()[1].replace("0.01", "0.02")
    outcome = nf("replay", result["run_id"])
    assert outcome.code == 1
    assert "altered" in outcome.out


def test_a_steered_run_with_settings_of_every_kind(nf: Command) -> None:
    outcome = nf(
        *("train", "small_cnn", "--data", "digits", "--epochs", 2, "--threads", 1, "--json"),
        *("--set", "optimizer=sgd", "--set", "schedule=cosine", "--set", "warmup=0.1", "--set", "momentum=0.8"),
        *("--set", "channels=8,16", "--set", "drop.dropout=0.1", "--set", "conv1.frozen=true"),
        *("--set", "split=0.8,0.1,0.1", "--set", "validation_every=10", "--set", "checkpoint_every=15"),
        *("--at", "5:conv1.frozen=false", "--at", "8:drop.dropout=0.4", "--at", "9:batch_size=32"),
    )
    assert outcome.code == 0
    assert nf("replay", "last").code == 0
    with h5py.File(Path(outcome.json["path"]) / "run.h5", "r", locking=False) as file:
        assert file["scalars/knob/conv1.frozen/step"][:].tolist() == [1, 5]
        assert file["scalars/knob/conv1.frozen/value"][:].tolist() == [1, 0]
        assert file["scalars/knob/drop.dropout/value"][:].tolist() == [0.1, 0.4]
        assert file["scalars/validation/loss/step"][:3].tolist() == [10, 20, 30]
        assert 15 in file["checkpoints"]["step"][:].tolist()
        assert not np.array_equal(file["scalars/effective/lr/value"][:], file["scalars/knob/lr/value"][:])


def test_runs_list_show_export_delete(nf: Command, tmp_path: Path, runs_dir: Path) -> None:
    assert "no run" in nf("runs").out
    result = nf(*MLP, "--at", "20:lr=0.01").json
    assert result["run_id"] in nf("runs", "list").out
    assert nf("runs", "--json").json[0]["run_id"] == result["run_id"]
    shown = nf("runs", "show", result["run_id"][:12])
    assert "0.01" in shown.out
    assert nf("runs", "show", "last", "--json").json["events"][1]["new"] == 0.01
    file = tmp_path / "rows.csv"
    assert nf("runs", "export", "last", "--csv", file).code == 0
    assert file.read_text().splitlines()[0] == "series,step,value"
    assert nf("runs", "delete", "last").code == 0
    assert nf("runs", "--json").json == []
    assert not list(runs_dir.glob("2*"))


def test_resume_of_a_complete_run_goes_on(nf: Command) -> None:
    result = nf(*MLP).json
    assert nf("train", "--resume", result["run_id"]).code == 2
    longer = nf("train", "--resume", result["run_id"], "--steps", 60, "--json").json
    assert longer["steps"] == 60
    assert longer["run_id"] == result["run_id"]
    assert nf("replay", "last").code == 0


def script(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "neuralforge", *map(str, arguments)]


LONG = ("train", "mlp", "--data", "moons", "--steps", 10**7, "--threads", 1, "--set", "checkpoint_every=200")


def wait_for_a_step(runs_dir: Path, process: subprocess.Popen[str], step: int) -> Path:
    """Follow the log with plain h5py until a step is in it."""
    while True:
        assert process.poll() is None, process.communicate()
        for folder in runs_dir.glob("2*"):
            try:
                with h5py.File(folder / "run.h5", "r", locking=False) as file:
                    if file["scalars/train/loss/step"].shape[0] >= step:
                        return folder
            except (OSError, KeyError, RuntimeError):
                continue


def test_ctrl_c_pauses_saves_and_says_how_to_resume(nf: Command, runs_dir: Path) -> None:
    process = subprocess.Popen(script(*LONG), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    folder = wait_for_a_step(runs_dir, process, 50)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume" in err
    assert "Traceback" not in err
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoints", "run.h5"]
    shown = nf("runs", "show", folder.name, "--json").json
    assert shown["status"] == "paused"
    done = shown["attributes"]["steps"]
    result = nf("train", "--resume", folder, "--steps", done + 25, "--json").json
    assert (result["status"], result["steps"]) == ("completed", done + 25)
    assert nf("replay", folder).code == 0


def test_a_killed_run_resumes_to_the_weights_of_one_never_killed(nf: Command, runs_dir: Path) -> None:
    timed = ("--at", "300:lr=0.004", "--at", "900000:lr=0.5")
    process = subprocess.Popen(script(*LONG, *timed), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, text=True)
    folder = wait_for_a_step(runs_dir, process, 450)
    process.kill()
    process.wait()
    assert nf("runs", "--json").json[0]["status"] == "interrupted"
    recorded = nf("runs", "--json").json[0]["steps"]
    assert recorded >= 450
    assert nf("replay", folder).code == 0
    resumed = nf("train", "--resume", folder, "--steps", recorded + 30, "--json").json
    whole = nf(
        *("train", "mlp", "--data", "moons", "--steps", recorded + 30, "--threads", 1, "--json"), *timed[:2]
    ).json
    assert resumed["weights_sha256"] == whole["weights_sha256"]
    with (
        h5py.File(folder / "run.h5", "r", locking=False) as mine,
        h5py.File(Path(whole["path"]) / "run.h5", "r", locking=False) as other,
    ):
        for column in ("step", "value"):
            assert np.array_equal(mine[f"scalars/train/loss/{column}"], other[f"scalars/train/loss/{column}"])


def test_check_describes_a_network(nf: Command, tmp_path: Path) -> None:
    found = nf("check", "small_cnn", "--data", "digits", "--json")
    assert found.code == 0
    assert found.json["totals"]["parameters"] == 53002
    assert set(found.json["totals"]) >= {"parameters", "trainable", "macs", "activation_bytes", "training_bytes"}
    node = next(node for node in found.json["nodes"] if node["id"] == "conv1")
    assert node["layer"] == "conv2d"
    assert node["shapes"]["outputs"]["output"] == ["B", 32, 8, 8]
    assert node["macs"] == 8 * 8 * 32 * 9
    broken = SetParams.of("conv1", kernel_size=(40, 40)).apply(templates()["small_cnn"].build())
    file = tmp_path / "broken.nf.json"
    file.write_text(dumps(broken))
    found = nf("check", file, "--json")
    assert found.code == 1
    (issue,) = found.json["issues"]
    assert issue["node"] == "conv1"
    assert issue["expected"]
    assert issue["received"]
    assert issue["fixes"][0]["label"]
    assert "fix:" in nf("check", file).out


def test_a_file_is_compared_with_data(nf: Command, tmp_path: Path) -> None:
    file = tmp_path / "cnn.nf.json"
    file.write_text(dumps(templates()["small_cnn"].build()))
    assert nf("check", file).code == 0
    found = nf("check", file, "--data", "digits", "--json")
    assert found.code == 1
    assert found.json["issues"][0]["fixes"][0]["params"]["shape"] == [1, 8, 8]
    refused = nf("train", file, "--data", "digits", "--steps", 2)
    assert refused.code == 2
    assert "[B, 1, 28, 28]" in refused.err
    assert "[B, 1, 8, 8]" in refused.err


def test_an_output_that_does_not_fit_the_data_is_an_issue_with_a_fix(nf: Command, tmp_path: Path) -> None:
    document = SetParams.of("fc2", out_features=7).apply(templates()["small_cnn"].build(input_shape=(1, 8, 8)))
    file = tmp_path / "seven.nf.json"
    file.write_text(dumps(document))
    assert nf("check", file).code == 0
    found = nf("check", file, "--data", "digits", "--json")
    assert found.code == 1
    (issue,) = found.json["issues"]
    assert (issue["node"], issue["received"]) == ("output", "[B, 7]")
    assert issue["fixes"][0]["params"] == {"out_features": 10}


def test_an_option_of_the_data_set_needs_no_prefix_where_nobody_else_has_the_name(nf: Command) -> None:
    plain = nf(*MLP, "--set", "noise=0.3").json
    assert plain["weights_sha256"] == nf(*MLP, "--set", "data.noise=0.3").json["weights_sha256"]
    assert plain["weights_sha256"] != nf(*MLP).json["weights_sha256"]


def test_a_resumed_run_takes_timed_knobs(nf: Command) -> None:
    result = nf(*MLP).json
    for refused in ("50:momentum=0.5", "70:lr=0.5"):
        assert nf("train", "--resume", "last", "--steps", 60, "--at", refused).code == 2
        assert nf("runs", "--json").json[0]["status"] == "completed"  # as if nothing had been asked
    longer = nf("train", "--resume", "last", "--steps", 60, "--at", "50:lr=0.5", "--json").json
    assert (longer["run_id"], longer["steps"]) == (result["run_id"], 60)
    with h5py.File(Path(result["path"]) / "run.h5", "r", locking=False) as file:
        assert file["scalars/knob/lr/value"][48:50].tolist() == [1e-3, 0.5]
    assert nf("replay", "last").code == 0


def test_texts_are_printed_as_they_are(nf: Command) -> None:
    assert "x[:, start:end:step]" in nf("layers", "--json").out
    assert "🔚" not in nf("layers").out


def test_code_is_what_the_run_trained(nf: Command, tmp_path: Path) -> None:
    printed = nf("code", "mlp", "--data", "moons").out
    ast.parse(printed)
    result = nf(*MLP).json
    with h5py.File(Path(result["path"]) / "run.h5", "r", locking=False) as file:
        assert file["graph/source"].asstr()[()] == printed
    target = tmp_path / "model.py"
    assert nf("code", "mlp", "--data", "moons", "-o", target).code == 0
    assert target.read_text() == printed


@pytest.mark.parametrize("name", ["layers", "templates", "datasets", "devices", "doctor"])
def test_lists(nf: Command, name: str) -> None:
    assert nf(name).out
    found = nf(name, "--json")
    assert found.code in (0, 1)
    assert isinstance(found.json, list)
    assert found.json


def test_what_needs_no_torch_starts_without_it() -> None:
    code = (
        "import sys; sys.argv = ['neuralforge', *ARGUMENTS]\n"
        "from neuralforge.app.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('torch' in sys.modules, 'imgui_bundle' in sys.modules, file=sys.stderr)"
    )
    for arguments in (["layers"], ["templates"], ["check", "small_cnn"], ["code", "mlp"], ["datasets"], ["runs"]):
        done = subprocess.run(
            [sys.executable, "-c", code.replace("ARGUMENTS", repr(arguments))],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "NEURALFORGE_RUNS": "/nonexistent"},
        )
        assert done.stderr.splitlines()[-1] == "False False", arguments
