"""What the application tells: notices that come and go, and the console, which keeps all of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imgui_bundle import imgui

from neuralforge.ui.console_rows import rows_of
from neuralforge.ui.local import FocusPanel
from neuralforge.ui.notices import ERROR_SECS, FADE_SECS, MAX_LETTERS, MAX_SHOWN, SHOWN_SECS, Pile, cut
from neuralforge.ui.readable import lines_of, one_line, paragraphs
from neuralforge.workbench.view import Level, LogLine
from tests.ui.dialogs import dialog_stage, said
from tests.ui.pilot import Pilot, scenario

# Notices


def line(number: int, level: Level, text: str) -> LogLine:
    return LogLine(number=number, time_text="12:00:00", level=level, text=text)


def test_notices_come_and_go() -> None:
    pile = Pile()
    pile.see([line(1, "info", "saved")], 0.0)
    pile.see([line(1, "info", "saved")], 1.0)
    assert [notice.number for notice in pile.shown] == [1], "what was seen once is not seen again"
    pile.see([line(2, "error", "failed")], 2.0)
    pile.see([line(2, "error", "failed")], SHOWN_SECS + 0.1)
    assert [notice.number for notice in pile.shown] == [2]
    pile.see([line(2, "error", "failed")], 2.0 + ERROR_SECS)
    assert not pile.shown


def test_two_that_were_said_in_one_frame_are_both_seen_and_one_of_little_weight_is_not() -> None:
    pile = Pile()
    quiet = replace(line(3, "error", "Traceback"), notice=False)
    pile.see([line(1, "error", "failed"), line(2, "info", "saved"), quiet], 0.0)
    assert [notice.number for notice in pile.shown] == [1, 2]


def test_at_most_three_notices_the_newest() -> None:
    pile = Pile()
    for number in range(1, 7):
        pile.see([line(number, "info", str(number))], 0.0)
    assert [notice.number for notice in pile.shown] == [4, 5, 6]
    assert len(pile.shown) == MAX_SHOWN


def test_a_notice_is_kept_while_it_is_held_and_can_be_dismissed() -> None:
    pile = Pile()
    pile.see([line(1, "info", "saved")], 0.0)
    pile.hold(1, SHOWN_SECS - 0.1)
    pile.see([], SHOWN_SECS + 1)
    assert pile.shown
    pile.dismiss(1)
    assert not pile.shown


def test_a_notice_fades_in_and_out() -> None:
    pile = Pile()
    pile.see([line(1, "info", "saved")], 10.0)
    notice = pile.shown[0]
    assert notice.opacity(10.0) == 0
    assert notice.opacity(10.0 + FADE_SECS / 2) == pytest.approx(0.5)
    assert notice.opacity(12.0) == 1
    assert notice.opacity(10.0 + SHOWN_SECS - FADE_SECS / 2) == pytest.approx(0.5)


@given(st.text(st.characters(), max_size=600))
def test_a_cut_text_can_be_drawn_and_says_that_it_is_cut(text: str) -> None:
    shown = cut(text)
    shown.encode()
    assert len(shown) <= MAX_LETTERS + 1
    assert shown.count("\n") <= 3
    assert shown == "\n".join(lines_of(text)) or shown.endswith("\u2026")


@scenario(stage=dialog_stage)
def test_notices_are_closed_copied_and_followed(pilot: Pilot) -> None:
    pilot.desk.put(log=(line(1, "info", "Saved"),))
    pilot.frames(20)
    assert pilot.names("notice/") == ["notice/1"]
    assert not pilot.names("button/copy-notice"), "what went well is not copied"
    pilot.desk.put(log=(line(2, "error", "It failed. " * 60),))
    pilot.frames(20)
    assert pilot.names("notice/") == ["notice/1", "notice/2"]
    pilot.click("button/copy-notice-2")
    assert imgui.get_clipboard_text() == ("It failed. " * 60).rstrip()
    pilot.click("link/see Console")
    assert pilot.desk.posted == [FocusPanel("console")]
    pilot.click("button/close-notice-1")
    assert not pilot.names("notice/")


@scenario(stage=dialog_stage)
def test_a_notice_goes_by_itself_unless_the_mouse_is_on_it(pilot: Pilot) -> None:
    pilot.desk.put(log=(line(1, "warning", "Careful \udcff"),))
    pilot.frames(20)
    pilot.move("notice/1")
    pilot.frames(int(SHOWN_SECS * 240) + 600)
    assert pilot.names("notice/") == ["notice/1"]
    pilot.move((10, 10))
    pilot.until(lambda: not pilot.names("notice/"), frames=2000)


# The console


def test_rows_by_level_and_words() -> None:
    log = said(("info", "Saved: one"), ("warning", "Slow ONE"), ("error", "Failed two"))
    assert [row.line.number for row in rows_of(log, "all", "", (), 80)] == [1, 2, 3]
    assert [row.line.number for row in rows_of(log, "warnings", "", (), 80)] == [2, 3]
    assert [row.line.number for row in rows_of(log, "errors", "", (), 80)] == [3]
    assert [row.line.number for row in rows_of(log, "all", "one", (), 80)] == [1, 2]
    assert [row.line.number for row in rows_of(log, "all", "one slow", (), 80)] == [2]


def test_a_text_of_many_lines_unfolds() -> None:
    log = said(("error", "Traceback (most recent call last):\n  File x\nValueError: bad"), ("info", "word " * 100))
    folded = rows_of(log, "all", "", (), 80)
    assert folded[0].text == "ValueError: bad"
    assert all(row.folds and not row.open for row in folded)
    rows = rows_of(log, "all", "", (1, 2), 80)
    assert [row.text for row in rows if row.line.number == 1][1:] == [*log[0].text.splitlines()]
    assert all(len(row.text) <= 80 for row in rows if row.part)


@given(st.text(st.characters(), max_size=300), st.integers(20, 100))
def test_every_row_can_be_drawn(text: str, letters: int) -> None:
    for row in rows_of(said(("info", text)), "all", "", (1,), letters):
        row.text.encode()
        assert "\n" not in row.text
    one_line(text).encode()
    paragraphs(text).encode()


@scenario(stage=dialog_stage)
def test_the_console_in_use(pilot: Pilot) -> None:
    pilot.desk.put(log=said(*[("info", f"line {i}") for i in range(300)], ("error", "one\ntwo \udcff\nthree")))
    pilot.frames(5)
    shown = pilot.names("line/")
    assert "line/301" in shown and "line/1" not in shown, "the newest is in sight, the others are not drawn"
    pilot.wheel(100, "line/301")
    assert "line/1" in pilot.names("line/")
    pilot.desk.put(log=(*pilot.desk.view.log, replace(pilot.desk.view.log[0], number=302, text="more")))
    pilot.frames(3)
    assert "line/1" in pilot.names("line/"), "who has scrolled up stays there"
    pilot.click("segment/console-level/errors")
    assert pilot.names("line/") == ["line/301"]
    pilot.click("line/301")
    pilot.press("ctrl+c")
    assert imgui.get_clipboard_text() == "12:00:00 ERROR   one\ntwo \ufffd\nthree"
    pilot.click("button/copy-console")
    assert imgui.get_clipboard_text() == "12:00:00 ERROR   one\ntwo \ufffd\nthree"
    pilot.click("field/console")
    pilot.type("nothing like it")
    assert not pilot.names("line/")
    assert not pilot.desk.errors
