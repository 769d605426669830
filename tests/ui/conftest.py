"""What scenarios need: a process for those of a module, and a display where a real window is wanted."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from neuralforge.app.screen import offscreen_problem
from tests.ui.crew import ROOT, Crew


@contextmanager
def x_server() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start an X server of our own: the name of its display, and its process."""
    program = shutil.which("Xvfb")
    if program is None:
        pytest.skip("Xvfb is not installed (Debian: xvfb).")
    read_end, write_end = os.pipe()
    server = subprocess.Popen(
        [program, "-displayfd", str(write_end), "-noreset", "-nolisten", "tcp", "-screen", "0", "1280x1024x24"],
        pass_fds=(write_end,),
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    with os.fdopen(read_end) as answer:
        number = answer.readline().strip()
    if not number:
        pytest.skip(f"Xvfb ends with {server.wait()}.")
    try:
        yield f":{number}", server
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """An X display; it stays when its last window closes."""
    with x_server() as (name, _):
        yield name


@pytest.fixture
def doomed() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """An X display for one test, with its process, so that it can be killed."""
    with x_server() as server:
        yield server


@pytest.fixture(scope="module")
def _crews(request: pytest.FixtureRequest) -> Iterator[dict[str, Crew]]:
    crews: dict[str, Crew] = {}
    yield crews
    for crew in crews.values():
        crew.close()


@pytest.fixture
def crew(request: pytest.FixtureRequest, _crews: dict[str, Crew]) -> Crew:
    """The process for the present scenario."""
    kind = request.function.setting.kind
    if kind == "offscreen" and (problem := offscreen_problem()):
        pytest.skip(problem)
    shown_on = request.getfixturevalue("display") if kind == "screen" else ""
    if shown_on not in _crews:
        module = Path(request.path).relative_to(ROOT).with_suffix("")
        _crews[shown_on] = Crew(".".join(module.parts), shown_on)
    return _crews[shown_on]
