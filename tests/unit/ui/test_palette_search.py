"""Finding layers: the better match first, and nothing that has nothing to do with the query."""

from __future__ import annotations

import itertools
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralforge.layers.registry import catalog
from neuralforge.ui.layer_search import entries, rank_of, search

ENTRIES = entries()


def found(query: str) -> list[str]:
    return [item.spec.key for item in search(query, ENTRIES)]


def test_all_layers_are_listed_once_with_families_together() -> None:
    assert sorted(item.spec.key for item in ENTRIES) == sorted(catalog().specs)
    families = [item.spec.category for item in ENTRIES]
    assert families[0] == "input/output"
    assert len(set(families)) == 1 + sum(one != other for one, other in itertools.pairwise(families))


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("conv2d", ["conv2d", "separable_conv2d"]),
        ("nn.Conv2d", ["conv2d"]),
        ("Conv 2-D", ["conv2d"]),
        ("conv", ["conv1d", "conv2d", "conv3d", "conv_transpose1d"]),
        ("relu", ["relu", "relu6", "leaky_relu"]),
        ("dense", ["linear"]),
        ("bn", ["batch_norm"]),
        ("BatchNorm1d", ["batch_norm"]),
        ("c2d", ["conv2d"]),
        ("max2", ["max_pool2d"]),
        ("avg pool", ["avg_pool1d", "avg_pool2d", "avg_pool3d", "adaptive_avg_pool1d"]),
        ("swish", ["silu"]),
        ("gap", ["adaptive_avg_pool1d"]),
        ("norm layer", ["layer_norm"]),
    ],
)
def test_what_is_meant_comes_first(query: str, first: list[str]) -> None:
    assert found(query)[: len(first)] == first


def test_nothing_is_found_where_nothing_fits_and_everything_without_a_query() -> None:
    assert found("qqq") == []
    assert [item.spec for item in search("  -", ENTRIES)] == [item.spec for item in ENTRIES]


def test_a_match_of_a_better_kind_never_comes_after_a_worse_one() -> None:
    ranks = [rank_of("norm", item) for item in search("norm", ENTRIES)]
    assert ranks == sorted(ranks) and len({rank[0] for rank in ranks if rank}) > 1  # type: ignore[type-var]


@given(st.sampled_from(ENTRIES), st.data())
def test_the_start_of_a_title_finds_the_layer_in_any_case(item: object, data: st.DataObject) -> None:
    title = item.spec.title  # type: ignore[attr-defined]
    cut = data.draw(st.integers(1, len(title)))
    query = data.draw(st.sampled_from([title[:cut], title[:cut].upper(), f" {title[:cut]} "]))
    assert item in search(query, ENTRIES)
    assert found(title)[0] == item.spec.key  # type: ignore[attr-defined]


@given(st.text(string.ascii_letters + string.digits + " -.", max_size=12))
def test_any_query_gives_a_part_of_the_layers_each_once(query: str) -> None:
    keys = found(query)
    assert len(set(keys)) == len(keys) and set(keys) <= set(catalog().specs)


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("conv1d", "3D"),
        ("conv2d", "4D"),
        ("conv3d", "5D"),
        ("embedding", "int"),
        ("lstm", "3D"),
        ("pixel_shuffle", "4D"),
        ("linear", ""),
        ("relu", ""),
        ("stack", ""),
        ("input", ""),
    ],
)
def test_a_hint_says_what_a_layer_takes_where_that_is_one_thing(key: str, hint: str) -> None:
    assert next(item.hint for item in ENTRIES if item.spec.key == key) == hint
