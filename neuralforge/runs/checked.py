"""Reading an HDF5 file that may be damaged or hostile: every step is checked before memory is given to it."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from neuralforge.errors import UserError
from neuralforge.runs.errors import RunFileError, reason
from neuralforge.runs.header import RunHeader, is_series_name
from neuralforge.runs.layout import (
    FILL_BITS,
    FILL_STEP,
    FORMAT,
    FORMAT_VERSION,
    HEADER_ATTRIBUTES,
    STATUSES,
    Checkpoint,
    row_dtype,
)

_MAX_ROWS = 2**28
_MAX_LINKS = 20_000
_MAX_CHUNK_BYTES = 64 * 1024 * 1024
_MAX_TEXT_BATCH_BYTES = 256 * 1024 * 1024
_FILTERS = (h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32)
# The best that deflate does is about 1,032 to 1.
_MAX_EXPANSION = 1100
_VLEN_BYTES = 16
_PRINTABLE_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")


class TornReadError(Exception):
    """The file was read in the middle of a flush; reading again helps."""


@contextmanager
def sentences(path: Path) -> Iterator[None]:
    """Turn whatever a damaged file causes into one sentence with its path.

    Args:
        path: The file that is read.

    Yields:
        Nothing.

    Raises:
        RunFileError: Something in the block failed; UserError and TornReadError pass as they are.
    """
    try:
        yield
    except (UserError, TornReadError):
        raise
    # HDF5 and NumPy raise exceptions of a dozen kinds on damaged files; to a reader all mean the same.
    except Exception as error:
        raise RunFileError(f"{path} cannot be read as a run: {reason(error)}.") from error


def is_plain_file(path: Path) -> bool:
    """Say whether a path is a regular file itself, not a link to one elsewhere."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


class CheckedFile:
    """An HDF5 file of a run, open for reading.

    Args:
        file: The open file.
        path: Its path, for messages.

    Raises:
        RunFileError: It is no run, or one of a future version.
    """

    def __init__(self, file: Any, path: Path) -> None:
        self._file = file
        self._path = path
        if self.attribute(file, "format", None) != FORMAT:
            raise self._bad(f"its attribute `format` is not {FORMAT!r}")
        version = self.attribute(file, "format_version", None)
        if type(version) is not int or version < 1:
            raise self._bad("its attribute `format_version` is missing")
        if version > FORMAT_VERSION:
            raise RunFileError(
                f"{path} has format version {version} and this NeuralForge reads up to {FORMAT_VERSION}: "
                "a newer NeuralForge wrote it, please update."
            )

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[CheckedFile]:
        """Open a file, and close it at the end of the block.

        Args:
            path: The file.

        Yields:
            The open file.

        Raises:
            RunFileError: It cannot be read, or is no run.
        """
        with sentences(path), h5py.File(path, "r", locking=False) as file:
            yield cls(file, path)

    def _bad(self, what: str) -> RunFileError:
        return RunFileError(f"{self._path} cannot be read as a run: {what}.")

    def attribute(self, owner: Any, name: str, default: Any) -> Any:
        """Return an attribute that is one text, number or boolean, or `default` when it is missing."""
        if name not in owner.attrs:
            return default
        handle = owner.attrs.get_id(name)
        if handle.shape != () or (h5py.check_string_dtype(handle.dtype) is None and handle.dtype.kind not in "biufS"):
            raise self._bad(f"attribute {name!r} is not one text or number")
        value = owner.attrs[name]
        return value.item() if isinstance(value, np.generic) else value

    def attributes(self) -> dict[str, Any]:
        """Return all root attributes."""
        names = list(self._file.attrs)
        if len(names) > _MAX_LINKS or not all(_PRINTABLE_NAME.fullmatch(name) for name in names):
            raise self._bad("its attributes have impossible names")
        return {name: self.attribute(self._file, name, None) for name in names}

    def _child(self, group: Any, name: str, kind: type) -> Any:
        """Return a child that lies in this very file."""
        link = group.get(name, None, getlink=True)
        if link is None:
            raise self._bad(f"{group.name.rstrip('/')}/{name} is missing")
        if not isinstance(link, h5py.HardLink):
            raise self._bad(f"{group.name.rstrip('/')}/{name} is a link that leads elsewhere")
        found = group[name]
        if not isinstance(found, kind):
            raise self._bad(f"{found.name} is not a {kind.__name__.lower()}")
        return found

    def _names(self, group: Any) -> list[str]:
        if len(group) > _MAX_LINKS:
            raise self._bad(f"{group.name} has {len(group)} entries")
        return sorted(group)

    def _dataset(self, group: Any, name: str, item_bytes: int, rank: int = 1) -> Any:
        """Return a dataset whose declared size is covered by what the file really stores."""
        found = self._child(group, name, h5py.Dataset)
        where = found.name
        plist = found.id.get_create_plist()
        if plist.get_layout() == h5py.h5d.VIRTUAL:
            raise self._bad(f"{where} is a virtual dataset, which may read other files")
        if plist.get_external_count():
            raise self._bad(f"{where} stores its content in another file")
        filters = [plist.get_filter(number)[0] for number in range(plist.get_nfilters())]
        if any(code not in _FILTERS for code in filters):
            raise self._bad(f"{where} uses a filter that is not allowed: {filters}")
        if len(found.shape) != rank:
            raise self._bad(f"{where} has {len(found.shape)} dimensions instead of {rank}")
        size = int(found.shape[0]) if rank else 1
        stored = int(found.id.get_storage_size()) * (_MAX_EXPANSION if filters else 1)
        if size > _MAX_ROWS or size * item_bytes > stored:
            raise self._bad(f"{where} declares {size} entries and does not store as many")
        if found.chunks is not None and int(np.prod(found.chunks)) * item_bytes > _MAX_CHUNK_BYTES:
            raise self._bad(f"{where} has chunks of {found.chunks} entries")
        return found

    def _numbers(self, group: Any, name: str, kind: str) -> Any:
        found = self._dataset(group, name, 8)
        if found.dtype.kind != kind or found.dtype.itemsize != 8:
            raise self._bad(f"{found.name} holds {found.dtype} instead of 8-byte numbers")
        return found

    def _strings(self, group: Any, name: str, rank: int = 1) -> Any:
        found = self._dataset(group, name, _VLEN_BYTES, rank)
        kind = h5py.check_string_dtype(found.dtype)
        if kind is None or kind.length is not None:
            raise self._bad(f"{found.name} holds {found.dtype} instead of text")
        return found

    def text(self, *names: str) -> str:
        """Return the text of a dataset that holds one, for example `text("graph", "source")`."""
        return self._one_text(*names)[0]

    def stated_sha256(self, name: str) -> str:
        """Return the SHA-256 that is stated beside `/graph/<name>`."""
        return str(self._one_text("graph", name)[1])

    def _one_text(self, *names: str) -> tuple[str, Any]:
        group = self._file
        for name in names[:-1]:
            group = self._child(group, name, h5py.Group)
        dataset = self._strings(group, names[-1], rank=0)
        return str(dataset.asstr()[()]), self.attribute(dataset, "sha256", "")

    def json(self, name: str) -> dict[str, Any]:
        """Return the JSON object in a dataset at the root."""
        found = json.loads(self.text(name))
        if not isinstance(found, dict):
            raise self._bad(f"/{name} is not a JSON object")
        return found

    def texts(self, name: str, start: int = 0, group: Any = None) -> list[str]:
        """Return the texts of a column from an index on."""
        dataset = self._strings(self._file if group is None else group, name)
        total = dataset.shape[0]
        # All entries of a hostile file may point to one large text; honest ones add up to less than the file.
        file_bytes = max(1, int(self._file.id.get_filesize()))
        batch = min(4096, max(1, _MAX_TEXT_BATCH_BYTES // file_bytes))
        reading = dataset.asstr()
        out: list[str] = []
        read_chars = 0
        for first in range(start, total, batch):
            part = reading[first : min(total, first + batch)].tolist()
            read_chars += sum(map(len, part))
            if read_chars > file_bytes:
                raise self._bad(f"{dataset.name} holds more text than the file has room for")
            out += part
        return out

    def channels(self) -> dict[str, tuple[str, ...]]:
        """Return channel name -> names of its series, in their order."""
        found: dict[str, dict[int, str]] = {}
        scalars = self._child(self._file, "scalars", h5py.Group)
        for group_name in self._names(scalars):
            group = self._child(scalars, group_name, h5py.Group)
            for name in self._names(group):
                series = f"{group_name}/{name}"
                if not is_series_name(series):
                    raise self._bad(f"/scalars holds a series with an impossible name: {series!r}")
                item = self._child(group, name, h5py.Group)
                channel = str(self.attribute(item, "channel", series))
                column = self.attribute(item, "column", 0)
                found.setdefault(channel, {})[int(column)] = series
        return {name: tuple(columns[number] for number in sorted(columns)) for name, columns in sorted(found.items())}

    def series_names(self) -> tuple[str, ...]:
        """Return the names of all series, sorted."""
        return tuple(sorted(name for series in self.channels().values() for name in series))

    def _series_group(self, name: str) -> Any:
        first, _, second = name.partition("/")
        group: Any = self._child(self._file, "scalars", h5py.Group)
        for part in (first, second):
            group = self._child(group, part, h5py.Group)
        return group

    def row_count(self, name: str) -> int:
        """Return how many rows a series has."""
        group = self._series_group(name)
        steps, values = self._numbers(group, "step", "i"), self._numbers(group, "value", "f")
        return min(int(steps.shape[0]), int(values.shape[0]))

    def series(
        self, name: str, start: int = 0, stop: int | None = None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Return rows of a series.

        Args:
            name: Its name.
            start: Index of the first row.
            stop: Index after the last row; None for all.

        Returns:
            Steps and values.

        Raises:
            RunFileError: The series is missing or not what it should be.
            TornReadError: Rows are announced in the file and not there yet.
        """
        group = self._series_group(name)
        steps, values = self._numbers(group, "step", "i"), self._numbers(group, "value", "f")
        end = min(steps.shape[0], values.shape[0], _MAX_ROWS if stop is None else stop)
        step_rows = steps[start:end].astype(np.int64, copy=False)
        value_rows = values[start:end].astype(np.float64, copy=False)
        if (step_rows == FILL_STEP).any() or (value_rows.view(np.uint64) == FILL_BITS).any():
            raise TornReadError(f"{self._path} is in the middle of a flush")
        return step_rows, value_rows

    def rows(self, series: tuple[str, ...], start: int, stop: int) -> bytes:
        """Return rows of a channel as the journal lays them out."""
        table = np.empty(stop - start, dtype=row_dtype(len(series)))
        for column, name in enumerate(series):
            table["step"], table["values"][:, column] = self.series(name, start, stop)
        return table.tobytes()

    def checkpoints(self) -> list[Checkpoint]:
        """Return the list of checkpoints."""
        group = self._child(self._file, "checkpoints", h5py.Group)
        steps = self._numbers(group, "step", "i")[:].tolist()
        files, sums, kinds = (self.texts(name, group=group) for name in ("file", "sha256", "kind"))
        return [Checkpoint(*row) for row in zip(steps, files, sums, kinds, strict=False)]

    def header(self) -> RunHeader:
        """Return the header of the run, with its channels."""
        fields = {name: self.attribute(self._file, name, None) for name in HEADER_ATTRIBUTES}
        if fields["parent_run"] == "":
            fields["parent_run"] = None
        if fields["parent_step"] == -1:
            fields["parent_step"] = None
        for name in ("config", "environment", "data"):
            fields[name] = self.json(name)
        document, source = self.text("graph", "document"), self.text("graph", "source")
        return RunHeader(**fields, document=document, source=source, channels=self.channels())

    def status(self) -> str:
        """Return the status that the file states."""
        found = self.attribute(self._file, "status", None)
        if found not in STATUSES:
            raise self._bad(f"its status is {str(found)[:40]!r}")
        return str(found)
