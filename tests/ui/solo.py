"""One panel that fills a window, drawn from a view that a test sets; it notes what is posted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from imgui_bundle import ImVec2, hello_imgui, imgui, imgui_ctx

from neuralforge.app.window import Window
from neuralforge.ui import style
from neuralforge.ui.backend import BackendKind
from neuralforge.ui.kit import Kit
from neuralforge.ui.panel import Panel
from neuralforge.workbench.commands import Command
from neuralforge.workbench.view import View
from tests.ui.pilot import Stage

_BARE = imgui.WindowFlags_.no_decoration | imgui.WindowFlags_.no_move | imgui.WindowFlags_.no_saved_settings


class Solo:
    """A panel alone.

    Args:
        kind: The panel.
        view: What is shown first.

    Attributes:
        view: What is shown; may be set at any time.
        width_px: Width of the panel at scale 1; the whole window when 0.
        height_px: Likewise.
        posted: All that was posted.
        panel: The panel; there after the first frame.
    """

    def __init__(self, kind: type[Panel], view: View) -> None:
        self.view = view
        self.width_px = self.height_px = 0.0
        self.posted: list[Command] = []
        self.kit = Kit()
        self.panel: Any = None
        self._kind = kind
        self._styled: tuple[str, float] | None = None

    def of(self, kind: type[Command]) -> list[Any]:
        """Return the posted commands of a kind."""
        return [command for command in self.posted if isinstance(command, kind)]

    def setup(self, params: hello_imgui.RunnerParams, size_px: tuple[int, int]) -> None:
        params.callbacks.setup_imgui_style = lambda: None

    def load_fonts(self) -> None:
        self.kit.load_fonts()

    def draw(self) -> None:
        if self.panel is None:
            imgui.get_io().config_flags |= imgui.ConfigFlags_.nav_enable_keyboard
            self.panel = self._kind(self.kit)
        if self._styled != (self.kit.theme.name, self.kit.scale):
            self._styled = (self.kit.theme.name, self.kit.scale)
            style.apply(self.kit)
            self.panel.forget()
        screen, scale = imgui.get_io().display_size, self.kit.scale
        size = ImVec2(self.width_px * scale or screen.x, self.height_px * scale or screen.y)
        imgui.set_next_window_pos(ImVec2(0, 0))
        imgui.set_next_window_size(size)
        padding = imgui.get_style().window_padding if self._kind.padded else ImVec2(0, 0)
        with (
            imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, padding),
            imgui_ctx.begin(f"{self._kind.title}###{self._kind.key}", None, _BARE),
        ):
            self.panel.draw(self.view, self.posted.append)

    def end_frame(self) -> None: ...

    def before_exit(self) -> None:
        if self.panel is not None:
            self.panel.forget()

    def may_close(self) -> bool:
        return True

    def is_busy(self) -> bool:
        return True

    def failed(self, error: Exception) -> None: ...


def solo(kind: type[Panel], view: Callable[[], View]) -> Callable[[BackendKind, tuple[int, int]], Stage]:
    """Return a stage with one panel."""

    def made(backend: BackendKind, size_px: tuple[int, int]) -> Stage:
        gui = Solo(kind, view())
        window = Window(gui, kind=backend, size_px=size_px)
        return Stage(window=window, run=window.run, desk=gui, marks=gui.kit.marks)

    return made
