"""`neuralforge open` as a person types it: what it refuses, what it leaves behind, how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import pytest
from PIL import Image

from neuralforge.app.cli import cli
from neuralforge.app.commands.open import open_window, what_to_open
from neuralforge.app.commands.train import timed_request
from neuralforge.app.desktop import Desktop, Places
from neuralforge.app.drivers import run_to_end
from neuralforge.app.screen import offscreen_problem
from neuralforge.app.show import Script, Shown
from neuralforge.errors import UserError
from neuralforge.graph.edits import AddNode
from neuralforge.graph.graph import Node
from neuralforge.train.launch import replay, resume
from neuralforge.workbench.commands import Answer, Apply, NewDocument, Quit
from tests.ui.crew import ROOT
from tests.ui.pilot import apart

LIMIT_SECS = 120
RUN = ("mlp", "--data", "moons", "--steps", "60", "--threads", "1", "--seed", "5", "--at", "20:lr=0.01")
RUN = (*RUN, "--at", "30:fc1.frozen=true", "--at", "40:batch_size=16")
SMALL = ("--size", "640x480")

needs_pixels = pytest.mark.skipif(offscreen_problem() is not None, reason=str(offscreen_problem()))


@dataclass
class Home:
    """A user's folders, with nothing in them yet."""

    folder: Path
    display: str = ""

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    @property
    def environment(self) -> dict[str, str]:
        taken = ("DISPLAY", "WAYLAND_DISPLAY", "NEURALFORGE_RUNS", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME")
        kept = {key: value for key, value in os.environ.items() if key not in taken}
        return {**kept, "HOME": str(self.folder), **({"DISPLAY": self.display} if self.display else {})}

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "neuralforge", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=self.environment,
        )

    def run(self, *arguments: object) -> Outcome:
        process = self.start(*arguments)
        try:
            out, err = process.communicate(timeout=LIMIT_SECS)
        finally:
            process.kill()  # where it has not ended
        return Outcome(process.returncode, out, err)

    def logs(self) -> list[Path]:
        return sorted(self.runs.glob("2*/run.h5"))


@dataclass
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


# What is refused before a window opens

REFUSED = [
    ((), "DISPLAY is not set"),
    (("open", "mlp"), "add --exit"),
    (("open", "mlp", "--train", "--exit"), "--data DATA"),
    (("open", "--data", "moons", "--exit"), "which network"),
    (("open", "mlp", "--data", "moons", "--at", "3:lr=1", "--exit"), "--train"),
    (("open", "nothing", "--exit"), "no template 'nothing'"),
    (("open", "nothing", "--data", "moons", "--exit"), "no template 'nothing'"),
    (("open", "/no/such.nf.json", "--exit"), "/no/such.nf.json"),
    (("open", "mlp", "--data", "/no/such.csv", "--exit"), "/no/such.csv"),
    (("open", "mlp", "--data", "nothing", "--exit"), "'nothing'"),
    (("open", "tests", "--data", "moons", "--exit"), "tests is a folder"),
    (("open", "mlp", "--data", "moons", "--set", "hiden=3", "--exit"), "hidden"),
    (("open", "mlp", "--data", "moons", "--set", "hidden=a", "--exit"), "hidden"),
    (("open", "mlp", "--data", "moons", "--steps", "0", "--exit"), "steps must be"),
    (("open", "mlp", "--data", "moons", "--steps", "3", "--set", "steps=4", "--exit"), "twice"),
    (("open", "mlp", "--data", "moons", "--train", "--at", "soon", "--exit"), "STEP:KEY=VALUE"),
    (("open", "mlp", "--size", "huge", "--exit"), "'huge'"),
    (("open", "mlp", "--size", "0x800", "--exit"), "320x240"),
    (("open", "mlp", "--screenshot", "/proc/no/such.png", "--exit"), "/proc/no/such.png"),
    (("open", "mlp", "--screenshot", "window.jpg", "--exit"), "ends in .png"),
    (("README.md", "--exit"), "neither a document"),
    (("tests", "--exit"), "tests is not a run"),
    (("--exit", "--nonsense"), "--nonsense"),
]


def test_what_is_refused_needs_neither_torch_nor_a_window(home: Home) -> None:
    """All in one process, which tells afterwards what it has imported."""
    script = (
        "import io, json, sys, contextlib\n"
        "from neuralforge.app.cli import main\n"
        "told = []\n"
        "for words in json.loads(sys.stdin.read()):\n"
        "    sys.argv = ['neuralforge', *words]\n"
        "    out, err = io.StringIO(), io.StringIO()\n"
        "    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):\n"
        "        try: main()\n"
        "        except SystemExit as ended: code = ended.code\n"
        "    told.append([code, out.getvalue(), err.getvalue()])\n"
        "print(json.dumps([told, [name for name in ('torch', 'imgui_bundle') if name in sys.modules]]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps([words for words, _ in REFUSED]),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=home.environment,
        timeout=LIMIT_SECS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told, imported = json.loads(done.stdout)
    for (words, place), (code, out, err) in zip(REFUSED, told, strict=True):
        assert code == 2 and out == "" and place in err and err.count("\n") == 1, (words, code, out, err)
    assert imported == []
    assert list(home.folder.iterdir()) == [], "nothing was written"


def test_a_display_that_does_not_answer_is_named(home: Home) -> None:
    home.display = ":4242"
    outcome = home.run("open", "mlp")
    assert outcome.code == 2 and "':4242'" in outcome.err and outcome.err.count("\n") == 1


# What ends by itself


@pytest.fixture(scope="module")
def headless(tmp_path_factory: pytest.TempPathFactory) -> str:
    return headless_digest(tmp_path_factory.mktemp("headless"))


def headless_digest(runs: Path) -> str:
    """Return the digest of the weights that the run has without a window."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = cli.main(["train", *RUN, "--runs", str(runs), "--json"], "neuralforge", standalone_mode=False)
    assert code == 0
    return str(json.loads(out.getvalue())["weights_sha256"])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Outcome]]:
    """Train through the window, off screen, with a picture."""
    home = Home(tmp_path_factory.mktemp("window"))
    picture = home.folder / "pictures" / "run.png"
    arguments = ("--train", "--exit", "--screenshot", picture, "--runs", home.runs, "--size", "1920x1080")
    yield home, home.run("open", *RUN, *arguments)


def check_same_run(home: Home, digest: str) -> None:
    (log,) = home.logs()
    with h5py.File(log, "r", locking=False) as file:
        assert file.attrs["status"] == "completed"
        assert file.attrs["weights_sha256"] == digest
        events = [json.loads(text) for text in file["events"].asstr()[:]]
    applied = [(event["key"], event["applied_step"]) for event in events if event["status"] == "applied"]
    assert applied == [("lr", 20), ("fc1.frozen", 30), ("batch_size", 40)]
    assert replay(log.parent).identical


@needs_pixels
def test_a_run_through_the_window_has_the_weights_of_the_headless_one(
    headless: str, trained: tuple[Home, Outcome]
) -> None:
    home, outcome = trained
    assert outcome.code == 0, outcome.err
    assert outcome.err == ""
    assert f"Run: {home.runs}" in outcome.out and f"Picture: {home.folder}" in outcome.out
    check_same_run(home, headless)


@needs_pixels
def test_the_picture_has_the_size_that_was_asked_for(trained: tuple[Home, Outcome]) -> None:
    with Image.open(trained[0].folder / "pictures" / "run.png") as picture:
        assert picture.size == (1920, 1080), "also where GLFW thinks that a screen would be smaller"
        rows = [picture.crop((0, top, 1920, top + 1)) for top in (0, 1079)]
        assert all(len(row.getcolors(1920) or range(1920)) < 100 for row in rows), "and its edges are drawn"


@needs_pixels
def test_a_window_off_screen_leaves_the_users_things_alone(trained: tuple[Home, Outcome]) -> None:
    home, _ = trained
    assert not list(home.folder.rglob("settings.json")) and not list(home.folder.rglob("layout.ini"))


def test_a_run_on_a_display_has_the_weights_of_the_headless_one(home: Home, display: str, headless: str) -> None:
    home.display = display
    outcome = home.run("open", *RUN, "--train", "--exit", "--runs", home.runs, *SMALL)
    assert (outcome.code, outcome.err) == (0, "")
    check_same_run(home, headless)
    assert list(home.folder.rglob("layout.ini")), "on a display the arrangement is kept"


@needs_pixels
def test_a_run_that_fails_has_exit_code_1_and_says_why(home: Home) -> None:
    hot = ("--set", "lr=100", "--set", "optimizer=sgd", "--steps", "40", "--threads", "1")
    outcome = home.run("open", "mlp", "--data", "diabetes", *hot, "--train", "--exit", "--runs", home.runs, *SMALL)
    assert outcome.code == 1
    assert "not finite" in outcome.err and outcome.err.count("\n") == 1 and "Traceback" not in outcome.err


# Signals


@needs_pixels
def test_ctrl_c_closes_the_window_and_pauses_the_run(home: Home) -> None:
    long = ("--steps", str(10**7), "--threads", "1", "--runs", home.runs, *SMALL)
    process = home.start("open", "mlp", "--data", "moons", *long, "--train", "--exit")
    try:
        log = first_step(home, process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LIMIT_SECS)
    finally:
        process.kill()
    assert process.returncode == 130
    assert f"neuralforge train --resume {log.parent}" in err and err.count("\n") == 1
    with h5py.File(log, "r", locking=False) as file:
        assert file.attrs["status"] == "paused"
        steps = len(file["scalars/train/loss/step"])
    run = resume(log.parent, steps=steps + 5)
    run_to_end(run.session)
    assert (run.session.state, run.session.step) == ("completed", steps + 5)


def first_step(home: Home, process: subprocess.Popen[str]) -> Path:
    """Follow the log with plain h5py until there is a step in it."""
    while True:
        assert process.poll() is None, process.communicate()
        for log in home.logs():
            try:
                with h5py.File(log, "r", locking=False) as file:
                    if len(file["scalars/train/loss/step"]):
                        return log
            except (OSError, KeyError, RuntimeError):
                continue


# The same without pixels


def shown_in(folder: Path, *, layout: Path | None = None, settings: Path | None = None) -> Shown:
    places = Places(
        runs=folder / "runs",
        settings=settings or folder / "settings.json",
        layout=layout,
        recovery=folder / "unsaved",
    )
    return Shown(Desktop(places), kind="null", size_px=(1280, 800))


def script_of(words: tuple[str, ...], **more: Any) -> Script:
    """Return what `neuralforge open` makes of the words of a run."""
    given = open_window.make_context("open", list(words)).params
    return Script(
        arch=given["arch"],
        data=given["data"],
        settings=given["settings"],
        config={key: given[key] for key in ("steps", "seed", "threads") if given[key] is not None},
        requests=[timed_request(text) for text in given["timed"]],
        train=True,
        exit=True,
        **more,
    )


@apart()
def test_a_run_without_pixels_has_the_weights_of_the_headless_one_and_can_be_opened() -> None:
    with tempfile.TemporaryDirectory() as name:
        home = Home(Path(name))
        assert asyncio.run(shown_in(home.folder).run(script_of(RUN))) == 0
        check_same_run(home, headless_digest(home.folder / "headless"))
        (log,) = home.logs()
        for path in (log, log.parent):
            shown = shown_in(home.folder)
            assert asyncio.run(shown.run(Script(opens=what_to_open(str(path)), exit=True))) == 0
            assert (
                shown.desktop.training.run is not None and shown.desktop.training.run.view(False).folder == log.parent
            )


@apart()
def test_what_turns_out_under_way_is_raised_and_leaves_no_run() -> None:
    with tempfile.TemporaryDirectory() as folder:
        shown = shown_in(Path(folder))
        with pytest.raises(UserError, match="ends after 5 steps"):
            asyncio.run(shown.run(script_of(("mlp", "--data", "moons", "--steps", "5", "--at", "9:lr=1"))))
        assert not shown.window.is_open
        assert not list((Path(folder) / "runs").glob("2*"))


@apart()
def test_without_exit_the_window_stays_and_says_what_went_wrong() -> None:
    async def look(shown: Shown) -> None:
        script = replace(script_of(("resnet18", "--data", "iris")), exit=False)
        window = asyncio.get_running_loop().create_task(shown.run(script))
        while not any(line.level == "error" for line in shown.desktop.console.lines):
            assert not window.done()
            await asyncio.sleep(0)
        frames = shown.window.frames
        while shown.window.frames < frames + 3:
            await asyncio.sleep(0)
        assert "resnet18 takes images" in shown.desktop.console.lines[-1].text
        shown.window.shut()
        assert await window == 0

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(look(shown_in(Path(folder))))


@apart()
def test_a_signal_keeps_unsaved_work_and_closing_by_hand_does_not() -> None:
    async def leave(shown: Shown, how: Callable[[], None]) -> int:
        window = asyncio.get_running_loop().create_task(shown.run())
        while not shown.window.frames:
            await asyncio.sleep(0)
        shown.desktop.carry_out([NewDocument(), Apply(AddNode(Node.make("fc", "linear")))])
        how()
        return await window

    with tempfile.TemporaryDirectory() as folder:
        copies = Path(folder) / "unsaved"
        shown = shown_in(Path(folder))
        assert asyncio.run(leave(shown, lambda: shown.desktop.carry_out([Quit(), Answer(1)]))) == 0
        assert not list(copies.rglob("unsaved.json"))
        shown = shown_in(Path(folder))
        code = asyncio.run(leave(shown, lambda: os.kill(os.getpid(), signal.SIGTERM)))
        assert (code, shown.interrupted) == (143, signal.SIGTERM)
        assert len(list(copies.rglob("unsaved.json"))) == 1


@apart()
def test_folders_that_cannot_be_written_are_warned_of_once() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "file").write_text("no folder")
        within = folder / "file" / "neuralforge"
        shown = shown_in(folder, layout=within / "layout.ini", settings=within / "settings.json")
        shown.desktop.settings.change = _twice(shown.desktop.settings.change)  # type: ignore[method-assign]
        assert asyncio.run(shown.run(script_of(("mlp", "--data", "moons", "--steps", "5")))) == 0
        said = [(line.level, line.text) for line in shown.desktop.console.lines if str(within) in line.text]
    assert [level for level, _ in said] == ["warning", "warning"], said
    assert "layout.ini" in said[0][1] and "settings.json" in said[1][1]


def _twice(change: Callable[[dict[str, object]], None]) -> Callable[[dict[str, object]], None]:
    def change_twice(changes: dict[str, object]) -> None:
        change({"theme": "light"})
        change({"theme": "dark", **changes})

    return change_twice
