"""Draws what is known of one module of a network that was not drawn here: its size, and what it holds in the run."""

from __future__ import annotations

from typing import Final

from imgui_bundle import ImVec2, imgui

from neuralforge.ui import icons, widgets
from neuralforge.ui.kit import Kit
from neuralforge.ui.look_state import step_text, when_answered
from neuralforge.ui.map_pictures import MapPictures
from neuralforge.ui.memo import Memo
from neuralforge.ui.numbers import count
from neuralforge.ui.own_runs import family_of, looked_at, module_at
from neuralforge.ui.stats_view import StatsView
from neuralforge.workbench.view import RunView

_TILE_PX: Final = 40.0


class ModuleFacts:
    """Draws the module that is looked at.

    Args:
        kit: The kit.
    """

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self._stats = StatsView(kit)
        self._maps = MapPictures(kit)
        self._memo = Memo()

    def forget(self) -> None:
        """Let go of the pictures."""
        self._maps.forget()

    def draw(self, run: RunView) -> None:
        """Draw it over the width of the panel; what to do where none is looked at."""
        kit, t, look = self.kit, self.kit.theme, run.node
        path = looked_at(run)
        module = self._memo.get("module", (run.modules, path), lambda: module_at(run, path))
        if module is None:
            words = "A click on a module in Outline shows here what it holds."
            if not run.modules:
                words = "Its modules are not known here; its curves and events are."
            widgets.empty(kit, icons.CODE, "A module of your own", words)
            return
        family = family_of(module.kind)
        at, room = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
        widgets.icon_tile(kit, icons.of_category(family), t.category(family or "custom"), _TILE_PX, draw_at=at)
        left, width = at.x + kit.px(_TILE_PX + 10), room - kit.px(_TILE_PX + 10)
        title = widgets.shortened(kit, module.kind, width, "semibold", 17)
        kit.draw_text(ImVec2(left, at.y - kit.px(1)), title, t.text, "semibold", 17)
        name = widgets.shortened_left(kit, module.path or "the whole model", width, "mono", 13)
        kit.draw_text(ImVec2(left, at.y + kit.px(23)), name, t.text3, "mono", 13)
        imgui.dummy(ImVec2(room, kit.px(_TILE_PX)))
        widgets.tooltip(kit, f"{module.kind}\n{module.path or 'the whole model'}")
        widgets.section(kit, "Module")
        widgets.fact(kit, "Parameters", count(module.parameters), "Learnable numbers in it and in all that it holds")
        if module.facts:
            widgets.wrapped(kit, module.facts, t.text2)
        known = look is not None and look.node == path
        widgets.section(kit, "In this run", step_text(look.step) if known and look is not None else "")
        if not known or look is None:
            words = f"It is measured {when_answered(run)}." if run.live else "It was not measured."
            widgets.wrapped(kit, words, t.text3)
            return
        if look.weights is None and look.activations is None:
            widgets.wrapped(kit, "The network does not use this module.", t.text3)
        if look.weights is not None:
            self._stats.draw("Weights", look.weights, t.accent)
        if look.activations is not None:
            self._stats.draw("Activations", look.activations, t.series[2])
        maps = run.maps
        if maps is not None and maps.node == module.path:
            widgets.section(kit, "Output on pinned sample", step_text(maps.step))
            self._maps.draw(maps)
