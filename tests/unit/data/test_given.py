"""Data handed over in memory: kept as a file that gives it back bit for bit, or refused in one sentence."""

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch.utils.data import ConcatDataset, DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from neuralforge.data import fingerprint, from_arrays, load, memory, reference, resolve
from neuralforge.data import given as module
from neuralforge.data.given import keep
from neuralforge.data.source import RawData
from neuralforge.errors import UserError
from neuralforge.runs.store import RunStore

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3))
LABELS = np.arange(12) % 3
IMAGES = RNG.integers(0, 256, (12, 5, 7, 3), np.uint8)


def same(a: RawData, b: RawData) -> bool:
    facts = [
        (raw.info.kind, raw.info.task, raw.info.classes, raw.info.features, raw.info.vocabulary, raw.input_scale,
         raw.inputs.dtype, raw.inputs.shape, raw.targets.dtype, raw.targets.shape)
        for raw in (a, b)
    ]  # fmt: skip
    equal = a.inputs.tobytes() == b.inputs.tobytes() and a.targets.tobytes() == b.targets.tobytes()
    return facts[0] == facts[1] and equal and fingerprint(a) == fingerprint(b)


def kept(data, folder, **more) -> RawData:
    text, options = keep(data, folder, **more)
    raw = load(text, options)
    assert Path(text).name == f"data-{fingerprint(raw)[:16]}.npz" and Path(text).parent == Path(folder)
    assert [path.name for path in Path(folder).iterdir()] == [Path(text).name]  # nothing temporary is left
    return raw


def refusal(data, folder, **more) -> str:
    with pytest.raises(UserError) as caught:
        keep(data, folder, **more)
    message = str(caught.value)
    assert "\n" not in message and message.endswith(".") and len(message) < 400
    assert not list(Path(folder).iterdir())
    return message


# Names and paths


@pytest.mark.parametrize("data", ["moons", "./some where.csv", Path("flowers/here")])
def test_names_and_paths_are_passed_through(tmp_path, data):
    assert keep(data, tmp_path / "none", options={"noise": "0.2"}) == (str(data), {"noise": "0.2"})
    assert not (tmp_path / "none").exists()
    assert "names a column of a DataFrame" in refusal(data, tmp_path, target="species")


# Arrays


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (X, LABELS),
        (X, LABELS.astype(np.uint8)),
        (X, LABELS[:, None]),
        (X, LABELS > 0),
        (X, np.array(["b", "ä", ""])[LABELS]),
        (X, np.array([b"b", b"cc", b"a"])[LABELS]),
        (X, X[:, 0]),
        (X, X[:, :2].astype(np.float16)),
        (X, None),
        (X[:, 0], LABELS),
        (X > 0, LABELS),
        (np.asfortranarray(X.astype(">f8")), LABELS.astype(">i4")),
        (X.tolist(), LABELS.tolist()),
        (X[::2, ::-1], LABELS[::2]),
        (IMAGES, LABELS),
        (IMAGES[..., 0], LABELS),
        (IMAGES.transpose(0, 3, 1, 2).astype(np.int32), LABELS),
        (IMAGES / 255, X),
        (RNG.integers(0, 256, (12, 5, 6, 3), np.uint8).transpose(0, 3, 1, 2), None),
        (IMAGES[..., 0], IMAGES[..., 1] // 86),
        (IMAGES[..., 0] > 9, IMAGES[..., 1] > 99),
    ],
)
def test_arrays_come_back_bit_for_bit(tmp_path, x, y):
    expected = from_arrays(x, y)
    assert same(kept((x, y), tmp_path), expected)
    if y is None:
        assert same(kept(x, tmp_path), expected)


@pytest.mark.parametrize(
    ("x", "kind"),
    [
        (X.reshape(12, 3, 1), "sequence"),
        (X, "sequence"),
        (IMAGES[..., 0], "sequence"),
        (IMAGES[:, :, 0, 0] % 9, "tokens"),
    ],
)
def test_the_kind_goes_with_the_file(tmp_path, x, kind):
    text, options = keep((x, LABELS), tmp_path, options={"kind": kind})
    assert options == {"kind": kind}
    assert same(load(text, options), from_arrays(x, LABELS, kind=kind))
    assert same(load(*reference(*resolve(text, options))), load(text, options))  # as a run keeps it


def test_uint8_images_stay_bytes_on_the_disk(tmp_path):
    text, _ = keep((IMAGES, LABELS), tmp_path)
    with np.load(text) as file:
        assert file["x"].dtype == np.uint8 and file["x"].shape == (12, 3, 5, 7)
    assert not os.path.samefile(text, keep((IMAGES / 255, LABELS), tmp_path)[0])


def test_texts_that_are_objects_are_texts(tmp_path):
    words = np.array(["z", "a", "z"])[LABELS]
    assert same(kept((X, words.astype(object)), tmp_path), from_arrays(X, words))
    assert same(kept((X, words.astype(object)[:, None]), tmp_path), from_arrays(X, words))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ((X, np.where(LABELS, np.nan, 1.0)), "targets[1, 0] is not a finite number"),
        ((np.where(X > 9, X, np.inf), LABELS), "inputs[0, 0] is not a finite number"),
        ((X.astype(object), LABELS), "inputs must be numbers. Received: dtype object"),
        ((X, np.array([None, 1, "a"] * 4, object)), "targets must be numbers or text. Received: dtype object"),
        ((np.zeros((0, 3)), np.zeros(0, int)), "inputs hold no values"),
        ([], "inputs hold no values"),
        ((X, LABELS[:-1]), "there are 12 samples. Received: 11 targets"),
        ((X, np.arange(12)), "a class needs"),
        ([[1.0, 2.0], [3.0]], "inputs are not an array"),
        ((X, X * 1j), "targets must be numbers or text. Received: dtype complex128"),
        ((X, LABELS, X), "a tuple must be (x, y). Received: 3 parts"),
        ([X, X], "a list of ndarrays, which can mean several things"),
        ([(X[0], 1), (X[1], 2)], "a list of tuples"),
        ((np.ma.masked_array(X, X > 0), LABELS), "have masked values"),
        ({"x": X, "y": LABELS}, "Received: dict"),
        (None, "Received: NoneType"),
        (7, "Received: int"),
        (b"moons", "Received: bytes"),
    ],
)
def test_arrays_that_cannot_be_learned(tmp_path, data, words):
    message = refusal(data, tmp_path, name="my data")
    assert words in message and message.startswith("my data: ")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"noise": "1"}, "the only option of data in memory"),
        ({"path": "/a"}, "the only option"),
        ({"kind": "cube"}, "must be one of auto"),
    ],
)
def test_options_that_do_not_fit(tmp_path, options, words):
    assert words in refusal((X, LABELS), tmp_path, options=options)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_keep_and_load_is_from_arrays(data):
    """For any shape and type: either both give the same data, or both refuse with the same sentence."""
    shape = (data.draw(st.integers(1, 9)), *data.draw(st.lists(st.integers(1, 5), max_size=3)))
    types = st.sampled_from(["u1", "i2", "i8", "u8", "f2", "f4", "f8", ">f4", "?"])
    floats = {"f2": 2.0**15, "f4": 2.0**99, "f8": 2.0**99, ">f4": 2.0**99}
    code = data.draw(types)
    elements = {"min_value": -floats[code], "max_value": floats[code]} if code in floats else None
    if code in ("i2", "i8", "u8") and data.draw(st.booleans()):
        elements = {"min_value": 0, "max_value": 255}
    x = data.draw(
        arrays.arrays(np.dtype(code), shape, elements=elements and arrays.from_dtype(np.dtype(code), **elements))
    )
    n = len(x)
    y = data.draw(
        st.one_of(
            st.none(),
            arrays.arrays(st.sampled_from(["u1", "i4", "?"]).map(np.dtype), n, elements=st.integers(0, 1)),
            arrays.arrays(np.float32, st.sampled_from([(n,), (n, 1), (n, 3)]), elements=st.floats(-9, 9, width=32)),
            arrays.arrays("U3", n, elements=st.sampled_from(["", "é", "zz", "\ud800"])),
            arrays.arrays(np.int64, (n, *shape[-2:]), elements=st.integers(-1, 1)),
        )
    )
    kind = data.draw(st.sampled_from([None, None, "image", "table", "sequence", "tokens"]))
    options = {} if kind is None else {"kind": kind}
    with tempfile.TemporaryDirectory() as folder:
        try:
            expected = from_arrays(x, y, "data", kind=kind)
        except UserError as error:
            with pytest.raises(UserError) as caught:
                keep((x, y), folder, options=options)
            assert str(caught.value) == str(error)
        else:
            assert same(kept((x, y), folder, options=options), expected)
            if y is None or y.dtype.kind != "U":
                tensors = (torch.as_tensor(x.astype(x.dtype.newbyteorder("="))), y if y is None else torch.as_tensor(y))
                assert same(kept(tensors, folder, options=options), expected)


# The file


def test_the_same_data_is_the_same_file_and_is_written_once(tmp_path, monkeypatch):
    text, options = keep((X, LABELS), tmp_path / "new" / "folder")
    path = Path(text)
    before, content = path.stat(), path.read_bytes()
    monkeypatch.setattr(module, "write_npz", lambda *args: pytest.fail("written twice"))
    assert keep((torch.tensor(X), torch.tensor(LABELS)), path.parent) == (text, options)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    monkeypatch.undo()
    assert Path(keep((X, LABELS), tmp_path)[0]).read_bytes() == content
    assert keep((X, 2 - LABELS), path.parent)[0] != text


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04"])
def test_a_damaged_file_is_written_anew(tmp_path, damage):
    text, _ = keep((X, LABELS), tmp_path)
    Path(text).write_bytes(damage)
    assert same(kept((X, LABELS), tmp_path), from_arrays(X, LABELS))


def test_a_file_with_other_content_is_written_anew(tmp_path):
    text, _ = keep((X, LABELS), tmp_path)
    np.savez(text, x=X + 1, y=LABELS)
    assert same(kept((X, LABELS), tmp_path), from_arrays(X, LABELS))


def test_relative_folders_give_absolute_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text, _ = keep((X, LABELS), "here")
    assert Path(text).parent == tmp_path / "here"


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    def write(raw, file):
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "write_npz", write)
    message = refusal((X, LABELS), tmp_path)
    assert message == f"data: the data cannot be kept in {tmp_path} (No space left on device)."


def test_a_folder_that_cannot_be_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot be kept in .*/file/folder \(Not a directory\)\.$"):
        keep((X, LABELS), tmp_path / "file" / "folder")


def test_what_does_not_read_back_gets_no_name(tmp_path, monkeypatch):
    write = module.write_npz
    monkeypatch.setattr(module, "write_npz", lambda raw, file: write(from_arrays(X + 1, LABELS), file))
    assert "reads back as other data" in refusal((X, LABELS), tmp_path)
    monkeypatch.setattr(module, "write_npz", lambda raw, file: file.write(b"PK"))
    message = refusal((X, LABELS), tmp_path)
    assert "damaged or not an .npz" in message and ".tmp" not in message


class Huge:
    """An array far larger than the memory, which must not be asked for its values."""

    nbytes = 2**60

    def __array__(self, *args, **kwargs):
        raise AssertionError("the values were asked for")


def test_what_is_larger_than_the_memory_is_refused(tmp_path, monkeypatch):
    assert "more than half" in refusal((Huge(), LABELS), tmp_path)
    monkeypatch.setattr(memory, "available_bytes", lambda: 400)
    for data in ((X, LABELS), X.tolist(), torch.tensor(X), TensorDataset(torch.tensor(X)), Items([X[0]] * 12)):
        assert "more than half" in refusal(data, tmp_path)
    assert "more than half" in refusal(pd.DataFrame(X).assign(y=LABELS), tmp_path, target="y")


class Claims(Dataset):
    """A Dataset that says it is far larger than the memory."""

    def __init__(self):
        self.asked = []

    def __len__(self):
        return 2**60

    def __getitem__(self, number):
        self.asked.append(number)
        return X[0]


def test_a_dataset_larger_than_the_memory_is_refused_after_its_first_item(tmp_path):
    dataset = Claims()
    assert "more than half" in refusal(dataset, tmp_path) and dataset.asked == [0]


def test_kept_files_are_no_runs(tmp_path):
    keep((X, LABELS), tmp_path)
    store = RunStore(tmp_path)
    assert store.list() == []
    with pytest.raises(UserError, match="There is none yet"):
        store.find("data")


# Tensors


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_tensors_of_every_precision(tmp_path, dtype):
    x = torch.tensor(X).to(dtype).requires_grad_()
    raw = kept((x * 2, torch.tensor(LABELS)), tmp_path)
    assert same(raw, from_arrays((x * 2).detach().float().numpy() if dtype != torch.float64 else 2 * X, LABELS))
    assert x.requires_grad and x.dtype == dtype and x.grad is None


def test_tensors_alone_and_strided(tmp_path):
    images = torch.tensor(IMAGES).permute(0, 3, 1, 2)
    assert same(kept(images, tmp_path), from_arrays(IMAGES))
    assert same(kept((torch.nn.Parameter(torch.tensor(X)), LABELS), tmp_path / "b"), from_arrays(X, LABELS))


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (torch.tensor(X).to_sparse(), "inputs cannot be taken from the tensor"),
        (torch.empty(12, 3, device="meta"), "inputs cannot be taken from the tensor"),
        (torch.tensor(X, dtype=torch.complex64), "inputs must be numbers. Received: dtype complex64"),
        (torch.tensor(X) / 0, "is not a finite number"),
    ],
)
def test_tensors_that_cannot_be_taken(tmp_path, x, words):
    assert words in refusal((x, LABELS), tmp_path)


# Frames


SIZES = np.array(["small", "large", "medium"])


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "wide": X[:, 0],
            "count": pd.array(np.arange(12), dtype="Int64"),
            "is new": LABELS > 0,
            7: (X[:, 1] * 1e6).astype(np.int64),
            "species": pd.Categorical(SIZES[LABELS], ["small", "medium", "large", "huge"]),
            "word": np.array(["b", "a", "c"])[LABELS],
            "price": X[:, 2],
            "rank": LABELS,
        }
    )  # fmt: skip


NUMBERS = ["wide", "count", "is new", 7]
TABLE = np.stack([X[:, 0], np.arange(12), LABELS > 0, (X[:, 1] * 1e6).astype(np.int64)], 1)
FEATURES = ("wide", "count", "is new", "7")


def test_categories_keep_their_order(tmp_path):
    raw = kept(frame()[[*NUMBERS, "species"]], tmp_path, target="species")
    assert raw.info.classes == ("small", "medium", "large") and raw.info.features == FEATURES
    expected = from_arrays(TABLE, np.array([0, 2, 1])[LABELS], classes=raw.info.classes, features=FEATURES)
    assert same(raw, expected)
    for column in (frame().species, frame().species.array, pd.CategoricalIndex(frame().species)):
        assert same(kept((frame()[NUMBERS], column), tmp_path), expected)


@pytest.mark.parametrize(
    ("target", "y"),
    [
        ("word", np.array(["b", "a", "c"])[LABELS]),
        ("rank", LABELS),
        ("is new", LABELS > 0),
        ("price", X[:, 2]),
        (("price",), X[:, 2]),
        (("price", "rank"), np.stack([X[:, 2], LABELS], 1)),
        (["rank"], LABELS.astype(float)),
    ],
)
def test_targets_of_frames(tmp_path, target, y):
    names = target if isinstance(target, tuple | list) else [target]
    features = [name for name in NUMBERS if name not in names]
    columns = [NUMBERS.index(name) for name in features]
    expected = from_arrays(TABLE[:, columns], y, features=[str(name) for name in features])
    table = frame()[[*features, *names]].iloc[:, ::1]
    assert same(kept(table, tmp_path, target=target), expected)
    if not isinstance(target, str):
        target = list(target) if len(target) > 1 else target[0]
    if names != ["rank"] and names != ("price",):
        assert same(kept((table[features], table[target]), tmp_path), expected)


@pytest.mark.parametrize("dtype", ["str", object, "category", "string"])
def test_texts_of_pandas(tmp_path, dtype):
    words = pd.Series(np.array(["b", "a", "c"])[LABELS]).astype(dtype)
    expected = from_arrays(X, words.to_numpy().astype(str))
    for y in (words, words.to_frame(), words.array, words.to_numpy(), words.tolist()):
        assert same(kept((X, y), tmp_path), expected)


def test_a_column_alone(tmp_path):
    assert kept((pd.Series(X[:, 0], name="w"), LABELS), tmp_path).info.features == ("w",)
    assert kept((frame()[NUMBERS], None), tmp_path / "b").info.task == "reconstruction"


def test_rows_that_were_filtered_go_by_their_place(tmp_path):
    table = frame()[[*NUMBERS, "species"]]
    table = table[table.species != "medium"]
    raw = kept(table, tmp_path, target="species")
    assert raw.info.classes == ("small", "large") and raw.info.samples == 8
    assert np.array_equal(raw.inputs, TABLE[LABELS != 2].astype(np.float32))


@pytest.mark.parametrize(
    ("change", "target", "words"),
    [
        ({}, None, "needs target=COLUMN"),
        ({}, "colour", "no column 'colour'; the columns are wide, count, is new, 7, species, word, price, rank"),
        ({}, (), "a target and at least one more column are needed"),
        ({}, "rank", "column 'species' must hold numbers. Received: dtype category"),
        ({"species": 1}, "rank", "column 'word' must hold numbers. Received: dtype"),
        ({"species": pd.Timestamp(0)}, "rank", "column 'species' must hold numbers. Received: dtype datetime64"),
        ({"species": pd.Timestamp(0)}, "species", "hold numbers, texts or categories. Received: Timestamp in row 0"),
        ({"species": [None] * 3 + ["a"] * 9}, "species", "column 'species' has no value in row 0"),
        ({"species": pd.Categorical(["a", None] * 6)}, "species", "column 'species' has no value in row 1"),
        ({"species": ["a", 1] * 6}, "species", "Received: int in row 1"),
        ({"species": pd.array([1, None] * 6, dtype="Int64")}, "species", "column 'species' has no value in row 1"),
        ({"species": 1, "word": 1, "wide": [*X[:11, 0], np.nan]}, "rank", "column 'wide' has no value in row 11"),
        ({"species": 1, "word": 1, "wide": [*X[:11, 0], np.inf]}, "rank", "column 'wide'[11] is not a finite number"),
        ({"species": 1, "word": 1, "wide": 1e99}, "rank", "column 'wide'[0] is too large for float32"),
        ({"species": 1, "word": 1, "7": 1}, "rank", "two of the features are named '7'"),
        ({"species": pd.Categorical([1, "1"] * 6)}, ("wide",), "column 'species' must hold numbers"),
        ({"word": 0, "species": pd.Categorical([1, "1"] * 6)}, "species", "two of the classes are named '1'"),
        ({"wide": 0, "word": 0, "species": ["a\0", "a"] * 6}, "species", "NUL"),
    ],
)  # fmt: skip
def test_frames_that_cannot_be_learned(tmp_path, change, target, words):
    message = refusal(frame().assign(**change), tmp_path, target=target)
    assert words in message and message.startswith("data: ")


def test_more_frames_that_cannot_be_learned(tmp_path):
    twice = pd.DataFrame(X, columns=["a", "b", "a"])
    assert "several columns are named 'a'" in refusal(twice, tmp_path, target="a")
    assert "two of the features are named 'a'" in refusal(twice, tmp_path, target="b")
    assert "inputs hold no values" in refusal(pd.DataFrame({"a": [], "b": []}), tmp_path, target="b")
    assert "at least one more column" in refusal(pd.DataFrame({"a": LABELS}), tmp_path, target="a")
    assert "a DataFrame is a table" in refusal(twice, tmp_path, target="b", options={"kind": "tokens"})
    assert "target names a column of a DataFrame" in refusal((X, LABELS), tmp_path, target="a")


# Datasets


class Items(Dataset):
    def __init__(self, items, **attributes):
        self.items = items
        self.__dict__.update(attributes)

    def __len__(self):
        return len(self.items)

    def __getitem__(self, number):
        item = self.items[number]
        if isinstance(item, Exception):
            raise item
        return item


class Stream(IterableDataset):
    def __iter__(self):
        yield from zip(X, LABELS, strict=True)


class Endless(Dataset):
    def __getitem__(self, number):
        return X[0]


class Doubling(TensorDataset):
    def __getitem__(self, number):
        x, y = super().__getitem__(number)
        return 2 * x, y


PAIRS = list(zip(X, LABELS.tolist(), strict=True))
WORDS = np.array(["b", "a", "ccc"])[LABELS]


@pytest.mark.parametrize(
    ("dataset", "x", "y"),
    [
        (TensorDataset(torch.tensor(X), torch.tensor(LABELS)), X, LABELS),
        (TensorDataset(torch.tensor(X)), X, None),
        (Doubling(torch.tensor(X), torch.tensor(LABELS)), 2 * X, LABELS),
        (Subset(TensorDataset(torch.tensor(X), torch.tensor(LABELS)), range(9)), X[:9], LABELS[:9]),
        (ConcatDataset([Items(PAIRS[:5]), Items(PAIRS[5:])]), X, LABELS),
        (Items(PAIRS), X, LABELS),
        (Items([list(pair) for pair in PAIRS]), X, LABELS),
        (Items(list(X)), X, None),
        (Items([(row,) for row in X]), X, None),
        (Items([(torch.tensor(row), torch.tensor(k)) for row, k in PAIRS]), X, LABELS),
        (Items([(row, float(row[0])) for row in X]), X, X[:, 0]),
        (Items([(row, row[:2].tolist()) for row in X]), X, X[:, :2]),
        (Items([(image, image[..., 0] // 86) for image in IMAGES]), IMAGES, IMAGES[..., 0] // 86),
        (Items(list(zip(IMAGES, WORDS.tolist(), strict=True))), IMAGES, WORDS),
        (Items(list(zip(IMAGES, WORDS, strict=True))), IMAGES, WORDS),
        (Items([(k / 10, k % 2 == 0) for k in range(10)]), np.arange(10) / 10, np.arange(10) % 2 == 0),
        (range(10), np.arange(10), None),
    ],
)  # fmt: skip
def test_datasets(tmp_path, dataset, x, y):
    assert same(kept(dataset, tmp_path), from_arrays(x, y))


def test_images_of_pil(tmp_path):
    image = pytest.importorskip("PIL.Image")
    dataset = Items([(image.fromarray(pixels), int(k)) for pixels, k in zip(IMAGES, LABELS, strict=True)])
    assert same(kept(dataset, tmp_path), from_arrays(IMAGES, LABELS))


def test_a_dataset_names_its_classes(tmp_path):
    names = ["two", "one", "none"]
    assert same(kept(Items(PAIRS, classes=names), tmp_path), from_arrays(X, LABELS, classes=names))
    for other in (names[:2], [*names, "more"], "abc", [0, 1, 2], None):
        assert kept(Items(PAIRS, classes=other), tmp_path / "b").info.classes == ("0", "1", "2")


def test_plain_tensors_are_not_asked_item_by_item(tmp_path, monkeypatch):
    dataset = TensorDataset(torch.tensor(X), torch.tensor(LABELS))
    monkeypatch.setattr(TensorDataset, "__len__", lambda self: pytest.fail("asked for its length"))
    assert same(kept(dataset, tmp_path), from_arrays(X, LABELS))


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        (Stream(), "a Stream is an IterableDataset"),
        (DataLoader(Items(PAIRS)), "give the Dataset that it reads"),
        (Endless(), "this Endless has no length"),
        (Items([]), "the Items holds no items"),
        (TensorDataset(torch.tensor(X), torch.tensor(X), torch.tensor(X)), "item 0 has 3 parts"),
        (Items([{"x": row} for row in X]), "item 0 is a dict"),
        (Items([*PAIRS, {"x": X[0]}]), "item 12 is a dict"),
        (Items([*PAIRS, None]), "item 12 is a NoneType"),
        (Items([*PAIRS, (X[0], 1, 2)]), "item 12 has 3 parts"),
        (Items([*PAIRS, X[0]]), "item 12 has no target, where item 0 has one"),
        (Items([*X, PAIRS[0]]), "item 12 has a target, where item 0 has none"),
        (Items([*PAIRS, (X[0, :2], 1)]), "item 12 has a sample of float64 (2,), where item 0 has float64 (3,)"),
        (Items([*PAIRS, (X[0] > 0, 1)]), "item 12 has a sample of bool (3,), where item 0 has float64 (3,)"),
        (Items([*PAIRS, (X[0], 1.5)]), "item 12 has a target of float64 (), where item 0 has int64 ()"),
        (Items([*PAIRS, (X[0], "a")]), "item 12 has a target of text, where item 0 has int64 ()"),
        (Items([(X[0], "a"), (X[0], 1)]), "item 1 has a target of int64 (), where item 0 has text"),
        (Items([(X[0], {"boxes": X})]), "item 0 has a target of type dict"),
        (Items([(X[0], None)]), "item 0 has a target of type NoneType"),
        (Items(["a", "b"]), "item 0 has a sample that is text"),
        (Items([(row, k) for row, k in PAIRS[:3]] + [OSError("gone")]), "item 3 of 4 cannot be read (OSError: gone)"),
        (Items([(np.full(3, np.nan), k) for _, k in PAIRS]), "inputs[0, 0] is not a finite number"),
    ],
)  # fmt: skip
def test_datasets_that_cannot_be_learned(tmp_path, dataset, words):
    message = refusal(dataset, tmp_path)
    assert words in message and message.startswith("data: ")


# Imports


def test_neither_torch_nor_pandas_is_imported(tmp_path):
    code = f"""
import sys, numpy as np
from neuralforge.data.given import keep
keep((np.ones((8, 2)), np.arange(8) % 2), {str(tmp_path)!r})
class Own:
    def __len__(self): return 8
    def __getitem__(self, i): return np.full(3, i), i % 2
keep(Own(), {str(tmp_path)!r})
print([name for name in ("torch", "pandas", "h5py") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
