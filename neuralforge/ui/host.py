"""The window's inside: docks the panels, draws the bars, and keeps an error of one panel from the others.

Each frame: read the view, carry out what concerns the window alone, draw, and give the posted commands to the
application, which carries them out after the frame.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Final, Protocol

from imgui_bundle import ImVec2, ImVec4, hello_imgui, imgui, imgui_ctx

from neuralforge.ui import icons, style, widgets
from neuralforge.ui.actions import dispatch_shortcuts
from neuralforge.ui.arranging import Arranger
from neuralforge.ui.backend import restored_stacks
from neuralforge.ui.bars import BarState, draw_app_bar, draw_status_bar, draw_tool_bar
from neuralforge.ui.dialogs import Dialogs
from neuralforge.ui.docking import WELCOME, window_label
from neuralforge.ui.kit import Kit
from neuralforge.ui.local import Local, RetryPanel
from neuralforge.ui.panel import Panel
from neuralforge.ui.registry import panels
from neuralforge.ui.rests import Rests
from neuralforge.ui.theme import THEMES
from neuralforge.workbench.commands import Command, Quit, Watch
from neuralforge.workbench.view import View

APP_BAR_PX: Final = 44
TOOL_BAR_PX: Final = 48
STATUS_BAR_PX: Final = 28

EM_PX: Final = 16.0
"""What Hello ImGui takes for an em at scale 1."""

PATIENCE: Final = 30
"""After so many failures in a row a part of the window that is no panel is left out for good."""

_STILL: Final = imgui.WindowFlags_.no_scrollbar | imgui.WindowFlags_.no_scroll_with_mouse
"""What a panel needs to rest: a docked window's own scroll bars are drawn by its parent, which does not rest."""

_PADDED: Final = imgui.ChildFlags_.always_use_window_padding | imgui.ChildFlags_.nav_flattened


class Desk(Protocol):
    """The application behind the window, as far as the window knows it."""

    def view(self) -> View:
        """Return what there is to show."""

    def carry_out(self, commands: list[Command]) -> None:
        """Carry out what was posted."""

    def is_busy(self) -> bool:
        """Return whether something moves without input."""

    def fault(self, error: BaseException, what: str) -> None:
        """Hear of a fault of the window."""


class Host:
    """Draws everything inside the window.

    Args:
        desk: The application behind the window.
        kit: The means of drawing.

    Attributes:
        kit: The means of drawing.
        failures: Key of a panel, or name of another part -> what went wrong in it last. A panel is not drawn while it
            is in there; trying again takes it out.
        hidden: Whether nobody can see the window.
    """

    def __init__(self, desk: Desk, kit: Kit | None = None) -> None:
        self.kit = kit or Kit()
        self.failures: dict[str, str] = {}
        self.hidden = False
        self._desk = desk
        self._kinds = {kind.key: kind for kind in panels()}
        self._panels: dict[str, Panel] = {key: kind(self.kit) for key, kind in self._kinds.items()}
        self._in_a_row: dict[str, int] = {}
        self._told: set[tuple[str, type[Exception]]] = set()
        self._posted: list[Command] = []
        self._view: View | None = None
        self._drawn: set[str] = set()
        self._watched: frozenset[str] | None = None
        self._wanted = frozenset[str]()
        self._bars = BarState(arrangement="build")
        self._dialogs = Dialogs(self.kit)
        self._rests = Rests()
        self._fault: Exception | None = None
        self._woken = False
        self._styled: tuple[str, float] | None = None
        self._arranger = Arranger(self._kinds, self._bars, self._post, self._leads)

    # What the window calls

    def load_fonts(self) -> None:
        """Load the fonts; once, before the first frame."""
        self.kit.load_fonts()

    def setup(self, params: hello_imgui.RunnerParams, size_px: tuple[int, int]) -> None:
        """Describe bars and docks, before the window is made.

        Args:
            params: To be filled.
            size_px: Width and height of the window.
        """
        view = self._desk.view()
        self._bars.arrangement = view.settings.arrangement
        window = params.imgui_window_params
        window.default_imgui_window_type = hello_imgui.DefaultImGuiWindowType.provide_full_screen_dock_space
        window.show_menu_bar = window.show_status_bar = False
        window.enable_viewports = False
        window.tweaked_theme.tweaks.rounding = 0
        width_px = size_px[0] / (view.settings.scale or 1.0)
        self._arranger.setup(params, width_px, {key: self._gui(key) for key in self._kinds if key != WELCOME})
        for edge, draw, height_px in (
            (hello_imgui.EdgeToolbarType.top, self._draw_top, APP_BAR_PX + TOOL_BAR_PX),
            (hello_imgui.EdgeToolbarType.bottom, self._draw_bottom, STATUS_BAR_PX),
        ):
            options = hello_imgui.EdgeToolbarOptions(height_px / EM_PX, ImVec2(0, 0), ImVec4(0, 0, 0, 0))
            params.callbacks.add_edge_toolbar(edge, draw, options)
        params.callbacks.post_render_dockable_windows = self._draw_above

    def draw(self) -> None:
        """Draw what lies under the docked windows; Hello ImGui then draws those."""
        if self._fault is not None:
            fault, self._fault = self._fault, None
            raise fault
        view = self._view
        if self._rests.holds or view is None:
            return
        self._drawn.clear()
        self._arranger.begin_frame(view)
        if not view.welcome and view.question is None and not self._dialogs.is_open:
            self._guarded("shortcuts", lambda: dispatch_shortcuts(view, self._post, self._bars.run_n))

    def wake(self) -> None:
        """Draw all panels anew in the next frame."""
        self._woken = True

    def before_exit(self) -> None:
        """Let go of everything that lives on the graphics card."""
        for panel in self._panels.values():
            panel.forget()
        self._dialogs.forget()

    def may_close(self) -> bool:
        """Leave it to the application, which may have to ask."""
        self._posted.append(Quit())
        return False

    def is_busy(self) -> bool:
        """Return whether frames must go on at full rate."""
        return self._desk.is_busy()

    def failed(self, error: Exception) -> None:
        """Pass on a fault that no panel has caught."""
        self._desk.fault(error, "The window could not be drawn")

    def post(self, command: Command) -> None:
        """Ask for something from outside of a frame."""
        self._posted.append(command)

    def end_frame(self) -> None:
        """Hand over what was posted in the frame."""
        if self._rests.holds and not self._posted:
            return
        seen, view = frozenset(self._drawn), self._view or self._desk.view()
        if not self._arranger.is_blank:
            wants = frozenset[str]().union(*(self._kinds[key].wants_of(view) for key in seen))
            if seen != self._watched or wants != self._wanted:
                self._watched, self._wanted, self._arranger.shown = seen, wants, seen
                self._posted.append(Watch(seen, wants))
        posted, self._posted = self._posted, []
        outside = [command for command in posted if not (isinstance(command, Local) and self._taken(command))]
        if outside:
            self._desk.carry_out(outside)

    # Drawing

    def _post(self, command: Command) -> None:
        self._posted.append(command)

    def _gui(self, key: str) -> Callable[[], None]:
        kind = self._kinds[key]
        label = window_label(kind)

        def draw() -> None:
            view = self._view
            if view is None or view.welcome or self._arranger.is_blank:
                return
            if self._arranger.comes_to_front(key):
                imgui.set_next_window_focus()
            rests = self._rests.holds and key in self._drawn
            if rests:
                self._rests.before_window()
            usual = imgui.get_style().window_padding
            padding = ImVec2(usual.x, usual.y)  # a copy: what is pushed below is written there
            # What has no place of its own in this arrangement can be closed at its tab, others from the menu alone.
            guest = kind.docks.get(self._bars.arrangement, "hidden") == "hidden"
            with (
                imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, ImVec2(0, 0)),
                imgui_ctx.begin(label, True if guest else None, _STILL) as opened,
            ):
                if guest and not opened.opened:
                    docking = hello_imgui.get_runner_params().docking_params
                    docking.dockable_window_of_name(label).is_visible = False
                if rests and self._rests.shows_again():
                    return
                if opened:
                    self._drawn.add(key)
                    self._draw_inside(key, view, padding if kind.padded else None)

        return draw

    def _may_rest(self) -> bool:
        """Return whether panels may rest: a run goes on, and the window itself is not about to change."""
        woken, self._woken = self._woken, False
        view = self._view
        run = None if view is None or view.welcome else view.run
        return not (woken or self._arranger.is_moving) and run is not None and run.live and run.state == "running"

    def _draw_inside(self, key: str, view: View, padding: ImVec2 | None) -> None:
        """Draw a panel in its window, and with padding in a part of it that scrolls."""
        if padding is None:
            self._draw_panel(key, view)
            return
        with (
            imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, padding),
            imgui_ctx.begin_child("##inside", ImVec2(0, 0), _PADDED) as child,
        ):
            if child:
                self._draw_panel(key, view)

    def _draw_panel(self, key: str, view: View) -> None:
        """Draw one panel; what it raises is shown in its place, with a retry."""
        if key in self.failures:
            self._draw_failure(key)
            return
        try:
            with restored_stacks():
                self._panels[key].draw(view, self._post)
        except Exception as error:
            self.failures[key] = "".join(traceback.format_exception(error))
            self._desk.fault(error, f"The panel {self._kinds[key].title} could not be drawn")
            self._panels[key].forget()

    def _draw_failure(self, key: str) -> None:
        kit, words = self.kit, self.failures[key].strip().splitlines()
        with widgets.card(kit, f"failure-{key}", kit.theme.danger):
            title = f"{self._kinds[key].title} cannot be drawn"
            widgets.text(kit, f"{icons.ERROR}  {title}", kit.theme.danger, "semibold", 16)
            widgets.wrapped(kit, "This panel has met a fault of its own. The others, and the training, go on.")
            widgets.wrapped(kit, words[-1], kit.theme.text)
            if widgets.button(kit, "Try again", icons.RESET, "field", tip="Draw the panel again", key=f"retry-{key}"):
                self._post(RetryPanel(key))
            imgui.same_line()
            if widgets.button(
                kit, "Copy details", icons.COPY, "plain", tip="Copy the whole message", key=f"copy-{key}"
            ):
                imgui.set_clipboard_text(self.failures[key])

    def _draw_top(self) -> None:
        self._begin_frame()
        self._draw_bar("top bar", self._bars_on_top)

    def _begin_frame(self) -> None:
        """Decide whether the frame rests, and look at what there is to show and how; before anything is drawn."""
        self._rests.begin_frame(may_rest=self._may_rest(), hidden=self.hidden)
        if not self._rests.holds:
            try:
                self._view = self._desk.view()
                self._follow_settings(self._view)
            except Exception as error:
                self._fault = error  # for `draw`, which may raise

    def _bars_on_top(self, view: View) -> None:
        draw_app_bar(self.kit, view, self._post, self._bars)
        draw_tool_bar(self.kit, view, self._post, self._bars)

    def _draw_bottom(self) -> None:
        self._draw_bar("status bar", lambda view: draw_status_bar(self.kit, view, self._post, self._bars))

    def _draw_bar(self, name: str, draw: Callable[[View], None]) -> None:
        """Draw a bar over the whole of its window, in a part of it that can rest."""
        view = self._view
        if view is None or view.welcome:
            return
        imgui.set_cursor_pos(ImVec2(0, 0))
        if self._rests.holds:
            self._rests.before_window()
        with imgui_ctx.begin_child(f"##{name}", imgui.get_window_size(), imgui.ChildFlags_.nav_flattened, _STILL):
            if not (self._rests.holds and self._rests.shows_again()):
                self._guarded(name, lambda: draw(view))

    def _draw_above(self) -> None:
        view = self._view
        if view is None:
            return
        if view.welcome and WELCOME in self._panels:
            self._draw_welcome(view)
        # A question must be answered before anything else, so its dialog is never given up.
        vital = view.question is not None
        arrangement, run_n = self._bars.arrangement, self._bars.run_n
        self._guarded("dialogs", lambda: self._dialogs.draw(view, self._post, arrangement, run_n), vital=vital)

    def _draw_welcome(self, view: View) -> None:
        viewport = imgui.get_main_viewport()
        imgui.set_next_window_pos(viewport.pos)
        imgui.set_next_window_size(viewport.size)
        flags = (
            imgui.WindowFlags_.no_decoration
            | imgui.WindowFlags_.no_docking
            | imgui.WindowFlags_.no_move
            | imgui.WindowFlags_.no_saved_settings
        )
        with (
            imgui_ctx.push_style_color(imgui.Col_.window_bg, self.kit.vec4(self.kit.theme.bg)),
            imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, ImVec2(0, 0)),
            imgui_ctx.begin("##welcome", None, flags) as opened,
        ):
            if opened:
                self._drawn.add(WELCOME)
                self._draw_panel(WELCOME, view)

    def _guarded(self, name: str, draw: Callable[[], None], *, vital: bool = False) -> None:
        """Draw a part that is no panel; a fault in it is told once, and it is tried again in the next frame.

        Args:
            name: Its name.
            draw: Draws it.
            vital: Whether it is tried again however often it fails.
        """
        failed = self._in_a_row.get(name, 0)
        if failed >= PATIENCE and not vital:
            return
        try:
            with restored_stacks():
                draw()
        except Exception as error:
            self.failures[name] = "".join(traceback.format_exception(error))
            self._in_a_row[name] = failed + 1
            if (name, type(error)) not in self._told:
                self._told.add((name, type(error)))
                self._desk.fault(error, f"The {name} met a fault and will be tried again")
            if failed + 1 == PATIENCE and not vital:
                self._desk.fault(error, f"The {name} failed {PATIENCE} times in a row and will be left out")
        else:
            self._in_a_row.pop(name, None)

    # What concerns the window alone

    def _taken(self, command: Local) -> bool:
        """Carry out what concerns the window alone; a fault in it is told, and takes no other command with it."""
        try:
            return self._take(command)
        except Exception as error:
            self._desk.fault(error, f"{type(command).__name__} could not be carried out")
            return True

    def _take(self, command: Local) -> bool:
        if isinstance(command, RetryPanel):
            self.failures.pop(command.key, None)
            return True
        return self._arranger.take(command) or self._offer(command)

    def _offer(self, command: Local) -> bool:
        """Offer a command to dialogs and panels, and return whether one took it or failed in taking it."""
        failed = False
        takers = {"The dialogs": self._dialogs.take}
        takers |= {f"The panel {self._kinds[key].title}": panel.take for key, panel in self._panels.items()}
        for name, take in takers.items():
            try:
                if take(command):
                    return True
            except Exception as error:
                failed = True
                self._desk.fault(error, f"{name} could not take {type(command).__name__}")
        return failed

    def _leads(self, key: str, view: View) -> bool:
        try:
            return self._kinds[key].leads(view)
        except Exception as error:
            self._desk.fault(error, f"The panel {self._kinds[key].title} could not say whether it is to be in front")
            return False

    def _follow_settings(self, view: View) -> None:
        settings = view.settings
        scale = settings.scale or self._screen_scale()
        wanted = (settings.theme, scale)
        if wanted != self._styled:
            if self._styled is None:
                imgui.get_io().config_flags |= imgui.ConfigFlags_.nav_enable_keyboard
            self._styled = wanted
            self.kit.theme, self.kit.scale = THEMES[settings.theme], scale
            style.apply(self.kit)
            for panel in self._panels.values():
                panel.forget()
            self.wake()
        self.kit.reduce_motion = settings.reduce_motion

    @staticmethod
    def _screen_scale() -> float:
        return max(1.0, round(hello_imgui.dpi_window_size_factor() * 4) / 4)
