"""The kill script, in small: what it finds when five children are killed, and that it would notice a loss."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_nothing_is_lost_to_five_kills() -> None:
    command = [sys.executable, "-m", "tests.bench.kill", "--times", "5", "--seed", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    table = dict(line.rsplit(None, 1) for line in done.stdout.splitlines())
    assert table["kills"] == "5" and table["wrong final weights"] == "0"


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_it_notices_what_is_lost() -> None:
    """A journal that says more than it has written: the script must count it and exit with 1."""
    code = (
        "import os, random, sys\n"
        "from neuralforge.runs.log import RunLog\n"
        "real = RunLog.recorded_step\n"
        "RunLog.recorded_step = property(lambda self: real.fget(self) + 50)\n"
        "sys.argv[1:] = ['--times', '3']\n"
        "from tests.bench import kill\n"
        "sys.exit(kill.main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "lost: acknowledged rows lost" in done.stdout
