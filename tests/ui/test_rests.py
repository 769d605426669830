"""Panels that nobody touches rest while a run goes on: they show what they showed, and wake with the first touch."""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest
from imgui_bundle import imgui

from neuralforge.app.window import Window
from neuralforge.ui import host as host_of_bars
from neuralforge.ui import rests
from neuralforge.ui.host import Host
from neuralforge.ui.local import FocusPanel
from neuralforge.ui.registry import panels
from neuralforge.workbench.commands import Command
from neuralforge.workbench.view import View
from tests.ui.hands import live_view
from tests.ui.pilot import apart

Shown = dict[str, Counter[bytes]]
VERTEX_BYTES = 20
QUAD_BYTES = 4 * VERTEX_BYTES
PANELS = [kind.key for kind in panels() if kind.key != "welcome"]


class Still:
    """An application whose run goes on and shows nothing new."""

    def __init__(self, state: str = "running") -> None:
        self.shown = live_view(state)
        self.shown = replace(self.shown, settings=replace(self.shown.settings, arrangement="train", reduce_motion=True))
        self.faults: list[BaseException] = []

    def view(self) -> View:
        return self.shown

    def carry_out(self, commands: list[Command]) -> None:
        pass

    def is_busy(self) -> bool:
        return True

    def fault(self, error: BaseException, what: str) -> None:
        self.faults.append(error)


class Scene:
    """The window of such an application, frame by frame."""

    def __init__(self, window: Window, host: Host, desk: Still) -> None:
        self.window, self.host, self.desk = window, host, desk
        self.drawn: Counter[str] = Counter()
        self.appeared: set[str] = set()
        self.inset: dict[str, tuple[float, float]] = {}
        for key, panel in host._panels.items():
            self._count(key, panel)

    def _count(self, key: str, panel: object) -> None:
        draw = panel.draw  # type: ignore[attr-defined]

        def counted(*arguments: object) -> None:
            self.drawn[key] += 1
            if imgui.is_window_appearing():
                self.appeared.add(key)
            inset = imgui.get_cursor_screen_pos() - imgui.get_window_pos()
            self.inset[key] = (inset.x, inset.y)
            draw(*arguments)

        panel.draw = counted  # type: ignore[attr-defined]

    def frames(self, count: int, *, awake: bool = False) -> list[Shown]:
        """Draw frames, and return the vertices of each."""
        self.drawn.clear()
        self.appeared.clear()
        found = []
        for _ in range(count):
            if awake:
                self.host.wake()
            assert self.window.frame()
            found.append(vertices())
        assert not self.desk.faults, self.desk.faults
        return found

    def let_rest(self) -> None:
        """Let the time after the last touch have gone by."""
        self.window._awake_until_secs = self.host._rests._awake_until_secs = 0.0

    def rest(self) -> None:
        """Rest for six frames, in two of which all is drawn anew."""
        self.let_rest()
        self.frames(6)
        assert set(self.drawn.values()) == {2}

    def seen(self) -> set[str]:
        return set(self.host._drawn)


def vertices() -> Shown:
    """Return the vertices of the last frame, window by window.

    The grounds of docked windows are drawn by the window that all are docked in, in an order that says nothing.
    """
    found: Shown = {}
    for part in imgui.get_draw_data().cmd_lists:
        buffer = part.vtx_buffer
        size = buffer.size() * VERTEX_BYTES
        data = ctypes.string_at(buffer.data_address(), size) if size else b""
        step = QUAD_BYTES if "DockSpace" in part._owner_name else max(1, size)
        found[part._owner_name] = Counter(data[at : at + step] for at in range(0, size, step))
    return found


@contextmanager
def scene(state: str = "running", size_px: tuple[int, int] = (1920, 1080)) -> Iterator[Scene]:
    desk = Still(state)
    host = Host(desk)
    window = Window(host, kind="null", size_px=size_px)
    window.open()
    try:
        with mock.patch.object(rests, "turns_at", lambda fps, hidden: 7 if hidden else 3):
            made = Scene(window, host, desk)
            made.frames(40, awake=True)
            yield made
    finally:
        window.close()


@pytest.mark.parametrize("size_px", [(1920, 1080), (1000, 560)])
@apart()
def test_each_panel_shows_at_rest_what_it_shows_awake(size_px: tuple[int, int]) -> None:
    with scene(size_px=size_px) as still:
        for key in PANELS:
            still.host.post(FocusPanel(key))
            still.frames(30, awake=True)
            awake = still.frames(1, awake=True)[0]
            assert still.drawn[key] == 1 and key in still.seen()
            still.let_rest()
            for number, shown in enumerate(still.frames(9)):
                assert shown == awake, f"{key}, frame {number} of rest"
            assert still.drawn[key] == 3 and set(still.drawn.values()) == {3}
            assert not still.appeared, "what comes back from rest was there all the time"


@apart()
def test_panels_begin_with_their_padding() -> None:
    with scene() as still:
        for key in PANELS:
            still.host.post(FocusPanel(key))
            still.frames(20)
        usual = imgui.get_style().window_padding
        for kind in panels():
            if kind.padded:
                assert still.inset[kind.key] == (usual.x, usual.y), kind.key
        assert usual.x > 0 and usual.y > 0


@apart()
def test_bars_rest_as_panels_do_and_nothing_is_asked_of_the_application() -> None:
    with (
        scene() as still,
        mock.patch.object(still.desk, "view", wraps=still.desk.view) as view,
        mock.patch.object(host_of_bars, "draw_app_bar", wraps=host_of_bars.draw_app_bar) as top,
        mock.patch.object(host_of_bars, "draw_status_bar", wraps=host_of_bars.draw_status_bar) as bottom,
    ):
        for awake, times in ((False, 2), (True, 6)):
            still.let_rest()
            for part in (view, top, bottom):
                part.reset_mock()
            still.frames(6, awake=awake)
            assert (view.call_count, top.call_count, bottom.call_count) == (times, times, times)


@apart()
def test_what_comes_to_the_front_at_rest_is_drawn_at_once_and_stays_alone() -> None:
    with scene() as still:
        for key in PANELS:
            still.host.post(FocusPanel(key))
            still.frames(30, awake=True)
            still.host.post(FocusPanel("curves"))
            still.frames(30, awake=True)
            still.let_rest()
            still.frames(5)
            still.host.post(FocusPanel(key))
            still.frames(3)  # it is posted after the first, brought to the front in the second, and has its turn
            shown = still.frames(1)[0]
            assert shown == still.frames(1, awake=True)[0], key
            assert key in still.seen()


@apart()
def test_a_touch_wakes_all_in_the_same_frame() -> None:
    io = imgui.get_io
    touches: dict[str, Callable[[], object]] = {
        "mouse": lambda: io().add_mouse_pos_event(700, 500),
        "button": lambda: [io().add_mouse_button_event(1, down) for down in (True, False)],
        "wheel": lambda: io().add_mouse_wheel_event(0, 1),
        "key": lambda: io().add_key_event(imgui.Key.f9, True),
        "text": lambda: io().add_input_character(ord("x")),
    }
    with scene() as still:
        for name, touch in touches.items():
            still.let_rest()
            still.frames(6)
            assert 2 in still.drawn.values(), name
            touch()
            with mock.patch.object(host_of_bars, "draw_app_bar", wraps=host_of_bars.draw_app_bar) as top:
                still.frames(1)
            assert set(still.drawn) == still.seen() and top.call_count == 1, name
            still.frames(5)
            assert set(still.drawn.values()) == {5}, "and they stay awake for a moment"


@apart()
def test_the_panel_under_the_mouse_does_not_rest() -> None:
    with scene() as still:
        imgui.get_io().add_mouse_pos_event(900, 400)
        still.frames(3)
        still.let_rest()
        still.frames(9)
        counts = dict(still.drawn)
        under = [key for key, count in counts.items() if count == 9]
        assert len(under) == 1 and set(counts.values()) == {3, 9}, counts


@apart()
def test_nothing_rests_while_a_list_is_open_or_something_is_held() -> None:
    with scene() as still:
        for holds in ("is_popup_open", "is_any_item_active", "is_any_mouse_down"):
            still.let_rest()
            with mock.patch.object(imgui, holds, lambda *_: True):
                still.frames(4)
            assert set(still.drawn.values()) == {4}, holds


@pytest.mark.parametrize("state", ["paused", "ready", "completed", "failed"])
@apart()
def test_nothing_rests_unless_a_run_goes_on(state: str) -> None:
    with scene(state) as still:
        still.let_rest()
        still.frames(6)
        assert set(still.drawn.values()) == {6}


@apart()
def test_other_looks_are_shown_when_all_is_drawn_anew() -> None:
    with scene() as still:
        still.rest()
        still.desk.shown = replace(still.desk.shown, settings=replace(still.desk.shown.settings, theme="light"))
        still.frames(4)  # it is seen in the first to the third, and nothing rests from then on
        assert set(still.drawn) == still.seen() and min(still.drawn.values()) >= 2
        still.frames(4)
        assert set(still.drawn.values()) == {4}


@apart()
def test_another_size_is_shown_at_once() -> None:
    with scene() as still:
        still.rest()
        still.window.backend.size_px = (1700, 900)
        still.frames(1)
        assert set(still.drawn) == still.seen()


@apart()
def test_nothing_rests_once_letters_have_another_texture_not_even_the_bars() -> None:
    with scene() as still:
        still.rest()
        fonts = imgui.get_io().fonts
        before, draw = fonts.tex_data.unique_id, still.host._panels["curves"].draw

        def large(*arguments: Any) -> None:
            draw(*arguments)
            text = "".join(map(chr, range(33, 127)))
            imgui.get_window_draw_list().add_text(imgui.get_font(), 150.0, imgui.ImVec2(0, 0), 0xFFFFFFFF, text)

        still.host._panels["curves"].draw = large  # type: ignore[method-assign]
        while fonts.tex_data.unique_id == before:
            still.frames(1)
        with mock.patch.object(host_of_bars, "draw_app_bar", wraps=host_of_bars.draw_app_bar) as top:
            still.frames(1)
        assert top.call_count == 1 and set(still.drawn) == still.seen()


@apart()
def test_bars_and_panels_show_the_same_step() -> None:
    with (
        scene() as still,
        mock.patch.object(host_of_bars, "draw_status_bar", wraps=host_of_bars.draw_status_bar) as bottom,
        mock.patch.object(still.host._panels["curves"], "draw") as panel,
    ):
        still.let_rest()
        still.frames(6)
        assert panel.call_count == 2
        still.desk.shown = replace(still.desk.shown, welcome=False)  # another one, though it says the same
        still.frames(3)
        assert panel.call_args.args[0] is bottom.call_args.args[1] is still.desk.shown


@apart()
def test_an_application_that_cannot_be_looked_at_is_told_of_and_tried_again() -> None:
    with scene() as still:
        with mock.patch.object(still.desk, "view", side_effect=ValueError("out of luck")):
            assert still.window.frame()
        assert [str(error) for error in still.desk.faults] == ["out of luck"]
        still.desk.faults.clear()
        still.frames(3, awake=True)
        assert set(still.drawn.values()) == {3}


@apart()
def test_a_hidden_window_is_drawn_anew_now_and_then_and_at_once_when_it_is_seen_again() -> None:
    with scene() as still:
        still.let_rest()
        still.window._shown = still.window.backend.hidden = True
        still.frames(14)
        assert set(still.drawn.values()) == {2}
        still.window.backend.hidden = False
        still.frames(1)
        assert set(still.drawn) == still.seen()


@apart()
def test_a_picture_is_taken_of_panels_that_are_awake() -> None:
    with scene() as still:
        still.rest()
        still.window.wake()
        still.frames(4)
        assert set(still.drawn.values()) == {4}


def test_a_slow_window_has_no_frames_to_rest_in() -> None:
    rates = (144.0, 60.0, 59.2, 45.0, 30.0, 20.0, 3.0, 0.2)
    assert [rests.turns_at(fps) for fps in rates] == [3, 3, 3, 2, 2, 1, 1, 1]
    assert [rests.turns_at(fps, hidden=True) for fps in rates] == [144, 60, 59, 45, 30, 20, 3, 1]
