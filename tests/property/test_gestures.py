"""Whatever is done with mouse and keys: the product draws on, raises nothing, and can take all of it back."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from neuralforge.app.port import NoWindow
from neuralforge.errors import UserError
from neuralforge.graph.edits import Many
from neuralforge.ui import local
from neuralforge.ui.registry import panels
from neuralforge.workbench import commands as do
from tests.ui.conftest import _crews, crew, display  # noqa: F401
from tests.ui.pilot import Pilot, scenario
from tests.ui.whole import LONG_STEPS, Person, Whole, whole

MORE = int(os.environ.get("NEURALFORGE_GESTURES", "0"))
"""Number of sequences to try by chance; 0 plays the same few each time."""
SEQUENCES, LENGTH = MORE or 12, 30

STARTS = (("mlp", "moons"), ("small_cnn", "digits"), ("mlp", "diabetes"), ("unet", ""), ("", ""))
TEXTS = ("7", "0.5", "-1", "1e9", "relu", "conv", "(3, 3)", "x" * 40, "", "train", "noise=0.3", "\u00e9\u4e16")
KEYS = (
    "enter", "esc", "tab", "del", "backspace", "space", "up", "down", "left", "right", "home", "end", "pagedown",
    "ctrl+z", "ctrl+shift+z", "ctrl+a", "ctrl+c", "ctrl+v", "ctrl+x", "ctrl+d", "ctrl+l", "shift+del", "f", "shift+f",
    "shift+a", "/", "ctrl+k", "f1", "f5", "f6", "f7", "shift+f5", "ctrl+f5", "ctrl+1", "ctrl+2", "ctrl+shift+0",
    "ctrl+n", "ctrl+o", "ctrl+s", "ctrl+shift+n", "ctrl+q", "ctrl+=", "ctrl+-", "ctrl+0", "ctrl+shift+k",
)  # fmt: skip
COMMANDS: tuple[do.Command, ...] = (
    *(local.FocusPanel(kind.key) for kind in panels()),
    *(local.TogglePanel(kind.key) for kind in panels()),
    do.Train(), do.Reset(), do.CloseRun(), do.FitToData(), do.RevertToRun(), do.Control("run", 3), do.SelectAll(),
    do.Apply(Many("Nothing", ())), do.Turn("lr", 1e9, "g"), do.Turn("nobody.knows", 1.0), do.TrySample(3, "test"),
    do.UseData("iris"), do.UseData("nowhere.csv"), do.Configure({"steps": 3}), do.Configure({"lr": -1.0}),
    do.ChangeSettings({"theme": "light"}), do.ChangeSettings({"scale": 2.0}), do.ChangeSettings({"scale": 0.0}),
    do.RefreshRuns(), do.ShowWelcome(), do.ShowWelcome(False), do.Quit(),
)  # fmt: skip

SIZES_PX = ((1280, 800), (1920, 1080), (640, 400), (200, 120), (1500, 700))
Gesture = tuple[Any, ...]


def target(luck: random.Random) -> tuple[str, float, float]:
    return ("place" if luck.random() < 0.2 else "mark", luck.random(), luck.random())


def gesture(luck: random.Random) -> Gesture:
    """Think of something to do; each place and key is as likely as any other."""
    button, held = luck.choice((0, 0, 0, 0, 1, 2)), luck.choice(("", "", "", "", "shift", "ctrl", "alt"))
    match luck.randrange(16):
        case 0 | 1 | 2 | 3 | 4 | 5:
            return ("click", target(luck), button, luck.choice((1, 1, 1, 2)), held)
        case 6 | 7 | 8:
            return ("drag", target(luck), target(luck), button, held)
        case 9:
            return ("wheel", target(luck), luck.choice((-8, -1, 1, 8)), held)
        case 10 | 11:
            return ("press", luck.choice(KEYS))
        case 12 | 13:
            return ("type", luck.choice(TEXTS))
        case 14:
            return ("post", luck.choice(COMMANDS))
    return ("resize", luck.choice(SIZES_PX)) if luck.random() < 0.4 else ("post", luck.choice(COMMANDS))


@dataclass
class Faults:
    """What went wrong in the application itself."""

    found: list[str]

    def add(self, error: BaseException, what: str) -> None:
        self.found.append(f"{what}: {error!r}")


def harmless(app: Whole) -> None:
    """Keep what is done by chance from closing the window, and from files that are not the test's own."""
    app.desktop.port = NoWindow()
    documents = app.desktop.documents
    save: Callable[[Path | None], Path] = documents.save

    def save_at_home(path: Path | None) -> Path:
        target = path or documents.editor.path
        if target is not None and app.home not in target.absolute().parents:
            raise UserError(f"{target} is not the test's own.")
        return save(path)

    documents.save = save_at_home  # type: ignore[method-assign]
    os.chdir(app.home)


def where(pilot: Pilot, aim: tuple[str, float, float]) -> tuple[float, float]:
    kind, a, b = aim
    names = sorted(pilot.marks.rects)
    if kind == "mark" and names:
        left, top, right, bottom = pilot.marks.rects[names[min(int(a * len(names)), len(names) - 1)]]
        return left + (right - left) * (0.5 + (b - 0.5) / 4), (top + bottom) / 2
    width, height = pilot.window.backend.size_px
    return a * width, b * height


def perform(pilot: Pilot, person: Person, gesture: Gesture) -> None:
    pilot.marks.rects.clear()
    pilot.frames(2)
    match gesture:
        case ("click", target, button, times, keys):
            pilot.click(where(pilot, target), button=button, times=times, keys=keys)
        case ("drag", start, end, button, keys):
            pilot.drag(where(pilot, start), where(pilot, end), button=button, stops=3, keys=keys)
        case ("wheel", target, notches, keys):
            pilot.wheel(notches, where(pilot, target), keys=keys)
        case ("press", keys):
            pilot.press(keys)
        case ("type", text):
            pilot.type(text)
        case ("resize", size_px):
            pilot.window.backend.size_px = size_px
        case ("post", command):
            person.app.host.post(command)
    pilot.frames(2)


def begin(pilot: Pilot, person: Person, start: tuple[str, str], trains: bool) -> None:
    pilot.window.backend.size_px = (1280, 800)
    template, data = start
    if template:
        person.start(template, data, steps=LONG_STEPS, batch_size=16)
    else:
        person.empty()
    if trains and person.view.can_train:
        person.post(do.Train())
        person.wait(lambda view: view.run is not None and view.run.progress.step > 0)
    pilot.frames(4)


def settle(person: Person) -> None:
    """Close what is open, and wait for what goes on."""
    pilot = person.pilot
    while (question := person.view.question) is not None:
        person.post(do.Answer(len(question.choices) - 1))
    pilot.press("esc", "esc", "esc")
    while (question := person.view.question) is not None:
        person.post(do.Answer(len(question.choices) - 1))
    person.post(do.ChangeSettings({"theme": "dark", "scale": 0.0}), do.CloseRun(), do.ShowWelcome(False))
    person.wait(lambda view: not view.busy and view.run is None)


@scenario(stage=whole(Path(tempfile.mkdtemp(prefix="neuralforge-gestures-")), harmless))
def test_nothing_that_hands_do_breaks_the_window(pilot: Pilot) -> None:
    person = Person(pilot)
    host, faults = person.app.host, Faults([])
    pilot.window.least_frame_secs = 0.0

    @settings(
        max_examples=SEQUENCES,
        derandomize=not MORE,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**32 - 1))
    def play(seed: int) -> None:
        luck = random.Random(seed)
        start, trains = luck.choice(STARTS), luck.random() < 0.6
        begin(pilot, person, start, trains)
        first, opened = person.view.document.document, person.view.document.opened
        done: list[Any] = [start, trains]
        for _ in range(LENGTH):
            done.append(gesture(luck))
            perform(pilot, person, done[-1])
            wrong = [*host.failures.values(), *faults.found]
            assert not wrong, f"{wrong[0]}\nafter {done}"
        settle(person)
        document = person.view.document
        if document.opened == opened:
            last = document.document
            assert person.post(do.GoTo(0)).document.document == first, f"not taken back: {done}"
            assert person.post(do.GoTo(document.position)).document.document == last, f"not done again: {done}"
        assert not host.failures and not faults.found, f"{faults.found}\nafter {done}"

    with mock.patch.object(person.app.desktop, "fault", faults.add):
        play()
