"""The panels around the canvas: searched, clicked, typed into, and drawn in every state."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imgui_bundle import imgui

from neuralforge.graph.document import Document
from neuralforge.graph.edits import AddNode, Many, SetFrozen, SetName, SetParams, SetTitle
from neuralforge.graph.graph import Edge, Graph, Node
from neuralforge.templates.registry import find
from neuralforge.ui.dragdrop import dragged_layer
from neuralforge.ui.kit import Kit
from neuralforge.ui.local import FitCanvas, FocusPanel, FocusSearch
from neuralforge.ui.panel import Panel
from neuralforge.ui.panels.code import CodePanel
from neuralforge.ui.panels.history import HistoryPanel
from neuralforge.ui.panels.inspector import InspectorPanel
from neuralforge.ui.panels.issues import IssuesPanel
from neuralforge.ui.panels.outline import OutlinePanel
from neuralforge.ui.panels.palette import PalettePanel
from neuralforge.workbench.commands import Apply, DeleteSelection, Duplicate, GoTo, Select
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.looks import FeatureMaps, NodeLook, Stats
from neuralforge.workbench.series import SeriesBook
from neuralforge.workbench.status import Progress
from neuralforge.workbench.view import CodeView, RunView
from tests.ui.bench import Bench
from tests.ui.pilot import Pilot, scenario
from tests.ui.standin import stage

TALL = (960, 1200)
WIDE = (1120, 360)
ALL: tuple[type[Panel], ...] = (PalettePanel, OutlinePanel, InspectorPanel, HistoryPanel, IssuesPanel, CodePanel)


def _cnn() -> Document:
    made = find("small_cnn")
    return made.build(made.options())


def _broken() -> Document:
    document = SetParams.of("conv2", groups=7).apply(_cnn())
    return AddNode(Node("lonely", "relu")).apply(document)


def _bench(kind: type[Panel], *selection: str, document: Any = _cnn, width_px: float = 300, **parts: Any) -> Any:
    return stage(lambda: Bench(document(), [kind], [width_px], selection, **parts))


# Palette


@scenario(stage=_bench(PalettePanel, width_px=232), size_px=TALL)
def test_a_layer_is_found_and_added_by_keys_alone(pilot: Pilot) -> None:
    pilot.desk.posted.append(FocusSearch())
    pilot.frames(3)
    pilot.type("max pool")
    pilot.frames(2)
    assert pilot.exists("layer/max_pool2d") and not pilot.exists("layer/conv2d")
    pilot.press("down")
    pilot.press("enter")
    pilot.frames(2)
    (applied,) = pilot.desk.of(Apply)
    assert isinstance(applied.edit, AddNode) and applied.edit.node.layer == "max_pool2d"
    pilot.press("enter")  # the field keeps the keyboard: another one
    pilot.frames(2)
    assert [command.edit.label for command in pilot.desk.of(Apply)][1].startswith("Add max_pool2d2")
    pilot.press("escape")
    pilot.frames(2)
    assert pilot.exists("family/convolution")


@scenario(stage=_bench(PalettePanel, "conv1", width_px=232), size_px=TALL)
def test_a_double_click_adds_after_the_selected_node_as_one_step(pilot: Pilot) -> None:
    pilot.click("layer/conv2d")
    pilot.frames(30)
    assert not pilot.desk.of(Apply)
    pilot.double_click("layer/conv2d")
    (applied,) = pilot.desk.of(Apply)
    assert isinstance(applied.edit, Many)
    assert Edge("conv1", "output", "conv2d", "input") in pilot.desk.editor.document.graph.edges
    assert len(pilot.desk.editor.history) == 1 and pilot.desk.editor.selection == {"conv2d"}


@scenario(stage=_bench(PalettePanel, width_px=232), size_px=TALL)
def test_families_fold_and_what_is_not_there_is_said(pilot: Pilot) -> None:
    pilot.click("family/convolution")
    assert not pilot.exists("layer/conv2d") and pilot.exists("layer/linear")
    pilot.click("field/layers")
    pilot.type("qqq")
    pilot.click("button/Show all")
    assert pilot.exists("layer/linear")


@scenario(stage=_bench(PalettePanel, width_px=232), size_px=TALL)
def test_a_layer_can_be_dragged_out(pilot: Pilot) -> None:
    pilot.move("layer/lstm")
    pilot.ctx.mouse_down(0)
    pilot.move((500, 600))
    assert dragged_layer() == "lstm"
    pilot.ctx.mouse_up(0)
    pilot.frames(2)
    assert dragged_layer() is None and not pilot.desk.posted


# Inspector


@scenario(stage=_bench(InspectorPanel, "conv2"), size_px=TALL)
def test_a_parameter_is_typed_and_dragged(pilot: Pilot) -> None:
    pilot.click("field/conv2/out_channels")
    pilot.press("ctrl+a")
    pilot.type("48")
    pilot.press("enter")
    assert pilot.desk.of(Apply)[-1] == Apply(SetParams.of("conv2", out_channels=48))
    pilot.drag_by("field/conv2/out_channels", 60, 0, stops=6)
    drags = [command for command in pilot.desk.of(Apply) if command.gesture]
    assert len({command.gesture for command in drags}) == 1 and len(drags) > 1
    assert len(pilot.desk.editor.history) == 2


@scenario(stage=_bench(InspectorPanel, "conv2"), size_px=TALL)
def test_a_title_is_typed_as_one_step(pilot: Pilot) -> None:
    pilot.click("field/title/conv2")
    pilot.press("ctrl+a")
    pilot.type("Second")
    pilot.press("enter")
    edits = [command.edit for command in pilot.desk.of(Apply)]
    assert edits[-1] == SetTitle("conv2", "Second") and len(pilot.desk.editor.history) == 1


@scenario(stage=_bench(InspectorPanel), size_px=TALL)
def test_the_document_is_renamed_and_never_to_nothing(pilot: Pilot) -> None:
    pilot.click("field/document")
    pilot.press("ctrl+a")
    pilot.press("backspace")
    pilot.frames(2)
    assert not pilot.desk.of(Apply)
    pilot.type("two branch")
    pilot.press("enter")
    assert pilot.desk.of(Apply)[-1].edit == SetName("two branch")


@scenario(stage=_bench(InspectorPanel, "conv2", document=_broken), size_px=TALL)
def test_a_fix_mends_and_freezing_and_wires_work(pilot: Pilot) -> None:
    pilot.click("button/fix/conv2/0/0")
    assert isinstance(pilot.desk.of(Apply)[-1].edit, SetParams)
    assert not [issue for issue in pilot.desk.editor.inference.issues if issue.node == "conv2"]
    pilot.click("toggle/frozen/conv2")
    assert pilot.desk.of(Apply)[-1].edit == SetFrozen("conv2", True)
    pilot.click("button/help")
    pilot.click("button/unlink/input")
    assert not pilot.desk.editor.document.graph.feeds("conv2")
    pilot.click("wire/to/relu2")
    assert pilot.desk.editor.selection == {"relu2"}


@scenario(stage=_bench(InspectorPanel, "conv1", "conv2", "fc1", "relu1"), size_px=TALL)
def test_several_nodes_are_handled_together(pilot: Pilot) -> None:
    pilot.click("button/Freeze all")
    assert isinstance(pilot.desk.of(Apply)[-1].edit, Many) and len(pilot.desk.editor.history) == 1
    assert [node.id for node in pilot.desk.editor.document.graph.nodes.values() if node.frozen] == [
        "conv1",
        "conv2",
        "fc1",
    ]
    pilot.click("button/Duplicate")
    pilot.click("button/Delete")
    assert pilot.desk.of(Duplicate) and pilot.desk.of(DeleteSelection)
    pilot.click("link/Convolution")
    assert pilot.desk.editor.selection == {"conv1", "conv2"}


def _run(node: str, maps: np.ndarray[Any, Any] | None, vector: np.ndarray[Any, Any] | None, step: int = 3) -> RunView:
    stats = Stats(mean=0.0, std=1.0, minimum=-1.0, maximum=2.0, zero_fraction=0.25, nonfinite=1, histogram=None)
    look = FeatureMaps(
        step=step, node=node, split="validation", sample=0, maps=maps, vector=vector,
        channels=64 if maps is not None else 128,
    )  # fmt: skip
    return RunView(
        run_id="r", name="n", folder=Path(), live=True, state="running", config=TrainConfig(), document=_cnn(),
        progress=Progress("running", step, 10, 1, 0.1, 0.3, {}, None), series=SeriesBook(), maps=look,
        node=NodeLook(step=step, node=node, weights=stats, activations=stats),
    )  # fmt: skip


@scenario(stage=_bench(InspectorPanel, "conv2"), size_px=TALL)
def test_the_output_of_a_run_is_drawn_whatever_it_holds(pilot: Pilot) -> None:
    maps = np.arange(16 * 7 * 7, dtype=np.float32).reshape(16, 7, 7)
    spoiled = maps.copy()
    spoiled[0] = np.nan
    spoiled[1, 0, 0] = np.inf
    values = np.linspace(-1, 1, 200, dtype=np.float32)
    shown = [(maps, None), (spoiled, None), (maps[:1], None), (None, values), (None, values[:10]), (None, values[:1])]
    shown += [(None, values[:10] * np.float32("nan")), (None, values[:0]), (maps[:0], None), (None, None)]
    for step, (some, vector) in enumerate(shown):
        pilot.desk.change(run=_run("conv2", some, vector, step))
        pilot.frames(2)
    pilot.desk.change(run=_run("conv1", maps, None))
    pilot.frames(2)
    pilot.click("link/Knobs")
    assert pilot.desk.of(FocusPanel) == [FocusPanel("knobs")]


# Outline, issues, history


@scenario(stage=_bench(OutlinePanel, document=_broken, width_px=232), size_px=TALL)
def test_the_outline_selects_toggles_fits_and_filters(pilot: Pilot) -> None:
    pilot.click("outline/conv1")
    pilot.click("outline/conv2", keys="ctrl")
    assert pilot.desk.editor.selection == {"conv1", "conv2"}
    pilot.frames(30)
    pilot.double_click("outline/fc1")
    assert pilot.desk.editor.selection == {"fc1"} and pilot.desk.of(FitCanvas) == [FitCanvas(selection=True)]
    pilot.click("field/outline")
    pilot.type("conv")
    assert pilot.names("outline/") == ["outline/conv1", "outline/conv2"]
    pilot.type("zzz")
    pilot.click("button/Show all")
    assert pilot.exists("outline/fc1")


def _long() -> Document:
    nodes = [Node(f"relu{i}", "relu") for i in range(1000)]
    edges = [Edge(f"relu{i}", "output", f"relu{i + 1}", "input") for i in range(999)]
    return Document(graph=Graph.build(nodes, edges))


@scenario(stage=_bench(OutlinePanel, document=_long, width_px=232), size_px=TALL)
def test_a_thousand_nodes_draw_what_is_seen_and_follow_the_selection(pilot: Pilot) -> None:
    assert len(pilot.names("outline/")) < 40
    pilot.desk.posted.append(Select(frozenset(("relu700",))))
    pilot.frames(4)
    assert pilot.exists("outline/relu700")


@scenario(stage=_bench(IssuesPanel, document=_broken, width_px=1100), size_px=WIDE)
def test_issues_select_their_node_and_are_mended(pilot: Pilot) -> None:
    issues = pilot.desk.editor.inference.issues
    left, top, _, bottom = pilot.rect("issue/0")  # type: ignore[misc]
    pilot.click((left + 80, (top + bottom) / 2))
    assert pilot.desk.editor.selection == {issues[0].node}
    while pilot.desk.editor.inference.issues:
        before = len(pilot.desk.of(Apply))
        pilot.click("button/fix/0/0")
        assert len(pilot.desk.of(Apply)) == before + 1
    pilot.frames(2)
    assert not pilot.names("issue/")


@scenario(stage=_bench(IssuesPanel, document=_broken, width_px=400), size_px=WIDE)
def test_issues_have_a_button_where_there_is_little_room(pilot: Pilot) -> None:
    pilot.click("button/fix/0")
    assert isinstance(pilot.desk.of(Apply)[0].edit, SetParams)


@scenario(stage=_bench(HistoryPanel), size_px=TALL)
def test_the_history_goes_back_and_on(pilot: Pilot) -> None:
    for number in (8, 16, 24):
        pilot.desk.posted.append(Apply(SetParams.of("conv1", out_channels=number)))
    pilot.frames(3)
    pilot.click("step/1")
    assert pilot.desk.editor.document.graph.nodes["conv1"].param("out_channels") == 8
    pilot.click("step/3")
    pilot.click("step/3")
    assert [command.position for command in pilot.desk.of(GoTo)] == [1, 3]


# Code


@scenario(stage=_bench(CodePanel, width_px=1100), size_px=WIDE)
def test_a_line_selects_its_node_and_the_source_is_copied(pilot: Pilot) -> None:
    code = pilot.desk.view.code
    line = code.lines["conv1"][0]
    pilot.click(f"line/{line}")
    assert pilot.desk.editor.selection == {"conv1"}
    imgui.set_clipboard_text("")
    pilot.click("button/copy code")
    assert imgui.get_clipboard_text() == code.source
    imgui.set_clipboard_text("")
    pilot.click(f"line/{line}")
    pilot.press("ctrl+c")
    assert imgui.get_clipboard_text() == code.source


@scenario(stage=_bench(CodePanel, document=_broken, width_px=1100), size_px=WIDE)
def test_code_that_cannot_be_written_leads_to_the_issues(pilot: Pilot) -> None:
    pilot.click("button/Show issues")
    assert pilot.desk.of(FocusPanel) == [FocusPanel("issues")] and pilot.desk.editor.selection == {"conv2"}


# Every state of every panel


def _unknown() -> Document:
    nodes = [
        Node("odd", "no_such_layer"),
        Node("bad", "conv2d", (("kernel_size", "x"), ("nonsense", 1)), title="\u00e4" * 200),
    ]
    return Document(
        name="n" * 200, graph=Graph.build(nodes, [Edge("odd", "out", "bad", "stray")]), notes=("A note. " * 40,)
    )


STATES: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (Document, ()),
    (_cnn, ()),
    (_cnn, ("conv1",)),
    (_cnn, ("conv1", "relu1")),
    (_broken, ("conv2",)),
    (_broken, ("lonely",)),
    (_unknown, ()),
    (_unknown, ("odd",)),
    (_unknown, ("bad",)),
    (_unknown, ("odd", "bad")),
)


def _everything() -> Bench:
    return Bench(Document(), ALL, [232, 232, 300, 300, 700, 700])


@scenario(stage=stage(_everything), size_px=(2600, 800))
@pytest.mark.parametrize("state", range(len(STATES)))
def test_all_panels_draw_in_every_state(pilot: Pilot, state: int) -> None:
    make, selection = STATES[state]
    pilot.desk.editor.open(make())
    pilot.desk.editor.select(selection)
    pilot.desk.change(run=_run(selection[0], np.zeros((2, 3, 4), np.float32), None) if selection else None)
    pilot.frames(3)
    for name in pilot.names("button/help"):
        pilot.click(name)
    pilot.frames(3)
    assert not pilot.desk.of(Apply)


@scenario(
    stage=stage(lambda: Bench(_broken(), ALL, [232, 232, 300, 300, 700, 700], ["conv2"], Kit("light", 2.0))),
    size_px=(5200, 1000),
)
def test_all_panels_draw_at_twice_the_size_and_forget(pilot: Pilot) -> None:
    pilot.desk.change(run=_run("conv2", np.zeros((4, 5, 5), np.float32), None))
    pilot.frames(3)
    for panel in pilot.desk.panels:
        panel.forget()
    pilot.frames(3)
    assert pilot.exists("toggle/frozen/fc1") is False


@scenario(stage=_bench(CodePanel, width_px=700), size_px=WIDE)
def test_code_that_is_not_written_yet_is_waited_for(pilot: Pilot) -> None:
    for code in (None, CodeView(), CodeView(source="x = 1\n", lines={"gone": (1, 7)})):
        pilot.desk.view = replace(pilot.desk.view, code=code)
        pilot.frames(2)
    assert pilot.exists("line/1")
