"""What the window has to say: lines with levels, and the one that is shown for a moment."""

from __future__ import annotations

import time
from collections import deque
from typing import Final

from neuralforge.workbench.view import Level, LogLine

MAX_LINES: Final = 2000


class Console:
    """Lines, the newest last. All calls come on the thread of the window."""

    def __init__(self) -> None:
        self._lines: deque[LogLine] = deque(maxlen=MAX_LINES)
        self._shown: tuple[LogLine, ...] = ()
        self._count = 0
        self.notice: tuple[int, Level, str] | None = None
        """Number, level and text of what was said last."""

    def say(self, text: str, level: Level = "info", *, notice: bool = True) -> None:
        """Write a line, and show it for a moment unless it is of little weight.

        Args:
            text: One sentence.
            level: How grave it is.
            notice: Whether to show it.
        """
        self._count += 1
        line = LogLine(number=self._count, time_text=time.strftime("%H:%M:%S"), level=level, text=text, notice=notice)
        self._lines.append(line)
        if notice:
            self.notice = (self._count, level, text)

    @property
    def lines(self) -> tuple[LogLine, ...]:
        """All lines that are kept; the same object as long as nothing was added."""
        if not self._shown or self._shown[-1].number != self._count:
            self._shown = tuple(self._lines)
        return self._shown
