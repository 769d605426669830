"""Which arrangement of panels shows, and which of them lie in front: what changes over several frames.

Hello ImGui lays an arrangement out in one frame, and docked windows find their places and take the focus from each
other in the next ones. So tabs are brought to the front one a frame, and only once all windows stand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from imgui_bundle import hello_imgui

from neuralforge.ui.bar_state import BarState
from neuralforge.ui.docking import ARRANGEMENTS, WELCOME, docks, kept_arrangements, layout, window_label
from neuralforge.ui.local import FocusPanel, Local, ResetArrangement, SetArrangement, TogglePanel
from neuralforge.ui.panel import Arrangement, Dock, Panel
from neuralforge.workbench.commands import ChangeSettings, Command
from neuralforge.workbench.view import View

FRESH_FRAMES: Final = 6
"""Frames until an arrangement that was laid out anew stands."""

BLANK_FRAMES: Final = 3
"""Frames without panels when the arrangement changes: tabs that come back one by one would lose their order."""


class Arranger:
    """Lays out the panels of a window, and goes from one arrangement to the other.

    Args:
        kinds: The panels by key.
        bars: Holds the name of the arrangement that shows.
        post: Takes what the application is to know.
        leads: Tells whether a panel shows most of the data of a run, so that it is to be in front when one begins.

    Attributes:
        shown: Keys of the panels that could be seen in the last frame; to be set.
        run_seen: Id of the run that was in the panels last.
    """

    def __init__(
        self,
        kinds: Mapping[str, type[Panel]],
        bars: BarState,
        post: Callable[[Command], None],
        leads: Callable[[str, View], bool],
    ) -> None:
        self.shown = frozenset[str]()
        self.run_seen: str | None = None
        self._kinds = kinds
        self._bars = bars
        self._post = post
        self._leads = leads
        self._docks: dict[Arrangement, dict[str, Dock]] = {}
        self._fresh: dict[Arrangement, int] = {}
        self._unfinished: set[Arrangement] = set()
        self._in_front: dict[Arrangement, list[str]] = {}
        self._picture = ""
        self._focus: str | None = None
        self._front: list[str] = []
        self._next_front: str | None = None
        self._unsettled = 0
        self._blank = 0

    def setup(self, params: hello_imgui.RunnerParams, width_px: float, guis: Mapping[str, Callable[[], None]]) -> None:
        """Describe the docks, before the window is made.

        Args:
            params: To be filled.
            width_px: Width of the window at scale 1.
            guis: Key -> what draws the panel in its window; those that are docked.
        """
        docked = {key: self._kinds[key] for key in guis}
        self._docks = {name: docks(name, docked, width_px) for name in ARRANGEMENTS}
        layouts = {name: layout(name, docked, width_px, guis) for name in ARRANGEMENTS}
        known = kept_arrangements(params)
        for name in known:
            layouts[name].layout_condition = hello_imgui.DockingLayoutCondition.never
        params.docking_params = layouts.pop(self._bars.arrangement)
        params.alternative_docking_layouts = list(layouts.values())
        params.remember_selected_alternative_layout = False
        self._fresh = {name: FRESH_FRAMES for name in ARRANGEMENTS if name not in known}

    @property
    def is_blank(self) -> bool:
        """Whether no panel is drawn in this frame."""
        return self._blank > 0

    @property
    def is_moving(self) -> bool:
        """Whether the frames to come will look otherwise than this one."""
        return bool(
            self._front or self._focus or self._unsettled or self._blank or self._fresh.get(self._bars.arrangement)
        )

    def begin_frame(self, view: View) -> None:
        """Go one frame further, before any panel is drawn."""
        self._follow_run(view)
        if not view.welcome:
            self._front_first_tabs()
            self._unsettled = max(0, self._unsettled - 1)
            self._blank = max(0, self._blank - 1)
        if self._focus is not None and not self._unsettled:
            self._show(self._focus)
        # One a frame: the focus of a second would undo that of the first.
        self._next_front = self._front.pop(0) if self._front and not (view.welcome or self._blank) else None

    def comes_to_front(self, key: str) -> bool:
        """Tell, once, whether a panel is to be brought to the front in this frame."""
        if self._next_front != key:
            return False
        self._next_front = None
        return True

    def take(self, command: Local) -> bool:
        """Carry out a command where it is about arrangements and windows, and return whether it is."""
        match command:
            case SetArrangement(name):
                self._arrange(name)
            case ResetArrangement():
                self._reset()
            case FocusPanel(key):
                self._focus = key
            case TogglePanel(key):
                window = self._window(key)
                if window is not None:
                    window.is_visible = not window.is_visible
            case _:
                return False
        return True

    def _arrange(self, name: Arrangement) -> None:
        if self._bars.arrangement == name:
            return
        left = self._bars.arrangement
        if self._fresh.get(left):  # it was left before it stood: once more when one comes back to it
            self._fresh[left] = FRESH_FRAMES
            self._unfinished.add(left)
        self._in_front[left] = [*sorted(self.shown - {WELCOME}), *self._front]
        self._front = list(self._in_front.get(name, ()))  # windows that come back take the focus from each other
        self._bars.arrangement = name
        self._unsettled = FRESH_FRAMES
        self._blank = BLANK_FRAMES
        if hello_imgui.get_runner_params().ini_disable:  # nothing is kept: it is laid out anew
            self._fresh[name] = FRESH_FRAMES
        hello_imgui.switch_layout(ARRANGEMENTS[name])
        self._post(ChangeSettings({"arrangement": name}))

    def _reset(self) -> None:
        name = self._bars.arrangement
        self._fresh[name] = FRESH_FRAMES
        docking = hello_imgui.get_runner_params().docking_params
        docking.layout_reset = True
        for key, dock in self._docks[name].items():
            window = docking.dockable_window_of_name(window_label(self._kinds[key]))
            window.is_visible = dock != "hidden"

    def _front_first_tabs(self) -> None:
        """Bring the first tab of each dock to the front, once an arrangement is laid out anew."""
        name = self._bars.arrangement
        left = self._fresh.get(name, 0)
        if not left:
            return
        self._fresh[name] = left - 1
        if name in self._unfinished and left < FRESH_FRAMES:  # in the first frame the other one's layout is still there
            self._unfinished.discard(name)
            hello_imgui.get_runner_params().docking_params.layout_reset = True
        if left == 1:
            params = hello_imgui.get_runner_params()
            if not params.ini_disable:
                # Else it would be laid out anew each time one comes back to it, and what the user has moved were lost.
                params.docking_params.layout_condition = hello_imgui.DockingLayoutCondition.never
            first: dict[Dock, str] = {}
            for key, dock in self._docks[name].items():  # in the order of their tabs
                first.setdefault(dock, key)
            first.pop("hidden", None)
            for dock in sorted(first, key=lambda dock: dock == "centre"):  # the last one keeps the focus
                self._front.append(first[dock])

    def _window(self, key: str) -> hello_imgui.DockableWindow | None:
        kind = self._kinds.get(key)
        if kind is None or key == WELCOME:
            return None
        return hello_imgui.get_runner_params().docking_params.dockable_window_of_name(window_label(kind))

    def _show(self, key: str) -> None:
        """Bring a panel to the front, in the arrangement where it has a place; after some frames, if it is another."""
        self._focus = None
        kind = self._kinds.get(key)
        if kind is None:
            return
        if kind.docks.get(self._bars.arrangement, "hidden") == "hidden":
            home = next((name for name in ARRANGEMENTS if kind.docks.get(name, "hidden") != "hidden"), None)
            if home is not None:
                self._arrange(home)
                self._focus = key
                return
        window = self._window(key)
        if window is not None:
            window.is_visible = True
            self._front.append(key)

    def _follow_run(self, view: View) -> None:
        """Go to the Train arrangement when a run begins, with what shows most of its data in front."""
        run_id = view.run.run_id if view.run is not None else None
        if run_id != self.run_seen:
            self.run_seen = run_id
            if run_id is not None:
                self._arrange("train")
                self._picture = next((key for key in self._kinds if self._leads(key, view)), "")
        if self._picture and not self._fresh.get("train"):
            self._front.append(self._picture)
            self._picture = ""
