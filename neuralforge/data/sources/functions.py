"""Functions of one or two variables with noise on the value: regression that can be seen in a plot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from neuralforge.data.arrays import from_arrays
from neuralforge.data.options import Params
from neuralforge.data.seeds import derive_seed
from neuralforge.data.source import DataSource, RawData
from neuralforge.graph.params import Doc, Range

# Legend: N samples, F features (1 or 2), each in -1 .. 1; T = 1 target.
_Formula = Callable[[NDArray[Any]], NDArray[Any]]

_FORMULAS: MappingProxyType[str, tuple[int, _Formula]] = MappingProxyType(
    {
        "sine": (1, lambda x_NF: np.sin(2 * np.pi * x_NF[:, 0])),
        "cubic": (1, lambda x_NF: 4 * x_NF[:, 0] ** 3 - 3 * x_NF[:, 0]),
        "step": (1, lambda x_NF: np.sign(x_NF[:, 0])),
        "sinc": (1, lambda x_NF: np.sinc(4 * x_NF[:, 0])),
        "plane": (2, lambda x_NF: x_NF[:, 0] + 0.5 * x_NF[:, 1]),
        "saddle": (2, lambda x_NF: x_NF[:, 0] ** 2 - x_NF[:, 1] ** 2),
        "ripple": (2, lambda x_NF: np.cos(3 * np.pi * np.hypot(x_NF[:, 0], x_NF[:, 1]))),
    }
)


@dataclass(frozen=True, kw_only=True)
class FunctionParams(Params):
    """Options of the functions."""

    function: Annotated[
        Literal["sine", "cubic", "step", "sinc", "plane", "saddle", "ripple"],
        Doc("Which function; the last three have two variables."),
    ] = "sine"
    samples: Annotated[int, Range(20, 1000000), Doc("How many points in all.")] = 1000
    noise: Annotated[float, Range(0, 10), Doc("Standard deviation of the noise on the value.")] = 0.05
    seed: Annotated[int, Doc("Seed of the generator.")] = 0


class Functions(DataSource[FunctionParams]):
    """Values of a function at random places."""

    key = "functions"
    title = "Functions"
    summary = "y = f(x) with noise at random places, of one or two variables in -1 .. 1."
    kind = "table"
    task = "regression"
    origin = "Made by NeuralForge from formulas; free of any licence."
    params = FunctionParams

    def load(self, params: FunctionParams) -> RawData:
        """Draw x evenly and compute y; see `DataSource.load`."""
        features, formula = _FORMULAS[params.function]
        rng = np.random.default_rng(derive_seed(params.seed, "data", self.key, params.function))
        x_NF = rng.uniform(-1, 1, (params.samples, features)).astype(np.float32)
        y_N = formula(x_NF.astype(np.float64)) + params.noise * rng.standard_normal(params.samples)
        names = ("x", "y")[:features]
        return from_arrays(x_NF, y_N.astype(np.float32), self.key, features=names)


SOURCES = (Functions(),)
