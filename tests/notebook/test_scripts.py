"""`neuralforge.open` and `neuralforge.live` in a script: how it ends, and what is kept then."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from neuralforge.runs.reader import RunReader
from tests.notebook.kernel import LIMIT_SECS, surroundings

OPEN = "import neuralforge as nf\nh = nf.open('mlp', data='moons', steps=10**6, window='null').run().wait(step=20)\n"
LIVE = """
import torch
import neuralforge as nf
from torch import nn
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x = torch.randn(160, 4)
batches = list(zip(x.split(16), (x.sum(1) > 0).long().split(16)))
live = nf.live(model, optimizer, lr=(1e-5, 1.0), window="null")
live._station.loop.wait(live._desktop.settled())  # Python that imports more at its end forgets that it was interrupted
def train(each):
    for batch in live(batches * 10**6):
        loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        loss.backward(); optimizer.step(); optimizer.zero_grad()
        live.log(loss=loss)
        if live.steps == 20: print("trains", flush=True)
        if live.steps >= 20: each()
"""


@dataclass(frozen=True)
class Ended:
    """How a script has ended."""

    code: int
    errors: str
    log: RunReader

    @property
    def last(self) -> str:
        """The last line that it has complained with."""
        return (self.errors.strip().splitlines() or [""])[-1]

    @property
    def notes(self) -> list[str]:
        return [event.key for event in self.log.events()]


def play(tmp_path: Path, text: str, send: signal.Signals | None = None) -> Ended:
    """Run a script to its end; a signal is sent to it when it says that it trains."""
    script = tmp_path / "script.py"
    script.write_text(text)
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=surroundings(tmp_path)
    ) as process:
        try:
            assert process.stdout is not None
            if send is not None:
                assert process.stdout.readline() == "trains\n"
                process.send_signal(send)
            _, errors = process.communicate(timeout=LIMIT_SECS)
        except subprocess.TimeoutExpired:
            process.kill()
            pytest.fail(f"The script hangs: {text}\n{process.communicate()}", pytrace=False)
    (folder,) = (path.parent for path in (tmp_path / "runs").glob("*/run.h5"))
    return Ended(process.returncode, errors, RunReader(folder))


def test_an_interrupt_of_the_wait_pauses_the_run(tmp_path: Path) -> None:
    ended = play(tmp_path, OPEN + "print('trains', flush=True); h.wait()", signal.SIGINT)
    assert (ended.code, ended.last, ended.log.status) == (-signal.SIGINT, "KeyboardInterrupt", "paused")


def test_a_script_that_just_ends_pauses_the_run(tmp_path: Path) -> None:
    ended = play(tmp_path, OPEN)
    assert (ended.code, ended.errors, ended.log.status) == (0, "", "paused")


def test_a_coroutine_of_a_script_that_ends_pauses_the_run(tmp_path: Path) -> None:
    ended = play(
        tmp_path,
        "import asyncio, neuralforge as nf\n"
        "async def main():\n"
        "    await nf.open('mlp', data='moons', steps=10**6, window='null').run().until(step=20)\n"
        "asyncio.run(main())",
    )
    assert (ended.code, ended.errors, ended.log.status) == (0, "", "paused")


def test_a_script_that_is_terminated_can_be_gone_on_with(tmp_path: Path) -> None:
    ended = play(tmp_path, OPEN + "print('trains', flush=True); h.wait()", signal.SIGTERM)
    assert (ended.code, ended.errors, ended.log.status) == (-signal.SIGTERM, "", "interrupted")


def test_an_exception_in_a_loop_is_in_the_log(tmp_path: Path) -> None:
    ended = play(tmp_path, LIVE + "train(lambda: 1 / 0)")
    assert (ended.code, ended.last, ended.log.status) == (1, "ZeroDivisionError: division by zero", "failed")
    assert ended.notes == ["failed"]


def test_an_interrupt_of_a_loop_is_in_the_log(tmp_path: Path) -> None:
    ended = play(tmp_path, LIVE + "train(lambda: None)", signal.SIGINT)
    assert (ended.code, ended.last, ended.log.status) == (-signal.SIGINT, "KeyboardInterrupt", "stopped")
    assert ended.notes == ["interrupted"]


def test_an_interrupt_of_the_wait_for_a_thread_ends_it_at_its_boundary(tmp_path: Path) -> None:
    ended = play(tmp_path, LIVE + "live.run(lambda: train(lambda: None)).wait()", signal.SIGINT)
    assert (ended.code, ended.last, ended.log.status) == (-signal.SIGINT, "KeyboardInterrupt", "stopped")


def test_an_interrupt_in_a_frame_or_a_step_is_that_of_whoever_runs_the_loop_and_all_lives_on(tmp_path: Path) -> None:
    ended = play(
        tmp_path,
        "import asyncio, signal, neuralforge as nf\n"
        "loop, sent, heard = asyncio.new_event_loop(), [], 0\n"
        "async def begin():\n"
        "    h = nf.open('mlp', data='moons', steps=10**6, window='null').run()\n"
        "    return await h.until(step=50)\n"
        "h = loop.run_until_complete(begin())\n"
        "for owner, name in ((h._desktop, 'view'), (h._live.run.session.engine.model, 'forward')):\n"
        "    def interrupted(*arguments, usual=getattr(owner, name), owner=owner, name=name):\n"
        "        setattr(owner, name, usual)\n"
        "        sent.append(signal.raise_signal(signal.SIGINT))\n"
        "        return usual(*arguments)\n"
        "    setattr(owner, name, interrupted)\n"
        "    try:\n"
        "        loop.run_until_complete(h.until(step=10**6))\n"
        "    except KeyboardInterrupt:\n"
        "        heard += 1\n"
        "    frames, steps = h._station.window.frames, h.steps\n"
        "    loop.run_until_complete(h._until(lambda: h._station.window.frames > frames + 5 and h.steps > steps + 5))\n"
        "assert (len(sent), heard, h.state, h.is_open) == (2, 2, 'running', True)\n",
    )
    assert (ended.code, ended.errors, ended.log.status) == (0, "", "paused")
