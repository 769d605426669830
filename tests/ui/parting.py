"""A window that loses its display, in a process apart: `python -m tests.ui.parting FOLDER [PLACE]`.

Without a place it makes an edit, says "edited", and waits. With one it cuts the connection to the display there itself.
At the end it tells in JSON what became of it.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from imgui_bundle import hello_imgui, imgui
from numpy.typing import NDArray

from neuralforge.app.desktop import Desktop, Places
from neuralforge.app.show import Shown
from neuralforge.app.window import Window
from neuralforge.errors import UserError
from neuralforge.graph.edits import AddNode
from neuralforge.graph.graph import Node
from neuralforge.ui.backend import GlfwBackend, in_turn
from neuralforge.workbench.commands import Apply, NewDocument

FRAME = 12
"""In which the connection is cut."""
PLACES = ("opening", "between", "new frame", "draw", "clipboard", "render", "picture", "swap", "closing")
"""Where that can happen."""


class Parting:
    """Cuts the connection of a window once, at some place, and looks at what follows.

    Args:
        shown: The window, with its application.
        place: One of `PLACES`; None cuts nothing.

    Attributes:
        calls_that_failed: How often Xlib has given up.
        drew_on: Whether a frame was drawn to its end after that.
    """

    def __init__(self, shown: Shown, place: str | None) -> None:
        self._window = shown.window
        self._place = place
        self._draw = shown.host.draw
        shown.host.draw = self._draw_and_cut  # type: ignore[method-assign]
        self._window.adjust = self._adjust
        self._window.on_loss = in_turn(self._window.on_loss, self._note)
        self.calls_that_failed = 0
        self.drew_on = False
        backend = shown.window.backend
        backend.before_open = in_turn(backend.before_open, self._at("opening"))  # type: ignore[method-assign]
        self._read = backend.read_pixels
        backend.read_pixels = self._cut_and_read  # type: ignore[method-assign]

    def _adjust(self, params: hello_imgui.RunnerParams) -> None:
        calls = params.callbacks
        calls.pre_new_frame = in_turn(self._at("new frame"), calls.pre_new_frame)
        calls.before_imgui_render = in_turn(calls.before_imgui_render, self._at("render"))
        calls.before_swap = in_turn(calls.before_swap, self._at("swap"), self._note_swap)
        calls.before_exit = in_turn(self._at("closing"), calls.before_exit)

    def _draw_and_cut(self) -> None:
        self._draw()
        self._at("draw")()
        if self._place == "clipboard" and self._window.frames == FRAME:
            self.cut()
            try:
                imgui.get_clipboard_text()
            except RuntimeError:  # as the frame around a panel does
                return

    def _at(self, place: str) -> Callable[[], None]:
        def cut() -> None:
            if place == self._place and (place in ("opening", "closing") or self._window.frames == FRAME):
                self.cut()

        return cut

    def _note(self) -> None:
        self.calls_that_failed += 1

    def _note_swap(self) -> None:
        self.drew_on = self.drew_on or self.calls_that_failed > 0

    def _cut_and_read(self) -> NDArray[np.uint8]:
        if self._place == "picture":
            self.cut()
        return self._read()

    def cut(self) -> None:
        """Cut the connection, as a server does that is killed."""
        backend, x11 = self._window.backend, ctypes.CDLL("libX11.so.6")
        assert isinstance(backend, GlfwBackend)
        backend.glfw.glfwGetX11Display.restype = ctypes.c_void_p
        x11.XConnectionNumber.argtypes = [ctypes.c_void_p]
        with socket.socket(fileno=os.dup(x11.XConnectionNumber(backend.glfw.glfwGetX11Display()))) as connection:
            connection.shutdown(socket.SHUT_RDWR)


async def play(shown: Shown, parting: Parting, place: str | None, picture: Path) -> int:
    """Show the window, make an edit, and wait for the end."""
    window = shown.window
    shows = asyncio.get_running_loop().create_task(shown.run())
    while not window.frames and not shows.done():
        await asyncio.sleep(0)
    shown.desktop.carry_out([NewDocument(), Apply(AddNode(Node.make("fc", "linear")))])
    if place is None:
        print("edited", flush=True)
    while not shows.done() and not window.lost and place is not None and window.frames < FRAME:
        window.wake()
        await asyncio.sleep(0)
    if place == "picture":
        shown.shoot(picture)
    if place == "between":
        parting.cut()
    if place == "closing":
        window.shut()
    return await shows


def main(folder: Path, place: str | None) -> dict[str, Any]:
    """Play, and return what became of it."""
    places = Places(runs=folder / "runs", settings=folder / "settings.json", layout=None, recovery=folder / "unsaved")
    shown = Shown(Desktop(places), size_px=(640, 480))
    shown.desktop.begin = lambda: None  # type: ignore[method-assign]  # no torch, and no copies but those of the end
    parting = Parting(shown, place)
    told: dict[str, Any] = {}
    try:
        told["code"] = asyncio.run(play(shown, parting, place, folder / "picture.png"))
    except UserError as error:
        told["error"] = str(error)
    told |= {"lost": shown.window.lost, "open": shown.window.is_open, "frame": shown.window.frame()}
    told |= {"calls_that_failed": parting.calls_that_failed, "drew_on": parting.drew_on}
    try:
        Window(shown.host, kind="null").open()
    except UserError as error:
        told["again"] = str(error)
    return told


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)))
