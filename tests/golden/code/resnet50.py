import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Resnet50(nn.Module):
    """Takes input [B, 3, 224, 224]; returns [B, 1000]; 25,557,032 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1_0_conv1 = nn.Conv2d(64, 64, 1, bias=False)
        self.layer1_0_bn1 = nn.BatchNorm2d(64)
        self.layer1_0_conv2 = nn.Conv2d(64, 64, 3, padding=1, bias=False)
        self.layer1_0_bn2 = nn.BatchNorm2d(64)
        self.layer1_0_conv3 = nn.Conv2d(64, 256, 1, bias=False)
        self.layer1_0_bn3 = nn.BatchNorm2d(256)
        self.layer1_0_downsample_0 = nn.Conv2d(64, 256, 1, bias=False)
        self.layer1_0_downsample_1 = nn.BatchNorm2d(256)
        self.layer1_1_conv1 = nn.Conv2d(256, 64, 1, bias=False)
        self.layer1_1_bn1 = nn.BatchNorm2d(64)
        self.layer1_1_conv2 = nn.Conv2d(64, 64, 3, padding=1, bias=False)
        self.layer1_1_bn2 = nn.BatchNorm2d(64)
        self.layer1_1_conv3 = nn.Conv2d(64, 256, 1, bias=False)
        self.layer1_1_bn3 = nn.BatchNorm2d(256)
        self.layer1_2_conv1 = nn.Conv2d(256, 64, 1, bias=False)
        self.layer1_2_bn1 = nn.BatchNorm2d(64)
        self.layer1_2_conv2 = nn.Conv2d(64, 64, 3, padding=1, bias=False)
        self.layer1_2_bn2 = nn.BatchNorm2d(64)
        self.layer1_2_conv3 = nn.Conv2d(64, 256, 1, bias=False)
        self.layer1_2_bn3 = nn.BatchNorm2d(256)
        self.layer2_0_conv1 = nn.Conv2d(256, 128, 1, bias=False)
        self.layer2_0_bn1 = nn.BatchNorm2d(128)
        self.layer2_0_conv2 = nn.Conv2d(128, 128, 3, stride=2, padding=1, bias=False)
        self.layer2_0_bn2 = nn.BatchNorm2d(128)
        self.layer2_0_conv3 = nn.Conv2d(128, 512, 1, bias=False)
        self.layer2_0_bn3 = nn.BatchNorm2d(512)
        self.layer2_0_downsample_0 = nn.Conv2d(256, 512, 1, stride=2, bias=False)
        self.layer2_0_downsample_1 = nn.BatchNorm2d(512)
        self.layer2_1_conv1 = nn.Conv2d(512, 128, 1, bias=False)
        self.layer2_1_bn1 = nn.BatchNorm2d(128)
        self.layer2_1_conv2 = nn.Conv2d(128, 128, 3, padding=1, bias=False)
        self.layer2_1_bn2 = nn.BatchNorm2d(128)
        self.layer2_1_conv3 = nn.Conv2d(128, 512, 1, bias=False)
        self.layer2_1_bn3 = nn.BatchNorm2d(512)
        self.layer2_2_conv1 = nn.Conv2d(512, 128, 1, bias=False)
        self.layer2_2_bn1 = nn.BatchNorm2d(128)
        self.layer2_2_conv2 = nn.Conv2d(128, 128, 3, padding=1, bias=False)
        self.layer2_2_bn2 = nn.BatchNorm2d(128)
        self.layer2_2_conv3 = nn.Conv2d(128, 512, 1, bias=False)
        self.layer2_2_bn3 = nn.BatchNorm2d(512)
        self.layer2_3_conv1 = nn.Conv2d(512, 128, 1, bias=False)
        self.layer2_3_bn1 = nn.BatchNorm2d(128)
        self.layer2_3_conv2 = nn.Conv2d(128, 128, 3, padding=1, bias=False)
        self.layer2_3_bn2 = nn.BatchNorm2d(128)
        self.layer2_3_conv3 = nn.Conv2d(128, 512, 1, bias=False)
        self.layer2_3_bn3 = nn.BatchNorm2d(512)
        self.layer3_0_conv1 = nn.Conv2d(512, 256, 1, bias=False)
        self.layer3_0_bn1 = nn.BatchNorm2d(256)
        self.layer3_0_conv2 = nn.Conv2d(256, 256, 3, stride=2, padding=1, bias=False)
        self.layer3_0_bn2 = nn.BatchNorm2d(256)
        self.layer3_0_conv3 = nn.Conv2d(256, 1024, 1, bias=False)
        self.layer3_0_bn3 = nn.BatchNorm2d(1024)
        self.layer3_0_downsample_0 = nn.Conv2d(512, 1024, 1, stride=2, bias=False)
        self.layer3_0_downsample_1 = nn.BatchNorm2d(1024)
        self.layer3_1_conv1 = nn.Conv2d(1024, 256, 1, bias=False)
        self.layer3_1_bn1 = nn.BatchNorm2d(256)
        self.layer3_1_conv2 = nn.Conv2d(256, 256, 3, padding=1, bias=False)
        self.layer3_1_bn2 = nn.BatchNorm2d(256)
        self.layer3_1_conv3 = nn.Conv2d(256, 1024, 1, bias=False)
        self.layer3_1_bn3 = nn.BatchNorm2d(1024)
        self.layer3_2_conv1 = nn.Conv2d(1024, 256, 1, bias=False)
        self.layer3_2_bn1 = nn.BatchNorm2d(256)
        self.layer3_2_conv2 = nn.Conv2d(256, 256, 3, padding=1, bias=False)
        self.layer3_2_bn2 = nn.BatchNorm2d(256)
        self.layer3_2_conv3 = nn.Conv2d(256, 1024, 1, bias=False)
        self.layer3_2_bn3 = nn.BatchNorm2d(1024)
        self.layer3_3_conv1 = nn.Conv2d(1024, 256, 1, bias=False)
        self.layer3_3_bn1 = nn.BatchNorm2d(256)
        self.layer3_3_conv2 = nn.Conv2d(256, 256, 3, padding=1, bias=False)
        self.layer3_3_bn2 = nn.BatchNorm2d(256)
        self.layer3_3_conv3 = nn.Conv2d(256, 1024, 1, bias=False)
        self.layer3_3_bn3 = nn.BatchNorm2d(1024)
        self.layer3_4_conv1 = nn.Conv2d(1024, 256, 1, bias=False)
        self.layer3_4_bn1 = nn.BatchNorm2d(256)
        self.layer3_4_conv2 = nn.Conv2d(256, 256, 3, padding=1, bias=False)
        self.layer3_4_bn2 = nn.BatchNorm2d(256)
        self.layer3_4_conv3 = nn.Conv2d(256, 1024, 1, bias=False)
        self.layer3_4_bn3 = nn.BatchNorm2d(1024)
        self.layer3_5_conv1 = nn.Conv2d(1024, 256, 1, bias=False)
        self.layer3_5_bn1 = nn.BatchNorm2d(256)
        self.layer3_5_conv2 = nn.Conv2d(256, 256, 3, padding=1, bias=False)
        self.layer3_5_bn2 = nn.BatchNorm2d(256)
        self.layer3_5_conv3 = nn.Conv2d(256, 1024, 1, bias=False)
        self.layer3_5_bn3 = nn.BatchNorm2d(1024)
        self.layer4_0_conv1 = nn.Conv2d(1024, 512, 1, bias=False)
        self.layer4_0_bn1 = nn.BatchNorm2d(512)
        self.layer4_0_conv2 = nn.Conv2d(512, 512, 3, stride=2, padding=1, bias=False)
        self.layer4_0_bn2 = nn.BatchNorm2d(512)
        self.layer4_0_conv3 = nn.Conv2d(512, 2048, 1, bias=False)
        self.layer4_0_bn3 = nn.BatchNorm2d(2048)
        self.layer4_0_downsample_0 = nn.Conv2d(1024, 2048, 1, stride=2, bias=False)
        self.layer4_0_downsample_1 = nn.BatchNorm2d(2048)
        self.layer4_1_conv1 = nn.Conv2d(2048, 512, 1, bias=False)
        self.layer4_1_bn1 = nn.BatchNorm2d(512)
        self.layer4_1_conv2 = nn.Conv2d(512, 512, 3, padding=1, bias=False)
        self.layer4_1_bn2 = nn.BatchNorm2d(512)
        self.layer4_1_conv3 = nn.Conv2d(512, 2048, 1, bias=False)
        self.layer4_1_bn3 = nn.BatchNorm2d(2048)
        self.layer4_2_conv1 = nn.Conv2d(2048, 512, 1, bias=False)
        self.layer4_2_bn1 = nn.BatchNorm2d(512)
        self.layer4_2_conv2 = nn.Conv2d(512, 512, 3, padding=1, bias=False)
        self.layer4_2_bn2 = nn.BatchNorm2d(512)
        self.layer4_2_conv3 = nn.Conv2d(512, 2048, 1, bias=False)
        self.layer4_2_bn3 = nn.BatchNorm2d(2048)
        self.fc = nn.Linear(2048, 1000)

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
        y = F.relu(y)  # [B, 64, 56, 56]
        y = self.layer1_0_conv3(y)  # [B, 256, 56, 56]
        y = self.layer1_0_bn3(y)  # [B, 256, 56, 56]
        x = self.layer1_0_downsample_0(x)  # [B, 256, 56, 56]
        x = self.layer1_0_downsample_1(x)  # [B, 256, 56, 56]
        x = y + x  # [B, 256, 56, 56]
        x = F.relu(x)  # [B, 256, 56, 56]
        y = self.layer1_1_conv1(x)  # [B, 64, 56, 56]
        y = self.layer1_1_bn1(y)  # [B, 64, 56, 56]
        y = F.relu(y)  # [B, 64, 56, 56]
        y = self.layer1_1_conv2(y)  # [B, 64, 56, 56]
        y = self.layer1_1_bn2(y)  # [B, 64, 56, 56]
        y = F.relu(y)  # [B, 64, 56, 56]
        y = self.layer1_1_conv3(y)  # [B, 256, 56, 56]
        y = self.layer1_1_bn3(y)  # [B, 256, 56, 56]
        x = y + x  # [B, 256, 56, 56]
        x = F.relu(x)  # [B, 256, 56, 56]
        y = self.layer1_2_conv1(x)  # [B, 64, 56, 56]
        y = self.layer1_2_bn1(y)  # [B, 64, 56, 56]
        y = F.relu(y)  # [B, 64, 56, 56]
        y = self.layer1_2_conv2(y)  # [B, 64, 56, 56]
        y = self.layer1_2_bn2(y)  # [B, 64, 56, 56]
        y = F.relu(y)  # [B, 64, 56, 56]
        y = self.layer1_2_conv3(y)  # [B, 256, 56, 56]
        y = self.layer1_2_bn3(y)  # [B, 256, 56, 56]
        x = y + x  # [B, 256, 56, 56]
        x = F.relu(x)  # [B, 256, 56, 56]
        y = self.layer2_0_conv1(x)  # [B, 128, 56, 56]
        y = self.layer2_0_bn1(y)  # [B, 128, 56, 56]
        y = F.relu(y)  # [B, 128, 56, 56]
        y = self.layer2_0_conv2(y)  # [B, 128, 28, 28]
        y = self.layer2_0_bn2(y)  # [B, 128, 28, 28]
        y = F.relu(y)  # [B, 128, 28, 28]
        y = self.layer2_0_conv3(y)  # [B, 512, 28, 28]
        y = self.layer2_0_bn3(y)  # [B, 512, 28, 28]
        x = self.layer2_0_downsample_0(x)  # [B, 512, 28, 28]
        x = self.layer2_0_downsample_1(x)  # [B, 512, 28, 28]
        x = y + x  # [B, 512, 28, 28]
        x = F.relu(x)  # [B, 512, 28, 28]
        y = self.layer2_1_conv1(x)  # [B, 128, 28, 28]
        y = self.layer2_1_bn1(y)  # [B, 128, 28, 28]
        y = F.relu(y)  # [B, 128, 28, 28]
        y = self.layer2_1_conv2(y)  # [B, 128, 28, 28]
        y = self.layer2_1_bn2(y)  # [B, 128, 28, 28]
        y = F.relu(y)  # [B, 128, 28, 28]
        y = self.layer2_1_conv3(y)  # [B, 512, 28, 28]
        y = self.layer2_1_bn3(y)  # [B, 512, 28, 28]
        x = y + x  # [B, 512, 28, 28]
        x = F.relu(x)  # [B, 512, 28, 28]
        y = self.layer2_2_conv1(x)  # [B, 128, 28, 28]
        y = self.layer2_2_bn1(y)  # [B, 128, 28, 28]
        y = F.relu(y)  # [B, 128, 28, 28]
        y = self.layer2_2_conv2(y)  # [B, 128, 28, 28]
        y = self.layer2_2_bn2(y)  # [B, 128, 28, 28]
        y = F.relu(y)  # [B, 128, 28, 28]
        y = self.layer2_2_conv3(y)  # [B, 512, 28, 28]
        y = self.layer2_2_bn3(y)  # [B, 512, 28, 28]
        x = y + x  # [B, 512, 28, 28]
        x = F.relu(x)  # [B, 512, 28, 28]
        y = self.layer2_3_conv1(x)  # [B, 128, 28, 28]
        y = self.layer2_3_bn1(y)  # [B, 128, 28, 28]
        y = F.relu(y)  # [B, 128, 28, 28]
        y = self.layer2_3_conv2(y)  # [B, 128, 28, 28]
        y = self.layer2_3_bn2(y)  # [B, 128, 28, 28]
        y = F.relu(y)  # [B, 128, 28, 28]
        y = self.layer2_3_conv3(y)  # [B, 512, 28, 28]
        y = self.layer2_3_bn3(y)  # [B, 512, 28, 28]
        x = y + x  # [B, 512, 28, 28]
        x = F.relu(x)  # [B, 512, 28, 28]
        y = self.layer3_0_conv1(x)  # [B, 256, 28, 28]
        y = self.layer3_0_bn1(y)  # [B, 256, 28, 28]
        y = F.relu(y)  # [B, 256, 28, 28]
        y = self.layer3_0_conv2(y)  # [B, 256, 14, 14]
        y = self.layer3_0_bn2(y)  # [B, 256, 14, 14]
        y = F.relu(y)  # [B, 256, 14, 14]
        y = self.layer3_0_conv3(y)  # [B, 1024, 14, 14]
        y = self.layer3_0_bn3(y)  # [B, 1024, 14, 14]
        x = self.layer3_0_downsample_0(x)  # [B, 1024, 14, 14]
        x = self.layer3_0_downsample_1(x)  # [B, 1024, 14, 14]
        x = y + x  # [B, 1024, 14, 14]
        x = F.relu(x)  # [B, 1024, 14, 14]
        y = self.layer3_1_conv1(x)  # [B, 256, 14, 14]
        y = self.layer3_1_bn1(y)  # [B, 256, 14, 14]
        y = F.relu(y)  # [B, 256, 14, 14]
        y = self.layer3_1_conv2(y)  # [B, 256, 14, 14]
        y = self.layer3_1_bn2(y)  # [B, 256, 14, 14]
        y = F.relu(y)  # [B, 256, 14, 14]
        y = self.layer3_1_conv3(y)  # [B, 1024, 14, 14]
        y = self.layer3_1_bn3(y)  # [B, 1024, 14, 14]
        x = y + x  # [B, 1024, 14, 14]
        x = F.relu(x)  # [B, 1024, 14, 14]
        y = self.layer3_2_conv1(x)  # [B, 256, 14, 14]
        y = self.layer3_2_bn1(y)  # [B, 256, 14, 14]
        y = F.relu(y)  # [B, 256, 14, 14]
        y = self.layer3_2_conv2(y)  # [B, 256, 14, 14]
        y = self.layer3_2_bn2(y)  # [B, 256, 14, 14]
        y = F.relu(y)  # [B, 256, 14, 14]
        y = self.layer3_2_conv3(y)  # [B, 1024, 14, 14]
        y = self.layer3_2_bn3(y)  # [B, 1024, 14, 14]
        x = y + x  # [B, 1024, 14, 14]
        x = F.relu(x)  # [B, 1024, 14, 14]
        y = self.layer3_3_conv1(x)  # [B, 256, 14, 14]
        y = self.layer3_3_bn1(y)  # [B, 256, 14, 14]
        y = F.relu(y)  # [B, 256, 14, 14]
        y = self.layer3_3_conv2(y)  # [B, 256, 14, 14]
        y = self.layer3_3_bn2(y)  # [B, 256, 14, 14]
        y = F.relu(y)  # [B, 256, 14, 14]
        y = self.layer3_3_conv3(y)  # [B, 1024, 14, 14]
        y = self.layer3_3_bn3(y)  # [B, 1024, 14, 14]
        x = y + x  # [B, 1024, 14, 14]
        x = F.relu(x)  # [B, 1024, 14, 14]
        y = self.layer3_4_conv1(x)  # [B, 256, 14, 14]
        y = self.layer3_4_bn1(y)  # [B, 256, 14, 14]
        y = F.relu(y)  # [B, 256, 14, 14]
        y = self.layer3_4_conv2(y)  # [B, 256, 14, 14]
        y = self.layer3_4_bn2(y)  # [B, 256, 14, 14]
        y = F.relu(y)  # [B, 256, 14, 14]
        y = self.layer3_4_conv3(y)  # [B, 1024, 14, 14]
        y = self.layer3_4_bn3(y)  # [B, 1024, 14, 14]
        x = y + x  # [B, 1024, 14, 14]
        x = F.relu(x)  # [B, 1024, 14, 14]
        y = self.layer3_5_conv1(x)  # [B, 256, 14, 14]
        y = self.layer3_5_bn1(y)  # [B, 256, 14, 14]
        y = F.relu(y)  # [B, 256, 14, 14]
        y = self.layer3_5_conv2(y)  # [B, 256, 14, 14]
        y = self.layer3_5_bn2(y)  # [B, 256, 14, 14]
        y = F.relu(y)  # [B, 256, 14, 14]
        y = self.layer3_5_conv3(y)  # [B, 1024, 14, 14]
        y = self.layer3_5_bn3(y)  # [B, 1024, 14, 14]
        x = y + x  # [B, 1024, 14, 14]
        x = F.relu(x)  # [B, 1024, 14, 14]
        y = self.layer4_0_conv1(x)  # [B, 512, 14, 14]
        y = self.layer4_0_bn1(y)  # [B, 512, 14, 14]
        y = F.relu(y)  # [B, 512, 14, 14]
        y = self.layer4_0_conv2(y)  # [B, 512, 7, 7]
        y = self.layer4_0_bn2(y)  # [B, 512, 7, 7]
        y = F.relu(y)  # [B, 512, 7, 7]
        y = self.layer4_0_conv3(y)  # [B, 2048, 7, 7]
        y = self.layer4_0_bn3(y)  # [B, 2048, 7, 7]
        x = self.layer4_0_downsample_0(x)  # [B, 2048, 7, 7]
        x = self.layer4_0_downsample_1(x)  # [B, 2048, 7, 7]
        x = y + x  # [B, 2048, 7, 7]
        x = F.relu(x)  # [B, 2048, 7, 7]
        y = self.layer4_1_conv1(x)  # [B, 512, 7, 7]
        y = self.layer4_1_bn1(y)  # [B, 512, 7, 7]
        y = F.relu(y)  # [B, 512, 7, 7]
        y = self.layer4_1_conv2(y)  # [B, 512, 7, 7]
        y = self.layer4_1_bn2(y)  # [B, 512, 7, 7]
        y = F.relu(y)  # [B, 512, 7, 7]
        y = self.layer4_1_conv3(y)  # [B, 2048, 7, 7]
        y = self.layer4_1_bn3(y)  # [B, 2048, 7, 7]
        x = y + x  # [B, 2048, 7, 7]
        x = F.relu(x)  # [B, 2048, 7, 7]
        y = self.layer4_2_conv1(x)  # [B, 512, 7, 7]
        y = self.layer4_2_bn1(y)  # [B, 512, 7, 7]
        y = F.relu(y)  # [B, 512, 7, 7]
        y = self.layer4_2_conv2(y)  # [B, 512, 7, 7]
        y = self.layer4_2_bn2(y)  # [B, 512, 7, 7]
        y = F.relu(y)  # [B, 512, 7, 7]
        y = self.layer4_2_conv3(y)  # [B, 2048, 7, 7]
        y = self.layer4_2_bn3(y)  # [B, 2048, 7, 7]
        x = y + x  # [B, 2048, 7, 7]
        x = F.relu(x)  # [B, 2048, 7, 7]
        x = F.adaptive_avg_pool2d(x, 1)  # [B, 2048, 1, 1]
        x = torch.flatten(x, 1)  # [B, 2048]
        x = self.fc(x)  # [B, 1000]
        return x
