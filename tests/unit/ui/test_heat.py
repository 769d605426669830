import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralforge.ui.heat import (
    LEVELS,
    diverging,
    diverging_table,
    enlarged,
    finite_range,
    from_oklab,
    picture,
    sequential,
    sequential_table,
    shade,
    table,
    to_oklab,
)

channels = st.floats(0, 1)


def lightness(colors):
    return to_oklab(colors[:, :3] / 255)[:, 0]


@given(st.tuples(channels, channels, channels))
def test_oklab_goes_there_and_back(color):
    assert from_oklab(to_oklab(color)) == pytest.approx(color, abs=1e-5)


def test_oklab_has_the_published_values():
    # "A perceptual color space for image processing": white is (1, 0, 0), red as computed there
    assert to_oklab((1, 1, 1)) == pytest.approx((1, 0, 0), abs=1e-4)
    assert to_oklab((1, 0, 0)) == pytest.approx((0.62796, 0.22486, 0.12585), abs=1e-4)
    assert to_oklab((0, 0, 0)) == pytest.approx((0, 0, 0), abs=1e-6)


def test_a_table_goes_through_its_keys():
    made = table(("000000", "FF0000", "FFFFFF"), 5)
    assert made[[0, 2, 4], :3].tolist() == [[0, 0, 0], [255, 0, 0], [255, 255, 255]]
    assert (made[:, 3] == 255).all()


def test_more_is_always_lighter():
    steps = np.diff(lightness(sequential_table()))
    assert len(sequential_table()) == LEVELS
    assert (steps > -1e-3).all()
    assert lightness(sequential_table())[0] < 0.15 < 0.95 < lightness(sequential_table())[-1]


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_further_from_the_middle_the_more_it_stands_out(theme):
    light = lightness(diverging_table(theme))
    steps = np.diff(light) if theme == "dark" else -np.diff(light)
    assert (steps[: LEVELS // 2 - 1] < 2e-3).all() and (steps[LEVELS // 2 + 1 :] > -2e-3).all()
    left, right = diverging_table(theme)[40], diverging_table(theme)[-41]
    assert left[2] > left[0] and right[0] > right[2]  # blue, orange


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_the_least_and_the_greatest_have_the_ends(values):
    colors = sequential(np.array(values))
    if max(values) - min(values) > 1e-6:
        assert (colors[int(np.argmin(values))] == sequential_table()[0]).all()
        assert (colors[int(np.argmax(values))] == sequential_table()[-1]).all()
    assert colors.dtype == np.uint8 and colors.shape == (len(values), 4)


def test_what_is_not_finite_is_transparent():
    colors = sequential(np.array([[0.0, np.nan], [np.inf, 1.0]]))
    assert colors[..., 3].tolist() == [[255, 0], [0, 255]]
    assert (colors[1, 1] == sequential_table()[-1]).all()


def test_numbers_out_of_range_have_the_colour_of_the_end():
    colors = shade(np.array([-5.0, 0.0, 1.0, 7.0]), sequential_table(), 0.0, 1.0)
    assert (colors[0] == colors[1]).all() and (colors[2] == colors[3]).all()
    assert (shade(np.array([3.0, 4.0]), sequential_table(), 1.0, 1.0) == sequential_table()[0]).all()


def test_the_tables_are_never_written_to():
    colors = sequential(np.array([1.0, np.nan]))
    colors[:] = 7
    assert sequential_table()[0].tolist() != [7, 7, 7, 7]
    with pytest.raises(ValueError):
        sequential_table()[0] = 0


def test_a_number_in_the_middle_has_no_colour():
    colors = diverging(np.array([2.0, 5.0, 8.0]), 5.0, 3.0, "light")
    assert np.ptp(colors[1, :3].astype(int)) < 8
    assert colors[0, 2] > colors[0, 0] and colors[2, 0] > colors[2, 2]


def test_ranges_leave_out_what_is_not_finite():
    assert finite_range(np.array([np.nan, 2.0, -np.inf, 5.0])) == (2.0, 5.0)
    assert finite_range(np.array([np.nan])) == (0.0, 0.0)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 60))
def test_enlarged_pictures_keep_every_pixel(height, width, side):
    rgba = np.random.default_rng(0).integers(0, 256, (height, width, 4)).astype(np.uint8)
    large = enlarged(rgba, side)
    factor = large.shape[0] // height
    assert max(large.shape[:2]) >= side and large.shape == (height * factor, width * factor, 4)
    assert (large[::factor, ::factor] == rgba).all() and (
        large[factor - 1 :: factor, factor - 1 :: factor] == rgba
    ).all()


def test_pictures_of_images():
    grey = picture(np.array([[[0.0, 0.5], [1.0, 0.25]]]))
    assert grey[..., 0].tolist() == [[0, 128], [255, 64]] and (grey[..., 0] == grey[..., 2]).all()
    color = picture(np.stack([np.full((2, 2), level) for level in (0.0, 1.0, 0.2)]))
    assert color[0, 0].tolist() == [0, 255, 51, 255]
    wide = picture(np.array([[[-1.0, 1.0], [3.0, 3.0]]]))  # shown from its least to its greatest number
    assert wide[..., 0].tolist() == [[0, 128], [255, 255]]
