"""The window and the pilot, on a little gui of their own."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imgui_bundle import hello_imgui, imgui
from PIL import Image

from neuralforge.app import screen
from neuralforge.app.interrupts import deferred_interrupt
from neuralforge.app.pacing import (
    FRAME_SECS,
    HIDDEN_SECS,
    IDLE_SECS,
    LEFT_SECS,
    POLL_SECS,
    SLOWEST_HIDDEN_SECS,
    pace_secs,
    quiet_secs,
)
from neuralforge.app.window import FAILURES_IN_A_ROW, Window
from neuralforge.errors import UserError
from neuralforge.ui.backend import BackendKind, NullBackend, draws_in_software, restored_stacks, write_png
from neuralforge.ui.marks import Marks
from tests.ui.crew import Crew
from tests.ui.pilot import Pilot, PilotError, Stage, apart, scenario

SIZE_PX = (640, 480)


class LittleGui:
    """A button, a field, a thing that is dragged, and faults on demand."""

    def __init__(self) -> None:
        self.marks = Marks()
        self.drawn = self.ended = self.clicks = self.clicks_with_shift = 0
        self.text = ""
        self.value = 1
        self.undone = 0
        self.at = [300.0, 200.0]
        self.wheel = 0.0
        self.faults = 0
        self.fault_at_end = False
        self.may = True
        self.busy = True
        self.exits = 0
        self.errors: list[Exception] = []
        self.interrupt = False
        self.loop: asyncio.AbstractEventLoop | None = None

    def setup(self, params: hello_imgui.RunnerParams, size_px: tuple[int, int]) -> None:
        assert size_px == SIZE_PX

    def load_fonts(self) -> None:
        imgui.get_io().fonts.add_font_default()

    def wake(self) -> None:
        pass

    def draw(self) -> None:
        self.drawn += 1
        imgui.text("A little window")
        clicked = imgui.button("Count")
        self.clicks += clicked
        self.clicks_with_shift += clicked and imgui.get_io().key_shift
        changed, text = imgui.input_text("Name", self.text)
        self.text = text if changed else self.text
        _, self.value = imgui.input_int("Value", self.value)
        imgui.set_cursor_screen_pos(self.at)
        imgui.invisible_button("##box", (40, 40))
        if imgui.is_item_active():
            delta = imgui.get_io().mouse_delta
            self.at[0] += delta.x
            self.at[1] += delta.y
        if imgui.is_item_hovered():
            self.wheel += imgui.get_io().mouse_wheel
        self.undone += imgui.is_key_chord_pressed(int(imgui.Key.mod_ctrl) | int(imgui.Key.z))
        self.marks.note("node/box", *self.at, self.at[0] + 40, self.at[1] + 40)
        if self.interrupt:
            self.interrupt = False
            signal.raise_signal(signal.SIGINT)
            self.text = "the frame went on"
        if self.faults:
            self.faults -= 1
            imgui.begin_child("left open")
            imgui.push_id("and this")
            raise ValueError("on demand")

    def end_frame(self) -> None:
        self.ended += 1
        if self.fault_at_end:
            raise ValueError("at the end of a frame")

    def before_exit(self) -> None:
        self.exits += 1

    def may_close(self) -> bool:
        return self.may

    def is_busy(self) -> bool:
        return self.busy

    def failed(self, error: Exception) -> None:
        self.errors.append(error)


def little_stage(kind: BackendKind, size_px: tuple[int, int]) -> Stage:
    gui = LittleGui()
    gui.loop = asyncio.get_running_loop()
    window = Window(gui, kind=kind, size_px=SIZE_PX)
    return Stage(window=window, run=window.run, desk=gui, marks=gui.marks)


def opened(kind: BackendKind = "null", **changes: object) -> tuple[Window, LittleGui]:
    gui = LittleGui()
    for name, value in changes.items():
        setattr(gui, name, value)
    window = Window(gui, kind=kind, size_px=SIZE_PX)
    window.open()
    return window, gui


# The pilot


@scenario(stage=little_stage)
def test_a_click(pilot: Pilot) -> None:
    pilot.click("Count")
    assert pilot.desk.clicks == 1
    pilot.click("**/Count", times=2)
    assert pilot.desk.clicks == 3


@scenario(stage=little_stage)
def test_typing_and_values(pilot: Pilot) -> None:
    pilot.click("Name")
    pilot.type("conv 1")
    assert pilot.desk.text == "conv 1"
    pilot.press("end")
    pilot.set_value("Name", "conv 2")
    assert pilot.desk.text == "conv 2"
    pilot.set_value("Value", 42)
    assert pilot.desk.value == 42


@scenario(stage=little_stage)
def test_a_drag_between_marks(pilot: Pilot) -> None:
    before = pilot.rect("node/box")
    pilot.drag_by("box", 120, -40)
    after = pilot.rect("node/box")
    assert before is not None and after is not None
    assert after[0] - before[0] == pytest.approx(120, abs=1)
    assert after[1] - before[1] == pytest.approx(-40, abs=1)
    pilot.move((10, 10))
    assert pilot.rect("node/box") == after, "the button has come up"


@scenario(stage=little_stage)
def test_keys_and_wheel(pilot: Pilot) -> None:
    pilot.press("ctrl+z", "ctrl+z")
    assert pilot.desk.undone == 2
    pilot.wheel(3, "node/box")
    assert pilot.desk.wheel == pytest.approx(3)
    pilot.click("Count", keys="shift")
    assert pilot.desk.clicks_with_shift == 1
    pilot.click("Count")
    assert pilot.desk.clicks_with_shift == 1, "the key has come up"
    with pytest.raises(ValueError, match="is no key"):
        pilot.press("ctrl+nonsense")


@scenario(stage=little_stage)
def test_what_is_not_there_is_told(pilot: Pilot) -> None:
    assert pilot.exists("Count")
    assert not pilot.exists("Nothing")
    with pytest.raises(PilotError, match=r"no 'Nothing'.*node/box"):
        pilot.click("Nothing")
    drawn = pilot.desk.drawn
    with pytest.raises(PilotError, match="After 7 frames"):
        pilot.until(lambda: False, frames=7)
    assert pilot.desk.drawn == drawn + 7


@scenario(stage=little_stage)
@pytest.mark.parametrize("count", [1, 3])
def test_arguments_arrive(pilot: Pilot, count: int) -> None:
    pilot.frames(count)
    assert pilot.desk.ended >= count


@scenario(stage=little_stage)
def test_the_loop_goes_on_beside_a_scenario(pilot: Pilot) -> None:
    loop = pilot.desk.loop
    steps: list[int] = []

    async def train() -> None:
        for step in range(50):
            steps.append(step)
            await asyncio.sleep(0)

    asyncio.run_coroutine_threadsafe(train(), loop)
    pilot.until(lambda: len(steps) == 50)


@scenario(stage=little_stage)
def fails(pilot: Pilot) -> None:
    wrong = pilot.desk.value + 41
    assert wrong == pilot.desk.value


@scenario(stage=little_stage)
def raises_in_a_frame(pilot: Pilot) -> None:
    pilot.desk.faults = 1
    pilot.frames(3)


@scenario(stage=little_stage, may_fail=True)
def may_raise_in_a_frame(pilot: Pilot) -> None:
    pilot.desk.faults = 1
    pilot.frames(3)
    assert len(pilot.desk.errors) == 1


@scenario(stage=little_stage)
def closes_too_early(pilot: Pilot) -> None:
    pilot.window.shut()
    pilot.frames(3)


@scenario(stage=little_stage)
def skips(pilot: Pilot) -> None:
    pytest.skip("not here")


@scenario(stage=little_stage)
def crashes(pilot: Pilot) -> None:
    print("last words", flush=True)
    os._exit(3)


@pytest.fixture(scope="module")
def own_crew() -> Iterator[Crew]:
    crew = Crew("tests.ui.test_window")
    yield crew
    crew.close()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("fails", r"(?s)assert wrong == pilot.desk.value.*wrong = 42"),
        ("raises_in_a_frame", r"(?s)on demand.*An exception escaped into the window"),
        ("closes_too_early", "The window was closed"),
        ("crashes", r"(?s)ended with 3 in crashes.*last words"),
    ],
)
def test_a_scenario_that_goes_wrong_fails_its_test(own_crew: Crew, name: str, words: str) -> None:
    with pytest.raises(pytest.fail.Exception, match=words):
        own_crew.play(name, "null", {})
    own_crew.play("may_raise_in_a_frame", "null", {})


def test_a_scenario_may_skip_its_test(own_crew: Crew) -> None:
    with pytest.raises(pytest.skip.Exception, match="not here"):
        own_crew.play("skips", "null", {})


# The window


@apart()
def test_it_opens_draws_closes_and_opens_again() -> None:
    window, gui = opened()
    assert window.frame() and window.frame()
    assert (gui.drawn, gui.ended, window.frames) == (2, 2, 2)
    window.close()
    window.close()
    assert gui.exits == 1 and not window.is_open and window.is_closing
    for _ in range(3):
        window.open()
        assert window.frame()
        window.close()
    assert gui.exits == 4


@apart()
def test_there_is_one_window_at_a_time() -> None:
    window, _ = opened()
    with pytest.raises(RuntimeError, match="open already"):
        Window(LittleGui())
    with pytest.raises(RuntimeError, match="open already"):
        window.open()
    assert window.frame(), "the first one lives on"
    window.close()
    opened()[0].close()


@apart()
def test_a_window_that_cannot_be_made_leaves_the_process_usable() -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("elsewhere there is always a display")
    window = Window(LittleGui(), kind="screen", size_px=SIZE_PX)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            window.open()
        assert not window.is_open
    window, _ = opened()
    assert window.frame()
    window.close()


@apart()
def test_an_exception_in_a_frame_is_told_and_the_window_goes_on() -> None:
    window, gui = opened()
    window.frame()
    gui.faults = FAILURES_IN_A_ROW - 1
    for _ in range(6):
        assert window.frame()
    assert len(gui.errors) == FAILURES_IN_A_ROW - 1
    assert window.error is gui.errors[-1]
    assert gui.drawn == 7
    window.close()


@apart()
def test_an_exception_in_every_frame_ends_the_window_once() -> None:
    window, gui = opened(faults=100)
    with pytest.raises(ValueError, match="on demand"):
        asyncio.run(window.run())
    assert len(gui.errors) == FAILURES_IN_A_ROW and gui.exits == 1 and not window.is_open
    again, other = opened()
    assert again.frame() and other.drawn == 1
    again.close()


@apart()
def test_what_an_exception_left_open_is_closed_at_once() -> None:
    window, gui = opened()
    names: list[str] = []

    def draw() -> None:
        names.append(imgui.internal.get_current_window().name)
        with contextlib.suppress(ValueError), restored_stacks():
            imgui.begin_child("left open")
            imgui.push_style_var(imgui.StyleVar_.alpha, 0.5)
            raise ValueError
        names.append(imgui.internal.get_current_window().name)
        assert imgui.get_style().alpha == 1.0

    gui.draw = draw  # type: ignore[method-assign]
    window.frame()
    window.close()
    assert len(names) == 2 and names[0] == names[1]


@apart()
@pytest.mark.parametrize("error", ["ValueError", "KeyboardInterrupt"])
def test_an_exception_in_a_callback_of_hello_imgui(error: str) -> None:
    window, gui = opened()
    assert window.params is not None

    def fault() -> None:
        raise {"ValueError": ValueError, "KeyboardInterrupt": KeyboardInterrupt}[error]

    window.frame()
    window.params.callbacks.post_new_frame = fault
    if error == "ValueError":
        window.frame()
        assert len(gui.errors) == 1
        window.params.callbacks.post_new_frame = lambda: None
        assert window.frame() and window.frame()
        window.close()
    else:
        with pytest.raises(KeyboardInterrupt):
            window.frame()
        assert not window.is_open
    opened()[0].close()


@apart()
def test_an_exception_after_a_frame_counts_as_well() -> None:
    window, gui = opened(fault_at_end=True)
    with pytest.raises(ValueError, match="at the end"):
        asyncio.run(window.run())
    assert gui.drawn == FAILURES_IN_A_ROW and not window.is_open
    opened()[0].close()


@apart()
def test_what_fonts_raise_closes_the_window() -> None:
    gui = LittleGui()
    gui.load_fonts = lambda: 1 / 0  # type: ignore[assignment, return-value, method-assign]
    window = Window(gui, kind="null", size_px=SIZE_PX)
    with pytest.raises(ZeroDivisionError):
        window.open()
    assert not window.is_open
    opened()[0].close()


@apart()
def test_a_cancelled_loop_closes_the_window() -> None:
    gui = LittleGui()
    window = Window(gui, kind="null", size_px=SIZE_PX)

    async def cancel() -> None:
        task = asyncio.create_task(window.run())
        while window.frames < 3:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert not window.is_open and gui.exits == 1


@apart()
def test_an_interrupt_waits_for_the_end_of_the_frame() -> None:
    window, gui = opened(interrupt=True)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        window.frame()
    assert gui.text == "the frame went on"
    assert signal.getsignal(signal.SIGINT) is before
    assert window.is_open and window.frame(), "nothing was left half way"
    window.close()


@apart()
def test_the_gui_may_refuse_to_close() -> None:
    window, gui = opened(may=False)
    window.ask_to_close()
    assert not window.is_closing and window.frame()
    gui.may = True
    window.ask_to_close()
    assert window.is_closing
    asyncio.run(window.run())
    assert not window.is_open


@apart("offscreen")
def test_the_gui_may_refuse_the_close_button() -> None:
    window, gui = opened("offscreen", may=False)
    glfw = window.backend.glfw  # type: ignore[attr-defined]
    address = ctypes.c_void_p(hello_imgui.get_glfw_window_address())  # type: ignore[attr-defined]
    for may in (False, True):
        gui.may = may
        glfw.glfwSetWindowShouldClose(address, 1)
        window.frame()
        window.frame()
        assert window.is_closing is may
    window.close()


@apart()
def test_without_input_frames_become_rare_until_there_is_some() -> None:
    window, gui = opened(busy=False)
    assert window.params is not None
    for _ in range(10):
        window.frame()
    window._awake_until_secs = 0.0
    window.params.fps_idling.time_active_after_last_event = -1.0
    window.cost_secs = 1e9
    window.frame()
    drawn = gui.drawn
    looked = [window.frame() for _ in range(50)]
    assert sum(looked) < 10 and gui.drawn == drawn + sum(looked)
    gui.busy = True
    assert window.frame()
    gui.busy = False
    window.wake()
    assert window.frame()
    window.close()


@apart()
def test_a_hidden_window_is_drawn_less_often() -> None:
    class Clock:
        interval_secs = 0.0

        def frame_done(self, cost_secs: float) -> None:
            pass

    window, _ = opened()
    clock = window.clock = Clock()
    for _ in range(10):
        window.frame()
    assert clock.interval_secs == FRAME_SECS
    assert isinstance(window.backend, NullBackend)
    window.backend.hidden = True
    window.frame()
    assert HIDDEN_SECS <= clock.interval_secs <= SLOWEST_HIDDEN_SECS
    assert not window.tick(), "the next frame is not due yet"
    window.close()


@apart()
def test_a_window_that_was_left_is_drawn_less_often_until_the_mouse_is_over_it() -> None:
    window, gui = opened()
    assert isinstance(window.backend, NullBackend)
    gui.busy = True
    for _ in range(10):
        window.frame()
    window.backend.left, window._awake_until_secs = True, 0.0
    due = []
    for place in ((-3e38, -3e38), (-3e38, -3e38), (40, 40), (40, 40)):
        imgui.get_io().add_mouse_pos_event(*place)
        window.frame()
        due.append(window._due_secs)
    assert np.allclose(np.diff(due), [LEFT_SECS, LEFT_SECS, FRAME_SECS])
    window.wake()
    imgui.get_io().add_mouse_pos_event(-3e38, -3e38)
    window.frame()
    window.frame()
    assert window._due_secs - due[-1] == pytest.approx(2 * FRAME_SECS), "something changed that is to be seen at once"
    window.close()


@given(
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.floats(0, 10, allow_nan=False),
    st.floats(0, 10, allow_nan=False),
)
def test_pace(hidden: bool, idle: bool, left: bool, cost_secs: float, more_secs: float) -> None:
    pace = pace_secs(hidden=hidden, idle=idle, left=left, cost_secs=cost_secs)
    assert pace >= FRAME_SECS
    assert pace <= pace_secs(hidden=hidden, idle=idle, left=left, cost_secs=cost_secs + more_secs)
    if hidden:
        assert HIDDEN_SECS <= pace <= SLOWEST_HIDDEN_SECS
    else:
        assert pace == (POLL_SECS if idle else LEFT_SECS if left else FRAME_SECS)
    assert IDLE_SECS <= quiet_secs(IDLE_SECS, 1.0, cost_secs) <= 1.0


def test_an_interrupt_is_deferred_and_not_lost() -> None:
    with pytest.raises(KeyboardInterrupt):  # noqa: SIM117
        with deferred_interrupt():
            os.kill(os.getpid(), signal.SIGINT)
            reached = True
    assert reached


# Pictures


def check_picture(path: Path) -> None:
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    assert pixels.shape == (SIZE_PX[1], SIZE_PX[0], 3)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 10, "there are letters and buttons in it"
    top, bottom = pixels[: SIZE_PX[1] // 4], pixels[-SIZE_PX[1] // 4 :]
    assert top.std() > bottom.std(), "and the right way up"


@scenario(stage=little_stage, kind="offscreen")
def test_a_picture_without_a_display(pilot: Pilot) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check_picture(pilot.shot(Path(folder) / "new folder" / "picture.png"))
    pilot.click("Count")
    assert pilot.desk.clicks == 1


@scenario(stage=little_stage, kind="screen")
def test_a_picture_of_a_window_on_a_display(pilot: Pilot) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check_picture(pilot.shot(Path(folder) / "picture.png"))
    pilot.click("Count")
    assert pilot.desk.clicks == 1


@apart("screen")
def test_a_window_on_a_display_can_be_hidden_and_opened_again() -> None:
    for _ in range(3):
        window, _ = opened("screen")
        for _ in range(10):
            window.frame()
        assert not window.backend.is_hidden()
        address = ctypes.c_void_p(hello_imgui.get_glfw_window_address())  # type: ignore[attr-defined]
        assert not window.backend.is_left(), "it may be that this display gives no window the focus"
        window.backend.glfw.glfwFocusWindow(address)  # type: ignore[attr-defined]
        for _ in range(3):
            window.frame()
        assert not window.backend.is_left()
        window.backend.glfw.glfwHideWindow(address)  # type: ignore[attr-defined]
        window.frame()
        assert window.backend.is_hidden() and window.backend.is_left()
        window.close()


@apart("offscreen")
def test_a_picture_that_cannot_be_taken_is_told() -> None:
    window, _ = opened("offscreen")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "file").write_text("")
        unwritable = window.screenshot(Path(folder) / "file" / "picture.png", after_frames=0)
        window.frame()
        late = window.screenshot(Path(folder) / "late.png", after_frames=9)
        window.close()
        assert isinstance(unwritable.exception(timeout=60), OSError)
        assert isinstance(late.exception(timeout=60), UserError)
        assert not (Path(folder) / "late.png").exists()
        assert isinstance(window.screenshot(Path(folder) / "closed.png").exception(), UserError)


@apart()
def test_a_window_without_pixels_has_no_picture() -> None:
    window, _ = opened()
    assert isinstance(window.screenshot(Path("never.png")).exception(), UserError)
    window.close()


def test_a_png_replaces_the_old_one_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    for value in (10, 200):
        write_png(path, np.full((3, 5, 3), value, np.uint8))
        with Image.open(path) as picture:
            assert picture.size == (5, 3) and picture.getpixel((0, 0)) == (value,) * 3
    assert [entry.name for entry in tmp_path.iterdir()] == ["picture.png"]


# What the machine can show


def missing(*names: str) -> screen.Loader:
    def load(name: str) -> ctypes.CDLL:
        if name in names:
            raise OSError(name)
        return ctypes.CDLL(name)

    return load


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display")
def test_what_is_missing_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    problem = screen.display_problem()
    assert problem is not None and "--exit" in problem and "xvfb-run" in problem
    monkeypatch.setenv("DISPLAY", ":4242")
    assert ":4242" in (screen.display_problem() or "")
    assert "libx11-6" in (screen.display_problem(missing("libX11.so.6")) or "")
    assert "libegl1" in (screen.offscreen_problem(missing("libEGL.so.1")) or "")
    assert "libgl1" in (screen.offscreen_problem(missing("libGL.so.1")) or "")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display")
def test_a_display_that_answers_is_no_problem(display: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", display)
    assert screen.display_problem() is None
    assert "libgl1" in (screen.display_problem(missing("libGL.so.1")) or "")


def test_software_drawing_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBGL_ALWAYS_SOFTWARE", "1")
    assert draws_in_software() is sys.platform.startswith("linux")


@apart()
def test_the_window_needs_no_torch() -> None:
    window, _ = opened()
    window.frame()
    assert "torch" not in sys.modules
    window.close()
