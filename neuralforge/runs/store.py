"""All runs in a folder: listing, finding, deleting."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from neuralforge.errors import UserError
from neuralforge.runs.errors import RunLogError, reason
from neuralforge.runs.header import RUN_ID
from neuralforge.runs.layout import FILE_NAME, JOURNAL_NAME
from neuralforge.runs.lock import LOCK_NAME, exclusive, live_holder, refusal
from neuralforge.runs.reader import RunReader

_METRIC_GROUPS = ("train", "validation", "test")
_NEAR = 3


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """What a list of runs shows of one.

    Args:
        run_id: Its id, the name of its folder.
        folder: Its folder.
        name: What people call it.
        status: As `RunReader.status`, or "unreadable: why".
        created_utc: ISO text in UTC, "" when unreadable.
        steps: The last step logged.
        metrics: Series of train, validation and test -> last value.
        size_bytes: What it takes on the disk, checkpoints included.
        kind: What made it, see `RunHeader`.
        replayable: Whether its log alone suffices to run it again, or to go on with it.
    """

    run_id: str
    folder: Path
    name: str
    status: str
    created_utc: str = ""
    steps: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    size_bytes: int = 0
    kind: str = "graph"
    replayable: bool = True

    @property
    def is_readable(self) -> bool:
        """Whether the run can be opened."""
        return not self.status.startswith("unreadable")


Mark = tuple[int, ...]
Known = tuple[Mark, RunSummary]


class RunStore:
    """The runs in a folder.

    Args:
        runs_dir: The folder; it need not exist yet.
        known: Summaries that were made before, by folder; brought up to date by `list`.
    """

    def __init__(self, runs_dir: Path, known: dict[Path, Known] | None = None) -> None:
        self.runs_dir = runs_dir
        self._known = {} if known is None else known

    def list(self) -> list[RunSummary]:
        """Return all runs, the newest first, then those that cannot be read; a broken run never raises."""
        found = [self._summary(folder) for folder in self._folders()]
        return sorted(found, key=lambda run: (run.is_readable, run.created_utc, run.run_id), reverse=True)

    def _summary(self, folder: Path) -> RunSummary:
        """Return the summary of a run, as it is known where nothing was written since."""
        mark, known = _mark(folder), self._known.get(folder)
        if known is not None and mark is not None and known[0] == mark:
            return known[1]
        summary = self.summary(folder)
        if mark is not None:
            self._known[folder] = mark, summary
        return summary

    def summary(self, folder: Path) -> RunSummary:
        """Return what a list shows of a run; a broken one is said to be "unreadable: why".

        Args:
            folder: The folder of the run.

        Returns:
            The summary.
        """
        size_bytes = _size_bytes(folder)
        try:
            reader = RunReader(folder)
            attributes, last = reader.attributes, reader.last_values(_METRIC_GROUPS)
            return RunSummary(
                run_id=folder.name,
                folder=folder,
                name=str(attributes.get("name", "")),
                status=reader.status,
                created_utc=str(attributes.get("created_utc", "")),
                steps=max((step for step, _ in last.values()), default=0),
                metrics={name: value for name, (_, value) in last.items()},
                size_bytes=size_bytes,
                kind=str(attributes.get("kind", "graph")),
                replayable=bool(attributes.get("replayable", True)),
            )
        except (UserError, OSError) as error:
            status = f"unreadable: {reason(error)}"
            return RunSummary(run_id=folder.name, folder=folder, name="", status=status, size_bytes=size_bytes)

    def find(self, text: str) -> Path:
        """Find a run.

        Args:
            text: An id, the beginning of one id, "last", the path of a folder, or of a run file.

        Returns:
            The folder of the run, or the path of a file that lies by itself.

        Raises:
            UserError: There is no such run, or several; the sentence lists what is near.
        """
        ids = {folder.name: folder for folder in self._folders()}
        if text == "last":
            runs = [run for run in self.list() if run.is_readable]
            if not runs:
                raise UserError(f"There is no run in {self.runs_dir} yet.")
            return runs[0].folder
        if text in ids:
            return ids[text]
        path = Path(text)
        if text and _is_run(path):
            return path
        if text and path.is_file():
            return path.parent if path.name == FILE_NAME else path
        starting = sorted(name for name in ids if text and name.startswith(text))
        if len(starting) == 1:
            return ids[starting[0]]
        if starting:
            some = ", ".join(starting[:_NEAR])
            raise UserError(f"{text!r} begins {len(starting)} runs: {some}. Give more of the id.")
        near = get_close_matches(text, ids, _NEAR, 0.4) or sorted(ids, reverse=True)[:_NEAR]
        hint = f"Near are: {', '.join(near)}." if near else "There is none yet."
        raise UserError(f"No run {text!r} in {self.runs_dir}. {hint}")

    def delete(self, text: str) -> Path:
        """Delete a run with all its checkpoints.

        Args:
            text: As `find` takes it; the run must lie in this very folder of runs.

        Returns:
            The folder that is gone.

        Raises:
            UserError: There is no such run, or it lies elsewhere.
            RunLogError: It is being written, or cannot be removed.
        """
        folder = self.find(text)
        inside = folder.parent.resolve() == self.runs_dir.resolve() and RUN_ID.fullmatch(folder.name)
        if not inside or folder.is_symlink() or not folder.is_dir():
            raise UserError(f"Only a run in {self.runs_dir} can be deleted from there. Received: {folder}")
        doomed = folder.with_name(f".deleted-{folder.name}-{secrets.token_hex(4)}")
        try:
            with exclusive(folder):
                writer = live_holder(folder)
                if writer is not None:
                    raise refusal(folder, writer, "be deleted")
                # The rename makes it vanish at once, also when the removal is interrupted half way.
                folder.rename(doomed)
            shutil.rmtree(doomed)
        except OSError as error:
            raise RunLogError(f"Run {folder.name} cannot be deleted in {self.runs_dir}: {reason(error)}.") from None
        return folder

    def _folders(self) -> Sequence[Path]:
        """Return the folders that hold a run, or what is left of one."""
        try:
            return [path for path in self.runs_dir.iterdir() if RUN_ID.fullmatch(path.name) and _is_run(path)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UserError(f"The folder of runs {self.runs_dir} cannot be read: {reason(error)}.") from None


def _mark(folder: Path) -> Mark | None:
    """Return what changes with every change of a run; None while it is written, or when it was left half written."""
    try:
        if any((folder / name).exists() for name in (JOURNAL_NAME, LOCK_NAME)):
            return None
        file, own = (folder / FILE_NAME).lstat(), folder.stat()
        return file.st_ino, file.st_size, file.st_mtime_ns, own.st_mtime_ns
    except OSError:
        return None


def _is_run(folder: Path) -> bool:
    return folder.is_dir() and any((folder / name).exists() for name in (FILE_NAME, JOURNAL_NAME, LOCK_NAME))


def _size_bytes(folder: Path) -> int:
    """Return what the files in a folder add up to; files that vanish meanwhile count nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size if not path.is_dir() else 0
        except OSError:
            continue
    return total
