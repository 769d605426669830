import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from neuralforge.ui.sketch import (
    MNIST_FIT,
    PAPER_SIDE,
    Sketch,
    brush_radius,
    centre,
    draw_stroke,
    fit_of,
    ink_box,
    shrink,
)

places = st.tuples(st.floats(-0.2, 1.2), st.floats(-0.2, 1.2))
shapes = st.sampled_from([(1, 8, 8), (1, 28, 28), (3, 32, 32), (1, 20, 30), (1, 200, 128)])


def mass_centre(image):
    rows, columns = np.indices(image.shape) + 0.5
    return float((image * rows).sum() / image.sum()), float((image * columns).sum() / image.sum())


# Strokes


def test_a_paper_is_fine_enough_and_a_multiple_of_the_input():
    for shape in ((1, 8, 8), (3, 28, 28), (1, 20, 30), (1, 300, 200)):
        paper = Sketch(shape).paper_hw
        assert min(paper.shape) >= PAPER_SIDE
        assert paper.shape[0] % shape[1] == 0 and paper.shape[0] // shape[1] == paper.shape[1] // shape[2]


def test_a_dot_is_a_soft_disc():
    paper = np.zeros((41, 41), np.float32)
    draw_stroke(paper, (20.5, 20.5), (20.5, 20.5), 6)
    distance = np.hypot(*(np.indices(paper.shape) - 20))
    assert (paper[distance < 4] == 1).all() and (paper[distance > 8] == 0).all()
    assert paper[20, 26] == pytest.approx(0.5)
    assert np.allclose(paper, paper.T) and np.allclose(paper, paper[::-1])


def test_a_stroke_is_a_line_with_round_ends():
    paper = np.zeros((30, 60), np.float32)
    draw_stroke(paper, (10, 15), (50, 15), 3)
    assert (paper[14:16, 10:50] == 1).all()
    assert (paper[:, :5] == 0).all() and (paper[:10] == 0).all() and (paper[20:] == 0).all()


@given(shapes, st.lists(st.tuples(places, places), min_size=1, max_size=4))
def test_ink_only_grows_and_stays_within_bounds(shape, strokes):
    sketch = Sketch(shape)
    before, revision = sketch.paper_hw.copy(), sketch.revision
    for start, end in strokes:
        sketch.stroke(start, end)
        assert (sketch.paper_hw >= before).all() and sketch.paper_hw.max() <= 1
        assert sketch.revision > revision
        before, revision = sketch.paper_hw.copy(), sketch.revision


@given(places, places, st.floats(0.1, 0.9))
def test_a_stroke_in_two_parts_is_the_same_stroke(start, end, share):
    middle = tuple(a + (b - a) * share for a, b in zip(start, end, strict=True))
    whole, parts = Sketch((1, 28, 28)), Sketch((1, 28, 28))
    whole.stroke(start, end)
    parts.stroke(start, middle)
    parts.stroke(middle, end)
    assert np.allclose(whole.paper_hw, parts.paper_hw, atol=1e-3)


def test_a_cleared_paper_is_blank_and_what_was_given_out_stays():
    sketch = Sketch((3, 28, 28))
    assert sketch.is_blank
    sketch.stroke((0.3, 0.3), (0.7, 0.6))
    image = sketch.image(centred=False, inverted=False)
    kept = image.copy()
    sketch.clear()
    assert sketch.is_blank and (image == kept).all()
    assert image.shape == (3, 28, 28) and image.dtype == np.float32 and image.flags.writeable
    assert (image[0] == image[2]).all() and image.max() > 0.9


def test_the_brush_is_as_thick_as_pens_in_scanned_digits():
    assert 2 <= 2 * brush_radius(28) <= 3
    assert 1 <= 2 * brush_radius(8) <= 1.5


# From the paper to the input


@given(shapes, st.lists(st.tuples(places, places), min_size=1, max_size=3))
def test_shrinking_keeps_the_mean(shape, strokes):
    sketch = Sketch(shape)
    for start, end in strokes:
        sketch.stroke(start, end)
    small = sketch.image(centred=False, inverted=False)
    assert small.mean() == pytest.approx(float(sketch.paper_hw.mean()), abs=1e-5)
    assert small.min() >= 0 and small.max() <= 1 + 1e-6
    assert np.allclose(sketch.image(centred=False, inverted=True), 1 - small, atol=1e-6)


def test_shrinking_averages_blocks():
    paper = np.arange(16, dtype=np.float32).reshape(4, 4) / 16
    assert np.allclose(shrink(paper, (2, 2)), paper.reshape(2, 2, 2, 2).mean((1, 3)))


def test_nothing_is_centred_as_nothing():
    assert (centre(np.zeros((112, 112), np.float32), (28, 28)) == 0).all()


@given(st.floats(0.15, 0.85), st.floats(0.15, 0.85), st.floats(0.15, 0.85), st.floats(0.15, 0.85))
def test_a_centred_drawing_has_the_size_and_the_place_of_mnist(x0, y0, x1, y1):
    assume(max(abs(x1 - x0), abs(y1 - y0)) > 0.35)
    sketch = Sketch((1, 28, 28))
    sketch.stroke((x0, y0), (x1, y1))
    image = sketch.image(centred=True, inverted=False)[0]
    box = ink_box(image)
    assert box is not None
    assert 19 <= max(box[1] - box[0], box[3] - box[2]) <= 22  # 20, and the soft edge
    assert mass_centre(image) == pytest.approx((14, 14), abs=0.3)


@given(shapes, st.floats(0, 0.6), st.floats(0, 0.6), st.floats(0.1, 0.4), st.floats(0.3, 1.0))
def test_centring_does_not_depend_on_the_place_and_loses_no_ink(shape, x, y, size, fit):
    images = []
    for left, top in ((x, y), (0.3, 0.3)):
        sketch = Sketch(shape)
        height, width = sketch.paper_hw.shape
        unit = min(height, width) * size
        at = round(left * width * 0.9 + 10), round(top * height * 0.9 + 10)
        sketch.paper_hw[at[1] : round(at[1] + unit), at[0] : round(at[0] + unit / 2)] = 1
        assume(at[1] + unit < height and at[0] + unit < width)
        images.append(centre(sketch.paper_hw, shape[1:], fit))
        box = ink_box(sketch.paper_hw)
        assert box is not None
        plain = shape[1] / height
        scale = min(fit * min(shape[1:]) / (box[1] - box[0]), 2.5 * plain)
        assert images[-1].sum() == pytest.approx(float(sketch.paper_hw.sum()) * scale**2, rel=1e-3)
    assert np.abs(images[0] - images[1]).max() < 0.25  # by rounding of the places alone


def test_a_drawing_whose_mass_is_at_one_end_stays_inside():
    paper = np.zeros((112, 112), np.float32)
    paper[50:55, 5:105] = 0.2
    paper[20:85, 100:105] = 1
    image = centre(paper, (28, 28), 1.0)
    scale = 28 / 100
    assert image.sum() == pytest.approx(float(paper.sum()) * scale**2, rel=1e-3)


def test_a_dot_stays_a_dot():
    paper = np.zeros((112, 112), np.float32)
    draw_stroke(paper, (20, 90), (20, 90), 4)
    image = centre(paper, (28, 28))
    box = ink_box(image)
    assert box is not None and box[1] - box[0] < 10
    assert mass_centre(image) == pytest.approx((14, 14), abs=0.1)


# How the data lies in its frames


def test_pictures_tell_how_they_fill_their_frames():
    digit = np.zeros((28, 28))
    digit[4:24, 8:20] = 0.8
    assert fit_of([digit, digit]) == (20 / 28, False)
    assert fit_of([1 - digit, 1 - digit]) == (20 / 28, True)
    assert fit_of([]) == (MNIST_FIT, False)
    photo = np.random.default_rng(0).uniform(0.2, 0.9, (32, 32))
    fit, _ = fit_of([photo])
    assert fit > 0.9
