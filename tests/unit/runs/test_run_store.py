from __future__ import annotations

import csv

import h5py
import pytest

from neuralforge.errors import UserError
from neuralforge.runs.atomic import replacing, write_atomic
from neuralforge.runs.errors import RunLogError
from neuralforge.runs.events import Event
from neuralforge.runs.log import RunLog
from neuralforge.runs.reader import RunReader
from neuralforge.runs.store import RunStore
from neuralforge.runs.table import export_csv, export_events_csv, guarded


@pytest.fixture
def store(tmp_path, make_header):
    runs = tmp_path / "runs"
    for number, name in enumerate(("mlp-one", "mlp-two", "cnn")):
        log = RunLog.create(runs, make_header(name, created_utc=f"2026-11-2{number}T00:00:00+00:00", name=name.upper()))
        log.channel("train").row(number + 1, 0.5, 0.25, 3, 4)
        log.event(Event(operation="set", key="lr", reason="=1+1", why="-x", new="@cmd", widget="\tx", gesture="safe"))
        log.close("completed")
    return RunStore(runs)


def test_runs_are_listed_newest_first_and_broken_ones_say_why(store):
    (store.runs_dir / "broken").mkdir()
    (store.runs_dir / "broken" / "run.h5").write_bytes(b"junk")
    (store.runs_dir / "half").mkdir()
    (store.runs_dir / "half" / "writer.lock").write_text("")
    (store.runs_dir / "no-run").mkdir()
    (store.runs_dir / "file").write_text("")
    runs = store.list()
    assert [run.run_id for run in runs] == ["cnn", "mlp-two", "mlp-one", "half", "broken"]
    assert runs[0].name == "CNN" and runs[0].status == "completed" and runs[0].steps == 3
    assert runs[0].metrics == {"train/loss": 0.5, "train/accuracy": 0.25} and runs[0].size_bytes > 1000
    assert all(run.status.startswith("unreadable: ") and not run.is_readable for run in runs[3:])


def test_a_summary_tells_what_made_a_run(store, make_header):
    header = make_header("loop", kind="own loop", replayable=False, created_utc="2026-11-29T00:00:00+00:00")
    RunLog.create(store.runs_dir, header).close("stopped")
    loop, drawn = store.list()[:2]
    assert (loop.kind, loop.replayable) == ("own loop", False) and (drawn.kind, drawn.replayable) == ("graph", True)


def test_a_store_without_folder_is_empty(tmp_path):
    assert RunStore(tmp_path / "none").list() == []
    with pytest.raises(UserError, match="no run in"):
        RunStore(tmp_path / "none").find("last")
    with pytest.raises(UserError, match="none yet"):
        RunStore(tmp_path / "none").find("x")


def test_finding(store, tmp_path, monkeypatch):
    runs = store.runs_dir
    assert store.find("cnn") == store.find("c") == store.find("last") == runs / "cnn"
    assert store.find(str(runs / "cnn")) == store.find(str(runs / "cnn" / "run.h5")) == runs / "cnn"
    with pytest.raises(UserError, match="mlp-one, mlp-two"):
        store.find("mlp")
    with pytest.raises(UserError, match="mlp-one"):
        store.find("mpl-one")
    for text in ("", "..", "/etc", "nothing\n"):
        with pytest.raises(UserError):
            store.find(text)
    copy = tmp_path / "copy.h5"
    copy.write_bytes((runs / "cnn" / "run.h5").read_bytes())
    assert RunReader(store.find(str(copy))).status == "completed"
    monkeypatch.chdir(runs / "cnn")
    assert store.find(".").resolve() == (runs / "cnn").resolve()


def test_deleting(store, tmp_path):
    log = RunLog.reopen(store.runs_dir / "cnn")
    with pytest.raises(RunLogError, match="cannot be deleted: process"):
        store.delete("cnn")
    log.close("completed")
    assert store.delete("cnn") == store.runs_dir / "cnn"
    assert sorted(path.name for path in store.runs_dir.iterdir()) == ["mlp-one", "mlp-two"]
    outside = tmp_path / "outside"
    (store.runs_dir / "mlp-one").rename(outside)
    with pytest.raises(UserError, match="Only a run in"):
        store.delete(str(outside))
    (store.runs_dir / "link").symlink_to(outside)
    with pytest.raises(UserError, match="Only a run in"):
        store.delete("link")
    assert (outside / "run.h5").exists()


def test_csv_is_long_and_lossless(store, tmp_path):
    target = tmp_path / "out.csv"
    run = RunReader(store.runs_dir / "cnn")
    assert export_csv(run, target) == 4
    with target.open(newline="") as file:
        found = list(csv.reader(file))
    assert found[0] == ["series", "step", "value"] and ["train/loss", "3", "0.5"] in found
    assert not list(tmp_path.glob(".*"))


def test_csv_holds_no_formula(store, tmp_path):
    target = tmp_path / "events.csv"
    assert export_events_csv(RunReader(store.runs_dir / "cnn"), target) == 1
    with target.open(newline="") as file:
        (row,) = csv.DictReader(file)
    found = [row[name] for name in ("reason", "why", "new", "widget", "gesture")]
    assert found == ["'=1+1", "'-x", "'@cmd", "'\tx", "safe"]
    assert [guarded(text) for text in ("\rx", "+1", "a=1", "")] == ["'\rx", "'+1", "a=1", ""]


def test_csv_that_cannot_be_written_is_one_sentence(store, tmp_path):
    with pytest.raises(RunLogError, match="cannot be written"):
        export_csv(RunReader(store.runs_dir / "cnn"), tmp_path / "none" / "out.csv")


def test_atomic_writing_keeps_the_old_file_when_it_fails(tmp_path):
    path = tmp_path / "file"
    write_atomic(path, b"old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_crashed_run_is_completed_by_listing(store):
    log = RunLog.reopen(store.runs_dir / "cnn")
    log.channel("train").row(9, 0.1, 0, 0, 0)
    log.abandon()
    (log.folder / "run.h5").unlink()
    assert store.list()[0].steps in (3, 9)
    with h5py.File(log.folder / "run.h5", "r") as file:
        assert file.attrs["status"] == "running" and file.attrs["journal_bytes"] > 0
    assert store.list()[0].status == "interrupted"
