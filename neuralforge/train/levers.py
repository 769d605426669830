"""The optimizer, and how knob values reach it and the layers."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from neuralforge.train.subject import Part
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.knobs import KnobValue


def make_optimizer(config: TrainConfig, model: nn.Module) -> torch.optim.Optimizer:
    """Make the optimizer of a run over all parameters of a model, in one group."""
    values = {"lr": config.lr, "weight_decay": config.weight_decay}
    parameters = model.parameters()
    match config.optimizer:
        case "sgd":
            return torch.optim.SGD(parameters, momentum=config.momentum, **values)  # type: ignore[arg-type]
        case "adam":
            return torch.optim.Adam(parameters, betas=(config.beta1, config.beta2), **values)  # type: ignore[arg-type]
        case "adamw":
            return torch.optim.AdamW(parameters, betas=(config.beta1, config.beta2), **values)  # type: ignore[arg-type]
        case "rmsprop":
            return torch.optim.RMSprop(parameters, momentum=config.momentum, **values)  # type: ignore[arg-type]


class Levers:
    """Carries committed knob values to the optimizer and the modules.

    Args:
        model: The module that trains.
        optimizer: Its optimizer.
        parts: Node -> what `<node>.frozen` freezes.
        live: Key of another knob of a node -> module and attribute that it sets.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        parts: Mapping[str, Part],
        live: Mapping[str, tuple[nn.Module, str]],
    ) -> None:
        self._model = model
        self._optimizer = optimizer
        (self.group,) = optimizer.param_groups
        self._parts = parts
        self._live = live
        self._still: list[nn.Module] = []
        self._frozen: set[str] = set()

    def apply(self, changes: Mapping[str, KnobValue], values: Mapping[str, KnobValue]) -> None:
        """Bring changes into force.

        Args:
            changes: What has changed.
            values: All values, the changes included.
        """
        for key, value in changes.items():
            if key in ("momentum", "weight_decay"):
                self.group[key] = value
                if key == "momentum" and value:
                    fill_momentum(self._optimizer)
            elif key in ("beta1", "beta2"):
                self.group["betas"] = (values["beta1"], values["beta2"])
            elif key in self._live:
                module, attribute = self._live[key]
                setattr(module, attribute, value)
            elif key.endswith(".frozen"):
                self._freeze(key.removesuffix(".frozen"), bool(value))

    def _freeze(self, node_id: str, frozen: bool) -> None:
        for parameter in self._parts[node_id].parameters:
            parameter.requires_grad_(not frozen)
            if frozen:
                parameter.grad = None
        (self._frozen.add if frozen else self._frozen.discard)(node_id)
        self._still = [
            part
            for name in self._frozen
            for part in self._parts[name].module.modules()
            if getattr(part, "running_mean", None) is not None
        ]
        self.training_mode()

    def training_mode(self) -> None:
        """Put the model into training mode; statistics of frozen normalisations stay as they are."""
        self._model.train()
        for module in self._still:
            module.eval()


def fill_momentum(optimizer: torch.optim.Optimizer) -> None:
    """Give RMSprop the buffers that it makes only for parameters which it meets while there is momentum."""
    if not isinstance(optimizer, torch.optim.RMSprop):
        return
    for parameter, state in optimizer.state.items():
        if state and "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
