"""Arrays from NumPy's `.npz` files.

An `.npz` is a zip of `.npy` files, and may come from anybody: objects (which NumPy would unpickle, running their
code) are refused, and the sizes that the headers declare are checked before anything is unpacked.
"""

from __future__ import annotations

import math
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
_MAX_MEMBERS = 1000
_MAX_AXES = 8
_COPIES = 3  # the array as stored, as converted, and the parts of the split


@dataclass(frozen=True, kw_only=True)
class NpzParams(PathParams):
    """Options of `.npz` files."""

    kind: Annotated[Literal["auto", "image", "table", "sequence", "tokens"], Doc("How samples lie in memory.")] = "auto"


class NpzFile(DataSource[NpzParams]):
    """Arrays x (or X, inputs) and y (or targets); without y the input itself is learned."""

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
        inputs, targets = _read(path)
        return from_arrays(inputs, targets, params.path, kind=None if params.kind == "auto" else params.kind)

    def example(self, folder: Path) -> NpzParams:
        """Write small images with classes; see `DataSource.example`."""
        rng = np.random.default_rng(0)
        np.savez(folder / "example.npz", x=rng.integers(0, 256, (12, 6, 6, 3), np.uint8), y=np.arange(12) % 3)
        return NpzParams(path=str(folder / "example.npz"))


def _read(path: Path) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Give the input array and the target array, if any."""
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
            wanted = [name for name in (x_name, y_name) if name is not None]
            members = {name: archive.getinfo(names[known.index(name)]) for name in wanted}
            needed = 0
            for name, member in members.items():
                with archive.open(member) as file:
                    needed += _declared_bytes(f"{path}: array '{name}'", file, member.file_size)
            refuse_if_too_large(needed * _COPIES, str(path))
            arrays = []
            for member in members.values():
                with archive.open(member) as file:
                    arrays.append(npy.read_array(file, allow_pickle=False))
            return arrays[0], (arrays[1] if len(arrays) > 1 else None)
    except UserError:
        raise
    except PermissionError as error:
        raise UserError(f"{path}: the file cannot be read ({error.strerror}).") from None
    except Exception as error:  # zipfile, zlib and NumPy raise a dozen types on damaged bytes
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise UserError(f"{path}: the file is damaged or not an .npz file ({reason[:120]}).") from None


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
    if len(shape) > _MAX_AXES or any(side < 0 for side in shape):
        _refuse(place, f"has a shape that cannot be: {shape}"[:120])
    size = math.prod(shape) * dtype.itemsize
    header = file.tell()
    if size + header != stored:
        _refuse(place, f"declares {size + header:,} bytes where {stored:,} are stored")
    return size


def _refuse(place: str, reason: str) -> NoReturn:
    raise UserError(f"{place} {reason}.")


SOURCES = (NpzFile(),)
