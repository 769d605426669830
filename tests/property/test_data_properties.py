"""What must hold for all sizes and seeds: orders visit everything once, splits divide, seeds differ."""

import json

import numpy as np
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from neuralforge.data import Preprocessing, derive_seed, from_arrays, prepare, split
from neuralforge.data.order import EpochOrder, batches_in_epoch, next_batch_size, permutation

seeds = st.integers(-(2**70), 2**70)


@given(seed=seeds, epoch=st.integers(0, 10**6), n=st.integers(1, 300))
def test_permutation_holds_every_sample_once_and_is_repeatable(seed, epoch, n):
    torch.manual_seed(0)
    state = torch.get_rng_state()
    order = permutation(seed, epoch, n)
    assert order.dtype == torch.int64
    assert sorted(order.tolist()) == list(range(n))
    assert torch.equal(order, permutation(seed, epoch, n))
    assert torch.equal(state, torch.get_rng_state())  # the global generator is left alone


@given(seed=seeds, n=st.integers(1, 200), sizes=st.lists(st.integers(1, 70), min_size=1, max_size=30))
def test_changing_batch_sizes_walk_the_same_order_once(seed, n, sizes):
    walk = EpochOrder(seed, n, epoch=3)
    taken, step = [], 0
    while not walk.at_end:
        asked = sizes[step % len(sizes)]
        batch = walk.take(asked)
        assert 1 <= len(batch) <= asked + 1
        taken.append(batch)
        step += 1
    assert torch.equal(torch.cat(taken), permutation(seed, 3, n))
    assert torch.equal(walk.take(n), permutation(seed, 4, n)) and walk.epoch == 4


@given(n=st.integers(2, 500), sizes=st.lists(st.integers(2, 70), min_size=1, max_size=20))
def test_no_batch_of_one_unless_it_is_asked_for(n, sizes):
    cursor = step = 0
    while cursor < n:
        size = next_batch_size(cursor, n, sizes[step % len(sizes)])
        assert size >= 2
        cursor += size
        step += 1
    assert cursor == n and next_batch_size(n, n, 7) == 0


@given(n=st.integers(1, 500), size=st.integers(1, 80))
def test_batches_are_counted_as_they_come(n, size):
    walk = EpochOrder(0, n)
    count = 0
    while not walk.at_end:
        walk.take(size)
        count += 1
    assert count == batches_in_epoch(n, size)


@given(seed=seeds, n=st.integers(1, 100), size=st.integers(1, 20), data=st.data())
def test_a_walk_goes_on_from_epoch_and_cursor(seed, n, size, data):
    walk = EpochOrder(seed, n)
    for _ in range(data.draw(st.integers(0, 12))):
        walk.take(size)
    resumed = EpochOrder(seed, n, epoch=walk.epoch, cursor=walk.cursor)
    for _ in range(5):
        assert torch.equal(walk.take(size), resumed.take(size))
    assert (walk.epoch, walk.cursor) == (resumed.epoch, resumed.cursor)


shares = st.tuples(st.integers(1, 100), st.integers(0, 100), st.integers(0, 100)).map(
    lambda parts: tuple(part / sum(parts) for part in parts)
)


@settings(deadline=None)
@given(counts=st.lists(st.integers(2, 40), min_size=2, max_size=12), fractions=shares, seed=seeds)
def test_stratified_split_is_a_partition_with_every_class_in_train(counts, fractions, seed):
    targets = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    raw = from_arrays(np.zeros((len(targets), 1)), targets)
    parts = split(raw, fractions, seed=seed)
    arrays = (parts.train, parts.validation, parts.test)
    for array, share in zip(arrays, fractions, strict=True):
        assert array.dtype == np.int64 and (np.diff(array) > 0).all()
        assert (len(array) > 0) == (share > 0)
    assert np.array_equal(np.sort(np.concatenate(arrays)), np.arange(len(targets)))
    assert set(targets[parts.train]) == set(range(len(counts)))
    again = split(raw, fractions, seed=seed)
    assert np.array_equal(again.train, parts.train) and np.array_equal(again.test, parts.test)


@settings(deadline=None)
@given(counts=st.lists(st.integers(40, 90), min_size=2, max_size=8), seed=seeds)
def test_shares_hold_within_one_sample_a_class_and_over_all(counts, seed):
    fractions = (0.7, 0.15, 0.15)
    targets = np.repeat(np.arange(len(counts)), counts)
    parts = split(from_arrays(np.zeros((len(targets), 1)), targets), fractions, seed=seed)
    for array, share in zip((parts.train, parts.validation, parts.test), fractions, strict=True):
        got = np.bincount(targets[array], minlength=len(counts))
        assert (np.abs(got - share * np.array(counts)) < 1).all()
        assert abs(len(array) - share * len(targets)) < 2


purposes = st.lists(st.one_of(st.text(max_size=6), st.integers(-(2**40), 2**40)), max_size=4)


@given(a=purposes, b=purposes, seed=seeds)
def test_purposes_have_seeds_of_their_own(a, b, seed):
    first = derive_seed(seed, *a)
    assert 0 <= first < 2**63 and first == derive_seed(seed, *a)
    assume(a != b)
    assert first != derive_seed(seed, *b)


finite = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(min_value=5e-324, allow_nan=False, allow_infinity=False)


@given(mean=st.lists(finite, max_size=4), scale=positive, data=st.data())
def test_preprocessing_survives_json_to_the_last_bit(mean, scale, data):
    std = data.draw(st.lists(positive, min_size=len(mean), max_size=len(mean)))
    stored = Preprocessing(
        kind="table", input_scale=scale, input_mean=tuple(mean), input_std=tuple(std), target_mean=tuple(mean),
        target_std=tuple(std),
    )  # fmt: skip
    read = Preprocessing.from_json(stored.to_json())
    assert read == stored
    assert [value.hex() for value in read.input_mean] == [value.hex() for value in mean]
    assert json.loads(stored.to_json())["version"] == 1


@settings(deadline=None, max_examples=50)
@given(st.integers(4, 60), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_standardised_train_part_has_mean_0_and_deviation_1_and_ignores_the_rest(n, columns, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(rng.normal(size=columns) * 50, 3, (n, columns))
    raw = from_arrays(x, rng.normal(size=n))
    parts = split(raw, (0.5, 0.25, 0.25), seed=seed)
    prepared = prepare(raw, parts)
    train = prepared.inputs[parts.train].astype(np.float64)
    np.testing.assert_allclose(train.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(train.std(0), 1, atol=1e-4)
    # other values outside of the train part leave what was fitted as it is
    changed = x.copy()
    changed[parts.test] += 1000
    other = from_arrays(changed, raw.targets)
    assert prepare(other, parts).preprocessing == prepared.preprocessing
