"""`neuralforge.open` at Python's prompt and at those of IPython: the window lives while a prompt waits for a line."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

from neuralforge.runs.reader import RunReader
from tests.notebook.kernel import LIMIT_SECS, surroundings

COMMANDS = {
    "python": ["-i", "-q"],
    "ipython --simple-prompt": ["-m", "IPython", "--simple-prompt", "--no-banner", "--no-confirm-exit"],
    "ipython": ["-m", "IPython", "--no-banner", "--no-confirm-exit", "--colors=NoColor"],
}


class Prompt:
    """An interactive Python in a terminal."""

    def __init__(self, name: str, home: Path) -> None:
        self.name = name
        self.runs = home / "runs"
        self._lines = 0
        environment = {**surroundings(home), "PROMPT_TOOLKIT_NO_CPR": "1"}
        self.process: Any = pexpect.spawn(
            sys.executable, COMMANDS[name], env=environment, encoding="utf-8", timeout=LIMIT_SECS, dimensions=(40, 200)
        )
        self._await_prompt()

    def _await_prompt(self) -> str:
        """Wait for the prompt, and return what came before it."""
        self._lines += 1
        self.process.expect_exact(">>> " if self.name == "python" else f"In [{self._lines}]:")
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\r", "", self.process.before)

    def type(self, line: str, interrupt_at: str = "") -> str:
        """Type a line, and return what was printed until the next prompt; the line itself is in it too.

        Args:
            line: The line.
            interrupt_at: Ctrl+C is pressed when it has printed this. In the line, it must not stand as it is.
        """
        self.process.send(line + ("\r" if self.name == "ipython" else "\n"))
        if interrupt_at:
            self.process.expect_exact(interrupt_at)
            self.process.sendintr()
        return self._await_prompt()

    def until(self, goal: str) -> str:
        """Return the code that waits for something."""
        return f"h.wait({goal})" if self.name == "python" else f"await h.until({goal})"


@pytest.fixture(params=COMMANDS)
def prompt(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Prompt]:
    made = Prompt(request.param, tmp_path)
    yield made
    made.process.close(force=True)


def sees_frames(prompt: Prompt) -> None:
    """Let frames be drawn while the prompt waits: the loop itself says so when there were enough."""
    prompt.type("frames, steps = w.frames, h.steps")
    prompt.process.send("task = loop.create_task(watch())" + ("\r" if prompt.name == "ipython" else "\n"))
    if "[frames and steps came]" not in prompt._await_prompt():
        prompt.process.expect_exact("[frames and steps came]")


def test_the_window_lives_while_a_prompt_waits(prompt: Prompt) -> None:
    prompt.type("import asyncio, time, neuralforge as nf")
    prompt.type("h = nf.open('mlp', data='moons', steps=10**6, window='null').run()")
    assert "[running]" in prompt.type(prompt.until("step=20") + "; print(f'[{h.state}]')")
    prompt.type("w = h._station.window; loop = h._station.loop.loop")
    prompt.type(
        "exec('''async def watch():\\n  while w.frames < frames + 10 or h.steps < steps + 20: await asyncio.sleep(0.01)"
        "\\n  print('[frames and ' + 'steps came]', flush=True)''')"
    )
    sees_frames(prompt)

    prompt.type("h.knobs.lr = 0.0123")
    assert "[0.0123]" in prompt.type("print(f'[{h.knobs.lr}]')")

    said = prompt.type("print('wai' + 'ts'); " + prompt.until("step=10**6"), interrupt_at="waits")
    assert "KeyboardInterrupt" in said or "CancelledError" in said
    assert "[running True]" in prompt.type("print(f'[{h.state} {h.is_open}]')")
    sees_frames(prompt)

    said = prompt.type("print('slee' + 'ps'); time.sleep(600)", interrupt_at="sleeps")
    assert "KeyboardInterrupt" in said
    sees_frames(prompt)

    prompt.type("h.close()")
    assert "[paused False]" in prompt.type("print(f'[{h.state} {h.is_open}]')")
    prompt.type("h = nf.open('mlp', data='moons', steps=10**6, window='null').run()")
    prompt.type(prompt.until("step=20") + "; w = h._station.window")
    sees_frames(prompt)

    prompt.process.send("exit()" + ("\r" if prompt.name == "ipython" else "\n"))
    prompt.process.expect(pexpect.EOF)
    prompt.process.wait()
    assert (prompt.process.exitstatus, prompt.process.signalstatus) == (0, None)
    assert "Traceback" not in prompt.process.before
    statuses = [RunReader(path.parent).status for path in prompt.runs.glob("*/run.h5")]
    assert statuses == ["paused", "paused"]


@pytest.mark.parametrize("prompt", ["python", "ipython --simple-prompt"], indirect=True)
def test_an_interrupt_while_the_prompt_waits_is_the_prompts(prompt: Prompt) -> None:
    prompt.type("import asyncio, neuralforge as nf")
    prompt.type("h = nf.open(window='null')")
    prompt.type("loop = h._station.loop.loop")
    for _ in range(3):
        prompt.process.send("_ = loop.call_soon(loop.call_later, 0.01, print, '[wai' 'ts]')\n")
        prompt._await_prompt()
        prompt.process.expect_exact("[waits]")  # the prompt runs the loop
        prompt.process.sendintr()
        prompt.process.expect_exact("KeyboardInterrupt")
        if prompt.name != "python":
            prompt._lines -= 1  # IPython asks for the same cell again
        prompt._await_prompt()
    assert "[True]" in prompt.type("print(f'[{h.is_open}]')")
    assert "Exception ignored" not in prompt.type("h.close()")
