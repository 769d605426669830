"""What this machine can show: asked before a window is made, because a window that cannot be made says why badly."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterable
from typing import Final

from neuralforge.ui.llvm import bind_triton

_X11 = "libX11.so.6"
_GL = "libGL.so.1"
_EGL = "libEGL.so.1"
_EGL_PLATFORM_SURFACELESS_MESA = 0x31DD

Loader = Callable[[str], ctypes.CDLL]

_INSTEAD: Final = "add --exit, which renders without one, or start it under xvfb-run"


def display_problem(load: Loader = ctypes.CDLL, *, instead: str = _INSTEAD) -> str | None:
    """Tell whether a window can be shown here.

    Args:
        load: Loads a shared library by its name; raises OSError.
        instead: What the person is told to do without one; "" says nothing of that.

    Returns:
        None where it can; or else one sentence that says what is missing and what to do instead.
    """
    if not sys.platform.startswith("linux"):
        return None
    packages = {_X11: "libx11-6 and libgl1", _GL: "libgl1 and libgl1-mesa-dri"}
    if library := _missing(packages, load):
        remedy = f"install {packages[library]}" + (f", or {instead}" if instead else "")
        return f"A window needs {library}, which is not installed: {remedy}."
    if _opens(load(_X11)):
        return None
    name = os.environ.get("DISPLAY", "")
    remedy = f": {instead}" if instead else ""
    if not name:
        return f"There is no display to open a window on (DISPLAY is not set){remedy}."
    return f"The display {name!r} (from DISPLAY) does not answer{remedy}."


def offscreen_problem(load: Loader = ctypes.CDLL) -> str | None:
    """Tell whether a window can be drawn here without a display.

    Args:
        load: Loads a shared library by its name; raises OSError.

    Returns:
        None where it can; or else one sentence that says what is missing and what to do instead.
    """
    if not sys.platform.startswith("linux"):
        return None
    packages = {_EGL: "libegl1 and libegl-mesa0", _GL: "libgl1 and libgl1-mesa-dri"}
    if library := _missing(packages, load):
        return f"Drawing without a display needs {library}: install {packages[library]}, or use xvfb-run."
    if not _initializes(load(_EGL)):
        return (
            "EGL finds no driver to draw with: install libegl-mesa0 and libgl1-mesa-dri (or the packages of your "
            "graphics card), or use xvfb-run."
        )
    return None


def _missing(libraries: Iterable[str], load: Loader) -> str | None:
    """Return the first library that cannot be loaded."""
    for name in libraries:
        try:
            load(name)
        except OSError:
            return name
    return None


def _opens(x11: ctypes.CDLL) -> bool:
    x11.XOpenDisplay.argtypes, x11.XOpenDisplay.restype = [ctypes.c_char_p], ctypes.c_void_p
    x11.XCloseDisplay.argtypes = [ctypes.c_void_p]
    display = x11.XOpenDisplay(None)
    if not display:
        return False
    x11.XCloseDisplay(display)
    return True


def _initializes(egl: ctypes.CDLL) -> bool:
    """Initialise the display that GLFW's null platform takes. It stays so: ending it would end it for others."""
    bind_triton()  # this loads a driver
    egl.eglGetProcAddress.argtypes, egl.eglGetProcAddress.restype = [ctypes.c_char_p], ctypes.c_void_p
    address = egl.eglGetProcAddress(b"eglGetPlatformDisplayEXT")
    if not address:
        return False
    get_display = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p)(address)
    display = get_display(_EGL_PLATFORM_SURFACELESS_MESA, None, None)
    if not display:
        return False
    egl.eglInitialize.argtypes, egl.eglInitialize.restype = [ctypes.c_void_p] * 3, ctypes.c_uint
    return bool(egl.eglInitialize(display, None, None))
