"""How long the command line takes to start, and what it must not import."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median

from tests.bench.timing import Bench, Line

COMMANDS = (("--help",), ("layers",), ("check", "small_cnn"))
HEAVY = ("torch", "imgui_bundle", "h5py", "numpy", "rich", "sklearn", "onnx")

_RUN = """
import json, sys
from neuralforge.app.cli import main
try:
    main()
finally:
    print("\\n" + json.dumps([name for name in {heavy!r} if name in sys.modules] + [len(sys.modules)]), file=sys.stderr)
"""


def measure(bench: Bench) -> Iterator[Line]:
    """Yield the lines of this subject."""
    rounds = bench.pick(7, 2)
    bare_ms = median(_timed_ms("-c", "pass") for _ in range(rounds + 1))
    for command in COMMANDS:
        name = f"neuralforge {' '.join(command)}"
        script = _RUN.format(heavy=HEAVY)
        done = subprocess.run([sys.executable, "-c", script, *command], capture_output=True, text=True, check=True)
        *imported, count = json.loads(done.stderr.strip().splitlines()[-1])
        took_ms = median(
            _timed_ms("-c", "from neuralforge.app.cli import main; main()", *command) for _ in range(rounds)
        )
        heavy = f"imports {', '.join(imported)}" if imported else "nothing heavy imported"
        note = f"{count} modules, {heavy}; a bare interpreter takes {bare_ms:.0f} ms"
        yield Line(name=name, value=took_ms, unit="ms", note=note)
        yield Line(
            name="  torch or the window imported",
            value=sum(n in ("torch", "imgui_bundle") for n in imported),
            unit="",
            goal=0,
        )
    import_ms = median(_timed_ms("-c", "import torch") for _ in range(bench.pick(3, 1)))
    yield Line(name="for comparison: import torch", value=import_ms, unit="ms")


def _timed_ms(*arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - began) * 1e3
