from __future__ import annotations
from pathlib import Path
from tests.ui.pilot import Pilot, scenario
from tests.ui.whole import *

@scenario(stage=whole())
def test_e(pilot: Pilot) -> None:
    person = Person(pilot)
    canvas = person.app.host._panels["canvas"]
    aim = canvas.camera.aim
    def spy(a):
        print("aim", pilot.window.frames, a, canvas.camera.size, canvas.camera.at)
        aim(a)
    canvas.camera.aim = spy
    steer = canvas.camera.steer
    def spy2():
        if canvas.camera._aim: print("steer", pilot.window.frames)
        steer()
    canvas.camera.steer = spy2
    person.post(do.Start("mlp", "moons"))
    person.wait(lambda view: not view.welcome and not view.busy)
    for i in range(20):
        pilot.frames(1)
        print(pilot.window.frames, canvas.camera.x, canvas.camera.y, canvas.camera.zoom, canvas.camera.size)
    assert 0
