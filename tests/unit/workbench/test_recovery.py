"""Copies of unsaved work: found after a real kill, never while their process lives."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from neuralforge.errors import UserError
from neuralforge.graph.document import Document, dumps
from neuralforge.graph.graph import Graph, Node
from neuralforge.templates.registry import find
from neuralforge.workbench.recovery import FILE_NAME, FORMAT, SCHEMA, Recovery

CHILD = """
import sys
from pathlib import Path
from neuralforge.templates.registry import find
from neuralforge.workbench.recovery import Recovery

recovery = Recovery(Path(sys.argv[1]))
recovery.keep(find("lenet5").build(), None)
recovery.keep(find("mlp").build(), Path(sys.argv[1]) / "net.nf.json")
if sys.argv[2] == "forget":
    recovery.forget()
print("kept", flush=True)
sys.stdin.read()
"""


@contextmanager
def child(folder: Path, what: str = "keep") -> Iterator[subprocess.Popen[str]]:
    """Start a process that keeps a copy and waits until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), what], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == "kept\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_killed_process_leaves_its_last_document(tmp_path: Path) -> None:
    recovery = Recovery(tmp_path)
    with child(tmp_path) as process:
        assert recovery.found() == []  # it lives
        process.kill()
        process.wait()
        (found,) = recovery.found()
    assert found.document == find("mlp").build() and found.path == tmp_path / "net.nf.json"
    assert found.file.is_file() and found.when_utc.startswith("20")
    recovery.discard(found)
    assert recovery.found() == [] and list(tmp_path.iterdir()) == []


def test_a_killed_process_that_had_saved_leaves_nothing(tmp_path: Path) -> None:
    with child(tmp_path, "forget"):
        assert list(tmp_path.iterdir()) == []
    assert Recovery(tmp_path).found() == []


def leave_behind(folder: Path, document: Document, path: Path | None, when_utc: str) -> Path:
    """Lay down what a process that has died left behind."""
    own = folder / f"4711-{when_utc[14:19].replace(':', '')}"
    own.mkdir(parents=True)
    data = {
        "format": FORMAT,
        "schema": SCHEMA,
        "utc": when_utc,
        "path": path and str(path),
        "document": dumps(document),
    }
    (own / FILE_NAME).write_text(json.dumps(data))
    return own


def test_several_are_found_newest_first(tmp_path: Path) -> None:
    leave_behind(tmp_path, find("mlp").build(), None, "2026-11-21T10:01:00+00:00")
    leave_behind(tmp_path, find("lenet5").build(), None, "2026-11-21T10:03:00+00:00")
    leave_behind(tmp_path, find("mlp").build(), tmp_path / "mine.nf.json", "2026-11-21T10:02:00+00:00")
    found = Recovery(tmp_path).found()
    assert [item.when_utc[14:16] for item in found] == ["03", "02", "01"]


def test_of_copies_that_are_the_same_the_newest_stays(tmp_path: Path) -> None:
    with child(tmp_path):
        pass
    with child(tmp_path):
        pass
    mine = tmp_path / "net.nf.json"
    older = leave_behind(tmp_path, find("mlp").build(), mine, "2020-11-21T10:01:00+00:00")
    other = leave_behind(tmp_path, find("mlp").build(), None, "2020-11-21T10:02:00+00:00")
    Recovery(tmp_path).drop_equal()
    found = Recovery(tmp_path).found()
    assert [item.path for item in found] == [mine, None] and found[0].when_utc > "2026"
    assert not older.exists() and other.exists() and len(list(tmp_path.iterdir())) == 2


def test_keeping_and_forgetting(tmp_path: Path) -> None:
    recovery, other = Recovery(tmp_path / "new"), Recovery(tmp_path / "new")
    document = find("mlp").build()
    recovery.keep(document, None)
    (folder,) = (tmp_path / "new").iterdir()
    first = (folder / FILE_NAME).read_bytes()
    recovery.keep(document, None)
    assert (folder / FILE_NAME).read_bytes() == first  # the same document is not written again
    recovery.keep(document, tmp_path / "net.nf.json")
    assert (folder / FILE_NAME).read_bytes() != first
    assert recovery.found() == other.found() == []  # both belong to this process, which lives
    recovery.forget()
    recovery.forget()
    assert list((tmp_path / "new").iterdir()) == []
    recovery.keep(document, None)
    assert len(list((tmp_path / "new").iterdir())) == 1
    recovery.forget()


def test_a_cleared_folder_is_made_again(tmp_path: Path) -> None:
    recovery = Recovery(tmp_path / "new")
    recovery.keep(Document(), None)
    (folder,) = (tmp_path / "new").iterdir()
    for item in folder.iterdir():
        item.unlink()
    folder.rmdir()
    recovery.keep(Document(graph=Graph.build([Node("one", "relu")])), None)
    assert len(list((tmp_path / "new").iterdir())) == 1


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b"[]",
        b'{"format": "other"}',
        json.dumps({"format": "neuralforge-recovery", "schema": 1, "utc": "now", "document": "{"}).encode(),
        json.dumps({"format": "neuralforge-recovery", "schema": 1, "utc": 5, "document": "{}"}).encode(),
        json.dumps({"format": "neuralforge-recovery", "schema": 2, "utc": "now", "document": "{}"}).encode(),
    ],
)
def test_damaged_copies_are_passed_over(damage: bytes, tmp_path: Path) -> None:
    with child(tmp_path):
        pass
    (folder,) = tmp_path.iterdir()
    (tmp_path / "a-stray-file").write_text("x")
    (tmp_path / "empty").mkdir()
    assert len(Recovery(tmp_path).found()) == 1
    (folder / FILE_NAME).write_bytes(damage)
    assert Recovery(tmp_path).found() == []


def test_a_copy_without_its_lock_is_found(tmp_path: Path) -> None:
    """A power cut may take the lock; the work counts."""
    with child(tmp_path):
        pass
    (folder,) = tmp_path.iterdir()
    (folder / "writer.lock").write_bytes(b"")
    assert len(Recovery(tmp_path).found()) == 1


def test_no_folder_and_no_room(tmp_path: Path) -> None:
    assert Recovery(tmp_path / "none").found() == []
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match=r"Unsaved work cannot be copied to .*file"):
        Recovery(tmp_path / "file").keep(Document(), None)
    Recovery(tmp_path / "file").forget()
    assert Recovery(tmp_path / "file").found() == []


def test_only_what_lies_in_its_folder_is_discarded(tmp_path: Path) -> None:
    with child(tmp_path / "one"):
        pass
    (found,) = Recovery(tmp_path / "one").found()
    Recovery(tmp_path / "two").discard(found)
    assert found.file.is_file()
