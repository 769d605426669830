"""The tiny network and its data that all three loops of this folder train."""

from __future__ import annotations

import torch
from torch import Tensor, nn

STEPS = 1000
"""Turns of a pass."""
BATCH_SIZE = 64

Batches = list[tuple[Tensor, Tensor]]


def parts() -> tuple[nn.Module, torch.optim.Optimizer, nn.Module, Batches]:
    """Return model, optimizer, criterion and batches; the same each time."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    x = torch.randn(STEPS * BATCH_SIZE, 2, generator=generator)
    y = (x[:, 0] * x[:, 1] > 0).long()
    return model, optimizer, nn.CrossEntropyLoss(), list(zip(x.split(BATCH_SIZE), y.split(BATCH_SIZE), strict=True))
