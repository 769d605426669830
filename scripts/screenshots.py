"""Makes the pictures in docs/images/ again: off screen, from real data and short real runs.

    python scripts/screenshots.py [FILTER] [--out FOLDER]

FILTER is a part of a name, such as "train" or "light". Each picture is taken in a fresh process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from neuralforge.app.desktop import Desktop, Places
from neuralforge.app.show import Shown
from neuralforge.graph.document import Document
from neuralforge.graph.edits import AddNode, Connect, Edit, Many
from neuralforge.graph.graph import Edge, Node
from neuralforge.ui.local import FitCanvas, FocusPanel, SetArrangement
from neuralforge.workbench.commands import Arrange, Command, LookAtModule, Select, ShowWelcome
from neuralforge.workbench.requests import Request

ROOT: Final = Path(__file__).resolve().parents[1]
LARGE_PX: Final = (1920, 1080)
SMALL_PX: Final = (1280, 800)
SETTLE_FRAMES: Final = 30
PART: Final = 0.85
"""How much of a run is done when its picture is taken; small steps go on fast meanwhile, and need a longer run."""

Play = Callable[[Shown], Awaitable[None]]


@dataclass(frozen=True)
class Scene:
    """A picture.

    Args:
        name: Name of its file.
        play: Brings the window to what is to be seen.
        theme: "dark" or "light".
        size_px: Width and height.
    """

    name: str
    play: Play
    theme: str = "dark"
    size_px: tuple[int, int] = LARGE_PX


async def welcome(shown: Shown) -> None:
    """What a person sees first."""


async def build(shown: Shown) -> None:
    """A network on real digits, with a layer selected."""
    await start(shown, "small_cnn", "digits")
    do(shown, select("conv1"))
    await front(shown, "inspector", "code")


async def broken(shown: Shown) -> None:
    """A residual block whose two ways have other shapes, with what mends it."""
    await shown.desktop.settled()
    shown.desktop.documents.show(residual_block())
    do(shown, ShowWelcome(False), Arrange(), select("add"))
    await frames(shown, SETTLE_FRAMES)
    shown.host.post(FitCanvas())
    await front(shown, "inspector", "issues")


async def train(shown: Shown) -> None:
    """A run on real digits that was steered on the way, still training."""
    steering = {120: {"lr": 3e-3}, 260: {"drop.dropout": 0.4}, 380: {"lr": 5e-4}}
    await start(shown, "small_cnn", "digits", steps=600, steering=steering)
    await front(shown, "try", "events")


async def decision(shown: Shown) -> None:
    """A decision boundary on spirals, still bending."""
    await start(shown, "mlp", "spirals", steps=6000, part=0.25, steering={700: {"lr": 1e-3}}, lr=5e-3)
    await front(shown, "decision", "events")


async def own_loop(shown: Shown) -> None:
    """A loop that a person has written, around a network that was not drawn here."""
    await shown.desktop.engine()
    import torch
    from sklearn.datasets import load_digits
    from torch import nn

    from neuralforge.app.ownrun import OwnRun
    from neuralforge.app.steeredrun import RunFeed
    from neuralforge.train.own_launch import start_own_loop
    from neuralforge.train.own_module import module_rows

    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    batches = list(zip(images.split(64), torch.tensor(digits.target).split(64), strict=True))
    torch.manual_seed(0)
    features = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU())
    model = nn.Sequential(features, nn.Flatten(), nn.Dropout(0.2), nn.Linear(32 * 8 * 8, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    feed, knobs = RunFeed(), {"lr": (1e-4, 1.0), "momentum": (0.0, 0.99)}
    run = start_own_loop(model, optimizer, knobs, name="digits", runs_dir=shown.desktop.places.runs, feed=feed)
    await frames(shown, SETTLE_FRAMES)
    shown.desktop.show_own_run(OwnRun(run, feed, module_rows(model), ""))
    run.session.knob("temperature", 1.0, 0.1, 5.0)
    do(shown, LookAtModule("0.0"))
    run.session.in_pass = True
    for part in range(12):
        if part in (5, 9):
            run.session.request(Request(changes={"lr": 0.05 / part}))
        run.session.begin_pass(len(batches))
        for x, y in batches:
            run.session.before_step()
            logits = model(x) / run.session.value("temperature")
            loss = nn.functional.cross_entropy(logits, y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            run.session.log(loss=loss, accuracy=(logits.argmax(1) == y).float().mean())
            run.session.step_done()
        await frames(shown, 2)
    await front(shown, "layers")


def residual_block() -> Document:
    """Return a small residual network with a mistake: one way halves the image, the other does not."""
    conv = {"kernel_size": (3, 3), "padding": (1, 1)}
    nodes = (
        Node.make("image", "input", shape=(3, 32, 32)),
        Node.make("stem", "conv2d", out_channels=32, **conv),
        Node.make("norm", "batch_norm"),
        Node.make("conv", "conv2d", out_channels=64, stride=(2, 2), **conv),
        Node.make("skip", "conv2d", out_channels=64, kernel_size=(1, 1)),
        Node.make("add", "add"),
        Node.make("act", "relu"),
        Node.make("pool", "adaptive_avg_pool2d"),
        Node.make("flat", "flatten"),
        Node.make("fc", "linear", out_features=10),
        Node.make("out", "output"),
    )
    ways = (("image", "stem", "norm", "conv", "add", "act", "pool", "flat", "fc", "out"), ("norm", "skip"))
    wires = [(a, b, "input1" if b == "add" else "input") for way in ways for a, b in pairwise(way)]
    edits: list[Edit] = [AddNode(node) for node in nodes]
    edits += [Connect(Edge(a, "output", b, port)) for a, b, port in (*wires, ("skip", "add", "input2"))]
    return Many("a residual block", tuple(edits)).apply(Document(name="residual"))


# What a person would do


def do(shown: Shown, *commands: Command) -> None:
    """Carry out commands."""
    shown.desktop.carry_out(list(commands))


def select(node: str) -> Command:
    """Return the command that selects one node."""
    return Select(frozenset({node}))


async def frames(shown: Shown, count: int) -> None:
    """Let frames go by."""
    until = shown.window.frames + count
    while shown.window.frames < until:
        shown.window.wake()
        await asyncio.sleep(0.005)


async def front(shown: Shown, *panels: str) -> None:
    """Bring panels to the front, one after the other."""
    for panel in panels:
        shown.host.post(FocusPanel(panel))
        await frames(shown, 4)
    await frames(shown, SETTLE_FRAMES)


async def start(
    shown: Shown,
    arch: str,
    data: str,
    *,
    steps: int = 0,
    part: float = PART,
    steering: Mapping[int, Mapping[str, Any]] | None = None,
    **config: Any,
) -> None:
    """Bind a network to data; with `steps`, train it until that part of them is done."""
    desktop = shown.desktop
    await desktop.settled()
    from neuralforge.app.planning import make_plan
    from neuralforge.app.preview import describe

    plan = make_plan(arch, data, runs_dir=desktop.places.runs, **config, **({"steps": steps} if steps else {}))
    desktop.take_plan(plan, describe(plan.raw, data, {}, plan.config))
    shown.host.post(SetArrangement("train" if steps else "build"))
    await frames(shown, SETTLE_FRAMES)
    if steps:
        shown.host.post(FitCanvas())
        turns = [Request(changes=dict(changes), at_step=step) for step, changes in (steering or {}).items()]
        await desktop.training.start(plan, requests=tuple(turns))
        live = desktop.live
        assert live is not None
        while not live.ended and live.run.session.step < part * steps:
            await asyncio.sleep(0.01)


# Processes


SCENES: Final = (
    Scene("build-dark-1920x1080", build),
    Scene("build-light-1920x1080", build, "light"),
    Scene("build-dark-1280x800", build, size_px=SMALL_PX),
    Scene("train-dark-1920x1080", train),
    Scene("train-light-1920x1080", train, "light"),
    Scene("train-dark-1280x800", train, size_px=SMALL_PX),
    Scene("welcome-dark", welcome),
    Scene("welcome-light", welcome, "light"),
    Scene("decision-dark", decision),
    Scene("fix-dark", broken),
    Scene("own-loop-light", own_loop, "light"),
)


async def shoot(scene: Scene, folder: Path) -> None:
    """Take a picture in this process."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        (home / "settings.json").write_text(json.dumps({"theme": scene.theme, "scale": 1.0}))
        places = Places(runs=home / "runs", settings=home / "settings.json", layout=None, recovery=home / "unsaved")
        shown = Shown(Desktop(places), kind="offscreen", size_px=scene.size_px)

        async def play() -> None:
            try:
                await shown.desktop.settled()
                await scene.play(shown)
                await frames(shown, SETTLE_FRAMES)
                await shown.picture(folder / f"{scene.name}.png")
                if shown.host.failures:
                    raise RuntimeError(f"{scene.name}: {shown.host.failures}")
            finally:
                shown.window.shut()

        task: asyncio.Task[None] | None = None

        def begin() -> None:
            nonlocal task
            task = asyncio.get_running_loop().create_task(play())

        asyncio.get_running_loop().call_soon(begin)
        await shown.run()
        assert task is not None
        await task


def main() -> int:
    """Take the pictures that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("filter", nargs="?", default="", help="a part of a name")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images", metavar="FOLDER")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        (scene,) = [scene for scene in SCENES if scene.name == given.filter]
        asyncio.run(shoot(scene, given.out))
        return 0
    names = [scene.name for scene in SCENES if given.filter in scene.name]
    if not names:
        print(f"No picture has {given.filter!r} in its name; there are {', '.join(s.name for s in SCENES)}.")
        return 2
    failed = []
    for name in names:
        print(f"{name}.png", flush=True)
        again = [sys.executable, str(Path(__file__).resolve()), name, "--one", "--out", str(given.out.resolve())]
        if subprocess.run(again, check=False).returncode:
            failed.append(name)
    if failed:
        print(f"Not made: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
