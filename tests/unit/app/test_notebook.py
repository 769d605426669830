"""The workbench from Python code, without a window: at a loop that nobody else runs, and at one that runs."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import neuralforge
from neuralforge.app.notebook.events import Events
from neuralforge.app.notebook.handle import Handle, RunFailed
from neuralforge.app.notebook.loops import Loop
from neuralforge.app.picturefile import picture_file
from neuralforge.app.planning import make_plan
from neuralforge.errors import UserError
from neuralforge.graph.document import dumps
from neuralforge.runs.events import Event
from neuralforge.runs.reader import RunReader
from neuralforge.templates.registry import find
from neuralforge.train import launch
from neuralforge.workbench import commands as do
from neuralforge.workbench.knobs import Refused


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def handle(runs: Path) -> Iterator[Handle]:
    made = neuralforge.open("mlp", data="moons", window="none", runs=runs, steps=60, seed=3)
    yield made
    made.close()


def settings(log: RunReader) -> list[tuple[str, Any, int | None, str]]:
    return [
        (event.key, event.new, event.applied_step, event.actor) for event in log.events() if event.operation == "set"
    ]


def test_a_run_is_trained_to_its_end_and_is_the_one_of_the_command_line(handle: Handle, runs: Path) -> None:
    handle.run().wait()
    assert handle.state == "completed"
    assert handle.steps == 60
    plan = make_plan("mlp", "moons", runs_dir=runs, steps=60, seed=3)
    run = launch.start(plan)
    for _ in run.session.steps():
        pass
    assert handle.run_log.attributes["weights_sha256"] == run.session.weights_sha256


def test_knobs_that_are_set_at_once_are_those_of_the_run(handle: Handle) -> None:
    handle.knobs.lr = 2e-3
    assert handle.knobs["lr"] == 2e-3
    handle.run().wait()
    assert handle.metrics["knob/lr"].values.tolist() == [2e-3] * 60


def test_knobs_that_are_set_while_the_run_begins_are_in_force_in_its_first_step(handle: Handle) -> None:
    handle.run()
    handle.knobs.lr = 3e-3
    assert handle.knobs.lr == 3e-3
    handle.wait()
    assert handle.metrics["effective/lr"].values[0] == 3e-3
    assert settings(handle.run_log) == [("lr", 3e-3, 1, "script")]


def test_a_knob_that_is_turned_on_the_way_is_in_the_log_with_its_step(handle: Handle) -> None:
    handle.run(steps=20).wait(state="paused")
    handle.knobs.lr = 1e-4
    handle.knobs["weight_decay"] = 0.01
    handle.run().wait()
    values = handle.metrics["knob/lr"].values
    assert values[19] != 1e-4
    assert set(values[20:]) == {1e-4}
    assert settings(handle.run_log) == [("lr", 1e-4, 21, "script"), ("weight_decay", 0.01, 21, "script")]


def test_a_knob_that_is_turned_on_a_run_is_not_turned_on_the_next(handle: Handle) -> None:
    handle.knobs.lr = 2e-3
    handle.run(steps=20).wait(state="paused")
    handle.knobs.lr = 1e-4
    handle.run().wait()
    assert (handle.metrics["knob/lr"].values[-1], handle.knobs.lr) == (1e-4, 2e-3)
    handle.run().wait()
    assert set(handle.metrics["knob/lr"].values) == {2e-3}
    handle.knobs.lr = 5e-3
    handle.run().wait()
    assert set(handle.metrics["knob/lr"].values) == {5e-3}


@pytest.mark.parametrize(("key", "value", "said"), [("lr", 1e9, "from 0 to 100"), ("lr", "much", "number")])
@pytest.mark.parametrize("when", ["before", "starting", "paused"])
def test_a_value_that_does_not_fit_is_refused_with_the_reason(
    handle: Handle, key: str, value: Any, said: str, when: str
) -> None:
    if when == "paused":
        handle.run(steps=5).wait(state="paused")
    elif when == "starting":
        handle.run()
    before = handle.knobs[key]
    with pytest.raises(Refused, match=said):
        handle.knobs[key] = value
    assert handle.knobs[key] == before


def test_there_is_no_knob_that_the_optimizer_lacks(handle: Handle) -> None:
    with pytest.raises(Refused, match="adam has no momentum"):
        handle.knobs.momentum = 0.9
    with pytest.raises(AttributeError, match="adam has no momentum"):
        _ = handle.knobs.momentum
    with pytest.raises(KeyError, match="There is no knob 'warmth'"):
        _ = handle.knobs["warmth"]
    assert "lr" in handle.knobs
    assert "lr" in dir(handle.knobs)
    assert len(handle.knobs) == len(list(handle.knobs))


def test_steps_are_made_one_by_one(handle: Handle) -> None:
    with pytest.raises(Refused, match="At least 1 step"):
        handle.step(0)
    handle.step()
    assert handle.wait(state="paused").steps == 1
    handle.step(7)
    assert handle.wait(state="paused").steps == 8
    with pytest.raises(Refused, match="At least 1 step"):
        handle.step(0)


def test_a_stopped_run_is_over(handle: Handle) -> None:
    handle.run(steps=4).wait(state="paused")
    handle.stop()
    handle.wait()
    assert handle.state == "stopped"
    with pytest.raises(UserError, match="Nothing is training"):
        handle.pause()


def test_a_reset_run_begins_again_with_the_same_seed(handle: Handle) -> None:
    handle.run(steps=5).wait(state="paused")
    first, losses = handle.run_log.folder, handle.metrics["train/loss"].values
    handle.reset()
    handle.step(5)
    handle.wait(state="paused")
    assert handle.run_log.folder != first
    np.testing.assert_array_equal(handle.metrics["train/loss"].values, losses)


def test_knobs_of_a_run_that_begins_again_are_those_that_it_begins_with(handle: Handle) -> None:
    handle.knobs.lr = 2e-3
    handle.run(steps=5).wait(state="paused")
    handle.knobs.lr = 1e-4
    handle.step()
    handle.wait(state="paused")
    handle.reset()
    assert handle.knobs.lr == 2e-3
    handle.knobs.weight_decay = 1
    assert (handle.knobs.lr, repr(handle.knobs.weight_decay)) == (2e-3, "1.0")
    handle.step()
    handle.wait(state="paused")
    assert (handle.knobs.lr, handle.knobs.weight_decay) == (2e-3, 1.0)
    assert handle.metrics["knob/lr"].values.tolist() == [2e-3]


def test_after_a_stop_knobs_are_those_of_the_next_run(handle: Handle) -> None:
    handle.run(steps=5).wait(state="paused")
    first = handle.knobs.lr
    handle.knobs.lr = 1e-4
    handle.stop()
    handle.run()
    assert handle.knobs.lr == first
    handle.wait()
    assert set(handle.metrics["knob/lr"].values) == {first}


def test_a_reset_needs_a_run(handle: Handle) -> None:
    with pytest.raises(UserError, match="no run to reset"):
        handle.reset()


def test_waiting_for_a_step_or_an_epoch(runs: Path) -> None:
    handle = neuralforge.open("mlp", data="moons", window="none", runs=runs, epochs=1000)
    handle.run().wait(step=30)
    assert handle.steps >= 30
    handle.wait(epoch=5)
    assert handle._live is not None
    assert handle._live.run.session.progress().epoch > 5
    handle.close()
    assert handle.run_log.status == "paused"


def test_waiting_for_a_run_that_nobody_began_says_so(handle: Handle) -> None:
    with pytest.raises(UserError, match="call run"):
        handle.wait(step=1)


def test_the_model_is_the_live_one(handle: Handle) -> None:
    with pytest.raises(UserError, match="no run yet"):
        _ = handle.model
    handle.run(steps=3).wait(state="paused")
    assert handle._live is not None
    assert handle.model is handle._live.run.session.engine.model


def test_a_failed_run_raises_where_it_is_waited_for(handle: Handle) -> None:
    handle.run(steps=3).wait(state="paused")
    handle.model.forward = lambda x: 1 / 0
    handle.run()
    with pytest.raises(RunFailed, match="ZeroDivisionError"):
        handle.wait()
    assert "ZeroDivisionError" in repr(handle)


def test_what_cannot_be_opened_is_said_at_once(runs: Path) -> None:
    for what, data, said in (
        ("no_such_net", "moons", "no_such_net"),
        ("mlp", "no_such_data", "no_such_data"),
        (object(), "moons", "object"),
    ):
        with pytest.raises(UserError, match=said):
            neuralforge.open(what, data=data, window="none", runs=runs)
    with pytest.raises(UserError, match="knows no 'lrr'"):
        neuralforge.open("mlp", data="moons", window="none", runs=runs, lrr=1)
    with pytest.raises(UserError, match="lr"):
        neuralforge.open("mlp", data="moons", window="none", runs=runs, lr=-1)


def test_what_does_not_go_together_is_said_by_the_next_call(runs: Path) -> None:
    handle = neuralforge.open("resnet18", data="moons", window="none", runs=runs)
    with pytest.raises(UserError, match="moons"):
        handle.run().wait()
    with pytest.raises(UserError, match="moons"):
        _ = handle.knobs.lr
    handle.close()


def test_the_graph_is_edited_from_code(handle: Handle) -> None:
    before = handle.graph.nodes
    new = handle.graph.add("dropout", after=next(node for node in before if node.startswith("act") or "relu" in node))
    assert set(handle.graph.nodes) - set(before) == {new}
    assert not handle.graph.issues
    handle.graph.set(new, p=0.25)
    assert handle.graph.params(new) == {"p": 0.25}
    handle.graph.remove(new)
    assert set(handle.graph.nodes) == set(before)
    assert not handle.graph.issues
    with pytest.raises(UserError, match="did you mean dropout"):
        handle.graph.add("dropuot")
    with pytest.raises(UserError, match=r"There is no layer 3\."):
        handle.graph.add(3)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="no node 'nobody'"):
        handle.graph.shape("nobody")
    assert handle.graph.parameters > 0


def test_a_document_is_trained_as_it_is(runs: Path) -> None:
    document = find("mlp").build()
    handle = neuralforge.open(document, window="none", runs=runs)
    assert handle.graph.document.graph == document.graph
    handle.close()


def test_a_second_one_replaces_the_first_and_says_so(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = neuralforge.open("mlp", data="moons", window="none", runs=runs).run(steps=5).wait(state="paused")
    second = neuralforge.open("mlp", data="moons", window="none", runs=runs)
    assert not first.is_open
    assert second.is_open
    assert capsys.readouterr().out.startswith("What was open is closed, since there can be one in a process. Its run ")
    assert first.run_log.status == "paused"
    assert len(first.metrics["train/loss"].steps) == 5
    second.close()
    third = neuralforge.open("mlp", data="moons", window="none", runs=runs, steps=3).run().wait()
    assert third.state == "completed"
    third.close()
    assert capsys.readouterr().out == ""


def test_on_a_loop_that_runs_one_awaits(runs: Path) -> None:
    async def cell() -> Handle:
        handle = neuralforge.open("mlp", data="moons", window="none", runs=runs, steps=40).run()
        handle.knobs.lr = 5e-3
        await handle.until(step=10)
        with pytest.raises(UserError, match="await"):
            handle.wait()
        handle.pause()
        await handle.until(state="paused")
        handle.step(3)
        paused_at = handle.steps
        await handle.until(state="paused")
        assert handle.steps == paused_at + 3
        handle.run()
        return await handle.until()

    handle = asyncio.run(cell())
    assert (handle.state, handle.steps) == ("completed", 40)
    assert handle.metrics["effective/lr"].values[0] == 5e-3


def test_an_interrupted_wait_leaves_the_run_whole(runs: Path) -> None:
    handle = neuralforge.open("mlp", data="moons", window="none", runs=runs, steps=10**6).run()
    loop: Loop = handle._station.loop

    async def interrupted() -> None:
        await handle.until(step=5)
        loop.loop.call_soon(signal.raise_signal, signal.SIGINT)
        await handle.until(state="completed")

    with pytest.raises(KeyboardInterrupt):
        loop.wait(interrupted())
    assert handle.state == "running"
    handle.pause()
    handle.wait(state="paused")
    handle.close()


def test_a_paused_run_that_nobody_could_resume_is_not_waited_for(handle: Handle) -> None:
    with pytest.raises(UserError, match="nothing can let it go on"):
        handle.run(steps=5).wait()
    assert handle.run().wait().steps == 60


def test_what_went_wrong_before_is_not_said_of_a_later_run(handle: Handle) -> None:
    missing = handle.graph.nodes[1]
    handle.graph.disconnect(missing)
    handle.run()
    with pytest.raises(UserError, match="issue"):
        handle.wait()
    handle.run()
    handle._desktop.perform(do.Undo())
    handle.run().wait()
    assert handle.state == "completed"


def test_a_start_that_fails_before_the_call_returns_is_told(handle: Handle, monkeypatch: pytest.MonkeyPatch) -> None:
    loop: Loop = handle._station.loop
    call = loop.call

    def call_to_the_end(function: Callable[[], Any]) -> Any:
        found = call(function)
        if isinstance(found, asyncio.Task):
            loop.loop.run_until_complete(found)
        return found

    handle.graph.disconnect(handle.graph.nodes[1])
    monkeypatch.setattr(loop, "call", call_to_the_end)
    handle.run()
    with pytest.raises(UserError, match="issue"):
        handle.wait()


def test_another_thread_is_refused(handle: Handle) -> None:
    handle.run(steps=2).wait(state="paused")
    for ask in (handle.close, handle.screenshot, lambda: handle.wait(step=9)):
        with ThreadPoolExecutor() as pool, pytest.raises(UserError, match="thread"):
            pool.submit(ask).result()
    assert handle.is_open


def test_another_event_loop_is_refused(handle: Handle, runs: Path) -> None:
    async def uses(ask: Callable[[], Any]) -> None:
        result = ask()
        if asyncio.iscoroutine(result):
            await result

    asks = (
        handle.run,
        handle.close,
        handle.screenshot,
        lambda: handle.wait(step=9),
        lambda: handle.until(step=9),
        lambda: neuralforge.open(window="none", runs=runs),
    )
    for ask in asks:
        with pytest.raises(UserError, match=r"opened on another event loop .* the same asyncio.run"):
            asyncio.run(uses(ask))
    assert handle.run().wait().state == "completed"
    with pytest.raises(UserError, match="opened on another event loop"):
        asyncio.run(uses(handle.reset))


def test_an_event_loop_that_has_ended_is_said(runs: Path) -> None:
    async def opened() -> Handle:
        return neuralforge.open("mlp", data="moons", window="none", runs=runs)

    async def waits(handle: Handle) -> None:
        await handle.until(step=1)

    handle = asyncio.run(opened())
    for ask in (lambda: asyncio.run(waits(handle)), handle.run, handle.wait, lambda: setattr(handle.knobs, "lr", 0.1)):
        with pytest.raises(UserError, match="event loop that this was opened on has ended; open it again"):
            ask()
    handle.close()


NO_NUMBERS: tuple[Any, ...] = ("x", 2.5, True, [3])


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_what_is_no_whole_number_is_refused(handle: Handle, value: Any) -> None:
    for name, ask in (
        ("steps", lambda: handle.run(steps=value)),
        ("n", lambda: handle.step(value)),
        ("step", lambda: handle.wait(step=value)),
        ("epoch", lambda: handle.wait(epoch=value)),
    ):
        with pytest.raises(UserError, match=rf"^{name} is a whole number\. Received: {re.escape(repr(value))}"):
            ask()
    assert repr(handle).endswith(("loading", "not trained yet"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"data_options": 3}, r"data_options maps names to values, .* Received: 3"),
        ({"data_options": {3: 1}}, r"data_options maps names to values, .* Received: \{3: 1\}"),
        ({"runs": 3}, r"runs is the path of the folder of all runs\. Received: 3"),
    ],
)
def test_options_of_another_kind_are_refused(runs: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        neuralforge.open("mlp", **{"data": "moons", "window": "none", "runs": runs, **given})


def test_the_knobs_are_a_mapping(handle: Handle) -> None:
    values = dict(handle.knobs)
    assert values == {key: handle.knobs[key] for key in handle.knobs}
    assert values["fc1.frozen"] is False
    assert handle.knobs.get("warmth", 3) == 3
    with pytest.raises(Refused, match=r"A knob has a name, .* Received: 3"):
        handle.knobs[3] = 1  # type: ignore[index]


def test_what_is_no_attribute_is_not_written(handle: Handle) -> None:
    for name, said in (
        ("lr", r"lr is a knob: write h\.knobs\.lr = \.\.\."),
        ("momentum", r"write h\.knobs\.momentum"),
        ("warmth", r"There is no 'warmth' to write\. Knobs are lr, "),
        ("state", r"h\.state cannot be written"),
        ("run", r"h\.run cannot be written"),
    ):
        for kind in (UserError, AttributeError):
            with pytest.raises(kind, match=said):
                setattr(handle, name, 3)
    assert "lr" not in vars(handle)
    handle.close()
    with pytest.raises(UserError, match="There is no 'warmth'"):
        handle.warmth = 1  # type: ignore[attr-defined]


def test_a_picture_is_a_png(handle: Handle, tmp_path: Path) -> None:
    for path, said in (
        (3, r"path of a PNG file\. Received: 3"),
        (tmp_path / "window.jpg", r"ends in \.png\. Received: .*window\.jpg"),
        (tmp_path, "cannot be written: Is a directory"),
        ("/proc/no/such.png", "/proc/no/such.png cannot be written: No such file"),
    ):
        with pytest.raises(UserError, match=said):
            handle.screenshot(path)  # type: ignore[arg-type]
    assert not (tmp_path / "window.jpg").exists()
    assert picture_file(tmp_path / "new" / "window") == tmp_path / "new" / "window.png"
    assert picture_file(str(tmp_path / "w.PNG")) == tmp_path / "w.PNG"
    assert list((tmp_path / "new").iterdir()) == [], "it is only looked whether it can be written"


def test_numbers_of_numpy_are_numbers(handle: Handle) -> None:
    assert handle.run(steps=np.int64(3)).wait(state="paused").steps == 3  # type: ignore[arg-type]
    for value in (np.float64(0.25), np.float32(0.25), torch.tensor(0.25)):
        handle.knobs.lr = value
        assert handle.knobs.lr == 0.25


def test_the_numbers_come_as_arrays_and_as_a_frame(handle: Handle) -> None:
    assert repr(handle.metrics) == "no numbers yet"
    handle.run().wait()
    steps, losses = handle.metrics["train/loss"]
    assert steps.tolist() == list(range(1, 61))
    assert losses.dtype == np.float64
    frame = handle.metrics.frame()
    assert frame.loc[60, "train/loss"] == losses[-1]
    assert frame["validation/loss"].notna().sum() == len(handle.metrics["validation/loss"].steps)
    with pytest.raises(KeyError, match="There are: train/loss"):
        _ = handle.metrics["nothing"]
    assert handle.metrics.last["train/loss"] == losses[-1]
    log_steps, log_losses = handle.run_log.series("train/loss")
    np.testing.assert_array_equal(log_steps, steps)
    np.testing.assert_array_equal(log_losses, losses)


def test_the_events_are_shown_a_line_each(handle: Handle) -> None:
    assert repr(handle.events) == "no events yet" and len(handle.events) == 0
    handle.run(steps=20).wait(state="paused")
    handle.knobs.lr = 1e-4
    handle._desktop.perform(do.Turn("fc1.frozen", True, widget="knobs"))
    handle.run().wait()
    events = handle.events
    assert isinstance(events, tuple) and all(isinstance(event, Event) for event in events)
    assert list(events) == list(handle.run_log.events())
    lines = repr(events).splitlines()
    assert len(lines) == len(events) and repr(events[1:3]).splitlines() == lines[1:3]
    assert "step 21: lr 1e-3 \u2192 1e-4, by script" in lines
    assert "step 21: Freeze fc1 off \u2192 on, by you" in lines
    assert "<td style='text-align:left'>1e-4</td>" in events._repr_html_()
    assert events._repr_html_().count("<tr>") == len(events) + 1
    refused = Event(operation="set", key="lr", old=1.0, new=2.0, status="rejected", why="a < b")
    assert repr(Events((refused,))) == "step 1: lr 1 \u2192 2, by engine (refused: a < b)"
    assert "refused: a &lt; b" in Events((refused,))._repr_html_()


def test_a_cell_shows_the_curves_and_the_last_numbers(handle: Handle) -> None:
    assert "loading" in handle._repr_html_() and repr(handle) == "mlp | loading"
    handle.run(steps=30)
    assert repr(handle) == "mlp | starting"
    handle.wait(state="paused")
    handle.knobs.lr = 1e-3
    handle.run().wait()
    shown = handle._repr_html_()
    assert shown.count("<polyline") >= 4
    assert "step 60 of 60" in shown
    assert "0.01 \u2192 0.001, step 31" in shown or "\u2192 0.001, step 31" in shown


@pytest.mark.parametrize("what", [None, "mlp"])
def test_without_data_a_run_is_refused_at_once(runs: Path, what: str | None) -> None:
    made = neuralforge.open(what, window="none", runs=runs)
    with pytest.raises(UserError, match="no data to train on: open it with data="):
        made.run()
    made.close()


def test_a_name_is_there_before_the_network_is(runs: Path, tmp_path: Path) -> None:
    class Tiny(nn.Module):
        pass

    file = tmp_path / "mine.nf.json"
    file.write_text(dumps(find("mlp").build()))
    for what, name in ((str(file), "mine"), (find("lenet5").build(), "lenet5"), (Tiny(), "Tiny")):
        made = neuralforge.open(what, data="digits", window="none", runs=runs)
        assert repr(made) == f"{name} | loading"
        made.close()


def test_what_is_run_after_a_stop_is_a_new_run(handle: Handle) -> None:
    first = handle.run(steps=5).wait(state="paused").run_log.folder
    handle.stop()
    handle.run(steps=7).wait(state="paused")
    assert handle.run_log.folder != first and handle.steps == 7
    assert RunReader(first).status == "stopped"


@pytest.mark.parametrize("begin", [Handle.run, Handle.reset, Handle.step])
def test_a_run_that_is_begun_after_another_is_the_new_one_at_once(
    handle: Handle, begin: Callable[[Handle], object]
) -> None:
    assert handle.state is None
    handle.run()
    assert (handle.state, repr(handle)) == ("ready", "mlp | starting")
    first = handle.wait().run_log.folder
    assert handle.state == "completed"
    begin(handle)
    assert (handle.state, handle.steps, repr(handle)) == ("ready", 0, "mlp | starting")
    assert not handle.metrics and not handle.events
    with pytest.raises(UserError, match="is being started"):
        _ = handle.model
    with pytest.raises(UserError, match="is being started"):
        _ = handle.run_log
    handle.run(steps=3)
    handle.wait(state="paused")
    assert handle.run_log.folder != first


def test_a_module_of_ones_own_has_no_graph_to_edit(runs: Path) -> None:
    data = torch.randn(40, 3), torch.arange(40) % 2
    made = neuralforge.open(nn.Linear(3, 2), data=data, window="none", runs=runs, steps=3)
    with pytest.raises(UserError, match="no graph of it to edit"):
        _ = made.graph
    made.run().wait()
    assert made.state == "completed"
    made.close()


def test_what_is_opened_without_data_is_there_at_once(runs: Path) -> None:
    made = neuralforge.open("small_cnn", window="none", runs=runs)
    assert repr(made) == "small_cnn | open | not trained yet"
    made.graph.add("dropout", after="flatten", p=0.3)
    made.close()


def test_a_closed_handle_says_so_and_refuses(handle: Handle) -> None:
    handle.run(steps=5).wait(state="paused")
    graph = handle.graph
    handle.close()
    assert repr(handle).endswith(" | closed")
    for ask in (lambda: handle.knobs.__setattr__("lr", 0.1), lambda: graph.add("dropout", after="act1"), handle.run):
        with pytest.raises(UserError, match="It is closed"):
            ask()


def test_a_state_that_there_is_none_of_is_refused(handle: Handle) -> None:
    with pytest.raises(UserError, match=r"state is one of ready, running, .*Received: 'completd'"):
        handle.run().wait(state="completd")  # type: ignore[arg-type]


def test_waiting_on_a_closed_handle_returns(runs: Path) -> None:
    handle = neuralforge.open("mlp", data="moons", window="none", runs=runs).run(steps=5).wait(state="paused")
    handle.close()
    handle.wait(step=1000)
    assert "closed" in repr(handle) or handle.state is not None
    with pytest.raises(UserError, match="open it again"):
        handle.run()


def test_arrays_are_kept_so_that_the_run_can_be_replayed(runs: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3)).astype(np.float32)
    y = (x.sum(axis=1) > 0).astype(np.int64)
    handle = neuralforge.open("mlp", data=(x, y), window="none", runs=runs, steps=20).run().wait()
    handle.close()
    result = launch.replay(handle.run_log.folder)
    assert result.identical
    assert list(runs.glob("data-*.npz"))


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("small_cnn", "small_cnn takes images [C, H, W], and the data holds a table of 3 features; try"),
        (nn.Linear(5, 2), "Linear cannot take the data with samples of [B, 3]: "),
    ],
)
def test_data_that_was_given_is_not_called_by_the_file_that_it_is_kept_in(runs: Path, what: Any, said: str) -> None:
    data = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
    handle = neuralforge.open(what, data=data, window="none", runs=runs)
    with pytest.raises(UserError) as refused:
        handle.run().wait()
    assert str(refused.value).startswith(said)
    assert ".npz" not in str(refused.value)
    handle.close()


def test_a_frame_names_its_target(runs: Path) -> None:
    import pandas

    frame = pandas.DataFrame({"height": np.arange(60.0), "width": np.arange(60.0) % 7, "kind": ["a", "b", "c"] * 20})
    with pytest.raises(UserError, match="target"):
        neuralforge.open("mlp", data=frame, window="none", runs=runs)
    handle = neuralforge.open("mlp", data=frame, target="kind", window="none", runs=runs, steps=5).run().wait()
    assert handle._desktop.data.info is not None
    assert handle._desktop.data.info.classes == ("a", "b", "c")
    assert handle._desktop.data.info.features == ("height", "width")
    handle.close()


class Own(nn.Module):
    """A network of the person's own."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(2, 8)
        self.head = nn.Sequential(nn.Dropout(0.1), nn.Linear(8, 2))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.body(x)))


def test_a_module_of_ones_own_is_trained_as_it_is(runs: Path) -> None:
    torch.manual_seed(0)
    model = Own()
    first = model.body.weight.detach().clone()
    handle = neuralforge.open(model, data="moons", window="none", runs=runs, steps=30)
    assert {"lr", "head.0.dropout", "body.frozen"} <= set(handle.knobs)
    handle.knobs.lr = 5e-3
    handle.run(steps=10).wait(state="paused")
    assert handle.model is model
    assert not torch.equal(model.body.weight, first)
    handle.knobs["body.frozen"] = True
    frozen = model.body.weight.detach().clone()
    handle.run().wait()
    assert torch.equal(model.body.weight, frozen)
    log = handle.run_log
    assert (log.attributes["kind"], log.attributes["replayable"], log.status) == ("own module", False, "completed")
    assert "class Own" in log.source
    with pytest.raises(UserError, match="not drawn here"):
        launch.replay(log.folder)
    handle.run(steps=1).wait(state="paused")
    assert handle.run_log.folder != log.folder
    handle.close()


def test_a_module_needs_data(runs: Path) -> None:
    with pytest.raises(UserError, match="data"):
        neuralforge.open(Own(), window="none", runs=runs)
