"""Words in lines: all of them, none too wide, and no last word by itself where there was room."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from neuralforge.ui.widgets import folded

LETTER_PX = 7


def kit() -> Any:
    """Return what measures a text whose letters are all as wide."""
    return SimpleNamespace(text_size=lambda words, *_: SimpleNamespace(x=LETTER_PX * len(words)))


@given(st.text("ab /\n", max_size=120), st.integers(3, 40))
def test_nothing_is_lost_and_no_line_is_too_wide(words: str, letters: int) -> None:
    lines = folded(kit(), words, letters * LETTER_PX)
    assert "".join(lines).replace(" ", "") == words.replace("\n", "").replace(" ", "")
    assert all(len(line) <= letters for line in lines)


def test_lines_are_about_as_long_as_each_other() -> None:
    words = "Train a network, and see here what it says to a sample or to a drawing"
    first, second = folded(kit(), words, 60 * LETTER_PX)
    assert abs(len(first) - len(second)) < 12


def test_paragraphs_stay_apart() -> None:
    assert folded(kit(), "one\ntwo three", 1000) == ["one", "two three"]
