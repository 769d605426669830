"""Where a run says that it is within its epoch."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuralforge.data.order import batches_in_epoch
from neuralforge.train.launch import start
from neuralforge.workbench.requests import Request
from tests.unit.train.kit import plan


@pytest.mark.parametrize(("batch_size", "accumulation"), [(7, 1), (16, 1), (5, 3)])
def test_the_updates_of_an_epoch_are_counted(tmp_path: Path, batch_size: int, accumulation: int) -> None:
    run = start(plan(tmp_path, epochs=3, batch_size=batch_size, accumulation=accumulation))
    session = run.session
    each = batches_in_epoch(len(session.engine.train), batch_size * accumulation)
    assert each > 2
    told = []
    for pulse in session.steps():
        at = session.progress()
        if pulse.kind == "step":
            told.append((at.epoch, at.batch, at.batches))
        elif told:
            assert (at.epoch, at.batch, at.batches) == told[-1], "nothing is counted before it is made"
    expected = [(1 + n // each, n % each, each) for n in range(1, 3 * each)]
    assert told == [*expected, (3, each, each)]


def test_after_a_change_of_the_batch_size_it_is_counted_with_the_new_one(tmp_path: Path) -> None:
    run = start(plan(tmp_path, epochs=3, batch_size=8))
    session = run.session
    n = len(session.engine.train)
    first, second = batches_in_epoch(n, 8), batches_in_epoch(n, 16)
    session.request(Request(changes={"batch_size": 16}, at_step=first + 1))
    told = {}
    for pulse in session.steps():
        if pulse.kind == "step":
            told[pulse.step] = session.progress()
    assert (told[1].batch, told[1].batches) == (1, first)
    assert (told[first + 1].epoch, told[first + 1].batch, told[first + 1].batches) == (2, 1, second)
    last = told[max(told)]
    assert max(told) == last.total_steps == first + 2 * second and (last.batch, last.batches) == (second, second)
