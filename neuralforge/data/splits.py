"""Dividing a data set into train, validation and test: seeded, stratified, complete."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuralforge.data.seeds import derive_seed
from neuralforge.data.source import RawData
from neuralforge.errors import UserError

_NAMES = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Splits:
    """Which samples belong to which part.

    Args:
        train: Sorted int64 indices of samples, never empty.
        validation: The same, empty where its fraction is 0.
        test: The same, empty where its fraction is 0. The three are disjoint and cover all samples.
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def split(
    raw: RawData,
    fractions: Sequence[float] = (0.7, 0.15, 0.15),
    *,
    seed: int,
    stratify: bool = True,
) -> Splits:
    """Divide a data set.

    Each class is divided by the method of largest remainders (every part gets its share rounded down, what is left
    goes to the largest fractions of a sample), where what earlier classes lost to rounding counts too, so that the
    parts also keep their sizes over all classes. Every class has at least one sample in train, and a part whose
    fraction is not 0 has at least one sample.

    Args:
        raw: The data.
        fractions: Shares of train, validation and test, which sum to 1; the last two may be 0.
        seed: Seed of the run.
        stratify: Keep the share of each class in all parts; only classification has classes to keep.

    Returns:
        The indices of each part.

    Raises:
        UserError: Fractions that make no sense, or too few samples for that many parts.
    """
    shares = _checked(fractions)
    count, place = raw.info.samples, raw.info.name
    if stratify and raw.info.task == "classification":
        groups = [np.flatnonzero(raw.targets == index) for index in range(raw.info.outputs)]
        groups = [group for group in groups if len(group)]
    else:
        groups = [np.arange(count)]
    amounts = _divide([len(group) for group in groups], shares)
    if not _fill_empty(amounts, shares):
        parts = sum(share > 0 for share in shares)
        raise UserError(
            f"{place}: {count} samples in {len(groups)} {'group' if len(groups) == 1 else 'classes'} are too few for "
            f"{parts} parts with every class in train; set fractions to 0. Received: {_shown(shares)}."
        )
    rng = np.random.default_rng(derive_seed(seed, "split"))
    pieces: tuple[list[NDArray[np.int64]], ...] = ([], [], [])
    for group, amount in zip(groups, amounts, strict=True):
        shuffled = rng.permutation(group)
        for part, piece in enumerate(np.split(shuffled, np.cumsum(amount)[:2])):
            pieces[part].append(piece)
    joined = [np.sort(np.concatenate(part)).astype(np.int64) for part in pieces]
    for array in joined:
        array.flags.writeable = False
    return Splits(*joined)


def _checked(fractions: Sequence[float]) -> tuple[float, float, float]:
    shares = tuple(fractions)
    usable = len(shares) == 3 and all(
        isinstance(share, int | float) and math.isfinite(share) and share >= 0 for share in shares
    )
    if not usable or shares[0] <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise UserError(
            "Fractions must be three numbers for train (above 0), validation and test that sum to 1. "
            f"Received: {_shown(shares)}."
        )
    total = sum(shares)
    return shares[0] / total, shares[1] / total, shares[2] / total


def _shown(shares: Sequence[float]) -> str:
    return ", ".join(str(share) for share in shares)


def _divide(sizes: Sequence[int], shares: tuple[float, float, float]) -> list[list[int]]:
    """Apportion every group; each amount is its exact share rounded down or up, but for the one kept for train."""
    owed = [0.0, 0.0, 0.0]  # what rounding has withheld from each part so far
    amounts = []
    for size in sizes:
        exact = [size * share for share in shares]
        amount = [math.floor(value + 1e-9) for value in exact]
        claims = sorted(
            (part for part in range(3) if exact[part] - amount[part] > 1e-9),
            key=lambda part: (-(exact[part] - amount[part] + owed[part]), part),
        )
        for part in claims[: size - sum(amount)]:
            amount[part] += 1
        assert sum(amount) == size
        if amount[0] == 0:
            amount[max((1, 2), key=lambda part: amount[part])] -= 1
            amount[0] = 1
        for part in range(3):
            owed[part] += exact[part] - amount[part]
        amounts.append(amount)
    return amounts


def _fill_empty(amounts: list[list[int]], shares: tuple[float, float, float]) -> bool:
    """Give each wanted but empty part one sample of the fullest group; say whether that was possible."""
    for part in (1, 2):
        if shares[part] == 0 or any(amount[part] for amount in amounts):
            continue
        other = 3 - part
        if any(amount[0] > 1 for amount in amounts):
            giver, source = max(amounts, key=lambda amount: amount[0]), 0
        elif sum(amount[other] for amount in amounts) > 1:
            giver, source = max(amounts, key=lambda amount: amount[other]), other
        else:
            return False
        giver[source] -= 1
        giver[part] += 1
    return True
