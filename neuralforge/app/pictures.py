"""Pictures of a window: asked for at any time, taken in a later frame, written beside the frames."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuralforge.errors import UserError
from neuralforge.ui.backend import Backend, write_png


class Pictures:
    """The pictures that somebody waits for.

    Args:
        backend: Reads the pixels.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._wanted: list[_Picture] = []
        self._writers: list[threading.Thread] = []

    @property
    def are_wanted(self) -> bool:
        """Whether a picture must still be taken."""
        return bool(self._wanted)

    def ask(self, path: Path, after_frames: int) -> Future[Path]:
        """Ask for a picture after so many more frames."""
        picture = _Picture(path, after_frames)
        if self._backend.has_pixels:
            self._wanted.append(picture)
        else:
            picture.refuse("a window without pixels has none")
        return picture.done

    def take(self) -> None:
        """Take those whose time has come; to be called when a frame is drawn and not yet shown."""
        if not self._wanted:
            return
        ready = [picture for picture in self._wanted if picture.frames_left <= 0]
        self._wanted = [picture for picture in self._wanted if picture.frames_left > 0]
        for picture in self._wanted:
            picture.frames_left -= 1
        if ready:
            # To compress a picture takes as long as several frames.
            writer = threading.Thread(target=_write, args=(ready, self._backend.read_pixels()), name="pictures")
            self._writers = [thread for thread in self._writers if thread.is_alive()]
            self._writers.append(writer)
            writer.start()

    def finish(self) -> None:
        """Wait until those that were taken are written, and refuse the others."""
        for picture in self._wanted:
            picture.refuse("the window was closed before it was taken")
        self._wanted.clear()
        for writer in self._writers:
            writer.join()
        self._writers.clear()


class _Picture:
    def __init__(self, path: Path, frames_left: int) -> None:
        self.path = path
        self.frames_left = frames_left
        self.done: Future[Path] = Future()

    def refuse(self, why: str) -> None:
        self.done.set_exception(UserError(f"No picture {self.path}: {why}."))


def _write(pictures: list[_Picture], pixels: NDArray[np.uint8]) -> None:
    for picture in pictures:
        try:
            write_png(picture.path, pixels)
        except BaseException as error:
            picture.done.set_exception(error)
        else:
            picture.done.set_result(picture.path)
