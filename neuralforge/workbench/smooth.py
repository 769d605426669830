"""Smoothed curves: the exponential moving average that TensorBoard draws, kept up as a curve grows."""

from __future__ import annotations

import math
from itertools import accumulate

import numpy as np

from neuralforge.workbench.rows import Floats
from neuralforge.workbench.series import Series

GREATEST_WEIGHT = 0.999
_BLOCK = 64
_BLOCKS_TOGETHER = 32
_PART = 1 << 14  # rows at a time, so that what is computed in between stays in the cache
_ROUNDING = 1e-17  # less than this beside 1 changes nothing


class MovingAverage:
    """A debiased exponential moving average, fed in blocks.

    With weight w, after the finite values x_1 to x_t:

        m_t = w m_(t-1) + (1 - w) x_t,  m_0 = 0;   the average is m_t / (1 - w^t)

    as in TensorBoard (`classicSmoothing` in tensorboard/webapp/widgets/line_chart_v2/data_transformer.ts). The division
    is the correction of the bias towards zero of Kingma and Ba, "Adam" (2015), section 3. Where TensorBoard passes NaN
    and infinities on, here the average stands still; before the first finite value it is NaN.

    Args:
        weight: 0 (the values themselves) to 0.999.

    Raises:
        ValueError: The weight is out of bounds.
    """

    def __init__(self, weight: float) -> None:
        if not 0 <= weight <= GREATEST_WEIGHT:
            raise ValueError(f"A weight lies between 0 and {GREATEST_WEIGHT}. Received: {weight}")
        self.weight = weight
        self._biased = 0.0  # m_t
        self._count = 0  # t
        self._last = math.nan
        behind = np.subtract.outer(np.arange(_BLOCK), np.arange(_BLOCK))  # [to, from]
        within = np.where(behind >= 0, (1 - weight) * np.power(weight, np.maximum(behind, 0), dtype=np.float64), 0.0)
        self._within = np.ascontiguousarray(within.T)  # [from, to]
        self._carried = np.power(weight, np.arange(1, _BLOCK + 1), dtype=np.float64)

    def feed(self, values: Floats) -> Floats:
        """Return the averages after each of some more values.

        Args:
            values: [N].

        Returns:
            [N].
        """
        finite = np.isfinite(values)
        if finite.all():
            averages = self._feed_finite(values)
        else:
            known = np.concatenate(([self._last], self._feed_finite(values[finite])))
            averages = known[np.cumsum(finite)]
        if len(averages):
            self._last = float(averages[-1])
        return averages

    def _feed_finite(self, values: Floats) -> Floats:
        averages = np.empty(len(values))
        for start in range(0, len(values), _PART):
            part = values[start : start + _PART]
            averages[start : start + _PART] = self._feed_part(part)
        if self._count < self._settled:
            stop = min(len(values), self._settled - self._count)
            averages[:stop] /= 1 - np.power(self.weight, np.arange(self._count + 1, self._count + stop + 1))
        self._count += len(values)
        return averages

    def _feed_part(self, values: Floats) -> Floats:
        """Return the biased averages after each of some finite values, at least one."""
        # Each block of 64 by a product of matrices, as if it began at zero; then what earlier blocks leave to it. The
        # product goes by 32 blocks, too few for BLAS to use threads: they would fight with those that train.
        blocks = -(-len(values) // _BLOCK)
        together = min(blocks, _BLOCKS_TOGETHER)
        padded = np.zeros((-(-blocks // together), together, _BLOCK))
        padded.reshape(-1)[: len(values)] = values
        biased = (padded @ self._within).reshape(-1, _BLOCK)[:blocks]
        factor = float(self._carried[-1])
        ends = biased[:-1, -1].tolist()
        before = list(accumulate(ends, lambda left, end: left * factor + end, initial=self._biased))
        biased += np.multiply.outer(before, self._carried)
        found: Floats = biased.reshape(-1)[: len(values)]
        self._biased = float(found[-1])
        return found

    @property
    def _settled(self) -> int:
        """Number of values after which the correction is 1."""
        return math.ceil(math.log(_ROUNDING) / math.log(self.weight)) if self.weight > 0 else 0


class Smoothed:
    """A smoothed curve beside its source; a series itself, so that it is drawn as cheaply.

    Args:
        source: The curve. It may go on growing.
        weight: 0 (the values themselves) to 0.999.

    Raises:
        ValueError: The weight is out of bounds.
    """

    def __init__(self, source: Series, weight: float) -> None:
        self.source = source
        self.series = Series()
        """The smoothed curve, as far as `update` has come; a new object after the weight changed."""
        self._average = MovingAverage(weight)

    @property
    def weight(self) -> float:
        """The weight."""
        return self._average.weight

    def set_weight(self, weight: float) -> None:
        """Begin anew with another weight; nothing happens when it is the same.

        Raises:
            ValueError: The weight is out of bounds.
        """
        if weight != self.weight:
            self._average = MovingAverage(weight)
            self.series = Series()

    def update(self, most_rows: int = 500_000) -> bool:
        """Take over what is new in the source.

        Args:
            most_rows: Greatest number of rows to take over now, so that no frame is held up.

        Returns:
            Whether the smoothed curve is as long as its source; else call again in the next frame.
        """
        done = len(self.series)
        if done < len(self.source):
            steps, values = self.source.rows(done, done + most_rows)
            self.series.extend(steps, self._average.feed(values))
        return len(self.series) == len(self.source)
