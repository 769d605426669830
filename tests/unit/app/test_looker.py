"""A run that was opened from its files is looked into as a live one is, behind the window."""

import threading
from pathlib import Path

import numpy as np
import pytest

from neuralforge.app import looker
from neuralforge.app.rundesk import OpenedRun
from neuralforge.runs.reader import RunReader
from neuralforge.train import launch, watch
from neuralforge.workbench import commands as do
from tests.unit.app.test_desktop import DIGITS, MOONS, Person
from tests.unit.app.test_desktop import live as live  # the fixture
from tests.unit.train.test_specimen import damage, files, same

WANTS = frozenset({"boundary", "prediction", "node", "maps", "gradients"})
SEEN = do.Watch(frozenset({"decision", "try", "layers"}), WANTS)


async def train(person: Person, start: do.Start = MOONS) -> Path:
    """Train a run to its end and return its folder; it stays in the panels."""
    person.do(do.Forced(start))
    await person.until(lambda view: not view.welcome and view.document.document.name == start.template)
    await person.idle()
    person.do(do.Train())
    view = await person.until(lambda view: view.run and view.run.state == "completed")
    await person.idle()
    return view.run.folder


async def opened(person: Person, folder: Path) -> OpenedRun:
    """Open a run; nothing is seen of it yet."""
    person.do(do.Watch(frozenset()), do.CloseRun())
    await person.until(lambda view: view.run is None)
    person.do(do.OpenRun(folder))
    await person.until(lambda view: view.run)
    await person.idle()
    run = person.desk.training.run
    assert isinstance(run, OpenedRun)
    return run


async def frames(person: Person, count: int = 30) -> None:
    for _ in range(count):
        await person.frame()


class Gate:
    """Holds up the loading of networks until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go, self.here, self.passed = threading.Event(), threading.Event(), threading.Event()
        load = looker._open

        def held(folder):
            self.here.set()
            assert self.go.wait(60)
            try:
                return load(folder)
            finally:
                self.passed.set()

        monkeypatch.setattr(looker, "_open", held)

    async def reached(self, person: Person) -> None:
        await person.until(lambda view: self.here.is_set())


@pytest.mark.parametrize(("start", "node"), [(MOONS, "fc1"), (DIGITS, "conv2")])
def test_the_panels_get_of_an_opened_run_what_they_got_at_its_end(live, start, node):
    async def scenario(person):
        folder = await train(person, start)
        person.do(SEEN, do.Select(frozenset({node})), do.TrySample(4, "test"))

        def complete(view):
            run = view.run
            there = [run.node, run.maps, run.prediction, *([run.boundary] if start is MOONS else [])]
            step = view.run.progress.step
            return all(look is not None and look.step == step for look in there)

        before = (await person.until(complete)).run
        await opened(person, folder)
        kept = files(folder)
        person.do(do.UseData("iris"))
        await person.until(lambda view: view.data.text == "iris" and view.data.state == "ready")
        person.do(SEEN, do.Select(frozenset({node})), do.TrySample(4, "test"))
        view = await person.until(lambda view: view.run.own_data and complete(view))
        for part in ("node", "maps", "boundary", "prediction"):
            assert same(getattr(view.run, part), getattr(before, part)), part
        assert view.run.gradients is None and view.run.layers.step == view.run.progress.step
        assert view.data.text == "iris" and view.run.own_data.text == start.data == view.run.data
        assert view.run.task == "classification" and view.run.look_problem == ""
        assert sum(view.run.own_data.splits.values()) == view.run.own_data.info.samples
        person.do(do.TrySample(1, "train"))
        view = await person.until(lambda view: view.run.prediction.sample == 1)
        person.do(do.TrySample(10**6, "train"))
        assert "samples, from 0. Received: 1000000" in person.errors()[-1]
        await frames(person)
        assert files(folder) == kept and person.desk.view().run.prediction is view.run.prediction

    live(scenario)


def test_nothing_is_loaded_until_a_panel_wants_a_look(live):
    async def scenario(person):
        run = await opened(person, await train(person))
        await frames(person)
        assert run.looker.watch is None and person.desk.view().run.own_data is None
        person.do(do.Watch(frozenset({"layers"}), frozenset({"gradients"})))
        await person.until(lambda view: view.run.own_data)
        assert run.looker.watch is not None

    live(scenario)


def test_an_idle_window_takes_no_looks_and_makes_no_new_view(live, monkeypatch):
    taken = []
    serve = watch.Watch.service
    monkeypatch.setattr(watch.Watch, "service", lambda self, *a, **k: (taken.append(1), serve(self, *a, **k)))
    take = looker.Looker._take_looks
    monkeypatch.setattr(looker.Looker, "_take_looks", lambda self, of: (taken.append(2), take(self, of)))

    async def settle(person):
        person.do(SEEN, do.TrySample(0))
        await person.until(lambda view: view.run.prediction and view.run.boundary)
        await person.until(lambda view: not person.desk.training.run.looker.watch.is_due(60))
        await frames(person, 5)

    async def scenario(person):
        folder = await train(person)
        person.do(SEEN, do.TrySample(0))
        live_watch = person.desk.live.run.watch
        await person.until(lambda view: view.run.prediction and not live_watch.is_due(60))
        await frames(person, 5)
        taken.clear()
        await frames(person, 200)
        assert taken == []
        await opened(person, folder)
        await settle(person)
        taken.clear()
        view = person.desk.view()
        await frames(person, 200)
        assert taken == [] and person.desk.view().run is view.run

    live(scenario)


def test_the_last_question_is_answered_when_the_network_is_there(live, monkeypatch):
    async def scenario(person):
        folder = await train(person)
        gate = Gate(monkeypatch)
        await opened(person, folder)
        person.do(do.TrySample(10**6), do.TrySample(3, "train"))
        await gate.reached(person)
        view = person.desk.view()
        assert view.busy == ("Loading the network of the run",) and view.run.own_data is None
        assert view.run.look_problem == "" and person.errors() == []
        gate.go.set()
        view = await person.until(lambda view: view.run.prediction)
        assert (view.run.prediction.split, view.run.prediction.sample) == ("train", 3)

    live(scenario)


def test_a_question_that_does_not_fit_is_refused_when_the_network_is_there(live):
    async def scenario(person):
        await opened(person, await train(person))
        person.do(do.TryDrawing(np.zeros((1, 8, 8), np.float32)))
        await person.until(lambda view: view.run.own_data)
        assert "Received: a drawing of [1, 8, 8]" in person.errors()[-1]

    live(scenario)


def test_where_there_are_no_weights_a_sentence_says_so_and_the_rest_is_there(live):
    async def scenario(person):
        folder = await train(person)
        live_run = person.desk.live.run
        await opened(person, folder)
        damage(live_run)
        person.do(SEEN)
        view = await person.until(lambda view: view.run.look_problem)
        assert view.run.look_problem.startswith("The checkpoint checkpoints/")
        assert len(view.run.series["train/loss"]) == 60 and view.run.checkpoints and view.run.document.graph.nodes
        assert person.errors() == []
        person.do(do.TrySample(0))
        assert person.errors() == [view.run.look_problem]
        await frames(person)
        assert person.desk.view().run is person.desk.view().run and not person.desk.view().busy
        person.do(do.CloseRun())
        await person.until(lambda view: view.run is None)

    live(scenario)


def test_a_fault_while_loading_is_told_and_stands_in_the_panels(live, monkeypatch):
    async def scenario(person):
        await opened(person, await train(person))

        def fails(folder):
            raise RuntimeError("no memory")

        monkeypatch.setattr(looker, "_open", fails)
        person.do(SEEN)
        view = await person.until(lambda view: view.run.look_problem)
        assert "no memory" in view.run.look_problem
        await person.until(lambda view: any("no memory" in text for text in person.errors()))

    live(scenario)


def test_a_run_is_deleted_only_when_no_thread_reads_it(live, monkeypatch):
    async def scenario(person):
        folder = await train(person)
        gate = Gate(monkeypatch)
        await opened(person, folder)
        person.do(SEEN)
        await gate.reached(person)
        person.do(do.DeleteRun(folder.name))
        await frames(person)
        assert folder.exists() and (folder / "run.h5").exists()
        gate.go.set()
        await person.until(lambda view: view.run is None and not view.busy)
        assert gate.passed.is_set() and not folder.exists() and person.errors() == []

    live(scenario)


def test_a_run_begins_only_when_no_other_network_is_built(live, monkeypatch):
    async def scenario(person):
        folder = await train(person)
        gate, built_alone = Gate(monkeypatch), []
        begin = launch.start

        def start(*arguments, **options):
            built_alone.append(gate.passed.is_set())
            return begin(*arguments, **options)

        monkeypatch.setattr(launch, "start", start)
        await opened(person, folder)
        person.do(SEEN)
        await gate.reached(person)
        person.do(do.Train())
        await frames(person)
        assert built_alone == [] and person.desk.view().run.run_id == folder.name
        gate.go.set()
        view = await person.until(lambda view: view.run.run_id != folder.name and view.run.state == "completed")
        assert built_alone == [True]
        await person.idle()
        digests = {RunReader(path).attributes["weights_sha256"] for path in (folder, view.run.folder)}
        assert len(digests) == 1

    live(scenario)


def test_a_run_that_cannot_be_gone_on_with_is_looked_into_further(live):
    async def scenario(person):
        folder = await train(person)
        await opened(person, folder)
        person.do(SEEN, do.TrySample(0))
        await person.until(lambda view: view.run.prediction)
        person.do(do.ResumeRun(folder))
        await person.until(lambda view: person.errors())
        assert "is complete after 60 steps" in person.errors()[-1]
        person.do(do.TrySample(7))
        await person.until(lambda view: view.run.prediction.sample == 7)
        assert isinstance(person.desk.training.run, OpenedRun)

    live(scenario)


def test_a_window_that_closes_waits_for_the_network_that_it_loads(live, monkeypatch):
    gates = []

    async def scenario(person):
        folder = await train(person)
        gates.append(Gate(monkeypatch))
        await opened(person, folder)
        person.do(SEEN)
        await gates[0].reached(person)
        threading.Timer(0.05, gates[0].go.set).start()

    live(scenario)
    assert gates[0].passed.is_set()
