"""The look at the gradients of an update: noted before it, compared with the weights after it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from neuralforge.workbench.looks import GradientHistory, GradientRecord, LayerLook, LayersLook

MAX_COPIED = 20_000_000
"""Parameters of a model up to which a sampled update is compared with a copy of the weights before it."""

Owner = tuple[str, str, Sequence[Tensor]]
"""A node, the path of its module, and its parameters."""


class Pace:
    """Says when something may be done again: after a gap, and after so long that it takes no more than its share.

    Args:
        share: Greatest part of the time that it may take.
        gap_secs: Least time from its end to its next beginning.
    """

    def __init__(self, share: float, gap_secs: float) -> None:
        self._waits = 1 / share - 1
        self._gap_secs = gap_secs
        self.due_secs = -math.inf

    def spent(self, began_secs: float, ended_secs: float) -> None:
        """Note that it was done."""
        self.due_secs = ended_secs + max(self._gap_secs, (ended_secs - began_secs) * self._waits)


class GradientLook:
    """Looks at the gradients of an update now and then, as long as they are wanted; changes nothing.

    Args:
        owners: What has parameters.
        most_copied: Parameters in all up to which a copy of the weights is kept over the update.
        now: Clock in seconds.

    Attributes:
        wants: What is to be looked at; "gradients" is the affair of this class.
        layers: What the last look saw.
        gradients: Norms of all looks.
        trouble: A sentence on a look that failed.
    """

    def __init__(
        self, owners: Sequence[Owner], most_copied: int = MAX_COPIED, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.wants: frozenset[str] = frozenset()
        self.layers: LayersLook | None = None
        self.gradients: GradientHistory | None = None
        self.trouble: str | None = None
        self._failed: set[str] = set()
        self._now = now
        self._pace = Pace(0.02, 0.25)
        self._began_secs = self._paused_secs = 0.0
        self._scale = 1.0
        self._with_gradient: list[bool] = []
        self._norms: list[Tensor] = []
        self._before: list[Tensor] = []
        self._most_copied = most_copied
        self._own(owners)

    def _own(self, owners: Sequence[Owner]) -> None:
        """Say what has parameters; the norms of earlier looks are those of other nodes."""
        self._owners = list(owners)
        self._parameters: list[Tensor] = [parameter for _, _, parameters in owners for parameter in parameters]
        self._copies = sum(parameter.numel() for parameter in self._parameters) <= self._most_copied
        self._record = GradientRecord(tuple(node for node, _, _ in owners))

    def _gradient_scale(self) -> float:
        """Return by how much the gradients are too large."""
        return 1.0

    def _is_frozen(self, node: str, parameters: Sequence[Tensor]) -> bool:
        """Tell whether a node is kept as it is."""
        return not any(parameter.requires_grad for parameter in parameters)

    def _give_up(self, key: str, error: Exception) -> None:
        """Turn a look off, since it failed; training goes on."""
        self._failed.add(key)
        self.trouble = f"The look at {key} has failed and is off: {type(error).__name__}: {str(error)[:300]}"

    def before_update(self) -> bool:
        """Note the gradients if a sample is due; to be called when they are there, before anything changes them.

        Returns:
            Whether `after_update` is to be called.
        """
        if "gradients" not in self.wants or "gradients" in self._failed:
            return False
        self._began_secs = self._now()
        if self._began_secs < self._pace.due_secs:
            return False
        try:
            with torch.no_grad():
                self._note_before()
        except Exception as error:
            self._give_up("gradients", error)
            return False
        self._paused_secs = self._now()
        return True

    def _note_before(self) -> None:
        self._scale = self._gradient_scale()
        gradients = [parameter.grad for parameter in self._parameters]
        self._with_gradient = [gradient is not None for gradient in gradients]
        there = [gradient for gradient in gradients if gradient is not None]
        self._norms = [*(torch._foreach_norm(there) if there else ()), *torch._foreach_norm(self._parameters)]
        self._before = [parameter.clone() for parameter in self._parameters] if self._copies else []

    def after_update(self, step: int) -> None:
        """Compare the weights with those before the update, and publish the look.

        Args:
            step: The update that was just made.
        """
        resumed_secs = self._now()
        try:
            with torch.no_grad():
                self._publish(step)
        except Exception as error:
            self._give_up("gradients", error)
        finally:
            self._norms, self._before = [], []
        began_secs = resumed_secs - (self._paused_secs - self._began_secs)  # less the update itself
        self._pace.spent(began_secs, self._now())

    def _publish(self, step: int) -> None:
        changes: tuple[Tensor, ...] | list[Tensor] = ()
        if self._before:
            torch._foreach_sub_(self._before, self._parameters)
            changes = torch._foreach_norm(self._before)
        numbers = iter(torch.stack([*self._norms, *changes]).tolist())  # one transfer from the device
        gradients = [next(numbers) / self._scale if there else None for there in self._with_gradient]
        weights = [next(numbers) for _ in self._parameters]
        changed = list(numbers)
        layers, place = [], 0
        for node, path, parameters in self._owners:
            mine = slice(place, place + len(parameters))
            place += len(parameters)
            frozen = self._is_frozen(node, parameters)
            there = [norm for norm in gradients[mine] if norm is not None]
            weight_norm = math.hypot(*weights[mine])
            comparable = bool(changed) and not frozen and weight_norm > 0
            layers.append(
                LayerLook(
                    node=node,
                    path=path,
                    gradient_norm=math.hypot(*there) if there else None,
                    weight_norm=weight_norm,
                    update_ratio=math.hypot(*changed[mine]) / weight_norm if comparable else None,
                    frozen=frozen,
                )
            )
        norms = [math.nan if layer.gradient_norm is None else layer.gradient_norm for layer in layers]
        self.gradients = self._record.add(step, norms)
        self.layers = LayersLook(step=step, layers=tuple(layers))
