"""Views of runs whose network or loop a person has written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from neuralforge.graph.document import Document
from neuralforge.runs.events import Event
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.knobs import KnobBoard, KnobValue, bounded
from neuralforge.workbench.looks import FeatureMaps, GradientHistory, Histogram, LayerLook, LayersLook, NodeLook, Stats
from neuralforge.workbench.series import SeriesBook
from neuralforge.workbench.status import Progress
from neuralforge.workbench.view import KnobsView, ModuleRow, RunView, View
from tests.ui.hands import view_of

SOURCE: Final = '''class Net(nn.Module):
    """A small network for pictures."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        self.blocks = nn.Sequential(Block(16), Block(16))
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


async for x, y in live(loader):
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    live.log(loss=loss)
'''

STEPS: Final = 1234


def modules(blocks: int = 2) -> tuple[ModuleRow, ...]:
    """Return the modules of a small network, the model itself first."""
    inside = []
    for number in range(blocks):
        path = f"blocks.{number}"
        inside += [
            ModuleRow(path=path, kind="Block", depth=2, parameters=2352),
            ModuleRow(path=f"{path}.conv", kind="Conv2d", depth=3, parameters=2320,
                      facts="16, 16, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1)"),
            ModuleRow(path=f"{path}.norm", kind="BatchNorm2d", depth=3, parameters=32,
                      facts="16, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True"),
            ModuleRow(path=f"{path}.act", kind="ReLU", depth=3, parameters=0),
        ]  # fmt: skip
    return (
        ModuleRow(path="", kind="Net", depth=0, parameters=330 + 2352 * blocks),
        ModuleRow(path="stem", kind="Conv2d", depth=1, parameters=160, facts="1, 16, kernel_size=(3, 3)"),
        ModuleRow(path="blocks", kind="Sequential", depth=1, parameters=2352 * blocks),
        *inside,
        ModuleRow(path="head", kind="Linear", depth=1, parameters=170, facts="in_features=16, out_features=10"),
    )


def _stats(seed: int) -> Stats:
    values = np.random.default_rng(seed).normal(0.02 * seed, 0.3, 4096)
    counts, edges = np.histogram(values, 40)
    return Stats(
        mean=float(values.mean()), std=float(values.std()), minimum=float(values.min()), maximum=float(values.max()),
        zero_fraction=0.0, nonfinite=0,
        histogram=Histogram(low=float(edges[0]), high=float(edges[-1]), counts=counts.astype(np.int64)),
    )  # fmt: skip


def node_look(path: str) -> NodeLook:
    """Return a look at a module."""
    return NodeLook(step=STEPS - 4, node=path, weights=_stats(1), activations=_stats(2))


def feature_maps(path: str) -> FeatureMaps:
    """Return the outputs of a module."""
    maps = np.random.default_rng(0).normal(size=(8, 8, 8)).astype(np.float32)
    return FeatureMaps(step=STEPS, node=path, split="validation", sample=3, maps=maps, vector=None, channels=16)


def gradients(rows: tuple[ModuleRow, ...]) -> tuple[LayersLook, GradientHistory]:
    """Return the gradients of all modules with parameters of their own; the model itself is one of them."""
    paths = ["", *(row.path for row in rows if row.facts and row.parameters)]
    norms = np.abs(np.random.default_rng(1).normal(1.0, 0.3, (200, len(paths)))) * np.logspace(0, -3, len(paths))
    layers = tuple(
        LayerLook(
            node=path or "(model)", path=path, gradient_norm=float(norms[-1, i]), weight_norm=3.0 + i,
            update_ratio=10 ** (-3.4 + 0.5 * i), frozen=False,
        )
        for i, path in enumerate(paths)
    )  # fmt: skip
    history = GradientHistory(
        steps=np.linspace(1, STEPS, 200).astype(np.int64), nodes=tuple(layer.node for layer in layers), norms=norms
    )
    return LayersLook(step=STEPS, layers=layers), history


def curves(*more: str) -> SeriesBook:
    """Return curves of a loop: a loss, an accuracy, a validation, the learning rate, and any more by name."""
    random, steps = np.random.default_rng(2), np.arange(1, STEPS + 1)
    fall = 2.2 * np.exp(-steps / 350) + 0.15
    book = {
        "train/loss": (steps, fall * random.lognormal(0, 0.12, STEPS)),
        "train/acc": (steps, np.clip(1 - fall / 2.6 + random.normal(0, 0.03, STEPS), 0, 1)),
        "effective/lr": (steps, np.where(steps < 700, 1e-2, 2e-3)),
        "validation/loss": (steps[::100], fall[::100] * 1.1),
    }
    for number, name in enumerate(more):
        book[name] = (steps, np.abs(np.sin(steps / (90 + 40 * number))) + 0.1 * random.random(STEPS))
    return SeriesBook.of(book)


def own_knobs(live: bool = True, **values: KnobValue) -> KnobsView:
    """Return the knobs of a loop: two of the optimizer, one of a parameter group, one that the person declared."""
    knobs = (
        (bounded("lr", 1e-5, 1e-1, usual="lr"), 2e-3),
        (bounded("momentum", 0.0, 0.99, usual="momentum"), 0.9),
        (bounded("weight_decay_1", 0.0, 0.1, usual="weight_decay"), 1e-4),
        (bounded("temperature", 0.1, 5.0, doc="Softness of the targets."), 1.0),
    )
    board = KnobBoard.of(knobs, {"nesterov": "no bounds were given for it"})
    now = {**board.values, **values}
    return KnobsView(
        knobs=tuple(board.knobs.values()), values=now, in_force=dict(board.values), absent=board.absent, live=live
    )


def own_run(state: str = "running", *, loop: bool = True, live: bool | None = None, **facts: Any) -> RunView:
    """Return the run of a person's own loop, or else of a module that is trained here."""
    rows = modules()
    layers, history = gradients(rows)
    is_live = state in ("ready", "running", "paused") if live is None else live
    total = 0 if loop else 2000
    trouble = facts.get("trouble")
    progress = Progress(state, STEPS, total, 3, STEPS / total if total else 0.0, 0.214, {}, trouble, 12, 45)  # type: ignore[arg-type]
    event = Event(operation="set", key="lr", old=1e-2, new=2e-3, applied_step=700, status="applied", sequence=1)
    usual: dict[str, Any] = {
        "run_id": "20261121-171655-net-021b", "name": "Net", "folder": Path("/tmp/run"), "live": is_live,
        "state": state, "progress": progress, "steps_per_sec": 182.4 if state == "running" else 0.0,
        "driver": "slices", "device": "cpu", "config": TrainConfig(), "document": Document(name="Net"),
        "series": curves(), "metric": "acc", "events": (event,), "layers": layers, "gradients": history,
        "node": node_look("blocks.0.conv"), "modules": rows, "own_source": SOURCE, "own_loop": loop,
    }  # fmt: skip
    if not loop:
        usual |= {"data": "digits", "config": TrainConfig(epochs=45, optimizer="sgd"), "left_secs": 4.2}
    return RunView(**{**usual, **facts})


def own_view(run: RunView | None = None, **parts: Any) -> View:
    """Return what the window shows of such a run, beside an empty canvas."""
    run = own_run() if run is None else run
    config = TrainConfig()
    knobs = parts.pop("knobs", None)
    if knobs is None:
        knobs = own_knobs(live=run.live) if run.live else KnobsView()
    empty = Document(name="Untitled")
    view = view_of(network=empty, config=config, knobs=knobs, can_train=False, why_not="There is no network yet.")
    return replace(view, run=run, **parts)
