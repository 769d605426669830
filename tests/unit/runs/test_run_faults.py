from __future__ import annotations

import errno
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import h5py
import pytest

from neuralforge.errors import UserError
from neuralforge.runs import disk as disk_module
from neuralforge.runs import journal as journal_module
from neuralforge.runs import lock as lock_module
from neuralforge.runs.errors import RunLogError
from neuralforge.runs.events import Event
from neuralforge.runs.layout import ROWS_PER_CHUNK, RunFile
from neuralforge.runs.lock import LOCK_NAME, WriterLock, holder, is_alive
from neuralforge.runs.log import RunLog
from neuralforge.runs.reader import RunReader

FORK = multiprocessing.get_context("fork")
DEADLINE_SECS = 30.0


def rows(log, start, stop):
    for step in range(start, stop):
        log.channel("train").row(step, step * 0.5, 2, 3, 4)


def check_rows(run, last):
    steps, values = run.series("train/loss")
    assert steps.tolist() == list(range(1, last + 1))
    assert values.tolist() == [step * 0.5 for step in range(1, last + 1)]


class FailingWrite:
    """Stands for os.write: the n-th call takes half of the bytes and then finds the disk full."""

    def __init__(self, number, code=errno.ENOSPC, times=1):
        self.number, self.code, self.times, self.calls, self.write = number, code, times, 0, os.write
        self.half_done = False

    def __call__(self, handle, data):
        if self.half_done:
            self.half_done = False
            raise OSError(self.code, os.strerror(self.code))
        self.calls += 1
        if self.number <= self.calls < self.number + self.times:
            self.half_done = True
            return self.write(handle, data[: len(data) // 2 + 1])
        return self.write(handle, data)


def deeds(log):
    yield lambda: log.event(Event(operation="notice", key="begin"))
    for start in (1, 6, 11):
        yield lambda start=start: rows(log, start, start + 5) if log.last_step("train") < start else None
        yield log.flush
        yield lambda start=start: log.event(Event(operation="set", key="lr", new=start))
    yield lambda: log.checkpoint(15, "checkpoints/15", "aa", "last")
    yield lambda: log.set_status("paused")
    yield lambda: log.scalar("new/series", 15, 1.0)
    yield lambda: log.set_attribute("note", "x")
    yield lambda: log.close("completed", steps=15)


def check_deeds(folder):
    run = RunReader(folder)
    check_rows(run, 15)
    assert [event.new for event in run.events()] == [None, 1, 6, 11] and run.verify() is None
    assert [item.step for item in run.checkpoints()] == [15]
    assert run.series("new/series")[0].tolist() == [15]
    assert run.attributes["note"] == "x" and run.attributes["steps"] == 15
    assert run.status == "completed" and not (folder / "journal").exists() and not (folder / LOCK_NAME).exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("call", ["write", "fsync"])
def test_whichever_write_fails_nothing_is_lost_and_trying_again_works(tmp_path, make_header, monkeypatch, code, call):
    failures = 0
    for number in range(1, 60):
        log = RunLog.create(tmp_path / str(number), make_header())
        handle = log._journal._handle
        if call == "write":
            failing = FailingWrite(number, code)
        else:
            count, real = iter(range(1, 1000)), os.fsync

            def failing(which, count=count, real=real, number=number, handle=handle):
                if which == handle and next(count) == number:
                    raise OSError(code, os.strerror(code))
                real(which)

        failed = []
        with monkeypatch.context() as patch:
            patch.setattr(journal_module.os, call, failing)
            for deed in deeds(log):
                try:
                    deed()
                except RunLogError as error:
                    failed.append(str(error))
                    deed()
                # The journal alone holds it all as well, until the moment when it is no longer needed.
                if (log.folder / "journal").exists():
                    journal = (log.folder / "journal").read_bytes()
        check_deeds(log.folder)
        alone = tmp_path / f"{number}-alone"
        alone.mkdir()
        (alone / "journal").write_bytes(journal)
        run = RunReader(alone)
        check_rows(run, 15)
        assert len(run.events()) == 4 and run.verify() is None and len(run.checkpoints()) == 1
        assert run.attributes["note"] == "x" and run.status == "interrupted"
        if not failed:
            break
        assert len(failed) == 1 and os.strerror(code) in failed[0] and str(log.folder) in failed[0]
        assert "is recorded" in failed[0]
        failures += 1
    assert failures >= (12 if call == "write" else 2)


def test_while_the_disk_is_full_rows_stay_in_memory_and_the_dead_run_keeps_what_was_acknowledged(
    log, monkeypatch, tmp_path
):
    rows(log, 1, 11)
    log.flush()
    failing = FailingWrite(1, times=10**9)
    with monkeypatch.context() as patch:
        patch.setattr(journal_module.os, "write", failing)
        rows(log, 11, 3 * ROWS_PER_CHUNK)
        for now_secs in (1.0, 2.0):
            with pytest.raises(RunLogError, match="up to step 10 is recorded"):
                log.tick(now_secs)
        with pytest.raises(RunLogError):
            log.event(Event(operation="notice", key="x"))
        shutil.copytree(log.folder, tmp_path / "copy")
    (tmp_path / "copy" / LOCK_NAME).unlink()
    check_rows(RunReader(tmp_path / "copy"), 10)
    log.tick(3.0)
    rows(log, 3 * ROWS_PER_CHUNK, 3 * ROWS_PER_CHUNK + 5)
    assert log.event(Event(operation="notice", key="x")).sequence == 1
    log.close("completed")
    check_rows(RunReader(log.folder), 3 * ROWS_PER_CHUNK + 4)


@pytest.mark.parametrize("number", range(1, 9))
def test_a_file_that_cannot_be_written_is_made_from_the_journal_at_the_end(log, monkeypatch, number):
    calls = iter(range(1, 100))
    real = RunFile.append_rows

    def failing(self, channel, rows):
        if next(calls) == number:
            real(self, channel, rows[: len(rows) // 40 // 2 * 40])
            raise RuntimeError("can't write, no space left")
        real(self, channel, rows)

    monkeypatch.setattr(RunFile, "append_rows", failing)
    for step in range(1, 101, 20):
        rows(log, step, step + 20)
        log.event(Event(operation="set", key="lr", new=step))
        log.flush()
    assert (log.degraded is None) == (number > 5)
    if log.degraded is not None:
        assert "no space left" in log.degraded and "goes on" in log.degraded
    log.close("completed", steps=100)
    run = RunReader(log.folder)
    check_rows(run, 100)
    assert len(run.events()) == 5 and run.verify() is None and not (log.folder / "journal").exists()


def test_a_file_that_cannot_be_completed_leaves_the_journal(log, monkeypatch):
    rows(log, 1, 11)
    with monkeypatch.context() as patch:
        patch.setattr(RunFile, "append_rows", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space")))
        with pytest.raises(RunLogError, match=r"The whole run is recorded in .*journal"):
            log.close("completed", steps=10)
    assert (log.folder / "journal").exists() and not (log.folder / LOCK_NAME).exists()
    run = RunReader(log.folder)
    check_rows(run, 10)
    assert run.status == "completed" and run.attributes["steps"] == 10 and not (log.folder / "journal").exists()


def _fill_small_disk(folder: Path, header, pipe) -> None:
    """Run in a child: a limit on file sizes stands for a full disk, and HDF5 itself meets it."""
    log = RunLog.create(folder, header)
    rows(log, 1, 2)
    log.flush()
    soft = os.stat(log.folder / "run.h5").st_size + 40_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))
    step, problem = 2, ""
    while not problem:
        rows(log, step, step + 500)
        step += 500
        try:
            log.flush()
        except RunLogError as error:
            problem = str(error)
    degraded = log.degraded or ""
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    log.close("completed", steps=step - 1)
    pipe.send((degraded, problem, step - 1))


def test_hdf5_on_a_full_disk_is_let_go_and_made_again(tmp_path, make_header):
    here, there = FORK.Pipe()
    child = FORK.Process(target=_fill_small_disk, args=(tmp_path, make_header(), there))
    child.start()
    there.close()
    degraded, problem, last = here.recv()
    child.join()
    assert child.exitcode == 0 and "File too large" in problem and "cannot be written" in degraded
    check_rows(RunReader(tmp_path / "run-a"), last)


@pytest.mark.parametrize("call", ["pwrite", "ftruncate"])
def test_whichever_write_of_the_file_fails_the_run_ends_complete(tmp_path, make_header, monkeypatch, call):
    failures = 0
    for number in range(1, 200):
        count, real = iter(range(1, 10_000)), getattr(os, call)

        def failing(handle, *rest, count=count, real=real, number=number):
            if next(count) == number:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(handle, *rest)

        log = RunLog.create(tmp_path / str(number), make_header())
        with monkeypatch.context() as patch:
            patch.setattr(disk_module.os, call, failing)
            for deed in deeds(log):
                try:
                    deed()
                except RunLogError:
                    assert call == "ftruncate"
                    deed()
        if next(count) <= number:
            break
        check_deeds(log.folder)
        failures += 1
    assert failures >= (30 if call == "pwrite" else 1)


def test_a_program_that_ends_without_closing_its_log_ends_well(tmp_path):
    program = (
        "import sys, pathlib; from neuralforge.runs.header import RunHeader, utc_now; "
        "from neuralforge.runs.log import RunLog\n"
        "h = RunHeader(run_id='run-a', name='x', created_utc=utc_now(), seed=1, document='{}', source='',"
        " channels={'train': ('train/loss',)})\n"
        "log = RunLog.create(pathlib.Path(sys.argv[1]), h)\n"
        "log.channel('train').row(1, 0.5)\n"
        "log.flush()\n"
        "log.channel('train').row(2, 0.5)\n"
        "log._record()\n"
        "sys.keep = (log._carrier._file.file, log._carrier._file.file['scalars/train/loss/value'])\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    run = RunReader(tmp_path / "run-a")
    assert run.status == "interrupted" and run.series("train/loss")[0].tolist() == [1, 2]


def test_a_removed_folder_is_said(log):
    rows(log, 1, 11)
    log.flush()
    shutil.rmtree(log.folder)
    rows(log, 11, 12)
    with pytest.raises(RunLogError, match="removed or moved"):
        log.flush()
    with pytest.raises(RunLogError, match="removed or moved"):
        log.tick(1.0)
    with pytest.raises(RunLogError):
        log.close("stopped")
    log.abandon()
    assert not log.folder.exists()


def test_a_moved_folder_is_said(log, tmp_path):
    log.folder.rename(tmp_path / "elsewhere")
    with pytest.raises(RunLogError, match="removed or moved"):
        log.flush()


def test_a_lock_taken_by_hand_stops_the_writer(log):
    (log.folder / LOCK_NAME).unlink()
    other = WriterLock(log.folder)
    with pytest.raises(RunLogError, match="lock"):
        log.flush()
    log.abandon()
    assert other.is_ours()


def test_a_second_writer_is_refused(log):
    for _ in range(2):
        with pytest.raises(RunLogError, match=f"process {os.getpid()} on"):
            RunLog.reopen(log.folder)
    log.close("completed")
    RunLog.reopen(log.folder).close("completed")


def _write_lock(folder, **changes):
    info = WriterLock(folder).info
    (folder / LOCK_NAME).write_text(json.dumps({**vars(info), **changes}))
    return holder(folder)


@pytest.mark.parametrize(
    ("changes", "alive"),
    [
        ({}, True),
        ({"process_start": "1"}, False),
        ({"boot_id": "another"}, False),
        ({"pid": 2**22 + 5}, False),
        ({"host": "elsewhere"}, True),
        ({"namespace": "pid:[1]"}, True),
    ],
)
def test_who_is_taken_for_alive(tmp_path, changes, alive):
    info = _write_lock(tmp_path, **changes)
    assert info is not None and is_alive(info) is alive
    if alive:
        with pytest.raises(
            RunLogError,
            match=r"writer\.lock" if "host" in changes or "namespace" in changes else "pid|process",
        ):
            WriterLock(tmp_path)
    else:
        assert WriterLock(tmp_path).is_ours()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": "x"}', "[" * 70_000, "\0" * 10])
def test_a_lock_that_cannot_be_understood_is_stale(tmp_path, text):
    (tmp_path / LOCK_NAME).write_text(text)
    assert holder(tmp_path) is None
    assert WriterLock(tmp_path).is_ours()


def test_a_lock_that_steers_the_terminal_is_not_believed(tmp_path):
    assert _write_lock(tmp_path, host="\x1b[2J") is None


def test_a_killed_process_that_nobody_waited_for_is_dead():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    alive, start = lock_module._process(process.pid)
    assert alive and start
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert lock_module._process(process.pid)[0] is False
    process.stdin.close()
    process.wait()


def _take_lock(folder, gate, results):
    gate.wait()
    try:
        WriterLock(folder)
        results.put(True)
        time.sleep(DEADLINE_SECS)
    except UserError:
        results.put(False)


@pytest.mark.parametrize("stale", [False, True])
def test_of_many_who_take_the_lock_at_once_one_gets_it(tmp_path, stale):
    if stale:
        _write_lock(tmp_path, process_start="1")
    gate, results = FORK.Event(), FORK.Queue()
    children = [FORK.Process(target=_take_lock, args=(tmp_path, gate, results)) for _ in range(6)]
    for child in children:
        child.start()
    gate.set()
    assert sum(results.get(timeout=DEADLINE_SECS) for _ in children) == 1
    for child in children:
        child.kill()
        child.join()


def _train_until_killed(folder, handle):
    """Run in a child: log as fast as it goes and say over the pipe what was acknowledged."""
    log = RunLog.reopen(folder, journal_secs=0.0005, flush_secs=0.003)
    step, told = log.last_step("train"), 0
    while True:
        step += 1
        log.channel("train").row(step, step * 0.5, 2, 3, 4)
        log.tick(time.monotonic())
        if step % 7 == 0:
            log.event(Event(operation="set", key="lr", new=step))
        if log.recorded_step != told:
            told = log.recorded_step
            os.write(handle, f"{told} {log.sequence}\n".encode())


def test_nothing_acknowledged_is_lost_when_the_writer_is_killed(log):
    rows(log, 1, 3)
    log.close("paused")
    dice = random.Random(5)
    folder, last = log.folder, 2
    for round_number in range(15):
        readable, writable = os.pipe()
        child = FORK.Process(target=_train_until_killed, args=(folder, writable))
        child.start()
        os.close(writable)
        said = b""
        wanted = dice.randrange(1, 60)
        while said.count(b"\n") < wanted:
            part = os.read(readable, 4096)
            assert part, "the child ended by itself"
            said += part
        for _ in range(dice.randrange(5000)):
            pass
        os.kill(child.pid, signal.SIGKILL)
        while part := os.read(readable, 65536):
            said += part
        os.close(readable)
        child.join()
        acknowledged, events = map(int, said.splitlines()[-1].split())
        with h5py.File(folder / "run.h5", "r", locking=False) as file:
            assert len(file["events"]) <= events + 1
        if round_number % 3 == 0:
            (folder / "run.h5").unlink()
        run = RunReader(folder)
        assert run.status == "interrupted" and run.verify() is None
        last = len(run.series("train/loss")[0])
        assert last >= acknowledged and len(run.events()) >= events
        check_rows(run, last)
        assert [event.new for event in run.events()][-1] <= last
    final = RunLog.reopen(folder)
    rows(final, last + 1, last + 10)
    final.close("completed")
    check_rows(RunReader(folder), last + 9)
    assert len(RunReader(folder).writers) == 17


FOLLOWER = """
import sys, time, h5py
deadline = time.monotonic() + 30
print("ready", flush=True)
seen = 0
while seen < int(sys.argv[2]) and time.monotonic() < deadline:
    try:
        with h5py.File(sys.argv[1], "r", locking=False) as file:
            steps = file["scalars/train/loss/step"][:]
            events = len(file["events"])
    except (OSError, RuntimeError, KeyError):
        continue
    assert (steps[steps > 0] == range(1, (steps > 0).sum() + 1)).all()
    seen = int(steps[-1]) if len(steps) else 0
    time.sleep(0.005)
print(seen, events, flush=True)
"""


def test_another_process_follows_a_live_run_with_plain_h5py(log):
    target = 300
    command = [sys.executable, "-c", FOLLOWER, str(log.folder / "run.h5"), str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as follower:
        assert follower.stdout is not None and follower.stdout.readline() == "ready\n"
        step, deadline = 0, time.monotonic() + DEADLINE_SECS
        while follower.poll() is None and time.monotonic() < deadline:
            step += 1
            if step <= target:
                rows(log, step, step + 1)
                if step % 100 == 0:
                    log.event(Event(operation="notice", key="x"))
            log.tick(time.monotonic(), 0.002)
            time.sleep(0.002)
        assert follower.stdout.readline() == "300 3\n" and follower.wait() == 0
    log.abandon()


def test_opening_twice_rebuilds_once(log):
    rows(log, 1, 11)
    log.flush()
    log.abandon()
    RunReader(log.folder)
    first = (log.folder / "run.h5").stat()
    RunReader(log.folder)
    again = (log.folder / "run.h5").stat()
    assert (first.st_ino, first.st_mtime_ns) == (again.st_ino, again.st_mtime_ns)
    RunLog.reopen(log.folder).abandon()
    RunReader(log.folder)
    assert (log.folder / "run.h5").stat().st_ino != first.st_ino


def test_a_folder_that_cannot_be_written_is_read_from_the_journal(log, monkeypatch):
    rows(log, 1, 11)
    log.event(Event(operation="notice", key="x"))
    log.abandon()
    (log.folder / "run.h5").unlink()
    before = {path.name: path.read_bytes() for path in log.folder.iterdir() if path.is_file()}
    monkeypatch.setattr("neuralforge.runs.reader.settle", lambda _: (_ for _ in ()).throw(OSError(errno.EROFS, "ro")))
    run = RunReader(log.folder)
    check_rows(run, 10)
    assert run.status == "interrupted" and len(run.events()) == 1 and run.verify() is None
    assert {path.name: path.read_bytes() for path in log.folder.iterdir() if path.is_file()} == before


def test_leftovers_of_an_interrupted_rebuild_are_swept(log):
    log.abandon()
    (log.folder / ".run.h5.0000.tmp").write_bytes(b"half")
    RunReader(log.folder)
    assert not list(log.folder.glob(".*"))


def test_a_run_that_died_in_its_creation_is_no_run(tmp_path, make_header):
    folder = tmp_path / "run-a"
    folder.mkdir()
    with pytest.raises(RunLogError, match="not a run"):
        RunLog.reopen(folder)
    with pytest.raises(UserError, match="not a run"):
        RunReader(folder)
    assert replace(make_header(), run_id="run-b").run_id == "run-b"


def test_a_run_that_cannot_be_made_leaves_nothing(tmp_path, make_header, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(RunFile, "declare", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
        with pytest.raises(RunLogError, match="No space left"):
            RunLog.create(tmp_path, make_header())
    assert list(tmp_path.iterdir()) == []
    RunLog.create(tmp_path, make_header()).close("completed")
