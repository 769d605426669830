from __future__ import annotations
from pathlib import Path
from tests.ui.pilot import Pilot, scenario
from tests.ui.whole import *
from neuralforge.ui.local import *
from tests.ui.test_workbench_states import draw_all, data_that_keeps_us_waiting, PANELS

@scenario(stage=whole())
def test_e(pilot: Pilot) -> None:
    person = Person(pilot)
    person.start("mlp")
    app=person.app
    person.post(TogglePanel("code"))
    pilot.press("ctrl+shift+0")
    pilot.frames(10)
    print(docked_at(app, "palette"), is_shown(app, "code"))
    with data_that_keeps_us_waiting() as go:
        person.post(do.UseData("moons"))
        for key in PANELS:
            person.post(FocusPanel(key))
            for i in range(30):
                if key in person.app.host._drawn: break
                pilot.frames(1)
            print(key, i, person.app.host._bars.arrangement, sorted(person.app.host._drawn))
            if i > 20: 
                print([w.name for w in imgui.get_current_context().windows if w.active])
                break
    assert 0
