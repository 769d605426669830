"""The window on the null backend: what a frame costs, how soon the first one comes, what it takes when idle, and what
training under it keeps. Each figure comes from a process of its own."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tests.bench.timing import Bench, Line, percentile

if TYPE_CHECKING:
    from neuralforge.app.drivers import Mode
    from neuralforge.app.rundesk import LiveRun
    from neuralforge.app.window import Window

SIZE_PX = (1600, 1000)
TURN_SECS = 0.8
"""A tight loop (half of it) and a window take turns of this length: neighbours on the machine come and go."""
TURN_STEPS = 50
"""A turn has at least so many steps: the one that it ends in is not counted."""


def measure(bench: Bench) -> Iterator[Line]:
    """Yield the lines of this subject."""
    frames = bench.pick(240, 30)
    for nodes, points, goal_ms in ((50, 1_000_000, 4.0), (200, 1_000_000, None), (1000, 1_000_000, 10.0)):
        for shown in ("build", "train", "all panels") if nodes == 50 else ("build",):
            found = _child("frames", nodes=nodes, points=points, shown=shown, frames=frames)
            note = f"99 of 100 within {found['p99_ms']:.1f} ms; {found['panels']} panels"
            yield Line(
                name=f"{nodes} nodes, {points:,} points, {shown}", value=found["ms"], unit="ms", goal=goal_ms, note=note
            )
    found = _child("frames", nodes=50, points=10_000_000, shown="train", frames=frames)
    yield Line(name="50 nodes, 10,000,000 points, train", value=found["ms"], unit="ms", goal=4.0)
    starts = [_child("start") for _ in range(bench.pick(8, 2))][1:]  # the first one makes the byte code
    yield Line(
        name="first frame after the start of the process",
        value=median(found["first_ms"] for found in starts),
        unit="ms",
        goal=500,
        note="torch is not loaded yet" if not any(found["torch"] for found in starts) else "torch was loaded before",
    )
    found = _child("idle", secs=bench.pick(8, 3))
    yield Line(name="a window that nobody touches, share of a core", value=found["share"], unit="", goal=0.05)
    for step_ms in (0.3, 2, 4, 6, 9, 12, 20, 40):
        for seen in ("open", "left", "hidden") if step_ms in (0.3, 4, 40) else ("open",):
            modes = ("auto",) if seen != "open" or bench.quick else ("auto", "slices", "worker")
            found = _child("pump", step_ms=step_ms, modes=modes, seen=seen, rounds=bench.pick(6, 1))
            for mode in modes:
                yield from _pump_lines(found[mode], step_ms, mode, seen)
    same = all(_child("same", arch=arch, data=data) for arch, data in (("mlp", "spirals"), ("small_cnn", "digits")))
    yield Line(
        name="runs whose weights differ from those without a window", value=0.0 if same else 1.0, unit="", goal=0
    )
    whole = {"points": 1_000_000, "runs": 200, "epochs": 2}
    stalls = [_child("stalls", **whole) for _ in range(bench.pick(3, 1))]
    for what in stalls[0]:
        longest = [found[what] for found in stalls]
        yield Line(
            name=f"longest time between frames: {what}",
            value=min(longest),  # neighbours on the machine can only make it longer
            unit="ms",
            goal=250 if "torch" in what else 50,
            note=f"least of {len(longest)} rounds; the most was {max(longest):.0f} ms",
        )


def _pump_lines(found: dict[str, Any], step_ms: float, mode: str, seen: str) -> Iterator[Line]:
    limit = 1 - found["cost_ms"] / 1e3 * found["fps"]
    goal: float = 0.9 * limit
    frame_goal_ms: float | None = 20.0
    if seen == "hidden":
        goal, frame_goal_ms = 0.95, None
    elif seen == "left":
        goal, frame_goal_ms = 0.97 * limit, None
    elif step_ms <= 4:
        goal, frame_goal_ms = 0.97 * limit, 18.0
    elif step_ms >= 40:
        goal, frame_goal_ms = 0.97, 18.0
    chosen = mode == "auto"
    note = f"{found['fps']:.0f} fps, a frame {found['cost_ms']:.1f} ms, 1 - f x fps = {limit:.2f}; steps at the "
    note += f"{'worker' if found['worker'] else 'thread of the window'}; {found['step_ms']:.1f} ms a step without"
    yield Line(
        name=f"steps of {step_ms:g} ms, window {seen}, {mode}",
        value=found["ratio"],
        goal=goal if chosen else None,
        at_least=True,
        note=note,
    )
    if seen == "open":
        yield Line(name="  frame p99", value=found["p99_ms"], unit="ms", goal=frame_goal_ms if chosen else None)


def _child(scenario: str, **arguments: Any) -> Any:
    """Carry out a scenario in a fresh process."""
    with tempfile.TemporaryDirectory(prefix="neuralforge-bench-window-", ignore_cleanup_errors=True) as folder:
        command = [sys.executable, "-m", "tests.bench.window", scenario, folder, json.dumps(arguments)]
        arguments["began"] = time.time()
        command[-1] = json.dumps(arguments)
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())
    if done.returncode:
        raise RuntimeError(f"{scenario} {arguments} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def _environment() -> dict[str, str]:
    """Return an environment in which Python keeps byte code, as it does for a user."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "neuralforge-bench-bytecode")}


# What a child does


def _shown(folder: Path, settings: dict[str, Any] | None = None) -> Any:
    from neuralforge.app.desktop import Desktop, Places
    from neuralforge.app.show import Shown

    (folder / "settings.json").write_text(json.dumps(settings or {}))
    places = Places(runs=folder / "runs", settings=folder / "settings.json", layout=None, recovery=folder / "unsaved")
    return Shown(Desktop(places), kind="null", size_px=SIZE_PX)


def _waited_secs(thread_id: int | None = None) -> float:
    """Return how long a thread was ready to run and had to wait for a core, because of neighbours on the machine.

    Args:
        thread_id: The thread; that of the window by default.
    """
    try:
        return int(Path(f"/proc/self/task/{thread_id or os.getpid()}/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


class _Costs:
    """Keeps what each frame cost, and the time between frames, less what neighbours on the machine took of both.

    Args:
        window: The window, before it draws.
    """

    interval_secs = 1 / 60

    def __init__(self, window: Window) -> None:
        assert window.clock is not None
        self._inner = window.clock
        self._frame = window.frame
        self.secs: list[float] = []
        """CPU time of each frame, of the thread of the window."""
        self.at_secs: list[float] = []
        """When each frame began: frame times go from start to start, as Dear ImGui's own do."""
        window.clock = self
        window.frame = self._timed  # type: ignore[method-assign]

    def _timed(self) -> bool:
        began_secs, at_secs = time.thread_time(), time.monotonic() - _waited_secs()
        drawn = self._frame()
        if drawn:
            self.secs.append(time.thread_time() - began_secs)
            self.at_secs.append(at_secs)
        return drawn

    def frame_done(self, cost_secs: float) -> None:
        self._inner.interval_secs = self.interval_secs
        self._inner.frame_done(cost_secs)

    def gaps_ms(self, first: int, end: int | None = None) -> list[float]:
        """Return the times between frames since one of them, up to another one."""
        at_secs = self.at_secs[first:end]
        return [(b - a) * 1e3 for a, b in itertools.pairwise(at_secs)]


def _frames(folder: Path, nodes: int, points: int, shown: str, frames: int, began: float) -> dict[str, Any]:
    """Draw a network and a finished run of so many points, and nothing else."""
    import numpy as np

    from neuralforge.app.rundesk import OpenedRun
    from neuralforge.graph.document import Document
    from neuralforge.graph.layout import lay_out
    from neuralforge.runs.events import Event
    from neuralforge.workbench.config import TrainConfig
    from neuralforge.workbench.series import SeriesBook
    from neuralforge.workbench.status import Progress
    from neuralforge.workbench.view import RunView
    from tests.bench.graphs import residual

    arrangement = "build" if shown == "build" else "train"
    window = _shown(folder, {"arrangement": arrangement})
    desk = window.desktop
    graph = residual(nodes)
    document = Document(name="bench", graph=graph, layout=lay_out(graph))
    desk.documents.show(document)
    desk.opening.welcome = False
    steps = np.arange(1, points + 1)
    rng = np.random.default_rng(0)
    loss = 2 * np.exp(-steps / points * 3) + 0.1 * rng.random(points)
    curves = dict.fromkeys(("train/loss", "train/accuracy", "effective/lr", "knob/lr"), (steps, loss))
    every = steps[:: max(1, points // 500)]
    curves["validation/loss"] = curves["validation/accuracy"] = (every, loss[:: max(1, points // 500)])
    events = tuple(
        Event(operation="set", key="lr", old=1e-3, new=5e-4, applied_step=int(step), actor="person", gesture=f"g{step}")
        for step in np.linspace(1, points, 40)
    )
    desk.training.run = OpenedRun(
        RunView(
            run_id="bench", name="bench", folder=folder, live=False, state="completed", config=TrainConfig(),
            progress=Progress("completed", points, points, 20, 1.0, 0.1, {}, None), document=document,
            series=SeriesBook.of(curves), metric="accuracy", events=events, device="cpu", data="digits",
        )
    )  # fmt: skip
    window.host._arranger.run_seen = "bench"
    if shown == "all panels":
        window.window.adjust = _tile_all
    costs = _Costs(window.window)

    async def draw() -> None:
        window.window.open()
        try:
            while window.window.frames < frames + 30:
                window.window.wake()
                window.window.frame()
                await asyncio.sleep(0)
        finally:
            window.window.close()

    asyncio.run(draw())
    assert not window.host.failures, window.host.failures
    measured = [secs * 1e3 for secs in costs.secs[30:]]
    return {"ms": median(measured), "p99_ms": percentile(measured, 0.99), "panels": len(window.host._watched or ())}


def _tile_all(params: Any) -> None:
    """Show every panel at once: a dock for each, none behind another's tab."""
    from imgui_bundle import hello_imgui, imgui

    docking = params.docking_params
    panels, columns = docking.dockable_windows, 5
    rows = -(-len(panels) // columns)
    splits = []
    for row in range(1, rows):
        splits.append(hello_imgui.DockingSplit("MainDockSpace", f"0/{row}", imgui.Dir.down, 1 / (rows - row + 1)))
    for row in range(rows):
        left = f"0/{row}" if row else "MainDockSpace"
        for column in range(1, columns):
            ratio = 1 / (columns - column + 1)
            splits.append(hello_imgui.DockingSplit(left, f"{column}/{row}", imgui.Dir.right, ratio))
    docking.docking_splits = splits
    for number, panel in enumerate(panels):
        column, row = number % columns, number // columns
        panel.dock_space_name = f"{column}/{row}" if column or row else "MainDockSpace"
        panel.is_visible = True


def _start(folder: Path, began: float) -> dict[str, Any]:
    """Draw the first frame."""
    window = _shown(folder)
    window.window.open()
    window.window.frame()
    first_ms = (time.time() - began - _waited_secs()) * 1e3
    found = {"first_ms": first_ms, "torch": "torch" in sys.modules}
    window.window.close()
    return found


def _idle(folder: Path, secs: float, began: float) -> dict[str, Any]:
    """Leave the window alone with a network on the canvas."""
    from neuralforge.templates.registry import find

    window = _shown(folder, {"arrangement": "build"})
    window.desktop.documents.show(find("resnet18").build())
    window.desktop.opening.welcome = False
    found: dict[str, Any] = {}

    async def idle() -> None:
        task = asyncio.get_running_loop().create_task(window.window.run())
        window.window.open()
        window.desktop.begin()
        await window.desktop.engine()
        await asyncio.sleep(4)  # what has just begun is over, and input was long ago
        cpu, wall = time.process_time(), time.monotonic()
        await asyncio.sleep(secs)
        found["share"] = (time.process_time() - cpu) / (time.monotonic() - wall)
        window.window.shut()
        await task
        await window.desktop.end()

    asyncio.run(idle())
    return found


def _stalls(folder: Path, points: int, runs: int, epochs: int, began: float) -> dict[str, float]:
    """Do with the window what takes long, and note the longest time between two frames in each."""
    import shutil

    from neuralforge.app import desktop as desktop_module
    from neuralforge.workbench import commands as do

    is_warm, warm_up = threading.Event(), desktop_module.warm_up

    def warm() -> None:
        warm_up()
        is_warm.set()

    window = _shown(folder)
    desk = window.desktop
    window.window.idles = False
    costs = _Costs(window.window)
    found: dict[str, float] = {}

    async def during(what: str, *commands: Any) -> None:
        await asyncio.sleep(0.2)
        first = len(costs.at_secs) - 1
        desk.carry_out(list(commands))
        await asyncio.sleep(0)
        await desk.settled()
        await asyncio.sleep(0.2)
        found[what] = max(costs.gaps_ms(first))

    async def trains(until: str, start: Any) -> None:
        """Start a run and let it train; its beginning, its middle and its end apart."""
        await during(f"start of a run{until}", start)
        live, first = desk.training.live, len(costs.at_secs) - 1
        total = live.run.session.total_steps()
        while live.run.session.step < total - 1 and not live.ended:
            await asyncio.sleep(0.002)
        middle = len(costs.at_secs) - 1
        found[f"training, validation, checkpoints{until}"] = max(costs.gaps_ms(first)[: middle - first])
        await asyncio.shield(live.task)
        await asyncio.sleep(0.2)
        found[f"end of a run: test, last checkpoint, log{until}"] = max(costs.gaps_ms(max(first, middle - 1)))

    async def script() -> None:
        await during("loading torch", do.Tell("begin"))
        first = len(costs.at_secs)
        while not is_warm.is_set():  # with the first step torch loads another part of itself
            await asyncio.sleep(0.05)
        found["loading torch"] = max(found["loading torch"], *costs.gaps_ms(first - 1))
        await during("loading mnist5000", do.Start("small_cnn", "mnist5000", settings={"epochs": epochs}))
        desk.carry_out([do.Configure({"checkpoint_every": 40, "patience": None})])
        await trains("", do.Train())
        await during("loading spirals", do.Start("mlp", "spirals", settings={"epochs": epochs * 20}))
        await trains(", mlp on spirals", do.Train())
        _write_run(folder / "long", points)
        await during(f"opening a run of {points:,} points", do.OpenRun(folder / "long"))
        source = next(path.parent for path in (folder / "runs").glob("*/run.h5"))
        for number in range(runs):
            shutil.copytree(source, folder / "runs" / f"{source.name}-{number}")
        before = desk.training.runs
        await during(f"list of {runs} runs", do.RefreshRuns())
        first = len(costs.at_secs)
        while desk.training.runs is before:
            await asyncio.sleep(0.01)
        found[f"list of {runs} runs"] = max(found[f"list of {runs} runs"], *costs.gaps_ms(first - 1), 0)
        window.window.shut()

    async def whole() -> None:
        window.window.open()
        desk.begin()
        task = asyncio.get_running_loop().create_task(script())
        task.add_done_callback(lambda done: window.window.shut())
        await window.window.run()
        await task
        await desk.end()

    with patch.object(desktop_module, "warm_up", warm):
        asyncio.run(whole())
    assert not window.host.failures, window.host.failures
    return found


def _write_run(folder: Path, steps: int) -> None:
    """Write the log of a run of so many steps, as a training would have."""
    from neuralforge.data import load
    from neuralforge.train import launch
    from tests.bench.networks import task

    plan = task("mlp", load("moons")).plan(folder.parent / "written")
    run = launch.start(plan)
    for step in range(1, steps + 1):
        run.session.recorder.row(step, 1.0 / step, 0.5, 1e-3, 1e-3)
    run.session.step = steps
    run.session.end("stopped")
    run.folder.rename(folder)


def _pump(
    folder: Path, step_ms: float, modes: list[Mode], seen: str, rounds: int, began: float
) -> dict[str, dict[str, float]]:
    """Train one run under the window, in turns with a tight loop that draws no frame."""
    import torch

    from tests.bench.drivers import _step_secs
    from tests.bench.networks import image_cnn, tiny_mlp

    torch.set_num_threads(1)
    task = tiny_mlp()
    if step_ms >= 1:
        task = image_cnn(4096)
        task = task.with_batch_size(max(1, round(64 * step_ms / 1e3 / _step_secs(task, 20))))
    window = _shown(folder, {"arrangement": "train"})
    desk = window.desktop
    costs = _Costs(window.window)
    tallies = {mode: _Tally() for mode in modes}

    async def script() -> None:
        plan = task.plan(folder / "runs")
        desk.documents.show(plan.document)
        desk.opening.welcome, desk.data.raw = False, plan.raw
        await asyncio.sleep(0.3)
        window.window.backend.hidden, window.window.backend.left = seen == "hidden", seen == "left"
        await desk.training.start(plan)
        while desk.training.live.run.session.step < 10:  # by then the driver knows the length of a step
            await asyncio.sleep(0.01)
        turn_secs = max(TURN_SECS, TURN_STEPS * step_ms / 1e3)
        tight_secs = await _tight(desk.training.live, turn_secs / 2)
        for _ in range(rounds):
            for mode, tally in tallies.items():
                tight_secs = await _under_frames(desk.training.live, mode, costs, turn_secs, tight_secs, tally)
        window.window.shut()

    _run_with(window, script())
    return {mode: tally.figures() for mode, tally in tallies.items()}


class _Tally:
    """What was seen of one way to pump."""

    def __init__(self) -> None:
        self.ratios: list[float] = []
        self.step_ms: list[float] = []
        self.gaps_ms: list[float] = []
        self.costs_ms: list[float] = []
        self.worker = False

    def figures(self) -> dict[str, float]:
        """Return the figures of all rounds."""
        return {
            "ratio": median(self.ratios),
            "step_ms": median(self.step_ms),
            "p99_ms": percentile(self.gaps_ms, 0.99),
            "fps": min(60.0, 1e3 * len(self.gaps_ms) / sum(self.gaps_ms)),  # more where neighbours took time
            "cost_ms": mean(self.costs_ms),  # panels take turns, so frames differ
            "worker": self.worker,
        }


async def _tight(live: LiveRun, secs: float) -> float:
    """Pump in a tight loop on this thread, which draws no frame meanwhile; return seconds a step."""
    await _settle_on(live, "slices")
    session, first = live.run.session, live.run.session.step
    began_secs, until_secs = time.monotonic() - _waited_secs(), time.monotonic() + secs
    while time.monotonic() < until_secs:
        live.driver._next()
    return (time.monotonic() - _waited_secs() - began_secs) / (session.step - first)


async def _under_frames(
    live: LiveRun, mode: Mode, costs: _Costs, turn_secs: float, tight_secs: float, tally: _Tally
) -> float:
    """Pump under the window, then in a tight loop again; compare with that loop before and after.

    Args:
        live: The run.
        mode: How it is pumped.
        costs: Of the frames.
        turn_secs: How long, twice that of the tight loop.
        tight_secs: Seconds a step of the tight loop just before.
        tally: Takes what was seen.

    Returns:
        Seconds a step of the tight loop just after.
    """
    await _settle_on(live, mode)
    await asyncio.sleep(0.3)
    on_worker, session = live.driver.on_worker, live.run.session
    threads = {thread.name: thread.native_id for thread in threading.enumerate()}
    thread_id = threads["neuralforge-steps"] if on_worker else None
    first, first_frame = session.step, len(costs.at_secs)
    began_secs = time.monotonic() - _waited_secs(thread_id)
    await asyncio.sleep(turn_secs)
    secs_a_step = (time.monotonic() - _waited_secs(thread_id) - began_secs) / (session.step - first)
    last_frame = len(costs.at_secs)
    after_secs = await _tight(live, turn_secs / 2)
    tally.ratios.append(mean((tight_secs, after_secs)) / secs_a_step)
    tally.step_ms.append(after_secs * 1e3)
    tally.gaps_ms += costs.gaps_ms(first_frame, last_frame)
    tally.costs_ms += [cost * 1e3 for cost in costs.secs[first_frame:last_frame]]
    tally.worker = on_worker
    return after_secs


async def _settle_on(live: LiveRun, mode: Mode) -> None:
    """Change how a run is pumped, and wait until it is."""
    live.driver.mode = mode
    await asyncio.sleep(0.05)
    while mode != "auto" and live.driver.on_worker != (mode == "worker"):
        await asyncio.sleep(0.002)


def _same(folder: Path, arch: str, data: str, began: float) -> bool:
    """Train the same run without a window and under one; return whether the weights are the same."""
    from neuralforge.app.planning import make_plan
    from neuralforge.app.preview import describe
    from neuralforge.train import launch

    plan = make_plan(arch, data, runs_dir=folder / "runs", steps=300)
    run = launch.start(plan)
    for _ in run.session.steps():
        pass
    window = _shown(folder)
    desk = window.desktop
    digests: list[str] = []

    async def script() -> None:
        desk.take_plan(plan, describe(plan.raw, data, {}, plan.config))
        await desk.training.start(plan)
        await asyncio.shield(desk.training.live.task)
        digests.append(desk.training.live.run.session.weights_sha256)
        window.window.shut()

    _run_with(window, script())
    return digests == [run.session.weights_sha256]


def _run_with(window: Any, script: Coroutine[Any, Any, None]) -> None:
    """Show the window while a script goes on, which shuts it in the end."""

    async def whole() -> None:
        window.window.open()
        window.desktop.begin()
        await window.desktop.engine()
        task = asyncio.get_running_loop().create_task(script)
        task.add_done_callback(lambda done: window.window.shut())
        await window.window.run()
        await task
        await window.desktop.end()

    asyncio.run(whole())
    assert not window.host.failures, window.host.failures


if __name__ == "__main__":
    name, folder_text, arguments_text = sys.argv[1:]
    scenarios: dict[str, Callable[..., Any]] = {
        "frames": _frames, "start": _start, "idle": _idle, "pump": _pump, "same": _same, "stalls": _stalls,
    }  # fmt: skip
    print(json.dumps(scenarios[name](Path(folder_text), **json.loads(arguments_text))))
