"""Keeps two copies of LLVM apart: that of Triton, which comes with CUDA builds of torch, and that of Mesa's drivers."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path


def bind_triton(load: Callable[[str, int], object] = ctypes.CDLL, platform: str = sys.platform) -> Path | None:
    """Bind Triton's library to its own LLVM, where there is one; before a context of OpenGL is made.

    Mesa's drivers bring a libLLVM whose symbols are seen by everything that is loaded after it. Triton, loaded then (by
    the first optimizer), would take them for its own, and the process would end with a segmentation fault. Loaded
    before, with all symbols bound at once, it keeps its own. It is loaded, not imported: that takes some 35 ms.

    Args:
        load: Loads a library: path, mode.
        platform: As `sys.platform`; other systems have no Mesa.

    Returns:
        The library, when it was loaded.
    """
    if not platform.startswith("linux"):
        return None
    spec = importlib.util.find_spec("triton")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        library = Path(folder) / "_C" / "libtriton.so"
        if library.is_file():
            try:
                load(str(library), os.RTLD_NOW | os.RTLD_LOCAL)
            except OSError:  # whoever needs it will say so
                return None
            return library
    return None
