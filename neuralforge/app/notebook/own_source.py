"""The text of a loop of one's own, for its log."""

from __future__ import annotations

import linecache
import sys
from typing import TYPE_CHECKING, Any, Final

from neuralforge.errors import is_own_code

if TYPE_CHECKING:
    from torch import nn

_MAX_CHARS: Final = 200_000


def source_of(model: nn.Module) -> str:
    """Return the text of the model and of the code that calls, as far as it is known."""
    from neuralforge.train import module_source

    parts = [module_source.source_of(model), text_of_caller()]
    return "\n\n".join(part.strip("\n") for part in parts if part.strip())[:_MAX_CHARS]


def text_of_caller() -> str:
    """Return the cell or the file of the person's code that calls; "" where it is not known."""
    frame = _caller()
    return "" if frame is None else "".join(linecache.getlines(frame.f_code.co_filename, frame.f_globals))


def _caller() -> Any:
    """Return the frame of the person's code."""
    frame = sys._getframe()
    while frame is not None and not is_own_code(frame):  # what shows a bar around the loop, say
        frame = frame.f_back  # type: ignore[assignment]
    return frame
