"""Which samples come next: a permutation of (seed, epoch) and a cursor that walks it.

The order belongs to the epoch and not to the batches: whoever changes the batch size on the way still sees the same
samples in the same order, each once.
"""

from __future__ import annotations

import torch

from neuralforge.data.seeds import derive_seed


def permutation(seed: int, epoch: int, n: int) -> torch.Tensor:
    """Give the order of an epoch.

    Args:
        seed: Seed of the run.
        epoch: Number of the epoch.
        n: How many samples there are.

    Returns:
        int64 [n] on the CPU, each of 0 .. n - 1 once; drawn by `torch.randperm` from a generator of its own.
    """
    generator = torch.Generator(device="cpu")
    generator.manual_seed(derive_seed(seed, "order", epoch))
    return torch.randperm(n, generator=generator)


def next_batch_size(cursor: int, n: int, batch_size: int) -> int:
    """Say how many samples the next batch takes.

    A single sample that would be left for the end joins the batch before it, since batch statistics of one sample do
    not exist; that batch is one larger than asked. So batches of one occur only where a batch size of one is asked
    for, or one was and its successor finds a single sample left, or n is 1.

    Args:
        cursor: Samples of this epoch that were taken before, 0 .. n.
        n: Samples of an epoch.
        batch_size: Samples that are asked for, at least 1.

    Returns:
        The size; 0 where the epoch is over.

    Raises:
        ValueError: A cursor outside of 0 .. n, or a batch size below 1.
    """
    if not 0 <= cursor <= n or batch_size < 1:
        raise ValueError(f"cursor {cursor} of {n} samples, batch size {batch_size}")
    left = n - cursor
    if batch_size > 1 and left == batch_size + 1:
        return left
    return min(batch_size, left)


def batches_in_epoch(n: int, batch_size: int) -> int:
    """Count the batches of an epoch that is walked with one batch size.

    Args:
        n: Samples of an epoch.
        batch_size: Samples of a batch, at least 1.

    Returns:
        The number of batches.
    """
    whole, rest = divmod(n, batch_size)
    joined = rest == 1 and batch_size > 1 and whole > 0
    return whole + (rest > 0 and not joined)


class EpochOrder:
    """A walk through the epochs, whose place is two numbers: epoch and cursor.

    Args:
        seed: Seed of the run.
        n: Samples of an epoch, at least 1.
        epoch: Epoch to begin or go on in.
        cursor: Samples of that epoch that were taken before.

    Attributes:
        epoch: The epoch of the batch taken last, or to be taken first.
        cursor: How many samples of it have been taken.
    """

    def __init__(self, seed: int, n: int, *, epoch: int = 0, cursor: int = 0) -> None:
        if n < 1 or not 0 <= cursor <= n or epoch < 0:
            raise ValueError(f"epoch {epoch}, cursor {cursor} of {n} samples")
        self._seed = seed
        self._n = n
        self.epoch = epoch
        self.cursor = cursor
        self._indices = permutation(seed, epoch, n)

    @property
    def at_end(self) -> bool:
        """Whether all samples of the epoch have been taken; the next batch then begins another epoch."""
        return self.cursor == self._n

    def take(self, batch_size: int) -> torch.Tensor:
        """Take the next samples, from the next epoch where this one is over.

        Args:
            batch_size: Samples that are asked for, at least 1; see `next_batch_size`.

        Returns:
            int64 [samples], a view of the order that must not be written to.
        """
        if self.at_end:
            self.epoch += 1
            self.cursor = 0
            self._indices = permutation(self._seed, self.epoch, self._n)
        begin = self.cursor
        self.cursor += next_batch_size(begin, self._n, batch_size)
        return self._indices[begin : self.cursor]
