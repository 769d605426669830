"""What the data panel says of data."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralforge.app.architecture import data_issues
from neuralforge.data import load
from neuralforge.errors import UserError
from neuralforge.graph.datainfo import DataInfo
from neuralforge.graph.edits import RemoveNode
from neuralforge.ui.data_facts import (
    class_bars,
    facts,
    fit_problem,
    framed,
    read_options,
    shape_for,
    split_parts,
    summary_of,
    title_of,
    uneven,
    with_label,
    with_path,
    write_options,
)
from neuralforge.workbench.view import DataChoice, DataView
from tests.ui.hands import document_of, document_view

CHOICES = (
    DataChoice(key="moons", title="Two moons", summary="Half circles."),
    DataChoice(key="csv", title="Table", summary="A table.", kind="file"),
)
INFO = DataInfo(
    name="it", kind="table", task="classification", input_shape=(3,), outputs=3, classes=("a", "b", "c"), samples=60
)  # fmt: skip

names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).filter(lambda name: name != "path")
values = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)


@given(st.dictionaries(names, values.filter(lambda value: not value.endswith(",")), max_size=4))
def test_options_are_read_back_as_they_were_written(options: dict[str, str]) -> None:
    assert read_options(write_options(options)) == options


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_in_a_sentence(text: str) -> None:
    try:
        options = read_options(text)
    except UserError as error:
        assert str(error)
    else:
        assert all(name.isidentifier() for name in options)


def test_options_as_people_type_them() -> None:
    assert read_options(" noise=0.2, data.samples=500 target='house price'") == {
        "noise": "0.2", "samples": "500", "target": "house price",
    }  # fmt: skip
    assert read_options("  ") == {}


@pytest.mark.parametrize("text", ["noise", "=3", "a=1 a=2", "a='open", "1a=2"])
def test_options_that_are_refused(text: str) -> None:
    with pytest.raises(UserError):
        read_options(text)


def test_the_path_stays_with_the_options_of_a_file() -> None:
    before = {"path": "/a/b.csv", "target": "y"}
    assert write_options(before) == "target=y"
    assert with_path({"target": "z"}, before) == {"path": "/a/b.csv", "target": "z"}
    assert with_path({"path": "/c"}, before) == {"path": "/c"} and with_path({}, {}) == {}


def test_the_name_of_the_data() -> None:
    assert title_of(DataView(), CHOICES) == "Choose data"
    assert title_of(DataView(text="moons"), CHOICES) == "Two moons"
    assert summary_of(DataView(text="moons"), CHOICES) == "Half circles."
    file = DataView(text="csv", options={"path": "/a/houses.csv"})
    assert (title_of(file, CHOICES), summary_of(file, CHOICES)) == ("houses.csv", "/a/houses.csv")
    assert title_of(DataView(text="/a/b.npz"), CHOICES) == "b.npz"


def test_facts_and_splits() -> None:
    lines = {label: value for label, value, _ in facts(INFO)}
    assert lines == {"Kind": "Table", "Task": "Classification", "Samples": "60", "Input": "[3]", "Classes": "3"}
    assert split_parts({"train": 30, "test": 10}) == (("train", 30, 0.75), ("validation", 0, 0.0), ("test", 10, 0.25))
    assert split_parts({}) == () and split_parts({"train": 0}) == ()


def test_classes_of_very_different_size_are_told() -> None:
    def bars(*train: int) -> tuple:  # type: ignore[type-arg]
        return class_bars(DataView(info=INFO, class_counts={"train": np.array(train)}))

    assert [bar.total for bar in bars(30, 10, 20)] == [30, 10, 20]
    assert bars(30, 10, 20)[1].share == pytest.approx(1 / 3)
    assert uneven(bars(30, 10, 20)) == ""
    assert uneven(bars(40, 10, 20)) == "Uneven classes: a has 4.0 times as many samples as b."
    assert uneven(bars(40, 0, 20)) == "b has no samples."
    assert class_bars(DataView(info=INFO)) == () and uneven(()) == ""


@given(st.lists(st.sampled_from("abc")), st.sampled_from([None, "a", "b", "z"]))
def test_a_filter_keeps_one_class_in_order(labels: list[str], wanted: str | None) -> None:
    places = with_label(tuple(labels), wanted)
    assert list(places) == sorted(places)
    assert [labels[place] for place in places] == [label for label in labels if wanted in (None, label)]


def test_fitting_is_offered_when_the_data_alone_is_in_the_way() -> None:
    document = document_of()
    view = document_view(document)
    info = load("iris").info
    issues = tuple(data_issues(document, view.inference, info))
    ready = DataView(state="ready", info=info)
    assert issues and fit_problem(view, ready) == ""
    assert fit_problem(document_view(document, issues=issues), ready) == str(issues[0])
    assert fit_problem(document_view(document, issues=issues), DataView(state="loading")) == ""
    assert fit_problem(document_view(RemoveNode("conv2").apply(document)), ready) == ""


numbers = st.floats(-1e6, 1e6)


@given(st.tuples(numbers, numbers), st.tuples(numbers, numbers), st.floats(0.1, 10))
def test_a_frame_holds_all_points_at_equal_scale(a: tuple[float, float], b: tuple[float, float], aspect: float) -> None:
    low, high = (min(a[0], b[0]), min(a[1], b[1])), (max(a[0], b[0]), max(a[1], b[1]))
    x0, x1, y0, y1 = framed(low, high, aspect)
    assert x0 <= low[0] <= high[0] <= x1 and y0 <= low[1] <= high[1] <= y1
    assert (x1 - x0) / (y1 - y0) == pytest.approx(aspect, rel=1e-3)


def test_the_columns_by_the_width() -> None:
    assert [shape_for(width) for width in (294, 620, 1076)] == ["narrow", "medium", "wide"]
    assert re.fullmatch(r"\[.*\]", facts(INFO)[3].value)
