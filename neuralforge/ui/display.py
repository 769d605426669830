"""What becomes of a window whose X display goes away: the server was killed, or `ssh -X` was cut.

Left alone, Xlib ends the process with `exit(1)` then. It cannot simply go on either: GLFW takes what it asked the
server for without a look, and would read from null pointers. So a loss is noticed in two ways. Before a frame the
connection is asked whether its other end is still there, which costs one system call. And where it goes away in the
middle of a frame, Xlib calls a function of the C++ library that throws an exception (`XSetIOErrorExitHandler`, since
libX11 1.7): it unwinds the frame, all the way through Xlib, GLFW and Hello ImGui, and arrives in Python as any other.
After that nothing of X, OpenGL or GLFW may be called any more.
"""

from __future__ import annotations

import ctypes
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

_GLFW_PLATFORM_X11: Final = 0x00060004
_X11: Final = "libX11.so.6"
_C: Final = "libc.so.6"
_CPP: Final = "libstdc++.so.6"
_THROWS: Final = "_ZSt16__throw_bad_castv"
"""`std::__throw_bad_cast()`: takes nothing, so that it does not mind what Xlib gives it."""

_RETURNS: Final = "abs"
"""A function of C that does nothing at all. One of Python would have to outlive the display."""

_ErrorHandler = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)

Loader = Callable[[str], Any]


class DisplayLostError(Exception):
    """The display went away in the middle of a frame, which must be left without drawing further."""


class DisplayGuard:
    """Watches over the connection of a window to its X server.

    Args:
        x11: Xlib, the copy that GLFW uses.
        display: Address of the window's `Display`.
        throws: Address of what throws an exception of C++.
        returns: Address of what does nothing.

    Attributes:
        lost: Whether it is known that the display went away.
        on_loss: Called once, at the moment when Xlib gives up, in the middle of whatever called it; must not draw.
    """

    def __init__(self, x11: Any, display: int, throws: int, returns: int) -> None:
        self.lost = False
        self.on_loss: Callable[[], object] | None = None
        self._x11 = x11
        self._display = display
        self._throws = throws
        self._returns = returns
        self._exit = returns
        self._look = select.poll()
        self._look.register(x11.XConnectionNumber(display), select.POLLRDHUP)  # the other two are always told
        self._note = _ErrorHandler(self._given_up)  # Xlib keeps the bare address
        self._address = ctypes.cast(self._note, ctypes.c_void_p).value
        self._others: int | None = x11.XSetIOErrorHandler(self._address)
        x11.XSetIOErrorExitHandler(display, returns, None)

    def look(self) -> bool:
        """Look whether the other end of the connection is still there; return whether it is lost."""
        if not self.lost:
            gone = select.POLLHUP | select.POLLERR | select.POLLRDHUP
            self.lost = any(what & gone for _, what in self._look.poll(0))
        return self.lost

    def raising(self) -> AbstractContextManager[None]:
        """Let a loss arrive as an exception (RuntimeError) meanwhile.

        Only for calls of the bindings of Dear ImGui, which pass on what is thrown in C++. Otherwise a call of X that
        fails returns, which is well for those whose answer is not needed.
        """
        return self._exit_by(self._throws)

    def returning(self) -> AbstractContextManager[None]:
        """Let calls of X that fail return meanwhile, also within `raising`: for what is called by ctypes."""
        return self._exit_by(self._returns)

    def raise_from_now_on(self) -> None:
        """Let a loss arrive as an exception until the display is closed."""
        self._exit = self._throws
        self._x11.XSetIOErrorExitHandler(self._display, self._throws, None)

    @contextmanager
    def _exit_by(self, function: int) -> Iterator[None]:
        before, self._exit = self._exit, function
        self._x11.XSetIOErrorExitHandler(self._display, function, None)
        try:
            yield
        finally:
            self._exit = before
            self._x11.XSetIOErrorExitHandler(self._display, before, None)

    def release(self) -> None:
        """Give the handler of all displays back, once the window is closed."""
        now: int | None = self._x11.XSetIOErrorHandler(self._others)
        if now != self._address:  # somebody has set another meanwhile
            self._x11.XSetIOErrorHandler(now)

    def _given_up(self, display: int | None) -> int:
        if display != self._display:
            return int(_ErrorHandler(self._others)(display)) if self._others else 0
        if not self.lost:
            self.lost = True
            if self.on_loss is not None:
                self.on_loss()
        return 0


def guard_display(glfw: Any, load: Loader = ctypes.CDLL) -> DisplayGuard | None:
    """Watch over the display of GLFW, once GLFW is initialised and before it makes a window.

    Args:
        glfw: GLFW, the copy that the window is made with.
        load: Loads a shared library by its name; raises OSError.

    Returns:
        None where GLFW draws without X, and where libX11 is older than 1.7: it ends the process then.
    """
    if not sys.platform.startswith("linux") or glfw.glfwGetPlatform() != _GLFW_PLATFORM_X11:
        return None
    try:
        x11 = load(_X11)
        throws, returns = _address(load(_CPP), _THROWS), _address(load(_C), _RETURNS)
        x11.XSetIOErrorExitHandler.argtypes = [ctypes.c_void_p] * 3
        x11.XSetIOErrorExitHandler.restype = None
    except (OSError, AttributeError):
        return None
    x11.XSetIOErrorHandler.argtypes, x11.XSetIOErrorHandler.restype = [ctypes.c_void_p], ctypes.c_void_p
    x11.XConnectionNumber.argtypes, x11.XConnectionNumber.restype = [ctypes.c_void_p], ctypes.c_int
    glfw.glfwGetX11Display.restype = ctypes.c_void_p
    display = glfw.glfwGetX11Display()
    return DisplayGuard(x11, display, throws, returns) if display else None


def _address(library: Any, name: str) -> int:
    address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
    assert address is not None
    return address
