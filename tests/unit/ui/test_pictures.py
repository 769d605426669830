"""Miniatures of networks and points, atlases of thumbnails, and where things lie on the welcome screen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralforge.graph.document import Document
from neuralforge.graph.graph import Graph, Node
from neuralforge.templates.registry import templates
from neuralforge.ui.atlas import MAX_SIDE, enlargement, make_atlas
from neuralforge.ui.cards import dotted
from neuralforge.ui.miniature import MAX_BOXES, miniature, scattered
from neuralforge.ui.theme import Color
from neuralforge.ui.welcome_plan import SECTION_PX, TILE_PX, WelcomePlan, plan_welcome
from neuralforge.workbench.view import Points


@pytest.mark.parametrize("key", sorted(templates()))
@pytest.mark.parametrize("size", [(287, 136), (180, 90), (600, 300)])
def test_a_miniature_lies_within_its_room_and_boxes_apart(key: str, size: tuple[int, int]) -> None:
    document = templates()[key].build()
    picture = miniature(document, *size)
    assert len(picture.boxes) == len(document.graph.nodes) and picture.wires
    for x, y, half_width, half_height, _ in picture.boxes:
        assert x - half_width >= 0 and x + half_width <= size[0]
        assert y - half_height >= 0 and y + half_height <= size[1]
    for place, a in enumerate(picture.boxes):
        for b in picture.boxes[:place]:
            apart_x = abs(a.x - b.x) >= a.half_width + b.half_width
            assert apart_x or abs(a.y - b.y) >= a.half_height + b.half_height


def test_a_miniature_grows_with_the_scale() -> None:
    document = templates()["small_cnn"].build()
    small, large = miniature(document, 287, 136), miniature(document, 574, 272, 2.0)
    assert [box.x * 2 for box in small.boxes] == [box.x for box in large.boxes]


def test_odd_networks() -> None:
    assert miniature(Document(name="none"), 200, 100) == ((), ())
    crowd = Graph.build([Node(f"n{number}", "relu") for number in range(1000)])
    assert 0 < len(miniature(Document(name="many", graph=crowd), 200, 100).boxes) <= MAX_BOXES
    unknown = Graph.build([Node("a", "from_a_plug_in")])
    assert miniature(Document(name="one", graph=unknown), 200, 100).boxes[0].category == ""
    assert miniature(templates()["mlp"].build(), 0, 0) == ((), ())


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100)), min_size=1, max_size=30))
def test_points_keep_their_proportions_within_the_room(xy: list[tuple[float, float]]) -> None:
    array = np.array(xy, np.float32)
    points = Points(xy=array, targets=np.zeros(len(xy), np.float32), split=np.zeros(len(xy), np.uint8))
    placed = scattered(points, 200, 100)
    assert all(-1e-3 <= x <= 200.001 and -1e-3 <= y <= 100.001 for x, y, _ in placed)


pictures = st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), min_size=1, max_size=12)


@given(pictures, st.integers(1, 5))
def test_an_atlas_holds_every_pixel_as_a_square(sizes: list[tuple[int, int]], times: int) -> None:
    random = np.random.default_rng(0)
    sources = [random.integers(0, 256, (*size, 4), dtype=np.uint8) for size in sizes]
    atlas = make_atlas(sources, times)
    height, width = atlas.rgba.shape[:2]
    for source, cell in zip(sources, atlas.cells, strict=True):
        x, y = round(cell.u0 * width), round(cell.v0 * height)
        part = atlas.rgba[y : y + cell.height, x : x + cell.width]
        assert (part == source.repeat(times, 0).repeat(times, 1)).all()
        assert (round(cell.u1 * width), round(cell.v1 * height)) == (x + cell.width, y + cell.height)


def test_an_atlas_stays_within_what_a_card_takes() -> None:
    atlas = make_atlas([np.zeros((96, 96, 4), np.uint8)] * 96, 9)
    assert max(atlas.rgba.shape) <= MAX_SIDE and atlas.cells[0].width >= 96
    assert make_atlas([], 3).cells == ()
    assert [enlargement(side, 56) for side in (8, 28, 96, 500)] == [7, 2, 1, 1]


def _rects(plan: WelcomePlan, recent: int, lessons: int, tiles: int) -> list[tuple[float, float, float, float]]:
    shown = min(recent, plan.recent_rows * plan.recent_in_row)
    return [
        *(plan.card(plan.recent_px + SECTION_PX, number, plan.recent_in_row) for number in range(shown)),
        *(plan.card(plan.lessons_px + SECTION_PX, number, plan.lessons_in_row) for number in range(lessons)),
        *(plan.tile(plan.tiles_px + SECTION_PX, number) for number in range(tiles)),
    ]


@given(
    st.floats(200, 4000), st.floats(200, 2500), st.integers(0, 9), st.integers(0, 7), st.integers(0, 14), st.booleans()
)  # fmt: skip
def test_nothing_overlaps_on_the_welcome_screen(
    width: float, height: float, recent: int, lessons: int, tiles: int, all_recent: bool
) -> None:
    plan = plan_welcome(width, height, recent, lessons, tiles, all_recent=all_recent)
    rects = _rects(plan, recent, lessons, tiles)
    for place, (x, y, w, h) in enumerate(rects):
        assert x >= 0 and x + w <= plan.width_px + 1e-6 and y + h < plan.foot_px
        for other_x, other_y, other_w, other_h in rects[:place]:
            beside = x >= other_x + other_w + 12 or other_x >= x + w + 12
            assert beside or y >= other_y + other_h + 12 or other_y >= y + h + 12
    assert plan.foot_px < plan.height_px and plan.width_px <= 1400


def test_the_welcome_screen_fits_small_and_large_windows() -> None:
    small, large = plan_welcome(1280, 800, 0, 5, 10), plan_welcome(1920, 1080, 6, 5, 10)
    assert (small.height_px, large.height_px) == (800, 1080), "nothing has to be scrolled"
    assert (small.lessons_in_row, small.tiles_in_row, large.recent_in_row, large.recent_rows) == (5, 5, 4, 1)
    assert large.card_px == 252 and large.tile(0, 0)[3] == TILE_PX


def test_dots_lie_on_a_grid() -> None:
    picture = dotted(100, 50, 28.0, 2, Color(1.0, 0.5, 0.0, 0.25))
    assert picture.shape == (50, 100, 4) and picture[14, 14].tolist() == [255, 128, 0, 64]
    assert {(int(y), int(x)) for y, x in np.argwhere(picture[..., 3])} == {
        (y + dy, x + dx) for y in (14, 42) for x in (14, 42, 70, 98) for dy in (0, 1) for dx in (0, 1)
    }
    assert dotted(0, 0, 28.0, 2, Color(0, 0, 0)).shape == (1, 1, 4)
