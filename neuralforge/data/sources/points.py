"""Points in the plane that fall into classes: the teaching sets that a decision boundary is drawn over.

Every set is drawn with its own generator from the option `seed`, and noise is Gaussian with the given deviation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from neuralforge.data.arrays import from_arrays
from neuralforge.data.options import Params
from neuralforge.data.seeds import derive_seed
from neuralforge.data.source import DataSource, RawData
from neuralforge.graph.params import Doc, Range

# Legend: N samples of one class, D = 2 coordinates.
_ORIGIN = "Made by NeuralForge from formulas; free of any licence."


@dataclass(frozen=True, kw_only=True)
class PointParams(Params):
    """Options that all of these sets have."""

    samples: Annotated[int, Range(20, 1000000), Doc("How many points in all.")] = 1000
    noise: Annotated[float, Range(0, 10), Doc("Standard deviation of the noise, in units of the plane.")] = 0.1
    seed: Annotated[int, Doc("Seed of the generator.")] = 0


@dataclass(frozen=True, kw_only=True)
class CircleParams(PointParams):
    """Options of the circles."""

    factor: Annotated[float, Range(0.05, 0.95), Doc("Radius of the inner circle, that of the outer being 1.")] = 0.5


@dataclass(frozen=True, kw_only=True)
class SpiralParams(PointParams):
    """Options of the spirals."""

    noise: Annotated[float, Range(0, 10), Doc("Standard deviation of the noise, in units of the plane.")] = 0.02
    arms: Annotated[int, Range(2, 10), Doc("How many arms, one a class.")] = 2
    turns: Annotated[float, Range(0.1, 10), Doc("Full turns of an arm.")] = 1.5


def _counts(samples: int, parts: int) -> list[int]:
    """Divide samples over parts as evenly as can be, the first ones getting more."""
    return [samples // parts + (part < samples % parts) for part in range(parts)]


def _finish(
    key: str,
    groups: Sequence[NDArray[np.float64]],
    classes: tuple[str, ...],
    params: PointParams,
    rng: np.random.Generator,
) -> RawData:
    """Add noise to one array [N, D] of points a class, and make a data set of them."""
    x_ND = np.concatenate(groups)
    x_ND = x_ND + params.noise * rng.standard_normal(x_ND.shape)
    y_N = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    return from_arrays(x_ND.astype(np.float32), y_N, key, classes=classes, features=("x", "y"))


def _generator(params: PointParams, key: str) -> np.random.Generator:
    return np.random.default_rng(derive_seed(params.seed, "data", key))


class Moons(DataSource[PointParams]):
    """Two half circles that reach into one another."""

    key = "moons"
    title = "Two moons"
    summary = "Two interleaved half circles in the plane, 2 classes."
    kind = "table"
    task = "classification"
    origin = _ORIGIN
    params = PointParams

    def load(self, params: PointParams) -> RawData:
        """Draw the points at even angles; see `DataSource.load`."""
        upper, lower = _counts(params.samples, 2)
        a, b = np.linspace(0, np.pi, upper), np.linspace(0, np.pi, lower)
        groups = [np.stack([np.cos(a), np.sin(a)], 1), np.stack([1 - np.cos(b), 0.5 - np.sin(b)], 1)]
        return _finish(self.key, groups, ("upper", "lower"), params, _generator(params, self.key))


class Circles(DataSource[CircleParams]):
    """A circle inside another."""

    key = "circles"
    title = "Two circles"
    summary = "A small circle inside a large one, 2 classes that no straight line parts."
    kind = "table"
    task = "classification"
    origin = _ORIGIN
    params = CircleParams

    def load(self, params: CircleParams) -> RawData:
        """Draw the points at even angles; see `DataSource.load`."""
        groups = []
        for count, radius in zip(_counts(params.samples, 2), (1.0, params.factor), strict=True):
            angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
            groups.append(radius * np.stack([np.cos(angle), np.sin(angle)], 1))
        return _finish(self.key, groups, ("outer", "inner"), params, _generator(params, self.key))


class Spirals(DataSource[SpiralParams]):
    """Arms that wind around the centre."""

    key = "spirals"
    title = "Spirals"
    summary = "Arms winding around the origin, one class an arm; hard for small networks."
    kind = "table"
    task = "classification"
    origin = _ORIGIN
    params = SpiralParams

    def load(self, params: SpiralParams) -> RawData:
        """Draw the points along Archimedean spirals r = t, angle = 2 pi (turns t + arm / arms); see `DataSource`."""
        groups = []
        for arm, count in enumerate(_counts(params.samples, params.arms)):
            t = np.linspace(0.05, 1, count)
            angle = 2 * np.pi * (params.turns * t + arm / params.arms)
            groups.append(np.stack([t * np.cos(angle), t * np.sin(angle)], 1))
        names = tuple(f"arm {arm + 1}" for arm in range(params.arms))
        return _finish(self.key, groups, names, params, _generator(params, self.key))


class Xor(DataSource[PointParams]):
    """Four quadrants in two colours."""

    key = "xor"
    title = "XOR"
    summary = "Four quadrants of a square, 2 classes by whether the signs of x and y agree."
    kind = "table"
    task = "classification"
    origin = _ORIGIN
    params = PointParams

    def load(self, params: PointParams) -> RawData:
        """Draw the points evenly in the square from -1 to 1; see `DataSource.load`."""
        rng = _generator(params, self.key)
        groups = []
        for count, flip in zip(_counts(params.samples, 2), (1, -1), strict=True):
            magnitude = rng.uniform(0.05, 1, (count, 2))
            sign = rng.choice((-1.0, 1.0), count)
            groups.append(magnitude * np.stack([sign, flip * sign], 1))
        return _finish(self.key, groups, ("same sign", "opposite signs"), params, rng)


SOURCES = (Moons(), Circles(), Spirals(), Xor())
