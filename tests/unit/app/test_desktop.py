"""The application behind the window, without a window: commands in, views out, on a real event loop."""

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from neuralforge.app import datadesk, trainingdesk
from neuralforge.app.desktop import Desktop, Places
from neuralforge.app.port import NoWindow
from neuralforge.graph.document import load
from neuralforge.graph.edits import AddNode, Disconnect, SetParams
from neuralforge.graph.graph import Node
from neuralforge.runs.reader import RunReader
from neuralforge.train import launch
from neuralforge.workbench import commands as do
from neuralforge.workbench.view import View

FRAMES = 30_000
"""Frames after which something that does not happen is said to fail; more than any test needs."""


class Stand(NoWindow):
    """Stands for a window, and notes what the application wanted of it."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def close(self) -> None:
        self.asked.append("close")

    def ask_for_file(self, then: do.Command) -> None:
        self.asked.append(then)


class Person:
    """Drives a desktop as a window would: a view each frame, commands after it."""

    def __init__(self, desk: Desktop) -> None:
        self.desk = desk

    def do(self, *commands: do.Command) -> View:
        self.desk.carry_out(list(commands))
        return self.desk.view()

    async def frame(self) -> View:
        await asyncio.sleep(0.001)
        view = self.desk.view()
        self.desk.clock.frame_done(0.0)
        return view

    async def until(self, wanted: Callable[[View], object]) -> View:
        for _ in range(FRAMES):
            view = await self.frame()
            if wanted(view):
                return view
        raise AssertionError(f"it never came; the console says: {[line.text for line in view.log]}")

    async def idle(self) -> View:
        return await self.until(lambda view: not view.busy)

    def errors(self) -> list[str]:
        return [line.text for line in self.desk.view().log if line.level == "error"]


def places(folder: Path) -> Places:
    return Places(runs=folder / "runs", settings=folder / "settings.json", layout=None, recovery=folder / "unsaved")


@pytest.fixture
def live(tmp_path):
    """Run a scenario against a desktop in a folder of its own; nothing may be left over at the end."""

    def run(scenario, folder=tmp_path):
        async def whole():
            desk = Desktop(places(folder))
            desk.begin()
            try:
                await scenario(Person(desk))
            finally:
                await desk.end()
            assert asyncio.all_tasks() == {asyncio.current_task()}

        asyncio.run(whole())

    return run


DIGITS = do.Start("small_cnn", "digits", settings={"steps": 40, "batch_size": 16})
MOONS = do.Start("mlp", "moons", settings={"steps": 60, "seed": 3})


def test_a_starting_point_binds_the_network_to_its_data(live):
    async def scenario(person):
        assert person.desk.view().welcome
        person.do(DIGITS)
        view = await person.until(lambda view: not view.welcome)
        assert view.data.state == "ready" and view.data.info.name == "digits"
        assert view.document.document.name == "small_cnn" and not view.document.issues
        assert view.config.steps == 40 and view.task == "classification"
        assert view.can_train and view.why_not == "" and view.document.saved
        assert view.data.splits == {"train": 1258, "validation": 270, "test": 269}
        assert {knob.key for knob in view.knobs.knobs} >= {"lr", "batch_size", "drop.dropout", "conv1.frozen"}
        assert len(view.data.thumbnails) == 96 and view.data.thumbnails[0].rgba.shape == (8, 8, 4)

    live(scenario)


def test_a_run_is_trained_steered_and_replays_to_the_same_weights(live):
    async def scenario(person):
        person.do(MOONS)
        await person.until(lambda view: not view.welcome)
        person.do(do.Configure({"steps": 20000}), do.Train())
        view = await person.until(lambda view: view.run and view.run.progress.step > 5)
        assert view.run.live and view.knobs.live and view.run.state == "running"
        for value in (3e-3, 5e-3, 2e-3):
            person.do(do.Turn("lr", value, gesture="drag-1", widget="slider"))
        await person.until(lambda view: view.knobs.in_force["lr"] == 2e-3)
        person.do(do.Control("pause"))
        await person.until(lambda view: view.run.state == "paused")
        view = person.do(do.Control("run", 7))
        paused_at = view.run.progress.step
        await person.until(lambda view: view.run.state == "paused" and view.run.progress.step == paused_at + 7)
        person.do(do.Control("stop"))
        view = await person.until(lambda view: view.run.state == "stopped")
        assert not view.run.live and view.run.series["train/loss"].last[0] == view.run.progress.step
        changes = [event for event in view.run.events if event.key == "lr"]
        assert changes[-1].new == 2e-3 and {event.gesture for event in changes} == {"drag-1"}
        result = launch.replay(view.run.folder)
        assert result.identical and result.steps == view.run.progress.step

    live(scenario)


def test_a_refused_value_is_said_at_its_knob_and_nothing_changes(live):
    async def scenario(person):
        person.do(MOONS)
        await person.until(lambda view: not view.welcome)
        person.do(do.Configure({"steps": 20000}), do.Train())
        await person.until(lambda view: view.run and view.run.state == "running")
        view = person.do(do.Turn("lr", 1e9))
        assert "from 0 to 100" in view.knobs.refusal["lr"] and view.knobs.values["lr"] == 1e-3
        person.do(do.Turn("lr", 1e-2))
        view = await person.until(lambda view: view.knobs.in_force["lr"] == 1e-2)
        assert not view.knobs.refusal

    live(scenario)


def test_knobs_without_a_run_set_what_train_starts_with(live):
    async def scenario(person):
        person.do(DIGITS)
        await person.until(lambda view: not view.welcome)
        view = person.do(do.Turn("lr", 0.02), do.Turn("drop.dropout", 0.5, "d"), do.Turn("conv1.frozen", True))
        assert view.config.lr == 0.02 and view.knobs.values["lr"] == 0.02 and not view.knobs.live
        nodes = view.document.document.graph.nodes
        assert nodes["drop"].param("p") == 0.5 and nodes["conv1"].frozen
        assert view.knobs.values["drop.dropout"] == 0.5 and view.knobs.values["conv1.frozen"] is True
        view = person.do(do.Undo())
        assert not view.document.document.graph.nodes["conv1"].frozen

    live(scenario)


def test_train_says_what_is_missing(live):
    async def scenario(person):
        assert "empty" in person.desk.view().why_not
        person.do(do.NewDocument())
        person.do(do.Apply(AddNode(Node.make("fc", "linear", out_features=3))))
        view = person.desk.view()
        assert not view.can_train and "issue" in view.why_not
        person.do(do.Train())
        await person.idle()
        assert any("issue" in text for text in person.errors())
        person.do(do.Forced(do.Start("mlp")))
        view = await person.until(lambda view: "mlp" in view.document.document.name)
        assert view.why_not == "Choose the data to train on first."

    live(scenario)


def test_data_that_cannot_be_loaded_is_told_and_the_network_stays(live, tmp_path):
    broken = tmp_path / "broken.csv"
    broken.write_text("a,b\n1,x\n2\n")

    async def scenario(person):
        person.do(MOONS)
        await person.until(lambda view: not view.welcome)
        person.do(do.UseData(str(broken)))
        view = await person.until(lambda view: view.data.state == "failed")
        assert "broken.csv" in view.data.problem and not view.can_train
        assert view.document.document.name == "mlp"
        person.do(do.UseData("moons"))
        view = await person.until(lambda view: view.data.state == "ready")
        assert view.can_train

    live(scenario)


def test_a_network_is_fitted_to_other_data_in_one_step(live):
    async def scenario(person):
        person.do(DIGITS)
        await person.until(lambda view: not view.welcome)
        person.do(do.UseData("iris"))
        view = await person.until(lambda view: view.data.info and view.data.info.name == "iris")
        assert view.document.issues and not view.can_train
        person.do(do.Forced(do.Start("mlp")))
        await person.until(lambda view: view.document.document.name == "mlp")
        view = person.do(do.UseData("iris"))
        view = await person.until(lambda view: view.data.state == "ready")
        before = view.document.document
        view = person.do(do.FitToData())
        assert not view.document.issues and view.can_train, view.why_not
        view = person.do(do.Undo())
        assert view.document.document == before

    live(scenario)


def test_unsaved_changes_are_asked_about_before_they_would_be_lost(live, tmp_path):
    async def scenario(person):
        person.do(MOONS)
        await person.until(lambda view: not view.welcome)
        person.do(do.Apply(SetParams.of("fc1", out_features=7)))
        view = person.do(do.NewDocument())
        assert view.question.title == "Save mlp first?" and view.document.document.name == "mlp"
        cancel = len(view.question.choices) - 1
        view = person.do(do.Answer(cancel))
        assert view.question is None and view.document.document.graph.nodes["fc1"].param("out_features") == 7
        view = person.do(do.NewDocument(), do.Answer(1))
        assert view.question is None and not view.document.document.graph.nodes

    live(scenario)


def test_what_was_asked_for_happens_after_the_document_is_saved_and_not_before(live, tmp_path):
    async def scenario(person):
        stand = person.desk.port = Stand()
        person.do(MOONS)
        await person.until(lambda view: not view.welcome)
        person.do(do.Apply(SetParams.of("fc1", out_features=7)))
        view = person.do(do.NewDocument(), do.Answer(0))
        assert stand.asked == [do.NewDocument()]
        assert view.document.document.graph.nodes, "the file is not chosen yet"
        (tmp_path / "folder.nf.json").mkdir()
        view = person.do(do.Save(tmp_path / "folder.nf.json", *stand.asked))
        assert "cannot be written" in person.errors()[-1] and view.document.document.graph.nodes
        view = person.do(do.Save(tmp_path / "other.nf.json"))
        assert view.document.document.graph.nodes, "a later save has nothing to do with what was given up"
        person.do(do.Apply(SetParams.of("fc1", out_features=8)))
        view = person.do(do.Save(tmp_path / "mine.nf.json", *stand.asked))
        assert not view.document.document.graph.nodes
        assert load(tmp_path / "mine.nf.json").graph.nodes["fc1"].param("out_features") == 8

    live(scenario)


def test_a_document_is_saved_opened_and_remembered(live, tmp_path):
    target = tmp_path / "mine"

    async def scenario(person):
        person.do(MOONS)
        await person.until(lambda view: not view.welcome)
        person.do(do.Apply(SetParams.of("fc1", out_features=7)))
        view = person.do(do.Save())
        assert "Save as" in person.errors()[-1] and not view.document.saved
        view = person.do(do.Save(target))
        written = tmp_path / "mine.nf.json"
        assert view.document.saved and view.document.path == written
        assert load(written).graph == view.document.document.graph
        view = await person.until(lambda view: view.recent and view.recent[0].path == written)
        person.do(do.Forced(do.NewDocument()))
        person.do(do.OpenPath(written))
        view = await person.until(lambda view: view.document.path == written)
        assert view.document.document.graph.nodes["fc1"].param("out_features") == 7
        person.do(do.OpenPath(tmp_path / "gone.nf.json"))
        await person.idle()
        assert "gone.nf.json" in person.errors()[-1] and person.desk.view().document.path == written

    live(scenario)
    assert json.loads((tmp_path / "settings.json").read_text())["recent"] == [str(tmp_path / "mine.nf.json")]


def test_work_that_a_crash_left_behind_is_offered(tmp_path):
    async def crash():
        desk = Desktop(places(tmp_path))
        person = Person(desk)
        person.do(do.NewDocument(), do.Apply(AddNode(Node.make("fc", "linear"))))
        await desk.documents.keep_copy()

    asyncio.run(crash())
    lock = next((tmp_path / "unsaved").glob("*/writer.lock"))
    holder = json.loads(lock.read_text())
    lock.write_text(json.dumps({**holder, "pid": 2**22 + 1}))

    async def after():
        desk = Desktop(places(tmp_path))
        desk.begin()
        view = desk.view()
        assert view.question is not None and view.question.title == "Unsaved work was found"
        view = Person(desk).do(do.Answer(0))
        assert "fc" in view.document.document.graph.nodes and not view.document.saved and not view.welcome
        await desk.end()

    asyncio.run(after())


def test_a_network_that_differs_from_the_run_can_be_reverted(live):
    async def scenario(person):
        person.do(MOONS)
        await person.until(lambda view: not view.welcome)
        person.do(do.Configure({"steps": 20000}), do.Train())
        view = await person.until(lambda view: view.run and view.run.state == "running")
        assert not view.run.differs
        view = person.do(do.Apply(SetParams.of("fc1", out_features=9)))
        assert view.run.differs
        view = person.do(do.RevertToRun())
        assert not view.run.differs and view.document.undo_label
        view = person.do(do.Undo())
        assert view.run.differs

    live(scenario)


def rows_of(view):
    series = view.run.series.get("train/loss")
    return 0 if series is None else len(series)


def test_train_again_stops_the_live_run_and_reset_makes_a_waiting_one(live):
    async def scenario(person):
        person.do(MOONS)
        await person.until(lambda view: not view.welcome)
        person.do(do.Configure({"steps": 20000}), do.Train())
        view = await person.until(lambda view: view.run and view.run.progress.step > 3)
        first = view.run
        person.do(do.Train())
        view = await person.until(lambda view: view.run.run_id != first.run_id and rows_of(view) > 3)
        assert RunReader(first.folder).status == "stopped"
        second = view.run
        person.do(do.Reset())
        view = await person.until(lambda view: view.run.run_id != second.run_id)
        assert view.run.state == "paused" and view.run.progress.step == 0
        person.do(do.Control("run"))
        view = await person.until(lambda view: rows_of(view) > 3)
        steps = min(len(second.series["train/loss"]), len(view.run.series["train/loss"]))
        mine, before = view.run.series["train/loss"].rows()[1], second.series["train/loss"].rows()[1]
        assert steps >= 3 and np.array_equal(mine[:steps], before[:steps])

    live(scenario)


def test_a_finished_run_is_opened_gone_on_with_and_deleted(live):
    async def scenario(person):
        person.do(MOONS)
        await person.until(lambda view: not view.welcome)
        person.do(do.Train())
        view = await person.until(lambda view: view.run and view.run.state == "completed")
        folder, losses = view.run.folder, view.run.series["train/loss"].rows()[1].copy()
        person.do(do.CloseRun())
        await person.until(lambda view: view.run is None)
        person.do(do.Watch(frozenset({"runs"})))
        view = await person.until(lambda view: view.runs)
        assert [run.run_id for run in view.runs.runs] == [folder.name]
        person.do(do.OpenRun(folder))
        view = await person.until(lambda view: view.run is not None)
        assert not view.run.live and view.run.state == "completed" and view.run.progress.step == 60
        assert np.array_equal(view.run.series["train/loss"].rows()[1], losses)
        person.do(do.ResumeRun(folder, 90))
        view = await person.until(lambda view: view.run.state == "completed" and view.run.progress.step == 90)
        assert len(view.run.series["train/loss"]) == 90
        person.do(do.DeleteRun(folder.name))
        view = await person.until(lambda view: view.runs.runs == ())
        assert view.run is None and not folder.exists()

    live(scenario)


def test_a_run_that_was_stopped_just_now_can_be_gone_on_with(live):
    async def scenario(person):
        person.do(MOONS)
        await person.until(lambda view: not view.welcome)
        person.do(do.Configure({"steps": 20000}), do.Train())
        view = await person.until(lambda view: view.run and view.run.progress.step > 3)
        assert not view.run.can_resume
        person.do(do.Control("stop"))
        view = await person.until(lambda view: view.run.can_resume)
        run_id, step = view.run.run_id, view.run.progress.step
        assert not view.run.live and view.run.state == "stopped"
        person.do(do.ResumeRun(view.run.folder))
        view = await person.until(lambda view: view.run.live and view.run.progress.step > step)
        assert view.run.run_id == run_id and view.run.data == "moons"

    live(scenario)


def test_looks_follow_what_can_be_seen(live):
    async def scenario(person):
        person.do(MOONS)
        await person.until(lambda view: not view.welcome)
        person.do(
            do.Configure({"steps": 20000}),
            do.Watch(frozenset({"decision", "layers"}), frozenset({"boundary", "gradients", "node"})),
            do.Train(),
        )
        view = await person.until(lambda view: view.run and view.run.boundary and view.run.layers)
        assert view.run.boundary.classes == 2 and view.run.gradients.nodes
        person.do(do.Select(frozenset({"fc1"})))
        view = await person.until(lambda view: view.run.node and view.run.node.node == "fc1")
        assert view.run.node.weights is not None
        person.do(do.TrySample(2, "validation"))
        view = await person.until(lambda view: view.run.prediction)
        assert (view.run.prediction.split, view.run.prediction.sample) == ("validation", 2)
        person.do(do.Control("pause"))
        await person.until(lambda view: view.run.state == "paused")
        person.do(do.TrySample(5, "train"))
        await person.until(lambda view: view.run.prediction.sample == 5)
        person.do(do.Control("stop"))
        await person.until(lambda view: not view.run.live)
        person.do(do.TrySample(6, "test"))
        await person.until(lambda view: view.run.prediction.sample == 6)

    live(scenario)


def test_quitting_asks_while_training_and_the_run_can_be_gone_on_with(live):
    async def scenario(person):
        stand = person.desk.port = Stand()
        person.do(MOONS)
        await person.until(lambda view: not view.welcome)
        person.do(do.Configure({"steps": 20000}), do.Train())
        view = await person.until(lambda view: view.run and view.run.progress.step > 3)
        view = person.do(do.Quit())
        assert view.question.title == "Quit while training?" and not stand.asked
        person.do(do.Answer(0))
        assert stand.asked == ["close"]
        scenario.folder = view.run.folder

    live(scenario)
    assert RunReader(scenario.folder).status == "paused"


def test_a_window_that_dies_leaves_a_copy_and_one_that_is_closed_does_not(live, tmp_path):
    async def scenario(person):
        person.do(do.NewDocument(), do.Apply(AddNode(Node.make("fc", "linear"))))
        if scenario.asks:
            person.desk.port = Stand()
            person.do(do.Quit(), do.Answer(1))

    scenario.asks = False
    live(scenario)
    copies = list((tmp_path / "unsaved").glob("*/unsaved.json"))
    assert len(copies) == 1
    scenario.asks = True
    live(scenario, tmp_path / "other")
    assert not list((tmp_path / "other" / "unsaved").glob("*/unsaved.json"))


def test_a_new_run_that_cannot_be_leaves_the_live_one_alone(live):
    async def scenario(person):
        person.do(MOONS)
        await person.until(lambda view: not view.welcome)
        person.do(do.Configure({"steps": 20000}), do.Train())
        view = await person.until(lambda view: view.run and view.run.progress.step > 3)
        first = view.run.run_id
        person.do(do.Configure({"device": "cuda:7"}), do.Train())
        view = await person.until(lambda view: person.errors())
        assert "cuda:7" in person.errors()[-1]
        view = await person.until(lambda view: view.run.progress.step > 50)
        assert view.run.run_id == first and view.run.state == "running"

    live(scenario)


def test_unsaved_work_is_copied_soon_and_a_disk_that_refuses_is_told_once(live, tmp_path):
    async def scenario(person):
        person.do(do.NewDocument(), do.Apply(AddNode(Node.make("fc", "linear"))))
        await person.until(lambda view: list((tmp_path / "unsaved").glob("*/unsaved.json")))
        person.do(do.Save(tmp_path / "mine.nf.json"))
        assert not list((tmp_path / "unsaved").glob("*/unsaved.json"))

    live(scenario)


def test_a_fault_is_told_a_copy_kept_and_everything_goes_on(live, monkeypatch):
    async def scenario(person):
        person.do(do.NewDocument(), do.Apply(AddNode(Node.make("fc", "linear"))))
        monkeypatch.setattr(person.desk.documents.editor, "go_to", lambda position: 1 / 0)
        view = person.do(do.Undo())
        assert "ZeroDivisionError" in view.notice[2] and "copy" in view.notice[2]
        assert any("Traceback" in line.text for line in view.log)
        assert list((person.desk.places.recovery).glob("*/unsaved.json"))
        view = person.do(do.Apply(Disconnect("fc", "input")))
        assert "Nothing feeds" in view.notice[2] and "ZeroDivision" not in view.notice[2]

    live(scenario)


def test_code_is_generated_only_while_it_can_be_seen(live):
    async def scenario(person):
        person.do(DIGITS)
        view = await person.until(lambda view: not view.welcome)
        assert view.code is None
        view = person.do(do.Watch(frozenset({"code"})))
        assert "nn.Conv2d" in view.code.source
        line = view.code.source.splitlines()[view.code.lines["conv1"][0] - 1]
        assert "self.conv1 = " in line
        view = person.do(do.Apply(Disconnect("fc2", "input")))
        assert view.code.source == "" and "fc2" in view.code.problem

    live(scenario)


def test_of_data_asked_for_twice_the_last_wins_whichever_is_there_first(live, monkeypatch):
    go, load = threading.Event(), datadesk.load_data

    def slow_for_iris(text, options):
        if text == "iris":
            assert go.wait(60)
        return load(text, options)

    monkeypatch.setattr(datadesk, "load_data", slow_for_iris)

    async def scenario(person):
        person.do(do.UseData("iris"), do.UseData("moons"))
        await person.until(lambda view: view.data.state == "ready")
        person.do(do.Start("mlp", "iris"), do.UseData("moons"))
        go.set()
        view = await person.idle()
        assert view.data.text == "moons" and view.data.info.name == "moons" and view.data.state == "ready"
        assert person.desk.data.raw.info.name == "moons" and not view.document.document.graph.nodes

    live(scenario)


def test_runs_are_begun_and_closed_in_the_order_that_was_asked_for(live):
    async def scenario(person):
        person.do(MOONS)
        await person.until(lambda view: not view.welcome)
        person.do(do.Configure({"steps": 20000}), do.Train(), do.Train(), do.CloseRun())
        view = await person.idle()
        assert view.run is None and person.errors() == ["A run is being started."]
        (folder,) = [path for path in person.desk.places.runs.iterdir() if path.is_dir()]
        assert RunReader(folder).status == "stopped"
        person.do(do.Train(), do.ResumeRun(folder))
        await person.until(lambda view: view.run and view.run.progress.step > 0)
        view = await person.idle()
        assert view.run.run_id != folder.name and "stop it before" in person.errors()[-1]

    live(scenario)


def test_a_knob_that_is_not_there_is_told(live):
    async def scenario(person):
        person.do(MOONS)
        await person.until(lambda view: not view.welcome)
        person.do(do.Turn("fc1.dropout", 0.5), do.Turn("gone.frozen", True))
        assert [text for text in person.errors() if "There is no knob" in text] == person.errors() != []

    live(scenario)


def test_of_two_lists_of_runs_the_one_begun_last_is_shown(live, monkeypatch):
    go, reading, read = threading.Event(), threading.Event(), trainingdesk.list_runs

    def slow_at_first(*arguments):
        if not reading.is_set():
            reading.set()
            before = read(*arguments)
            assert go.wait(60)
            return before
        return read(*arguments)

    monkeypatch.setattr(trainingdesk, "list_runs", slow_at_first)

    async def scenario(person):
        person.do(do.RefreshRuns())
        while not reading.is_set():
            await person.frame()
        (person.desk.places.runs / "20261121-000000-late-0000").mkdir(parents=True)
        (person.desk.places.runs / "20261121-000000-late-0000" / "run.h5").write_bytes(b"no run")
        person.do(do.RefreshRuns())
        view = await person.until(lambda view: view.runs and view.runs.runs)
        go.set()
        view = await person.idle()
        for _ in range(20):
            view = await person.frame()
        assert len(view.runs.runs) == 1

    live(scenario)
