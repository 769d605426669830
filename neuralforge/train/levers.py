"""The optimizer, and how knob values reach it and the layers."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from neuralforge.graph.graph import Graph
from neuralforge.graph.inference import Catalog
from neuralforge.layers.spec import BoundRule
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
    """Carries committed knob values to the optimizer and the layers.

    Args:
        model: The module that trains.
        optimizer: Its optimizer.
        graph: The network.
        catalog: Its layers.
        paths: Node id -> path of its module.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        graph: Graph,
        catalog: Catalog,
        paths: Mapping[str, str],
    ) -> None:
        self._model = model
        self._optimizer = optimizer
        (self.group,) = optimizer.param_groups
        self._modules = {node_id: model.get_submodule(path) for node_id, path in paths.items()}
        self._live: dict[str, tuple[nn.Module, str]] = {}
        for node_id in self._modules:
            rule: BoundRule = catalog.bind(graph.nodes[node_id])  # type: ignore[assignment]
            assert rule.spec is not None
            for attribute in rule.spec.live.values():
                self._live[f"{node_id}.dropout"] = (self._modules[node_id], attribute)
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
                    self._fill_momentum()
            elif key in ("beta1", "beta2"):
                self.group["betas"] = (values["beta1"], values["beta2"])
            elif key in self._live:
                module, attribute = self._live[key]
                setattr(module, attribute, value)
            elif key.endswith(".frozen"):
                self._freeze(key.removesuffix(".frozen"), bool(value))

    def _fill_momentum(self) -> None:
        """Give RMSprop the buffers that it makes only for parameters which it meets while there is momentum."""
        if not isinstance(self._optimizer, torch.optim.RMSprop):
            return
        for parameter, state in self._optimizer.state.items():
            if state and "momentum_buffer" not in state:
                state["momentum_buffer"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)

    def _freeze(self, node_id: str, frozen: bool) -> None:
        module = self._modules[node_id]
        for parameter in module.parameters():
            parameter.requires_grad_(not frozen)
            if frozen:
                parameter.grad = None
        (self._frozen.add if frozen else self._frozen.discard)(node_id)
        self._still = [
            part
            for name in self._frozen
            for part in self._modules[name].modules()
            if getattr(part, "running_mean", None) is not None
        ]
        self.training_mode()

    def training_mode(self) -> None:
        """Put the model into training mode; statistics of frozen normalisations stay as they are."""
        self._model.train()
        for module in self._still:
            module.eval()
