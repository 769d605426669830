"""A small model with a loop written by hand, as a person would, bare and under an `OwnLoop`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neuralforge.train.own_launch import LoopRun, start_own_loop
from neuralforge.train.own_levers import Bounds
from neuralforge.train.own_loop import OwnLoop
from neuralforge.workbench.requests import Request, Ticket

MakeOptimizer = Callable[[nn.Module], torch.optim.Optimizer]


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def batches(count: int, seed: int = 1) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    return [
        (torch.randn(6, 4, generator=generator), torch.randint(0, 3, (6,), generator=generator)) for _ in range(count)
    ]


def sgd(net: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.5)


def update(net: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> Tensor:
    loss = F.cross_entropy(net(x), y)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss


def begin(runs: Path, make: MakeOptimizer = sgd, bounds: Bounds | None = None, **more: Any) -> LoopRun:
    net = model()
    return start_own_loop(net, make(net), bounds or {}, runs_dir=runs, **more)


def turns(loop: OwnLoop, data: list[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    """Go over data as `live(loader)` does; a loop that waits is left."""
    loop.begin_pass(len(data))
    for batch in data:
        if loop.before_step() != "go":
            return
        yield batch
        loop.step_done()
    loop.leave_pass()


def go(loop: OwnLoop, count: int, log: bool = True) -> int:
    """Make turns until they are made or the loop does not go on; return how many were made."""
    before = loop.step
    for x, y in turns(loop, batches(count)):
        loss = update(loop.model, loop.optimizer, x, y)
        if log:
            loop.log(loss=loss)
    return loop.step - before


def set_(loop: OwnLoop, at: int | None = None, **changes: Any) -> Ticket:
    return loop.request(Request(changes=changes, at_step=at, actor="script"))


def control(loop: OwnLoop, action: Any, steps: int | None = None) -> Ticket:
    return loop.request(Request(action=action, steps=steps))


def bare(make: MakeOptimizer, count: int, table: Mapping[int, Mapping[str, Any]]) -> nn.Module:
    """Train by hand with changes at steps."""
    net = model()
    optimizer = make(net)
    for step, (x, y) in enumerate(batches(count), 1):
        for key, value in table.get(step, {}).items():
            for group in optimizer.param_groups:
                if key == "beta1":
                    group["betas"] = (value, group["betas"][1])
                elif key == "beta2":
                    group["betas"] = (group["betas"][0], value)
                else:
                    group[key] = value
        update(net, optimizer, x, y)
    return net
