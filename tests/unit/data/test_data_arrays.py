"""Arrays become the data set that a person means, or one sentence on why not."""

import numpy as np
import pytest

from neuralforge.data import RawData, fingerprint, from_arrays
from neuralforge.errors import UserError
from neuralforge.graph.datainfo import DataInfo

Y = np.arange(8) % 2


@pytest.mark.parametrize(
    ("shape", "dtype", "kind", "want", "want_kind", "want_dtype"),
    [
        ((8,), float, None, (1,), "table", np.float32),
        ((8, 5), np.uint8, None, (5,), "table", np.float32),
        ((8, 5), float, "sequence", (5, 1), "sequence", np.float32),
        ((8, 5), np.int32, "tokens", (5,), "tokens", np.int64),
        ((8, 5, 4), np.uint8, None, (1, 5, 4), "image", np.uint8),
        ((8, 5, 4), np.float64, "sequence", (5, 4), "sequence", np.float32),
        ((8, 5, 6, 3), np.uint8, None, (3, 5, 6), "image", np.uint8),
        ((8, 3, 5, 6), np.uint8, None, (3, 5, 6), "image", np.uint8),
        ((8, 3, 5, 3), np.uint8, None, (3, 5, 3), "image", np.uint8),  # both axes could be channels: the second is
        ((8, 7, 5, 6), np.float32, None, (7, 5, 6), "image", np.float32),
        ((8, 5, 6), np.int64, None, (1, 5, 6), "image", np.uint8),
    ],
)
def test_layouts(shape, dtype, kind, want, want_kind, want_dtype):
    x = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    raw = from_arrays(x, Y, kind=kind)
    assert (raw.info.input_shape, raw.info.kind, raw.inputs.dtype) == (want, want_kind, want_dtype)
    assert raw.input_scale == (1 / 255 if want_dtype == np.uint8 else 1.0)


def test_channels_last_are_moved_with_their_values():
    x = np.random.default_rng(0).integers(0, 256, (8, 5, 6, 3), np.uint8)
    assert np.array_equal(from_arrays(x, Y).inputs[2, 1], x[2, :, :, 1])


@pytest.mark.parametrize(
    ("targets", "names", "want"),
    [
        (["b", "a"] * 4, ("a", "b"), [1, 0]),
        ([b"b", b"a"] * 4, ("a", "b"), [1, 0]),
        ([7, -1] * 4, ("-1", "7"), [1, 0]),
        ([True, False] * 4, ("False", "True"), [1, 0]),
        ([[7], [3]] * 4, ("3", "7"), [1, 0]),
    ],
)
def test_classes_are_the_distinct_values_in_order(targets, names, want):
    raw = from_arrays(np.zeros((8, 2)), np.array(targets))
    assert raw.info.task == "classification" and raw.info.classes == names
    assert raw.targets.tolist() == want * 4


def test_floats_are_numbers_to_predict():
    raw = from_arrays(np.zeros((8, 2)), np.ones((8, 3)))
    assert (raw.info.task, raw.info.outputs, raw.targets.shape, raw.targets.dtype) == ("regression", 3, (8, 3), "f4")
    assert from_arrays(np.zeros((8, 2)), np.ones(8)).targets.shape == (8, 1)


def test_masks_are_segmentation():
    y = np.where(np.arange(8 * 30).reshape(8, 6, 5) % 3 == 0, 255, 0).astype(np.uint8)
    raw = from_arrays(np.zeros((8, 6, 5, 3), np.uint8), y)
    assert (raw.info.task, raw.info.outputs, raw.info.classes) == ("segmentation", 2, ("0", "255"))
    assert raw.targets.shape == (8, 6, 5) and raw.targets.dtype == np.int64 and set(np.unique(raw.targets)) == {0, 1}


@pytest.mark.parametrize(
    ("shape", "kind", "outputs"), [((8, 3, 4, 4), None, 3), ((8, 6), None, 6), ((8, 5, 2), "sequence", 2)]
)
def test_no_targets_is_reconstruction(shape, kind, outputs):
    raw = from_arrays(np.ones(shape, np.float32), kind=kind)
    assert raw.info.task == "reconstruction" and raw.info.outputs == outputs and raw.targets is raw.inputs


def test_data_shares_no_memory_with_the_arguments():
    x, y = np.zeros((8, 2), np.float32), Y.astype(np.int64)
    raw = from_arrays(x, y, classes=("a", "b"))
    before = fingerprint(raw)
    x[:], y[:] = 9, 0
    assert fingerprint(raw) == before


@pytest.mark.parametrize(
    ("x", "y", "options", "words"),
    [
        (np.zeros((8, 2), complex), Y, {}, "dtype complex128"),
        (np.array([["a"]] * 8), Y, {}, "inputs must be numbers"),
        (np.array([{}] * 8), Y, {}, "dtype object"),
        ([[1, 2], [3]], [0, 1], {}, "inputs are not an array"),
        (np.float64(3), Y, {}, "1 to 4 axes"),
        (np.zeros((8, 1, 1, 1, 1)), Y, {}, "1 to 4 axes"),
        (np.zeros((0, 2)), np.zeros(0, int), {}, "no values"),
        (np.zeros((8, 2)), Y[:5], {}, "8 samples. Received: 5 targets"),
        (np.zeros((8, 2)), 3, {}, "a single value"),
        (np.zeros((8, 2)), Y.astype(object), {}, "dtype object"),
        (np.zeros((8, 2)), np.zeros((8, 3), int), {}, "shape (8, 3)"),
        (np.zeros((8, 2)), np.zeros((8, 4, 5)), {}, "masks integers"),
        (np.zeros((8, 4, 5)), np.zeros((8, 4, 4), int), {}, "as large as the images, 4x5. Received: 4x4"),
        (np.zeros((8, 4, 5)), np.zeros((8, 4, 5), int), {}, "2 to 1024 distinct values. Received: 1"),
        (np.zeros((8, 2)), np.zeros(8, int), {}, "only one class ('0')"),
        (np.zeros((8, 2)), np.arange(8), {}, "class '0' has 1 sample "),
        (np.zeros((8, 2)), Y, {"classes": ("a", "b", "c")}, "class 'c' has 0 samples"),
        (np.zeros((8, 2)), Y + 5, {"classes": ("a", "b")}, "from 5 to 6"),
        (np.zeros((8, 2)), Y, {"features": ("a",)}, "1 names of features"),
        (np.zeros((8, 2)), Y, {"kind": "image"}, "kind image cannot have inputs of shape (8, 2)"),
        (np.zeros((8, 2)), Y, {"kind": "tokens"}, "tokens must be integers"),
        (np.full((8, 2), -1), Y, {"kind": "tokens"}, "from -1 to -1"),
        (np.zeros((8, 2), int), None, {"kind": "tokens"}, "tokens need targets"),
        (np.full((8, 4, 5), 300), Y, {}, "0..255"),
        (np.full((8, 2), 1e300), Y, {}, "inputs[0, 0] is too large for float32. Received: 1e+300"),
        (np.where(np.eye(8, 2) == 1, np.nan, 0)[::-1], Y, {}, "inputs[6, 1] is not a finite number. Received: nan"),
        (np.zeros((8, 2)), np.where(Y, np.inf, 0), {}, "targets[1, 0] is not a finite number"),
    ],
)  # fmt: skip
def test_bad_arrays_are_refused_in_one_sentence(x, y, options, words):
    with pytest.raises(UserError) as caught:
        from_arrays(x, y, "my data", **options)
    message = str(caught.value)
    assert message.startswith("my data: ") and words in message
    assert "\n" not in message and message.endswith(".")


def test_raw_data_checks_itself_against_its_description():
    info = DataInfo(
        name="n", kind="table", task="classification", input_shape=(2,), outputs=2, classes=("a", "b"), samples=4
    )
    x, y = np.zeros((4, 2), np.float32), np.array([0, 1, 0, 1])
    RawData(info, x, y)
    for bad in ((x.astype(float), y, 1.0), (x[:3], y, 1.0), (x, y[:3], 1.0), (x, y.astype(np.int32), 1.0), (x, y, 0.5)):
        with pytest.raises(ValueError):
            RawData(info, *bad)


def test_fingerprint_sees_content_and_not_the_name():
    x = np.arange(16, dtype=np.float32).reshape(8, 2)
    base = fingerprint(from_arrays(x, Y, "a"))
    assert base == fingerprint(from_arrays(x.astype(">f4"), Y.astype(np.int16), "b"))
    changed = x.copy()
    changed[7, 1] = np.nextafter(changed[7, 1], np.float32(99))
    others = [
        from_arrays(changed, Y), from_arrays(x, 1 - Y), from_arrays(x, Y, classes=("p", "q")),
        from_arrays(x, Y, features=("p", "q")), from_arrays(x, Y.astype(float)), from_arrays(x),
    ]  # fmt: skip
    images = np.zeros((8, 4, 4), np.uint8)
    others += [
        from_arrays(images, Y),
        from_arrays(images, Y, input_scale=1 / 16),
        from_arrays(images.reshape(8, 2, 8), Y),
    ]
    assert len({base, *(fingerprint(raw) for raw in others)}) == len(others) + 1
