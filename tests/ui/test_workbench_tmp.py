from __future__ import annotations
from unittest import mock
from imgui_bundle import imgui
from neuralforge.ui.panels.curves import CurvesPanel
from tests.ui.pilot import Pilot, scenario
from tests.ui.whole import Person, whole

@scenario(stage=whole())
def test_imgui_error(pilot: Pilot) -> None:
    person = Person(pilot)
    person.start("mlp")
    real = CurvesPanel.draw
    def wrong(self, view, post):
        real(self, view, post)
        imgui.begin_child("left open")
    with mock.patch.object(CurvesPanel, "draw", wrong):
        person.panel("curves")

@scenario(stage=whole())
def test_failure(pilot: Pilot) -> None:
    person = Person(pilot)
    person.start("mlp")
    with mock.patch.object(CurvesPanel, "draw", side_effect=ZeroDivisionError("x")):
        person.panel("curves")
