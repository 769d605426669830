from __future__ import annotations

import multiprocessing
import random
from contextlib import suppress

import h5py
import numpy as np
import pytest

from neuralforge.errors import UserError
from neuralforge.runs.checked import CheckedFile, TornReadError
from neuralforge.runs.errors import RunFileError
from neuralforge.runs.events import Event, verify
from neuralforge.runs.layout import FILL_BITS, FILL_VALUE
from neuralforge.runs.log import RunLog
from neuralforge.runs.reader import RunReader

TEXT = h5py.string_dtype()
LOSS = "scalars/train/loss"
VALUE = f"{LOSS}/value"


@pytest.fixture
def closed(log):
    for step in range(1, 101):
        log.channel("train").row(step, 1 / step, 2, 3, 4)
    log.event(Event(operation="set", key="lr", new=0.5))
    log.checkpoint(100, "checkpoints/100", "aa", "last")
    log.close("completed", steps=100)
    return log.folder


def use_all(path):
    run = RunReader(path)
    for name in run.series_names():
        run.series(name)
    found = (
        run.header(),
        run.events(),
        run.checkpoints(),
        run.last_values(),
        run.attributes,
        run.status,
        run.writers,
    )
    return found, run.verify()


def replaced(file, name, make):
    del file[name]
    make(file)


def external(file):
    file.create_dataset(VALUE, (100,), "f8", external=[("/etc/passwd", 0, 800)])


def virtual(file):
    layout = h5py.VirtualLayout((100,), "f8")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "x", (100,))
    file.create_virtual_dataset(VALUE, layout)


def huge(file):
    file.create_dataset(VALUE, (2**50,), "f8", chunks=(4096,), maxshape=(None,))


def bomb(file):
    file.create_dataset(VALUE, (2**29,), "f8", chunks=(4096,), compression="gzip")


@pytest.mark.parametrize(
    ("name", "make", "word"),
    [
        (LOSS, lambda f: f.__setitem__(LOSS, h5py.ExternalLink("/x.h5", "/")), "link"),
        (LOSS, lambda f: f.__setitem__(LOSS, h5py.SoftLink("/scalars/knob/lr")), "link"),
        ("scalars", lambda f: f.__setitem__("scalars", h5py.ExternalLink("/x.h5", "/")), "link"),
        ("graph/source", lambda f: f.__setitem__("graph/source", h5py.SoftLink("/config")), "link"),
        (VALUE, external, "another file"),
        (VALUE, virtual, "virtual"),
        (VALUE, huge, "does not store"),
        (VALUE, bomb, "does not store"),
        (VALUE, lambda f: f.create_dataset(VALUE, (2, 2), "f8"), "dimensions"),
        (VALUE, lambda f: f.create_dataset(VALUE, data=[b"a"]), "instead of"),
        (VALUE, lambda f: f.create_group(VALUE), "not a dataset"),
        (VALUE, lambda f: f.create_dataset(
            VALUE, data=np.zeros(100), chunks=(10,), scaleoffset=2), "filter"),
        ("scalars/train/loss/step", lambda f: None, "missing"),
        ("events", lambda f: f.create_dataset("events", data=np.zeros(3, "c16")), "instead of text"),
        ("events", lambda f: f.create_dataset("events", data=["{"], dtype=TEXT), "not JSON"),
        ("config", lambda f: f.create_dataset("config", data="[" * 100_000, dtype=TEXT), "recursion"),
        ("config", lambda f: f.create_dataset("config", data="[]", dtype=TEXT), "not a JSON object"),
        ("checkpoints/file", lambda f: f.create_dataset(
            "checkpoints/file", data=["../../x"], dtype=TEXT), "folder of its run"),
        ("scalars/knob", lambda f: f.create_group("scalars/knob/=cmd|x"), "impossible name"),
    ],
)  # fmt: skip
def test_hostile_content_is_one_sentence(closed, name, make, word):
    with h5py.File(closed / "run.h5", "r+") as file:
        replaced(file, name, make)
    with pytest.raises(UserError, match=word) as caught:
        use_all(closed)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("format", "other", "format"), ("format_version", 2, "newer NeuralForge"),
        ("format_version", "1", "format_version"),
        ("format_version", 0, "format_version"), ("status", "evil", "status"), ("run_id", "../x", "run id"),
        ("seed", [1, 2], "not one text"), ("name", np.zeros(3), "not one text"),
        ("seed", "x", "not supported"),
    ],
)  # fmt: skip
def test_hostile_attributes_are_one_sentence(closed, name, value, word):
    with h5py.File(closed / "run.h5", "r+") as file:
        file.attrs[name] = value
    with pytest.raises(UserError, match=word):
        use_all(closed)


def test_a_chunk_that_asks_for_memory_is_refused(closed):
    with h5py.File(closed / "run.h5", "r+") as file:
        del file[VALUE]
        made = file.create_dataset(VALUE, (1,), "f8", chunks=(2**24,), maxshape=(None,), compression="gzip")
        made[0] = 1.0
    with pytest.raises(RunFileError, match="chunks"):
        RunReader(closed).series("train/loss")


def test_files_that_are_no_run(tmp_path, closed):
    for name, data in (("a.h5", b""), ("b.h5", b"text"), ("c.h5", (closed / "run.h5").read_bytes()[:5000])):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(RunFileError, match=name):
            RunReader(tmp_path / name)
    with pytest.raises(RunFileError, match="not a run"):
        RunReader(tmp_path / "missing")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "run.h5").symlink_to(closed / "run.h5")
    with pytest.raises(RunFileError, match="not a run"):
        RunReader(tmp_path / "linked")


def test_a_copied_file_is_read_by_itself(tmp_path, closed):
    (tmp_path / "copy.h5").write_bytes((closed / "run.h5").read_bytes())
    assert use_all(tmp_path / "copy.h5") == use_all(closed) == use_all(closed / "run.h5")
    with pytest.raises(RunFileError, match="missing"):
        RunReader(closed).series("train/nothing")


def test_a_compressed_run_is_read(closed):
    with h5py.File(closed / "run.h5", "r+") as file:
        values = file[VALUE][:]
        del file[VALUE]
        file.create_dataset(
            VALUE,
            data=values,
            chunks=(64,),
            compression="gzip",
            shuffle=True,
            fletcher32=True,
        )
    assert RunReader(closed).series("train/loss")[1].tolist() == values.tolist()


def test_rows_that_are_announced_but_not_there_are_never_returned(log):
    log.channel("train").row(1, 1, 2, 3, 4)
    log.close("completed")
    with h5py.File(log.folder / "run.h5", "r+") as file:
        for name in ("step", "value"):
            file[f"scalars/train/loss/{name}"].resize((2,))
    assert np.float64(FILL_VALUE).view(np.uint64) == FILL_BITS
    with CheckedFile.open(log.folder / "run.h5") as file, pytest.raises(TornReadError):
        file.series("train/loss")
    with pytest.raises(RunFileError, match="announces"):
        RunReader(log.folder).series("train/loss")


def test_status_follows_writer_and_journal(log):
    run = RunReader(log.folder)
    assert run.is_live and run.status == "running"
    log.set_status("paused")
    log.flush()
    assert run.status == "paused"
    log.abandon()
    assert not run.is_live and run.status == "interrupted"
    assert (log.folder / "journal").exists()
    again = RunLog.reopen(log.folder)
    assert run.status == "running"
    again.close("stopped")
    assert run.status == "stopped"


def test_a_live_run_whose_file_is_lost_is_read_from_its_journal(log, monkeypatch):
    monkeypatch.setattr("neuralforge.runs.reader._PAUSE_SECS", 0.0)
    log.channel("train").row(1, 1, 2, 3, 4)
    log.flush()
    (log.folder / "run.h5").write_bytes(b"")
    assert RunReader(log.folder).series("train/loss")[0].tolist() == [1]


def _open_damaged(paths):
    for path in paths:
        with suppress(UserError):
            use_all(path)


def test_flipped_bytes_are_detected_or_harmless(tmp_path, closed):
    data = (closed / "run.h5").read_bytes()
    intact, _ = use_all(closed)
    with h5py.File(closed / "run.h5", "r") as file:
        assert file[VALUE].id.get_storage_size() == 8 * 4096
    dice = random.Random(3)
    places = [place for place in range(len(data)) if data[place]]
    paths = []
    for number in range(80):
        place = dice.choice(places)
        path = tmp_path / f"{number}.h5"
        path.write_bytes(data[:place] + bytes([data[place] ^ (1 << dice.randrange(8))]) + data[place + 1 :])
        paths.append(path)
    # In a child, so that a crash of HDF5 would be seen as one and not end the tests.
    child = multiprocessing.get_context("fork").Process(target=_open_damaged, args=(paths,))
    child.start()
    child.join(120)
    child.kill()
    child.join()
    assert child.exitcode == 0
    header = intact[0]
    assert verify(header, RunReader(closed).event_texts(), RunReader(closed).attributes["events_digest"]) is None


def test_every_truncation_is_detected(tmp_path, closed):
    data = (closed / "run.h5").read_bytes()
    path = tmp_path / "cut.h5"
    for length in range(0, len(data), 9973):
        path.write_bytes(data[:length])
        with pytest.raises(RunFileError):
            use_all(path)
