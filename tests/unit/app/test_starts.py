"""The starting points: that each one opens, and that its card says what it opens."""

from __future__ import annotations

import pytest

from neuralforge.app.starts import KNOWN, STARTING_POINTS, bare, drawn
from neuralforge.data import load
from neuralforge.graph.inference import infer_all
from neuralforge.layers.registry import catalog
from neuralforge.templates.binding import bind
from neuralforge.templates.registry import find
from neuralforge.workbench.config import TrainConfig


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_the_known_facts_of_data_hold(name: str) -> None:
    said, loaded = KNOWN[name], load(name).info
    for fact in ("name", "kind", "task", "input_shape", "input_dtype", "outputs", "classes", "samples"):
        assert getattr(said, fact) == getattr(loaded, fact)


@pytest.mark.parametrize("point", STARTING_POINTS, ids=lambda point: point.key)
def test_a_card_says_what_it_opens(point) -> None:  # type: ignore[no-untyped-def]
    TrainConfig(**point.settings)
    document = bind(find(point.template), load(point.data, point.options).info).document
    shown = next(other for other in drawn() if other.key == point.key)
    assert shown.parameters == infer_all(document.graph, catalog()).totals(1).parameters
    assert shown.graph is not None and list(shown.graph.graph.nodes) == list(document.graph.nodes)
    assert (shown.points is not None) == (point.data in ("spirals", "moons"))


def test_every_card_gets_a_picture() -> None:
    assert [point.key for point in drawn()] == [point.key for point in bare()]
