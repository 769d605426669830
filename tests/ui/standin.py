"""A small application in place of the product: it draws panels from a view and notes what they post."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from imgui_bundle import ImVec2, hello_imgui, imgui, imgui_ctx

from neuralforge.app.window import Window
from neuralforge.ui import style
from neuralforge.ui.backend import BackendKind
from neuralforge.ui.kit import Kit
from neuralforge.ui.local import Local
from neuralforge.ui.panel import Panel
from neuralforge.workbench.commands import Command
from neuralforge.workbench.view import View
from tests.ui.pilot import Stage, StageMaker

BARE = imgui.WindowFlags_.no_decoration | imgui.WindowFlags_.no_move | imgui.WindowFlags_.no_saved_settings


class StandIn(ABC):
    """What a window shows in the tests of panels alone.

    Args:
        view: What the panels see first.
        kinds: The panels.
        kit: What they draw with.

    Attributes:
        view: What the panels see; may be set at any time.
        posted: All that was posted.
        errors: What left a frame half drawn; the scenario fails in the end, too.
    """

    view: View

    def __init__(self, view: View, kinds: Sequence[type[Panel]] = (), kit: Kit | None = None) -> None:
        self.view = view
        self.kit = kit or Kit()
        self.panels = [kind(self.kit) for kind in kinds]
        self.posted: list[Command] = []
        self.errors: list[Exception] = []
        self._done = 0
        self._styled: tuple[str, float] | None = None

    @property
    def panel(self) -> Any:
        """The panel, where there is one alone."""
        (panel,) = self.panels
        return panel

    def post(self, command: Command) -> None:
        """Note what a panel asks for."""
        self.posted.append(command)

    def of(self, *kinds: type[Command]) -> list[Any]:
        """Return the posted commands of some kinds."""
        return [command for command in self.posted if isinstance(command, kinds)]

    def last(self, *kinds: type[Command]) -> list[Any]:
        """Return what was posted since the last time, of some kinds; whatever was posted is forgotten."""
        found = self.of(*kinds)
        self.posted.clear()
        self._done = 0
        return found

    def place(
        self, panel: Panel, x_px: float, y_px: float, size_px: tuple[float, float], flags: imgui.WindowFlags_ = BARE
    ) -> None:
        """Draw a panel in a window of its own, in pixels of the screen."""
        imgui.set_next_window_pos(ImVec2(x_px, y_px))
        imgui.set_next_window_size(ImVec2(*size_px))
        padding = imgui.get_style().window_padding if panel.padded else ImVec2(0, 0)
        with (
            imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, padding),
            imgui_ctx.begin(f"{panel.title}###{panel.key}", None, flags),
        ):
            panel.draw(self.view, self.post)

    @abstractmethod
    def draw_panels(self) -> None:
        """Draw what is in the window."""

    def do(self, command: Command) -> None:
        """Carry out what was posted: what concerns the window goes to the panels, as in the product."""
        if isinstance(command, Local):
            any(panel.take(command) for panel in self.panels)

    def setup(self, params: hello_imgui.RunnerParams, size_px: tuple[int, int]) -> None:
        params.callbacks.setup_imgui_style = lambda: None

    def load_fonts(self) -> None:
        self.kit.load_fonts()

    def wake(self) -> None:  # noqa: B027 - all of it is drawn in each frame
        pass

    def draw(self) -> None:
        wanted = (self.kit.theme.name, self.kit.scale)
        if wanted != self._styled:
            self._styled = wanted
            imgui.get_io().config_flags |= imgui.ConfigFlags_.nav_enable_keyboard
            style.apply(self.kit)
            self._forget()
        self.draw_panels()

    def end_frame(self) -> None:
        new, self._done = self.posted[self._done :], len(self.posted)
        for command in new:
            self.do(command)

    def before_exit(self) -> None:
        self._forget()

    def may_close(self) -> bool:
        return True

    def is_busy(self) -> bool:
        return True

    def failed(self, error: Exception) -> None:
        self.errors.append(error)

    def _forget(self) -> None:
        for panel in self.panels:
            panel.forget()


def stage(make: Callable[[], StandIn]) -> StageMaker:
    """Return a stage on which such an application plays."""

    def made(kind: BackendKind, size_px: tuple[int, int]) -> Stage:
        gui = make()
        window = Window(gui, kind=kind, size_px=size_px)
        return Stage(window=window, run=window.run, desk=gui, marks=gui.kit.marks)

    return made
