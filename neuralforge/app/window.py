"""The window: one frame after the other, on an asyncio loop that it shares with the training.

`Window.run` is the loop of the program; `Window.frame` draws one frame, for hosts that have a loop of their own. What
is drawn comes from a `Gui`; how it gets on the screen is the backend's matter (`neuralforge.ui.backend`).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Final, NoReturn, Protocol

from imgui_bundle import hello_imgui, imgui, immapp
from imgui_bundle import imgui_node_editor as ed

from neuralforge.app.interrupts import deferred_interrupt
from neuralforge.app.pacing import FRAME_SECS, IDLE_AFTER_SECS, IDLE_SECS, SLOWEST_IDLE_SECS, pace_secs, quiet_secs
from neuralforge.app.pictures import Pictures
from neuralforge.errors import UserError
from neuralforge.ui.backend import Backend, BackendKind, in_turn, make_backend, restored_stacks
from neuralforge.ui.display import DisplayLostError

AWAKE_SECS: Final = 0.5
FAILURES_IN_A_ROW: Final = 3
EXACT_SECS: Final = 0.0015
"""An event loop wakes up to a millisecond late, so the last bit before a frame is slept exactly."""
FIRST_FRAMES: Final = 5


class Gui(Protocol):
    """What a window shows. All calls come on the thread of the window."""

    hidden: bool
    """Set before each frame: whether nobody can see the window."""

    def setup(self, params: hello_imgui.RunnerParams, size_px: tuple[int, int]) -> None:
        """Describe the window before it is made: docking, menus, bars, style.

        The window itself takes `show_gui`, `load_additional_fonts`, `confirm_exit`, `before_exit`, the pacing and the
        title; other callbacks are free.
        """

    def load_fonts(self) -> None:
        """Load fonts."""

    def wake(self) -> None:
        """Draw everything anew in the next frame: a picture is wanted, or something has changed without input."""

    def draw(self) -> None:
        """Draw a frame (what Hello ImGui does not already call by itself, such as docked windows)."""

    def end_frame(self) -> None:
        """Carry out what was asked for in a frame, after it. Must not draw."""

    def before_exit(self) -> None:
        """Let go of textures and contexts; called once, while there is still a context."""

    def may_close(self) -> bool:
        """Return whether the window may close now; ask the user in the frames to come if not. Must not draw."""

    def is_busy(self) -> bool:
        """Return whether something moves without input, so that frames must go on at full rate."""

    def failed(self, error: Exception) -> None:
        """Hear of an exception that left a frame half drawn. Must not draw."""


class Clock(Protocol):
    """Who must know of frames: see `neuralforge.app.drivers.FrameClock`."""

    interval_secs: float

    def frame_done(self, cost_secs: float) -> None:
        """Note a frame and what it cost."""


class Window:
    """One window. There is one at a time in a process; after it is closed, it or another can be opened.

    Where its X display goes away, it is no longer open; nothing of it is called any more, and no other can be opened.

    Args:
        gui: What it shows.
        kind: How it is drawn.
        size_px: Width and height.
        title: What stands in its frame.
        clock: Hears of each frame.
        ini_path: Where the arrangement of the panels is kept; None keeps nothing.

    Attributes:
        clock: May be set later, when there is somebody to listen.
        backend: How it is drawn.
        adjust: Changes the parameters last of all when the window is opened, for a test engine say.
        least_frame_secs: From one frame to the next at full rate.
        idles: Whether frames become rare when nothing happens.
        lost: Whether its display went away while it was open.
        on_loss: Called where that happens in the middle of a frame, when it is not sure yet that the process survives.
        error: What the gui raised last.
        params: What Hello ImGui was told; while open.
        frames: How many frames were drawn.
        cost_secs: Smoothed time that drawing one takes.
        frame_secs: Smoothed time from one frame to the next.

    Raises:
        RuntimeError: When another window is open.
        UserError: When the display of an earlier one was lost.
    """

    def __init__(
        self,
        gui: Gui,
        *,
        kind: BackendKind = "screen",
        size_px: tuple[int, int] = (1280, 800),
        title: str = "NeuralForge",
        clock: Clock | None = None,
        ini_path: Path | None = None,
    ) -> None:
        _SEAT.refuse_a_second()
        self.gui = gui
        self.clock = clock
        self.backend: Backend = make_backend(kind, size_px)
        self.adjust: Callable[[hello_imgui.RunnerParams], None] | None = None
        self.least_frame_secs = FRAME_SECS
        self.idles = True
        self.lost = False
        self.on_loss: Callable[[], object] | None = None
        self.error: Exception | None = None
        self.params: hello_imgui.RunnerParams | None = None
        self.frames = 0
        self.cost_secs = 0.0
        self.frame_secs = FRAME_SECS
        self._title = title
        self._ini_path = ini_path
        self._in_frame = False
        self._due_secs = 0.0
        self._last_secs = 0.0
        self._awake_until_secs = 0.0
        self._shown = False
        self._young_frames = 0
        self._failures = 0
        self._pictures = Pictures(self.backend)
        self._error_in_callback: BaseException | None = None
        self._error_in_draw: Exception | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a window."""
        return self.params is not None

    @property
    def is_closing(self) -> bool:
        """Whether there is no window, or not for long."""
        return self.params is None or self.params.app_shall_exit

    @property
    def title(self) -> str:
        """What stands in the window's frame."""
        return self._title

    @title.setter
    def title(self, title: str) -> None:
        if title != self._title:
            self._title = title
            if self.is_open:
                self.backend.set_title(title)

    def open(self) -> None:
        """Make the window, without drawing a frame yet.

        Raises:
            RuntimeError: When a window is open, or none can be made (`neuralforge.app.screen` says why beforehand).
            UserError: When its display goes away meanwhile, or that of an earlier window did.
        """
        _SEAT.refuse_a_second()
        params = hello_imgui.RunnerParams()
        calls = params.callbacks
        params.app_window_params.window_title = self._title
        params.ini_disable = self._ini_path is None
        if self._ini_path is not None:
            self._ini_path.parent.mkdir(parents=True, exist_ok=True)
            params.ini_folder_type = hello_imgui.IniFolderType.absolute_path
            params.ini_filename = str(self._ini_path)
        self.gui.setup(params, self.backend.size_px)
        params.fps_idling.time_active_after_last_event = IDLE_AFTER_SECS
        calls.load_additional_fonts = self._kept(self.gui.load_fonts)
        calls.show_gui = self._draw
        calls.confirm_exit = self.gui.may_close
        calls.before_exit = self._kept(self.gui.before_exit)
        calls.before_imgui_render = in_turn(calls.before_imgui_render, self._leave_if_lost)
        calls.before_swap = in_turn(calls.before_swap, self._pictures.take, self._leave_if_lost)
        self.backend.prepare(params)
        if self.adjust is not None:
            self.adjust(params)
        self.backend.before_open()
        if self.backend.guard is not None:
            self.backend.guard.on_loss = self.on_loss
        try:
            with self.backend.raising_loss():
                immapp.manual_render.setup_from_runner_params(params, _addons())
        except BaseException as error:  # there is nothing to tear down then
            if self.backend.is_lost() and isinstance(error, Exception):
                self._lose(params)
                raise UserError("The display went away while the window was being made.") from None
            _SEAT.left_over = params
            self.backend.after_close()
            raise
        self.params = params
        _SEAT.taken, _SEAT.left_over = True, None
        self.error = None
        self._shown, self._young_frames, self._failures = False, 0, 0
        self._due_secs = self._last_secs = time.monotonic()
        self.wake()
        if self._error_in_callback is not None:
            self.close()

    def close(self) -> None:
        """End the window at once; without one, do nothing. Pictures that were taken are written first.

        Raises:
            BaseException: What `Gui.load_fonts` or `before_exit` raised.
        """
        if self.params is None:
            return
        params, self.params = self.params, None
        try:
            if self.backend.is_lost():
                raise DisplayLostError
            self.backend.before_close()
            immapp.manual_render.tear_down()
            self._leave_if_lost()
        except BaseException as error:
            if self._is_known_lost() and isinstance(error, Exception):
                self._lose(params)
                return
            _SEAT.left_over = params
            raise
        finally:
            if not self.lost:
                self.backend.after_close()
            _SEAT.taken = False
            self._pictures.finish()
            in_callback, self._error_in_callback = self._error_in_callback, None
        if in_callback is not None:
            raise in_callback

    def ask_to_close(self) -> None:
        """Close after this frame, unless the gui objects: what the close button does."""
        if self.params is not None and self.gui.may_close():
            self.params.app_shall_exit = True

    def shut(self) -> None:
        """Close after this frame, whatever the gui says."""
        if self.params is not None:
            self.params.app_shall_exit = True

    def wake(self) -> None:
        """Draw at full rate for a moment, because something changed without input."""
        self._awake_until_secs = time.monotonic() + AWAKE_SECS

    async def run(self) -> None:
        """Open the window unless it is open, draw until it closes, and end it.

        Raises:
            Exception: What the gui raised in several frames on end; the window is closed then.
        """
        if not self.is_open and not self.lost:
            self.open()
        try:
            while not self.is_closing:
                with deferred_interrupt(to_loop=True):
                    self.tick()
                await asyncio.sleep(max(0.0, self._due_secs - time.monotonic() - EXACT_SECS))
                left_secs = self._due_secs - time.monotonic()
                if 0 < left_secs <= EXACT_SECS:
                    time.sleep(left_secs)
        finally:
            self.close()

    def tick(self) -> bool:
        """Draw a frame if one is due.

        Returns:
            Whether one was drawn.
        """
        return time.monotonic() >= self._due_secs and self.frame()

    def frame(self) -> bool:
        """Look for input, and draw a frame, unless nothing has happened for a while.

        An interrupt (SIGINT) during the frame arrives after it. An exception of the gui ends the frame cleanly and is
        told to the gui; if it comes in every frame, the window is closed and the exception raised.

        Returns:
            Whether a frame was drawn; not from within a frame, say.
        """
        if self._in_frame or self.params is None:
            return False
        began_secs = time.monotonic()
        hidden = not self.backend.is_lost() and self._shown and self.backend.is_hidden()
        asked = self._pictures.are_wanted or began_secs < self._awake_until_secs
        away = not (hidden or asked or self._is_known_lost() or imgui.is_mouse_pos_valid())
        left = away and self.backend.is_left()  # last, since the display is asked
        if self._is_known_lost():
            self._lose(self.params)
            return False
        pacing = self.params.fps_idling
        pacing.enable_idling = self.idles and not asked and not self.gui.is_busy()
        pacing.fps_idle = 1 / quiet_secs(IDLE_SECS, SLOWEST_IDLE_SECS, self.cost_secs)
        interval_secs = pace_secs(
            hidden=hidden,
            idle=pacing.is_idling and pacing.enable_idling,
            cost_secs=self.cost_secs,
            left=left,
            least_secs=self.least_frame_secs,
        )
        self._due_secs = max(self._due_secs + interval_secs, began_secs)
        self.gui.hidden = hidden
        if asked:
            self.gui.wake()
        count = imgui.get_frame_count()
        self._in_frame = True
        try:
            with deferred_interrupt():
                began_cost_secs = time.perf_counter()
                drawn_whole = self._render()
                cost_secs = time.perf_counter() - began_cost_secs
        finally:
            self._in_frame = False
        if self.params is None or imgui.get_frame_count() == count:
            return False
        self._note_frame(began_secs, interval_secs, cost_secs)
        try:
            self.gui.end_frame()
        except Exception as error:
            self._tell(error)
        else:
            if drawn_whole:
                self._failures = 0
        return True

    def screenshot(self, path: Path, *, after_frames: int = 2) -> Future[Path]:
        """Ask for a picture of the whole window.

        Args:
            path: The PNG file to write.
            after_frames: How many frames to draw first, so that what has just changed is in it.

        Returns:
            Done when the file is written; fails with UserError without pixels, or when the window closes first, and
            with OSError when the file cannot be written.
        """
        if not self.is_open:
            refused: Future[Path] = Future()
            refused.set_exception(UserError(f"No picture {path}: the window is not open."))
            return refused
        self.wake()
        return self._pictures.ask(path, after_frames)

    def _draw(self) -> None:
        """Draw the gui, and keep back what it raises: Hello ImGui could not end the frame if it went through it."""
        try:
            with restored_stacks():
                self.gui.draw()
        except Exception as error:
            if self._is_known_lost():
                raise
            self._error_in_draw = error

    def _render(self) -> bool:
        """Draw a frame, and return whether the gui raised nothing."""
        try:
            with self.backend.raising_loss():
                immapp.manual_render.render()
        except Exception as error:
            if self._is_known_lost():
                self._lose(self.params)
                return False
            _finish_half_open_frame()  # from a callback that the gui has set by itself
            self._tell(error)
            return False
        except BaseException as error:
            _finish_half_open_frame()
            self._end_with(error)
        error_in_draw, self._error_in_draw = self._error_in_draw, None
        if error_in_draw is not None:
            self._tell(error_in_draw)
        return error_in_draw is None

    def _is_known_lost(self) -> bool:
        return self.backend.guard is not None and self.backend.guard.lost

    def _leave_if_lost(self) -> None:
        """Leave a frame in which the display went away, and whose panels kept what was raised then to themselves."""
        if self._is_known_lost():
            raise DisplayLostError

    def _lose(self, params: hello_imgui.RunnerParams | None) -> None:
        """Let go of a window whose display went away. It is kept as it is, since to end it would call the display."""
        _SEAT.lost = self, params
        self.params = None
        self.lost = True
        self._pictures.finish()

    def _tell(self, error: Exception) -> None:
        """Tell the gui of its exception, and go on; unless it is hopeless."""
        self.error = error
        self._failures += 1
        try:
            self.gui.failed(error)
        except Exception as worse:
            error.add_note(f"Telling of it failed as well: {worse!r}")
            self._failures = FAILURES_IN_A_ROW
        if self._failures >= FAILURES_IN_A_ROW:
            self._end_with(error)

    def _end_with(self, error: BaseException) -> NoReturn:
        try:
            self.close()
        except BaseException as worse:
            error.add_note(f"Closing the window failed as well: {worse!r}")
        raise error

    def _note_frame(self, began_secs: float, interval_secs: float, cost_secs: float) -> None:
        self.frames += 1
        elapsed_secs, self._last_secs = began_secs - self._last_secs, began_secs
        self._young_frames += 1
        steady = self._young_frames > FIRST_FRAMES  # the first ones make fonts and textures: no measure for others
        self.cost_secs = 0.8 * self.cost_secs + 0.2 * cost_secs if steady else cost_secs
        self.frame_secs = 0.9 * self.frame_secs + 0.1 * elapsed_secs if steady else elapsed_secs
        self._shown = self._shown or (steady and not self.backend.is_hidden())
        if self.clock is not None:
            self.clock.interval_secs = interval_secs
            self.clock.frame_done(cost_secs)

    def _kept(self, call: Callable[[], None]) -> Callable[[], None]:
        """Keep what a callback raises for after set-up or tear-down, which must not be left half way."""

        def carry_out() -> None:
            try:
                call()
            except BaseException as error:
                self._error_in_callback = self._error_in_callback or error

        return carry_out


def _addons() -> immapp.AddOnsParams:
    config = ed.Config()
    config.settings_file = ""  # positions belong to the document
    return immapp.AddOnsParams(
        with_implot=True,
        with_node_editor=True,
        with_node_editor_config=config,
        update_node_editor_colors_from_imgui_colors=False,  # the canvas sets its own
    )


def _finish_half_open_frame() -> None:
    with contextlib.suppress(RuntimeError):  # raised where the exception came before a first frame was begun
        imgui.render()


class _Seat:
    """Hello ImGui's one place for a window in a process. It keeps a bare pointer to the parameters given last."""

    def __init__(self) -> None:
        self.taken = False
        self.lost: tuple[Window, hello_imgui.RunnerParams | None] | None = None
        """The window whose display went away, with all that its half-drawn frame points to."""
        self.left_over: hello_imgui.RunnerParams | None = None
        """Of a set-up that failed: Hello ImGui looks at them once more when the next window is opened."""

    def refuse_a_second(self) -> None:
        """Raise RuntimeError when there is a window, and UserError when there was one that lost its display."""
        if self.lost is not None:
            raise UserError(
                "The display of this process's window was lost, and no other window can be opened in the process: "
                "start NeuralForge anew, or restart the notebook's kernel."
            )
        if not self.taken:
            if self.left_over is not None:
                return
            try:
                hello_imgui.get_runner_params()
            except RuntimeError:
                return
        raise RuntimeError("A window is open already: there can be one at a time in a process, so close it first.")


_SEAT: Final = _Seat()
