"""What the frame that all templates share does, shown on a template that only looks."""

from dataclasses import dataclass

from neuralforge.graph.datainfo import DataKind
from neuralforge.templates.builder import Builder, Wire
from neuralforge.templates.template import Goal, Template, either, features_of


@dataclass(frozen=True, kw_only=True)
class NoOptions:
    """None."""


def looking(seen: list[Goal]) -> Template[NoOptions]:
    def write(b: Builder, options: NoOptions, x: Wire, goal: Goal) -> Wire:
        seen.append(goal)
        return b.add("act", "tanh", x)

    return Template(
        key="looking",
        title="Looking",
        summary="Looks.",
        reference="None.",
        options=NoOptions,
        write=write,
        input_shape=(3, 8, 8),
        outputs=7,
        kinds=("image", "sequence", "table"),
        tasks=("reconstruction",),
    )


def test_reconstruction_is_as_wide_as_its_input() -> None:
    seen: list[Goal] = []
    template = looking(seen)
    template.build()
    template.build(None, (2, 5, 6), 99)
    template.build(None, (4, 9))
    template.build(None, (11,), 5)
    assert [goal.outputs for goal in seen] == [3, 2, 9, 11]


def test_features() -> None:
    kinds: list[tuple[DataKind, tuple[int, ...]]] = [("image", (3, 8, 9)), ("sequence", (20, 4)), ("table", (6,))]
    assert [features_of(kind, shape) for kind, shape in kinds] == [3, 4, 6]


def test_notes_that_came_before_come_first() -> None:
    assert looking([]).build(notes=("Before.",)).notes == ("Before.",)


def test_either() -> None:
    assert either(("a",)) == "a"
    assert either(("a", "b")) == "a or b"
    assert either(("a", "b", "c")) == "a, b or c"
