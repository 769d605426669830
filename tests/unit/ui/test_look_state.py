"""Whether the chosen data is what a run was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from neuralforge.graph.datainfo import DataInfo
from neuralforge.ui.look_state import info_of, is_here, of_run
from neuralforge.workbench.view import DataView
from tests.ui.hands import live_view

INFO = DataInfo(name="a", input_shape=(1, 8, 8), kind="image", task="classification", outputs=2, samples=10)
PATH = {"path": "/data/a.csv"}


def _data(text: str, options: Mapping[str, str], reference: tuple[str, Mapping[str, str]] | None = None) -> DataView:
    return DataView(text=text, options=options, state="ready", info=INFO, reference=reference)


@pytest.mark.parametrize(
    ("data", "is_same"),
    [
        (_data("csv", PATH), True),
        (_data("./a.csv", {}, ("csv", PATH)), True),
        (_data("./b.csv", {}, ("csv", {"path": "/data/b.csv"})), False),
        (_data("csv", {**PATH, "target": "y"}), False),
        (_data("csv", {}), False),
        (_data("digits", PATH), False),
        (DataView(text="csv", options=PATH), False),
    ],
)
def test_data_is_that_of_a_run_with_the_same_source_and_options_alone(data: DataView, is_same: bool) -> None:
    run = live_view().run
    assert run is not None
    shape = next(dict(node.params)["shape"] for node in run.document.graph.nodes.values() if node.layer == "input")
    data = replace(data, info=replace(data.info, input_shape=shape) if data.info else None)
    run = replace(run, data="csv", data_options=PATH)
    assert (info_of(run, data) is not None) == is_same


def test_an_opened_run_is_shown_with_its_own_data_and_task_whatever_is_chosen() -> None:
    view = live_view()
    assert view.run is not None
    chosen = replace(view, data=_data("iris", {}), task="regression", run=replace(view.run, task=None))
    assert of_run(chosen) is chosen and of_run(replace(chosen, run=None)).data is chosen.data
    own = _data("digits", {})
    opened = replace(view.run, live=False, driver="", own_data=own, task="classification")
    shown = of_run(replace(chosen, run=opened))
    assert shown.data is own and shown.task == "classification" and is_here(opened)
    assert not is_here(replace(opened, own_data=None))
