"""The pilot: drives the whole window the way a person does, and asserts on what came of it.

    @scenario()
    def test_training_starts(pilot: Pilot) -> None:
        pilot.click("Train")
        pilot.until(lambda: pilot.desk.run is not None)

How it works. Dear ImGui's test engine runs a scenario in a thread of its own and hands over at each yield: while the
scenario runs, the thread of the window waits inside a frame; while it waits for a frame, the window's thread draws, and
between two frames goes through the asyncio loop, where the trainer and all tasks live as in the product. So there is
never more than one of the two at work, a scenario may read everything, and nothing in it awaits or sleeps.

Each scenario gets a window and an application of its own, which its *stage* makes. The scenarios of a module are played
in a process apart (`tests.ui.crew`), since a fault of the interface may end its process.
"""

from __future__ import annotations

import functools
import inspect
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgui_bundle import ImVec2, imgui

from neuralforge.app.window import Window
from neuralforge.ui.backend import BackendKind
from neuralforge.ui.marks import Marks, Rect

Point = tuple[float, float]
Target = str | Point
"""A mark ("node/conv1"), its end ("Train" for "button/Train"), an item of Dear ImGui ("**/Label"), or a place."""

_KEYS = {
    "ctrl": imgui.Key.mod_ctrl,
    "shift": imgui.Key.mod_shift,
    "alt": imgui.Key.mod_alt,
    "super": imgui.Key.mod_super,
    "del": imgui.Key.delete,
    "esc": imgui.Key.escape,
    "return": imgui.Key.enter,
    "left": imgui.Key.left_arrow,
    "right": imgui.Key.right_arrow,
    "up": imgui.Key.up_arrow,
    "down": imgui.Key.down_arrow,
    "pageup": imgui.Key.page_up,
    "pagedown": imgui.Key.page_down,
    ",": imgui.Key.comma,
    ".": imgui.Key.period,
    "/": imgui.Key.slash,
    "-": imgui.Key.minus,
    "=": imgui.Key.equal,
    **{str(digit): getattr(imgui.Key, f"_{digit}") for digit in range(10)},
}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What a scenario plays on.

    Args:
        window: Not open yet.
        run: Runs the application until its window closes.
        desk: The application, for assertions.
        marks: Where things lie on the screen.
    """

    window: Window
    run: Callable[[], Awaitable[object]]
    desk: Any
    marks: Marks


StageMaker = Callable[[BackendKind, tuple[int, int]], Stage]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How a scenario is to be played.

    Args:
        stage: Makes the stage; None where the function does without a window.
        kind: How the window is drawn.
        size_px: Its size.
        may_fail: Whether an exception that escaped into the window is meant.
    """

    stage: StageMaker | None
    kind: BackendKind = "null"
    size_px: tuple[int, int] = (1280, 800)
    may_fail: bool = False


def desktop_stage(kind: BackendKind, size_px: tuple[int, int]) -> Stage:
    """Make the product itself, with places of its own."""
    from neuralforge.app.desktop import Desktop, Places
    from neuralforge.app.show import Shown

    home = Path(tempfile.mkdtemp(prefix="neuralforge-pilot-"))
    places = Places(runs=home / "runs", settings=home / "settings.json", layout=None, recovery=home / "unsaved")
    shown = Shown(Desktop(places), kind=kind, size_px=size_px)
    return Stage(window=shown.window, run=shown.run, desk=shown.desktop, marks=shown.host.kit.marks)


def scenario(
    *,
    stage: StageMaker = desktop_stage,
    kind: BackendKind = "null",
    size_px: tuple[int, int] = (1280, 800),
    may_fail: bool = False,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a test of a function that takes a `Pilot` first; further arguments may be parametrized with plain values."""
    return _played(Setting(stage=stage, kind=kind, size_px=size_px, may_fail=may_fail), "pilot")


def apart(kind: BackendKind = "null") -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a test of a function that makes windows itself: it is only called in the process apart.

    Args:
        kind: What it needs, so that it is skipped where that cannot be had.
    """
    return _played(Setting(stage=None, kind=kind), "")


def _played(setting: Setting, first: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def send(crew: Any, **arguments: Any) -> None:
            crew.play(function.__name__, setting.kind, arguments)

        own = [p for p in inspect.signature(function).parameters.values() if p.name != first]
        asks_for = inspect.Parameter("crew", inspect.Parameter.KEYWORD_ONLY)
        own = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
        send.__signature__ = inspect.Signature([asks_for, *own])  # type: ignore[attr-defined]
        send.setting = setting  # type: ignore[attr-defined]
        return send

    return decorate


class PilotError(AssertionError):
    """Something could not be done: not there, not in time."""


class Pilot:
    """Hands on mouse and keyboard.

    Args:
        ctx: The test engine's.
        stage: What is played on.

    Attributes:
        desk: The application.
        window: Its window.
        marks: Where things lie.
    """

    def __init__(self, ctx: imgui.test_engine.TestContext, stage: Stage) -> None:
        self.ctx = ctx
        self.window = stage.window
        self.desk = stage.desk
        self.marks = stage.marks

    # Time

    def frames(self, count: int = 1) -> None:
        """Let frames go by."""
        for _ in range(count):
            if self.ctx.abort or self.window.is_closing:
                raise PilotError("The window was closed.")
            self.ctx.yield_()

    def until(self, holds: Callable[[], object], frames: int = 600, what: str = "") -> None:
        """Let frames go by until something holds; a frame lasts 4 ms or longer.

        Raises:
            PilotError: When it does not, after that many frames.
        """
        for _ in range(frames):
            if holds():
                return
            self.frames()
        if not holds():
            raise PilotError(f"After {frames} frames this does not hold: {what or _source(holds)}")

    # Finding

    def rect(self, name: str) -> Rect | None:
        """Return where a marked thing is drawn now: left, top, right, bottom; None if it is not."""
        self._look()
        found = self.marks.rects.get(name)
        if found is None:
            ends = {rect for key, rect in self.marks.rects.items() if key.endswith(f"/{name}")}
            if len(ends) > 1:
                keys = sorted(key for key in self.marks.rects if key.endswith(f"/{name}"))
                raise PilotError(f"{name!r} may be any of {', '.join(keys)}.")
            found = ends.pop() if ends else None
        return found

    def names(self, prefix: str = "") -> list[str]:
        """Return the names of the marked things that are drawn now."""
        self._look()
        return sorted(name for name in self.marks.rects if name.startswith(prefix))

    def exists(self, target: str) -> bool:
        """Return whether something is drawn now."""
        return self.rect(target) is not None or self._item(target) is not None

    def place(self, target: Target) -> Point:
        """Return the middle of something.

        Raises:
            PilotError: When it is not there.
        """
        if not isinstance(target, str):
            return target
        rect = self.rect(target) or self._item(target)
        if rect is None:
            near = ", ".join(sorted(self.marks.rects)[:60])
            raise PilotError(f"There is no {target!r}. Marked are: {near or 'none'}.")
        return ((rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2)

    def _look(self) -> None:
        """Have everything marked where it is now, also in what rests."""
        self.window.wake()
        self.marks.rects.clear()
        self.frames(2)  # the first ends the frame that is under way

    def _item(self, name: str) -> Rect | None:
        reference = name if name.startswith(("//", "**/")) else f"**/{name}"
        info = self.ctx.item_info(reference, imgui.test_engine.TestOpFlags_.no_error)
        if info.id_ == 0:
            return None
        low, high = info.rect_full.min, info.rect_full.max
        return (low.x, low.y, high.x, high.y)

    # Mouse

    def move(self, target: Target) -> None:
        """Move the mouse over something."""
        self._move(self.place(target))

    def click(self, target: Target, *, button: int = 0, times: int = 1, keys: str = "") -> None:
        """Click on something.

        Args:
            target: What.
            button: 0 left, 1 right, 2 middle.
            times: 2 is a double click.
            keys: Held meanwhile, such as "shift".
        """
        self._move(self.place(target))
        with self.holding(keys):
            if times == 1:
                self.ctx.mouse_click(button)
            else:
                self.ctx.mouse_click_multi(button, times)
            self._settle()

    def double_click(self, target: Target) -> None:
        """Click on something twice, fast."""
        self.click(target, times=2)

    def right_click(self, target: Target) -> None:
        """Click on something with the right button."""
        self.click(target, button=1)

    def drag(self, start: Target, end: Target, *, button: int = 0, stops: int = 4, keys: str = "") -> None:
        """Drag from one thing to another, or to a place.

        Args:
            start: Where the button goes down.
            end: Where it comes up.
            button: Which.
            stops: Places on the way, a frame at each.
            keys: Held meanwhile.
        """
        (x0, y0), (x1, y1) = self.place(start), self.place(end)
        self._move((x0, y0))
        with self.holding(keys):
            self.ctx.mouse_down(button)
            self.frames()
            for stop in range(1, stops + 1):
                part = stop / stops
                self._move((x0 + (x1 - x0) * part, y0 + (y1 - y0) * part))
                self.frames()
            self.ctx.mouse_up(button)
            self._settle()

    def drag_by(self, start: Target, dx: float, dy: float, *, button: int = 0, stops: int = 4, keys: str = "") -> None:
        """Drag something by so many pixels."""
        x, y = self.place(start)
        self.drag((x, y), (x + dx, y + dy), button=button, stops=stops, keys=keys)

    def wheel(self, notches: float, at: Target | None = None, *, sideways: float = 0.0, keys: str = "") -> None:
        """Turn the wheel; positive is away from the person.

        Args:
            notches: How far.
            at: Over what; where the mouse is when left out.
            sideways: How far to the right.
            keys: Held meanwhile.
        """
        if at is not None:
            self.move(at)
        with self.holding(keys):
            self.ctx.mouse_wheel(ImVec2(sideways, notches))
            self._settle()

    # Keyboard

    def type(self, text: str) -> None:
        """Type a text into what has the keyboard."""
        self.ctx.key_chars(text)
        self._settle()

    def press(self, *chords: str) -> None:
        """Press keys, one after the other: "ctrl+z", "f5", "del"."""
        for chord in chords:
            self.ctx.key_press(_chord(chord))
            self._settle()

    @contextmanager
    def holding(self, keys: str) -> Iterator[None]:
        """Hold keys down."""
        if not keys:
            yield
            return
        self.ctx.key_down(_chord(keys))
        try:
            yield
        finally:
            self.ctx.key_up(_chord(keys))

    def set_value(self, target: str, value: object) -> None:
        """Put a value into a field: click it, replace all of its text, press enter."""
        self.click(target)
        self.press("ctrl+a")
        self.type(str(value))
        self.press("enter")

    # Pictures

    def shot(self, path: Path, frames: int = 2000) -> Path:
        """Take a picture of the window and wait for its file; only where there are pixels."""
        picture = self.window.screenshot(path)
        self.until(picture.done, frames, f"picture {path}")
        return picture.result()

    def _move(self, place: Point) -> None:
        self.ctx.mouse_move_to_pos(ImVec2(*place))
        self._check()

    def _settle(self) -> None:
        """Let what was just done arrive: commands are carried out after their frame, and drawn in the next one."""
        self.frames(2)
        self._check()

    def _check(self) -> None:
        if self.ctx.is_error():
            raise PilotError(f"The test engine gave up:\n{self.ctx.test_output.log.get_text()}")


def _chord(text: str) -> int:
    chord = 0
    for part in text.lower().split("+"):
        key = _KEYS.get(part)
        if key is None:
            key = getattr(imgui.Key, part, None)
        if key is None:
            raise ValueError(f"{part!r} in {text!r} is no key.")
        chord |= int(key)
    return chord


def _source(holds: Callable[[], object]) -> str:
    try:
        return inspect.getsource(holds).strip()
    except OSError:
        return repr(holds)
