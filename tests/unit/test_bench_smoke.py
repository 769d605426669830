"""The benchmark runs and prints its table; the figures themselves are nobody's promise in a test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_two_cheap_subjects_print_a_table(tmp_path: Path) -> None:
    target = tmp_path / "figures.json"
    done = run("codegen", "loader", "--quick", "--json", str(target))
    assert done.returncode == 0, done.stderr
    assert "torch" in done.stdout.splitlines()[0]
    assert "resnet18, 71 nodes" in done.stdout
    assert "TensorData.batch" in done.stdout
    lines = json.loads(target.read_text())["lines"]
    assert [len(lines[name]) for name in ("codegen", "loader")] == [2, 2]
    assert all(line["ok"] in (True, False, None) for group in lines.values() for line in group)


def test_unknown_subject_is_refused() -> None:
    done = run("nonsense")
    assert done.returncode == 2
    assert "there is no subject 'nonsense'" in done.stderr
