import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralforge.ui.plane import (
    TRAIN,
    VALIDATION,
    Area,
    Reach,
    area_of,
    class_picture,
    finer,
    number_picture,
    point_radius,
    points_picture,
    value_at,
)
from neuralforge.ui.theme import DARK, WHITE
from neuralforge.workbench.looks import Boundary
from neuralforge.workbench.view import Points

SERIES = DARK.series
CLEAR = DARK.panel.fade(0.0)


def boundary(values, classes=None, low=(0.0, 0.0), high=(1.0, 1.0)):
    values = np.asarray(values, np.float32)
    return Boundary(step=1, low=low, high=high, classes=values.shape[-1] if classes is None else classes, values=values)


def points(xy, targets=0.0, split=TRAIN):
    xy = np.asarray(xy, np.float32)
    count = len(xy)
    return Points(
        xy=xy,
        targets=np.broadcast_to(np.float32(targets), (count,)),
        split=np.broadcast_to(np.uint8(split), (count,)),
    )


def halves(side=24, edge=0.5):
    """Two classes with the boundary at an x."""
    x = (np.arange(side) + 0.5) / side
    right = 1 / (1 + np.exp(-60 * (x - edge)))
    return boundary(np.broadcast_to(np.stack([1 - right, right], -1), (side, side, 2)))


# Areas


def test_the_area_of_points_has_the_margin_of_a_boundary():
    area = area_of(None, points([[0, 10], [2, 30]]))
    assert area == pytest.approx((-0.2, 8, 2.2, 32))
    assert area_of(halves(), points([[0, 10]])) == (0, 0, 1, 1)
    assert area_of(None, None) is None and area_of(None, points(np.empty((0, 2)))) is None
    assert area_of(None, points([[3, 4]])) == (2, 3, 4, 5)


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_a_plane_is_never_a_strip(width, height):
    assert 0.75 <= Area(0, 0, width, height).aspect <= 1.6


# Grids


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 60))
def test_a_finer_grid_keeps_what_is_even_or_rises_evenly(rows, columns, side):
    even = np.full((rows, columns, 2), 0.3, np.float32)
    assert finer(even, side) == pytest.approx(0.3, abs=1e-5)
    x = np.broadcast_to(np.arange(columns, dtype=np.float32)[None, :, None], (rows, columns, 1))
    fine = finer(x, side)
    factor = fine.shape[1] // columns
    assert max(fine.shape[:2]) >= side and fine.shape[0] == rows * factor
    places = (np.arange(columns * factor) + 0.5) / factor - 0.5
    inner = (places >= 1) & (places <= columns - 2)
    assert fine[0, inner, 0] == pytest.approx(places[inner], abs=1e-4)


def test_values_are_read_with_row_0_at_the_lowest_y():
    grid = boundary(np.arange(6).reshape(2, 3, 1), 0, low=(0, 10), high=(3, 20))
    assert [float(value_at(grid, x, y)[0]) for x, y in ((0.5, 12), (2.5, 12), (0.5, 18), (3, 20))] == [0, 2, 3, 5]
    assert value_at(grid, -0.1, 12) is None and value_at(grid, 1, 20.5) is None


# Pictures


@pytest.mark.parametrize("edge", [0.37, 0.5, 0.62])
def test_classes_have_their_colours_and_a_line_between(edge):
    picture = class_picture(halves(edge=edge), SERIES, DARK.canvas, WHITE, side=288)
    middle = picture[144].astype(int)
    assert middle[20, 2] > middle[20, 0] and middle[-20, 0] > middle[-20, 2]  # blue, orange
    brightest = np.flatnonzero(middle.sum(1) == middle.sum(1).max())
    assert abs(brightest.mean() / 288 - edge) < 0.005 and len(brightest) <= 4
    assert (picture[..., 3] == 255).all()


def test_a_network_that_is_not_sure_is_faint():
    unsure = class_picture(boundary(np.full((8, 8, 3), 1 / 3)), SERIES, DARK.canvas, CLEAR)
    sure = class_picture(boundary(np.broadcast_to([1.0, 0, 0], (8, 8, 3))), SERIES, DARK.canvas, CLEAR)
    ground = np.array(DARK.canvas[:3]) * 255
    assert np.abs(unsure[4, 4, :3] - ground).sum() < np.abs(sure[4, 4, :3] - ground).sum() / 3


def test_any_number_of_classes_is_painted():
    rng = np.random.default_rng(0)
    for count in (1, 2, 3, 12):
        values = rng.uniform(0, 1, (5, 7, count))
        values[0, 0] = 0  # of a loss that treats each class by itself
        values[1, 1] = np.nan
        assert class_picture(boundary(values), SERIES, DARK.canvas, WHITE).shape[2] == 4


def test_the_top_of_a_picture_is_the_highest_y():
    values = np.zeros((4, 4, 1))
    values[3] = 1.0
    picture = number_picture(boundary(values, 0), Reach(0.0, 1.0), "light", side=4)
    assert picture[0, 0, 0] > picture[0, 0, 2] and np.ptp(picture[3, 0, :3].astype(int)) < 8
    orange_above = np.concatenate([1 - values, values], axis=-1)
    classes = class_picture(boundary(orange_above), SERIES, DARK.canvas, CLEAR, side=4).astype(int)
    assert classes[0, 0, 0] > classes[0, 0, 2] and classes[3, 0, 0] < classes[3, 0, 2]


def test_the_reach_covers_all_numbers():
    assert Reach.of(np.array([1.0, np.nan, 5.0])) == (3, 2)
    assert Reach.of(np.array([4.0])) == (4, 1)


# Samples


def drawn(samples, splits=(TRAIN, VALIDATION), size=(100, 50), scale=1.0):
    fills = np.broadcast_to(np.array([1, 0, 0], np.float32), (len(samples.xy), 3))
    return points_picture(samples, Area(0, 0, 10, 5), size, fills, WHITE.fade(0.9), scale, frozenset(splits))


def test_a_sample_is_a_disc_at_its_place():
    picture = drawn(points([[2, 4]]))
    rows, columns = np.nonzero(picture[..., 3])
    assert rows.mean() + 0.5 == pytest.approx(10, abs=0.1) and columns.mean() + 0.5 == pytest.approx(20, abs=0.1)
    area = (picture[..., 3] / 255).sum()
    assert area == pytest.approx(np.pi * point_radius(1) ** 2, rel=0.08)
    assert picture[10, 20, :3].tolist() == [255, 0, 0]


def test_samples_of_the_validation_split_have_another_middle():
    picture = drawn(points([[2, 4]], split=VALIDATION))
    assert picture[10, 20, 1] > 120  # not red
    assert (picture[..., :3] == [255, 0, 0]).all(-1)[picture[..., 3] == 255].any()


def test_only_the_chosen_splits_are_drawn():
    test_split = points([[2, 4]], split=2)
    assert not drawn(test_split).any()
    assert not drawn(points([[2, 4]]), splits=(VALIDATION,)).any()


@given(st.lists(st.tuples(st.floats(-5, 15), st.floats(-5, 10)), min_size=1, max_size=30), st.floats(0.5, 2.5))
def test_samples_anywhere_are_drawn_within_bounds(xy, scale):
    picture = drawn(points(xy), scale=scale)
    assert picture.shape == (50, 100, 4)
    inside = [(x, y) for x, y in xy if 0.2 < x < 9.8 and 0.2 < y < 4.8]
    for x, y in inside:
        assert picture[int((5 - y) * 10), int(x * 10), 3] > 0
