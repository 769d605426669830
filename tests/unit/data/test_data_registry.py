"""From what a person types to a source and its options."""

import builtins
import warnings
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pytest

from neuralforge.data import DataSource, Params, from_arrays, load, reference, registry, resolve
from neuralforge.data.options import format_options, parse_options
from neuralforge.errors import UserError
from neuralforge.graph.params import ANY_TEXT, Doc, Range


def test_unknown_names_give_the_nearest():
    with pytest.raises(UserError, match="'moon'; did you mean moons"):
        resolve("moon")
    with pytest.raises(UserError, match="'qqqq'; `neuralforge datasets`"):
        resolve("qqqq")


@pytest.mark.parametrize("text", ["./iris", "gone/", "gone.csv", "~/gone", "..."])
def test_paths_that_are_not_there(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="no file or folder at"):
        resolve(text)


def test_odd_texts_do_not_crash():
    for text in ("", "\0", "a\0.csv", "x" * 5000):
        with pytest.raises(UserError):
            resolve(text)


def test_suffix_nobody_reads(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"")
    with pytest.raises(UserError, match=r"what can be read: \.csv, \.npz, \.tsv, folder"):
        resolve(str(tmp_path / "a.xlsx"))


def test_name_wins_over_file_and_paths_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "moons").mkdir()
    Path("T.CSV").write_text("")
    assert resolve("moons")[0].key == "moons"
    assert resolve("./moons")[0].key == "folder"
    source, params = resolve("T.CSV")
    assert (source.key, params.path) == ("csv", str(tmp_path / "T.CSV"))
    assert reference(source, params) == ("csv", {"path": str(tmp_path / "T.CSV")})
    with pytest.raises(UserError, match="given twice"):
        resolve("T.CSV", {"path": "other.csv"})


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("moons", {"sample": "9"}, "no option 'sample' (did you mean 'samples'?) of data set 'moons'"),
        ("iris", {"seed": "1"}, "no option 'seed' of data set 'iris'; its options: none"),
        ("moons", {"samples": "many"}, "'moons' must be a whole number from 20 to 1000000. Received: 'many'"),
        ("moons", {"samples": "3"}, "Received: '3'"),
        ("moons", {"samples": "1_000"}, "Received: '1_000'"),
        ("moons", {"noise": "nan"}, "must be a number from 0 to 10. Received: 'nan'"),
        ("functions", {"function": "cosine"}, "must be one of sine, cubic"),
        ("csv", {}, "needs the option 'path'"),
        ("folder", {"path": "x", "size": "1x2x3"}, "2 whole numbers from 1 to 4096, or none. Received: '1x2x3'"),
        ("folder", {"path": "x", "size": "0x5"}, "Received: '0x5'"),
    ],
)  # fmt: skip
def test_bad_options_name_the_data_set(name, options, words):
    with pytest.raises(UserError) as caught:
        resolve(name, options)
    assert words in str(caught.value) and "\n" not in str(caught.value)


@dataclass(frozen=True, kw_only=True)
class AllKinds(Params):
    whole: Annotated[int, Range(-5, 5), Doc("W.")] = 1
    number: Annotated[float, Range(0, 1000000000.0), Doc("N.")] = 0.5
    truth: Annotated[bool, Doc("T.")] = False
    text: Annotated[str, ANY_TEXT, Doc("X.")] = "a"
    choice: Annotated[Literal["p", "q"], Doc("C.")] = "p"
    size: Annotated[tuple[int, int] | None, Range(1, 9), Doc("S.")] = None
    name: Annotated[str | None, ANY_TEXT, Doc("N.")] = None


def test_options_survive_the_way_through_text():
    params = AllKinds(whole=-3, number=0.1 + 0.2, truth=True, text="b=c", choice="q", size=(2, 9), name="none")
    texts = format_options(params)
    assert parse_options(AllKinds, texts, "x") == params
    assert texts["size"] == "2,9" and format_options(AllKinds()) == {}
    assert isinstance(AllKinds(number=2).number, float)


@pytest.mark.parametrize(
    "bad",
    [{"whole": 1.0}, {"whole": True}, {"whole": 6}, {"number": -1}, {"number": float("inf")}, {"truth": 1},
     {"text": None}, {"choice": "r"}, {"size": (1,)}, {"size": (0, 3)}, {"name": 3}],
)  # fmt: skip
def test_options_check_themselves(bad):
    with pytest.raises(UserError, match=f"'{next(iter(bad))}' must be"):
        AllKinds(**bad)


class Extra(DataSource[Params]):
    key = title = summary = origin = "extra"
    params = Params

    def load(self, params):
        return from_arrays(np.zeros((4, 1)), [0, 1, 0, 1], self.key)


class Taken(Extra):
    key = "iris"


def test_other_packages_add_sources_and_bad_ones_harm_nobody(monkeypatch):
    group = registry.ENTRY_POINT_GROUP
    points = [EntryPoint("b", f"{__name__}:Extra", group), EntryPoint("a", "no.such:Thing", group),
              EntryPoint("c", f"{__name__}:Taken", group), EntryPoint("d", "builtins:dict", group)]  # fmt: skip
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    registry.registered.cache_clear()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = registry.registered()
        assert [source.key for source in found] == [*(source.key for source in registry.builtin()), "extra"]
        assert len(caught) == 3 and "'a'" in str(caught[0].message)
        assert load("extra").info.name == "extra"
        assert load("iris").info.samples == 150
    finally:
        registry.registered.cache_clear()


def test_missing_mlxtend_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("mlxtend"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match=r'pip install "neuralforge\[mnist\]"'):
        load("mnist5000")


def test_synthetic_sets_follow_their_formulas():
    exact = {"noise": "0", "samples": "400"}
    x, y = (load("circles", exact)).inputs, load("circles", exact).targets
    np.testing.assert_allclose(np.hypot(*x.T), np.where(y == 0, 1.0, 0.5), rtol=1e-6)
    raw = load("xor", exact)
    assert np.array_equal(raw.targets == 0, raw.inputs[:, 0] * raw.inputs[:, 1] > 0)
    raw = load("functions", exact | {"function": "saddle"})
    np.testing.assert_allclose(raw.targets[:, 0], raw.inputs[:, 0] ** 2 - raw.inputs[:, 1] ** 2, atol=1e-6)
    raw = load("spirals", exact | {"arms": "3"})
    assert raw.info.classes == ("arm 1", "arm 2", "arm 3") and np.bincount(raw.targets).tolist() == [134, 133, 133]
    upper = load("moons", exact).inputs[:200]
    np.testing.assert_allclose(np.hypot(*upper.T), 1, rtol=1e-6)
    assert (upper[:, 1] >= -1e-6).all()
