"""What `open` is given: a network and data in any form, and what is made of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from neuralforge.app.output import default_runs_dir
from neuralforge.errors import UserError
from neuralforge.graph.document import Document

if TYPE_CHECKING:
    from torch import nn

    from neuralforge.app.planning import Planned

WindowKind = Literal["auto", "screen", "offscreen", "null", "none"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Wish:
    """What is to be opened.

    Args:
        arch: Template name, path of a document, a document, or a module of the person's own; None for nothing.
        data: Name of a data set, or a path; None for none.
        data_options: Options of the data set, as text.
        config: Fields of `TrainConfig`.
        runs_dir: Folder of all runs.
    """

    arch: str | Document | nn.Module | None = None
    data: str | None = None
    data_options: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    runs_dir: Path = field(default_factory=default_runs_dir)


class Planning:
    """Makes the plan of a wish once, for whoever needs it first: a thread, or a cell that cannot wait for it.

    Args:
        name: What it is called until it is there.
        make: Makes it; may take long.
    """

    def __init__(self, name: str, make: Callable[[], Planned]) -> None:
        self.name = name
        self._make = make
        self._lock = threading.Lock()
        self._planned: Planned | None = None
        self._error: Exception | None = None

    def result(self) -> Planned:
        """Return the plan.

        Raises:
            UserError: When it does not work out; the same each time.
        """
        with self._lock:
            if self._error is not None:
                raise self._error.with_traceback(None)  # else it tells of whoever asked before, too
            if self._planned is None:
                try:
                    self._planned = self._make()
                except UserError as error:
                    self._error = error
                    raise
            return self._planned
