"""The one exception that a person is meant to read, and how a notebook shows it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType, TracebackType

_MACHINERY = ("neuralforge", "IPython", "ipykernel")


class UserError(ValueError):
    """Something the user can mend: bad input, a missing file, a value out of bounds.

    The message is one sentence (or two) that names the place and what was received. The command line prints
    it without a traceback and ends with exit code 2; a window shows it where the input was made; a notebook shows it
    below the lines of the person's own code that it came through.
    """

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows in place of its own traceback: the frames of the person's own code alone.

        What it was raised from comes first where that went through the person's code too: an item of a data set, say.
        """
        cause = self.__cause__
        before = list(_places(cause.__traceback__)) if cause is not None else []
        if before:
            before += [f"{type(cause).__name__}: {cause}", ""]
        return [*before, *_places(self.__traceback__), f"{type(self).__name__}: {self}"]


def is_own_code(frame: FrameType) -> bool:
    """Tell whether a frame is one of the person's own code: a cell, a script, a module that is not installed.

    Args:
        frame: Any frame.

    Returns:
        Whether it belongs neither to NeuralForge nor to Python's library nor to an installed package.
    """
    root, file = str(frame.f_globals.get("__name__")).partition(".")[0], frame.f_code.co_filename
    installed = "site-packages" in file or "dist-packages" in file
    return not (installed or root in _MACHINERY or root in sys.stdlib_module_names)


def _places(trace: TracebackType | None) -> Iterator[str]:
    """Yield where an exception went through the person's own code, each place with its line of text."""
    import linecache
    import traceback

    for frame, number in traceback.walk_tb(trace):
        if is_own_code(frame):
            file, name = frame.f_code.co_filename, frame.f_code.co_name
            text = linecache.getline(file, number, frame.f_globals).strip()
            within = "" if name.startswith("<") else f", in {name}"
            yield f"{_called(file)}, line {number}{within}" + (f"\n    {text}" if text else "")


def _called(file: str) -> str:
    """Return what IPython calls the code of a file: that of a cell has a name that nobody knows."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    names = getattr(getattr(shell, "compile", None), "format_code_name", None)
    found: tuple[str, str] | None = names(file) if names is not None else None
    return " ".join(found) if found is not None else f"File {file}"
