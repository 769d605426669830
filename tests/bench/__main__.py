"""`python -m tests.bench [NAME ...] [--quick] [--json FILE]`, which is `make bench`."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import math
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.machine import describe
from tests.bench.timing import Bench, Line, Measure

SUBJECTS = {
    "step": "A step of a session beside a bare PyTorch loop (CPU time)",
    "own_loop": "A loop of one's own beside the same loop bare (CPU time)",
    "notebook": "From a notebook: nf.live and nf.open, and the pattern of Dear ImGui Bundle (fresh processes)",
    "watch": "A watched run beside one that is not (CPU time)",
    "modules": "Generated beside hand-written modules, training step (CPU time)",
    "codegen": "Writing and executing the source of a network",
    "log": "A row of the run log beside a ring store",
    "inference": "Shapes of a whole graph, and after an edit (with the edit itself)",
    "drivers": "Training under a window that spends 4 ms of Python in each of 60 frames a second (wall time)",
    "loader": "A batch of 64 images of 28x28 bytes (CPU time)",
    "series": "Curves in memory beside going over them with NumPy (CPU time)",
    "window": "The window on the null backend (wall time, fresh processes)",
    "startup": "Starting the command line (wall time, fresh processes)",
}
"""Name, which is that of the module, -> title. In the order of the table."""


def main() -> int:
    """Measure what is asked and print the table; the exit code is 0 whatever the figures are."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"subjects, all by default: {', '.join(SUBJECTS)}")
    parser.add_argument("--quick", action="store_true", help="few rounds: a look, not a measurement")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in SUBJECTS]
    if unknown:
        parser.error(f"there is no subject {unknown[0]!r}; there are {', '.join(SUBJECTS)}")

    machine = describe()
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    began_secs = time.monotonic()
    found: dict[str, list[Line]] = {}
    for name in arguments.names or SUBJECTS:
        print(f"\n{name}: {SUBJECTS[name]}", flush=True)
        found[name] = []
        for line in _measure(name, quick=arguments.quick):
            found[name].append(line)
            print(_row(line), flush=True)
    lines = [line for group in found.values() for line in group]
    short = sum(line.ok is False for line in lines)
    print(f"\n{len(lines)} lines, {short} short of their goal, {time.monotonic() - began_secs:.0f} s.")
    if arguments.json is not None:
        rows = {name: [_as_json(line) for line in group] for name, group in found.items()}
        text = json.dumps({"machine": machine, "quick": arguments.quick, "lines": rows}, indent=2, allow_nan=False)
        arguments.json.write_text(text + "\n", encoding="utf-8")
    return 0


def _measure(name: str, *, quick: bool) -> Iterator[Line]:
    """Run one subject with a folder of its own, which is removed after."""
    measure: Measure = importlib.import_module(f"tests.bench.{name}").measure
    with tempfile.TemporaryDirectory(prefix=f"neuralforge-bench-{name}-", ignore_cleanup_errors=True) as folder:
        yield from measure(Bench(folder=Path(folder), quick=quick))


def _as_json(line: Line) -> dict[str, object]:
    return {**dataclasses.asdict(line), "value": None if math.isnan(line.value) else line.value, "ok": line.ok}


def _row(line: Line) -> str:
    verdict = {True: "ok", False: "SHORT", None: ""}[line.ok]
    goal = "" if line.goal is None else f"{'>=' if line.at_least else '<='} {_figure(line.goal, line.unit)}"
    return f"  {line.name:<52}{_figure(line.value, line.unit):>12}{goal:>14}  {verdict:<6}{line.note}".rstrip()


def _figure(value: float, unit: str) -> str:
    if math.isnan(value):
        return "-"
    if unit == "x":
        return f"{value:.3f} x"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 3 if abs(value) < 1 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
