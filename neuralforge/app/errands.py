"""What the application has done in threads: loading torch and data, reading files and lists. Knows no window."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from neuralforge.errors import UserError
from neuralforge.graph.document import load
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.view import DataChoice, DataView, DeviceFact, RecentFile, RunsView

if TYPE_CHECKING:
    from neuralforge.data.source import RawData

_MAX_PICTURED: Final = 2000
"""Nodes of a network that the welcome screen draws."""


def load_engine() -> tuple[tuple[DeviceFact, ...], tuple[DataChoice, ...]]:
    """Load torch and the trainer, and see what there is.

    Returns:
        The devices, and the data sets that can be chosen.
    """
    import numpy.ma  # noqa: F401  # NumPy itself loads it with the first median, in the middle of a frame

    import neuralforge.train.launch  # noqa: F401
    from neuralforge.data import PathParams, registered
    from neuralforge.train.devices import list_devices

    devices = tuple(DeviceFact(key=d.key, name=d.name, memory_bytes=d.memory_bytes) for d in list_devices())
    choices = tuple(
        DataChoice(
            key=source.key,
            title=source.title,
            summary=source.summary,
            kind="file" if issubclass(source.params, PathParams) else "built in",
        )
        for source in registered()
    )
    return devices, choices


def warm_up() -> None:
    """Make a step, since with the first one torch loads another second's worth of itself; nothing random is drawn."""
    import torch

    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.0)
    weight.sum().backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def load_data(text: str, options: dict[str, str]) -> RawData:
    """Load a data set.

    Raises:
        UserError: When it cannot be found, read or learned from.
    """
    import neuralforge.app.architecture  # noqa: F401  # the view of the data needs it, on the thread of the window
    from neuralforge.data import load as load_raw

    return load_raw(text, options)


def describe_data(raw: RawData, text: str, options: dict[str, str], config: TrainConfig) -> DataView:
    """Make what the panels show of a data set."""
    from neuralforge.app.preview import describe

    return describe(raw, text, options, config)


def reference_of(text: str, options: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Return a data set's name and options as a log keeps them: paths absolute."""
    from neuralforge.data import reference, resolve

    return reference(*resolve(text, options))


def recent_file(text: str) -> RecentFile:
    """Read a document that was open before, for a card; one that cannot be read says why."""
    path = Path(text)
    try:
        document = load(path)
        when = time.strftime("%d %b %Y", time.localtime(path.stat().st_mtime))
    except (UserError, OSError) as error:
        return RecentFile(path=path, name=path.name, problem=str(error))
    graph = document if len(document.graph.nodes) <= _MAX_PICTURED else None
    return RecentFile(path=path, name=document.name, when_text=when, graph=graph)


def list_runs(folder: Path, known: dict[Path, Any]) -> RunsView:
    """List all runs, and what they take on the disk.

    Args:
        folder: Folder of all runs.
        known: What was read of them before, so that only what has changed is read; brought up to date.
    """
    from neuralforge.runs.store import RunStore

    runs = tuple(RunStore(folder, known).list())
    there = next(
        parent for parent in (folder, *folder.parents) if os.path.exists(parent)
    )  # a path's own raises where it may not look
    free = shutil.disk_usage(there).free
    return RunsView(folder=folder, runs=runs, size_bytes=sum(run.size_bytes for run in runs), free_bytes=free)
