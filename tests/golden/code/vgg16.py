import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Vgg16(nn.Module):
    """Takes input [B, 3, 224, 224]; returns [B, 1000]; 138,357,544 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1_1 = nn.Conv2d(3, 64, 3, padding=1)
        self.conv1_2 = nn.Conv2d(64, 64, 3, padding=1)
        self.conv2_1 = nn.Conv2d(64, 128, 3, padding=1)
        self.conv2_2 = nn.Conv2d(128, 128, 3, padding=1)
        self.conv3_1 = nn.Conv2d(128, 256, 3, padding=1)
        self.conv3_2 = nn.Conv2d(256, 256, 3, padding=1)
        self.conv3_3 = nn.Conv2d(256, 256, 3, padding=1)
        self.conv4_1 = nn.Conv2d(256, 512, 3, padding=1)
        self.conv4_2 = nn.Conv2d(512, 512, 3, padding=1)
        self.conv4_3 = nn.Conv2d(512, 512, 3, padding=1)
        self.conv5_1 = nn.Conv2d(512, 512, 3, padding=1)
        self.conv5_2 = nn.Conv2d(512, 512, 3, padding=1)
        self.conv5_3 = nn.Conv2d(512, 512, 3, padding=1)
        self.fc1 = nn.Linear(25088, 4096)
        self.fc1_drop = nn.Dropout(0.5)
        self.fc2 = nn.Linear(4096, 4096)
        self.fc2_drop = nn.Dropout(0.5)
        self.fc3 = nn.Linear(4096, 1000)

    def forward(self, input: Tensor) -> Tensor:
        x = self.conv1_1(input)  # [B, 64, 224, 224]
        x = F.relu(x)  # [B, 64, 224, 224]
        x = self.conv1_2(x)  # [B, 64, 224, 224]
        x = F.relu(x)  # [B, 64, 224, 224]
        x = F.max_pool2d(x, 2)  # [B, 64, 112, 112]
        x = self.conv2_1(x)  # [B, 128, 112, 112]
        x = F.relu(x)  # [B, 128, 112, 112]
        x = self.conv2_2(x)  # [B, 128, 112, 112]
        x = F.relu(x)  # [B, 128, 112, 112]
        x = F.max_pool2d(x, 2)  # [B, 128, 56, 56]
        x = self.conv3_1(x)  # [B, 256, 56, 56]
        x = F.relu(x)  # [B, 256, 56, 56]
        x = self.conv3_2(x)  # [B, 256, 56, 56]
        x = F.relu(x)  # [B, 256, 56, 56]
        x = self.conv3_3(x)  # [B, 256, 56, 56]
        x = F.relu(x)  # [B, 256, 56, 56]
        x = F.max_pool2d(x, 2)  # [B, 256, 28, 28]
        x = self.conv4_1(x)  # [B, 512, 28, 28]
        x = F.relu(x)  # [B, 512, 28, 28]
        x = self.conv4_2(x)  # [B, 512, 28, 28]
        x = F.relu(x)  # [B, 512, 28, 28]
        x = self.conv4_3(x)  # [B, 512, 28, 28]
        x = F.relu(x)  # [B, 512, 28, 28]
        x = F.max_pool2d(x, 2)  # [B, 512, 14, 14]
        x = self.conv5_1(x)  # [B, 512, 14, 14]
        x = F.relu(x)  # [B, 512, 14, 14]
        x = self.conv5_2(x)  # [B, 512, 14, 14]
        x = F.relu(x)  # [B, 512, 14, 14]
        x = self.conv5_3(x)  # [B, 512, 14, 14]
        x = F.relu(x)  # [B, 512, 14, 14]
        x = F.max_pool2d(x, 2)  # [B, 512, 7, 7]
        x = F.adaptive_avg_pool2d(x, 7)  # [B, 512, 7, 7]
        x = torch.flatten(x, 1)  # [B, 25088]
        x = self.fc1(x)  # [B, 4096]
        x = F.relu(x)  # [B, 4096]
        x = self.fc1_drop(x)  # [B, 4096]
        x = self.fc2(x)  # [B, 4096]
        x = F.relu(x)  # [B, 4096]
        x = self.fc2_drop(x)  # [B, 4096]
        x = self.fc3(x)  # [B, 1000]
        return x
