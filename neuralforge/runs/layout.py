"""The HDF5 layout of `run.h5` and the one class that writes it; `docs/run-log.md` describes it."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from neuralforge.errors import UserError
from neuralforge.runs.disk import SteadyFile
from neuralforge.runs.events import genesis
from neuralforge.runs.header import RunHeader, canonical

FORMAT = "neuralforge-run"
FORMAT_VERSION = 1
FILE_NAME = "run.h5"
JOURNAL_NAME = "journal"
CHECKPOINTS_NAME = "checkpoints"

ROWS_PER_CHUNK = 4096
_EVENTS_PER_CHUNK = 1024
_CHECKPOINTS_PER_CHUNK = 256

FILL_STEP = -1
# A quiet NaN that no arithmetic makes: a reader that meets it knows that it read in the middle of a flush.
FILL_BITS = 0x7FF8_4E46_4649_4C4C
FILL_VALUE: float = struct.unpack("<d", struct.pack("<Q", FILL_BITS))[0]

STATUSES = ("running", "paused", "completed", "stopped", "failed")
FINAL_STATUSES = ("completed", "stopped", "failed")

_TEXT = h5py.string_dtype("utf-8")
_ATTRIBUTE_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
# Attributes that only the log itself writes. All others belong to whoever keeps the log.
HEADER_ATTRIBUTES = (
    "run_id", "name", "kind", "replayable", "created_utc", "seed", "parent_run", "parent_step",
)  # fmt: skip
OWN_ATTRIBUTES = (
    *HEADER_ATTRIBUTES,
    "format", "format_version", "status", "header_digest", "events_digest", "closing_attributes",
    "journal_bytes",
)  # fmt: skip
UNKNOWN_JOURNAL = -1


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint of a run, as listed in the log. Its file may have been removed since to save space.

    Args:
        step: The last step that it includes.
        file: Path relative to the folder of the run, with `/`.
        sha256: Of the content of the file, hexadecimal.
        kind: What it was made for: "best", "last", "every" and the like.

    Raises:
        UserError: The path leads out of the folder.
    """

    step: int
    file: str
    sha256: str
    kind: str

    def __post_init__(self) -> None:
        path = PurePosixPath(self.file)
        bad = path.is_absolute() or not path.parts or any(part in ("..", ".") for part in path.parts)
        if bad or "\\" in self.file or ":" in self.file or not self.file.isprintable():
            raise UserError(f"A checkpoint lies in the folder of its run. Received: {self.file!r}")

    def to_json(self) -> str:
        """Return the canonical JSON text."""
        return canonical(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Checkpoint:
        """Read what `to_json` wrote; raises ValueError, KeyError or TypeError when it is something else."""
        found = json.loads(text)
        return cls(**{item.name: found[item.name] for item in fields(cls)})


def check_attribute(name: str, value: object) -> None:
    """Refuse an attribute that is not the caller's to set, or that HDF5 cannot hold.

    Args:
        name: Its name.
        value: Its value; None takes the attribute away.

    Raises:
        UserError: The name or the value is not allowed.
    """
    if not _ATTRIBUTE_NAME.fullmatch(name) or name in OWN_ATTRIBUTES:
        raise UserError(f"An attribute of a run cannot be called {name!r}.")
    fits = isinstance(value, bool | float | str | None) or (isinstance(value, int) and -(2**63) <= value < 2**63)
    if not fits or (isinstance(value, str) and "\0" in value):
        raise UserError(f"Attribute {name!r} of a run holds text, a number or a boolean. Received: {value!r}")


def row_dtype(series_count: int) -> np.dtype[Any]:
    """Return the layout of one row of a channel: the step, then a value for each series, little-endian."""
    return np.dtype([("step", "<i8"), ("values", "<f8", (series_count,))])


class _SeriesSet:
    """The datasets of one channel."""

    def __init__(self, step: Any, values: list[Any]) -> None:
        self.step = step
        self.values = values
        self.dtype = row_dtype(len(values))
        self.rows = int(step.shape[0])


class RunFile:
    """`run.h5`, open for writing. It only ever grows.

    Args:
        file: An open HDF5 file that has the layout.
        channels: Its channels, name -> names of the series.
        disk: What the file lies on, None when it is in memory.
    """

    def __init__(self, file: Any, channels: Mapping[str, Sequence[str]], disk: SteadyFile | None) -> None:
        self._file = file
        self._disk = disk
        # HDF5 closes what is open after Python has ended, and would then call into a Python that is gone.
        self._finalizer = weakref.finalize(self, _close_quietly, file, disk)
        self._sets: dict[str, _SeriesSet] = {}
        for name, series in channels.items():
            groups = [file[f"scalars/{item}"] for item in series]
            self._sets[name] = _SeriesSet(groups[0]["step"], [group["value"] for group in groups])

    @classmethod
    def create(cls, path: Path, header: RunHeader, *, in_memory: bool = False) -> RunFile:
        """Make a file with all datasets of a run, still empty.

        Args:
            path: Where; for a file in memory a mere name.
            header: The header of the run. Its channels are declared.
            in_memory: Keep it in memory and write nothing to the disk.

        Returns:
            The file, open.

        Raises:
            OSError: It cannot be written.
        """
        # The earliest layout of HDF5 keeps a file readable when its writer is killed; later ones do not.
        disk = None if in_memory else SteadyFile(path, is_new=True)
        if disk is None:
            file = h5py.File(path, "w", libver="earliest", driver="core", backing_store=False)
        else:
            file = h5py.File(disk, "w", libver="earliest")
        made = cls(file, {}, disk)
        attributes = file.attrs
        attributes["format"] = FORMAT
        attributes["format_version"] = FORMAT_VERSION
        for name in HEADER_ATTRIBUTES:
            attributes[name] = getattr(header, name) if getattr(header, name) is not None else ""
        attributes["parent_step"] = -1 if header.parent_step is None else header.parent_step
        attributes["status"] = "running"
        attributes["header_digest"] = attributes["events_digest"] = genesis(header)
        attributes["closing_attributes"] = "[]"
        attributes["journal_bytes"] = UNKNOWN_JOURNAL
        for name, text in (("document", header.document), ("source", header.source)):
            dataset = file.create_dataset(f"graph/{name}", data=text, dtype=_TEXT)
            dataset.attrs["sha256"] = hashlib.sha256(text.encode("utf-8")).hexdigest()
        for name in ("config", "environment", "data"):
            file.create_dataset(name, data=canonical(getattr(header, name)), dtype=_TEXT)
        file.create_group("scalars")
        for name in ("events", "writers"):
            file.create_dataset(name, (0,), _TEXT, chunks=(_EVENTS_PER_CHUNK,), maxshape=(None,))
        for item in fields(Checkpoint):
            kind = np.dtype("<i8") if item.name == "step" else _TEXT
            name = f"checkpoints/{item.name}"
            file.create_dataset(name, (0,), kind, chunks=(_CHECKPOINTS_PER_CHUNK,), maxshape=(None,))
        for channel, series in header.channels.items():
            made.declare(channel, series)
        made.raise_failure()
        return made

    @classmethod
    def open(cls, path: Path, channels: Mapping[str, Sequence[str]]) -> RunFile:
        """Open a file for appending.

        Args:
            path: The file; it was checked before.
            channels: Its channels.

        Returns:
            The file, open.

        Raises:
            OSError: It cannot be opened.
        """
        disk = SteadyFile(path, is_new=False)
        try:
            return cls(h5py.File(disk, "r+", libver="earliest"), channels, disk)
        except BaseException:
            disk.close()
            raise

    @property
    def file(self) -> Any:
        """The HDF5 file."""
        return self._file

    def declare(self, channel: str, series: Sequence[str]) -> None:
        """Make the datasets of a channel; its series share one dataset of steps through hard links.

        Args:
            channel: Name of the channel.
            series: Names of its series.
        """
        step: Any = None
        values = []
        for column, name in enumerate(series):
            group = self._file.create_group(f"scalars/{name}")
            group.attrs["channel"] = channel
            group.attrs["column"] = column
            if step is None:
                step = _numbers(group, "step", "<i8", FILL_STEP)
            else:
                group["step"] = step
            values.append(_numbers(group, "value", "<f8", FILL_VALUE))
        self._sets[channel] = _SeriesSet(step, values)

    def append_rows(self, channel: str, rows: bytes | bytearray | memoryview) -> None:
        """Append rows to a channel.

        Args:
            channel: Its name.
            rows: Rows as `row_dtype` lays them out, one after the other.
        """
        found = self._sets[channel]
        table = np.frombuffer(rows, dtype=found.dtype)
        end = found.rows + len(table)
        found.step.resize((end,))
        found.step[found.rows : end] = np.ascontiguousarray(table["step"])
        for column, dataset in enumerate(found.values):
            dataset.resize((end,))
            dataset[found.rows : end] = np.ascontiguousarray(table["values"][:, column])
        found.rows = end
        self.raise_failure()

    def append_events(self, texts: Sequence[str], digest: str) -> None:
        """Append events.

        Args:
            texts: Their JSON texts.
            digest: The digest of the last one.
        """
        _append(self._file["events"], texts)
        self._file.attrs["events_digest"] = digest

    def append_checkpoints(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Append to the list of checkpoints."""
        for item in fields(Checkpoint):
            _append(self._file[f"checkpoints/{item.name}"], [getattr(found, item.name) for found in checkpoints])

    def append_writers(self, texts: Sequence[str]) -> None:
        """Append to the list of writers, JSON texts."""
        _append(self._file["writers"], texts)

    def set_attribute(self, name: str, value: str | int | float | bool | None, *, closing: bool = False) -> None:
        """Set or take away a root attribute.

        Args:
            name: Its name.
            value: Its value; None takes it away.
            closing: Whether it belongs to the end of the run, so that it goes when the run is resumed.
        """
        attributes = self._file.attrs
        listed = set(json.loads(attributes["closing_attributes"]))
        changed = listed | {name} if closing and value is not None else listed - {name}
        if changed != listed:
            attributes["closing_attributes"] = canonical(sorted(changed))
        if value is not None:
            attributes[name] = value
        elif name in attributes:
            del attributes[name]

    def flush(self) -> None:
        """Hand everything to the system, where other processes see it; raises OSError when a write failed."""
        self._file.flush()
        self.raise_failure()

    def raise_failure(self) -> None:
        """Raise OSError if a write failed since the file was opened; the file is of no use then."""
        if self._disk is not None:
            self._disk.raise_failure()

    def close(self) -> None:
        """Flush and let go of the file; raises OSError when a write failed."""
        self._finalizer.detach()
        try:
            self._file.close()
            self.raise_failure()
        finally:
            if self._disk is not None:
                self._disk.close()


def _close_quietly(file: Any, disk: SteadyFile | None) -> None:
    """Let go of a file that nobody closed; its journal holds whatever fails here."""
    with suppress(OSError, RuntimeError, ValueError):
        file.close()
    if disk is not None:
        disk.close()


def _numbers(group: Any, name: str, kind: str, fill: float) -> Any:
    """Make an empty column of numbers that can grow."""
    options = {"chunks": (ROWS_PER_CHUNK,), "maxshape": (None,), "fillvalue": fill}
    return group.create_dataset(name, (0,), np.dtype(kind), **options)


def _append(dataset: Any, items: Sequence[str] | Sequence[int]) -> None:
    """Lengthen a small column."""
    start = dataset.shape[0]
    dataset.resize((start + len(items),))
    values: npt.NDArray[Any] = np.array(items, dtype=dataset.dtype if dataset.dtype.kind == "i" else object)
    dataset[start:] = values
