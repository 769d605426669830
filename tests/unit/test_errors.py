"""What a person reads when something is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from neuralforge.data.given import keep
from neuralforge.errors import UserError


class Broken:
    """A Dataset whose second item cannot be read."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, number: int) -> tuple[list[float], int]:
        return [1.0], {0: 0}[number]


def test_a_notebook_shows_what_of_ones_own_code_an_error_was_raised_from(tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        keep(Broken(), tmp_path)
    shown = "\n".join(refused.value._render_traceback_()).splitlines()
    assert [line for line in shown if not line.startswith("File ")] == [
        "    return [1.0], {0: 0}[number]",
        "KeyError: 1",
        "",
        "    keep(Broken(), tmp_path)",
        f"UserError: {refused.value}",
    ]
    assert shown[0].startswith(f"File {__file__}, line ") and shown[0].endswith(", in __getitem__")


def test_it_costs_nothing_to_import() -> None:
    heavy = "import sys, neuralforge.errors; print({'IPython', 'numpy', 'torch', 'asyncio'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True).stdout == "set()\n"
