"""`.npz` files: read as arrays, and hostile ones refused with no code run."""

import io
import pickle
import zipfile

import numpy as np
import pytest

from neuralforge.data import load, memory
from neuralforge.data.sources import npz_file
from neuralforge.errors import UserError

X, Y = np.arange(16.0).reshape(8, 2), np.arange(8) % 2


@pytest.mark.parametrize(("x", "y"), [("x", "y"), ("X", "targets"), ("inputs", "y")])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_names_of_arrays(tmp_path, x, y, save):
    save(tmp_path / "a.npz", **{x: X, y: Y, "other": np.array([{}], object)})
    raw = load(str(tmp_path / "a.npz"))
    assert np.array_equal(raw.inputs, X) and np.array_equal(raw.targets, Y)


def test_order_of_axes_in_memory_and_bytes_do_not_matter(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.asfortranarray(X.astype(">f8")), y=Y)
    assert np.array_equal(load(str(tmp_path / "a.npz")).inputs, X)


def test_kind_option_and_no_targets(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.ones((8, 5, 3)))
    raw = load(str(tmp_path / "a.npz"), {"kind": "sequence"})
    assert (raw.info.kind, raw.info.task, raw.info.input_shape) == ("sequence", "reconstruction", (5, 3))


class Bomb:
    """Touches a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("member", ["x", "y"])
def test_pickles_are_refused_and_run_nothing(tmp_path, member):
    touched = tmp_path / "touched"
    bad = np.array([Bomb(touched)] * 8, object)
    np.savez(tmp_path / "a.npz", **{"x": X, "y": Y, member: bad})
    pickle.loads(pickle.dumps(Bomb(touched))).close()  # the payload works ...
    assert touched.exists()
    touched.unlink()
    with pytest.raises(UserError, match=f"array '{member}' holds Python objects"):
        load(str(tmp_path / "a.npz"))
    assert not touched.exists()  # ... and has not been run


def test_numpy_itself_is_the_second_wall(tmp_path, monkeypatch):
    """A file that changes after its header was checked is still not unpickled."""
    touched = tmp_path / "touched"
    np.savez(tmp_path / "a.npz", x=np.array([Bomb(touched)] * 8, object))
    monkeypatch.setattr(npz_file, "_declared_bytes", lambda *args: 0)
    with pytest.raises(UserError, match="damaged or not an"):
        load(str(tmp_path / "a.npz"))
    assert not touched.exists()


def test_a_bare_pickle_in_the_place_of_an_array_runs_nothing(tmp_path):
    touched = tmp_path / "touched"
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", pickle.dumps(Bomb(touched)))
    with pytest.raises(UserError, match=r"damaged or not an \.npz"):
        load(str(tmp_path / "a.npz"))
    (tmp_path / "b.npz").write_bytes(pickle.dumps(Bomb(touched)))
    with pytest.raises(UserError, match=r"damaged or not an \.npz"):
        load(str(tmp_path / "b.npz"))
    assert not touched.exists()


def npy(shape, descr="'<f4'", body=b""):
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + body


@pytest.mark.parametrize(
    ("member", "words"),
    [
        (npy("(1000000000000,)"), "declares 4,000,000,000,"),
        (npy("(-1, 2)"), "shape that cannot be"),
        (npy("(1, 1, 1, 1, 1, 1, 1, 1, 1)", body=bytes(4)), "shape that cannot be"),
        (npy("(8,)", body=bytes(31)), "declares"),
        (npy("(8,)", body=bytes(33)), "declares"),
        (npy("(8,)", "'|O'"), "Python objects"),
        (npy("(8,)", "[('a', '<f4'), ('b', '|O')]"), "Python objects"),
        (npy("(8,)", "[('a', '<f4')]", bytes(32)), "must hold numbers or text"),
        (npy("(8,)", "'<M8[s]'", bytes(64)), "must hold numbers or text"),
        (npy("(8,)", "'|V99999999'"), "must hold numbers or text"),
        (npy("(8, 2)", "__import__('os').system('true')"), "damaged"),
        (npy("(0, 2)"), "no values"),
        (b"\x93NUMPY\x03\x00" + bytes(8), "version 3.0"),
        (b"\x93NUM", "damaged"),
        (b"", "damaged"),
    ],
)
def test_lying_headers_are_refused(tmp_path, member, words):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", member)
    with pytest.raises(UserError) as caught:
        load(str(tmp_path / "a.npz"))
    message = str(caught.value)
    assert words in message and message.startswith(str(tmp_path / "a.npz"))
    assert "\n" not in message and message.endswith(".") and len(message) < 400


def test_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros((2**22, 4), np.uint8))
    assert (tmp_path / "a.npz").stat().st_size < 2**16
    monkeypatch.setattr(memory, "available_bytes", lambda: 2**26)

    def unpack(*args, **kwargs):
        raise AssertionError("the array was unpacked")

    monkeypatch.setattr(np.lib.format, "read_array", unpack)
    with pytest.raises(UserError, match="more than half of the"):
        load(str(tmp_path / "a.npz"))


@pytest.mark.parametrize(
    ("names", "words"),
    [(["a", "b"], "Received: 'a', 'b'"), (["x", "inputs"], "x and inputs mean the same"), ([], "Received: none")],
)
def test_names_that_do_not_say_enough(tmp_path, names, words):
    np.savez(tmp_path / "a.npz", **dict.fromkeys(names, X))
    with pytest.raises(UserError, match=words):
        load(str(tmp_path / "a.npz"))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_one_name(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", b"")
        archive.writestr("x.npy", b"")
    with pytest.raises(UserError, match="two of one name"):
        load(str(tmp_path / "a.npz"))


def test_every_truncation_and_flipped_byte_is_refused_or_harmless(tmp_path):
    whole = io.BytesIO()
    np.savez_compressed(whole, x=X.astype(np.float32), y=Y.astype(np.int8))
    good = whole.getvalue()
    path = tmp_path / "a.npz"
    outcomes = set()
    for position in range(len(good)):
        flipped = bytearray(good)
        flipped[position] ^= 0x41
        for bad in (good[:position], bytes(flipped)):
            path.write_bytes(bad)
            try:
                load(str(path))
                outcomes.add("read")
            except UserError as error:
                assert "\n" not in str(error)
                outcomes.add("refused")
    assert "refused" in outcomes


@pytest.mark.parametrize("kind", [np.str_, np.bytes_])
def test_names_of_columns_and_classes(tmp_path, kind):
    np.savez(tmp_path / "a.npz", x=X, y=Y, features=np.array(["w", "h"], kind), classes=np.array(["odd", "even"], kind))
    raw = load(str(tmp_path / "a.npz"))
    assert raw.info.features == ("w", "h") and raw.info.classes == ("odd", "even")
    assert np.array_equal(raw.targets, Y)
    raw = load(str(tmp_path / "a.npz"), {"names": "false"})
    assert raw.info.features == ("x1", "x2") and raw.info.classes == ("0", "1")


BROKEN = np.frombuffer((0x110000).to_bytes(4, "little") * 2, "<U1")


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("features", np.array([Bomb("nowhere")] * 2, object), "holds Python objects"),
        ("classes", np.arange(2), "must hold names, as texts [N]. Received: int64 of shape (2,)"),
        ("features", np.array([["w", "h"]]), "must hold names"),
        ("features", np.array("w"), "must hold names"),
        ("classes", np.array([b"\xff", b"a"]), "not Unicode"),
        ("features", BROKEN, "not Unicode"),
        ("features", np.array(["w"]), "1 names of features are given for samples of shape (2,)"),
        ("features", np.array(["w", "w"]), "two of the features are named 'w'"),
        ("classes", np.array(["a", "a"]), "two of the classes are named 'a'"),
        ("classes", np.array(["a\0b", "a"]), "character NUL"),
        ("classes", np.array(["a"]), "targets must be indices from 0 to 0"),
        ("classes", np.array(["a", "b", "c"]), "class 'c' has 0 samples"),
    ],
)
def test_names_that_cannot_be(tmp_path, name, array, words):
    np.savez(tmp_path / "a.npz", x=X, y=Y, **{name: array})
    with pytest.raises(UserError) as caught:
        load(str(tmp_path / "a.npz"))
    message = str(caught.value)
    assert words in message and message.startswith(str(tmp_path / "a.npz"))
    assert "\n" not in message and message.endswith(".") and len(message) < 400
    load(str(tmp_path / "a.npz"), {"names": "false"})


def test_very_many_names_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(npz_file, "_MAX_NAMES", 1)
    np.savez(tmp_path / "a.npz", x=X, y=Y, classes=np.array(["a", "b"]))
    with pytest.raises(UserError, match="must hold names"):
        load(str(tmp_path / "a.npz"))


def test_names_count_for_the_memory(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", x=X, y=Y, classes=np.array(["a", "b" * 2**20]))
    monkeypatch.setattr(memory, "available_bytes", lambda: 2**22)
    with pytest.raises(UserError, match="more than half of the"):
        load(str(tmp_path / "a.npz"))


def test_indices_that_are_texts_where_classes_are_named(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=np.array(["a", "b"])[Y], classes=np.array(["a", "b"]))
    with pytest.raises(
        UserError, match=r"must be indices from 0 to 1 of the classes that are named\. Received: <U1\.$"
    ):
        load(str(tmp_path / "a.npz"))


def test_targets_that_are_no_text(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=np.concatenate([BROKEN] * 4))
    with pytest.raises(UserError, match="not Unicode"):
        load(str(tmp_path / "a.npz"))


def test_endless_arrays_of_nothing_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for name, member in (("x", npy("(8, 2)", body=bytes(64))), ("classes", npy("(1000000000000,)", "'<U0'"))):
            archive.writestr(f"{name}.npy", member)
    with pytest.raises(UserError, match="shape that cannot be"):
        load(str(tmp_path / "a.npz"))
