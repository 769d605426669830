"""Coloured source: every letter is there once, in its place, and in the colour of what it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralforge.codegen.module import generate
from neuralforge.layers.registry import catalog
from neuralforge.templates.registry import templates
from neuralforge.ui.highlight import highlight, layers


def whole(source: str) -> list[str]:
    """Put the pieces of all lines back into text."""
    lines = []
    for line in highlight(source):
        text = ""
        for column, piece, _ in line:
            assert column >= len(text)
            text = text.ljust(column) + piece
        lines.append(text)
    return lines


def kinds(source: str) -> dict[str, str]:
    return {text: kind for line in highlight(source) for _, text, kind in line}


@pytest.mark.parametrize("key", sorted(templates()))
def test_generated_source_is_all_there(key: str) -> None:
    made = templates()[key]
    source = generate(made.build(made.options()), catalog()).source
    assert whole(source) == [line.rstrip() for line in source.splitlines()]
    for line, parts in zip(source.splitlines(), layers(source), strict=True):
        merged = [" "] * len(line)
        for _, text in parts:
            for column, letter in enumerate(text):
                if letter != " ":
                    assert merged[column] == " "
                    merged[column] = letter
        assert "".join(merged).rstrip() == line.rstrip()


def test_each_kind_has_its_colour() -> None:
    found = kinds(
        'class A(nn.Module):  # said\n    def f(self, n: int = 1.5e-3) -> None:\n        return F.relu(x, "s")\n'
    )
    assert found["class"] == found["def"] == found["self"] == found["int"] == found["None"] == "keyword"
    assert found["A"] == found["Module"] == found["f"] == found["relu"] == "call"
    assert found["1.5e-3"] == "number" and found['"s"'] == "string" and found["# said"] == "comment"
    assert found["x"] == found["nn"] == "name" and found["("] == "sign"
    assert kinds("x.int(1)")["int"] == "call" and kinds("conv1 = 2")["conv1"] == "name"


def test_a_long_string_goes_over_lines() -> None:
    source = 'a = """one # two\n  class three\n""" + b\nc'
    assert [[kind for _, _, kind in line] for line in highlight(source)] == [
        ["name", "sign", "string"],
        ["string"],
        ["string", "sign", "name"],
        ["name"],
    ]
    assert whole(source) == source.splitlines() and whole('"""one""" # two') == ['"""one""" # two']
    assert [kind for _, _, kind in highlight('"""one""" # two')[0]] == ["string", "comment"]


@given(
    st.text(
        st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp"), include_characters="\n'\"#\\ "), max_size=60
    )
)
def test_any_text_is_drawn_whole(source: str) -> None:
    expected = [line.rstrip() for line in source.expandtabs(4).splitlines()]
    assert [line.rstrip() for line in whole(source)] == expected
