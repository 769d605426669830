"""Schedules: pure functions from progress to a factor on the base learning rate.

Progress is the part of the run that is done, from 0 to 1, over a horizon that the configuration fixes. The knob stays
the base, so a schedule never overwrites what a hand has set.
"""

from __future__ import annotations

import math

from neuralforge.workbench.config import TrainConfig

ONE_CYCLE_RISE = 0.3
ONE_CYCLE_START = 1 / 25
ONE_CYCLE_END = ONE_CYCLE_START / 1e4


def factor(config: TrainConfig, progress: float) -> float:
    """Return the factor in force.

    Args:
        config: Gives the schedule and its parameters.
        progress: Part of the run that is done, from 0 to 1.

    Returns:
        The factor. `step`: gamma to the number of milestones passed. `cosine`: half a cosine from 1 to min_factor
        (Loshchilov and Hutter, "SGDR", 2017, without restarts). `one_cycle`: from 1/25 up to 1 over the first 30 %,
        then down to 4e-6, both as half cosines (Smith and Topin, "Super-Convergence", 2018, with the defaults of
        PyTorch; momentum is left to its knob). `warmup` multiplies each by a straight rise from 0.
    """
    progress = min(max(progress, 0.0), 1.0)
    value = 1.0
    if config.schedule == "step":
        value = config.gamma ** sum(progress >= milestone for milestone in config.milestones)
    elif config.schedule == "cosine":
        value = _half_cosine(1.0, config.min_factor, progress)
    elif config.schedule == "one_cycle":
        if progress < ONE_CYCLE_RISE:
            value = _half_cosine(ONE_CYCLE_START, 1.0, progress / ONE_CYCLE_RISE)
        else:
            value = _half_cosine(1.0, ONE_CYCLE_END, (progress - ONE_CYCLE_RISE) / (1 - ONE_CYCLE_RISE))
    if progress < config.warmup:
        value *= progress / config.warmup
    return value


def is_constant(config: TrainConfig) -> bool:
    """Tell whether the factor is 1 all along."""
    return config.schedule == "constant" and config.warmup == 0


def _half_cosine(start: float, end: float, part: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * part)) / 2
