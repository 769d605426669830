"""`neuralforge.open` in a kernel with a real display, without one, and with one that goes away."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from neuralforge.app.screen import offscreen_problem
from tests.notebook.kernel import Kernel
from tests.ui.conftest import x_server

AUTO = "h = run(window='auto', steps=300)\nprint(h._station.is_drawn)"


@pytest.fixture
def doomed() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with x_server() as server:
        yield server


def on(display: str) -> str:
    return f"os.environ['DISPLAY'] = {display!r}\n" if display else "os.environ.pop('DISPLAY', None)\n"


@pytest.mark.parametrize(
    ("display", "said"),
    [
        ("", "There is no display to open a window on (DISPLAY is not set)"),
        (":4711", "The display ':4711' (from DISPLAY) does not answer"),
    ],
)
def test_without_a_display_it_says_so_once_and_trains_and_shows_curves(kernel: Kernel, display: str, said: str) -> None:
    opened = kernel.ok(on(display) + AUTO)
    assert sorted(opened.text.splitlines())[0] == "False"
    assert opened.text.count(said) == opened.text.count("display") == 1
    shown = kernel.ok("await h.until()\nh").shown["text/html"]
    assert shown.count("<polyline") >= 2
    assert "step 300 of 300" in shown
    assert kernel.ok("print(h.state, h.run_log.status, h.is_open)").text == "completed completed True\n"
    interrupted = kernel.run("h = run(window='auto'); print('waits'); await h.until()", interrupt_at="waits")
    assert interrupted.error == "CancelledError"
    kernel.ok("await h.until(step=20); h.close(); await h._station.ended()")
    assert kernel.ok("print(h.state)").text == "paused\n"


def test_without_a_display_a_picture_is_drawn_off_screen_where_that_can_be(kernel: Kernel) -> None:
    kernel.ok(on("") + AUTO + "\nawait h.until()")
    said = kernel.run("h.screenshot()")
    problem = offscreen_problem()
    if problem is None:
        assert not said.error
        assert said.shown["image/png"].startswith("iVBOR")
    else:
        assert (said.error, said.why) == ("UserError", problem)
    kernel.ok("import neuralforge.app.notebook.station as station\nstation.offscreen_problem = lambda: 'No driver.'")
    said = kernel.run("h.screenshot()")
    kernel.ok("station.offscreen_problem = __import__('neuralforge.app.screen').app.screen.offscreen_problem")
    assert (said.error, said.why) == ("UserError", "No driver.")


def test_a_real_window(kernel: Kernel, display: str) -> None:
    assert kernel.ok(on(display) + AUTO).text.endswith("True\n")
    said = kernel.run("await h.until(step=20); print('waits'); await h.until(state='failed')", interrupt_at="waits")
    assert said.error in ("", "CancelledError")  # it may have come to its end before
    assert kernel.ok("h.screenshot()").shown["image/png"].startswith("iVBOR")
    kernel.ok("frames = h._station.window.frames; await h._until(lambda: h._station.window.frames > frames + 5)")
    kernel.ok("h.close(); await h._station.ended()")
    assert kernel.ok(AUTO).text == "True\n"
    assert kernel.ok("await h.until(); h.close()\nprint(h.state)").text == "completed\n"


def test_a_display_that_goes_away_leaves_the_run_which_goes_on(
    kernel: Kernel, doomed: tuple[str, subprocess.Popen[bytes]]
) -> None:
    name, server = doomed
    kernel.ok(on(name) + "h = run(window='auto'); await h.until(step=20)")
    server.kill()
    server.wait()
    kernel.ok("await h._until(lambda: h._station.window.lost)")
    assert kernel.ok("n = h.steps; await h.until(step=n + 20); print(h.state, h.is_open)").text == "running True\n"
    assert "The display went away, and the window with it. A run that trains goes on." in kernel.below_other_cells
    assert "<svg" in kernel.ok("h").shown["text/html"]
    said = kernel.run("h = run(window='null')")
    assert said.error == "UserError"
    assert "restart the notebook's kernel" in said.why
    kernel.restart()
    kernel.ok("import neuralforge")
