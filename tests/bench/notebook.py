"""The way in from Python: what `neuralforge.live` adds to a loop, with the window on the null backend and without one,
and what the pattern of Dear ImGui Bundle's notebooks adds to the same loop. Each figure comes from a process of its
own, in which passes of the bare loop alternate with those that are measured."""

from __future__ import annotations

import asyncio
import importlib.util
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import tokenize
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from types import ModuleType, SimpleNamespace
from typing import Any

from tests.bench.timing import Bench, Line

FOLDER = Path(__file__).parents[2] / "demos" / "compare"
SIZE_PX = (1280, 800)
LONG_TURN_SECS = 0.3
_IMPORT = """
import json, sys, time
began = time.perf_counter()
import neuralforge
print(json.dumps([(time.perf_counter() - began) * 1e3, [n for n in ("torch", "imgui_bundle") if n in sys.modules]]))
"""


def measure(bench: Bench) -> Iterator[Line]:
    """Yield the lines of this subject."""
    yield from _loops(bench)
    turns = bench.pick(20, 5)
    for form, goal in (("live.run", 60.0), ("async for", None)):
        found = _child("long_turns", bench, form=form, turns=turns)
        note = f"{found['turn_ms']:.0f} ms a turn"
        yield Line(
            name=f"frames a second, long turns, {form}",
            value=round(found["fps"]),
            unit="fps",
            goal=goal,
            at_least=True,
            note=note,
        )
    opened = [_child("open", bench) for _ in range(bench.pick(7, 2) + 1)][1:]
    yield Line(
        name="neuralforge.open returns after",
        value=median(found["ms"] for found in opened),
        unit="ms",
        note="torch is not loaded by then" if not any(found["torch"] for found in opened) else "torch was loaded",
    )
    imports = [json.loads(_python("-c", _IMPORT)) for _ in range(bench.pick(7, 2) + 1)][1:]
    yield Line(name="import neuralforge", value=median(ms for ms, _ in imports), unit="ms", goal=300)
    yield Line(name="  torch or the window imported", value=max(len(heavy) for _, heavy in imports), unit="", goal=0)
    bare = _lines("bare")
    for name in ("with_neuralforge", "with_imgui_bundle"):
        yield Line(name=f"lines of code beyond the loop, {name}", value=sum((_lines(name) - bare).values()), unit="")


def _loops(bench: Bench) -> Iterator[Line]:
    """Compare the loops of `demos/compare` with the bare one."""
    passes = bench.pick(24, 4)
    for name in ("with_neuralforge", "with_imgui_bundle"):
        ours = name == "with_neuralforge"
        for window in ("none", "null"):
            found = _child("loop", bench, name=name, window=window, passes=passes)
            where = "no window" if window == "none" else "window open"
            yield Line(
                name=f"{name}, {where}: CPU time without frames",
                value=found["cost"],
                goal=1.05 if ours else None,
                note=f"bare {found['bare_us']:,.0f} us a step",
            )
            if window == "null":
                note = f"a frame takes {found['frame_ms']:.1f} ms of CPU time"
                yield Line(name="  steps a second beside the bare loop, with frames", value=found["throughput"])
                yield Line(
                    name="  frames a second",
                    value=round(found["fps"]),
                    unit="fps",
                    goal=60 if ours else None,
                    at_least=True,
                    note=note,
                )


def _lines(name: str) -> Counter[str]:
    """Return the lines of code of one of the loops, without comments and what only starts it."""
    text = (FOLDER / f"{name}.py").read_text().partition('if __name__ == "__main__":')[0]
    kinds = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    ends = tokens[0].end[0]  # of the docstring
    numbers = {token.start[0] for token in tokens if token.type not in kinds and token.start[0] > ends}
    lines = text.splitlines()
    return Counter(lines[number - 1].strip() for number in numbers)


def _child(scenario: str, bench: Bench, **arguments: Any) -> Any:
    """Carry out a scenario in a fresh process."""
    with tempfile.TemporaryDirectory(dir=bench.folder) as home:
        return json.loads(_python("-m", "tests.bench.notebook", scenario, json.dumps(arguments), home=home))


def _python(*words: str, home: str = "") -> str:
    """Return the last line that Python prints; its byte code is kept, as it is for a user."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    kept["PYTHONPYCACHEPREFIX"] = str(Path(tempfile.gettempdir()) / "neuralforge-bench-bytecode")
    if home:
        kept |= {"NEURALFORGE_RUNS": f"{home}/runs"}
        kept |= {f"XDG_{what}_HOME": f"{home}/{what}" for what in ("CONFIG", "STATE", "DATA")}
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False, env=kept)
    if done.returncode:
        raise RuntimeError(f"{words} failed:\n{done.stderr[-2000:]}")
    return done.stdout.strip().splitlines()[-1]


# What a child does


@dataclass
class Spent:
    """Time at one moment, and what frames have taken until then.

    Args:
        cpu_secs: CPU time of this process.
        wall_secs: Time.
        frame_secs: CPU time of the frames.
        frames: How many were drawn.
    """

    cpu_secs: float
    wall_secs: float
    frame_secs: float
    frames: int

    def since(self, before: Spent) -> Spent:
        """Return what was spent in between."""
        return Spent(*(now - then for now, then in zip(asdict(self).values(), asdict(before).values(), strict=True)))


class Frames:
    """Counts frames, and adds up the CPU time that they take."""

    def __init__(self) -> None:
        self.secs = 0.0
        self.at_secs: list[float] = []

    def around(self, draw: Callable[[], Any]) -> Callable[[], Any]:
        """Return a function that draws, and is counted; one that returns False has drawn nothing."""

        def timed() -> Any:
            began_secs = time.process_time()
            drawn = draw()
            self.secs += time.process_time() - began_secs
            if drawn is not False:
                self.at_secs.append(time.monotonic())
            return drawn

        return timed

    def now(self) -> Spent:
        """Return what was spent so far."""
        return Spent(time.process_time(), time.monotonic(), self.secs, len(self.at_secs))


class Batches(list[Any]):
    """Batches that take the time of each pass over them, and go over the same with a bare loop before.

    Args:
        batches: The batches.
        bare: Goes over them with a bare loop.
        frames: Counts the frames.
    """

    def __init__(self, batches: list[Any], bare: Callable[[], None], frames: Frames) -> None:
        super().__init__(batches)
        self._bare = bare
        self._frames = frames
        self.bare: list[Spent] = []
        self.live: list[Spent] = []
        self.intervals = 0
        """From one frame to the next, within a pass; the first frame of a pass was due before it."""
        self.interval_secs = 0.0
        """How long they took together."""

    def __iter__(self) -> Iterator[Any]:
        began = self._frames.now()
        self._bare()
        between = self._frames.now()
        yield from super().__iter__()
        self.bare.append(between.since(began))
        self.live.append(self._frames.now().since(between))
        if at_secs := self._frames.at_secs[between.frames :]:
            self.intervals += len(at_secs) - 1
            self.interval_secs += at_secs[-1] - at_secs[0]


def _load(name: str) -> ModuleType:
    """Import one of the files of `demos/compare`."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _live(frames: Frames, window: str, *parts: Any, **bounds: Any) -> Any:
    """Do as `neuralforge.live`, with another window, whose frames are counted."""
    import neuralforge

    live = neuralforge.live(*parts, **bounds, window=window, size=SIZE_PX)
    drawn = live._station.window
    if drawn is not None:
        drawn.frame = frames.around(drawn.frame)
    return live


def _start(frames: Frames, window: str, gui: Callable[[], None], **_options: Any) -> None:
    """Do as `immapp.nb.start`, with another window, whose frames are counted."""
    from imgui_bundle import hello_imgui, immapp

    from neuralforge.ui.backend import NullBackend

    if window == "none":
        return
    manual = immapp.manual_render
    manual.render = frames.around(manual.render)
    params, addons = hello_imgui.RunnerParams(), immapp.AddOnsParams()
    NullBackend(SIZE_PX).prepare(params)
    params.callbacks.show_gui = gui
    params.ini_disable = True
    addons.with_implot = True
    immapp.nb.start(params, addons)


def _stop(window: str) -> None:
    from imgui_bundle import immapp

    if window != "none":
        immapp.nb.stop()


def _loop(name: str, window: str, passes: int) -> dict[str, float]:
    """Train with one of the loops, and the bare one in between."""
    frames, task, user = Frames(), _load("task"), _load(name)
    if name == "with_neuralforge":
        user.nf = SimpleNamespace(live=partial(_live, frames, window))  # type: ignore[attr-defined]
    else:
        nb = SimpleNamespace(start=partial(_start, frames, window), stop=partial(_stop, window))
        user.immapp = SimpleNamespace(nb=nb)  # type: ignore[attr-defined]
    *other, criterion, plain = task.parts()
    go = _load("bare").train

    def bare() -> None:
        work = go(*other, criterion, plain, 1)
        try:
            work.send(None)  # it never waits, so it comes to its end at once
        except StopIteration:
            return
        raise AssertionError

    model, optimizer, criterion, plain = task.parts()
    batches = Batches(plain, bare, frames)

    async def cell() -> None:
        await user.train(model, optimizer, criterion, batches, passes + 1)
        await asyncio.sleep(0.1)  # the window closes

    asyncio.run(cell())
    pairs = list(zip(batches.live, batches.bare, strict=True))[1:]
    drawn = sum(live.frames for live, _ in pairs)
    return {
        "cost": median((live.cpu_secs - live.frame_secs) / bare.cpu_secs for live, bare in pairs),
        "throughput": median(bare.wall_secs / live.wall_secs for live, bare in pairs),
        "fps": batches.intervals / batches.interval_secs if batches.intervals else 0.0,
        "frame_ms": sum(live.frame_secs for live, _ in pairs) / max(1, drawn) * 1e3,
        "bare_us": median(bare.cpu_secs for _, bare in pairs) / len(batches) * 1e6,
    }


def _long_turns(form: str, turns: int) -> dict[str, float]:
    """Make turns of 300 ms in a thread or between frames, and count the frames."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    model = nn.Sequential(nn.Linear(512, 1024), nn.ReLU(), nn.Linear(1024, 512))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def turn(x: Any) -> Any:
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    def secs(samples: int) -> float:
        began_secs = time.monotonic()
        turn(torch.randn(samples, 512))
        return time.monotonic() - began_secs

    secs(256)
    batch = torch.randn(int(1024 * LONG_TURN_SECS / min(secs(1024) for _ in range(3))), 512)
    frames = Frames()

    async def cell() -> dict[str, float]:
        live = _live(frames, "null", model, optimizer)
        await asyncio.sleep(0.5)  # what opening has begun is over
        began = frames.now()
        if form == "live.run":

            def train() -> None:
                for x in live([batch] * turns):
                    live.log(loss=turn(x))

            await live.run(train)
        else:
            async for x in live([batch] * turns):
                live.log(loss=turn(x))
        spent = frames.now().since(began)
        live.close()
        return {"fps": spent.frames / spent.wall_secs, "turn_ms": spent.wall_secs / turns * 1e3}

    return asyncio.run(cell())


def _open() -> dict[str, Any]:
    """Open the workbench, as a cell does."""
    import neuralforge

    async def cell() -> dict[str, Any]:
        began_secs = time.perf_counter()
        handle = neuralforge.open("small_cnn", data="digits", window="null", size=SIZE_PX)
        found = {"ms": (time.perf_counter() - began_secs) * 1e3, "torch": "torch" in sys.modules}
        handle.close()
        return found

    return asyncio.run(cell())


_SCENARIOS: dict[str, Callable[..., dict[str, Any]]] = {"loop": _loop, "long_turns": _long_turns, "open": _open}

if __name__ == "__main__":
    print(json.dumps(_SCENARIOS[sys.argv[1]](**json.loads(sys.argv[2]))))
