import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Lenet5(nn.Module):
    """Takes input [B, 1, 32, 32]; returns [B, 10]; 61,706 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, input: Tensor) -> Tensor:
        x = self.conv1(input)  # [B, 6, 28, 28]
        x = torch.tanh(x)  # [B, 6, 28, 28]
        x = F.avg_pool2d(x, 2)  # [B, 6, 14, 14]
        x = self.conv2(x)  # [B, 16, 10, 10]
        x = torch.tanh(x)  # [B, 16, 10, 10]
        x = F.avg_pool2d(x, 2)  # [B, 16, 5, 5]
        x = torch.flatten(x, 1)  # [B, 400]
        x = self.fc1(x)  # [B, 120]
        x = torch.tanh(x)  # [B, 120]
        x = self.fc2(x)  # [B, 84]
        x = torch.tanh(x)  # [B, 84]
        x = self.fc3(x)  # [B, 10]
        return x
