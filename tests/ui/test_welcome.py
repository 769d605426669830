"""The welcome screen: what its cards, tiles and keys ask for, and that it can be drawn in every state."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from neuralforge.app.starts import STARTING_POINTS, bare, drawn
from neuralforge.graph.document import Document
from neuralforge.ui.local import ChoosePath, ShowCommands
from neuralforge.ui.panels.welcome import WelcomePanel, hardware
from neuralforge.ui.theme import THEMES
from neuralforge.workbench import commands as do
from neuralforge.workbench.view import DeviceFact, Question, RecentFile, StartingPoint, View
from tests.ui.hands import document_of, document_view, view_of
from tests.ui.pilot import Pilot, scenario
from tests.ui.solo import solo

SIZE = (1280, 1100)
DIGITS = STARTING_POINTS[0]


@cache
def _starts() -> tuple[StartingPoint, ...]:
    return tuple(drawn())


def _files() -> tuple[RecentFile, ...]:
    documents = [document_of(key) for key in ("resnet18", "unet", "mlp", "lstm_classifier", "vgg16")]
    good = [
        RecentFile(path=Path(f"/nets/{document.name}.nf"), name=document.name, when_text="21 Nov 2026", graph=document)
        for document in documents
    ]
    bad = RecentFile(path=Path("/nets/bad.nf"), name="bad.nf", problem="/nets/bad.nf is not valid JSON.")
    return (good[0], bad, *good[1:])


def _view() -> View:
    return replace(view_of(welcome=True, starting_points=_starts()), document=document_view(Document(name="untitled")))


def _with_files() -> View:
    return replace(_view(), recent=_files(), document=view_of().document)


@scenario(stage=solo(WelcomePanel, _view), size_px=SIZE)
def test_cards_and_tiles_open_what_they_show(pilot: Pilot) -> None:
    pilot.click("card/start/digits")
    pilot.click("play/start/digits")
    pilot.click("tile/template/resnet18")
    pilot.click("button/New network")
    pilot.click("button/Open")
    start = do.Start(DIGITS.template, DIGITS.data, DIGITS.options, DIGITS.settings)
    assert pilot.desk.posted == [
        start, replace(start, train=True), do.Start("resnet18"), do.NewDocument(), ChoosePath("open"),
    ]  # fmt: skip


@scenario(stage=solo(WelcomePanel, _with_files), size_px=SIZE)
def test_recent_files_open_and_broken_ones_too(pilot: Pilot) -> None:
    pilot.click("card/recent//nets/bad.nf")
    assert not pilot.exists("card/recent//nets/vgg16.nf")
    pilot.click("link/Show all 6")
    pilot.frames(2)
    assert pilot.exists("card/recent//nets/vgg16.nf")
    pilot.click("link/Show fewer")
    pilot.click("card/recent//nets/resnet18.nf")
    assert pilot.desk.posted == [do.OpenPath(Path("/nets/bad.nf")), do.OpenPath(Path("/nets/resnet18.nf"))]


@scenario(stage=solo(WelcomePanel, _with_files), size_px=SIZE)
def test_the_way_back_to_the_canvas(pilot: Pilot) -> None:
    pilot.click("link/Back to the canvas")
    pilot.press("esc")
    assert pilot.desk.posted == [do.ShowWelcome(False)] * 2
    pilot.desk.view = replace(pilot.desk.view, question=Question(title="", text="", choices=()))
    pilot.press("esc")  # the question's
    pilot.desk.view = _view()
    pilot.press("esc")  # there is nothing to go back to
    assert pilot.desk.posted == [do.ShowWelcome(False)] * 2 and not pilot.exists("link/Back to the canvas")


@scenario(stage=solo(WelcomePanel, _view), size_px=SIZE)
def test_the_keyboard_alone(pilot: Pilot) -> None:
    pilot.press("ctrl+k", "ctrl+o", "ctrl+n")
    assert pilot.desk.posted == [ShowCommands(), ChoosePath("open"), do.NewDocument()]
    pilot.desk.posted.clear()
    for _ in range(12):
        pilot.press("tab")
    pilot.press("enter")
    assert pilot.desk.of(do.Start), "tabs lead to the cards, and Enter opens one"


@scenario(stage=solo(WelcomePanel, _view), size_px=SIZE)
@pytest.mark.parametrize("width_px", [300, 620, 900, 1280])
def test_it_can_be_drawn_in_every_state(pilot: Pilot, width_px: int) -> None:
    views = (
        _view(), _with_files(), replace(_view(), starting_points=bare(), devices=None, busy=("Loading PyTorch",)),
        replace(_view(), starting_points=(), devices=()), replace(_with_files(), starting_points=()),
    )  # fmt: skip
    pilot.desk.width_px = width_px
    for theme in ("dark", "light"):
        for scale in (1.0, 2.0):
            pilot.desk.kit.theme, pilot.desk.kit.scale = THEMES[theme], scale
            for view in views:
                pilot.desk.view = view
                pilot.frames(2)
    assert pilot.desk.posted == []


def test_the_words_for_the_hardware() -> None:
    cpu = DeviceFact(key="cpu", name="AMD EPYC", memory_bytes=16_000_000_000)
    card = DeviceFact(key="cuda:0", name="NVIDIA RTX 4090", memory_bytes=24_000_000_000)
    assert "ooking" in hardware(None) and hardware((cpu,)).startswith("AMD EPYC, 1")
    assert hardware((cpu, card)).startswith("NVIDIA RTX 4090, 2") and hardware(()) == "No device"
