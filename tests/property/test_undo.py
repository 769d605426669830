"""Random changes of everything: every way back and forth leads to the same document, settings, data and knobs."""

from __future__ import annotations

import asyncio
import random
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from neuralforge.app.desktop import Desktop
from neuralforge.graph.document import Document
from neuralforge.graph.edits import Move, SetFrozen, SetParams, SetTitle
from neuralforge.layers.registry import catalog
from neuralforge.templates.registry import find
from neuralforge.workbench import commands as do
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.editor import Editor
from neuralforge.workbench.history import StepKind
from tests.unit.app.test_desktop import Person, places

CATALOG = catalog()
Place = tuple[Document, dict[str, object]]

# The history alone, over a model of what lies outside

KINDS: dict[str, StepKind] = {"lr": "knob", "momentum": "knob", "config": "settings", "data": "data"}
changes = st.lists(
    st.tuples(
        st.sampled_from(["edit", *KINDS, *KINDS, "undo", "redo", "go", "go", "end of the run"]),
        st.integers(0, 9),
        st.sampled_from([None, None, "one", "two"]),
    ),
    min_size=3,
    max_size=40,
)


class Model:
    """A document, and beside it some values that only the commands of the history put back."""

    def __init__(self) -> None:
        self.editor = Editor(CATALOG, find("mlp").build())
        self.values: dict[str, object] = dict.fromkeys(KINDS, 0)

    def place(self) -> Place:
        return self.editor.document, dict(self.values)

    def command(self, key: str, value: object) -> do.Command:
        if key == "config":
            return do.UseConfig(value if isinstance(value, TrainConfig) else TrainConfig(seed=int(str(value))))
        return do.UseData(str(value)) if key == "data" else do.Turn(key, int(str(value)))

    def go_to(self, position: int) -> None:
        for command in self.editor.way_to(position):
            match command:
                case do.UseConfig(config):
                    self.values["config"] = config.seed
                case do.UseData(text):
                    self.values["data"] = int(text)
                case do.Turn(key, value):
                    self.values[key] = value
        self.editor.go_to(position)

    def change(self, key: str, value: int, gesture: str | None) -> None:
        if key == "edit":
            self.editor.apply(SetParams.of("fc1", out_features=value + 1), gesture)
        elif key == "end of the run":
            self.editor.forget("knob")
            self.values.update(lr=0, momentum=0)
        else:
            back, again = self.command(key, self.values[key]), self.command(key, value)
            self.editor.note(key, KINDS[key], back, again, merge_key=key, gesture=gesture)
            self.values[key] = value


@settings(max_examples=300, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate))
@given(changes, st.integers(0, 2**32 - 1))
def test_each_place_of_the_history_is_one_state_whichever_way_leads_there(script: list[Any], seed: int) -> None:
    model, luck = Model(), random.Random(seed)
    first = model.place()
    for key, value, gesture in script:
        labels = model.editor.history
        if key in ("undo", "redo", "go"):
            model.go_to(model.editor.position + {"undo": -1, "redo": 1}.get(key, value - 4))
            assert model.editor.history is labels
        else:
            model.change(key, value, gesture)
        if key == "end of the run":
            assert "knob" not in model.editor.kinds
            first = first[0], {**first[1], "lr": 0, "momentum": 0}
    assert_sound(model, first, luck)


def assert_sound(model: Model, first: Place, luck: random.Random) -> None:
    editor = model.editor
    count = len(editor.history)
    model.go_to(count)
    places = [model.place()]
    while editor.position:
        model.go_to(editor.position - 1)
        places.insert(0, model.place())
    assert places[0] == first
    for position in range(1, count + 1):
        model.go_to(position)
        assert model.place() == places[position]
    for _ in range(6):
        position = luck.randint(0, count)
        model.go_to(position)
        assert model.place() == places[position] and editor.position == position


# The whole application with a run that trains


def state(desk: Desktop) -> tuple[object, ...]:
    view = desk.view()
    assert view.knobs.live
    document = view.document
    return document.document, view.config, view.data.text, dict(view.data.options), dict(view.knobs.values)


def random_command(luck: random.Random, desk: Desktop) -> do.Command:
    gesture = luck.choice([None, "one", "two"])
    node, position = luck.choice(["fc1", "fc2"]), len(desk.view().document.history)
    frozen = [knob.key for knob in desk.view().knobs.knobs if knob.kind == "bool"]
    return luck.choice(
        (
            do.Apply(SetParams.of(node, out_features=luck.randint(1, 9)), gesture),
            do.Apply(Move({node: (luck.randint(0, 9), 5.0)}), gesture),
            do.Apply(SetTitle(node, str(luck.randint(0, 3)))),
            do.Apply(SetFrozen(node, luck.random() < 0.5)),
            do.Configure({luck.choice(["batch_size", "seed", "epochs"]): luck.randint(1, 4)}, gesture),
            do.Configure({"optimizer": luck.choice(["sgd", "adam"])}),
            do.Configure({"split": luck.choice([(0.5, 0.25, 0.25), (0.7, 0.15, 0.15)])}),
            do.Turn("lr", luck.choice([0.1, 0.2, 0.3, 1e9]), gesture),
            do.Turn("beta1", luck.choice([0.1, 0.2]), gesture),
            do.Turn(luck.choice(frozen), luck.random() < 0.6, gesture),
            do.UseData(luck.choice(["moons", "circles", "no such data"]), luck.choice([{}, {"noise": "0.2"}])),
            do.UseData(""),
            do.Undo(),
            do.Redo(),
            do.GoTo(luck.randint(0, position)),
        )
    )


@settings(max_examples=8, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate))
@given(st.integers(0, 2**32 - 1))
def test_whatever_is_changed_while_a_run_trains_can_be_undone_and_done_again(seed: int) -> None:
    luck = random.Random(seed)

    async def scenario(person: Person) -> None:
        desk = person.desk
        person.do(do.Start("mlp", "moons", settings={"steps": 100_000}))
        await person.idle()
        person.do(do.Train())
        await person.until(lambda view: view.run and view.run.progress.step > 0)
        first = state(desk)
        known = {0: first}
        for _ in range(30):
            person.do(random_command(luck, desk))
            view = await person.frame() if luck.random() < 0.3 else desk.view()
            if view.document.position < len(view.document.history):
                assert known[view.document.position] == state(desk)
            else:
                known[view.document.position] = state(desk)
        count = len(desk.view().document.history)
        person.do(do.GoTo(count))
        for position in range(count, -1, -1):
            assert state(desk) == known[position]
            person.do(do.Undo())
        assert state(desk) == known[0] == first
        for _ in range(count):
            person.do(do.Redo())
        assert state(desk) == known[count]
        for _ in range(6):
            position = luck.randint(0, count)
            person.do(do.GoTo(position))
            assert state(desk) == known[position]
        last = known[position]
        view = await person.until(lambda view: not view.busy and dict(view.knobs.in_force) == dict(view.knobs.values))
        assert state(desk) == last and view.data.state in ("none", "ready", "failed")
        faults = [line.text for line in view.log if "Traceback" in line.text]
        assert not faults, faults[0]

    asyncio.run(_in_a_desktop(scenario))


async def _in_a_desktop(scenario: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk = Desktop(places(Path(folder)))
        desk.begin()
        try:
            await scenario(Person(desk))
        finally:
            await desk.end()
