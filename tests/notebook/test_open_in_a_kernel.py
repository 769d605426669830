"""`neuralforge.open` in a notebook's kernel: nothing hangs, and nothing is lost."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from neuralforge.runs.reader import RunReader
from tests.notebook.conftest import USUAL
from tests.notebook.kernel import Kernel

GOES_ON = """
before, frames = h.steps, h._station.window.frames
await h.until(step=before + 20)
await h._until(lambda: h._station.window.frames > frames + 5)
print(h.state, h.is_open)
"""


def newest(runs: Path) -> RunReader:
    return RunReader(max(runs.glob("*/run.h5"), key=lambda path: path.stat().st_mtime_ns).parent)


def steps_of(log: RunReader) -> int:
    return int(log.series("train/loss")[0][-1])


def test_two_lines_are_enough(kernel: Kernel) -> None:
    kernel.ok("import neuralforge as nf\nh = nf.open('small_cnn', data='digits', window='null').run()")
    said = kernel.ok("await h.until(step=20)\nh")
    assert "running" in said.text
    assert "<svg" in said.shown["text/html"]
    kernel.ok("h.close(); await h._station.ended()")


def test_an_interrupt_of_a_cell_that_awaits_leaves_run_and_window_alive(kernel: Kernel) -> None:
    kernel.ok("h = run(); await h.until(step=20)")
    said = kernel.run("print('waits'); await h.until(step=10**6)", interrupt_at="waits")
    assert said.error == "CancelledError"
    assert kernel.ok(GOES_ON).text == "running True\n"


def test_an_interrupt_of_a_blocking_cell_leaves_run_and_window_alive(kernel: Kernel) -> None:
    kernel.ok("h = run(); await h.until(step=20)")
    said = kernel.run("print('sleeps'); time.sleep(600)", interrupt_at="sleeps")
    assert said.error == "KeyboardInterrupt"
    assert kernel.ok(GOES_ON).text == "running True\n"


@pytest.mark.parametrize("where", ["h._desktop.view", "h._live.run.session.engine.model.forward"])
def test_an_interrupt_within_a_frame_or_a_step_is_the_cells(kernel: Kernel, where: str) -> None:
    kernel.ok("h = run(); await h.until(step=20)")
    owner, _, name = where.rpartition(".")
    said = kernel.run(
        f"usual, sent = {where}, []\n"
        "def interrupted(*arguments):\n"
        "    if not sent:\n"
        "        sent.append(signal.raise_signal(signal.SIGINT))\n"
        "    return usual(*arguments)\n"
        f"{owner}.{name} = interrupted\n"
        "await h.until(step=10**6)"
    )
    assert said.error == "CancelledError"
    assert kernel.ok(GOES_ON).text == "running True\n"


def test_an_interrupt_between_two_cells_is_nobodys(kernel: Kernel) -> None:
    kernel.ok("h = run(); await h.until(step=20)")
    door = socket.create_server(("127.0.0.1", 0))
    door.settimeout(60)
    kernel.ok(
        "import socket\n"
        "def interrupt():\n"
        f"    socket.create_connection({door.getsockname()}).close()\n"
        "    signal.raise_signal(signal.SIGINT)\n"
        "def after_the_cell(result):\n"
        "    get_ipython().events.unregister('post_run_cell', after_the_cell)\n"
        "    asyncio.get_running_loop().call_later(0.05, interrupt)\n"
        "get_ipython().events.register('post_run_cell', after_the_cell)"
    )
    with door:
        door.accept()[0].close()  # nothing else of the kernel has its turn before the interrupt that follows
    assert kernel.ok(GOES_ON).text == "running True\n"


def test_a_panel_that_raises_harms_neither_the_others_nor_the_run(kernel: Kernel) -> None:
    kernel.ok("h = run(); await h.until(step=20)")
    said = kernel.ok(
        "host = h._station._shown.host\n"
        "def broken(view): raise ZeroDivisionError('in a panel')\n"
        "host._panels['curves'].draw = broken\n"
        "await h._until(lambda: host.failures)\n"
        "print(list(host.failures))"
    )
    assert said.text == "['curves']\n"
    assert kernel.ok(GOES_ON).text == "running True\n"
    assert kernel.ok("print('knobs' in host._drawn, 'curves' in host._drawn)").text.startswith("True")


def test_an_exception_in_every_frame_ends_the_window_and_pauses_the_run(kernel: Kernel) -> None:
    kernel.ok("h = run(); await h.until(step=20)")
    kernel.below_other_cells = ""
    said = kernel.run(
        "def broken(): raise ZeroDivisionError('gone')\nh._desktop.view = broken\nawait h.until(step=10**6)"
    )
    assert (said.error, said.why) == ("RuntimeError", "The window has ended: ZeroDivisionError: gone")
    assert "The window has ended: ZeroDivisionError: gone" in kernel.below_other_cells
    kernel.ok("await h._station.ended()")
    assert kernel.ok("print(h.state, h.is_open, h.run_log.status)").text == "paused False paused\n"
    assert kernel.ok("h = run(); await h.until(step=20)" + GOES_ON).text == "running True\n"


def test_an_exception_in_the_last_frame_before_a_cell_does_not_end_the_cell(kernel: Kernel) -> None:
    kernel.ok("h = run(); await h.until(step=20)")
    kernel.ok(
        "def broken(): raise ZeroDivisionError('gone')\n"
        "h._station._shown.window._failures = 2\n"
        "h._desktop.view = broken"
    )
    assert "Traceback" not in kernel.ok("print('a cell')").text
    kernel.ok("await h._station.ended()")
    assert kernel.ok("print(h.state, h.is_open)").text == "paused False\n"


def test_a_window_that_is_closed_by_hand_lets_the_waiting_cell_return(kernel: Kernel) -> None:
    kernel.ok("h = run(); await h.until(step=20)")
    said = kernel.ok(
        "def by_hand():\n"
        "    h._station.window.ask_to_close()\n"  # what its button does; it asks, since a run trains
        "    asyncio.get_running_loop().call_later(0.1, h._desktop.carry_out, [do.Answer(0)])\n"
        "asyncio.get_running_loop().call_later(0.1, by_hand)\n"
        "await h.until(step=10**6)\n"
        "print(h.is_open)"
    )
    assert said.text == "False\n"
    kernel.ok("await h._station.ended()")
    assert kernel.ok("print(h.state, h.run_log.status)").text == "paused paused\n"
    assert kernel.ok("h = run(); await h.until(step=20)" + GOES_ON).text == "running True\n"


def test_a_second_one_replaces_the_first_and_says_so(kernel: Kernel) -> None:
    first = kernel.ok("first = run(); await first.until(step=20)\nprint(first.run_log.folder.name)").text.split()[-1]
    said = kernel.ok("h = run(); await h.until(step=20)")
    assert "The window that was open is closed" in said.text
    assert f"Its run {first} is paused" in said.text
    assert (
        kernel.ok("await first._station.ended(); print(first.is_open, first.run_log.status)").text == "False paused\n"
    )
    assert kernel.ok(GOES_ON).text == "running True\n"
    kernel.ok("h.close()")
    assert kernel.ok("h = run(); await h.until(step=20)" + GOES_ON).text == "running True\n"


def test_the_last_frame_before_a_blocking_cell_says_that_the_window_waits(kernel: Kernel) -> None:
    kernel.ok(
        "h = run(); await h.until(step=20)\n"
        "usual, seen = h._desktop.view, []\n"
        "def look():\n"
        "    seen.append(usual())\n"
        "    return seen[-1]\n"
        "h._desktop.view = look"
    )
    said = kernel.ok(
        "frames = h._station.window.frames; time.sleep(0.3)\nprint(h._station.window.frames - frames, seen[-1].busy)"
    )
    assert said.text == "0 ('A cell runs, and the window waits for it',)\n"
    kernel.ok("await h._until(lambda: h._station.window.frames > frames + 10)")
    assert kernel.ok("await asyncio.sleep(0.1); print(seen[-1].busy)").text == "()\n"


def test_a_restart_pauses_the_run_and_a_kill_interrupts_it_and_both_can_be_gone_on_with(kernel: Kernel) -> None:
    kernel.ok("h = run(); await h.until(step=20)")
    kernel.restart()
    paused = newest(kernel.runs)
    assert paused.status == "paused"
    steps = steps_of(paused)
    assert steps >= 20
    kernel.ok(USUAL)
    said = kernel.run(
        "h = run(); await h.until(step=20)\n"
        "await h._until(lambda: len(h.run_log.series('train/loss')[0]) >= 20)\n"  # they are on the disk
        "print('trains'); await h.until(step=10**6)",
        kill_at="trains",
    )
    assert not said.error
    kernel.restart()
    killed = newest(kernel.runs)
    assert killed.folder != paused.folder
    assert killed.status == "interrupted"
    assert steps_of(killed) >= 20
    kernel.ok(USUAL)
    assert kernel.ok("h = run(); await h.until(step=20)" + GOES_ON).text == "running True\n"
    kernel.ok("h.close(); await h._station.ended()\nfrom neuralforge.train import launch")
    steps_by = {paused.folder: steps, killed.folder: 0}  # no checkpoint was due yet
    for log in (paused, killed):
        said = kernel.ok(
            f"resumed = launch.resume(Path({str(log.folder)!r})).session\n"
            "print(resumed.step, next(resumed.steps()).kind)\nresumed.end('paused')"
        )
        assert int(said.text.split()[0]) == steps_by[log.folder]
        assert RunReader(log.folder).status == "paused"


def test_what_is_refused_is_shown_with_the_lines_of_ones_own_code_alone(kernel: Kernel, tmp_path: Path) -> None:
    (tmp_path / "own_steering.py").write_text("async def warm_up(h):\n    await h.until(state='warm')\n")
    kernel.ok(f"h = run(); await h.until(step=20)\nsys.path.insert(0, {str(tmp_path)!r})\nimport own_steering")
    said = kernel.run("goal = 99_000\nh.knobs.lr = goal")
    assert re.fullmatch(r"Cell In\[\d+\], line 2", said.traceback[0])
    assert said.traceback[1:] == ["    h.knobs.lr = goal", f"Refused: {said.why}"]
    said = kernel.run("async def both():\n    await own_steering.warm_up(h)\nawait both()")
    assert [re.sub(r"\d+\]", "]", line) for line in said.traceback] == [
        "Cell In[], line 3",
        "    await both()",
        "Cell In[], line 2, in both",
        "    await own_steering.warm_up(h)",
        f"File {tmp_path}/own_steering.py, line 2, in warm_up",
        "    await h.until(state='warm')",
        f"UserError: {said.why}",
    ]
    other = kernel.run("h.knobs['warmth']")
    assert other.error == "KeyError" and any("knobs.py" in line for line in other.traceback)


def test_an_error_of_the_plan_shows_the_cell_that_asks_now(kernel: Kernel) -> None:
    kernel.ok("h = nf.open('resnet18', data='moons', window='null')")
    for line in ("h.knobs.lr", "h.knobs.lr", "await h.until()"):
        said = kernel.run(line)
        assert said.error == "UserError"
        assert [shown.strip() for shown in said.traceback[1:]] == [line, f"UserError: {said.why}"]
    kernel.ok("h.close(); await h._station.ended()")


def test_what_cannot_be_trained_is_said_though_no_cell_asks(kernel: Kernel) -> None:
    said = kernel.ok(
        "import asyncio, neuralforge.app.notebook.handle as module\n"
        "told, tell = [], module.tell\n"
        "module.tell = lambda sentence: (tell(sentence), told.append(sentence))\n"
        "h = nf.open('small_cnn', data='spirals', window='null').run()\n"
        "while not told: await asyncio.sleep(0.02)"
    )
    assert said.text.startswith("neuralforge: ")
    failed = kernel.run("await h.until()")
    assert failed.error == "UserError" and failed.why in said.text
    quiet = kernel.run("h = nf.open('small_cnn', data='spirals', window='null').run()\nawait h.until()")
    assert quiet.error == "UserError"
    assert kernel.ok("print(len(told), h._error)").text == "1 None\n", "what a cell has raised is not said again"
