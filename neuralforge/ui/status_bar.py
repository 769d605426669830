"""The status bar: how things are, in words at the left and in numbers at the right."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from imgui_bundle import ImVec2, imgui

from neuralforge.ui import icons, widgets
from neuralforge.ui.actions import is_live
from neuralforge.ui.bar_state import EDGE_PX, STATUS_BAR_PX, BarState, go_to, ground, tone_color
from neuralforge.ui.bar_texts import Tone, device_words, issue_words, pending_sentence, run_words
from neuralforge.ui.kit import Kit
from neuralforge.ui.numbers import count, memory, plural, rate, si
from neuralforge.ui.own_runs import parameters_of, shows_own
from neuralforge.ui.panel import Arrangement, Post
from neuralforge.workbench.view import View

_GAP_PX = 24.0
_LEAST_WORDS_PX = 160.0
"""Room that how the run is doing keeps beside what goes on behind the window."""
_SPINNER = "spinner"
_IMPORTANCE: Final[Mapping[Arrangement, tuple[str, ...]]] = {
    "build": ("parameters", "macs", "memory", "device", "step", "speed", "fps"),
    "train": ("step", "speed", "device", "memory", "parameters", "macs", "fps"),
}
"""Keys of the numbers, those first that stay where there is little room."""


@dataclass(frozen=True, slots=True)
class Item:
    """A part of the bar.

    Args:
        words: What it says.
        icon: Before the words; "" is a dot, "spinner" turns.
        tone: Colour of the icon.
        tip: Its tooltip.
        key: Names it for tests.
    """

    words: str
    icon: str = ""
    tone: Tone = "quiet"
    tip: str = ""
    key: str = ""


def draw_status_bar(kit: Kit, view: View, post: Post, state: BarState) -> None:
    """Draw the bar at the top of the present window, over its width.

    Args:
        kit: The kit.
        view: What there is to show.
        post: Takes commands.
        state: What the bars remember.
    """
    at, width = ground(kit, 0, STATUS_BAR_PX, kit.theme.bg)
    imgui.get_window_draw_list().add_line(at, ImVec2(at.x + width, at.y), kit.theme.border.u32, 1)
    middle = at.y + kit.px(STATUS_BAR_PX / 2)
    left = left_items(view)
    edge = at.x + kit.px(EDGE_PX)
    # The words at the left go before the numbers at the right, but leave them two fifths of the bar.
    wanted = sum(_left_width(kit, item) for item in left) + kit.px(_GAP_PX) * len(left)
    room = width - kit.px(2 * EDGE_PX)
    numbers = right_items(view)
    widths = [_number_width(kit, item) for item in numbers]
    numbers = most_important(numbers, widths, kit.px(20), room - min(wanted, room * 0.6), state.arrangement)
    start = _numbers(kit, numbers, at.x + width - kit.px(EDGE_PX), middle)
    x = edge
    # A trouble may be told at any length; that the window waits is to be read all the same.
    busy = sum(_left_width(kit, item) + kit.px(_GAP_PX) for item in left if item.key == "busy")
    for item in left:
        space = start - x - kit.px(_GAP_PX)
        if item.key == "busy":
            busy -= _left_width(kit, item) + kit.px(_GAP_PX)
        else:
            space = max(min(space, kit.px(_LEAST_WORDS_PX)), space - busy)
        if space < kit.px(60):
            break
        x = _words(kit, item, x, middle, space) + kit.px(_GAP_PX)


def left_items(view: View) -> list[Item]:
    """Return what the left side says, the most important first; what was said just now has a notice of its own."""
    items: list[Item] = []
    issues = issue_words(view)
    if issues and not is_live(view):
        items.append(Item(issues, icons.ERROR, "danger", "\n".join(map(str, view.document.issues)), "issues"))
    else:
        words, tone = run_words(view)
        items.append(Item(words, "", tone, words, "run"))
    if pending := pending_sentence(view):
        items.append(Item(pending, icons.WAIT, "warning", "A knob was turned, and is not in force yet.", "pending"))
    items += [Item(words, _SPINNER, "accent", words, "busy") for words in view.busy]
    document = view.document
    if document.saved and document.path is not None:
        items.append(Item("Saved", icons.CHECK, "success", str(document.path), "saved"))
    elif not document.saved:
        items.append(Item("Not saved", icons.SAVE, "warning", "Ctrl+S saves it", "saved"))
    if document.selection:
        items.append(
            Item(f"{plural(len(document.selection), 'node')} selected", icons.POINTER, "quiet", "", "selection")
        )
    return items


def right_items(view: View) -> list[Item]:
    """Return the numbers of the right side, from left to right.

    Args:
        view: What there is.
    """
    run = view.run
    words, tip = device_words(view)
    items = [*_costs(view), Item(words, icons.DEVICE, "quiet", tip, "device")]
    if run is not None:
        items.append(Item(f"step {count(run.progress.step)}", icons.STEP, "quiet", "Updates made", "step"))
        if run.steps_per_sec > 0:
            how = f"Updates a second{', ' + run.driver if run.driver else ''}"
            items.append(Item(f"{rate(run.steps_per_sec)} steps/s", "", "quiet", how, "speed"))
    cost = f"A frame takes {view.ui_cost_secs * 1000:.1f} ms" if view.ui_cost_secs else "Frames a second"
    items.append(Item(f"{view.fps:3.0f} fps", icons.SPEED, "quiet", cost, "fps"))
    return items


def _costs(view: View) -> list[Item]:
    """Return what the network costs; of one that was not drawn here as far as that is known."""
    learnable = "Learnable numbers of the network"
    if view.run is not None and shows_own(view):
        found = f"{count(parameters_of(view.run))} parameters"
        return [Item(found, "", "quiet", learnable, "parameters")] if view.run.modules else []
    totals = view.document.totals
    about = f"What training takes at a batch size of {totals.batch_size}"
    macs = "Multiply-accumulates of the forward pass of one sample"
    return [
        Item(f"{count(totals.parameters)} parameters", "", "quiet", learnable, "parameters"),
        Item(f"{si(totals.macs)} MACs", "", "quiet", macs, "macs"),
        Item(memory(totals.training_bytes), icons.MEMORY, "quiet", about, "memory"),
    ]


def most_important(
    items: Sequence[Item], widths: Sequence[float], gap: float, room: float, arrangement: Arrangement
) -> list[Item]:
    """Return the numbers for which there is room, in their order; what matters least goes first.

    Args:
        items: The numbers.
        widths: Their widths.
        gap: Between two of them.
        room: What there is, as the widths in any unit.
        arrangement: Which arrangement of panels is shown.
    """
    rank = _IMPORTANCE[arrangement].index
    left = dict(zip(items, widths, strict=True))
    while left and sum(left.values()) + gap * (len(left) - 1) > room:
        del left[max(left, key=lambda item: rank(item.key))]
    return list(left)


def _left_width(kit: Kit, item: Item) -> float:
    return kit.px(20) + kit.text_size(item.words, "regular", 14).x


def _words(kit: Kit, item: Item, x: float, middle: float, room: float) -> float:
    """Draw a part of the left side and return where it ends."""
    t = kit.theme
    color = tone_color(kit, item.tone)
    draw = imgui.get_window_draw_list()
    if item.icon == _SPINNER:
        _spinner(kit, ImVec2(x + kit.px(6), middle), color.u32)
    elif item.icon:
        kit.draw_text(ImVec2(x, middle - kit.px(7)), item.icon, color, "regular", 13)
    else:
        draw.add_circle_filled(ImVec2(x + kit.px(5), middle), kit.px(5), color.u32)
    strong = item.key in ("run", "issues")
    words = widgets.shortened(kit, item.words, room - kit.px(20), "regular", 14)
    ink = t.text if strong else t.text2
    kit.draw_text(ImVec2(x + kit.px(20), middle - kit.px(9)), words, ink, "regular", 14)
    end = x + kit.px(20) + kit.text_size(words, "regular", 14).x
    _item(kit, item, x, end, middle)
    return end


def _number_width(kit: Kit, item: Item) -> float:
    return kit.text_size(item.words, "mono", 13).x + (kit.px(22) if item.icon else 0.0)


def _numbers(kit: Kit, items: list[Item], right: float, middle: float) -> float:
    """Draw numbers from the right edge, and return where they begin."""
    start = right
    for item in reversed(items):
        icon = kit.px(22) if item.icon else 0.0
        x = start - _number_width(kit, item)
        if item.icon:
            kit.draw_text(ImVec2(x, middle - kit.px(7)), item.icon, kit.theme.text3, "regular", 13)
        kit.draw_text(ImVec2(x + icon, middle - kit.px(8)), item.words, kit.theme.text2, "mono", 13)
        _item(kit, item, x, start, middle)
        start = x - kit.px(20)
    return start


def _item(kit: Kit, item: Item, left: float, right: float, middle: float) -> None:
    go_to(left, middle - kit.px(11))
    imgui.dummy(ImVec2(max(1.0, right - left), kit.px(22)))
    widgets.tooltip(kit, item.tip)
    if kit.marks.on:
        kit.marks.note(f"status/{item.key}", left, middle - kit.px(11), right, middle + kit.px(11))


def _spinner(kit: Kit, centre: ImVec2, color: int) -> None:
    """Draw an open ring that turns; still where motion is to be reduced."""
    start = 0.0 if kit.reduce_motion else imgui.get_time() * 5.0 % (2 * math.pi)
    draw = imgui.get_window_draw_list()
    draw.path_arc_to(centre, kit.px(5), start, start + 1.5 * math.pi, 16)
    draw.path_stroke(color, thickness=kit.px(2))
