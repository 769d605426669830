"""A loop of one's own with knobs, a log and controls around it; without a window."""

from __future__ import annotations

import asyncio
import linecache
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import neuralforge
from neuralforge.app.notebook.live import Live
from neuralforge.app.rundesk import read_run
from neuralforge.errors import UserError
from neuralforge.runs.reader import RunReader
from neuralforge.train import launch, own_loop
from neuralforge.workbench.knobs import Refused

Batch = tuple[Tensor, Tensor]


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))


@pytest.fixture
def batches() -> list[Batch]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(160, 4, generator=generator)
    return list(zip(x.split(16), (x.sum(1) > 0).long().split(16), strict=True))


class Net(nn.Module):
    """A model whose class is in the log."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(4, 8)
        self.head = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.body(x)))


def parts() -> tuple[Net, torch.optim.SGD]:
    torch.manual_seed(1)
    model = Net()
    return model, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def turn(model: nn.Module, optimizer: torch.optim.Optimizer, batch: Batch) -> Tensor:
    loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    model, optimizer = parts()
    made = neuralforge.live(
        model, optimizer, lr=(1e-5, 1.0), momentum=(0.0, 0.99), window="none", runs=tmp_path / "runs"
    )
    yield made
    made.close()


def go_round(live: Live, batches: list[Batch], each: Callable[[int], None] = lambda step: None) -> None:
    for batch in live(batches):
        each(live.steps + 1)
        live.log(loss=turn(live.model, live._session.optimizer, batch))


def events(live: Live) -> list[tuple[str, str, object, int | None]]:
    return [(event.operation, event.key, event.new, event.applied_step) for event in live.events]


def test_the_weights_are_those_of_the_bare_loop(live: Live, batches: list[Batch]) -> None:
    for _ in range(3):
        go_round(live, batches)
    model, optimizer = parts()
    losses = [turn(model, optimizer, batch).item() for _ in range(3) for batch in batches]
    assert all(torch.equal(a, b) for a, b in zip(live.model.parameters(), model.parameters(), strict=True))
    assert live.metrics["train/loss"].values.tolist() == losses
    assert live.metrics["train/loss"].steps.tolist() == list(range(1, 31))


@pytest.mark.parametrize("in_thread", [False, True])
def test_whoever_looks_within_the_loop_sees_all_turns_before(
    live: Live, batches: list[Batch], monkeypatch: pytest.MonkeyPatch, in_thread: bool
) -> None:
    monkeypatch.setattr(own_loop, "_FULL_SECS", 1e9)
    seen: list[tuple[int, int]] = []

    def each(step: int) -> None:
        if step in (4, 5, 9):
            seen.append((step, len(live.metrics["train/loss"].values)))
            assert f"train/loss {live.metrics.last['train/loss']:.4g}"[:14] in repr(live)

    if in_thread:
        live.run(lambda: go_round(live, batches, each)).wait()
    else:
        go_round(live, batches, each)
    assert seen == [(4, 3), (5, 4), (9, 8)]
    assert len(live.metrics["train/loss"].values) == 10


def test_a_knob_is_in_force_from_the_next_turn_on(live: Live, batches: list[Batch]) -> None:
    seen: dict[int, float] = {}

    def each(step: int) -> None:
        seen[step] = live._session.optimizer.param_groups[0]["lr"]
        if step == 4:
            live.knobs.lr = 0.02

    go_round(live, batches, each)
    assert (seen[4], seen[5]) == (0.1, 0.02)
    assert ("set", "lr", 0.02, 5) in events(live)
    with pytest.raises(Refused, match="from 1e-05 to 1"):
        live.knobs.lr = 7
    with pytest.raises(Refused, match="weight_decay"):
        live.knobs.weight_decay = 0.1
    assert live.lr == 0.02


def test_a_knob_of_ones_own_is_read_as_an_attribute(live: Live, batches: list[Batch]) -> None:
    live.knob("temperature", 1.0, 0.1, 5.0)
    live.knob("noisy", False)
    assert (live.temperature, live.noisy) == (1.0, False)
    live.knobs.temperature = 2.5
    live.knobs["noisy"] = True
    assert (live.temperature, live.noisy) == (2.5, True), "between two loops is a boundary"
    for _ in live(batches[:1]):
        assert (live.temperature, live.noisy) == (2.5, True)
    with pytest.raises(AttributeError, match="There are: lr, momentum, temperature, noisy"):
        _ = live.warmth
    with pytest.raises(UserError, match="cannot be named pause"):
        live.knob("pause", 1.0, 0.0, 2.0)


def test_a_stop_ends_the_loop_and_a_close_the_run(live: Live, batches: list[Batch]) -> None:
    go_round(live, batches, lambda step: live.stop() if step == 3 else None)
    assert live.steps == 3
    live.log({"validation/loss": 0.5})
    live.close()
    assert live.run_log.status == "stopped"
    assert live.metrics["validation/loss"].values.tolist() == [0.5]
    with pytest.raises(UserError, match="over"):
        go_round(live, batches)


def test_after_a_stop_a_loop_says_once_that_it_makes_no_turns(
    live: Live, batches: list[Batch], capsys: pytest.CaptureFixture[str]
) -> None:
    live.stop()
    for _ in range(3):
        go_round(live, batches)
    assert live.steps == 0
    assert capsys.readouterr().out == "The loop was stopped, so it makes no turns; live.resume() lets it go on.\n"
    live.resume()
    go_round(live, batches)
    assert live.steps == 10 and not capsys.readouterr().out
    live.stop()
    go_round(live, batches)
    assert capsys.readouterr().out.startswith("The loop was stopped")
    live.resume()
    go_round(live, batches, lambda step: live.stop() if step == 13 else None)
    assert live.steps == 13 and not capsys.readouterr().out
    go_round(live, batches)
    assert capsys.readouterr().out.startswith("The loop was stopped")


def test_between_two_loops_it_says_so(live: Live, batches: list[Batch]) -> None:
    seen = []
    go_round(live, batches, lambda step: seen.append((repr(live), live._run.view(False).between_loops)))
    assert all(" | running | " in text and not between for text, between in seen)
    assert " | between loops | step 10 | " in repr(live) and live._run.view(False).between_loops
    live.close()
    assert " | completed | " in repr(live) and not live._run.view(False).between_loops


def test_a_script_waits_for_a_loop_in_its_thread(live: Live, batches: list[Batch]) -> None:
    assert live.wait() is live, "there is no window, and nothing goes on"
    running = live.run(lambda: [go_round(live, batches) for _ in range(3)])
    assert live.wait(step=12).steps >= 12
    live.wait()
    assert running.done and live.steps == 30
    with pytest.raises(UserError, match="Nothing goes on that could be waited for"):
        live.wait(step=40)


def test_a_stop_between_two_loops_is_how_the_run_ends(live: Live, batches: list[Batch]) -> None:
    go_round(live, batches)
    live.stop()
    assert live.state == "stopped"
    live.close()
    assert live.run_log.status == "stopped"
    assert [event.status for event in live.events if event.key == "stop"] == ["applied"]


def test_a_paused_loop_in_a_thread_goes_on_when_the_script_says_so(live: Live, batches: list[Batch]) -> None:
    running = live.run(lambda: [go_round(live, batches * 20) for _ in range(1)])
    live.pause()
    live._station.loop.wait(live.until(state="paused"))
    at = live.steps
    live.resume()
    assert live.wait(step=at + 5).steps > at
    live.pause()
    with pytest.raises(UserError, match="nothing can let it go on"):
        running.wait()


def test_what_is_wrong_is_said_before_the_window_that_is_open_is_closed(live: Live, tmp_path: Path) -> None:
    model, optimizer = parts()
    with pytest.raises(UserError, match="has no 'lrr'"):
        neuralforge.live(model, optimizer, lrr=(1, 2), window="none", runs=tmp_path / "runs")
    with pytest.raises(UserError, match=r"holds none of the 4 parameters of the model; .*SGD\(model.parameters"):
        neuralforge.live(model, parts()[1], window="none", runs=tmp_path / "runs")
    assert live.is_open and live.state == "ready"


def test_an_optimizer_may_hold_other_weights_too(tmp_path: Path) -> None:
    model, other = parts()[0], nn.Linear(2, 2)
    both = torch.optim.SGD([*model.head.parameters(), *other.parameters()], lr=0.1)
    for trained, optimizer in ((model, both), (nn.ReLU(), parts()[1])):
        made = neuralforge.live(trained, optimizer, window="none", runs=tmp_path / "runs")
        assert made.model is trained
        made.close()


def test_what_is_logged_outside_of_a_loop_makes_no_turn(live: Live, batches: list[Batch]) -> None:
    go_round(live, batches)
    live.log({"test/loss": 1.0})
    for _ in live(batches):
        break
    assert live.steps == 10
    with pytest.raises(UserError, match=r"takes a function .* Received: 3"):
        live.run(3)  # type: ignore[arg-type]


def test_a_loop_that_ran_to_its_end_is_completed(live: Live, batches: list[Batch]) -> None:
    go_round(live, batches)
    live.close()
    log = live.run_log
    assert (log.status, log.attributes["kind"], log.attributes["replayable"]) == ("completed", "own loop", False)
    assert "class Net" in log.source
    assert "def test_a_loop_that_ran_to_its_end_is_completed" in log.source
    with pytest.raises(UserError, match="not drawn here"):
        launch.replay(log.folder)
    opened = read_run(log.folder).view(False)
    assert (opened.state, opened.progress.step, opened.own_loop, opened.can_resume) == ("completed", 10, True, False)


def test_pause_and_step_in_a_notebook(live: Live, batches: list[Batch]) -> None:
    async def cell() -> list[int]:
        seen: list[int] = []

        async def loop() -> None:
            async for batch in live(batches * 5):
                live.log(loss=turn(live.model, live._session.optimizer, batch))
                await asyncio.sleep(0)

        task = asyncio.get_running_loop().create_task(loop())
        await live.until(step=3)
        live.pause()
        await live.until(state="paused")
        seen.append(live.steps)
        live.step(4)
        await live.until(state="paused")
        seen.append(live.steps - seen[0])
        live.resume()
        await task
        seen.append(live.steps)
        return seen

    assert asyncio.run(cell())[1:] == [4, 50]


def test_a_paused_loop_that_nobody_could_resume_says_so(live: Live, batches: list[Batch]) -> None:
    with pytest.raises(UserError, match="without a window"):
        go_round(live, batches, lambda step: live.pause() if step == 2 else None)
    live.resume()
    go_round(live, batches)
    assert live.steps == 12


def test_a_loss_that_is_not_finite_is_said(live: Live, batches: list[Batch]) -> None:
    with pytest.raises(UserError, match="loss of step 2 is not finite"):
        for _ in live(batches):
            live.log(loss=float("nan") if live.steps == 1 else 1.0)


def test_an_exception_in_the_loop_is_in_the_log_and_the_loop_can_be_gone_round_again(
    live: Live, batches: list[Batch]
) -> None:
    try:
        for batch in live(batches):
            live.log(loss=turn(live.model, live._session.optimizer, batch))
            if live.steps == 2:
                raise ZeroDivisionError("by hand")
    except ZeroDivisionError as error:
        live._after_code(error)  # as IPython's shell, or the interpreter, tells of what nobody has caught
    assert live.state == "failed"
    assert "by hand" in repr(live)
    go_round(live, batches)
    assert live.state == "running"
    assert any(key == "failed" for _, key, _, _ in events(live))


def test_an_interrupt_pauses_and_the_next_loop_goes_on(live: Live, batches: list[Batch]) -> None:
    try:
        for batch in live(batches):
            live.log(loss=turn(live.model, live._session.optimizer, batch))
            if live.steps == 2:
                raise KeyboardInterrupt
    except KeyboardInterrupt as error:
        live._after_code(error)
    assert live.state == "paused"
    go_round(live, batches)
    assert live.state == "running"


def test_a_turn_that_logged_counts_where_the_loop_is_broken_off(live: Live, batches: list[Batch]) -> None:
    for batch in live(batches):
        live.log(loss=turn(live.model, live._session.optimizer, batch))
        if live.steps == 4:
            break
    assert live.steps == 5
    for _ in live(batches):
        break
    assert live.steps == 5
    assert len(live.metrics["train/loss"].steps) == 5


@pytest.mark.parametrize("window", ["none", "null"])
def test_a_loop_on_another_event_loop_is_refused_where_a_window_would_stand_still(
    window: str, batches: list[Batch], tmp_path: Path
) -> None:
    live = neuralforge.live(*parts(), window=window, runs=tmp_path / "runs")

    async def plain() -> None:
        go_round(live, batches)

    async def awaited() -> None:
        async for batch in live(batches):
            live.log(loss=turn(live.model, live._session.optimizer, batch))

    for way in (plain, awaited):
        if window == "null":
            with pytest.raises(UserError, match="opened on another event loop"):
                asyncio.run(way())
        else:
            asyncio.run(way())
    assert live.steps == (0 if window == "null" else 20)
    go_round(live, batches[:1])
    live.close()


def test_one_loop_at_a_time(live: Live, batches: list[Batch]) -> None:
    with pytest.raises(UserError, match="one `for` at a time"):
        for _ in live(batches):
            for _ in live(batches):
                pass


def test_a_loop_in_a_thread(live: Live, batches: list[Batch]) -> None:
    threads: list[int] = []

    def train() -> int:
        threads.append(threading.get_ident())
        go_round(live, batches)
        return live.steps

    running = live.run(train)
    assert running.wait() == 10
    assert running.done
    assert threads[0] != threading.get_ident()

    def diverge() -> None:
        for _ in live(batches):
            live.log(loss=float("nan"))

    with pytest.raises(UserError, match="not finite"):
        live.run(diverge).wait()


def test_an_exception_in_a_thread_comes_out_of_the_wait(live: Live) -> None:
    def train() -> None:
        for _ in live([1, 2]):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        live.run(train).wait()
    assert live.state == "failed"


def test_closing_ends_a_loop_in_a_thread_at_its_boundary(live: Live, batches: list[Batch]) -> None:
    begun, closing = threading.Event(), threading.Event()

    def train() -> None:
        for batch in live(batches * 1000):
            live.log(loss=turn(live.model, live._session.optimizer, batch))
            begun.set()
            closing.wait(10)

    running = live.run(train)
    begun.wait(10)
    threading.Timer(0.05, closing.set).start()
    live.close()
    running._done.wait(10)
    assert live.steps < len(batches) * 1000
    assert live.run_log.status in ("stopped", "completed")


def test_what_the_optimizer_lacks_is_refused_and_leaves_no_run(tmp_path: Path) -> None:
    model, optimizer = parts()
    with pytest.raises(UserError, match="warmth"):
        neuralforge.live(model, optimizer, warmth=(0.0, 1.0), window="none", runs=tmp_path / "runs")
    assert not list((tmp_path / "runs").glob("*/run.h5"))


def test_another_one_ends_the_first(live: Live, batches: list[Batch], tmp_path: Path) -> None:
    go_round(live, batches)
    folder = live.run_log.folder
    model, optimizer = parts()
    other = neuralforge.live(model, optimizer, window="none", runs=tmp_path / "runs")
    assert RunReader(folder).status == "completed"
    assert not live.is_open
    other.close()


def test_a_loop_from_elsewhere_is_in_the_log_too(live: Live, batches: list[Batch]) -> None:
    scope = {"live": live, "batches": batches, "turn": turn}
    text = "for batch in live(batches):\n    live.log(loss=turn(live.model, live._session.optimizer, batch))\n"
    linecache.cache["<cell 7>"] = (len(text), None, text.splitlines(keepends=True), "<cell 7>")
    exec(compile(text, "<cell 7>", "exec"), scope)
    exec(compile(text, "<cell 7>", "exec"), scope)
    live.close()
    assert live.run_log.attributes["loop_source"].count("for batch in live(batches)") == 1
    assert "for batch in live(batches)" in read_run(live.run_log.folder).view(False).own_source


def test_an_error_after_a_break_is_not_one_of_the_loop(live: Live, batches: list[Batch]) -> None:
    def cell() -> None:
        for batch in live(batches):
            live.log(loss=turn(live.model, live._session.optimizer, batch))
            break
        raise ValueError("plotting went wrong")

    with pytest.raises(ValueError) as caught:
        cell()
    live._after_code(caught.value)
    assert live.state == "running"


def test_a_loader_of_unknown_length(live: Live, batches: list[Batch]) -> None:
    class Stream(torch.utils.data.IterableDataset[Batch]):
        def __iter__(self) -> Iterator[Batch]:
            return iter(batches)

    for batch in live(torch.utils.data.DataLoader(Stream(), batch_size=None)):
        live.log(loss=turn(live.model, live._session.optimizer, batch))
    assert live.steps == len(batches)


def test_a_knob_that_is_written_as_an_attribute_is_turned(live: Live, batches: list[Batch]) -> None:
    live.knob("temperature", 1.0, 0.1, 5.0)
    live.temperature = 2.0
    live.lr = 0.01
    go_round(live, batches)
    assert (live.temperature, live._session.optimizer.param_groups[0]["lr"]) == (2.0, 0.01)
    for kind in (AttributeError, UserError):
        with pytest.raises(kind, match=r"declare it with live\.knob\('warmth'"):
            live.warmth = 1.0
    with pytest.raises(UserError, match=r"live\.pause cannot be written"):
        live.pause = 1.0  # type: ignore[method-assign, assignment]
    with pytest.raises(Refused, match="weight_decay cannot be set: no bounds were given"):
        live.weight_decay = 1.0


def test_arguments_of_another_kind_are_refused(live: Live, batches: list[Batch], tmp_path: Path) -> None:
    for said, ask in (
        ("n is a whole number. Received: 2.5", lambda: live.step(2.5)),  # type: ignore[arg-type]
        ("steps is a whole number. Received: 'x'", lambda: live.resume("x")),  # type: ignore[arg-type]
        ("step is a whole number. Received: 'x'", lambda: asyncio.run(live.until(step="x"))),  # type: ignore[arg-type]
        ("takes numbers by their names, such as loss=loss. Received: Tensor", lambda: live.log(batches[0][0])),  # type: ignore[arg-type]
        ("A knob has a name, such as 'temperature'. Received: 3", lambda: live.knob(3, 1.0)),  # type: ignore[arg-type]
        ("bounds of heat, low and high, are numbers. Received: 'a', 'b'", lambda: live.knob("heat", 1.0, "a", "b")),  # type: ignore[arg-type]
        ("name is what the run is called. Received: 3", lambda: neuralforge.live(*parts(), name=3, window="none")),
    ):
        with pytest.raises(UserError, match=re.escape(said)):
            ask()
    assert live.is_open


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    model, optimizer = parts()
    with pytest.raises(UserError, match="Received: SGD, Net"):
        neuralforge.live(optimizer, model, window="none", runs=tmp_path)
    with pytest.raises(UserError, match="window is one of"):
        neuralforge.live(model, optimizer, window="nul", runs=tmp_path)
