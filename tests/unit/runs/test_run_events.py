from __future__ import annotations

import json
import math

import h5py
import pytest

from neuralforge.errors import UserError
from neuralforge.runs.events import Event, chain, genesis, sealed, verify
from neuralforge.runs.header import canonical
from neuralforge.runs.log import RunLog
from neuralforge.runs.reader import RunReader


def make(**fields):
    return Event(operation="set", key="lr", **fields)


@pytest.fixture
def closed(log):
    for step in range(1, 4):
        log.channel("train").row(step, 1, 2, 3, 4)
        log.event(make(old=0.1, new=0.1 * step))
    log.close("completed")
    return log.folder


def alter(folder, change):
    with h5py.File(folder / "run.h5", "r+") as file:
        change(file)


@pytest.mark.parametrize("value", [0.1, 1e-308, 5e-324, -0.0, 2**70, "ä\u2028", "nan", True, None, 1.0, math.nan])
def test_events_survive_json(value):
    event = make(old=value, new=value, latency_secs=0.25, why='"quoted"\n')
    again = Event.from_json(event.to_json())
    assert again == event and type(again.new) is type(event.new)
    assert again.to_json() == event.to_json() and event.to_json().isascii()


def test_numbers_that_are_not_finite_are_text():
    assert [make(new=value).new for value in (math.nan, math.inf, -math.inf)] == ["nan", "inf", "-inf"]


def test_a_field_of_a_later_minor_version_is_left_aside_but_counts_in_the_chain(make_header):
    header = make_header()
    found = json.loads(sealed(make(sequence=1), genesis(header))[1])
    found["branch"] = "b"
    del found["digest"]
    digest = chain(genesis(header), canonical(found))
    text = canonical({**found, "digest": digest})
    assert Event.from_json(text).key == "lr"
    assert verify(header, [text], digest) is None
    assert "Event 1" in verify(header, [text.replace('"b"', '"c"')], digest)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "{}", '{"schema":2}', "[" * 100_000, make().to_json().replace('"epoch":0', '"epoch":"x"'),
     make().to_json().replace('"epoch":0', '"epoch":true'),
     make().to_json().replace('"schema":1', '"schema":2')],
)  # fmt: skip
def test_text_that_is_no_event_is_one_sentence(text):
    with pytest.raises(UserError):
        Event.from_json(text)


def test_an_intact_log_is_intact(closed):
    assert RunReader(closed).verify() is None


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_altered_event_is_named(closed, number):
    def change(file):
        text = file["events"].asstr()[number - 1]
        file["events"][number - 1] = text.replace('"old":0.1', '"old":0.2')

    alter(closed, change)
    found = RunReader(closed).verify()
    assert found is not None and f"Event {number}" in found


def test_an_altered_event_with_its_digest_mended_is_named_by_the_next(closed):
    def change(file):
        found = json.loads(file["events"].asstr()[1])
        found["old"] = 0.2
        del found["digest"]
        digest = chain(json.loads(file["events"].asstr()[0])["digest"], canonical(found))
        file["events"][1] = canonical({**found, "digest": digest})

    alter(closed, change)
    assert "Event 3" in (RunReader(closed).verify() or "")


@pytest.mark.parametrize("left", [0, 1, 2])
def test_missing_events_at_the_end_are_noticed(closed, left):
    alter(closed, lambda file: file["events"].resize((left,)))
    found = RunReader(closed).verify()
    assert found is not None and ("missing at the end" in found or "removed" in found)


def test_a_removed_event_in_the_middle_is_noticed(closed):
    def change(file):
        texts = file["events"].asstr()[:]
        file["events"].resize((2,))
        file["events"][:] = [texts[0], texts[2]]

    alter(closed, change)
    assert "Event 2" in (RunReader(closed).verify() or "")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda file: file["graph/source"].__setitem__((), "class Evil: pass"), "source"),
        (lambda file: file["graph/document"].__setitem__((), "{}"), "document"),
        (lambda file: file["config"].__setitem__((), '{"lr": 0.2}'), "header"),
        (lambda file: file["environment"].__setitem__((), "{}"), "header"),
        (lambda file: file["data"].__setitem__((), "{}"), "header"),
        (lambda file: file.attrs.__setitem__("seed", 8), "header"),
        (lambda file: file.attrs.__setitem__("parent_step", 8), "header"),
        (lambda file: file.attrs.__setitem__("events_digest", "0" * 64), "digest"),
        (lambda file: file.attrs.__delitem__("events_digest"), "digest"),
    ],
)
def test_an_altered_header_is_noticed(closed, change, word):
    alter(closed, change)
    found = RunReader(closed).verify()
    assert found is not None and word in found


def test_the_chain_goes_on_over_a_resume(closed):
    log = RunLog.reopen(closed)
    log.event(make(new=5))
    log.close("completed")
    assert RunReader(closed).verify() is None and len(RunReader(closed).events()) == 4


def test_events_hold_scalars_only():
    with pytest.raises(AssertionError):
        make(new=[1])
    with pytest.raises(TypeError):
        make(new=object())
