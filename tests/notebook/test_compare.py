"""The two loops that README compares: they run, and the table counts their lines as they are."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from neuralforge.runs.reader import RunReader
from tests.bench import notebook
from tests.notebook.kernel import ROOT, surroundings


def play(home: Path, **arguments: Any) -> dict[str, float]:
    """Carry out a scenario of the benchmark."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.notebook", "loop", json.dumps(arguments)],
        cwd=ROOT,
        env=surroundings(home),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", ["with_neuralforge", "with_imgui_bundle"])
def test_a_loop_runs_with_a_window_around_it(name: str, tmp_path: Path) -> None:
    found = play(tmp_path, name=name, window="null", passes=1)
    assert found["fps"] > 0
    assert found["cost"] > 0
    runs = [RunReader(path.parent) for path in (tmp_path / "runs").glob("*/run.h5")]
    if name == "with_imgui_bundle":
        assert not runs
    else:
        (log,) = runs
        assert (log.status, log.attributes["kind"], log.attributes["steps"]) == ("completed", "own loop", 2000)
        steps, _ = log.series("train/loss")
        assert steps.tolist() == list(range(1, 2001))


def test_the_table_counts_the_lines_as_they_are() -> None:
    bare = notebook._lines("bare")
    beyond = {name: (notebook._lines(name) - bare).total() for name in ("with_neuralforge", "with_imgui_bundle")}
    readme = (ROOT / "README.md").read_text()
    row = re.search(r"\| lines of code beyond the bare loop \| (\d+) \| (\d+) \|", readme)
    assert row
    assert {"with_imgui_bundle": int(row[1]), "with_neuralforge": int(row[2])} == beyond
