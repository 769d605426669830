from torch import Tensor, nn
from torch.nn import functional as F


class Mlp(nn.Module):
    """Takes input [B, 784]; returns [B, 10]; 109,386 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(784, 128)
        self.fc2 = nn.Linear(128, 64)
        self.fc3 = nn.Linear(64, 10)

    def forward(self, input: Tensor) -> Tensor:
        x = self.fc1(input)  # [B, 128]
        x = F.relu(x)  # [B, 128]
        x = self.fc2(x)  # [B, 64]
        x = F.relu(x)  # [B, 64]
        x = self.fc3(x)  # [B, 10]
        return x
