import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Unet(nn.Module):
    """Takes input [B, 1, 128, 128]; returns [B, 2, 128, 128]; 31,030,658 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.down1_conv1 = nn.Conv2d(1, 64, 3, padding=1)
        self.down1_conv2 = nn.Conv2d(64, 64, 3, padding=1)
        self.down2_conv1 = nn.Conv2d(64, 128, 3, padding=1)
        self.down2_conv2 = nn.Conv2d(128, 128, 3, padding=1)
        self.down3_conv1 = nn.Conv2d(128, 256, 3, padding=1)
        self.down3_conv2 = nn.Conv2d(256, 256, 3, padding=1)
        self.down4_conv1 = nn.Conv2d(256, 512, 3, padding=1)
        self.down4_conv2 = nn.Conv2d(512, 512, 3, padding=1)
        self.bottom_conv1 = nn.Conv2d(512, 1024, 3, padding=1)
        self.bottom_conv2 = nn.Conv2d(1024, 1024, 3, padding=1)
        self.up4 = nn.ConvTranspose2d(1024, 512, 2, stride=2)
        self.up4_conv1 = nn.Conv2d(1024, 512, 3, padding=1)
        self.up4_conv2 = nn.Conv2d(512, 512, 3, padding=1)
        self.up3 = nn.ConvTranspose2d(512, 256, 2, stride=2)
        self.up3_conv1 = nn.Conv2d(512, 256, 3, padding=1)
        self.up3_conv2 = nn.Conv2d(256, 256, 3, padding=1)
        self.up2 = nn.ConvTranspose2d(256, 128, 2, stride=2)
        self.up2_conv1 = nn.Conv2d(256, 128, 3, padding=1)
        self.up2_conv2 = nn.Conv2d(128, 128, 3, padding=1)
        self.up1 = nn.ConvTranspose2d(128, 64, 2, stride=2)
        self.up1_conv1 = nn.Conv2d(128, 64, 3, padding=1)
        self.up1_conv2 = nn.Conv2d(64, 64, 3, padding=1)
        self.head = nn.Conv2d(64, 2, 1)

    def forward(self, input: Tensor) -> Tensor:
        x = self.down1_conv1(input)  # [B, 64, 128, 128]
        x = F.relu(x)  # [B, 64, 128, 128]
        x = self.down1_conv2(x)  # [B, 64, 128, 128]
        x = F.relu(x)  # [B, 64, 128, 128]
        y = F.max_pool2d(x, 2)  # [B, 64, 64, 64]
        y = self.down2_conv1(y)  # [B, 128, 64, 64]
        y = F.relu(y)  # [B, 128, 64, 64]
        y = self.down2_conv2(y)  # [B, 128, 64, 64]
        y = F.relu(y)  # [B, 128, 64, 64]
        z = F.max_pool2d(y, 2)  # [B, 128, 32, 32]
        z = self.down3_conv1(z)  # [B, 256, 32, 32]
        z = F.relu(z)  # [B, 256, 32, 32]
        z = self.down3_conv2(z)  # [B, 256, 32, 32]
        z = F.relu(z)  # [B, 256, 32, 32]
        u = F.max_pool2d(z, 2)  # [B, 256, 16, 16]
        u = self.down4_conv1(u)  # [B, 512, 16, 16]
        u = F.relu(u)  # [B, 512, 16, 16]
        u = self.down4_conv2(u)  # [B, 512, 16, 16]
        u = F.relu(u)  # [B, 512, 16, 16]
        v = F.max_pool2d(u, 2)  # [B, 512, 8, 8]
        v = self.bottom_conv1(v)  # [B, 1024, 8, 8]
        v = F.relu(v)  # [B, 1024, 8, 8]
        v = self.bottom_conv2(v)  # [B, 1024, 8, 8]
        v = F.relu(v)  # [B, 1024, 8, 8]
        v = self.up4(v)  # [B, 512, 16, 16]
        u = torch.cat((u, v), dim=1)  # [B, 1024, 16, 16]
        u = self.up4_conv1(u)  # [B, 512, 16, 16]
        u = F.relu(u)  # [B, 512, 16, 16]
        u = self.up4_conv2(u)  # [B, 512, 16, 16]
        u = F.relu(u)  # [B, 512, 16, 16]
        u = self.up3(u)  # [B, 256, 32, 32]
        z = torch.cat((z, u), dim=1)  # [B, 512, 32, 32]
        z = self.up3_conv1(z)  # [B, 256, 32, 32]
        z = F.relu(z)  # [B, 256, 32, 32]
        z = self.up3_conv2(z)  # [B, 256, 32, 32]
        z = F.relu(z)  # [B, 256, 32, 32]
        z = self.up2(z)  # [B, 128, 64, 64]
        y = torch.cat((y, z), dim=1)  # [B, 256, 64, 64]
        y = self.up2_conv1(y)  # [B, 128, 64, 64]
        y = F.relu(y)  # [B, 128, 64, 64]
        y = self.up2_conv2(y)  # [B, 128, 64, 64]
        y = F.relu(y)  # [B, 128, 64, 64]
        y = self.up1(y)  # [B, 64, 128, 128]
        x = torch.cat((x, y), dim=1)  # [B, 128, 128, 128]
        x = self.up1_conv1(x)  # [B, 64, 128, 128]
        x = F.relu(x)  # [B, 64, 128, 128]
        x = self.up1_conv2(x)  # [B, 64, 128, 128]
        x = F.relu(x)  # [B, 64, 128, 128]
        x = self.head(x)  # [B, 2, 128, 128]
        return x
