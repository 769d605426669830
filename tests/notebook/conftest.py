"""What the tests of notebooks share: a kernel for those of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.notebook.kernel import Kernel
from tests.ui.conftest import x_server

USUAL = """
import asyncio, os, signal, sys, time
from pathlib import Path
import neuralforge as nf
from neuralforge.workbench import commands as do
def run(what="mlp", data="moons", **options):
    return nf.open(what, data=data, **{"steps": 10**6, "window": "null", **options}).run()
"""


@pytest.fixture(scope="module")
def _kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with Kernel(tmp_path_factory.mktemp("home")) as kernel:
        yield kernel


@pytest.fixture
def kernel(_kernel: Kernel) -> Kernel:
    """A kernel without a display, started anew where a test before has lost it."""
    if not _kernel.is_alive:
        _kernel.restart()
    _kernel.ok(USUAL)
    return _kernel


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """An X display; it stays when its last window closes."""
    with x_server() as (name, _):
        yield name
