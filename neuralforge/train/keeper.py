"""Which checkpoints are written when, and which are kept."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from neuralforge.errors import UserError
from neuralforge.runs.atomic import sweep_temporaries
from neuralforge.train.checkpoint import Snapshot, write_checkpoint
from neuralforge.workbench.config import TrainConfig

FOLDER = "checkpoints"
MAX_WAITING = 4
_STEP_FILE = re.compile(r"step-(\d{10})\.safetensors")
_BEST_FILE = re.compile(r"best-(\d{10})\.safetensors")


class Written(NamedTuple):
    """A checkpoint that is on the disk."""

    step: int
    file: str
    sha256: str
    kind: str


class Keeper:
    """Writes checkpoints in a thread of its own, one at a time, and removes old ones.

    The best weights are held in memory and written with the next checkpoint, so that a network that gets better
    with each short epoch does not spend its time on the disk.

    Args:
        run_folder: Folder of the run.
        config: Says how often, and how many to keep.
        now: Clock in seconds.

    Raises:
        UserError: When the folder of the checkpoints is a link to another place.
    """

    def __init__(self, run_folder: Path, config: TrainConfig, now: Callable[[], float] = time.monotonic) -> None:
        if (run_folder / FOLDER).is_symlink():  # writing and pruning would go on somewhere else
            raise UserError(
                f"The folder {run_folder / FOLDER} is a link; the checkpoints of a run lie in its own folder."
            )
        sweep_temporaries(run_folder / FOLDER)  # what a writer that was killed has left
        self._run_folder = run_folder
        self._config = config
        self._now = now
        self._last_secs = now()
        self._best: Snapshot | None = None
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="neuralforge-checkpoint")
        self._writing: list[Future[Written]] = []

    def due(self, step: int) -> bool:
        """Tell whether a periodic checkpoint is due after a step."""
        every, minutes = self._config.checkpoint_every, self._config.checkpoint_minutes
        if every and step % every == 0:
            return True
        return bool(minutes) and self._now() - self._last_secs >= 60 * minutes and not self._writing

    def hold_best(self, snapshot: Snapshot) -> None:
        """Keep the best weights so far, to be written with the next checkpoint."""
        self._best = snapshot

    def save(self, snapshot: Snapshot, kind: str) -> None:
        """Start to write a checkpoint, and the best weights if they are not on the disk yet."""
        self._last_secs = self._now()
        self.save_best()
        self._writing.append(self._executor.submit(self._write, snapshot, kind))
        if len(self._writing) > MAX_WAITING:  # a disk that is slower than the steps must not fill the memory
            wait(self._writing[:-MAX_WAITING])

    def save_best(self) -> None:
        """Start to write the best weights, if they are not on the disk yet."""
        if self._best is not None:
            best, self._best = self._best, None
            self._writing.append(self._executor.submit(self._write, best, "best"))

    def _write(self, snapshot: Snapshot, kind: str) -> Written:
        step = int(snapshot.state["step"])
        file = f"{FOLDER}/{'best' if kind == 'best' else 'step'}-{step:010d}.safetensors"
        path = self._run_folder / file
        path.parent.mkdir(exist_ok=True)
        sha256 = write_checkpoint(path, snapshot)
        return Written(step, file, sha256, kind)

    def prune(self, kind: str) -> None:
        """Remove old checkpoints of a kind; to be called when the log has the newest, so that it never lists none."""
        pattern = _BEST_FILE if kind == "best" else _STEP_FILE
        keep = 1 if kind == "best" else self._config.keep
        files = sorted(p for p in (self._run_folder / FOLDER).iterdir() if pattern.fullmatch(p.name))
        for path in files[:-keep]:
            with suppress(OSError):
                path.unlink()

    def collect(self, *, wait: bool = False) -> Written | None:
        """Return the next checkpoint that has reached the disk, or None when there is none.

        Args:
            wait: Whether to wait for one that is being written.

        Raises:
            OSError: When it could not be written; the older ones are whole.
        """
        if self._writing and (wait or self._writing[0].done()):
            return self._writing.pop(0).result()
        return None

    @property
    def busy(self) -> bool:
        """Whether a checkpoint is being written or waits to be collected."""
        return bool(self._writing)

    def close(self) -> None:
        """End the thread, after what it is writing."""
        self._executor.shutdown(wait=True)
