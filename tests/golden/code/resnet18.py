import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Resnet18(nn.Module):
    """Takes input [B, 3, 224, 224]; returns [B, 1000]; 11,689,512 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1_0_conv1 = nn.Conv2d(64, 64, 3, padding=1, bias=False)
        self.layer1_0_bn1 = nn.BatchNorm2d(64)
        self.layer1_0_conv2 = nn.Conv2d(64, 64, 3, padding=1, bias=False)
        self.layer1_0_bn2 = nn.BatchNorm2d(64)
        self.layer1_1_conv1 = nn.Conv2d(64, 64, 3, padding=1, bias=False)
        self.layer1_1_bn1 = nn.BatchNorm2d(64)
        self.layer1_1_conv2 = nn.Conv2d(64, 64, 3, padding=1, bias=False)
        self.layer1_1_bn2 = nn.BatchNorm2d(64)
        self.layer2_0_conv1 = nn.Conv2d(64, 128, 3, stride=2, padding=1, bias=False)
        self.layer2_0_bn1 = nn.BatchNorm2d(128)
        self.layer2_0_conv2 = nn.Conv2d(128, 128, 3, padding=1, bias=False)
        self.layer2_0_bn2 = nn.BatchNorm2d(128)
        self.layer2_0_downsample_0 = nn.Conv2d(64, 128, 1, stride=2, bias=False)
        self.layer2_0_downsample_1 = nn.BatchNorm2d(128)
        self.layer2_1_conv1 = nn.Conv2d(128, 128, 3, padding=1, bias=False)
        self.layer2_1_bn1 = nn.BatchNorm2d(128)
        self.layer2_1_conv2 = nn.Conv2d(128, 128, 3, padding=1, bias=False)
        self.layer2_1_bn2 = nn.BatchNorm2d(128)
        self.layer3_0_conv1 = nn.Conv2d(128, 256, 3, stride=2, padding=1, bias=False)
        self.layer3_0_bn1 = nn.BatchNorm2d(256)
        self.layer3_0_conv2 = nn.Conv2d(256, 256, 3, padding=1, bias=False)
        self.layer3_0_bn2 = nn.BatchNorm2d(256)
        self.layer3_0_downsample_0 = nn.Conv2d(128, 256, 1, stride=2, bias=False)
        self.layer3_0_downsample_1 = nn.BatchNorm2d(256)
        self.layer3_1_conv1 = nn.Conv2d(256, 256, 3, padding=1, bias=False)
        self.layer3_1_bn1 = nn.BatchNorm2d(256)
        self.layer3_1_conv2 = nn.Conv2d(256, 256, 3, padding=1, bias=False)
        self.layer3_1_bn2 = nn.BatchNorm2d(256)
        self.layer4_0_conv1 = nn.Conv2d(256, 512, 3, stride=2, padding=1, bias=False)
        self.layer4_0_bn1 = nn.BatchNorm2d(512)
        self.layer4_0_conv2 = nn.Conv2d(512, 512, 3, padding=1, bias=False)
        self.layer4_0_bn2 = nn.BatchNorm2d(512)
        self.layer4_0_downsample_0 = nn.Conv2d(256, 512, 1, stride=2, bias=False)
        self.layer4_0_downsample_1 = nn.BatchNorm2d(512)
        self.layer4_1_conv1 = nn.Conv2d(512, 512, 3, padding=1, bias=False)
        self.layer4_1_bn1 = nn.BatchNorm2d(512)
        self.layer4_1_conv2 = nn.Conv2d(512, 512, 3, padding=1, bias=False)
        self.layer4_1_bn2 = nn.BatchNorm2d(512)
        self.fc = nn.Linear(512, 1000)

    def forward(self, input: Tensor) -> Tensor:
        x = self.conv1(input)  # [B, 64, 112, 112]
        x = self.bn1(x)  # [B, 64, 112, 112]
        x = F.relu(x)  # [B, 64, 112, 112]
        x = F.max_pool2d(x, 3, stride=2, padding=1)  # [B, 64, 56, 56]
        y = self.layer1_0_conv1(x)  # [B, 64, 56, 56]
        y = self.layer1_0_bn1(y)  # [B, 64, 56, 56]
        y = F.relu(y)  # [B, 64, 56, 56]
        y = self.layer1_0_conv2(y)  # [B, 64, 56, 56]
        y = self.layer1_0_bn2(y)  # [B, 64, 56, 56]
        x = y + x  # [B, 64, 56, 56]
        x = F.relu(x)  # [B, 64, 56, 56]
        y = self.layer1_1_conv1(x)  # [B, 64, 56, 56]
        y = self.layer1_1_bn1(y)  # [B, 64, 56, 56]
        y = F.relu(y)  # [B, 64, 56, 56]
        y = self.layer1_1_conv2(y)  # [B, 64, 56, 56]
        y = self.layer1_1_bn2(y)  # [B, 64, 56, 56]
        x = y + x  # [B, 64, 56, 56]
        x = F.relu(x)  # [B, 64, 56, 56]
        y = self.layer2_0_conv1(x)  # [B, 128, 28, 28]
        y = self.layer2_0_bn1(y)  # [B, 128, 28, 28]
        y = F.relu(y)  # [B, 128, 28, 28]
        y = self.layer2_0_conv2(y)  # [B, 128, 28, 28]
        y = self.layer2_0_bn2(y)  # [B, 128, 28, 28]
        x = self.layer2_0_downsample_0(x)  # [B, 128, 28, 28]
        x = self.layer2_0_downsample_1(x)  # [B, 128, 28, 28]
        x = y + x  # [B, 128, 28, 28]
        x = F.relu(x)  # [B, 128, 28, 28]
        y = self.layer2_1_conv1(x)  # [B, 128, 28, 28]
        y = self.layer2_1_bn1(y)  # [B, 128, 28, 28]
        y = F.relu(y)  # [B, 128, 28, 28]
        y = self.layer2_1_conv2(y)  # [B, 128, 28, 28]
        y = self.layer2_1_bn2(y)  # [B, 128, 28, 28]
        x = y + x  # [B, 128, 28, 28]
        x = F.relu(x)  # [B, 128, 28, 28]
        y = self.layer3_0_conv1(x)  # [B, 256, 14, 14]
        y = self.layer3_0_bn1(y)  # [B, 256, 14, 14]
        y = F.relu(y)  # [B, 256, 14, 14]
        y = self.layer3_0_conv2(y)  # [B, 256, 14, 14]
        y = self.layer3_0_bn2(y)  # [B, 256, 14, 14]
        x = self.layer3_0_downsample_0(x)  # [B, 256, 14, 14]
        x = self.layer3_0_downsample_1(x)  # [B, 256, 14, 14]
        x = y + x  # [B, 256, 14, 14]
        x = F.relu(x)  # [B, 256, 14, 14]
        y = self.layer3_1_conv1(x)  # [B, 256, 14, 14]
        y = self.layer3_1_bn1(y)  # [B, 256, 14, 14]
        y = F.relu(y)  # [B, 256, 14, 14]
        y = self.layer3_1_conv2(y)  # [B, 256, 14, 14]
        y = self.layer3_1_bn2(y)  # [B, 256, 14, 14]
        x = y + x  # [B, 256, 14, 14]
        x = F.relu(x)  # [B, 256, 14, 14]
        y = self.layer4_0_conv1(x)  # [B, 512, 7, 7]
        y = self.layer4_0_bn1(y)  # [B, 512, 7, 7]
        y = F.relu(y)  # [B, 512, 7, 7]
        y = self.layer4_0_conv2(y)  # [B, 512, 7, 7]
        y = self.layer4_0_bn2(y)  # [B, 512, 7, 7]
        x = self.layer4_0_downsample_0(x)  # [B, 512, 7, 7]
        x = self.layer4_0_downsample_1(x)  # [B, 512, 7, 7]
        x = y + x  # [B, 512, 7, 7]
        x = F.relu(x)  # [B, 512, 7, 7]
        y = self.layer4_1_conv1(x)  # [B, 512, 7, 7]
        y = self.layer4_1_bn1(y)  # [B, 512, 7, 7]
        y = F.relu(y)  # [B, 512, 7, 7]
        y = self.layer4_1_conv2(y)  # [B, 512, 7, 7]
        y = self.layer4_1_bn2(y)  # [B, 512, 7, 7]
        x = y + x  # [B, 512, 7, 7]
        x = F.relu(x)  # [B, 512, 7, 7]
        x = F.adaptive_avg_pool2d(x, 1)  # [B, 512, 1, 1]
        x = torch.flatten(x, 1)  # [B, 512]
        x = self.fc(x)  # [B, 1000]
        return x
