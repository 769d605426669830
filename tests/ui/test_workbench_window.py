"""The whole product: its settings, the arrangement of its panels, what it keeps from one start to the next."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from imgui_bundle import imgui

from neuralforge.ui.docking import window_label
from neuralforge.ui.local import FocusPanel, TogglePanel
from neuralforge.workbench.commands import NewDocument
from neuralforge.workbench.settings import load_settings
from tests.ui.crew import ROOT
from tests.ui.pilot import Pilot, apart, scenario
from tests.ui.whole import Person, Whole, docked_at, is_shown, whole

SIZE_PX = (1280, 800)


@scenario(stage=whole())
def test_settings_take_effect_at_once_and_are_saved(pilot: Pilot) -> None:
    person = Person(pilot)
    person.start("mlp")
    host, file = person.app.host, person.app.home / "settings.json"
    pilot.click("button/settings")
    pilot.click("segment/theme/light")
    assert host.kit.theme.name == "light"
    pilot.click("field/scale")
    pilot.click("**/150 %")
    assert host.kit.scale == 1.5
    person.wait(lambda view: load_settings(file)[0].scale == 1.5 and not view.busy)
    kept, trouble = load_settings(file)
    assert kept == person.view.settings and kept.theme == "light" and not trouble


@scenario(stage=whole())
def test_arrangements_are_switched_and_put_back(pilot: Pilot) -> None:
    person = Person(pilot)
    person.start("mlp")
    app, home = person.app, docked_at(person.app, "palette")
    pilot.click("segment/arrangement/train")
    pilot.frames(8)
    assert person.view.settings.arrangement == "train" and is_shown(app, "knobs") and not is_shown(app, "palette")
    pilot.press("ctrl+1")
    pilot.frames(8)
    assert docked_at(app, "palette") == home and pilot.exists("canvas")
    edge = (home[0] + home[2] + 1, home[1] + 300)
    pilot.drag(edge, (edge[0] + 80, edge[1]), stops=6)
    assert docked_at(app, "palette")[2] > home[2] + 60
    person.post(TogglePanel("code"))
    assert not is_shown(app, "code")
    pilot.press("ctrl+shift+0")
    pilot.frames(8)
    assert docked_at(app, "palette") == home and is_shown(app, "code") and pilot.exists("canvas")


@scenario(stage=whole())
def test_tabs_keep_their_order_and_the_one_in_front(pilot: Pilot) -> None:
    person = Person(pilot)
    person.start("mlp")
    host, keys = person.app.host, ("code", "data", "issues", "runs", "console")

    def tabs() -> list[str]:
        windows = {key: imgui.internal.find_window_by_name(window_label(host._kinds[key])) for key in keys}
        assert len({window.dock_id for window in windows.values()}) == 1
        return sorted(keys, key=lambda key: windows[key].dock_order)

    assert tabs() == list(keys)
    person.post(FocusPanel("issues"))
    pilot.frames(8)
    for _ in range(2):
        pilot.click("segment/arrangement/train")
        pilot.frames(20)
        pilot.click("segment/arrangement/build")
        pilot.frames(20)
        assert tabs() == list(keys)
        assert host._watched is not None and host._watched & {*keys} == {"issues"}


@apart()
def test_the_layout_is_kept_from_one_start_to_the_next() -> None:
    home = Path(tempfile.mkdtemp(prefix="neuralforge-whole-"))

    async def all_three() -> None:
        usual = await opened(home)
        left = await opened(home, widen_palette_and_hide_code)
        again = await opened(home)
        assert left.palette[2] > usual.palette[2] + 60 and usual.code and not left.code
        assert again == left

    asyncio.run(all_three())


@dataclass(frozen=True)
class Lay:
    """How the panels lie."""

    palette: tuple[int, int, int, int]
    code: bool
    history: bool
    arrangement: str


async def opened(home: Path, then: Callable[[Whole], Awaitable[None]] | None = None) -> Lay:
    """Open a window, do something in it, close it, and return how its panels lay."""
    app = Whole(home, "null", SIZE_PX)
    app.window.idles = False

    async def act() -> Lay:
        await frames(app, 4)
        app.host.post(NewDocument())
        await frames(app, 12)
        if then is not None:
            await then(app)
        shown = is_shown(app, "code"), is_shown(app, "history")
        lay = Lay(docked_at(app, "palette"), *shown, app.desktop.settings.now.arrangement)
        app.window.shut()
        return lay

    acting = asyncio.get_running_loop().create_task(act())
    await app.run()
    return await acting


async def widen_palette_and_hide_code(app: Whole) -> None:
    x, y, width, _ = docked_at(app, "palette")
    for right_px, down in ((0, False), (0, True), (40, True), (90, True), (90, False)):
        io = imgui.get_io()
        io.add_mouse_pos_event(x + width + 1 + right_px, y + 300)
        io.add_mouse_button_event(0, down)
        await frames(app, 2)
    app.host.post(TogglePanel("code"))
    await frames(app, 4)


async def frames(app: Whole, count: int) -> None:
    until = app.window.frames + count
    while app.window.frames < until:
        await asyncio.sleep(0.002)


LEAVES_WORK = """
import asyncio, sys
from pathlib import Path
from neuralforge.app.desktop import Desktop
from neuralforge.graph.edits import AddNode
from neuralforge.graph.graph import Node
from neuralforge.workbench import commands as do
from tests.ui.whole import places

async def work():
    desktop = Desktop(places(Path(sys.argv[1])))
    object.__setattr__(desktop.settings.now, "autosave_secs", 0.02)
    desktop.beside.start(desktop._keep_copies())
    desktop.carry_out([do.NewDocument(), do.Apply(AddNode(Node.make("mine", "linear")))])
    while not list(desktop.places.recovery.glob("*/unsaved.json")):
        await asyncio.sleep(0.01)
    print("kept", flush=True)
    await asyncio.sleep(600)

asyncio.run(work())
"""


def kill_with_unsaved_work(app: Whole) -> None:
    """Have another process with unsaved work, and kill it."""
    command = [sys.executable, "-c", LEAVES_WORK, str(app.home)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "kept\n"
        os.kill(process.pid, signal.SIGKILL)


@scenario(stage=whole(prepare=kill_with_unsaved_work))
def test_work_of_a_killed_window_is_offered_by_the_next(pilot: Pilot) -> None:
    person = Person(pilot)
    question = person.view.question
    assert question is not None and question.title == "Unsaved work was found"
    pilot.click("button/answer-0")
    assert list(person.nodes) == ["mine"] and not person.view.document.saved and not person.view.welcome
    assert person.view.question is None
    left = list((person.app.home / "unsaved").glob("*/unsaved.json"))
    assert len(left) == 1, "the copy is this window's own now"
