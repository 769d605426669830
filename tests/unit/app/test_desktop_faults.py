"""The application behind the window under faults: requests that race, disks that refuse, files that lie."""

import asyncio
import itertools
import os
import random
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import h5py
import pytest

from neuralforge.app import datadesk, openingdesk
from neuralforge.graph.document import Document, dumps
from neuralforge.graph.edits import AddNode, SetParams
from neuralforge.graph.graph import Edge, Graph, Node
from neuralforge.runs.errors import RunLogError
from neuralforge.runs.log import RunLog
from neuralforge.runs.reader import RunReader
from neuralforge.runs.store import RunStore
from neuralforge.train import launch
from neuralforge.workbench import commands as do
from neuralforge.workbench.settings import load_settings
from tests.unit.app.test_desktop import MOONS, Person
from tests.unit.app.test_desktop import live as live  # the fixture

LONG = do.Configure({"steps": 100_000})


def chain(count: int) -> Document:
    """Return a network of so many layers, one after the other."""
    nodes = [Node.make("input", "input", shape=(8,))]
    nodes += [Node.make(f"fc{number}", "linear", out_features=8) for number in range(count)]
    nodes.append(Node.make("output", "output"))
    wires = [Edge(a.id, "output", b.id, "input") for a, b in itertools.pairwise(nodes)]
    return Document(name="chain", graph=Graph.build(nodes, wires))


def training_tasks() -> int:
    return sum(task.get_name() == "training" for task in asyncio.all_tasks())


async def trains(person: Person) -> None:
    person.do(MOONS)
    await person.until(lambda view: not view.welcome)
    person.do(LONG, do.Train())
    await person.until(lambda view: view.run and view.run.progress.step > 3)


# Requests that race


def test_train_pressed_twenty_times_makes_one_run(live, tmp_path):
    async def scenario(person):
        person.do(MOONS)
        await person.until(lambda view: not view.welcome)
        person.do(LONG, *[do.Train()] * 20)
        await person.until(lambda view: view.run and view.run.progress.step > 3)
        await person.idle()
        assert training_tasks() == 1 and len(list((tmp_path / "runs").iterdir())) == 1

    live(scenario)


class Race:
    """Posts commands at random, however the last ones stand, and watches what must always hold."""

    def __init__(self, person: Person, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.person = person
        self.random = random.Random(seed)
        self.logs: list[RunLog] = []
        for name in ("create", "reopen"):
            make = getattr(RunLog, name)
            monkeypatch.setattr(RunLog, name, lambda *a, make=make, **k: self._noted(make(*a, **k)))

    def _noted(self, log: RunLog) -> RunLog:
        self.logs.append(log)
        return log

    def command(self) -> do.Command:
        draw = self.random
        runs = self.person.desk.places.runs
        folder = draw.choice(sorted(runs.glob("2*")) or [runs / "none"])
        data = draw.choice(["moons", "circles", "nothing", "xor"])
        return draw.choice(
            [
                do.Train(),
                do.Train(),
                do.Reset(),
                do.Control(draw.choice(["run", "pause", "stop", "save"])),
                do.Control("run", 3),
                do.Control("extend", draw.choice([2, 300])),
                do.OpenRun(folder),
                do.CloseRun(),
                do.ResumeRun(folder, draw.choice([None, 5, 500])),
                do.DeleteRun(folder.name),
                do.RefreshRuns(),
                do.UseData(data),
                do.Configure({draw.choice(["steps", "seed"]): draw.choice([5, 50_000])}),
                do.Turn("lr", draw.choice([0.1, 1e9])),
                do.Forced(do.Start("mlp", draw.choice(["", data]), train=draw.random() < 0.5)),
                do.Forced(do.NewDocument()),
                do.RevertToRun(),
                do.FitToData(),
                do.Undo(),
                do.TrySample(1),
                do.Watch(
                    frozenset({"runs", "curves", "code", "decision", "try"}),
                    frozenset({"gradients", "boundary", "prediction"}),
                ),
            ]
        )

    async def run(self, count: int) -> None:
        for _ in range(count):
            self.person.do(self.command())
            for _ in range(self.random.choice([0, 0, 1, 5, 25])):
                view = await self.person.frame()
                assert training_tasks() <= 1
                assert view.run is None or view.run.live <= (self.person.desk.live is not None)


@pytest.mark.parametrize("seed", range(6))
def test_commands_in_any_order_leave_one_run_at_most_and_no_log_open(live, monkeypatch, seed):
    async def scenario(person):
        person.do(MOONS)
        await person.until(lambda view: not view.welcome)
        scenario.race = Race(person, seed, monkeypatch)
        scenario.desk = person.desk
        await scenario.race.run(40)

    live(scenario)
    faults = [line.text for line in scenario.desk.console.lines if "Traceback" in line.text]
    assert not faults, faults[0]
    assert not any(log._is_open for log in scenario.race.logs)
    for folder in {log.folder for log in scenario.race.logs}:
        assert not (folder / "writer.lock").exists()
        if folder.exists():
            assert RunReader(folder).status != "running"


def test_a_window_that_closes_while_a_network_is_built_leaves_no_run(live, tmp_path, monkeypatch):
    begun, go, start = threading.Event(), threading.Event(), launch.start

    def slow(*arguments, **options):
        begun.set()
        go.wait()
        return start(*arguments, **options)

    async def scenario(person):
        person.do(MOONS)
        await person.until(lambda view: not view.welcome)
        await person.desk.engine()
        monkeypatch.setattr(launch, "start", slow)
        person.do(do.Train())
        await person.until(lambda view: begun.is_set())
        asyncio.get_running_loop().call_later(0.05, go.set)

    live(scenario)
    assert not list((tmp_path / "runs").glob("2*"))


# What comes late


def test_data_that_comes_late_does_not_overwrite_what_was_chosen_after_it(live, monkeypatch):
    go, load = threading.Event(), datadesk.load_data

    def slow(text, options):
        if text == "circles":
            go.wait()
        return load(text, options)

    async def scenario(person):
        person.do(do.NewDocument())
        monkeypatch.setattr(datadesk, "load_data", slow)
        person.do(do.UseData("circles"), do.UseData("moons"))
        view = await person.until(lambda view: view.data.state == "ready")
        assert view.data.info.name == "moons"
        go.set()
        view = await person.idle()
        assert view.data.info.name == person.desk.data.raw.info.name == "moons"

    live(scenario)


def test_a_document_that_comes_late_takes_nothing_away(live, monkeypatch, tmp_path):
    go = threading.Event()
    slow, other = tmp_path / "slow.nf.json", tmp_path / "other.nf.json"
    slow.write_text(dumps(chain(2)))
    other.write_text(dumps(chain(5)))
    load = openingdesk.load

    def loads(path):
        if path == slow:
            go.wait()
        return load(path)

    async def scenario(person):
        monkeypatch.setattr(openingdesk, "load", loads)
        person.do(do.OpenPath(slow), do.OpenPath(other))
        await person.until(lambda view: view.document.path == other)
        go.set()
        view = await person.idle()
        assert view.document.path == other, "the newer one stays"
        go.clear()
        person.do(do.OpenPath(slow))
        person.do(do.Apply(SetParams.of("fc1", out_features=3)))
        go.set()
        view = await person.idle()
        assert view.question is not None and view.document.document.graph.nodes["fc1"].param("out_features") == 3
        person.do(do.Answer(1))
        await person.until(lambda view: view.document.path == slow)

    live(scenario)


def test_data_that_fails_in_a_way_nobody_thought_of_is_told_and_other_data_can_be_chosen(live, monkeypatch):
    async def scenario(person):
        with monkeypatch.context() as broken:
            broken.setattr(datadesk, "load_data", lambda text, options: {}["of ours"])
            person.do(do.UseData("moons"))
            view = await person.until(lambda view: view.data.state == "failed")
        assert "KeyError" in view.data.problem and "KeyError" in view.notice[2]
        person.do(do.UseData("moons"))
        await person.until(lambda view: view.data.state == "ready")

    live(scenario)


# Faults while training


def test_a_run_whose_folder_is_removed_can_be_stopped_and_another_begun(live):
    async def scenario(person):
        await trains(person)
        folder = person.desk.view().run.folder
        shutil.rmtree(folder)
        await person.until(lambda view: view.run.state == "paused" and view.run.trouble)
        person.do(do.Train())
        await person.until(lambda view: view.run and view.run.folder != folder and view.run.progress.step > 3)
        assert folder.name in " ".join(person.errors()), "what became of the first one is told"

    live(scenario)


@pytest.mark.parametrize("what", ["close", "status", "event"])
def test_a_disk_that_refuses_the_end_of_a_run_does_not_keep_the_window_open(live, monkeypatch, what):
    def refuse(*arguments, **options):
        raise RunLogError("The disk is full.")

    async def scenario(person):
        await trains(person)
        monkeypatch.setattr(person.desk.live.run.session.recorder, what, refuse)
        scenario.desk, scenario.folder = person.desk, person.desk.view().run.folder

    live(scenario)
    assert RunReader(scenario.folder).status in ("interrupted", "paused")
    assert not (scenario.folder / "writer.lock").exists()


def test_a_network_larger_than_memory_is_told_and_the_next_one_trains(live):
    async def scenario(person):
        person.do(MOONS)
        await person.until(lambda view: not view.welcome)
        await person.desk.engine()
        person.do(do.Apply(SetParams.of("fc1", out_features=65536)), do.Apply(SetParams.of("fc2", out_features=65536)))
        person.do(do.Train())
        await person.until(lambda view: "memory" in " ".join(person.errors()))
        assert person.desk.view().run is None
        person.do(do.Undo(), do.Undo(), LONG, do.Train())
        await person.until(lambda view: view.run and view.run.progress.step > 3)

    live(scenario)


# Files


def test_a_document_that_cannot_be_saved_stays_open_and_unsaved(live, tmp_path):
    (tmp_path / "there").write_text("a file, no folder")

    async def scenario(person):
        person.do(do.NewDocument(), do.Apply(AddNode(Node.make("fc", "linear"))))
        view = person.do(do.Save(tmp_path / "there" / "net.nf.json"))
        assert "cannot be written" in view.notice[2] and "there" in view.notice[2]
        assert not view.document.saved and view.document.path is None
        view = person.do(do.Save(tmp_path / "net.nf.json"))
        assert view.document.saved

    live(scenario)


def test_settings_and_copies_that_cannot_be_written_are_told_once_and_all_goes_on(live, tmp_path):
    (tmp_path / "settings.json").mkdir()
    (tmp_path / "unsaved").write_text("no folder")

    async def scenario(person):
        person.do(do.NewDocument(), do.Apply(AddNode(Node.make("fc", "linear"))))
        for theme in ("light", "dark", "light"):
            person.do(do.ChangeSettings({"theme": theme}))
            await asyncio.sleep(0.02)
        view = await person.until(lambda view: any("settings" in line.text for line in view.log))
        assert view.settings.theme == "light"
        person.desk.fault(ZeroDivisionError("of a panel"), "Something")
        assert "ZeroDivisionError" in person.desk.view().notice[2]

    live(scenario)


def test_settings_changed_just_before_the_end_are_kept(live, tmp_path):
    async def scenario(person):
        person.do(do.ChangeSettings({"theme": "light"}))

    live(scenario)
    assert load_settings(tmp_path / "settings.json")[0].theme == "light"


def test_a_large_document_is_opened_away_from_the_thread_of_the_window(live, tmp_path, monkeypatch):
    path = tmp_path / "large.nf.json"
    path.write_text(dumps(chain(3000)))
    window, worked = threading.get_ident(), []
    for name in ("node_sizes", "lay_out", "infer_all"):
        module = __import__("neuralforge.app.documentdesk", fromlist=[name])
        plain = getattr(module, name)

        def noted(*arguments, plain=plain, name=name, **options):
            if len(arguments[0].nodes) > 1000:
                worked.append((name, threading.get_ident()))
            return plain(*arguments, **options)

        monkeypatch.setattr(module, name, noted)

    async def scenario(person):
        person.do(do.OpenPath(path))
        await person.until(lambda view: len(view.document.document.graph.nodes) == 3002)

    live(scenario)
    assert {name for name, _ in worked} >= {"node_sizes", "infer_all"}
    assert all(thread != window for _, thread in worked)


# Runs from elsewhere


def finished_run(live, tmp_path) -> Path:
    async def scenario(person):
        person.do(MOONS)
        await person.until(lambda view: not view.welcome)
        person.do(do.Configure({"steps": 5}), do.Train())
        view = await person.until(lambda view: view.run and view.run.state == "completed")
        scenario.folder = view.run.folder

    live(scenario)
    return scenario.folder


def test_a_folder_of_runs_full_of_rubbish_is_listed_and_nothing_in_it_opens(live, tmp_path):
    good = finished_run(live, tmp_path)
    runs = good.parent
    names = iter(f"20260101-0000{number:02}-bad-{number:04x}" for number in range(60))
    (runs / next(names)).write_text("a file")
    os.symlink("/", runs / next(names))
    os.symlink(runs / "nowhere", runs / next(names))
    os.mkfifo(runs / next(names))
    for content in (b"", b"\x89HDF\r\n\x1a\n" + b"\xff" * 4000, os.urandom(5000), b"{}" * 10):
        for file in ("run.h5", "journal.nfj", "writer.lock"):
            folder = runs / next(names)
            folder.mkdir()
            (folder / file).write_bytes(content)
    folder = runs / next(names)
    folder.mkdir()
    os.mkfifo(folder / "run.h5")
    folder = runs / next(names)
    folder.mkdir()
    os.symlink("/dev/zero", folder / "run.h5")
    for cut in (100, 5000):
        folder = runs / next(names)
        shutil.copytree(good, folder)
        data = (folder / "run.h5").read_bytes()
        (folder / "run.h5").write_bytes(data[: len(data) - cut])

    async def scenario(person):
        person.do(do.Watch(frozenset({"runs"})))
        view = await person.until(lambda view: view.runs)
        assert good.name in [run.run_id for run in view.runs.runs if run.is_readable]
        for folder in [*sorted(runs.iterdir()), runs / "gone"]:
            if folder != good:
                person.do(do.OpenRun(folder))
                await person.idle()
        assert person.desk.view().run is None or person.desk.view().run.run_id == good.name
        assert not [line.text for line in person.desk.console.lines if "Traceback" in line.text]

    live(scenario)


def test_runs_are_read_again_only_where_something_was_written(live, tmp_path, monkeypatch):
    good = finished_run(live, tmp_path)
    shutil.copytree(good, good.with_name("20260101-000000-mlp-0001"))
    read, summary = [], RunStore.summary
    monkeypatch.setattr(RunStore, "summary", lambda store, folder: read.append(folder) or summary(store, folder))

    async def scenario(person):
        await person.desk.training.read_runs()
        assert len(read) == 2
        first = person.desk.view().runs.runs
        await person.desk.training.read_runs()
        assert len(read) == 2 and person.desk.view().runs.runs == first
        with h5py.File(good / "run.h5", "r+") as file:
            file.attrs["name"] = "another"
        await person.desk.training.read_runs()
        assert read[2:] == [good] and "another" in [run.name for run in person.desk.view().runs.runs]

    live(scenario)


def test_the_source_in_a_foreign_run_is_not_run_by_showing_it_nor_by_going_on(live, tmp_path, monkeypatch):
    folder = finished_run(live, tmp_path)
    marker = tmp_path / "it-ran"
    with h5py.File(folder / "run.h5", "r+") as file:
        del file["graph/source"]
        file["graph"].create_dataset("source", data=f"import pathlib\npathlib.Path({str(marker)!r}).touch()\n")

    async def scenario(person):
        person.do(do.OpenRun(folder), do.Watch(frozenset({"code", "runs", "curves"})))
        await person.idle()
        person.do(do.ResumeRun(folder, 50))
        await person.idle()
        assert person.errors() and not marker.exists()

    live(scenario)


def test_a_run_of_another_source_says_how_it_is_trusted(live, tmp_path, monkeypatch):
    folder = finished_run(live, tmp_path)
    generate = launch.generate

    def other(*arguments):
        module = generate(*arguments)
        return replace(module, source=module.source + "# of another version\n")

    async def scenario(person):
        monkeypatch.setattr(launch, "generate", other)
        person.do(do.ResumeRun(folder, 50))
        await person.idle()
        assert f"neuralforge train --resume {folder} --trust" in person.errors()[-1]
        assert person.desk.view().run is None

    live(scenario)


def test_a_run_that_vanishes_while_it_is_shown_stays_shown_and_cannot_be_gone_on_with(live, tmp_path):
    good = finished_run(live, tmp_path)

    async def scenario(person):
        person.do(do.OpenRun(good))
        await person.until(lambda view: view.run is not None)
        shutil.rmtree(good)
        person.do(do.ResumeRun(good, 50), do.RefreshRuns(), do.DeleteRun("nothing"))
        view = await person.idle()
        assert view.run.run_id == good.name and view.run.series["train/loss"]
        assert good.name in " ".join(person.errors())
        assert not any("Traceback" in line.text for line in view.log)

    live(scenario)


def test_a_run_whose_data_is_gone_is_shown_and_says_so_when_it_is_to_go_on(live, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("a,b,label\n" + "".join(f"{n},{n % 7},{'xy'[n % 2]}\n" for n in range(60)))

    async def scenario(person):
        person.do(do.Start("mlp", str(table), settings={"steps": 5}))
        view = await person.until(lambda view: not view.welcome)
        person.do(do.Train())
        view = await person.until(lambda view: view.run and view.run.state == "completed")
        folder = view.run.folder
        table.unlink()
        person.do(do.Train())
        await person.idle()
        assert "table.csv" in person.errors()[-1]
        person.do(do.OpenRun(folder))
        await person.idle()
        person.do(do.ResumeRun(folder, 50))
        await person.idle()
        assert "table.csv" in person.errors()[-1] and person.desk.view().run.run_id == folder.name

    live(scenario)
