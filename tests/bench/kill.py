"""Kill training at random moments and count what was lost: `python -m tests.bench.kill --times 200`.

Each child trains a small network with a known sequence of knob changes and tells over a pipe what its log has
acknowledged. It is killed with SIGKILL at a random moment, or while a checkpoint is being written; then the run is
read, resumed by another child (which may be killed too), and in the end compared with a run that was never killed.
Children are forked from a parent that has loaded everything, so that a killing takes less than a second.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import torch

from neuralforge.runs.lock import LOCK_NAME
from neuralforge.runs.reader import RunReader
from neuralforge.train.launch import Plan, Run, resume, start
from tests.unit.train.kit import Outcome, ask, outcome, plan, train, whole_state

STEPS = 120
SCRIPT = [
    (1, {"weight_decay": 0.01}),
    (10, {"lr": 0.02}),
    (25, {"batch_size": 9, "drop.dropout": 0.5}),
    (40, {"norm.frozen": True}),
    (55, {"accumulation": 2, "label_smoothing": 0.1}),
    (70, {"norm.frozen": False, "fc1.frozen": True}),
    (90, {"fc1.frozen": False, "clip_norm": 0.5}),
    (105, {"lr": 0.001, "accumulation": 1}),
]
AGAIN = 0.6
MOST_KILLS = 4
LOSSES = ("unreadable files", "acknowledged rows lost", "acknowledged events lost", "wrong rows or events after a kill",
          "wrong final weights", "wrong final rows or events", "children that failed", "files left over")  # fmt: skip


@dataclass
class Report:
    """What was done and what was lost."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def lose(self, what: str, why: str) -> None:
        """Count a loss."""
        assert what in LOSSES, what
        self.counts[what] += 1
        self.examples.append(f"{what}: {why}")

    @property
    def losses(self) -> int:
        """All losses together."""
        return sum(self.counts[what] for what in LOSSES)


@dataclass
class Child:
    """What a child told before its end."""

    folder: Path | None = None
    asked: bool = False
    steps: int = 0
    events: int = 0
    state: str | None = None
    error: str | None = None
    killed: bool = False
    began_secs: float = 0.0


def _pump(run: Run, tell: Callable[..., None]) -> None:
    """Train to the end; after each pulse tell what the journal holds by then."""
    told = (0, 0)
    for pulse in run.session.steps():
        now = (run.log.recorded_step, run.log.sequence)
        if now != told:
            tell("log", *now)
            told = now
        if pulse.kind == "paused":
            raise RuntimeError(f"paused: {run.session.trouble}")
    tell("end", whole_state(run.session))


def _in_child(job: Callable[[Callable[..., None]], None]) -> tuple[int, int]:
    """Fork, and do a job in the child; return its process id and the pipe that it writes to."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    code = 1
    try:
        os.close(reading)

        def tell(*words: object) -> None:
            os.write(writing, (json.dumps(words) + "\n").encode())

        try:
            job(tell)
            code = 0
        except BaseException as error:
            tell("error", f"{type(error).__name__}: {error}"[:1500])
    finally:
        os._exit(code)


def _watch(pid: int, reading: int, kill_now: Callable[[Child], bool], poll_secs: float) -> Child:
    """Listen to a child until its end, or until it is to be killed."""
    child, rest = Child(), b""
    while True:
        ready, _, _ = select.select([reading], [], [], poll_secs)
        data = os.read(reading, 65536) if ready else b""
        if ready and not data:
            break
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            word, *values = json.loads(line)
            if word == "folder":
                child.folder, child.began_secs = Path(values[0]), time.monotonic()
            elif word == "log":
                child.asked, (child.steps, child.events) = True, values
            elif word == "end":
                child.state = values[0]
            else:
                child.error = values[0]
        if not child.killed and child.state is None and kill_now(child):
            os.kill(pid, signal.SIGKILL)
            child.killed = True  # what it told before still stands in the pipe
    os.close(reading)
    os.waitpid(pid, 0)
    return child


def _first(p: Plan) -> Callable[[Callable[..., None]], None]:
    def job(tell: Callable[..., None]) -> None:
        run = start(p)
        tell("folder", str(run.folder))
        ask(run.session, SCRIPT)
        _pump(run, tell)

    return job


def _next(folder: Path) -> Callable[[Callable[..., None]], None]:
    def job(tell: Callable[..., None]) -> None:
        run = resume(folder)
        tell("folder", str(folder))
        _pump(run, tell)

    return job


def _is_prefix(part: Outcome, whole: Outcome) -> str | None:
    """Say in which series or event a run that was cut short differs from the whole one."""
    for name, (steps, values) in part.series.items():
        theirs = whole.series[name]
        if (steps, values) != (theirs[0][: len(steps)], theirs[1][: len(values)]):
            return f"series {name}"
    if part.events != whole.events[: len(part.events)]:
        return "events"
    return None


class _Killer:
    """Chooses a moment: at random, or when a checkpoint is on its way to the disk."""

    def __init__(self, rng: random.Random, longest_secs: float) -> None:
        self.in_checkpoint = rng.random() < 0.3
        self.in_start = rng.random() < 0.1
        self.after_secs = rng.uniform(0, longest_secs)
        self._began_secs = time.monotonic()

    def __call__(self, child: Child) -> bool:
        if child.folder is None and not self.in_start:
            self._began_secs = time.monotonic()
            return False
        if time.monotonic() - self._began_secs < self.after_secs:
            return False
        if not self.in_checkpoint or child.folder is None:
            return True
        with suppress(OSError):
            return any(name.endswith(".tmp") for name in os.listdir(child.folder / "checkpoints"))
        return False


def _check_after_kill(report: Report, child: Child, known: Child, whole: Outcome) -> None:
    """Read a run whose writer was killed."""
    assert child.folder is not None
    try:
        found = outcome(child.folder)
    except Exception as error:
        report.lose("unreadable files", f"{type(error).__name__}: {error}")
        return
    rows, events = len(found.series["train/loss"][0]), len(found.events)
    if rows < max(child.steps, known.steps):
        report.lose("acknowledged rows lost", f"{rows} rows, {max(child.steps, known.steps)} acknowledged")
    if events < max(child.events, known.events):
        report.lose("acknowledged events lost", f"{events} events, {max(child.events, known.events)} acknowledged")
    odd = _is_prefix(found, whole)
    if odd is not None:
        report.lose("wrong rows or events after a kill", odd)


def run_kills(times: int, seed: int, runs: Path, say: Callable[[str], None] = lambda _text: None) -> Report:
    """Kill so many times.

    Args:
        times: How many kills.
        seed: Seed of the moments (which depend on the speed of the machine too).
        runs: An empty folder.
        say: Shows progress.

    Returns:
        What was counted.
    """
    torch.set_num_threads(1)
    rng = random.Random(seed)
    report = Report()
    p = plan(runs, steps=STEPS, optimizer="adamw", checkpoint_every=7, validation_every=11, keep=2)
    train(p, SCRIPT)  # loads and warms up what the children then have from the start
    reference = _watch(*_in_child(_first(p)), lambda _child: False, 1.0)
    longest_secs = time.monotonic() - reference.began_secs
    assert reference.folder is not None and reference.state is not None, reference.error
    whole = outcome(reference.folder)
    while report.counts["kills"] < times:
        child = Child()
        known = Child()
        kills = 0
        while True:
            wants = kills < MOST_KILLS and (kills == 0 or rng.random() < AGAIN) and report.counts["kills"] < times
            killer = _Killer(rng, longest_secs) if wants else None
            job = _first(p) if known.folder is None else _next(known.folder)
            child = _watch(*_in_child(job), killer or (lambda _child: False), 0.0005 if killer else 1.0)
            child.folder = child.folder or known.folder
            if child.error is not None:
                report.lose("children that failed", child.error)
                break
            if child.state is not None:  # it was quicker than the killer, or was not to be killed
                break
            kills += 1
            report.counts["kills"] += 1
            report.counts["kills while a checkpoint was written"] += killer is not None and killer.in_checkpoint
            report.counts["kills of a resumed run"] += known.folder is not None
            if child.folder is None:
                report.counts["kills before there was a run"] += 1
                break
            if not known.asked and not child.asked:
                report.counts["kills before anything was acknowledged"] += 1
                try:
                    RunReader(child.folder).events()
                except Exception as error:
                    report.lose("unreadable files", f"{type(error).__name__}: {error}")
                break
            _check_after_kill(report, child, known, whole)
            known = Child(child.folder, True, max(child.steps, known.steps), max(child.events, known.events))
            if RunReader(child.folder).status == "completed":  # killed after the end, before it could tell
                report.counts["kills after the end"] += 1
                child.state = reference.state
                break
        if child.state is not None and child.folder is not None:
            report.counts["runs that reached the end"] += 1
            _check_end(report, child, reference, whole)
        if child.folder is not None and report.losses == 0:
            shutil.rmtree(child.folder, ignore_errors=True)
        say(f"\r{report.counts['kills']} of {times} kills, {report.losses} losses ")
    return report


def _check_end(report: Report, child: Child, reference: Child, whole: Outcome) -> None:
    assert child.folder is not None
    try:
        found = outcome(child.folder)
    except Exception as error:
        report.lose("unreadable files", f"{type(error).__name__}: {error}")
        return
    if found.weights != whole.weights or child.state != reference.state:
        report.lose("wrong final weights", f"{found.weights} and {child.state}")
    elif found != whole:
        report.lose("wrong final rows or events", "; ".join(found.differences(whole))[:500])
    names = {path.name for path in child.folder.rglob("*") if path.is_file()}
    odd = sorted(name for name in names if name != "run.h5" and not name.endswith(".safetensors"))
    if odd == [LOCK_NAME] and child.killed:  # between the end of the log and that of its lock, which is now stale
        report.counts["stale locks of finished runs"] += 1
    elif odd:
        report.lose("files left over", ", ".join(odd))


def main() -> int:
    """Kill, print a table, and return 1 when anything was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.kill", description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=200, help="how many kills (200)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments (0)")
    options = parser.parse_args()
    runs = Path(tempfile.mkdtemp(prefix="neuralforge-kill-"))
    say = (lambda text: print(text, end="", file=sys.stderr, flush=True)) if sys.stderr.isatty() else (lambda _: None)
    began_secs = time.monotonic()
    try:
        report = run_kills(options.times, options.seed, runs, say)
    finally:
        shutil.rmtree(runs, ignore_errors=True)
    say("\r" + " " * 60 + "\r")
    done = [(what, count) for what, count in report.counts.items() if what not in LOSSES]
    for what, count in [*sorted(done), *((what, report.counts[what]) for what in LOSSES)]:
        print(f"{what:<45}{count:>6}")
    print(f"{'seconds':<45}{time.monotonic() - began_secs:>6.0f}")
    for example in report.examples[:5]:
        print(f"lost: {example}")
    return 1 if report.losses else 0


if __name__ == "__main__":
    sys.exit(main())
