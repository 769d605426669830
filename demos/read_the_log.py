"""Read a run with plain h5py: no import of NeuralForge is needed for the file itself."""

import json
import sys
from pathlib import Path

import h5py


def show(path: Path) -> None:
    """Print what a run was, what was done to it, and how it went."""
    with h5py.File(path, "r", locking=False) as file:
        print(file.attrs["name"], file.attrs["status"], "seed", file.attrs["seed"])
        for name, series in file["scalars/train"].items():
            steps, values = series["step"][:], series["value"][:]
            if len(steps):
                print(f"train/{name}: {values[0]:.3f} at step {steps[0]}, {values[-1]:.3f} at step {steps[-1]}")
        for text in file["events"].asstr()[:]:
            event = json.loads(text)
            print(f"step {event['applied_step']}: {event['key']} {event['old']} -> {event['new']} ({event['status']})")


if len(sys.argv) > 1:
    show(Path(sys.argv[1]))
else:
    from neuralforge.app.planning import make_plan
    from neuralforge.train.launch import start
    from neuralforge.workbench.requests import Request

    run = start(make_plan("mlp", "spirals", steps=60, threads=1))
    run.session.request(Request(changes={"lr": 1e-2}, at_step=30))
    for _ in run.session.steps():
        pass
    show(run.folder / "run.h5")
