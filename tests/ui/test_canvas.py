"""The canvas, driven by mouse and keys over a real editor: what is done to the document, and what is shown."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from imgui_bundle import imgui

from neuralforge.graph.clipboard import copy_text
from neuralforge.graph.document import Document
from neuralforge.graph.edits import Many, Move, Paste, RemoveNodes, SetFrozen, Splice
from neuralforge.graph.graph import Edge, Graph, Node
from neuralforge.graph.layout import lay_out
from neuralforge.templates.registry import find
from neuralforge.ui.actions import dispatch_shortcuts
from neuralforge.ui.local import FitCanvas, InsertLayer
from neuralforge.ui.panel import Panel
from neuralforge.ui.panels.canvas import CanvasPanel
from neuralforge.ui.panels.palette import PalettePanel
from neuralforge.workbench.commands import (
    Apply,
    Arrange,
    Command,
    Copy,
    DeleteSelection,
    Duplicate,
    PasteText,
    RevertToRun,
    Select,
    SelectAll,
    Train,
    Undo,
)
from neuralforge.workbench.config import TrainConfig
from tests.ui.bench import Bench
from tests.ui.hands import run_view
from tests.ui.pilot import Pilot, scenario
from tests.ui.standin import stage

make = Node.make
SIZE = (1280, 760)
WIDTH = 1020.0


class Desk(Bench):
    """The canvas beside the palette, with all that changes the document carried out."""

    def draw_panels(self) -> None:
        super().draw_panels()
        dispatch_shortcuts(self.view, self.post)

    def do(self, command: Command) -> None:
        editor = self.editor
        match command:
            case Undo():
                editor.undo()
            case SelectAll():
                editor.select(editor.document.graph.nodes)
            case Copy(cut):
                imgui.set_clipboard_text(copy_text(editor.document, editor.selection))
                if cut:
                    editor.apply(RemoveNodes(tuple(sorted(editor.selection))))
            case PasteText(text, position):
                editor.apply(Paste(text, position))
            case Duplicate():
                editor.apply(Paste(copy_text(editor.document, editor.selection), verb="Duplicate"))
            case DeleteSelection(heal):
                editor.apply(RemoveNodes(tuple(sorted(editor.selection)), heal))
            case Arrange():
                editor.apply(Move(lay_out(editor.document.graph)))
        super().do(command)

    @property
    def canvas(self) -> CanvasPanel:
        return next(panel for panel in self.panels if isinstance(panel, CanvasPanel))

    @property
    def edges(self) -> tuple[Edge, ...]:
        return self.editor.document.graph.edges

    @property
    def ids(self) -> set[str]:
        return set(self.editor.document.graph.nodes)


def document(*nodes: Node, edges: str = "", columns: int = 4) -> Document:
    """Return a document whose nodes lie in rows, with wires such as "a>b a>c.input2"."""
    wires = []
    for word in edges.split():
        source, target = word.split(">")
        source, _, out = source.partition(".")
        target, _, port = target.partition(".")
        wires.append(Edge(source, out or "output", target, port or "input"))
    layout = {node.id: (place % columns * 230.0, place // columns * 190.0) for place, node in enumerate(nodes)}
    return Document(graph=Graph.build(nodes, wires), layout=layout)


def small() -> Document:
    return document(
        make("data", "input", shape=(3, 16, 16)),
        make("conv", "conv2d", out_channels=8, padding=(1, 1)),
        make("act", "relu"),
        make("result", "output"),
        edges="data>conv conv>act act>result",
    )


def broken() -> Document:
    return document(
        make("data", "input", shape=(3, 16, 16)),
        make("strided", "conv2d", out_channels=8, stride=(2, 2), padding=(1, 1)),
        make("full", "conv2d", out_channels=8, padding=(1, 1)),
        make("total", "add"),
        make("result", "output"),
        edges="data>strided data>full strided>total.input1 full>total.input2 total>result",
    )


def loose() -> Document:
    return document(make("data", "input", shape=(3, 16, 16)), make("conv", "conv2d"), make("act", "relu"))


def at(opened: Any, *selection: str, palette: bool = False, **parts: Any) -> Any:
    kinds: list[type[Panel]] = [PalettePanel, CanvasPanel] if palette else [CanvasPanel]
    widths = [232.0, WIDTH] if palette else [SIZE[0]]
    return stage(lambda: Desk(opened(), kinds, widths, selection, **parts))


def settled(pilot: Pilot) -> Desk:
    pilot.frames(6)
    return pilot.desk


# Seeing


@scenario(stage=at(small), size_px=SIZE)
def test_a_small_network_opens_whole_at_full_size(pilot: Pilot) -> None:
    desk = settled(pilot)
    canvas = pilot.rect("canvas")
    assert canvas is not None
    for node in desk.ids:
        left, top, right, bottom = pilot.rect(f"node/{node}") or (0, 0, 0, 0)
        assert canvas[0] < left < right < canvas[2] and canvas[1] < top < bottom < canvas[3]
    assert desk.canvas.camera.zoom == pytest.approx(1.0, abs=0.01)


@scenario(stage=at(lambda: find("resnet18").build()), size_px=SIZE)
def test_a_long_network_opens_at_its_readable_left_end_and_f_shows_all_of_it(pilot: Pilot) -> None:
    desk = settled(pilot)
    assert desk.canvas.camera.zoom == pytest.approx(0.7, abs=0.01)
    assert (pilot.rect("node/input") or (-1,))[0] > 0
    assert pilot.exists("overview")
    desk.posted.append(FitCanvas())
    pilot.until(lambda: desk.canvas.camera.zoom < 0.1, 60)
    pilot.frames(20)
    assert all((pilot.rect(f"node/{node}") or (-1,))[0] > 0 for node in desk.ids)
    assert not pilot.exists("overview")


@scenario(stage=at(lambda: find("resnet18").build()), size_px=SIZE)
def test_a_new_size_is_made_use_of_until_somebody_looks_elsewhere(pilot: Pilot) -> None:
    desk = settled(pilot)
    wide, left = desk._widths_px, (pilot.rect("node/input") or (-1,))[0]
    desk._widths_px = [width * 0.6 for width in wide]
    pilot.frames(6)
    canvas = pilot.rect("canvas") or (0, 0, 0, 0)
    assert canvas[2] - canvas[0] == pytest.approx(SIZE[0] * 0.6, abs=2)
    assert (pilot.rect("node/input") or (-1,))[0] - canvas[0] == pytest.approx(left, abs=WIDTH * 0.01)
    pilot.click("button/zoom out")
    pilot.frames(20)
    zoom, centre = desk.canvas.camera.zoom, desk.canvas.camera.centre
    desk._widths_px = wide
    pilot.frames(6)
    assert desk.canvas.camera.zoom == pytest.approx(zoom) and desk.canvas.camera.centre == pytest.approx(centre, abs=3)


@scenario(stage=at(lambda: find("resnet18").build()), size_px=SIZE)
def test_a_first_look_that_was_in_vain_is_taken_again(pilot: Pilot) -> None:
    camera = settled(pilot).canvas.camera
    steer = camera.steer
    camera.steer = lambda: setattr(camera, "_aim", None)  # as when the panel is hidden just then
    pilot.desk.canvas.forget()
    pilot.frames(2)
    assert camera.zoom == pytest.approx(1.0, abs=0.01)
    camera.steer = steer
    pilot.frames(4)
    assert camera.zoom == pytest.approx(0.7, abs=0.01)


@scenario(stage=at(small), size_px=SIZE)
def test_the_zoom_box_zooms_around_the_middle(pilot: Pilot) -> None:
    desk = settled(pilot)
    centre = desk.canvas.camera.centre
    pilot.click("button/zoom out")
    pilot.frames(20)
    assert desk.canvas.camera.zoom == pytest.approx(0.8, abs=0.01)
    pilot.click("button/zoom in")
    pilot.frames(20)
    assert desk.canvas.camera.zoom == pytest.approx(1.0, abs=0.01)
    assert desk.canvas.camera.centre == pytest.approx(centre, abs=3)
    pilot.click("button/zoom in")
    pilot.frames(20)
    pilot.click("zoom/actual")
    pilot.frames(20)
    assert desk.canvas.camera.zoom == pytest.approx(1.0, abs=0.01)
    assert not desk.posted


@scenario(stage=at(lambda: find("resnet18").build()), size_px=SIZE)
def test_a_click_on_the_overview_goes_there(pilot: Pilot) -> None:
    desk = settled(pilot)
    _, top, right, bottom = pilot.rect("overview") or (0, 0, 0, 0)
    pilot.click((right - 12, (top + bottom) / 2))
    pilot.frames(4)
    bounds = desk.canvas.scene.bounds()
    assert bounds is not None and desk.canvas.camera.centre[0] > bounds[2] * 0.9
    assert not desk.posted


@scenario(stage=at(small), size_px=SIZE)
def test_it_is_drawn_at_every_zoom_in_both_themes_and_twice_as_large(pilot: Pilot) -> None:
    from neuralforge.ui.canvas.camera import Aim
    from neuralforge.ui.theme import THEMES

    desk = settled(pilot)
    for theme in ("light", "dark"):
        for scale in (2.0, 1.0):
            desk.kit.theme, desk.kit.scale = THEMES[theme], scale
            for zoom in (2.0, 1.0, 0.6, 0.45, 0.2):
                pilot.frames(2)
                desk.canvas.camera.aim(Aim(desk.canvas.camera.centre, zoom * scale))
                pilot.frames(4)
                assert desk.canvas.camera.zoom == pytest.approx(zoom * scale, rel=0.02)
    assert not desk.posted


@scenario(stage=at(Document), size_px=SIZE)
def test_an_empty_canvas_says_how_to_begin(pilot: Pilot) -> None:
    settled(pilot)
    pilot.click("button/Add a layer")
    pilot.frames(2)
    pilot.type("conv 2")
    pilot.press("enter")
    assert "conv2d" in pilot.desk.ids


# Selecting and moving


@scenario(stage=at(small), size_px=SIZE)
def test_a_click_selects_and_the_selection_goes_both_ways_without_echo(pilot: Pilot) -> None:
    desk = settled(pilot)
    pilot.click("node/conv")
    pilot.frames(5)
    assert desk.of(Select) == [Select(frozenset({"conv"}))]
    desk.editor.select(["act", "data"])
    desk.change()
    pilot.frames(8)
    assert desk.of(Select) == [Select(frozenset({"conv"}))] and desk.canvas.gestures.selected == {"act", "data"}
    canvas = pilot.rect("canvas") or (0, 0, 0, 0)
    pilot.click((canvas[2] - 200, canvas[3] - 200))
    pilot.frames(5)
    assert desk.editor.selection == frozenset() and len(desk.of(Select)) == 2


@scenario(stage=at(small), size_px=SIZE)
def test_a_drag_moves_once_and_undo_brings_the_node_back(pilot: Pilot) -> None:
    desk = settled(pilot)
    before = desk.editor.document.layout["conv"]
    was = pilot.rect("node/conv") or (0, 0, 0, 0)
    pilot.drag_by("node/conv", 60, 90, stops=6)
    pilot.frames(4)
    (moved,) = desk.of(Apply)
    assert isinstance(moved.edit, Move) and set(moved.edit.positions) == {"conv"}
    x, y = desk.editor.document.layout["conv"]
    assert (x - before[0], y - before[1]) == pytest.approx((60, 90), abs=16)
    pilot.press("ctrl+z")
    pilot.frames(3)
    assert desk.editor.document.layout["conv"] == before
    assert pilot.rect("node/conv") == pytest.approx(was, abs=1.1)


@scenario(stage=at(small, "conv", "act"), size_px=SIZE)
def test_selected_nodes_move_together_and_a_refused_move_snaps_back(pilot: Pilot) -> None:
    desk = settled(pilot)
    pilot.drag_by("node/act", 0, 80)
    pilot.frames(4)
    (moved,) = desk.of(Apply)
    assert set(moved.edit.positions) == {"conv", "act"}
    desk.editor.apply = lambda *_: None  # type: ignore[method-assign]
    was = pilot.rect("node/data") or (0, 0, 0, 0)
    pilot.drag_by("node/data", 0, 120)
    pilot.frames(8)
    assert pilot.rect("node/data") == pytest.approx(was, abs=1.1)


# Wires


@scenario(stage=at(loose), size_px=SIZE)
def test_a_wire_is_drawn_from_pin_to_pin_either_way(pilot: Pilot) -> None:
    desk = settled(pilot)
    pilot.drag("pin/data.out.output", "pin/conv.input")
    assert Edge("data", "output", "conv", "input") in desk.edges
    pilot.drag("pin/act.input", "pin/conv.out.output")
    assert Edge("conv", "output", "act", "input") in desk.edges


@scenario(stage=at(small), size_px=SIZE)
def test_wires_that_cannot_be_are_refused(pilot: Pilot) -> None:
    desk = settled(pilot)
    pilot.drag("pin/act.out.output", "pin/conv.input")
    pilot.drag("pin/conv.out.output", "pin/conv.input")
    pilot.drag("pin/conv.out.output", "pin/act.out.output")
    pilot.frames(3)
    assert not desk.of(Apply)


@scenario(stage=at(small), size_px=SIZE)
def test_a_selected_wire_is_deleted_and_nodes_stay(pilot: Pilot) -> None:
    desk = settled(pilot)
    pilot.click("wire/act.input")
    pilot.frames(3)
    pilot.press("del")
    assert len(desk.edges) == 2 and len(desk.ids) == 4
    pilot.press("ctrl+z")
    assert len(desk.edges) == 3


@scenario(stage=at(small), size_px=SIZE)
def test_a_pin_dropped_on_the_ground_asks_for_a_layer_that_fits(pilot: Pilot) -> None:
    desk = settled(pilot)
    x, y = pilot.place("pin/conv.out.output")
    pilot.drag((x, y), (x + 30, y + 150))
    pilot.frames(4)
    offered = set(pilot.names("insert/"))
    assert "insert/conv_transpose2d" in offered and "insert/embedding" not in offered and "insert/input" not in offered
    pilot.type("max pool")
    pilot.press("enter")
    (applied,) = desk.of(Apply)
    assert isinstance(applied.edit, Many)
    assert Edge("conv", "output", "max_pool2d", "input") in desk.edges
    pilot.press("ctrl+z")
    assert "max_pool2d" not in desk.ids


# Making and taking away


@scenario(stage=at(small), size_px=SIZE)
def test_a_double_click_on_the_ground_adds_a_layer_there(pilot: Pilot) -> None:
    desk = settled(pilot)
    canvas = pilot.rect("canvas") or (0, 0, 0, 0)
    place = (canvas[0] + 500, canvas[3] - 190)
    pilot.double_click(place)
    pilot.frames(3)
    pilot.type("dropout")
    pilot.press("enter")
    pilot.frames(3)
    assert "dropout" in desk.ids
    left, top, right, bottom = pilot.rect("node/dropout") or (0, 0, 0, 0)
    assert left - 5 <= place[0] <= right and top - 5 <= place[1] <= bottom


@scenario(stage=at(small, palette=True), size_px=SIZE)
def test_a_layer_is_dragged_from_the_palette_onto_the_ground(pilot: Pilot) -> None:
    desk = settled(pilot)
    pilot.drag("layer/conv2d", (800, 600), stops=6)
    pilot.frames(4)
    left, top, right, bottom = pilot.rect("node/conv2d") or (0, 0, 0, 0)
    assert left < 800 < right and top < 600 < bottom and len(desk.edges) == 3


@scenario(stage=at(small, palette=True), size_px=SIZE)
def test_a_layer_dropped_on_a_wire_is_spliced_in(pilot: Pilot) -> None:
    desk = settled(pilot)
    pilot.drag("layer/conv2d", "wire/act.input", stops=6)
    pilot.frames(3)
    (applied,) = desk.of(Apply)
    assert isinstance(applied.edit, Splice)
    assert {Edge("conv", "output", "conv2d", "input"), Edge("conv2d", "output", "act", "input")} < set(desk.edges)


@scenario(stage=at(small), size_px=SIZE)
def test_keys_delete_copy_paste_and_duplicate_once_each(pilot: Pilot) -> None:
    desk = settled(pilot)
    pilot.click("node/act")
    pilot.press("ctrl+d")
    assert len(desk.of(Duplicate)) == 1 and len(desk.ids) == 5
    pilot.press("ctrl+c", "ctrl+v")
    assert len(desk.ids) == 6
    pilot.press("backspace")
    assert len(desk.of(DeleteSelection)) == 1 and len(desk.ids) == 5
    pilot.click("node/act")
    pilot.press("ctrl+del")
    assert "act" not in desk.ids and Edge("conv", "output", "result", "input") in desk.edges
    pilot.press("ctrl+a", "del")
    assert not desk.ids


# Menus


@scenario(stage=at(small), size_px=SIZE)
def test_the_menu_of_a_node_freezes_and_renames(pilot: Pilot) -> None:
    desk = settled(pilot)
    pilot.right_click("node/conv")
    pilot.frames(3)
    assert desk.editor.selection == {"conv"}
    pilot.click("menu/Freeze")
    assert isinstance(desk.of(Apply)[-1].edit, Many | SetFrozen) and desk.editor.document.graph.nodes["conv"].frozen
    pilot.right_click("node/conv")
    pilot.frames(3)
    pilot.click("menu/Rename")
    pilot.frames(3)
    pilot.type("First look")
    pilot.press("enter")
    assert desk.editor.document.graph.nodes["conv"].title == "First look"


@scenario(stage=at(small), size_px=SIZE)
def test_the_menus_of_wire_and_ground(pilot: Pilot) -> None:
    desk = settled(pilot)
    pilot.right_click("wire/act.input")
    pilot.frames(3)
    pilot.click("menu/Insert a layer here\u2026")
    pilot.frames(3)
    pilot.type("batch norm")
    pilot.press("enter")
    assert Edge("batch_norm", "output", "act", "input") in desk.edges
    pilot.frames(3)
    pilot.right_click("wire/conv.input")
    pilot.frames(3)
    pilot.click("menu/Delete this wire")
    assert all(edge.target != "conv" for edge in desk.edges)
    canvas = pilot.rect("canvas") or (0, 0, 0, 0)
    pilot.right_click((canvas[0] + 400, canvas[3] - 150))
    pilot.frames(3)
    pilot.click("menu/Select all")
    assert desk.editor.selection == desk.ids
    pilot.right_click((canvas[0] + 400, canvas[3] - 150))
    pilot.frames(3)
    pilot.click("menu/Arrange")
    assert len(desk.of(Arrange)) == 1


# Issues and runs


@scenario(stage=at(broken), size_px=SIZE)
def test_the_bubble_of_a_lonely_issue_mends_it(pilot: Pilot) -> None:
    desk = settled(pilot)
    assert desk.canvas.scene.by_target["total", "input2"].faulty
    assert not desk.canvas.scene.by_target["total", "input1"].faulty
    bubble, node = pilot.rect("bubble"), pilot.rect("node/total")
    assert bubble is not None and node is not None and bubble[1] >= node[3]
    pilot.click("fix/0")
    pilot.frames(3)
    assert not desk.editor.inference.issues and not pilot.exists("bubble")
    assert not desk.of(Select)


@scenario(stage=at(broken), size_px=(1280, 330))
def test_the_bubble_is_whole_on_a_low_canvas(pilot: Pilot) -> None:
    settled(pilot)
    bubble, canvas = pilot.rect("bubble"), pilot.rect("canvas")
    assert bubble is not None and canvas is not None
    assert canvas[1] <= bubble[1] and bubble[3] <= canvas[3]
    assert canvas[0] <= bubble[0] and bubble[2] <= canvas[2]


@scenario(stage=at(broken), size_px=(1280, 150))
def test_there_is_no_bubble_where_it_has_no_room(pilot: Pilot) -> None:
    desk = settled(pilot)
    assert desk.editor.inference.issues and not pilot.exists("bubble")


@scenario(stage=at(loose), size_px=SIZE)
def test_of_several_issues_the_one_that_is_pointed_at_is_told(pilot: Pilot) -> None:
    desk = settled(pilot)
    assert len({issue.node for issue in desk.editor.inference.issues}) > 1
    assert not pilot.exists("bubble")
    pilot.move("node/conv")
    assert pilot.exists("bubble")
    pilot.move("fix/0")
    assert pilot.exists("bubble")
    pilot.move((30, 30))
    assert not pilot.exists("bubble")


def differing() -> Any:
    run = replace(run_view(small(), TrainConfig()), differs=True)
    return at(small, run=run, can_train=True)


@scenario(stage=differing(), size_px=SIZE)
def test_what_differs_from_the_run_is_said_with_both_ways_out(pilot: Pilot) -> None:
    desk = settled(pilot)
    pilot.click("button/revert")
    pilot.click("button/apply")
    assert desk.of(RevertToRun) == [RevertToRun()] and desk.of(Train) == [Train()]
    desk.change(run=None)
    pilot.frames(3)
    assert not pilot.exists("button/apply")


@scenario(stage=at(small), size_px=SIZE)
def test_adding_a_layer_is_asked_for_from_elsewhere(pilot: Pilot) -> None:
    desk = settled(pilot)
    desk.posted.append(InsertLayer())
    pilot.frames(4)
    first = pilot.names("insert/")
    pilot.press("down", "down", "up")
    pilot.type("lin")
    pilot.frames(2)
    assert "insert/linear" in pilot.names("insert/") != first
    pilot.press("esc")
    pilot.frames(2)
    assert not pilot.names("insert/") and not desk.of(Apply)


@scenario(stage=at(small), size_px=SIZE)
def test_the_wheel_zooms_at_the_mouse_and_the_right_button_pans(pilot: Pilot) -> None:
    desk = settled(pilot)
    camera = desk.canvas.camera
    x, y = pilot.place("node/conv")
    under = camera.to_canvas(x, y)
    pilot.wheel(-2, (x, y))
    pilot.frames(30)
    assert camera.zoom < 0.95 and camera.to_canvas(x, y) == pytest.approx(under, abs=3)
    before, zoom = camera.centre, camera.zoom
    pilot.drag((x, y + 200), (x + 90, y + 160), button=1)
    pilot.frames(3)
    assert camera.zoom == pytest.approx(zoom) and camera.centre[0] < before[0] and camera.centre[1] > before[1]
    assert not desk.of(Apply) and not pilot.names("menu/")


@scenario(stage=at(small), size_px=SIZE, may_fail=True)
def test_a_fault_in_a_frame_leaves_the_editor_usable(pilot: Pilot) -> None:
    desk = settled(pilot)
    gestures, inside = desk.canvas.gestures, desk.canvas.gestures.inside

    def fail(*_: object) -> None:
        gestures.inside = inside  # type: ignore[method-assign]
        raise RuntimeError("once")

    gestures.inside = fail  # type: ignore[method-assign]
    pilot.until(lambda: gestures.inside == inside, 20)
    pilot.frames(4)
    pilot.click("node/conv")
    pilot.frames(3)
    assert desk.editor.selection == {"conv"}
    desk.canvas.forget()
    pilot.frames(6)
    pilot.click("node/act")
    pilot.frames(3)
    assert desk.editor.selection == {"act"}


@pytest.mark.parametrize("seed", range(4))
@scenario(stage=at(broken, palette=True), size_px=SIZE)
def test_whatever_is_done_can_be_undone(pilot: Pilot, seed: int) -> None:
    chance, desk = Random(seed), settled(pilot)
    start = desk.editor.document
    for _ in range(14):
        names = pilot.names("node/") + pilot.names("pin/") + pilot.names("wire/") + ["layer/conv2d"]
        name, other = chance.choice(names), chance.choice(names)
        action = chance.randrange(6)
        if action < 3:
            pilot.drag(name, other, stops=3)
        elif action == 3:
            pilot.drag(name, (chance.randrange(300, 1200), chance.randrange(80, 700)), stops=3)
        elif action == 4:
            pilot.click(name)
        else:
            pilot.press(chance.choice(["del", "ctrl+d", "ctrl+del", "backspace"]))
        if pilot.names("insert/"):
            pilot.press(chance.choice(["enter", "esc"]))
        pilot.frames(2)
        shown = {name.removeprefix("node/") for name in pilot.names("node/")}
        assert shown == desk.ids
    desk.editor.go_to(0)
    desk.change()
    pilot.frames(4)
    assert desk.editor.document == start
    for node, (x, y) in start.layout.items():
        assert desk.canvas.scene.nodes[node].at == (x, y)
