"""Where a NaN or an infinity began."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

Probe = Callable[..., Iterator[tuple[str, str, Tensor]]]


def first_nonfinite(model: nn.Module, paths: Mapping[str, str], probe: Probe, x: Tensor) -> str:
    """Say where the first value that is not finite stands in a forward pass.

    Args:
        model: The module, in the mode in which the value arose.
        paths: Node id -> path of its submodule.
        probe: Function from `neuralforge.codegen.module.generate_probe`.
        x: The batch.

    Returns:
        Words such as "in the output of conv1", "in the weights of fc2" or "in the loss itself".
    """
    if not _finite(x):
        return "in the input"
    for node_id, path in paths.items():
        for name, tensor in model.get_submodule(path).named_parameters():
            if not _finite(tensor):
                return f"in the weights of {node_id} ({name})"
    with torch.no_grad():
        for node_id, _port, value in probe(model, x):
            if not _finite(value):
                return f"in the output of {node_id}"
    return "in the loss itself"


def _finite(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())
