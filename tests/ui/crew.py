"""Plays scenarios in a process apart: `python -m tests.ui.crew MODULE`, which reads their names and answers in JSON."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import importlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import IO, Any

import pytest

from neuralforge.ui.backend import BackendKind

ROOT = Path(__file__).parents[2]
LIMIT_SECS = 300.0
"""After which the process ends itself, with a traceback of all its threads."""
TEST_FRAME_SECS = 1 / 240


class Crew:
    """The process for the scenarios of one module, started when first needed, and again after a crash.

    Args:
        module: Name of the module.
        display: The X display that the windows of kind "screen" appear on.
    """

    def __init__(self, module: str, display: str = "") -> None:
        self._module = module
        self._display = display
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._said: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115

    def play(self, name: str, kind: BackendKind, arguments: dict[str, Any]) -> None:
        """Play one scenario; fail or skip the present test as it says."""
        process = self._process or self._start()
        assert process.stdin is not None
        self._said.seek(0)
        self._said.truncate()
        process.stdin.write(json.dumps({"name": name, "arguments": arguments}) + "\n")
        process.stdin.flush()
        answer = self._answers.get()
        if not answer:
            code = process.wait()
            self._process = None
            pytest.fail(f"The process of the window ended with {code} in {name}.\n{self._tail()}", pytrace=False)
        outcome, text = json.loads(answer)
        if outcome == "skipped":
            pytest.skip(text)
        if outcome == "failed":
            self._end()  # it may have left a window open
            pytest.fail(f"{text}\n{self._tail()}", pytrace=False)

    def close(self) -> None:
        """End the process."""
        self._end()
        self._said.close()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _start(self) -> subprocess.Popen[str]:
        environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
        if self._display:
            environment["DISPLAY"] = self._display
        self._process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-m", "tests.ui.crew", self._module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            cwd=ROOT,
            env=environment,
        )
        self._answers = queue.SimpleQueue()
        threading.Thread(target=_pass_on, args=(self._process.stdout, self._answers), daemon=True).start()
        return self._process

    def _tail(self) -> str:
        self._said.seek(0)
        return self._said.read()[-4000:]


def _pass_on(answers: IO[str], into: queue.SimpleQueue[str]) -> None:
    for answer in answers:
        into.put(answer)
    into.put("")


def main(module_name: str) -> None:
    """Play what is asked for, one line each, until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever is printed is no answer
    module = importlib.import_module(module_name)
    for line in sys.stdin:
        wanted = json.loads(line)
        function = getattr(module, wanted["name"])
        faulthandler.dump_traceback_later(LIMIT_SECS, exit=True)
        try:
            if function.setting.stage is None:
                function.__wrapped__(**wanted["arguments"])
            else:
                asyncio.run(_play(function, wanted["arguments"]))
            answer = ("passed", "")
        except pytest.skip.Exception as skipped:
            answer = ("skipped", str(skipped))
        except BaseException as error:
            answer = ("failed", _told(error))
        faulthandler.cancel_dump_traceback_later()
        gc.collect()
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _told(error: BaseException) -> str:
    """Return a traceback from the scenario on; where it goes through tests, with the values of their variables."""
    trace = start = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        if trace.tb_frame.f_code.co_filename == __file__:
            start = trace.tb_next
        trace = trace.tb_next
    shown = traceback.TracebackException(type(error), error, start, capture_locals=True)
    for frame in shown.stack:
        is_test = Path(frame.filename).name.startswith("test_") and frame.name != "<module>"
        frame.locals = {name: value[:200] for name, value in (frame.locals or {}).items()} if is_test else None
    return "".join(shown.format())


async def _play(function: Any, arguments: dict[str, Any]) -> None:
    """Play a scenario on a stage of its own; raise what it raised."""
    from imgui_bundle import hello_imgui, imgui

    from neuralforge.ui.backend import in_turn
    from tests.ui.pilot import Pilot, Setting

    engine_of = imgui.test_engine
    setting: Setting = function.setting
    assert setting.stage is not None
    stage = setting.stage(setting.kind, setting.size_px)
    window = stage.window
    stage.marks.on = True
    window.idles = False
    window.least_frame_secs = TEST_FRAME_SECS
    raised: list[BaseException] = []
    done = threading.Event()

    def body(ctx: imgui.test_engine.TestContext) -> None:
        try:
            function.__wrapped__(Pilot(ctx, stage), **arguments)
        except BaseException as error:
            raised.append(error)
        finally:
            done.set()

    def register() -> None:
        engine = hello_imgui.get_imgui_test_engine()
        io = engine_of.get_io(engine)
        io.config_run_speed = engine_of.TestRunSpeed.fast
        io.config_saved_settings = False
        io.config_mouse_draw_cursor = False
        io.config_watchdog_warning = io.config_watchdog_kill_test = LIMIT_SECS
        test = engine_of.register_test(engine, "pilot", function.__name__)
        test.test_func = body
        engine_of.queue_test(engine, test)

    def look() -> None:
        if done.is_set() and engine_of.is_test_queue_empty(hello_imgui.get_imgui_test_engine()):
            window.shut()

    def adjust(params: hello_imgui.RunnerParams) -> None:
        params.use_imgui_test_engine = True
        params.callbacks.register_tests = register
        params.callbacks.before_imgui_render = in_turn(params.callbacks.before_imgui_render, look)

    window.adjust = adjust
    await stage.run()
    if raised:
        raise raised[0]
    if not done.is_set():
        raise AssertionError("The window was closed before the scenario came to its end.")
    if window.error is not None and not setting.may_fail:
        raise AssertionError("An exception escaped into the window.") from window.error


if __name__ == "__main__":
    main(sys.argv[1])
