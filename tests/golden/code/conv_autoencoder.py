from torch import Tensor, nn
from torch.nn import functional as F


class ConvAutoencoder(nn.Module):
    """Takes input [B, 1, 28, 28]; returns [B, 1, 28, 28]; 42,245 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.enc1 = nn.Conv2d(1, 32, 3, stride=2, padding=1)
        self.enc2 = nn.Conv2d(32, 64, 3, stride=2, padding=1)
        self.latent = nn.Conv2d(64, 4, 3, padding=1)
        self.dec = nn.Conv2d(4, 64, 3, padding=1)
        self.dec2 = nn.ConvTranspose2d(64, 32, 3, stride=2, padding=1, output_padding=1)
        self.dec1 = nn.ConvTranspose2d(32, 1, 3, stride=2, padding=1, output_padding=1)

    def forward(self, input: Tensor) -> Tensor:
        x = self.enc1(input)  # [B, 32, 14, 14]
        x = F.relu(x)  # [B, 32, 14, 14]
        x = self.enc2(x)  # [B, 64, 7, 7]
        x = F.relu(x)  # [B, 64, 7, 7]
        x = self.latent(x)  # [B, 4, 7, 7]
        x = self.dec(x)  # [B, 64, 7, 7]
        x = F.relu(x)  # [B, 64, 7, 7]
        x = self.dec2(x)  # [B, 32, 14, 14]
        x = F.relu(x)  # [B, 32, 14, 14]
        x = self.dec1(x)  # [B, 1, 28, 28]
        return x
