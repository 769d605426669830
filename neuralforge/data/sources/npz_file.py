"""Arrays from NumPy's `.npz` files.

An `.npz` is a zip of `.npy` files, and may come from anybody: objects (which NumPy would unpickle, running their
code) are refused, and the sizes that the headers declare are checked before anything is unpacked.

Beside x and y a file may hold the texts `features`, names of the columns of a table, and `classes`, names of the
classes that the integers in y are indices of. `write_npz` writes the same layout.
"""

from __future__ import annotations

import math
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated, Any, Literal, NoReturn

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from neuralforge.data.arrays import from_arrays
from neuralforge.data.memory import refuse_if_too_large
from neuralforge.data.options import PathParams
from neuralforge.data.source import DataSource, RawData
from neuralforge.errors import UserError
from neuralforge.graph.params import Doc

_INPUTS = ("x", "X", "inputs")
_TARGETS = ("y", "targets")
_NAMES = ("features", "classes")
_MAX_NAMES = 1 << 20  # a short name takes some 15 times more memory as an object than in its array
_MAX_MEMBERS = 1000
_MAX_AXES = 8
_COPIES = 3  # the array as stored, as converted, and the parts of the split

GIVEN = "the data"
"""What messages call data that was given in memory: nobody knows the file in which it is kept."""
_KEPT = re.compile(r"data-[0-9a-f]{16}\.npz")


@dataclass(frozen=True, kw_only=True)
class NpzParams(PathParams):
    """Options of `.npz` files."""

    kind: Annotated[Literal["auto", "image", "table", "sequence", "tokens"], Doc("How samples lie in memory.")] = "auto"
    names: Annotated[bool, Doc("Whether arrays features and classes name the columns of x and the indices in y.")] = (
        True
    )


class NpzFile(DataSource[NpzParams]):
    """Arrays x (or X, inputs) and y (or targets); without y the input itself is learned.

    Texts `features` and `classes`, where there are any, are the names of columns and of classes.
    """

    key = "npz"
    title = "NumPy file"
    summary = "Arrays x and y in one .npz: tables, images, sequences or tokens; classes, numbers, masks or no y."
    origin = "Your own file."
    params = NpzParams
    suffixes = (".npz",)

    def load(self, params: NpzParams) -> RawData:
        """Read the arrays; `neuralforge.data.arrays` has the rules. See `DataSource.load`."""
        path = Path(params.path)
        if not path.is_file():
            raise UserError(f"{path}: this is not a file." if path.exists() else f"There is no file at {str(path)!r}.")
        arrays = _read(path, _NAMES if params.names else ())
        return from_arrays(
            arrays["inputs"],
            arrays.get("targets"),
            GIVEN if _KEPT.fullmatch(path.name) else params.path,
            kind=None if params.kind == "auto" else params.kind,
            classes=_texts(path, "classes", arrays),
            features=_texts(path, "features", arrays),
        )

    def example(self, folder: Path) -> NpzParams:
        """Write small images with classes; see `DataSource.example`."""
        rng = np.random.default_rng(0)
        np.savez(folder / "example.npz", x=rng.integers(0, 256, (12, 6, 6, 3), np.uint8), y=np.arange(12) % 3)
        return NpzParams(path=str(folder / "example.npz"))


def kept_name(digest: str) -> str:
    """Return how the file is called in which data is kept that was given in memory; `GIVEN` is what it is called by.

    Args:
        digest: Its fingerprint.
    """
    return f"data-{digest[:16]}.npz"


def write_npz(raw: RawData, file: IO[bytes]) -> None:
    """Write a data set so that `NpzFile` reads one of the same fingerprint.

    The kind must be given as an option to read sequences and tokens back; equal data gives equal bytes.

    Args:
        raw: The data; its uint8 values, if any, are scaled by 1/255.
        file: Open for writing and seeking.

    Raises:
        OSError: It cannot be written.
    """
    info = raw.info
    arrays = {"x": raw.inputs}
    if info.task != "reconstruction":
        arrays["y"] = raw.targets
    if info.classes:
        arrays["classes"] = np.array(info.classes, np.str_)
    if info.features:
        arrays["features"] = np.array(info.features, np.str_)
    np.savez(file, allow_pickle=False, **arrays)


def _read(path: Path, optional: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """Give the "inputs", the "targets" if there are any, and those of the optional arrays that there are."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(names) > _MAX_MEMBERS or len(set(names)) != len(names):
                raise UserError(f"{path}: the archive has too many entries, or two of one name.")
            known = [name.removesuffix(".npy") for name in names]
            x_name = _pick(path, known, _INPUTS)
            y_name = _pick(path, known, _TARGETS)
            if x_name is None:
                listed = ", ".join(repr(name) for name in known[:10]) or "none"
                raise UserError(f"{path}: an array named x, X or inputs is needed. Received: {listed}.")
            wanted = {"inputs": x_name, "targets": y_name, **{name: name for name in optional if name in known}}
            members = {
                role: archive.getinfo(names[known.index(name)]) for role, name in wanted.items() if name is not None
            }
            needed = 0
            for role, member in members.items():
                with archive.open(member) as file:
                    needed += _declared_bytes(_place(path, role, wanted[role]), file, member.file_size)
            refuse_if_too_large(needed * _COPIES, str(path))
            arrays = {}
            for role, member in members.items():
                with archive.open(member) as file:
                    arrays[role] = npy.read_array(file, allow_pickle=False)
            return arrays
    except UserError:
        raise
    except PermissionError as error:
        raise UserError(f"{path}: the file cannot be read ({error.strerror}).") from None
    except Exception as error:  # zipfile, zlib and NumPy raise a dozen types on damaged bytes
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise UserError(f"{path}: the file is damaged or not an .npz file ({reason[:120]}).") from None


def _texts(path: Path, name: str, arrays: dict[str, NDArray[Any]]) -> tuple[str, ...]:
    """Give the names in an optional array; none where it is missing."""
    array = arrays.get(name)
    if array is None:
        return ()
    place = _place(path, name, name)
    if array.ndim != 1 or array.dtype.kind not in "US" or len(array) > _MAX_NAMES:
        _refuse(place, f"must hold names, as texts [N]. Received: {array.dtype} of shape {array.shape}")
    try:
        if array.dtype.kind == "S":
            array = np.char.decode(array, "utf-8")
        return tuple(array.tolist())
    except (ValueError, SystemError):  # also UnicodeDecodeError; NumPy keeps any 32 bits as a character
        _refuse(place, "holds characters that are not Unicode")


def _place(path: Path, role: str, name: str | None) -> str:
    """Say where something is wrong, and what can be done about arrays that only look like names."""
    return f"{path}: array '{name}'" + (" (names=false leaves it out)" if role in _NAMES else "")


def _pick(path: Path, known: list[str], names: tuple[str, ...]) -> str | None:
    found = [name for name in names if name in known]
    if len(found) > 1:
        raise UserError(f"{path}: the arrays {' and '.join(found)} mean the same; keep one of them.")
    return found[0] if found else None


def _declared_bytes(place: str, file: IO[bytes], stored: int) -> int:
    """Read the header of a `.npy` and give the bytes of its values; refuse what must not be unpacked."""
    version = npy.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = npy.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, _, dtype = npy.read_array_header_2_0(file)
    else:
        raise UserError(f"{place} is of version {version[0]}.{version[1]}, where 1.0 and 2.0 are known.")
    if dtype.hasobject:
        raise UserError(f"{place} holds Python objects, which are never read, since reading them can run code.")
    if dtype.kind not in "biufUS":
        _refuse(place, f"must hold numbers or text. Received: dtype {dtype}")
    if len(shape) > _MAX_AXES or any(side < 0 for side in shape) or dtype.itemsize == 0:
        _refuse(place, f"has a shape that cannot be: {dtype} {shape}"[:120])
    size = math.prod(shape) * dtype.itemsize
    header = file.tell()
    if size + header != stored:
        _refuse(place, f"declares {size + header:,} bytes where {stored:,} are stored")
    return size


def _refuse(place: str, reason: str) -> NoReturn:
    raise UserError(f"{place} {reason}.")


SOURCES = (NpzFile(),)
