"""What `OwnLoop` adds to a loop that a person has written: the boundary, what is logged, and the log on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neuralforge.train import own_loop as own_loop_module
from neuralforge.train.hashing import weights_sha256
from neuralforge.train.own_launch import start_own_loop
from neuralforge.train.own_loop import OwnLoop
from tests.bench.step import OwnTime
from tests.bench.timing import Bench, Line, extra, grouped_ratio, interleaved

STEPS = 50
BATCH_SIZE = 64
BOUNDS = {"lr": (1e-5, 1e-1), "beta1": (0.0, 0.99)}


class Loop:
    """A tiny MLP 2-64-64-2 with its data, and the loop of a person."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = nn.Sequential(
            nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2)
        )  # fmt: skip
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)
        x = torch.randn(STEPS * BATCH_SIZE, 2)
        y = (x[:, 0] * x[:, 1] > 0).long()
        self.batches = list(zip(x.split(BATCH_SIZE), y.split(BATCH_SIZE), strict=True))

    def update(self, x: Tensor, y: Tensor) -> Tensor:
        """Make an update and return its loss."""
        loss = F.cross_entropy(self.model(x), y)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss

    def bare(self) -> None:
        """Go over the data."""
        for x, y in self.batches:
            self.update(x, y)

    def looking(self) -> None:
        """Go over the data and read the loss, as who wants to see it must."""
        for x, y in self.batches:
            self.update(x, y).item()

    def live(self, live: OwnLoop) -> None:
        """Go over the data under a session."""
        for x, y in turns(live, self.batches):
            live.log(loss=self.update(x, y))


def turns(live: OwnLoop, batches: list[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    """Go over batches as `nf.live` does where there is no window."""
    live.begin_pass(len(batches))
    for batch in batches:
        assert live.before_step() == "go"
        yield batch
        live.step_done()


@contextmanager
def _live(bench: Bench, loop: Loop, name: str) -> Iterator[OwnLoop]:
    run = start_own_loop(loop.model, loop.optimizer, BOUNDS, name=name, runs_dir=bench.folder)
    yield run.session
    run.session.end()


def measure(bench: Bench) -> Iterator[Line]:
    """Yield the lines of this subject."""
    torch.set_num_threads(1)
    bare, control, looking, own = Loop(), Loop(), Loop(), Loop()
    own_time = OwnTime()
    with patch.object(own_loop_module, "time", own_time), _live(bench, own, "own") as live:

        def pass_() -> None:
            with own_time.turn():
                own.live(live)

        sides = {"own": pass_, "bare": bare.bare, "control": control.bare, "looking": looking.looking}
        times = interleaved(sides, bench.pick(201, 21))
        same = weights_sha256(bare.model) == live.current_sha256()
    bare_us = median(times["bare"]) / STEPS * 1e6
    noise = abs(grouped_ratio(times, "control", "bare", 0.6) - 1)
    agreed = "same weights, bit for bit" if same else "OTHER WEIGHTS"
    note = f"bare {bare_us:,.0f} us a step; two bare loops differ by {noise:.3f} x; {agreed}"
    yield Line(name="MLP 2-64-64-2, batch 64", value=grouped_ratio(times, "own", "bare", 0.6), goal=1.05, note=note)
    yield Line(name="  of which reading the loss", value=extra(times, "looking", "bare") / STEPS * 1e6, unit="us")
    yield Line(name="  of which boundary and log", value=extra(times, "own", "looking") / STEPS * 1e6, unit="us")
