from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from neuralforge.runs.events import Event
from neuralforge.ui.event_rows import Ledger, row_of, title_of
from neuralforge.ui.flags import ROWS, flag_text, flags_of, gravest, place_flags

TITLES = {"lr": "Learning rate", "batch_size": "Batch size"}


def event(sequence, key="lr", old=None, new=None, step=1, **more):
    more = {"operation": "set", "actor": "person", "applied_step": step, "epoch": 1, **more}
    return Event(sequence=sequence, key=key, old=old, new=new, **more)


def changes(*events):
    ledger = Ledger()
    ledger.update(tuple(events))
    return ledger.changes


def only(*events):
    (change,) = changes(*events)
    return change


# One drag, one change


def test_a_drag_is_one_change_from_its_first_value_to_its_last():
    change = only(
        event(1, old=1e-3, new=9e-4, step=10, gesture="g1"),
        event(2, old=9e-4, new=7e-4, step=11, gesture="g1"),
        event(3, old=7e-4, new=5e-4, step=14, gesture="g1"),
    )
    assert (change.old, change.new, change.values, change.first_step, change.step) == (1e-3, 5e-4, 3, 10, 14)
    assert row_of(change, TITLES).hint == "3 values"


def test_two_knobs_of_one_gesture_are_two_changes():
    found = changes(event(1, gesture="g", new=1), event(2, "batch_size", new=2, gesture="g"))
    assert [item.key for item in found] == ["lr", "batch_size"]


def test_events_without_a_gesture_stay_apart():
    assert len(changes(event(1, new=1), event(2, new=2))) == 2


def test_a_pending_change_becomes_the_applied_one():
    queued = event(1, old=1, new=2, step=None, status="queued", requested_step=50, gesture="g")
    assert row_of(only(queued), {}).status == "pending"
    assert only(queued).step == 50
    change = only(queued, event(2, old=3, new=2, step=50, requested_step=50, gesture="g"))
    assert (change.status, change.old, change.new, change.values, change.step) == ("applied", 3, 2, 1, 50)


def test_a_refused_value_of_a_drag_stands_by_itself():
    found = changes(
        event(1, old=1, new=2, gesture="g"),
        event(2, old=2, new=-1, step=None, status="rejected", why="It is too small.", gesture="g"),
    )
    assert [item.status for item in found] == ["applied", "rejected"]
    assert row_of(found[1], TITLES).why == "It is too small."
    assert found[1].tone == "danger"


def test_a_grown_list_is_taken_over_as_if_it_were_new():
    events = tuple(event(n, old=n, new=n + 1, step=n, gesture=f"g{n // 3}") for n in range(1, 20))
    ledger = Ledger()
    for stop in range(len(events) + 1):
        ledger.update(events[:stop])
    assert ledger.changes == changes(*events)
    assert not ledger.update(ledger._events)


def test_another_run_begins_anew():
    ledger = Ledger()
    ledger.update((event(1, new=1, run="a"), event(2, new=2, run="a")))
    ledger.update((event(1, new=7, run="b"), event(2, new=8, run="b"), event(3, new=9, run="b")))
    assert [item.new for item in ledger.changes] == [7, 8, 9]


# Words


def test_rows_read_like_a_person_would_say_it():
    row = row_of(only(event(1, old=1e-3, new=5e-4, step=1200, epoch=3)), TITLES)
    assert row.text == "1,200\t3\tLearning rate\t1e-3\t5e-4\tyou\tapplied"
    assert row.matches(["learning", "5e-4"])
    assert not row.matches(["learning", "dropout"])


def test_titles():
    assert title_of(only(event(1, "conv1.frozen", False, True)), TITLES) == "Freeze conv1"
    assert title_of(only(event(1, "conv1.frozen", True, False)), TITLES) == "Unfreeze conv1"
    assert title_of(only(event(1, "drop.dropout", 0.1, 0.3)), TITLES) == "Dropout of drop"
    assert title_of(only(event(1, "weight_decay", 0.1, 0.3)), TITLES) == "Weight decay"
    assert title_of(only(event(1, "stop", operation="control", actor="rule")), TITLES) == "Early stop"
    assert title_of(only(event(1, "nonfinite", operation="notice")), TITLES) == "Loss is not finite"
    assert row_of(only(event(1, "run", new=10, operation="control")), TITLES).new == "10 steps"


# Flags


def text_of(key, old, new, **more):
    return flag_text(only(event(1, key, old, new, **more)))


def test_flag_texts():
    assert text_of("lr", 1e-3, 5e-4) == "lr \u00d7 0.5"
    assert text_of("lr", 1e-3, 2e-3) == "lr \u00d7 2"
    assert text_of("lr", 3e-3, 1e-3) == "lr \u00f7 3"
    assert text_of("lr", 1e-3, 7.3e-4) == "lr 1e-3 \u2192 7.3e-4"
    assert text_of("lr", 0.0, 1e-3) == "lr 0 \u2192 1e-3"
    assert text_of("drop.dropout", 0.1, 0.3) == "dropout 0.1 \u2192 0.3"
    assert text_of("drop2.dropout", 0.1, 0.3) == "drop2 0.1 \u2192 0.3"
    assert text_of("block.dropout", 0.1, 0.3) == "block dropout 0.1 \u2192 0.3"
    assert text_of("conv1.frozen", False, True) == "freeze conv1"
    assert text_of("batch_size", 64, 128) == "batch 64 \u2192 128"
    assert text_of("nonfinite", None, None, operation="notice") == "NaN"
    assert text_of("extend", None, 2000, operation="control") == "extend to 2,000"


def test_only_what_changed_something_has_a_flag():
    found = flags_of(
        changes(
            event(1, "run", operation="control"),
            event(2, "pause", operation="control"),
            event(3, "save", operation="control"),
            event(4, new=1, status="rejected", step=None),
            event(5, new=1, status="queued", step=None, requested_step=9),
            event(6, "stop", operation="control", step=30),
            event(7, old=1e-3, new=1e-4, step=20),
        )
    )
    assert [(flag.step, flag.text) for flag in found] == [(20, "lr \u00d7 0.1"), (30, "stop")]


def test_the_gravest_gives_its_colour():
    found = flags_of(changes(event(1, old=1, new=2), event(2, "nonfinite", operation="notice")))
    assert gravest(found) == "danger"


LEFT, MERGED, GAP = 50.0, 34.0, 4.0
PLACES = st.lists(st.tuples(st.floats(0, 1), st.floats(5, 300)), max_size=60)


@given(PLACES, st.floats(40, 900))
def test_flags_never_overlap_and_none_is_lost(places, width):
    right = LEFT + width
    xs = sorted(LEFT + share * width for share, _ in places)
    found = place_flags(xs, [wanted for _, wanted in places], LEFT, right, MERGED, GAP)
    assert sorted(member for item in found for member in item.members) == list(range(len(places)))
    for item in found:
        assert item.x >= LEFT - 1e-6 and item.x + item.width <= right + 1e-6
        assert 0 <= item.row < ROWS
        assert len(item.members) == 1 or item.row == ROWS - 1
    for row in range(ROWS):
        mine = sorted((item.x, item.x + item.width) for item in found if item.row == row)
        assert all(one[1] + GAP <= other[0] + 1e-6 for one, other in pairwise(mine))


def test_flags_with_room_stand_in_the_first_row_at_their_lines():
    found = place_flags([100, 300, 580], [60, 60, 60], 50, 600, 34)
    assert [(item.x, item.row) for item in found] == [(100, 0), (300, 0), (540, 0)]


def test_what_finds_no_row_is_counted():
    found = place_flags([100, 101, 102, 103, 104, 105], [60] * 6, 50, 600, 34)
    assert [(item.row, len(item.members)) for item in found] == [(0, 1), (1, 1), (2, 4)]
