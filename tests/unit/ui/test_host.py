"""What the host does with faults of its parts, and what it says of the panels that are seen; without a window."""

from __future__ import annotations

from contextlib import nullcontext
from unittest import mock

import pytest

from neuralforge.ui import host as module
from neuralforge.ui.host import PATIENCE, Host
from neuralforge.ui.local import ShowEvent, ShowStep
from neuralforge.workbench.commands import Command, Save, Watch
from neuralforge.workbench.view import Points, View
from tests.ui.hands import live_view, view_of


class Desk:
    """Notes what it hears."""

    def __init__(self) -> None:
        self.carried: list[Command] = []
        self.faults: list[str] = []

    def view(self) -> View:
        return view_of()

    def carry_out(self, commands: list[Command]) -> None:
        self.carried += commands

    def is_busy(self) -> bool:
        return False

    def fault(self, error: BaseException, what: str) -> None:
        self.faults.append(f"{what}: {error}")


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def host(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(module, "restored_stacks", nullcontext)
    return Host(desk)


def _fail() -> None:
    raise ValueError("out of luck")


def test_a_part_that_fails_is_told_of_once_and_tried_again(host: Host, desk: Desk) -> None:
    drawn: list[int] = []
    for _ in range(3 * PATIENCE):  # every second frame: never many in a row
        host._guarded("status bar", _fail)
        host._guarded("status bar", lambda: drawn.append(1))
    assert len(drawn) == 3 * PATIENCE and len(desk.faults) == 1
    assert "status bar" in desk.faults[0] and "out of luck" in desk.faults[0]


def test_a_part_that_goes_on_failing_is_left_out(host: Host, desk: Desk) -> None:
    drawn: list[int] = []
    for _ in range(PATIENCE):
        host._guarded("status bar", _fail)
    host._guarded("status bar", lambda: drawn.append(1))
    assert not drawn and len(desk.faults) == 2 and "left out" in desk.faults[1]


def test_what_holds_a_question_is_never_left_out(host: Host, desk: Desk) -> None:
    for _ in range(2 * PATIENCE):
        host._guarded("dialogs", _fail, vital=True)
    drawn: list[int] = []
    host._guarded("dialogs", lambda: drawn.append(1), vital=True)
    assert drawn and len(desk.faults) == 1


def test_a_panel_that_fails_is_told_of(host: Host, desk: Desk) -> None:
    with mock.patch.object(host._panels["curves"], "draw", side_effect=ValueError("out of luck")):
        host._draw_panel("curves", view_of())
    assert "curves" in host.failures and desk.faults == ["The panel Curves could not be drawn: out of luck"]


@pytest.mark.parametrize("who", ["panel", "dialogs"])
def test_a_fault_in_taking_a_command_loses_no_other(host: Host, desk: Desk, who: str) -> None:
    taker = host._panels["canvas"] if who == "panel" else host._dialogs
    host.post(ShowEvent(3))
    host.post(ShowStep(4))
    host.post(Save())
    with (
        mock.patch.object(taker, "take", side_effect=ValueError("out of luck")),
        mock.patch.object(host._panels["events"], "take", side_effect=lambda command: command == ShowEvent(3)) as shown,
        mock.patch.object(host._panels["curves"], "take", side_effect=lambda command: command == ShowStep(4)),
    ):
        host.end_frame()
    assert mock.call(ShowEvent(3)) in shown.mock_calls
    assert [type(command) for command in desk.carried] == [Save, Watch]
    assert len(desk.faults) == 2 and all("out of luck" in words for words in desk.faults)


def test_what_is_seen_says_what_is_looked_at(host: Host, desk: Desk) -> None:
    host._drawn |= {"layers", "decision", "canvas"}
    host.end_frame()
    host.end_frame()
    seen = frozenset({"layers", "decision", "canvas"})
    assert desk.carried == [Watch(seen, frozenset({"gradients", "node", "boundary"}))]


def test_the_panel_that_shows_most_of_a_run_leads(host: Host) -> None:
    flat = mock.create_autospec(Points, instance=True)
    view = live_view()
    plane = mock.Mock(spec=View, data=mock.Mock(points=flat), run=None)
    assert [key for key in host._kinds if host._leads(key, view)] == ["try"]
    assert [key for key in host._kinds if host._leads(key, plane)] == ["decision"]
