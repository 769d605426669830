"""Triton's library is bound before a driver is loaded; the clash itself needs a CUDA build of torch beside Mesa."""

import importlib.util
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from neuralforge.ui.llvm import bind_triton


@pytest.fixture
def triton(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    library = tmp_path / "_C" / "libtriton.so"
    library.parent.mkdir()
    library.write_bytes(b"")
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec if name == "triton" else None)
    return library


def test_all_symbols_are_bound_at_once_and_seen_by_nobody_else(triton: Path) -> None:
    loaded: list[tuple[str, int]] = []
    assert bind_triton(lambda path, mode: loaded.append((path, mode)), "linux") == triton
    assert loaded == [(str(triton), os.RTLD_NOW | os.RTLD_LOCAL)]


def test_nothing_is_loaded_where_there_is_none_or_no_mesa(triton: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(path: str, mode: int) -> None:
        raise AssertionError(path)

    assert bind_triton(never, "darwin") is None
    triton.unlink()
    assert bind_triton(never, "linux") is None
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert bind_triton(never, "linux") is None


def test_a_library_that_cannot_be_loaded_is_left_to_whoever_needs_it(triton: Path) -> None:
    def broken(path: str, mode: int) -> None:
        raise OSError("no such thing")

    assert bind_triton(broken, "linux") is None
