"""Draws how the values of a layer are spread: a histogram and a few numbers."""

from __future__ import annotations

from typing import Final, NamedTuple

from imgui_bundle import ImVec2, imgui

from neuralforge.ui import icons, widgets
from neuralforge.ui.kit import Kit
from neuralforge.ui.memo import Memo
from neuralforge.ui.numbers import number
from neuralforge.ui.rows import u32
from neuralforge.ui.theme import Color
from neuralforge.workbench.looks import Stats

_HEIGHT_PX: Final = 46.0
_FACT_PX: Final = 36.0


class Fact(NamedTuple):
    """A number with its name."""

    name: str
    value: str
    is_bad: bool = False


class StatsView:
    """Draws statistics; texts are made once for each.

    Args:
        kit: The kit.
    """

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self._memo = Memo()

    def draw(self, title: str, stats: Stats, color: Color) -> None:
        """Draw a histogram with numbers below, over the width of the panel.

        Args:
            title: What is measured.
            stats: The numbers.
            color: Of the bars.
        """
        kit, t = self.kit, self.kit.theme
        widgets.text(kit, title, t.text, "medium", 14)
        facts = self._memo.get(title, (stats,), lambda: facts_of(stats))
        if stats.histogram is not None:
            self._draw_bars(title, stats, color)
        self._draw_facts(facts)

    def _draw_bars(self, title: str, stats: Stats, color: Color) -> None:
        kit, t, histogram = self.kit, self.kit.theme, stats.histogram
        assert histogram is not None
        heights = self._memo.get(f"{title}/bars", (stats,), lambda: heights_of(histogram.counts.tolist()))
        at, size = imgui.get_cursor_screen_pos(), ImVec2(imgui.get_content_region_avail().x, kit.px(_HEIGHT_PX))
        imgui.invisible_button(f"##{title}", size)
        draw, each, bottom = imgui.get_window_draw_list(), size.x / max(1, len(heights)), at.y + size.y
        span = histogram.high - histogram.low
        if histogram.low < 0 < histogram.high:
            x = at.x - size.x * histogram.low / span
            draw.add_line(ImVec2(x, at.y), ImVec2(x, bottom), u32(t.border_strong))
        gap, ink, unit = min(kit.px(1.5), each / 3), u32(color.fade(0.85)), kit.px(1)
        for place, height in enumerate(heights):
            if height:
                x, y = at.x + each * place, bottom - max(unit, size.y * min(1.0, height))
                draw.add_rect_filled(ImVec2(x, y), ImVec2(x + each - gap, bottom), ink, unit)
                if height > 1:  # cut off: a break, as is usual for bars that go on
                    y = at.y + size.y * 0.2
                    draw.add_rect_filled(ImVec2(x, y), ImVec2(x + each, y + kit.px(3)), u32(t.panel))
        draw.add_line(ImVec2(at.x, bottom), ImVec2(at.x + size.x, bottom), u32(t.border_strong))
        if imgui.is_item_hovered():
            place = min(len(heights) - 1, max(0, int((imgui.get_io().mouse_pos.x - at.x) / each)))
            low = histogram.low + span * place / len(heights)
            share = histogram.counts[place] / max(1, int(histogram.counts.sum()))
            words = f"{number(low)} \u2026 {number(low + span / len(heights))}: {share:.1%}"
            widgets.tooltip(kit, words)

    def _draw_facts(self, facts: tuple[Fact, ...]) -> None:
        """Draw the numbers below their names, three or six in a row."""
        kit, t = self.kit, self.kit.theme
        at, room = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
        columns = 6 if room >= kit.px(440) else 3
        width = room / columns
        for place, fact in enumerate(facts):
            x, y = at.x + width * (place % columns), at.y + kit.px(_FACT_PX) * (place // columns)
            kit.draw_text(ImVec2(x, y), fact.name, t.text3, "regular", 13)
            ink = t.danger if fact.is_bad else t.text
            value = f"{icons.ERROR} {fact.value}" if fact.is_bad else fact.value
            kit.draw_text(ImVec2(x, y + kit.px(16)), value, ink, "mono", 13)
        imgui.dummy(ImVec2(room, kit.px(_FACT_PX) * -(-len(facts) // columns) + kit.px(4)))


def facts_of(stats: Stats) -> tuple[Fact, ...]:
    """Return what is written about values."""
    return (
        Fact("mean", number(stats.mean)),
        Fact("std", number(stats.std)),
        Fact("zeros", f"{100 * stats.zero_fraction:.1f} %"),
        Fact("min", number(stats.minimum)),
        Fact("max", number(stats.maximum)),
        Fact("not finite", f"{stats.nonfinite:,}", stats.nonfinite > 0),
    )


def heights_of(counts: list[int]) -> tuple[float, ...]:
    """Return heights of bars from 0 to 1; above 1 for a spike so far above all others that they could not be seen.

    A layer behind a ReLU has most of its values in one bin: a linear scale would show that bin alone.
    """
    ordered = sorted(counts, reverse=True)
    top = ordered[0] if ordered else 0
    if len(ordered) > 1 and ordered[1] and top > 3 * ordered[1]:
        top = 3 * ordered[1]
    return tuple(count / top if top else 0.0 for count in counts)
