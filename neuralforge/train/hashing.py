"""The digest by which weights are compared."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn


def state_of(model: nn.Module) -> dict[str, Tensor]:
    """Return all parameters and buffers of a module by name."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def weights_sha256(model: nn.Module) -> str:
    """Return the SHA-256 over all parameters and buffers of a module, see `tensors_sha256`."""
    return tensors_sha256(state_of(model))


def tensors_sha256(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 over tensors in the order of their names.

    For each: the name in UTF-8, a zero byte, the dtype (for example float32), a zero byte, the sizes in decimal with
    commas between, a zero byte, and the elements in row-major order, little-endian.

    Args:
        tensors: Tensors by name, on any device.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach()
        shape = ",".join(str(size) for size in tensor.shape)
        digest.update(f"{name}\0{str(tensor.dtype).removeprefix('torch.')}\0{shape}\0".encode())
        digest.update(tensor.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
