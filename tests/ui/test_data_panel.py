"""The data panel: choosing, options, filtering, fitting, and that it can be drawn in every state and width."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from neuralforge.app.architecture import data_issues
from neuralforge.app.preview import describe
from neuralforge.data import PathParams, load, registered
from neuralforge.graph.datainfo import DataInfo
from neuralforge.ui.local import ChoosePath
from neuralforge.ui.panels.data import DataPanel
from neuralforge.ui.theme import THEMES
from neuralforge.workbench import commands as do
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.view import DataChoice, DataView, View
from tests.ui.hands import view_of
from tests.ui.pilot import Pilot, scenario
from tests.ui.solo import solo

SIZE = (1280, 800)


@cache
def _data(text: str, **options: str) -> DataView:
    return describe(load(text, options), text, options, TrainConfig())


@cache
def _choices() -> tuple[DataChoice, ...]:
    return tuple(
        DataChoice(
            key=source.key, title=source.title, summary=source.summary,
            kind="file" if issubclass(source.params, PathParams) else "built in",
        )
        for source in registered()
    )  # fmt: skip


def _view(text: str = "digits", **options: str) -> View:
    return view_of(data=_data(text, **options), data_choices=_choices())


def _moons() -> View:
    return _view("moons", noise="0.2")


def _none() -> View:
    return view_of(data_choices=_choices())


@scenario(stage=solo(DataPanel, _none), size_px=SIZE)
def test_data_is_chosen_from_the_list_or_opened(pilot: Pilot) -> None:
    pilot.click("field/data")
    pilot.frames(2)
    pilot.click("data/xor")
    pilot.click("field/data")
    pilot.frames(2)
    pilot.click("data/csv")
    pilot.click("button/data-file")
    pilot.click("button/data-folder")
    pilot.click("button/Open a file")
    files = [ChoosePath("data file")] * 2
    assert pilot.desk.posted == [do.UseData("xor"), *files, ChoosePath("data folder"), ChoosePath("data file")]


@scenario(stage=solo(DataPanel, _moons), size_px=SIZE)
def test_options_are_typed(pilot: Pilot) -> None:
    pilot.set_value("field/options", "noise=0.4, samples=200")
    assert pilot.desk.posted == [do.UseData("moons", {"noise": "0.4", "samples": "200"})]
    pilot.set_value("field/options", "loud")
    assert len(pilot.desk.posted) == 1 and "name=value" in pilot.desk.panel._source._wrong
    pilot.click("field/options")
    pilot.press("ctrl+a", "del", "enter")
    pilot.frames(2)
    assert pilot.desk.posted[1:] == [do.UseData("moons", {})] and not pilot.desk.panel._source._wrong


@scenario(stage=solo(DataPanel, _view), size_px=SIZE)
def test_a_class_is_filtered_by_its_bar(pilot: Pilot) -> None:
    pilot.click("class/3")
    pilot.frames(2)
    samples = pilot.desk.panel._samples
    assert samples.label == "3" and pilot.exists("button/all-classes")
    labels = samples._labels(pilot.desk.view.data)
    assert {labels[place] for place in samples._places(labels)} == {"3"}
    pilot.click("button/all-classes")
    assert samples.label is None
    pilot.click("class/3")
    pilot.click("class/3")
    assert samples.label is None
    pilot.click("class/5")
    pilot.desk.view = _view("iris")
    pilot.frames(2)
    assert samples.label is None, "other data has other classes"
    assert pilot.desk.posted == []


@scenario(stage=solo(DataPanel, _view), size_px=SIZE)
def test_the_network_is_fitted_when_that_is_all_that_is_wrong(pilot: Pilot) -> None:
    assert not pilot.exists("button/fit")
    iris = _view("iris")
    document, info = iris.document, iris.data.info
    assert info is not None
    wrong = tuple(data_issues(document.document, document.inference, info))
    pilot.desk.view = replace(iris, document=replace(document, issues=wrong))
    pilot.frames(2)
    pilot.click("button/fit")
    assert pilot.desk.posted == [do.FitToData()]


@scenario(stage=solo(DataPanel, _none), size_px=SIZE)
def test_data_that_cannot_be_used_is_tried_again(pilot: Pilot) -> None:
    failed = DataView(text="a.csv", options={"target": "y"}, state="failed", problem="a.csv has no column y.")
    pilot.desk.view = view_of(data=failed)
    pilot.frames(2)
    pilot.click("button/Try again")
    assert pilot.desk.posted == [do.UseData("a.csv", {"target": "y"})]


@scenario(stage=solo(DataPanel, _moons), size_px=SIZE)
def test_points_are_shown_as_a_plot_or_a_table(pilot: Pilot) -> None:
    assert not pilot.desk.panel._samples._as_table
    pilot.click("button/as-table")
    pilot.frames(2)
    assert pilot.desk.panel._samples._as_table
    pilot.click("button/as-plot")
    pilot.frames(2)
    assert not pilot.desk.panel._samples._as_table and pilot.desk.posted == []


def _odd() -> tuple[DataView, ...]:
    many = tuple(f"class {number} with a name that is long" for number in range(300))
    info = DataInfo(
        name="odd", kind="tokens", task="classification", input_shape=(9,), input_dtype="int64", outputs=300,
        classes=many, samples=900, vocabulary=50,
    )  # fmt: skip
    counts = {"train": np.arange(300), "test": np.zeros(300, np.int64)}
    notes = ("The column id is left out.",)
    odd = DataView(text="/a/odd.npz", state="ready", info=info, splits={"train": 900}, class_counts=counts, notes=notes)
    empty = replace(odd, splits={}, class_counts={}, info=replace(info, classes=(), task="reconstruction"))
    return odd, empty


@scenario(stage=solo(DataPanel, _none), size_px=(1280, 800))
@pytest.mark.parametrize("width_px", [200, 318, 620, 1100])
def test_it_can_be_drawn_in_every_state(pilot: Pilot, width_px: int) -> None:
    states = [
        DataView(), DataView(text="digits", state="loading"), DataView(text="x\x00y", state="failed"), *_odd(),
        *(_data(text) for text in ("digits", "iris", "spirals", "diabetes", "digits_sequence")),
        _data("functions"),
    ]  # fmt: skip
    pilot.desk.width_px = width_px
    for height_px in (90, 230, 760):
        pilot.desk.height_px = height_px
        for scale, theme in ((1.0, "dark"), (2.0, "light")):
            pilot.desk.kit.scale, pilot.desk.kit.theme = scale, THEMES[theme]
            for data in states:
                pilot.desk.view = view_of(data=data, data_choices=_choices())
                pilot.frames(2)
    assert pilot.desk.posted == []
