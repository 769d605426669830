import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralforge.graph.datainfo import DataInfo
from neuralforge.ui.answers import (
    agreement_of,
    class_map,
    error_of,
    estimates,
    features,
    guesses,
    input_picture,
    is_reconstruction,
    pair_pictures,
    percent,
)
from neuralforge.ui.theme import DARK
from neuralforge.workbench.looks import Prediction

INFO = DataInfo(
    name="x", kind="image", task="classification", input_shape=(1, 2, 2), outputs=3, classes=("a", "b", "c"), samples=9
)
IMAGE = np.array([[[0.0, 0.5], [1.0, 0.25]]], np.float32)


def answer(**more):
    return Prediction(step=1, split="validation", sample=0, **{"input": IMAGE, **more})


def test_the_most_likely_class_is_first():
    rows = guesses(answer(probabilities=np.array([0.1, 0.7, 0.2], np.float32), target=2), INFO)
    assert [(row.name, row.percent, row.is_right) for row in rows] == [
        ("b", "70 %", False), ("c", "20 %", True), ("a", "10 %", False)
    ]  # fmt: skip
    unknown = guesses(answer(probabilities=np.array([0.1, 0.9], np.float32)), None)
    assert [(row.name, row.is_right) for row in unknown] == [("class 1", None), ("class 0", None)]


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=40), st.data())
def test_the_right_class_is_always_among_them(values, data):
    target = data.draw(st.integers(0, len(values) - 1))
    rows = guesses(answer(probabilities=np.array(values, np.float32), target=target), None)
    assert len(rows) == min(5, len(values)) == len({row.place for row in rows})
    assert [row.place for row in rows if row.is_right] == [target]
    assert rows[0].probability == max(np.float32(values)) or rows[0].place == target


@given(st.floats(0, 1))
def test_percentages_never_promise_too_much(probability):
    text = percent(probability)
    assert len(text) <= 7
    if text == "100 %":
        assert probability >= 1 - 1e-6
    if text == "0 %":
        assert probability == 0


def test_percentages():
    assert [percent(p) for p in (1.0, 0.9999, 0.991, 0.86, 0.0999, 0.014, 0.0004, 0.0, float("nan"))] == [
        "100 %", ">99.9 %", "99.1 %", "86 %", "10 %", "1.4 %", "<0.1 %", "0 %", "NaN"
    ]  # fmt: skip


def test_numbers_stand_beside_what_is_right():
    rows = estimates(answer(values=np.array([2.5], np.float32), target=np.array([2.0], np.float32)))
    assert rows == (("Predicted", "2.5", "2", "+0.5"),)
    below = estimates(answer(values=np.array([1.0, 2], np.float32), target=np.array([2.0, 2], np.float32)))
    assert [row.off for row in below] == ["-1", "0"] and below[1].name == "Predicted 1"
    assert estimates(answer(values=np.array([1.0], np.float32))) == (("Predicted", "1", "", ""),)
    assert estimates(answer()) == ()


def test_features_have_names_and_perhaps_what_they_became():
    info = DataInfo(
        name="t", kind="table", task="regression", input_shape=(2,), outputs=1, features=("age", "bmi"), samples=9
    )
    seen = np.array([29.0, 30.5], np.float32)
    plain = answer(input=seen, values=np.array([1.0], np.float32), target=np.array([1.0], np.float32))
    assert features(plain, info) == (("age", "29", ""), ("bmi", "30.5", ""))
    again = answer(input=seen, values=seen + 1, target=seen)
    assert features(again, None) == (("value 0", "29", "30"), ("value 1", "30.5", "31.5"))


def test_what_an_image_in_an_answer_is():
    assert is_reconstruction(answer(image=IMAGE * 0.9, target=IMAGE), None)
    assert not is_reconstruction(answer(image=np.zeros((1, 2, 2), np.float32), target=np.ones((1, 2, 2))), None)
    drawing = answer(image=IMAGE * 0.9)
    assert is_reconstruction(drawing, "reconstruction") and not is_reconstruction(drawing, "segmentation")
    assert not is_reconstruction(answer(image=np.zeros((1, 4, 4), np.float32)), "reconstruction")


def test_how_good_images_are():
    assert error_of(answer(image=IMAGE + 0.5)) == pytest.approx(0.25)
    assert error_of(answer(probabilities=np.ones(3, np.float32))) is None
    right = np.array([[[0.0, 1], [2, 2]]], np.float32)
    assert agreement_of(answer(image=np.array([[[0, 1], [2, 0]]], np.float32), target=right)) == 0.75
    assert agreement_of(answer(image=right)) is None


def test_pictures_of_what_was_asked():
    assert input_picture(answer())[..., 0].tolist() == [[0, 128], [255, 64]]
    assert input_picture(answer(input=np.zeros((5, 2), np.float32))).shape == (2, 5, 4)  # time from left to right
    assert input_picture(answer(input=np.zeros(5, np.float32))) is None


def test_a_reconstruction_has_the_levels_of_its_sample():
    wide = np.array([[[-1.0, 1.0], [3.0, 3.0]]], np.float32)
    seen, again = pair_pictures(answer(input=wide, image=np.full_like(wide, 1.0)))
    assert seen[..., 0].tolist() == [[0, 128], [255, 255]] and (again[..., 0] == 128).all()


def test_a_map_of_classes_has_their_colours():
    colors = class_map(np.array([[[0, 1], [8, -1]]]), DARK.series)
    assert colors[1, 1, 3] == 0
    assert (colors[1, 0] == colors[0, 0]).all() and colors[0, 1].tolist() == [255, 162, 74, 255]
