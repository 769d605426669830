"""The notebooks as a person runs them: from top to bottom, in a real kernel, with a real window beside them."""

from __future__ import annotations

import ast
import base64
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient
from PIL import Image

from neuralforge.runs.reader import RunReader
from tests.notebook.kernel import ROOT, surroundings
from tests.ui.conftest import x_server

FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LIMIT_SECS = 60
"""After which a cell counts as one that hangs."""
MOST_LINES = 25
"""More of them, and a cell is not read any more."""
IMPORTS = {
    "quickstart": {"neuralforge", "sys"},
    "steer_your_own_loop": {"neuralforge", "sklearn", "torch"},
    "read_the_run_log": {"h5py", "json", "os", "pandas", "pathlib", "sys"},
}
WINDOW_PX = (1280, 800)
TOO_FEW_COLOURS = 200
"""Letters alone, smoothed at their edges, have more; a window that was not drawn has one."""


@dataclass
class Played:
    """A notebook that was run, with its outputs.

    Args:
        cells: Its cells of code, and those that a test has added.
        runs: The folder of the runs.
    """

    cells: list[Any]
    runs: Path

    def outputs(self, words: str) -> list[Any]:
        """Return the outputs of the one cell with these words in it."""
        (cell,) = (cell for cell in self.cells if words in cell.source)
        return list(cell.outputs)

    def result(self, words: str, kind: str = "text/plain") -> str:
        """Return the result of a cell."""
        (data,) = (output.data for output in self.outputs(words) if output.output_type == "execute_result")
        return str(data[kind])

    def printed(self, words: str) -> str:
        """Return what a cell has printed."""
        return "".join(output.text for output in self.outputs(words) if output.output_type == "stream")

    def log(self, run_id: str) -> RunReader:
        """Return the log of a run."""
        return RunReader(self.runs / run_id)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of somebody who has not used any of this before."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """An X display of our own."""
    with x_server() as (name, _):
        yield name


def play(home: Path, display: str, name: str, *more: str) -> Played:
    """Run a notebook, and cells after it; a cell that raises fails the test."""
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    notebook.cells += [nbformat.v4.new_code_cell(cell) for cell in more]
    client = NotebookClient(notebook, timeout=LIMIT_SECS, kernel_name="python3")
    # One thread for what is drawn and one for what is computed: else they tread on each other on two cores.
    environment = {**surroundings(home, display), "LP_NUM_THREADS": "1"}
    with (home / f"{name}.txt").open("w") as complaints:
        client.execute(env=environment, cwd=str(home), stderr=complaints)
    return Played([cell for cell in notebook.cells if cell.cell_type == "code"], home / "runs")


@pytest.fixture(scope="module")
def quickstart(home: Path, display: str) -> Played:
    return play(home, display, "quickstart")


@pytest.fixture(scope="module")
def own_loop(home: Path, display: str) -> Played:
    return play(home, display, "steer_your_own_loop", "live.run_log.folder.name")


@pytest.fixture(scope="module")
def read(home: Path, quickstart: Played, own_loop: Played) -> Played:
    """Reads what the others have left, with no display."""
    return play(home, "", "read_the_run_log", "'neuralforge' in sys.modules")


def picture(data: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        return np.asarray(image.convert("RGB"))


def check_drawn(data: str) -> None:
    pixels = picture(data)
    assert pixels.shape == (WINDOW_PX[1], WINDOW_PX[0], 3)
    colours, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_counts=True)
    assert len(colours) > TOO_FEW_COLOURS
    assert counts.max() < 0.95 * counts.sum()


def number_in(text: str, pattern: str) -> float:
    found = re.search(pattern + r" ([0-9.e+-]+)", text)
    assert found, f"there is no {pattern!r} in {text!r}"
    return float(found[1])


def changes(log: RunReader) -> list[tuple[str, Any, int | None, str]]:
    """Return what was turned, with the step from which on it was in force."""
    return [(event.key, event.new, event.applied_step, event.status) for event in log.events() if event.key in KNOBS]


KNOBS = ("lr", "momentum", "noise")


# As they lie in the repository


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestCommitted:
    def test_it_is_whole_and_holds_no_outputs(self, path: Path) -> None:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert notebook.metadata == {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
        for cell in notebook.cells:
            assert not cell.metadata
            if cell.cell_type == "code":
                assert (cell.outputs, cell.execution_count) == ([], None)

    def test_nothing_of_the_machine_that_it_was_written_on_is_in_it(self, path: Path) -> None:
        found = re.findall(r"(?:/(?:home|root|tmp|work|Users|mnt)/|[A-Z]:\\)\S*", path.read_text())
        assert not found

    def test_cells_are_short_and_have_words_before_them(self, path: Path) -> None:
        notebook = nbformat.read(path, as_version=4)
        assert notebook.cells[0].cell_type == "markdown"
        assert notebook.cells[0].source.startswith("# ")
        kinds = [cell.cell_type for cell in notebook.cells]
        assert "code code code" not in " ".join(kinds)
        for cell in notebook.cells:
            assert len(cell.source.splitlines()) <= MOST_LINES

    def test_its_code_compiles_and_imports_what_it_should(self, path: Path) -> None:
        imported = set()
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type != "code":
                continue
            code = TransformerManager().transform_cell(cell.source)
            compile(code, path.name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            for node in ast.walk(ast.parse(code)):
                if isinstance(node, ast.Import):
                    imported |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    imported.add(str(node.module).partition(".")[0])
        assert imported == IMPORTS[path.stem]

    def test_its_links_lead_somewhere(self, path: Path) -> None:
        text = "\n".join(c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown")
        links = re.findall(r"\]\(([^)]+)\)", text)
        assert links or path.stem == "steer_your_own_loop"
        for link in links:
            assert (path.parent / link).is_file(), link


# The quickstart


def test_nothing_is_complained_of(quickstart: Played, own_loop: Played, read: Played) -> None:
    for played in (quickstart, own_loop, read):
        for cell in played.cells:
            for output in cell.outputs:
                assert output.output_type != "error"
                assert output.get("name") != "stderr", (cell.source, output.text)


def test_the_network_learns_while_cells_wait(quickstart: Played) -> None:
    card = quickstart.result("await h.until(step=100)\nh")
    assert "small_cnn | running" in card
    assert number_in(card, "train/loss") < 2.0
    html = quickstart.result("await h.until(step=100)\nh", "text/html")
    assert "<svg" in html
    assert "polyline" in html
    last = quickstart.result('await h.until(state="stopped")\nh')
    assert number_in(last, "test/accuracy") > 0.8


def test_the_picture_of_the_window_is_one(quickstart: Played) -> None:
    (data,) = (output.data for output in quickstart.outputs("h.screenshot()"))
    check_drawn(data["image/png"])


def test_knobs_are_shown_turned_and_refused(quickstart: Played) -> None:
    (cell,) = (cell for cell in quickstart.cells if cell.source == "h.knobs")
    assert "lr = 0.001\n" in cell.outputs[0].data["text/plain"]
    assert quickstart.result("h.knobs.lr = 3e-4") == "0.0003"
    assert "lr must be a number from 0 to 100. Received: -1" in quickstart.printed("h.knobs.lr = -1")


def test_it_pauses_and_goes_step_by_step(quickstart: Played) -> None:
    assert int(quickstart.result("h.pause()")) > 200
    assert quickstart.result("h.step(5)") == "5"
    assert int(quickstart.result("h.model.parameters()")) == 53002


def test_the_numbers_come_as_a_frame(quickstart: Played) -> None:
    lines = quickstart.result("frame = h.metrics.frame()").splitlines()
    assert lines[0].split() == ["train/loss", "train/accuracy", "knob/lr"]
    steps = [int(line.split()[0]) for line in lines[2:]]
    assert steps == list(range(steps[0], steps[0] + 5))
    for line in lines[2:]:
        _, loss, accuracy, lr = map(float, line.split())
        assert 0 < loss < 2.0
        assert 0.3 < accuracy <= 1
        assert lr == 3e-4


def test_what_was_turned_is_in_the_log_of_the_run(quickstart: Played) -> None:
    run_id = quickstart.result("first_run =").strip("'")
    log = quickstart.log(run_id)
    (turned, refused) = changes(log)
    assert turned == ("lr", 3e-4, turned[2], "applied")
    assert refused == ("lr", -1, None, "rejected")
    assert f"step {turned[2]}: lr from 0.001 to 0.0003" in quickstart.printed("for event in h.events")
    assert [event.key for event in log.events() if event.operation == "control"] == [
        "pause",
        "run",
        "run",
        "stop",
    ]
    assert log.status == "stopped"
    assert log.verify() is None


def test_the_network_is_edited_and_trained_anew(quickstart: Played) -> None:
    assert "thin_out: dropout(p=0.2) -> [B, 256]" in quickstart.result("h.graph.add")
    assert "small_cnn | paused | step 60 of" in quickstart.result("h.run(steps=60)")
    first = quickstart.result("first_run =").strip("'")
    (second,) = (folder.name for folder in quickstart.runs.glob("*small-cnn*") if folder.name != first)
    log = quickstart.log(second)
    assert log.status == "paused"
    assert "thin_out" in {node["id"] for node in json.loads(log.document)["nodes"]}
    assert "self.thin_out = nn.Dropout(0.2)" in log.source


def test_the_steered_run_is_replayed_bit_for_bit(quickstart: Played) -> None:
    log = quickstart.log(quickstart.result("first_run =").strip("'"))
    printed = quickstart.printed("-m neuralforge replay")
    assert f"identical: {log.attributes['steps']} steps, weights {log.attributes['weights_sha256']}" in printed


# A loop of one's own


def test_an_own_loop_learns(own_loop: Played) -> None:
    assert "my digits | ready | step 0" in own_loop.result("live = nf.live(")
    card = own_loop.result("for _ in range(5)")
    assert "step 150" in card
    assert number_in(card, "train/accuracy") > 0.5
    assert "<svg" in own_loop.result("for _ in range(5)", "text/html")
    assert number_in(own_loop.result("def test_accuracy").replace("([", " ").replace("])", ""), "array") > 0.6


def test_its_knobs_reach_the_optimizer_and_the_loop(own_loop: Played) -> None:
    assert own_loop.result("live.knobs.lr = 0.2") == "(0.2, 0.9)"
    assert "lr must be a number from 0.0001 to 1. Received: 7" in own_loop.printed("live.knobs.lr = 7")
    assert "noise = 0.3" in own_loop.result("live.knob(").splitlines()
    assert own_loop.printed("for event in live.events").splitlines() == [
        "step 151: lr from 0.05 to 0.2",
        "step 151: momentum from 0.5 to 0.9",
        "step 181: noise from 0.0 to 0.3",
    ]


def test_its_thread_is_paused_and_goes_turn_by_turn(own_loop: Played) -> None:
    assert float(own_loop.result("live.pause()")) > 0.6
    assert own_loop.result("live.step(3)") == "3"
    assert float(own_loop.result("live.stop()\nawait running")) > 0.6


def test_its_log_says_what_it_was(own_loop: Played) -> None:
    status, steps = ast.literal_eval(own_loop.result("live.close()"))
    log = own_loop.log(own_loop.result("live.run_log.folder.name").strip("'"))
    assert (log.status, status) == ("stopped", "stopped")
    assert (log.attributes["kind"], log.attributes["replayable"]) == ("own loop", False)
    assert log.attributes["steps"] == steps
    assert "class Net(nn.Module):" in log.source, "it was defined in another cell"
    assert "live = nf.live(model, optimizer" in log.source
    assert log.config["optimizer"] == "SGD"
    assert set(log.config["knobs"]) == {"lr", "momentum"}
    assert changes(log) == [
        ("lr", 0.2, 151, "applied"),
        ("momentum", 0.9, 151, "applied"),
        ("lr", 7, None, "rejected"),
        ("noise", 0.3, 181, "applied"),
    ]
    names = {"train/loss", "train/accuracy", "test/accuracy", "knob/lr", "effective/lr", "knob/momentum", "knob/noise"}
    assert set(log.series_names()) == names
    took, values = log.series("train/loss")
    assert took.tolist() == list(range(1, steps + 1))
    assert np.isfinite(values).all()
    assert log.verify() is None


# The log


def test_the_log_is_read_without_the_product(read: Played) -> None:
    assert read.result("'neuralforge' in sys.modules") == "False"


def test_the_run_of_the_quickstart_is_found(read: Played, quickstart: Played, own_loop: Played) -> None:
    assert read.result("files = sorted") == "3"
    table = read.result("def attributes", "text/html")
    assert table.count("<tr") == 4
    assert "own loop" in table
    assert read.result("is_over =") == quickstart.result("first_run =")


def test_its_configuration_network_and_numbers_are_shown(read: Played, quickstart: Played) -> None:
    log = quickstart.log(quickstart.result("first_run =").strip("'"))
    printed = read.printed("environment = json.loads")
    assert f"trained with torch {log.environment['versions']['torch']} on cpu" in printed
    assert "data: digits, 1797 samples" in printed
    assert re.search(r"epochs +1000\n", read.result("environment = json.loads"))
    assert read.printed("print(source)").strip() == log.source.strip()
    assert re.search(r"conv1 +conv2d\n", read.result('document["nodes"]'))
    described = {line.split()[0]: line.split()[1:] for line in read.result("def series").splitlines()[1:]}
    assert float(described["count"][0]) == log.attributes["steps"]
    _, values = log.series("train/loss")
    assert float(described["mean"][0]) == pytest.approx(values.mean(), rel=1e-4)
    bars = read.result("style.bar", "text/html")
    assert bars.count("linear-gradient") > 10


def test_its_events_are_shown(read: Played, quickstart: Played) -> None:
    log = quickstart.log(quickstart.result("first_run =").strip("'"))
    step = changes(log)[0][2]
    assert read.result("events = pd.DataFrame", "text/html").count("<tr>") == len(log.events())
    said = read.printed("turned = events")
    found = re.fullmatch(rf"before step {step}: ([0-9.]+), after: ([0-9.]+)\n", said)
    assert found
    _, values = log.series("train/loss")
    assert step is not None
    assert float(found[1]) == pytest.approx(values[step - 51 : step - 1].mean(), abs=1e-4)
    assert float(found[2]) == pytest.approx(values[step - 1 : step + 49].mean(), abs=1e-4)
