"""Words for steps of the history that lie outside the document. Free of Dear ImGui."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Final, NamedTuple

from neuralforge.ui.plots import setting
from neuralforge.ui.readable import one_line
from neuralforge.ui.wording import NONE, field_title, title_of
from neuralforge.workbench.config import TrainConfig, config_fields
from neuralforge.workbench.knobs import Knob, KnobValue

_BY_TITLE: Final = frozenset({"optimizer", "schedule"})
_LENGTH: Final = frozenset({"epochs", "steps"})


class StepWords(NamedTuple):
    """What a step is called.

    Args:
        title: What was done.
        old: The value before; "" where the title says it all.
        new: The value after; "" where the title says it all.
    """

    title: str
    old: str = ""
    new: str = ""


def of_turn(knob: Knob, old: KnobValue, new: KnobValue) -> StepWords:
    """Return the words for a knob that was turned: Learning rate 1e-3 -> 3e-4, Freeze conv1."""
    what = knob.key.rpartition(".")[2]
    if knob.node and what == "frozen":
        return StepWords(f"{'Freeze' if new else 'Unfreeze'} {knob.node}")
    title = f"Dropout of {knob.node}" if knob.node else knob.title
    return StepWords(title, setting(old), setting(new))


def of_config(before: TrainConfig, after: TrainConfig, asked: Iterable[str] = ()) -> StepWords:
    """Return the words for a changed configuration: Batch size 64 -> 32.

    Args:
        before: The configuration before.
        after: The configuration after; another one.
        asked: Fields that were asked for, the main one first; others may have followed from them.
    """
    changed = [item.name for item in config_fields() if getattr(before, item.name) != getattr(after, item.name)]
    main = [name for name in asked if name in changed] or changed
    if set(main) <= _LENGTH:
        (old, unit), (new, other) = _length(before), _length(after)
        return StepWords("Ends after", old if unit == other else f"{old} {unit}", f"{new} {other}")
    if main[0] != "optimizer" and len(main) > 1:  # whoever chooses an optimizer chooses its learning rate too
        first, *others = (field_title(name) for name in main)
        return StepWords(", ".join([first, *(title[:1].lower() + title[1:] for title in others)]))
    name = main[0]
    return StepWords(field_title(name), _value(name, getattr(before, name)), _value(name, getattr(after, name)))


def of_data(text: str, options: Mapping[str, str]) -> StepWords:
    """Return the words for a choice of data: Data: moons, noise 0.3."""
    if not text:
        return StepWords(f"Data: {NONE}")
    path = options.get("path", "")
    name = one_line(PurePath(path or text).name or text)
    others = [f"{one_line(key)} {one_line(value)}" for key, value in options.items() if key != "path"]
    return StepWords(f"Data: {', '.join([name, *others])}")


def _length(config: TrainConfig) -> tuple[str, str]:
    return (f"{config.steps:,}", "steps") if config.epochs is None else (f"{config.epochs:,}", "epochs")


def _value(name: str, value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(setting(part) for part in value)
    if value is None:
        return NONE
    if isinstance(value, str):
        return title_of(value) if name in _BY_TITLE else value
    assert isinstance(value, bool | int | float)
    return setting(value)
