"""Enumerations of Dear ImGui that are combined: some versions of Python 3.11 fail where a bit has no name."""

from __future__ import annotations

import re
from pathlib import Path

import neuralforge.ui

_KEY = re.compile(r"\|\s*imgui\.Key\.|imgui\.Key\.\w+\s*\|")


def test_keys_are_combined_as_numbers() -> None:
    files = Path(neuralforge.ui.__file__).parent.rglob("*.py")
    assert [f"{path.name}: {found}" for path in files for found in _KEY.findall(path.read_text("utf-8"))] == []
