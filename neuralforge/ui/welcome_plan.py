"""Where everything lies on the welcome screen, in px at scale 1. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WIDTH_PX: Final = 1400.0
MARGIN_PX: Final = 40.0
TOP_PX: Final = 36.0
HEAD_PX: Final = 68.0
SECTION_PX: Final = 34.0
"""From the top of a heading to what is below it."""
GAP_PX: Final = 36.0
"""Above a heading."""
CARD_GAP_PX: Final = 18.0
TILE_GAP_PX: Final = 14.0
TILE_PX: Final = 64.0
FOOT_PX: Final = 20.0

_TALL_CARD_PX: Final = 252.0
_LOW_CARD_PX: Final = 216.0
_TALL_ROOM_PX: Final = 900.0
_MAX_PER_ROW: Final = 5
_RECENT_IN_ROW: Final = 4
_LEAST_CARD_PX: Final = 220.0
_LEAST_TILE_PX: Final = 206.0

Rect = tuple[float, float, float, float]
"""Left, top, width, height; from the left edge of the content and the top of the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WelcomePlan:
    """Places on the page; tops are from its upper edge.

    Args:
        left_px: Left edge of the content.
        width_px: Its width.
        head_px: Top of the head.
        recent_px: Top of the heading of recent files.
        recent_in_row: How many of them lie in a row.
        recent_rows: How many rows there are; 0 leaves the heading out too.
        lessons_px: Top of the heading of starting points with data.
        lessons_in_row: How many of them lie in a row.
        tiles_px: Top of the heading of templates.
        tiles_in_row: How many of them lie in a row.
        card_px: Height of a card.
        foot_px: Top of the line at the end.
        height_px: Height of the page.
    """

    left_px: float
    width_px: float
    head_px: float
    recent_px: float
    recent_in_row: int
    recent_rows: int
    lessons_px: float
    lessons_in_row: int
    tiles_px: float
    tiles_in_row: int
    card_px: float
    foot_px: float
    height_px: float

    def card(self, top_px: float, number: int, in_row: int) -> Rect:
        """Return where a card lies.

        Args:
            top_px: Top of the first row.
            number: Which, from 0.
            in_row: How many lie in a row.
        """
        return _cell(top_px, number, in_row, self.width_px, self.card_px, CARD_GAP_PX)

    def tile(self, top_px: float, number: int) -> Rect:
        """Return where a tile lies."""
        return _cell(top_px, number, self.tiles_in_row, self.width_px, TILE_PX, TILE_GAP_PX)


def plan_welcome(
    room_width_px: float, room_height_px: float, recent: int, lessons: int, tiles: int, *, all_recent: bool = False
) -> WelcomePlan:
    """Arrange the welcome screen: in the middle of the window where it fits, else to be scrolled.

    Args:
        room_width_px: Width of the window.
        room_height_px: Its height.
        recent: How many recent files there are.
        lessons: How many starting points with data.
        tiles: How many templates.
        all_recent: Whether all recent files are shown, and not their first row alone.
    """
    width = max(_LEAST_CARD_PX, min(WIDTH_PX, room_width_px - 2 * MARGIN_PX))
    left = max(MARGIN_PX, (room_width_px - width) / 2) if room_width_px > width else 0.0
    recent_in_row = min(_RECENT_IN_ROW, _fitting(width, _LEAST_CARD_PX, CARD_GAP_PX))
    lessons_in_row = _even(lessons, min(_MAX_PER_ROW, _fitting(width, _LEAST_CARD_PX, CARD_GAP_PX)))
    tiles_in_row = _even(tiles, min(_MAX_PER_ROW, _fitting(width, _LEAST_TILE_PX, TILE_GAP_PX)))
    recent_rows = (-(-recent // recent_in_row) if all_recent else 1) if recent else 0
    card = _TALL_CARD_PX if room_height_px >= _TALL_ROOM_PX or not recent else _LOW_CARD_PX
    y = HEAD_PX
    tops = []
    for rows, height, gap in (
        (recent_rows, card, CARD_GAP_PX),
        (-(-lessons // lessons_in_row), card, CARD_GAP_PX),
        (-(-tiles // tiles_in_row), TILE_PX, TILE_GAP_PX),
    ):
        tops.append(y + GAP_PX)
        if rows:
            y += GAP_PX + SECTION_PX + rows * height + (rows - 1) * gap
    foot = y + GAP_PX - 4
    shift = max(TOP_PX, (room_height_px - foot - FOOT_PX) * 0.46)
    return WelcomePlan(
        left_px=left,
        width_px=width,
        head_px=shift,
        recent_px=shift + tops[0],
        recent_in_row=recent_in_row,
        recent_rows=recent_rows,
        lessons_px=shift + tops[1],
        lessons_in_row=lessons_in_row,
        tiles_px=shift + tops[2],
        tiles_in_row=tiles_in_row,
        card_px=card,
        foot_px=shift + foot,
        height_px=max(room_height_px, shift + foot + FOOT_PX + TOP_PX * 0.7),
    )


def _fitting(width: float, least: float, gap: float) -> int:
    return max(1, int((width + gap) // (least + gap)))


def _even(count: int, most: int) -> int:
    """Return how many lie in a row so that all rows are about as full."""
    rows = max(1, -(-count // most))
    return max(1, -(-count // rows))


def _cell(top: float, number: int, in_row: int, width: float, height: float, gap: float) -> Rect:
    row, column = divmod(number, in_row)
    each = (width - (in_row - 1) * gap) / in_row
    return column * (each + gap), top + row * (height + gap), each, height
