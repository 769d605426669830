"""The display goes away while there is a window: what trains goes on, and what was not saved is kept."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import pytest

from neuralforge.app.cli import cli
from neuralforge.app.show import LOST
from neuralforge.ui.display import DisplayGuard, guard_display
from neuralforge.workbench.commands import NewDocument
from neuralforge.workbench.recovery import Recovery
from tests.ui.crew import ROOT
from tests.ui.parting import PLACES
from tests.ui.pilot import apart
from tests.ui.test_open import LIMIT_SECS, SMALL, Home, first_step, shown_in

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X is on Linux")

STEPS = 400
RUN = ("small_cnn", "--data", "digits", "--steps", str(STEPS), "--threads", "1", "--seed", "3", "--at", "300:lr=0.01")
GONE = "neuralforge: The display went away, and the window with it."

Server = tuple[str, subprocess.Popen[bytes]]


@pytest.fixture(scope="module")
def digest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of the weights that the run has without a window."""
    out, runs = io.StringIO(), str(tmp_path_factory.mktemp("headless"))
    with contextlib.redirect_stdout(out):
        assert cli.main(["train", *RUN, "--runs", runs, "--json"], "neuralforge", standalone_mode=False) == 0
    yield str(json.loads(out.getvalue())["weights_sha256"])


def kill_display_in_run(home: Home, server: Server, *arguments: object) -> tuple[subprocess.Popen[str], Path]:
    """Train in a window, and kill its display when there is a step in the log."""
    home.display = server[0]
    process = home.start("open", *arguments, "--train", "--runs", home.runs, *SMALL)
    try:
        log = first_step(home, process)
        server[1].kill()
    except BaseException:
        process.kill()
        raise
    return process, log


@pytest.mark.parametrize("scripted", [False, True])
def test_a_run_reaches_its_end_without_the_display(tmp_path: Path, doomed: Server, digest: str, scripted: bool) -> None:
    picture = tmp_path / "picture.png"
    more = ("--exit", "--screenshot", picture) if scripted else ()
    process, log = kill_display_in_run(Home(tmp_path), doomed, *RUN, *more)
    try:
        out, err = process.communicate(timeout=LIMIT_SECS)
    finally:
        process.kill()
    assert process.returncode == LOST == 3, err
    run = f"neuralforge: Run {log.parent.name} goes on without it and is recorded in {log.parent}; Ctrl+C pauses it."
    missing = [f"neuralforge: No picture {picture}: "] if scripted else []
    told = err.splitlines()
    assert told[:2] == [GONE, run] and len(told) == 2 + len(missing)
    assert all(line.startswith(start) for line, start in zip(told[2:], missing, strict=True))
    assert out == f"Run: {log.parent}\n"
    with h5py.File(log, "r", locking=False) as file:
        assert file.attrs["status"] == "completed"
        assert file.attrs["weights_sha256"] == digest
        assert len(file["scalars/train/loss/step"]) == STEPS


def test_ctrl_c_pauses_a_run_that_has_lost_its_window(tmp_path: Path, doomed: Server) -> None:
    long = ("mlp", "--data", "moons", "--steps", str(10**7), "--threads", "1")
    process, log = kill_display_in_run(Home(tmp_path), doomed, *long)
    try:
        assert process.stderr is not None
        told = [process.stderr.readline() for _ in range(2)]
        assert "Ctrl+C" in told[1]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LIMIT_SECS)
    finally:
        process.kill()
    assert process.returncode == 130 and f"neuralforge train --resume {log.parent}" in err
    with h5py.File(log, "r", locking=False) as file:
        assert file.attrs["status"] == "paused"


# A window alone


def parting(folder: Path, display: str, *place: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-m", "tests.ui.parting", str(folder), *place],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "DISPLAY": display, "HOME": str(folder)},
    )


def check_work_is_kept(folder: Path) -> None:
    (found,) = Recovery(folder / "unsaved").found()
    assert list(found.document.graph.nodes) == ["fc"]


def end_of(process: subprocess.Popen[str]) -> tuple[dict[str, Any], str]:
    try:
        out, err = process.communicate(timeout=LIMIT_SECS)
    finally:
        process.kill()
    assert process.returncode == 0, err
    return json.loads(out.splitlines()[-1]), err


def test_an_idle_window_ends_with_its_display_and_unsaved_work_is_kept(tmp_path: Path, doomed: Server) -> None:
    process = parting(tmp_path, doomed[0])
    assert process.stdout is not None
    assert process.stdout.readline() == "edited\n", process.communicate()
    doomed[1].kill()
    told, err = end_of(process)
    assert err == GONE + "\n"
    assert (told["code"], told["lost"], told["open"], told["frame"]) == (LOST, True, False, False)
    assert "start NeuralForge anew" in told["again"]
    check_work_is_kept(tmp_path)


@pytest.mark.parametrize("place", PLACES)
def test_a_connection_may_be_cut_anywhere(tmp_path: Path, display: str, place: str) -> None:
    told, err = end_of(parting(tmp_path, display, place))
    assert (told["lost"], told["open"], told["frame"]) == (True, False, False), (told, err)
    assert "start NeuralForge anew" in told["again"]
    assert told["calls_that_failed"] == (place != "between"), "between frames it is seen without calling X"
    assert not told["drew_on"]
    if place == "opening":
        assert told["error"] == "The display went away while the window was being made." and err == ""
        return
    assert (told["code"], err) == (LOST, GONE + "\n")
    check_work_is_kept(tmp_path)


# The guard by itself


class FakeX11:
    """Xlib, as far as the guard calls it: one display, whose connection is a socket."""

    def __init__(self, connection: socket.socket) -> None:
        self.others = 77
        self.exits: list[tuple[int, int]] = []
        self.XConnectionNumber = lambda display: connection.fileno()
        self.XSetIOErrorExitHandler = lambda display, function, data: self.exits.append((display, function))
        self.XSetIOErrorHandler = self._set_handler

    def _set_handler(self, address: int) -> int:
        before, self.others = self.others, address
        return before


def test_a_connection_whose_other_end_is_gone_is_seen_without_calling_x() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        x11 = FakeX11(ours)
        guard = DisplayGuard(x11, 1, throws=2, returns=3)
        assert not guard.look() and not guard.lost
        theirs.send(b"an event")
        assert not guard.look(), "what waits to be read is no loss"
        theirs.close()
        assert guard.look() and guard.lost
        assert x11.exits == [(1, 3)]


def test_only_what_passes_exceptions_on_gets_them() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        x11 = FakeX11(ours)
        guard = DisplayGuard(x11, 1, throws=2, returns=3)
        with guard.raising(), guard.returning():
            pass
        guard.raise_from_now_on()
        assert [function for _, function in x11.exits] == [3, 2, 3, 2, 3, 2]
        assert x11.others != 77
        guard.release()
        assert x11.others == 77


# Where nothing can be done, and another way to lose a terminal


class FakeGlfw:
    """GLFW on X."""

    def __init__(self, platform: int = 0x00060004) -> None:
        self.glfwGetPlatform = lambda: platform


@pytest.mark.parametrize("lacks", ["XSetIOErrorExitHandler", "libX11.so.6", "libstdc++.so.6"])
def test_without_what_it_takes_all_is_as_it_was(lacks: str) -> None:
    class OldX11:
        """libX11 1.6."""

    def load(name: str) -> Any:
        if name == lacks:
            raise OSError(name)
        return OldX11() if name.startswith("libX11") else ctypes.CDLL(name)

    assert guard_display(FakeGlfw(), load) is None


def test_a_window_that_is_not_on_x_is_not_guarded() -> None:
    def load(name: str) -> Any:
        raise AssertionError(name)

    assert guard_display(FakeGlfw(0x00060005), load) is None


@apart()
def test_a_terminal_that_is_gone_closes_the_window_in_order_unless_nohup_keeps_it() -> None:
    async def leave(folder: Path) -> int:
        shown = shown_in(folder)
        window = asyncio.get_running_loop().create_task(shown.run())
        while not shown.window.frames:
            await asyncio.sleep(0)
        shown.desktop.carry_out([NewDocument()])
        os.kill(os.getpid(), signal.SIGHUP)
        frames = shown.window.frames
        while not window.done() and shown.window.frames < frames + 5:
            shown.window.wake()
            await asyncio.sleep(0)
        if not window.done():
            os.kill(os.getpid(), signal.SIGTERM)
        return await window

    for ignored, code in ((False, 128 + signal.SIGHUP), (True, 128 + signal.SIGTERM)):
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
        try:
            with tempfile.TemporaryDirectory() as name:
                assert asyncio.run(leave(Path(name))) == code
        finally:
            signal.signal(signal.SIGHUP, before)
