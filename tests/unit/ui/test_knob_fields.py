"""Which fields of the configuration the knobs panel shows, and what it calls their choices."""

from __future__ import annotations

from typing import Literal, get_args

from neuralforge.ui.panels.knobs import _ELSEWHERE, choices_of, more_fields, optimizer_changes
from neuralforge.ui.wording import title_of
from neuralforge.workbench.config import OptimizerKey, ScheduleKey, TrainConfig, config_fields
from neuralforge.workbench.view import KnobsView
from tests.ui.hands import view_of


def test_every_choice_has_a_title_and_a_new_one_gets_one() -> None:
    assert choices_of(OptimizerKey) == (("sgd", "SGD"), ("adam", "Adam"), ("adamw", "AdamW"), ("rmsprop", "RMSprop"))
    assert [title for _, title in choices_of(ScheduleKey)] == ["Constant", "Steps", "Cosine", "One cycle"]
    assert choices_of(Literal["warm_restarts"]) == (("warm_restarts", "Warm restarts"),)
    assert title_of("lion") == "Lion"


def test_another_optimizer_brings_its_learning_rate_if_it_has_one() -> None:
    for key in get_args(OptimizerKey):
        assert set(optimizer_changes(TrainConfig(), key)) == {"optimizer", "lr"}
    assert optimizer_changes(TrainConfig(), "lion") == {"optimizer": "lion", "lr": None}
    assert optimizer_changes(TrainConfig(lr=0.7), "lion") == {"optimizer": "lion"}


def test_every_field_is_somewhere_and_the_rest_is_under_more() -> None:
    more = more_fields(view_of().knobs)
    names = [field.name for field in config_fields()]
    assert {*more, *_ELSEWHERE} == set(names) and not set(more) & _ELSEWHERE
    assert more == ("stratify", "standardise", "test", "checkpoint_every", "checkpoint_minutes", "keep", "threads")
    assert more_fields(KnobsView()) == more, "knobs that are not there yet are no settings"
