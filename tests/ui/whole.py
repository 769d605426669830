"""The whole product in a folder of its own, on the null backend, and the words for what a person does with it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from imgui_bundle import hello_imgui, imgui

from neuralforge.app.desktop import Desktop, Places
from neuralforge.app.show import Shown
from neuralforge.graph.graph import Node
from neuralforge.runs.events import Event
from neuralforge.ui.backend import BackendKind
from neuralforge.ui.docking import window_label
from neuralforge.ui.host import Host
from neuralforge.ui.local import FocusPanel
from neuralforge.ui.marks import Rect
from neuralforge.workbench import commands as do
from neuralforge.workbench.commands import Command
from neuralforge.workbench.view import RunView, View
from tests.ui.pilot import Pilot, PilotError, Stage, StageMaker

LONG_STEPS = 200_000
"""Of a run that is to be still at work when it is looked at."""

SLOW_FRAMES = 2500
"""Within which torch is loaded, data read and a small network trained; more than any scenario needs."""


class Whole:
    """The product, for assertions.

    Args:
        home: Folder of everything that it keeps.
        kind: How the window is drawn.
        size_px: Its size.

    Attributes:
        home: The folder.
        desktop: The application.
        host: What is inside the window.
        window: The window.
    """

    def __init__(self, home: Path, kind: BackendKind, size_px: tuple[int, int]) -> None:
        self.home = home
        self.shown = Shown(Desktop(places(home)), kind=kind, size_px=size_px)
        self.desktop: Desktop = self.shown.desktop
        self.host: Host = self.shown.host
        self.window = self.shown.window
        self._heard = _Stderr()

    async def run(self) -> None:
        """Run until the window closes; afterwards nothing may have failed, nor been complained of."""
        with self._heard:
            await self.shown.run()
        assert not self.host.failures, "\n".join(self.host.failures.values())
        errors = [line for line in self._heard.lines if "imgui-error" in line]
        assert not errors, "\n".join(errors[:5])

    @property
    def view(self) -> View:
        """What the panels show."""
        return self.desktop.view()


class _Stderr:
    """Hears what Dear ImGui itself says of wrong calls, and passes it on."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __enter__(self) -> None:
        sys.stderr.flush()
        self._kept = os.dup(2)
        self._file = tempfile.TemporaryFile()
        os.dup2(self._file.fileno(), 2)
        self._out = os.dup(1)
        os.dup2(self._file.fileno(), 1)

    def __exit__(self, *error: object) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(self._kept, 2)
        os.dup2(self._out, 1)
        os.close(self._kept)
        os.close(self._out)
        self._file.seek(0)
        text = self._file.read()
        os.write(2, text)
        self.lines = text.decode(errors="replace").splitlines()
        self._file.close()


def places(home: Path) -> Places:
    """Return where a window in a folder keeps its things."""
    return Places(
        runs=home / "runs", settings=home / "settings.json", layout=home / "layout.ini", recovery=home / "unsaved"
    )


def whole(home: Path | None = None, prepare: Callable[[Whole], object] = lambda app: None) -> StageMaker:
    """Return a stage on which the whole product plays.

    Args:
        home: Its folder; a new one each time by default.
        prepare: Called before the window opens.
    """

    def stage(kind: BackendKind, size_px: tuple[int, int]) -> Stage:
        app = Whole(home or Path(tempfile.mkdtemp(prefix="neuralforge-whole-")), kind, size_px)
        prepare(app)
        return Stage(window=app.window, run=app.run, desk=app, marks=app.host.kit.marks)

    return stage


class Person:
    """Uses the product through its window alone; what it asserts on is read from the application.

    Args:
        pilot: The hands.
    """

    def __init__(self, pilot: Pilot) -> None:
        self.pilot = pilot
        self.app: Whole = pilot.desk

    # Seeing

    @property
    def view(self) -> View:
        """What the panels show."""
        return self.app.view

    @property
    def run(self) -> RunView:
        """The run in the panels."""
        run = self.view.run
        assert run is not None, "there is no run"
        return run

    @property
    def nodes(self) -> dict[str, Node]:
        """The nodes of the open document."""
        return dict(self.view.document.document.graph.nodes)

    @property
    def wires(self) -> set[str]:
        """The wires of the open document, such as "input>fc1"."""
        return {f"{edge.source}>{edge.target}" for edge in self.view.document.document.graph.edges}

    def changes(self, key: str) -> list[Event]:
        """Return the events of the run that belong to a knob."""
        return [event for event in self.run.events if event.key == key]

    def wait_for_value(self, key: str, value: object) -> View:
        """Wait until a value of a knob is in force, and until that is written down, which comes a moment later."""

        def is_there(view: View) -> bool:
            written = [event.new for event in view.run.events if event.key == key] if view.run is not None else []
            return view.knobs.in_force[key] == value and written[-1:] == [value]

        return self.wait(is_there, f"{key} = {value}")

    def said(self, words: str) -> bool:
        """Return whether the console holds a line with these words."""
        return any(words in line.text for line in self.view.log)

    def wait(self, holds: Callable[[View], object], what: str = "") -> View:
        """Let frames go by until the view is as wished."""
        try:
            self.pilot.until(lambda: holds(self.view), SLOW_FRAMES, what)
        except PilotError as error:
            last = [line.text for line in self.view.log][-6:]
            run = self.view.run
            state = run and (run.state, run.progress.step, run.trouble)
            raise PilotError(f"{error}\nquestion {self.view.question}\nrun {state}\nconsole {last}") from None
        return self.view

    def sees(self, target: str) -> bool:
        """Return whether something is drawn."""
        return self.pilot.exists(target)

    def rect(self, target: str) -> Rect:
        """Return where something is drawn."""
        found = self.pilot.rect(target)
        assert found is not None, f"there is no {target!r}; marked are {sorted(self.pilot.marks.rects)}"
        return found

    # Doing

    def post(self, *commands: Command) -> View:
        """Ask for something that no scenario of its own is about."""
        for command in commands:
            self.app.host.post(command)
        self.pilot.frames(3)
        return self.view

    def open_start(self, key: str) -> None:
        """Click a card of the welcome screen."""
        self.pilot.click(f"card/start/{key}")
        self.wait(lambda view: not view.welcome)
        self.pilot.frames(4)

    def start(self, template: str, data: str = "", **settings: Any) -> None:
        """Have a network with data and a short run open, however one got there."""
        self.post(do.Forced(do.Start(template, data, settings=settings)))
        self.wait(lambda view: not view.welcome and not view.busy and view.document.document.name == template)
        self.pilot.frames(4)

    def empty(self) -> None:
        """Have an empty canvas."""
        self.post(do.Forced(do.NewDocument()))
        self.pilot.frames(6)

    def panel(self, key: str) -> None:
        """Bring a panel to the front; where that means another arrangement, this takes some frames."""
        self.post(FocusPanel(key))
        self.pilot.until(lambda: key in self.app.host._drawn, 60, f"{key} is shown")
        self.pilot.frames(2)

    def press(self, *chords: str) -> None:
        """Press keys."""
        self.pilot.press(*chords)

    def click(self, target: str) -> None:
        """Click something."""
        self.pilot.click(target)

    def train(self) -> RunView:
        """Press Train and wait for the first steps."""
        self.pilot.click("button/run.train")
        self.wait(lambda view: view.run is not None and view.run.live and view.run.progress.step > 0)
        self.pilot.frames(4)
        return self.run

    def pause(self) -> RunView:
        """Press Pause."""
        self.pilot.click("button/run.train")
        self.wait(lambda view: view.run is not None and view.run.state == "paused")
        return self.run

    def drag_from_palette(self, layer: str, right_px: float, down_px: float) -> str:
        """Drag a layer from the palette onto the canvas, so far from its corner; return the id of its node."""
        before = set(self.nodes)
        x0, y0, _, _ = self.rect("canvas")
        target = (x0 + right_px, y0 + down_px)
        self.pilot.drag(self._in_palette(layer), target, stops=6)
        new = set(self.nodes) - before
        assert len(new) == 1, f"dragging {layer} added {new}"
        return new.pop()

    def _in_palette(self, layer: str) -> str:
        """Search for a layer and return its mark."""
        self.pilot.click("field/layers")
        self.pilot.press("ctrl+a")
        self.pilot.type(layer)
        return f"layer/{layer}"

    def connect(self, source: str, target: str) -> None:
        """Drag a wire from a node's output to a node's input; ports may be named, as in "sum.input2"."""
        source, _, out = source.partition(".")
        target, _, port = target.partition(".")
        start = f"pin/{source}.out.{out or 'output'}"
        end = f"pin/{target}.{port or 'input'}"
        self.pilot.drag(start, end, stops=6)
        self.pilot.frames(2)

    def select(self, node: str) -> None:
        """Click a node on its title."""
        x0, y0, x1, y1 = self.rect(f"node/{node}")
        self.pilot.click((x0 + (x1 - x0) * 0.45, y0 + min(14, (y1 - y0) / 3)))
        self.wait(lambda view: view.document.selection == {node})

    def close_notices(self) -> None:
        """Close the notices, which may lie over what is to be clicked."""
        while found := self.pilot.names("button/close-notice"):
            self.pilot.click(found[0])


def is_shown(app: Whole, key: str) -> bool:
    """Return whether a panel is in the window; called between frames."""
    label = window_label(app.host._kinds[key])
    window = hello_imgui.get_runner_params().docking_params.dockable_window_of_name(label)
    return bool(window and window.is_visible)


def docked_at(app: Whole, key: str) -> tuple[int, int, int, int]:
    """Return the place of a panel's window."""
    found = imgui.internal.find_window_by_name(window_label(app.host._kinds[key]))
    assert found is not None, key
    return (round(found.pos.x), round(found.pos.y), round(found.size.x), round(found.size.y))
