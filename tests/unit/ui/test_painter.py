"""The picture that is painted beside the frames."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from neuralforge.ui.painter import AWHILE_SECS, Painter, Picture


def one(value: int) -> Picture:
    return np.full((1, 1, 4), value, np.uint8)


class Easel:
    """Paints pictures of a number, and waits with each until it may."""

    def __init__(self) -> None:
        self.began: list[int] = []
        self.may = threading.Event()

    def paint(self, value: int) -> Callable[[], Picture]:
        def work() -> Picture:
            self.began.append(value)
            assert self.may.wait(30)
            return one(value)

        return work


@pytest.fixture
def painter() -> Iterator[Painter]:
    made = Painter()
    yield made
    made.forget()


def finish(painter: Painter) -> None:
    assert painter._asked is not None
    painter._asked[1].result(30)


def test_the_one_before_is_shown_until_the_next_is_there_and_the_newest_is_next(painter: Painter) -> None:
    easel = Easel()
    first = painter.of((1,), lambda: one(1), at_once=False)
    assert first[0, 0, 0] == 1, "there is nothing else to show"
    for value in (2, 3, 4):
        assert painter.of((value,), easel.paint(value), at_once=False) is first
    easel.may.set()
    finish(painter)
    assert painter.of((4,), easel.paint(4), at_once=False)[0, 0, 0] == 2
    finish(painter)
    last = painter.of((4,), easel.paint(4), at_once=False)
    assert last[0, 0, 0] == 4 and painter.of((4,), easel.paint(4), at_once=False) is last
    assert easel.began == [2, 4]


def test_what_is_wanted_at_once_is_not_one_of_before(painter: Painter) -> None:
    easel = Easel()
    painter.of((1,), lambda: one(1), at_once=False)
    painter.of((2,), easel.paint(2), at_once=False)
    threading.Timer(0.05, easel.may.set).start()
    assert painter.of((2,), easel.paint(2), at_once=True)[0, 0, 0] == 2
    assert easel.began == [2], "it was under way already"
    assert painter.of((3,), lambda: one(3), at_once=True)[0, 0, 0] == 3


@pytest.mark.parametrize("at_once", [False, True])
def test_what_goes_wrong_in_the_thread_is_raised_once_and_tried_again(painter: Painter, at_once: bool) -> None:
    def fail() -> Picture:
        raise RuntimeError("no paint")

    painter.of((1,), lambda: one(1), at_once=False)
    painter.of((2,), fail, at_once=False)
    assert painter._asked is not None and isinstance(painter._asked[1].exception(30), RuntimeError)
    with pytest.raises(RuntimeError, match="no paint"):
        painter.of((2,), fail, at_once=at_once)
    painter.of((2,), lambda: one(2), at_once=at_once)
    if not at_once:
        finish(painter)
    assert painter.of((2,), fail, at_once=at_once)[0, 0, 0] == 2


def test_it_can_be_used_after_it_let_go(painter: Painter) -> None:
    painter.of((1,), lambda: one(1), at_once=False)
    painter.of((2,), lambda: one(2), at_once=False)
    painter.forget()
    assert painter.of((3,), lambda: one(3), at_once=False)[0, 0, 0] == 3
    painter.of((4,), lambda: one(4), at_once=False)
    finish(painter)
    assert painter.of((4,), lambda: one(4), at_once=False)[0, 0, 0] == 4


def test_after_a_while_the_one_before_is_not_shown(painter: Painter) -> None:
    easel = Easel()
    painter.of((1,), lambda: one(1), at_once=False)
    painter.of((2,), easel.paint(2), at_once=False)
    easel.may.set()
    finish(painter)
    painter._seen_secs -= 2 * AWHILE_SECS
    assert painter.of((3,), lambda: one(3), at_once=False)[0, 0, 0] == 3


def test_what_is_under_way_does_not_come_after_what_is_newer(painter: Painter) -> None:
    easel = Easel()
    painter.of((1,), lambda: one(1), at_once=False)
    painter.of((2,), easel.paint(2), at_once=False)
    painter.of((3,), lambda: one(3), at_once=True)
    easel.may.set()
    assert painter.of((3,), lambda: one(3), at_once=False)[0, 0, 0] == 3
    painter.of((4,), lambda: one(4), at_once=False)
    finish(painter)
    assert painter.of((4,), lambda: one(4), at_once=False)[0, 0, 0] == 4
