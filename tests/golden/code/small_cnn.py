import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SmallCnn(nn.Module):
    """Takes input [B, 1, 28, 28]; returns [B, 10]; 93,962 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.fc1 = nn.Linear(576, 128)
        self.drop = nn.Dropout(0.25)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, input: Tensor) -> Tensor:
        x = self.conv1(input)  # [B, 32, 28, 28]
        x = F.relu(x)  # [B, 32, 28, 28]
        x = F.max_pool2d(x, 2)  # [B, 32, 14, 14]
        x = self.conv2(x)  # [B, 64, 14, 14]
        x = F.relu(x)  # [B, 64, 14, 14]
        x = F.max_pool2d(x, 2)  # [B, 64, 7, 7]
        x = F.avg_pool2d(x, 2)  # [B, 64, 3, 3]
        x = torch.flatten(x, 1)  # [B, 576]
        x = self.fc1(x)  # [B, 128]
        x = F.relu(x)  # [B, 128]
        x = self.drop(x)  # [B, 128]
        x = self.fc2(x)  # [B, 10]
        return x
