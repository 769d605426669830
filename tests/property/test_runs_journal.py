from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralforge.errors import UserError
from neuralforge.runs.events import Event, verify
from neuralforge.runs.header import RunHeader
from neuralforge.runs.log import RunLog
from neuralforge.runs.reader import RunReader

LAST = 40
HEADER = RunHeader(
    run_id="run-a", name="x", created_utc="2026-11-21T00:00:00+00:00", seed=1, document="{}", source="",
    channels={"train": ("train/loss", "knob/lr")},
)  # fmt: skip


@pytest.fixture(scope="module")
def journal() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        log = RunLog.create(Path(folder), HEADER)
        for step in range(1, LAST + 1):
            log.channel("train").row(step, step * 0.5, 0.1)
            if step % 4 == 0:
                log.event(Event(operation="set", key="lr", new=step))
        log.flush()
        data = (log.folder / "journal").read_bytes()
        log.abandon()
        return data


def open_journal(data: bytes) -> None:
    """Whatever the bytes: a prefix of what was logged, or one sentence; never another row."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "journal").write_bytes(data)
        try:
            run = RunReader(Path(folder))
            steps, values = run.series("train/loss") if run.series_names() else ([], [])
            events = run.events()
        except UserError:
            return
        assert list(steps) == list(range(1, len(steps) + 1))
        assert list(values) == [step * 0.5 for step in steps]
        assert [event.new for event in events] == [4 * number for number in range(1, len(events) + 1)]
        assert verify(HEADER, run.event_texts(), run.attributes["events_digest"]) is None
        assert len(steps) <= LAST and run.status == "interrupted"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_cut_journal_gives_a_prefix(journal: bytes, data: st.DataObject) -> None:
    open_journal(journal[: data.draw(st.integers(0, len(journal)))])


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_a_flipped_journal_gives_a_prefix(journal: bytes, data: st.DataObject) -> None:
    changed = bytearray(journal)
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(journal) - 1))] ^= data.draw(st.integers(1, 255))
    open_journal(bytes(changed))


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_harmless(data: bytes) -> None:
    open_journal(data)
    open_journal(b"NFJOURNL\x01\x00\x00\x00" + data)
