"""The application as Python code has it: on somebody's event loop, with a window where one can be shown."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from neuralforge.app.desktop import Desktop
from neuralforge.app.notebook.cells import Cells, watch_cells
from neuralforge.app.notebook.loops import Loop, run_at_exit
from neuralforge.app.screen import offscreen_problem
from neuralforge.app.show import Shown
from neuralforge.errors import UserError
from neuralforge.ui.arranging import FRESH_FRAMES
from neuralforge.ui.backend import BackendKind

SETTLE_FRAMES: Final = FRESH_FRAMES + 2
"""Frames until the panels of a new window have their places."""
PICTURE_FRAMES: Final = 12
"""Frames until a picture shows what has just changed: a new arrangement, the last looks into a network."""


class Station:
    """The application on an event loop, with or without a window.

    Args:
        loop: The loop.
        desktop: The application.
        kind: How its window is drawn; None has no window: pictures are then drawn off screen where that can be.
        size_px: Width and height of the window or of the pictures.
        outlives_window: Whether all goes on when a person closes the window; `close` ends it.

    Attributes:
        desktop: The application.
        loop: The loop.
        on_close: Called when it is closed.
        error: What has ended the window, if an exception did.
    """

    def __init__(
        self,
        loop: Loop,
        desktop: Desktop,
        kind: BackendKind | None,
        size_px: tuple[int, int],
        *,
        outlives_window: bool = False,
    ) -> None:
        self.loop = loop
        self.desktop = desktop
        self.error: BaseException | None = None
        self.on_close: list[Callable[[], None]] = []
        self._size_px = size_px
        self._outlives_window = outlives_window
        self._shown = Shown(desktop, kind=kind, size_px=size_px) if kind is not None else None
        self._task: asyncio.Task[None] | None = None
        self._closing: asyncio.Event | None = None
        self._cells: Cells | None = None

    def open(self, *, asks: bool) -> None:
        """Open the window with its first frame, and begin what goes on beside it.

        Args:
            asks: Whether to ask about unsaved work that was found.

        Raises:
            RuntimeError: When no window can be made.
        """
        self.loop.call(lambda: self._open(asks))
        if self.window is not None:
            self._cells = watch_cells(before=lambda: self.loop.call(self._say_that_a_cell_runs))

    def _open(self, asks: bool) -> None:
        if self._shown is not None:
            self._shown.window.open()
            try:
                self._shown.window.frame()
            except BaseException:  # an interrupt, say: nobody else would ever close it
                self._shown.window.close()
                raise
        self._closing = asyncio.Event()
        self.desktop.begin(asks=asks)
        self._task = asyncio.get_running_loop().create_task(self._live(self._closing), name="neuralforge")

    async def _live(self, closing: asyncio.Event) -> None:
        try:
            if self._shown is not None:
                await self._draw(self._shown)
            if self._shown is None or self._outlives_window or self._shown.window.lost:
                await closing.wait()
        finally:
            await self.desktop.end()

    async def _draw(self, shown: Shown) -> None:
        """Draw frames until the window closes, and tell where nobody has closed it."""
        try:
            await shown.window.run()
        except Exception as error:
            self._failed(error)
        if shown.window.lost:
            tell("The display went away, and the window with it. A run that trains goes on.")

    def _failed(self, error: Exception) -> None:
        """Tell that an exception has ended the window."""
        self.error = error
        tell(f"The window has ended: {type(error).__name__}: {error}")

    @property
    def is_open(self) -> bool:
        """Whether the application lives, and was not told to end."""
        if self._task is None or self._task.done() or self._closing is None or self._closing.is_set():
            return False
        if self._shown is None or self._outlives_window:
            return True
        return self._shown.window.lost or not self._shown.window.is_closing

    @property
    def window(self) -> Any:
        """The window; None without one."""
        return self._shown.window if self._shown is not None else None

    @property
    def is_in_hands(self) -> bool:
        """Whether there is a window that a person can close."""
        return self._shown is not None and self._shown.window.backend.kind == "screen" and self.is_drawn

    @property
    def is_drawn(self) -> bool:
        """Whether there is a window that draws frames."""
        return self._shown is not None and self._shown.window.is_open and not self._shown.window.lost

    def frame(self) -> None:
        """Draw a frame if one is due, for code that holds up the loop."""
        if self._shown is None or not self.is_drawn:
            return
        try:
            if self._shown.window.is_closing:  # by hand; what draws it otherwise has no turn
                self._shown.window.close()
            else:
                self._shown.window.tick()
        except Exception as error:
            self._failed(error)

    def settle(self) -> None:
        """Draw some frames here and now, until the panels have their places."""
        for _ in range(SETTLE_FRAMES):
            if self._shown is not None and self.is_drawn:
                self._shown.window.wake()
                self._shown.window.frame()

    def _say_that_a_cell_runs(self) -> None:
        """Draw a last frame before a cell begins; it stays where the cell lets no other one be drawn."""
        if self._shown is not None and self.is_drawn:
            self.desktop.waits_for = "A cell runs, and the window waits for it"
            self._shown.window.wake()
            try:
                self._shown.window.frame()
            except Exception as error:
                self._failed(error)
            finally:
                self.desktop.waits_for = ""

    def close(self) -> None:
        """Close the window at once; a run that trains is paused, on a loop that runs as soon as it can.

        Raises:
            UserError: When this is another thread, or another event loop runs around this call.
        """
        if self._task is None or self._closing is None:
            return
        if self.loop.is_elsewhere or not self.loop.loop.is_closed():
            self.loop.refuse_elsewhere()
        self._close()
        if self._can_run_loop:
            self.loop.wait(self.ended())

    def _close(self) -> None:
        """Close the window, and have the rest end."""
        if self._cells is not None:
            self._cells.leave()
        while self.on_close:
            self.on_close.pop()()
        if self._closing is not None and not self.loop.loop.is_closed():
            self._closing.set()
        if self._shown is not None:
            self._shown.window.close()

    @property
    def _can_run_loop(self) -> bool:
        loop = self.loop.loop
        return not (self.loop.is_running or loop.is_running() or loop.is_closed())

    async def ended(self) -> None:
        """Wait until all has ended."""
        if self._task is not None:
            await asyncio.wait({self._task})

    def end_at_exit(self) -> None:
        """End before the interpreter does: a window that is torn down later ends the process badly."""
        with suppress(Exception):
            self._close()
        run = self.desktop.training.live
        if self._can_run_loop and self._task is not None:
            with suppress(Exception):
                run_at_exit(self.loop.loop, self._task)
        elif run is not None and self.loop.loop.is_closed():
            with suppress(Exception):
                run.end_now()

    # Pictures

    def picture(self, path: Path) -> Path:
        """Write a picture of the window as it is now; without a window, of one that is drawn off screen for it.

        Raises:
            UserError: When there are no pixels here.
            OSError: When the file cannot be written.
        """
        if self._shown is not None:
            if not self._shown.window.is_open:
                raise UserError("The window is closed; a picture can be taken of an open one.")
            shown = self._shown
            return self.loop.call(lambda: _picture_of(shown, path))
        problem = offscreen_problem()
        if problem is not None:
            raise UserError(problem)
        return self.loop.call(lambda: self._draw_once(path))

    def _draw_once(self, path: Path) -> Path:
        port = self.desktop.port
        shown = Shown(self.desktop, kind="offscreen", size_px=self._size_px)
        try:
            shown.window.open()
            return _picture_of(shown, path)
        finally:
            shown.window.close()
            self.desktop.port = port


def tell(sentence: str) -> None:
    """Tell whoever has opened the window, below the cell that did."""
    with suppress(OSError):
        sys.stderr.write(f"neuralforge: {sentence}\n")


def _picture_of(shown: Shown, path: Path) -> Path:
    """Draw frames here and now until a picture is taken."""
    future = shown.window.screenshot(path, after_frames=PICTURE_FRAMES)
    for _ in range(PICTURE_FRAMES + 3):
        if not future.done():
            shown.window.wake()
            shown.window.frame()
    return future.result(timeout=10)
