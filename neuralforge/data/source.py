"""What a data source is, and the data that it gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from neuralforge.data.options import Params
from neuralforge.graph.datainfo import DataInfo, DataKind, Task

P = TypeVar("P", bound=Params)


@dataclass(frozen=True, eq=False)
class RawData:
    """A whole data set in memory as its source gives it, before splitting and scaling.

    The arrays are kept as views that cannot be written. Use `from_arrays` to make one from arrays of unknown
    origin; it checks the contents and words its complaints for people.

    Args:
        info: Facts about the data.
        inputs: [N, *info.input_shape] as uint8, float32, or int64 for tokens.
        targets: int64 [N] for classification, float32 [N, T] for regression, int64 [N, H, W] for segmentation;
            for reconstruction the very object given as `inputs`.
        input_scale: What a uint8 value is multiplied with to become the float32 that the network sees; 1 for
            other types.

    Raises:
        ValueError: The arrays contradict `info`; a fault in a source.
    """

    info: DataInfo
    inputs: NDArray[Any]
    targets: NDArray[Any]
    input_scale: float = 1.0

    def __post_init__(self) -> None:
        info, inputs, targets = self.info, self.inputs, self.targets
        count = info.samples
        if info.task == "classification":
            wanted: tuple[str, tuple[int, ...]] = ("int64", (count,))
        elif info.task == "regression":
            wanted = ("float32", (count, info.outputs))
        elif info.task == "segmentation":
            wanted = ("int64", (count, *info.input_shape[1:]))
        else:
            wanted = (inputs.dtype.name, inputs.shape)
        allowed = ("int64",) if info.input_dtype == "int64" else ("uint8", "float32")
        if inputs.dtype.name not in allowed or inputs.shape != (count, *info.input_shape):
            raise ValueError(f"inputs are {inputs.dtype} {inputs.shape}, which contradicts {info}")
        if (targets.dtype.name, targets.shape) != wanted:
            raise ValueError(f"targets are {targets.dtype} {targets.shape}, expected {wanted} for {info.task}")
        if (info.task == "reconstruction") != (targets is inputs):
            raise ValueError("the targets are the inputs for reconstruction, and for no other task")
        if inputs.dtype != np.uint8 and self.input_scale != 1.0:
            raise ValueError(f"only uint8 inputs are scaled, not {inputs.dtype}")
        frozen = _read_only(inputs)
        object.__setattr__(self, "inputs", frozen)
        object.__setattr__(self, "targets", frozen if targets is inputs else _read_only(targets))


class DataSource(ABC, Generic[P]):
    """One place that data comes from: a generator, a set inside a package, or a kind of file.

    A source is one class in one file under `neuralforge/data/sources/`, listed in that file's `SOURCES` tuple, or
    a class named by an entry point of the group `neuralforge.data_sources`. It needs `load` and nothing else.

    Attributes:
        key: Name that a person types, in [a-z0-9_].
        title: Name that a person reads.
        summary: One line on what the data holds.
        kind: How a sample lies in memory; None where the file decides.
        task: What is to be learned; None where the file decides.
        origin: One sentence on where the data comes from and under which licence.
        params: The dataclass of its options; a `PathParams` for sources that read files.
        suffixes: What `opens` answers to, "folder" for folders.
    """

    key: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    kind: ClassVar[DataKind | None] = None
    task: ClassVar[Task | None] = None
    origin: ClassVar[str]
    params: type[P]
    suffixes: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def load(self, params: P) -> RawData:
        """Read or make the data; the same options and files give the same bytes.

        Args:
            params: Options of this source.

        Returns:
            The whole data set.

        Raises:
            UserError: The options or files cannot be used; names the place.
        """

    def describe(self, params: P) -> DataInfo:
        """Say what the data is; sources that can tell without loading all of it override this.

        Args:
            params: Options of this source.

        Returns:
            Facts about the data.

        Raises:
            UserError: As `load`.
        """
        return self.load(params).info

    def opens(self, path: Path) -> bool:
        """Say whether this source reads an existing file or folder.

        Args:
            path: The file or folder.

        Returns:
            True where its suffix (in any case), or it being a folder, is named in `suffixes`.
        """
        return ("folder" if path.is_dir() else path.suffix.lower()) in self.suffixes

    def example(self, folder: Path) -> P:
        """Give options of a small instance, for the contract tests; sources of files write one first.

        Args:
            folder: An empty folder that may be written to.

        Returns:
            Options that `load` accepts.
        """
        return self.params()


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view
