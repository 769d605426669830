"""CSV files: what is understood, and that each fault is named with file, line and column."""

import numpy as np
import pytest

from neuralforge.data import load, memory
from neuralforge.errors import UserError


@pytest.fixture
def write(tmp_path):
    def write(text, name="t.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


def rows(*cells, times=3):
    return "\n".join(cells * times) + "\n"


def test_text_target_gives_sorted_classes(write):
    raw = load(write("a,b,kind\n" + rows("1,2,red", "3,-4.5e1,blue")))
    assert raw.info.classes == ("blue", "red") and raw.info.features == ("a", "b")
    assert raw.inputs[:2].tolist() == [[1, 2], [3, -45]] and raw.targets.tolist() == [1, 0] * 3
    assert raw.info.name.endswith("t.csv") and raw.inputs.dtype == np.float32


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_delimiter_and_line_ends_are_found(write, delimiter, newline):
    text = newline.join(
        delimiter.join(row)
        for row in [["a", "b,c" if delimiter != "," else "b", "y"]] + [["1", "2", "p"], ["3", "4", "q"]] * 2
    )
    raw = load(write(text, "t.tsv"))
    assert raw.inputs.tolist() == [[1, 2], [3, 4]] * 2


def test_target_by_name_and_ignored_columns(write):
    path = write("y,id,a,b\n" + rows("u,x7,1,2", "v,x8,3,4"))
    raw = load(path, {"target": "y", "ignore": "id"})
    assert raw.info.features == ("a", "b") and raw.info.classes == ("u", "v")


def test_byte_order_mark_blank_lines_quotes_and_spaces(write):
    raw = load(write(b'\xef\xbb\xbfa, b ,y\n\n1,"2","p,q"\n 3 ,4,r\n\n1,2,"p,q"\n3,4,r\n\n'))
    assert raw.info.features == ("a", "b") and raw.info.classes == ("p,q", "r")


def test_header_is_detected(write):
    body = rows("1,2,p", "3,4,q")
    assert load(write(body)).info.features == ("column_1", "column_2")
    assert load(write("a,b,y\n" + body)).info.samples == 6
    raw = load(write("1,2,3\n" + body), {"header": "yes"})
    assert raw.info.features == ("1", "2") and raw.info.samples == 6
    assert load(write(body), {"target": "column_3"}).info.samples == 6


@pytest.mark.parametrize(
    ("targets", "task", "classes"),
    [
        ([i % 3 for i in range(30)], "classification", ("0", "1", "2")),
        ([i % 2 for i in range(6)], "classification", ("0", "1")),
        ([10 if i % 2 else 9 for i in range(6)], "classification", ("9", "10")),  # in numeric order
        ([i % 3 for i in range(9)], "regression", ()),  # three values a class are too few to be sure
        ([i % 25 for i in range(500)], "regression", ()),
        ([i % 3 + 0.5 for i in range(30)], "regression", ()),
        (["01" if i % 2 else "1" if i % 4 else "2" for i in range(40)], "classification", ("1", "2")),
    ],
)
def test_meaning_of_a_numeric_target(write, targets, task, classes):
    raw = load(write("a,y\n" + "\n".join(f"{i},{y}" for i, y in enumerate(targets))))
    assert (raw.info.task, raw.info.classes) == (task, classes)


def test_task_option_decides(write):
    path = write("a,y\n" + rows("1,0", "2,1", "3,2"))
    assert load(path).info.task == "regression"
    assert load(path, {"task": "classification"}).info.classes == ("0", "1", "2")
    assert load(write("a,y\n" + rows("1,0", "2,1")), {"task": "regression"}).targets.dtype == np.float32


HEAD = "a,b,y\n1,2,p\n3,4,q\n"


@pytest.mark.parametrize(
    ("text", "options", "place", "words"),
    [
        ("", {}, "", "empty"),
        (" \n\n", {}, "", "empty"),
        ("a,b,y\n", {}, "", "a header and no rows"),
        ("a\n1\n2\n", {}, ":1", "one column"),
        (HEAD + "5,6\n", {}, ":4", "2 cells, where line 1 has 3"),
        (HEAD + "\n5,6,p,7\n", {}, ":5", "4 cells, where line 1 has 3"),
        (HEAD + "5,,p\n", {}, ":4", "column 'b' is empty"),
        (HEAD + "5,6,\n", {}, ":4", "column 'y' is empty"),
        (HEAD + "5,6,\0\n", {}, ":4", "NUL"),
        (HEAD + "5,six,p\n", {}, ":4", "'b' must hold numbers (ignore=NAME leaves a column out). Received: 'six'."),
        (HEAD + "5,1_000,p\n", {}, ":4", "Received: '1_000'"),
        (HEAD + "5,\u0663,p\n", {}, ":4", "column 'b'"),
        (HEAD + "5," + "z" * 500 + ",p\n", {}, ":4", "zzz..."),
        (HEAD + "5,\x1b[31m,p\n", {}, ":4", r"'\x1b[31m'"),
        (HEAD + "nan,6,p\n", {}, ":4", "column 'a' is not a finite number. Received: nan"),
        (HEAD + "5,-inf,p\n", {}, ":4", "column 'b' is not a finite number"),
        (HEAD + "5,1e60,p\n", {}, ":4", "too large for float32"),
        ("a,b,a\n1,2,p\n", {}, ":1", "columns 1 and 3 are both named 'a'"),
        ("a,,y\n1,2,p\n", {}, ":1", "column 2 of the header has no name"),
        (HEAD, {"target": "z"}, "", "no column 'z'; the columns are a, b, y"),
        (HEAD, {"ignore": "z"}, "", "no column 'z'"),
        (HEAD, {"ignore": "a,b"}, "", "1 columns are left"),
        (HEAD, {"ignore": "y", "target": "y"}, "", "cannot be ignored"),
        ("a,b,y\n" + rows("1,2,p"), {}, "", "all 3 rows have the one class 'p' in column 'y'"),
        (HEAD + "5,6,p\n7,8,q\n9,9,r\n", {}, ":6", "class 'r' of column 'y' occurs once"),
        ("a,y\n1,1.5\n2,2.5\n3,n/a\n", {}, ":4", "the other cells of column 'y' are numbers"),
        ("a,y\n1,1.5\n2,2.5\n3,nan\n", {}, ":4", "column 'y' must hold finite numbers"),
        ("a,y\n1,1.5\n2,2.5\n3,1e99\n", {}, ":4", "Received: '1e99'"),
        ("a,y\n1,1.5\n2,2.5\n3,oops\n", {"task": "regression"}, ":4", "Received: 'oops'"),
        (HEAD + '5,6,"p\n7,8,q\n', {}, ":5", "not CSV"),
        (HEAD + "5,6," + "p" * 200_000 + "\n", {}, ":4", "not CSV"),
        (HEAD.encode() + b"5,6,\xff\n", {}, ":4", "not UTF-8"),
        (HEAD.encode("utf-16"), {}, ":1", "not UTF-8"),
    ],
)  # fmt: skip
def test_each_fault_is_one_sentence_with_its_place(write, text, options, place, words):
    path = write(text)
    with pytest.raises(UserError) as caught:
        load(path, options)
    message = str(caught.value)
    assert message.startswith(f"{path}{place}: "), message
    assert words in message
    assert "\n" not in message and message.endswith(".") and len(message) < 400


def test_missing_file_and_folder_in_its_place(write, tmp_path):
    with pytest.raises(UserError, match=r"no file or folder at .*gone\.csv"):
        load(str(tmp_path / "gone.csv"))
    with pytest.raises(UserError, match="this is not a file"):
        load("csv", {"path": str(tmp_path)})


def test_file_above_memory_is_refused_before_it_is_read(write, monkeypatch):
    path = write(HEAD * 100)
    monkeypatch.setattr(memory, "available_bytes", lambda: 1000)
    with pytest.raises(UserError, match="more than half of the"):
        load(path)
