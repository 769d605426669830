"""What goes on around the application in a notebook or at a prompt: cells that begin, code that raises."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any


class Cells:
    """Watches the cells of IPython's shell.

    Args:
        shell: The shell.
        calls: Name of an event of the shell -> what is called.
    """

    def __init__(self, shell: Any, calls: dict[str, Callable[[Any], None]]) -> None:
        self._shell = shell
        self._calls = calls
        for event, call in calls.items():
            shell.events.register(event, call)

    def leave(self) -> None:
        """Watch them no longer."""
        for event, call in self._calls.items():
            with suppress(ValueError):
                self._shell.events.unregister(event, call)


class Uncaught:
    """Watches exceptions that nobody catches, outside of IPython.

    Args:
        call: Called with each.
    """

    def __init__(self, call: Callable[[BaseException], None]) -> None:
        self._call = call
        self._before = sys.excepthook
        self._hook = self._see  # bound once, so that it can be recognised
        sys.excepthook = self._hook

    def _see(self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        self._call(error)
        self._before(kind, error, traceback)

    def leave(self) -> None:
        """Watch them no longer, unless somebody else has come after."""
        self._call = lambda _error: None  # and nothing is kept alive
        if sys.excepthook is self._hook:
            sys.excepthook = self._before


def watch_cells(*, before: Callable[[], None]) -> Cells | None:
    """Call something before each cell of a notebook; None where this is none."""
    shell = _shell()
    return None if shell is None else Cells(shell, {"pre_run_cell": lambda _info: before()})


def watch_errors(call: Callable[[BaseException | None], None]) -> Cells | Uncaught:
    """Call something after each cell, with the exception that has left it; or with each one that nobody catches."""

    def after(result: Any) -> None:
        if result is not None:  # None where a notebook's cell was cut off
            call(result.error_in_exec or result.error_before_exec)

    shell = _shell()
    return Uncaught(call) if shell is None else Cells(shell, {"post_run_cell": after})


def _shell() -> Any:
    """Return IPython's shell, if this runs in one."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    return get_ipython()
