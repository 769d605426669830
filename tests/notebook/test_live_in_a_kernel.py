"""A loop of one's own in a notebook's kernel: nothing hangs, and nothing is lost."""

from __future__ import annotations

import pytest

from tests.notebook.kernel import Kernel, Said

OWN = """
import torch
from torch import nn
if "live" in globals():
    live.close()
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
x = torch.randn(160, 4)
batches = list(zip(x.split(16), (x.sum(1) > 0).long().split(16)))
def turn(batch):
    loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
    loss.backward(); optimizer.step(); optimizer.zero_grad()
    live.log(loss=loss)
live = nf.live(model, optimizer, lr=(1e-5, 1.0), momentum=(0.0, 0.99), window="null")
window = live._station.window
def says(): print(live.state, live.steps, live.is_open, [event.key for event in live.events])
"""

ROUND = "{how} batch in live({data}):\n    turn(batch)\n    {each}\n"


@pytest.fixture
def own(kernel: Kernel) -> Kernel:
    kernel.ok(OWN)
    return kernel


def loop(how: str, each: str = "", data: str = "batches * 10**6") -> str:
    return ROUND.format(how=how, data=data, each=each or "pass")


def both() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("how", ["async for", "for"])


def state(kernel: Kernel) -> tuple[str, int, bool, list[str]]:
    said = kernel.ok("says()").text.split(maxsplit=3)
    return said[0], int(said[1]), said[2] == "True", eval(said[3])


def goes_round_again(kernel: Kernel, how: str) -> None:
    before = state(kernel)[1]
    kernel.ok(loop(how, data="batches"))
    after = state(kernel)
    assert (after[0], after[2]) == ("running", True)
    assert after[1] == before + 10


@both()
def test_frames_are_drawn_while_the_loop_goes_round(own: Kernel, how: str) -> None:
    said = own.ok("frames = window.frames\n" + loop(how, "if window.frames > frames + 10: break"))
    assert not said.error
    goes_round_again(own, how)


@both()
def test_a_frame_that_is_due_is_drawn_before_the_next_turn(own: Kernel, how: str) -> None:
    until_due = "while time.monotonic() < max(window._due_secs, live._session.due_secs): pass"
    own.ok("import time\ndrawn = []\n" + loop(how, f"{until_due}\n    drawn.append(window.frames)", data="batches"))
    drawn = eval(own.ok("print(drawn)").text)
    assert len(drawn) == 10
    assert len(set(drawn)) == 10, drawn


@pytest.mark.parametrize(
    ("how", "where"),
    [
        ("for", "time.sleep(600)"),
        ("async for", "await asyncio.sleep(600)"),  # a cell that awaits cannot be interrupted in a blocking call
        *((how, where) for how in ("for", "async for") for where in ("pass", "in a frame", "between two turns")),
    ],
)
def test_an_interrupt_pauses_the_loop_and_the_next_cell_goes_on(own: Kernel, how: str, where: str) -> None:
    inside = {
        "in a frame": "seen or setattr(live._desktop, 'view', interrupted)",
        "between two turns": "seen or setattr(live._session, '_boundary', interrupted)",
    }
    said = own.run(
        f"before, view, seen = live._session._boundary, live._desktop.view, []\n"
        "def interrupted(*given):\n"
        "    live._session._boundary, live._desktop.view = before, view\n"
        "    seen.append(1); signal.raise_signal(signal.SIGINT)\n"
        f"    return {'before' if where == 'between two turns' else 'view'}(*given)\n"
        + loop(how, f"if live.steps == 20: print('turns')\n    if live.steps >= 20: {inside.get(where, where)}"),
        interrupt_at="" if where in inside else "turns",
    )
    assert said.error in ("CancelledError", "KeyboardInterrupt"), said
    after = state(own)
    assert after[0] == "paused"
    assert after[1] >= 20
    assert after[2]
    assert after[3].count("interrupted") == 1
    goes_round_again(own, how)


@both()
def test_an_exception_in_the_body_is_noted_once_and_the_loop_can_be_begun_again(own: Kernel, how: str) -> None:
    said = own.run(loop(how, "if live.steps == 5: 1 / 0"))
    assert said.error == "ZeroDivisionError"
    assert state(own)[::3] == ("failed", ["failed"])
    own.run("1 / 0")  # has nothing to do with it
    assert state(own)[3] == ["failed"]
    assert "ZeroDivisionError" in own.ok("live").text
    goes_round_again(own, how)


@both()
def test_a_loop_that_is_left_can_be_begun_again_in_the_same_cell(own: Kernel, how: str) -> None:
    said = own.run(loop(how, "if live.steps == 5: break") + loop(how, "if live.steps == 9: break") + "1 / 0")
    assert said.error == "ZeroDivisionError"
    own.ok("await asyncio.sleep(0)")
    goes_round_again(own, how)


@both()
def test_an_error_of_another_cell_is_not_that_of_the_loop(own: Kernel, how: str) -> None:
    own.ok(loop(how, "if live.steps == 5: break"))
    own.run("1 / 0")
    assert state(own)[::3] == ("running", [])


def test_an_error_beside_a_loop_in_a_task_leaves_it_alone_and_one_in_the_task_is_noted(own: Kernel) -> None:
    own.ok(
        "stops = []\n"
        "async def train():\n"
        "    async for batch in live(batches * 10**6):\n"
        "        turn(batch)\n"
        "        if stops: raise LookupError('in the task')\n"
        "task = asyncio.create_task(train())\n"
        "await live.until(step=20)"
    )
    assert own.run("1 / 0").error == "ZeroDivisionError"
    assert own.run("n = live.steps; await live.until(step=n + 20)").error == ""
    assert state(own)[::3] == ("running", [])
    own.ok("stops.append(1); await asyncio.wait({task})")
    assert state(own)[::3] == ("failed", ["failed"])
    goes_round_again(own, "async for")


def test_a_loader_that_raises_is_noted(own: Kernel) -> None:
    said = own.run(
        "def load():\n    yield batches[0]\n    raise OSError('no such file')\n" + loop("for", data="load()")
    )
    assert said.error == "OSError"
    assert state(own)[::3] == ("failed", ["failed"])
    goes_round_again(own, "for")


def test_a_loss_that_is_not_finite_pauses_and_the_loop_can_be_gone_on_with(own: Kernel) -> None:
    own.ok(
        "async def train():\n"
        "    async for batch in live(batches * 10**6):\n"
        "        live.log(loss=float('nan') if live.steps == 5 else 1.0)\n"
        "task = asyncio.create_task(train())\n"
        "await live.until(state='paused')"
    )
    assert "The loss of step 6 is not finite" in own.ok("live").text
    own.ok("n = live.steps; live.resume(); await live.until(step=n + 5); live.stop(); await task")
    assert state(own)[0] == "stopped"


def test_pause_step_and_stop_from_another_cell(own: Kernel) -> None:
    said = own.ok(
        "async def train():\n    " + loop("async for").replace("\n", "\n    ") + "\n"
        "task = asyncio.create_task(train())\n"
        "await live.until(step=10); live.pause(); await live.until(state='paused'); n = live.steps\n"
        "frames = window.frames; await live._until(lambda: window.frames > frames + 10); print(live.steps - n)\n"
        "live.step(3); await live.until(state='paused'); print(live.steps - n)\n"
        "live.knobs.lr = 0.02; live.step(); await live.until(state='paused'); print(optimizer.param_groups[0]['lr'])\n"
        "live.stop(); await task; print(live.state)"
    )
    assert said.text.split() == ["0", "3", "0.02", "stopped"]


def long_steps(own: Kernel) -> Said:
    return own.ok(
        "def train():\n"
        "    for batch in live(batches[:5]):\n"
        "        time.sleep(0.3); turn(batch)\n"
        "    return 'done'\n"
        "frames = window.frames\n"
        "print(await live.run(train), (window.frames - frames) / 5)"
    )


def test_long_steps_in_a_thread_leave_the_window_its_frames(own: Kernel) -> None:
    result, frames_a_step = long_steps(own).text.split()
    assert result == "done"
    assert float(frames_a_step) > 5  # 18 at full rate; 1 where the steps hold up the window
    said = own.ok(
        "frames = window.frames\n"
        "for batch in live(batches[:3]):\n"
        "    time.sleep(0.3); turn(batch)\n"
        "print(window.frames - frames)"
    )
    assert int(said.text) <= 5


def test_an_interrupt_of_the_wait_for_a_thread_pauses_the_loop(own: Kernel) -> None:
    own.ok("def train():\n    " + loop("for").replace("\n", "\n    "))
    said = own.run(
        "running = live.run(train)\nawait live.until(step=20); print('turns'); await running", interrupt_at="turns"
    )
    assert said.error == "CancelledError"
    own.ok("await live.until(state='paused')")
    before = state(own)[1]
    own.ok("frames = window.frames; await live._until(lambda: window.frames > frames + 10)")
    assert state(own)[:2] == ("paused", before)
    own.ok(f"live.resume(); await live.until(step={before + 20}); live.stop(); await running")
    assert state(own)[0] == "stopped"


@both()
def test_a_window_that_is_closed_by_hand_lets_the_loop_go_on(own: Kernel, how: str) -> None:
    close = "live.steps == 20 and live._desktop.carry_out([do.Forced(do.Quit())])"
    own.ok(loop(how, close + "\n    if not window.is_open and live.steps > 500: break"))
    assert own.ok("print(window.is_open, live.is_open)").text == "False True\n"
    goes_round_again(own, how)
    own.ok("live.close()")
    assert own.ok("await live._station.ended(); print(live.run_log.status)").text == "completed\n"


@both()
def test_an_exception_in_every_frame_ends_the_window_and_the_loop_goes_on(own: Kernel, how: str) -> None:
    break_it = "if live.steps == 20: setattr(live._desktop, 'view', lambda: 1 / 0)"
    said = own.ok(loop(how, break_it + "\n    if not window.is_open and live.steps > 500: break"))
    assert "The window has ended: ZeroDivisionError" in said.text + own.below_other_cells
    goes_round_again(own, how)


@both()
def test_a_paused_loop_without_a_window_says_so_in_its_cell_and_waits_in_a_task(kernel: Kernel, how: str) -> None:
    kernel.ok(OWN.replace('window="null"', 'window="none"').replace("window = live._station.window\n", ""))
    kernel.ok("live.pause()")
    said = kernel.run(loop(how))
    assert said.error == "UserError" and "nothing can let it go on but live.resume()" in said.why
    kernel.ok("live.resume()")
    kernel.ok(loop(how, data="batches"))
    assert state(kernel)[:2] == ("running", 10)
    if how == "async for":
        kernel.ok("async def train():\n    async for batch in live(batches * 10**6): turn(batch)")
        kernel.ok("import asyncio; live.pause(); task = asyncio.create_task(train())")
        assert kernel.ok("await asyncio.sleep(0.1); print(task.done(), live.state)").text == "False paused\n"
        kernel.ok("live.resume()")
        kernel.ok("await live.until(step=30)")
        kernel.ok("live.stop(); await task")
