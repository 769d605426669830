"""Lets a window look into a loop that a person writes: at sampled turns, in the person's own forward pass and update.

Hooks are there for a sampled turn alone, read and change nothing. Modules that were compiled may not call them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from neuralforge.train.glimpse import stats
from neuralforge.train.gradients import GradientLook, Owner, Pace
from neuralforge.workbench.looks import NodeLook

ROOT = "(model)"
"""Node id of the model itself, whose path is ""; all others have their path."""


class LoopWatch(GradientLook):
    """Looks into one own loop.

    It has what `Watch` has, as far as that can be seen from outside: `wants` and `node`, which the window sets, and
    `layers`, `gradients`, `node_look` and `trouble`, which it reads. A node is a module, its id is the path. What would
    need a forward pass of its own stays None.

    The activations of a `NodeLook` are those of the turn: of its batch, in the mode that the person's code has set.

    Args:
        model: What trains.
        optimizer: Its optimizer.
        now: Clock in seconds.
    """

    maps = None
    boundary = None
    prediction = None

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, now: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__((), now=now)
        self.node: str | None = None
        self.node_look: NodeLook | None = None
        self._model = model
        self._optimizer = optimizer
        self._wishes: tuple[object, ...] = ()
        self._known: list[tuple[str, int]] = []
        self._handles: list[RemovableHandle] = []
        self._step = 0
        self._is_sampling = False
        self._node_pace = Pace(0.01, 0.25)
        self._looked: tuple[str | None, int] = None, 0

    def before_turn(self, step: int) -> None:
        """Put hooks where something is due in a turn.

        Args:
            step: The turn.
        """
        if not self.wants:
            return
        self._step = step
        wishes = (self.wants, self.node)
        if wishes != self._wishes:
            self._wishes = wishes
            self._failed.clear()
            self.trouble = None
        now_secs = self._now()
        if "gradients" in self.wants and "gradients" not in self._failed and now_secs >= self._pace.due_secs:
            self._handles += [
                self._optimizer.register_step_pre_hook(self._before_optimizer),
                self._optimizer.register_step_post_hook(self._after_optimizer),
            ]
        node = self.node
        is_due = now_secs >= self._node_pace.due_secs or node != self._looked[0]
        if "node" in self.wants and node is not None and "node" not in self._failed and is_due:
            self._look_at(node)

    @property
    def is_looking(self) -> bool:
        """Whether there is something to take away after the turn."""
        return bool(self._handles)

    def after_turn(self) -> None:
        """Take the hooks away."""
        if self._handles:
            for handle in self._handles:
                handle.remove()
            self._handles = []
            self._is_sampling = False
            self._norms, self._before = [], []

    # Gradients

    def _before_optimizer(self, *_: Any) -> None:
        if not self._is_sampling:
            self._is_sampling = self._own_what_is_there() and self.before_update()

    def _after_optimizer(self, *_: Any) -> None:
        if self._is_sampling and self._norms:  # of several updates in a turn the first one counts
            self.after_update(self._step)

    def _own_what_is_there(self) -> bool:
        """Take in the modules, which the person's code may have replaced; return whether that was possible."""
        try:
            owners = list(_owners(self._model))
            known = [(node, id(parameter)) for node, _, parameters in owners for parameter in parameters]
            if known != self._known:
                self._known = known
                self._own(owners)
        except Exception as error:
            self._give_up("gradients", error)
            return False
        return True

    def _gradient_scale(self) -> float:
        scale = getattr(self._optimizer, "grad_scale", None)  # a GradScaler leaves the division to a fused optimizer
        return 1.0 if scale is None else float(scale)

    # One module

    def _look_at(self, node: str) -> None:
        try:
            module = self._model if node == ROOT else self._model.get_submodule(node)
        except AttributeError:
            return  # a module of another model, or of one that was replaced
        try:
            self._handles.append(module.register_forward_hook(partial(self._after_forward, node)))
        except Exception as error:
            self._give_up("node", error)

    def _after_forward(self, node: str, module: nn.Module, _inputs: object, output: object) -> None:
        if self._looked == (node, self._step):  # of several forward passes in a turn the first one counts
            return
        began_secs = self._now()
        self._looked = node, self._step
        try:
            with torch.no_grad():
                weights = [parameter.detach() for parameter in module.parameters()]
                value = _first_tensor(output)
                self.node_look = NodeLook(
                    step=self._step - 1,
                    node=node,
                    weights=stats(weights) if weights else None,
                    activations=None if value is None else stats([value.detach()]),
                )
        except Exception as error:
            self._give_up("node", error)
        self._node_pace.spent(began_secs, self._now())


def _owners(model: nn.Module) -> Iterator[Owner]:
    for path, module in model.named_modules():
        parameters: list[Tensor] = list(module.parameters(recurse=False))
        if parameters:
            yield path or ROOT, path, parameters


def _first_tensor(output: object) -> Tensor | None:
    if isinstance(output, Tensor):
        return output
    parts = output.values() if isinstance(output, Mapping) else output if isinstance(output, tuple | list) else ()
    return next((found for part in parts if (found := _first_tensor(part)) is not None), None)
