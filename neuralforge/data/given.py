"""Data that is handed over in memory, kept as a file, so that a run can be resumed and replayed from files alone.

Arrays, tensors, frames and Datasets live only as long as the program that made them. `keep` therefore writes what the
network is to see once, as `data-<16 hexadecimal digits>.npz` in a folder that the caller names, and the run refers to
that file as to any other. The digits are the beginning of the data's fingerprint: the same data is the same file,
however often it is given. Several runs may share a file, so it stays when a run is deleted; who needs the space deletes
it by hand, after which the runs that used it can still be looked at, but not resumed.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

from neuralforge.data.arrays import from_arrays
from neuralforge.data.fingerprint import fingerprint
from neuralforge.data.given_frames import features_of, from_frame, is_column, is_frame, outcomes_of
from neuralforge.data.given_items import from_items
from neuralforge.data.given_values import COPIES, Given, array_of, is_from, targets_of
from neuralforge.data.memory import refuse_if_too_large
from neuralforge.data.options import parse_options
from neuralforge.data.source import RawData
from neuralforge.data.sources.npz_file import NpzFile, NpzParams, kept_name, write_npz
from neuralforge.errors import UserError
from neuralforge.runs.atomic import replacing
from neuralforge.runs.errors import reason

_FORMS = "a name, a path, arrays or tensors (x, y) or x, a DataFrame with a target, or a map-style Dataset"


def keep(
    data: Any,
    folder: str | Path,
    *,
    target: Hashable | None = None,
    name: str = "",
    options: Mapping[str, str] | None = None,
) -> tuple[str, dict[str, str]]:
    """Give what `neuralforge.data.load` takes for data of any form; what lies in memory is written to a file first.

    The rules of `neuralforge.data.arrays` decide what the arrays mean. The file is written at most once for the same
    data, whole or not at all, and is read back before it is relied on. It stays when runs that use it are deleted.

    Args:
        data: Name of a data set or a path (given back as they are); arrays or tensors as a tuple (x, y), or x alone;
            a pandas DataFrame with `target`, or (frame, column); or a map-style torch Dataset, each item of which is
            read once, so that random transforms are frozen as they come.
        folder: Where the file is to lie; made where it is missing.
        target: Name of the column of a frame that is to be predicted; a tuple of names for several, or for integers
            that are numbers to predict and not classes. Categories keep their order.
        name: What messages call the data.
        options: Options as text: of the data set where `data` is a name or a path, else only `kind`, which says
            "sequence" or "tokens" where the rank alone does not.

    Returns:
        The text and the options.

    Raises:
        UserError: The data cannot be learned from, is too large for the memory, or cannot be written.
    """
    options, place = dict(options or {}), name or "data"
    if isinstance(data, str | Path):
        if target is not None:
            raise UserError(
                f"target={target!r:.80} names a column of a DataFrame; for a CSV file it is the option 'target' of the "
                f"data set. Received: {str(data)!r}."
            )
        return str(data), options
    raw = _judged(data, target, options, place)
    stored: dict[str, str] = {"kind": raw.info.kind} if raw.info.kind in ("sequence", "tokens") else {}
    digest = fingerprint(raw)
    path = Path(os.path.abspath(os.path.expanduser(folder))) / kept_name(digest)
    try:
        if not _holds(path, stored, digest):
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as temporary:
                with temporary.open("wb") as file:
                    write_npz(raw, file)
                del raw  # before two more copies are made
                _check(temporary, path, stored, digest)
    except OSError as error:
        raise UserError(f"{place}: the data cannot be kept in {path.parent} ({reason(error)}).") from None
    return str(path), stored


def _judged(data: Any, target: Hashable | None, options: Mapping[str, str], place: str) -> RawData:
    """Make the data set, of which no memory belongs to the caller."""
    other = sorted(set(options) - {"kind"})
    if other:
        raise UserError(f"{place}: the only option of data in memory is 'kind'. Received: '{other[0]}'.")
    asked = parse_options(NpzParams, {**options, "path": "-"}, place).kind
    kind = None if asked == "auto" else asked
    given = _given(data, target, place)
    if given.features and kind not in (None, "table"):
        raise UserError(f"{place}: a DataFrame is a table. Received: the option kind={kind}.")
    raw = from_arrays(given.inputs, given.targets, place, kind=kind, classes=given.classes, features=given.features)
    size = raw.inputs.nbytes + (raw.targets.nbytes if raw.targets is not raw.inputs else 0)
    refuse_if_too_large(size * (COPIES - 1), place)
    return raw


def _given(data: Any, target: Hashable | None, place: str) -> Given:
    """Find out what somebody gave."""
    if is_frame(data):
        if target is None:
            listed = ", ".join(map(str, list(data.columns)[:20])) or "none"
            raise UserError(
                f"{place}: a DataFrame needs target=COLUMN, the column to predict (frame.to_numpy() has none). "
                f"The columns are {listed}."
            )
        return from_frame(data, target, place)
    if target is not None:
        raise UserError(f"{place}: target names a column of a DataFrame. Received: a {type(data).__name__}.")
    if isinstance(data, tuple):
        if len(data) != 2:
            raise UserError(f"{place}: a tuple must be (x, y). Received: {len(data)} parts.")
        return _pair(*data, place)
    if is_from(data, "torch", "Tensor") or is_column(data) or isinstance(data, list) or hasattr(data, "__array__"):
        return _pair(data, None, place)
    if is_from(data, "torch", "IterableDataset"):
        raise UserError(
            f"{place}: a {type(data).__name__} is an IterableDataset, whose items cannot be asked for by number; "
            "a map-style Dataset is needed."
        )
    if is_from(data, "torch", "DataLoader"):
        raise UserError(f"{place}: a DataLoader hands out batches; give the Dataset that it reads, `loader.dataset`.")
    if hasattr(data, "__getitem__") and not hasattr(data, "keys") and not isinstance(data, bytes | bytearray):
        return from_items(data, place)
    raise UserError(f"{place}: what can be given is {_FORMS}. Received: {type(data).__name__}.")


def _pair(inputs: Any, targets: Any, place: str) -> Given:
    """Take inputs and targets, each of any kind."""
    features: tuple[str, ...] = ()
    if is_from(inputs, "pandas", "Series") and inputs.name is not None:
        inputs = inputs.to_frame()
    if is_frame(inputs):
        x, features = features_of(inputs, place)
    else:
        x = array_of(inputs, f"{place}: inputs")
    if targets is None:
        return Given(x, None, (), features)
    pandas = is_frame(targets) or is_column(targets)
    y, classes = outcomes_of(targets, place) if pandas else targets_of(targets, f"{place}: targets")
    return Given(x, y, classes, features)


def _holds(path: Path, options: Mapping[str, str], digest: str) -> bool:
    """Say whether the file is there and whole; one that somebody damaged is written anew."""
    if not path.exists():
        return False
    try:
        return _digest(path, options) == digest
    except UserError:
        return False


def _check(temporary: Path, path: Path, options: Mapping[str, str], digest: str) -> None:
    """Refuse a file that does not give back what was put into it, before it gets its name."""
    try:
        found = _digest(temporary, options)
    except UserError as error:
        raise UserError(str(error).replace(str(temporary), str(path))) from None
    if found != digest:
        raise UserError(f"{path}: what was written reads back as other data; the disk may be damaged.")


def _digest(path: Path, options: Mapping[str, str]) -> str:
    # By the source itself: the temporary file has a name that no source opens.
    return fingerprint(NpzFile().load(parse_options(NpzParams, {**options, "path": str(path)}, str(path))))
