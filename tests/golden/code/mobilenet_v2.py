import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MobilenetV2(nn.Module):
    """Takes input [B, 3, 224, 224]; returns [B, 1000]; 3,504,872 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.stem_conv = nn.Conv2d(3, 32, 3, stride=2, padding=1, bias=False)
        self.stem_bn = nn.BatchNorm2d(32)
        self.block1_depthwise_conv = nn.Conv2d(32, 32, 3, padding=1, groups=32, bias=False)
        self.block1_depthwise_bn = nn.BatchNorm2d(32)
        self.block1_project_conv = nn.Conv2d(32, 16, 1, bias=False)
        self.block1_project_bn = nn.BatchNorm2d(16)
        self.block2_expand_conv = nn.Conv2d(16, 96, 1, bias=False)
        self.block2_expand_bn = nn.BatchNorm2d(96)
        self.block2_depthwise_conv = nn.Conv2d(96, 96, 3, stride=2, padding=1, groups=96, bias=False)
        self.block2_depthwise_bn = nn.BatchNorm2d(96)
        self.block2_project_conv = nn.Conv2d(96, 24, 1, bias=False)
        self.block2_project_bn = nn.BatchNorm2d(24)
        self.block3_expand_conv = nn.Conv2d(24, 144, 1, bias=False)
        self.block3_expand_bn = nn.BatchNorm2d(144)
        self.block3_depthwise_conv = nn.Conv2d(144, 144, 3, padding=1, groups=144, bias=False)
        self.block3_depthwise_bn = nn.BatchNorm2d(144)
        self.block3_project_conv = nn.Conv2d(144, 24, 1, bias=False)
        self.block3_project_bn = nn.BatchNorm2d(24)
        self.block4_expand_conv = nn.Conv2d(24, 144, 1, bias=False)
        self.block4_expand_bn = nn.BatchNorm2d(144)
        self.block4_depthwise_conv = nn.Conv2d(144, 144, 3, stride=2, padding=1, groups=144, bias=False)
        self.block4_depthwise_bn = nn.BatchNorm2d(144)
        self.block4_project_conv = nn.Conv2d(144, 32, 1, bias=False)
        self.block4_project_bn = nn.BatchNorm2d(32)
        self.block5_expand_conv = nn.Conv2d(32, 192, 1, bias=False)
        self.block5_expand_bn = nn.BatchNorm2d(192)
        self.block5_depthwise_conv = nn.Conv2d(192, 192, 3, padding=1, groups=192, bias=False)
        self.block5_depthwise_bn = nn.BatchNorm2d(192)
        self.block5_project_conv = nn.Conv2d(192, 32, 1, bias=False)
        self.block5_project_bn = nn.BatchNorm2d(32)
        self.block6_expand_conv = nn.Conv2d(32, 192, 1, bias=False)
        self.block6_expand_bn = nn.BatchNorm2d(192)
        self.block6_depthwise_conv = nn.Conv2d(192, 192, 3, padding=1, groups=192, bias=False)
        self.block6_depthwise_bn = nn.BatchNorm2d(192)
        self.block6_project_conv = nn.Conv2d(192, 32, 1, bias=False)
        self.block6_project_bn = nn.BatchNorm2d(32)
        self.block7_expand_conv = nn.Conv2d(32, 192, 1, bias=False)
        self.block7_expand_bn = nn.BatchNorm2d(192)
        self.block7_depthwise_conv = nn.Conv2d(192, 192, 3, stride=2, padding=1, groups=192, bias=False)
        self.block7_depthwise_bn = nn.BatchNorm2d(192)
        self.block7_project_conv = nn.Conv2d(192, 64, 1, bias=False)
        self.block7_project_bn = nn.BatchNorm2d(64)
        self.block8_expand_conv = nn.Conv2d(64, 384, 1, bias=False)
        self.block8_expand_bn = nn.BatchNorm2d(384)
        self.block8_depthwise_conv = nn.Conv2d(384, 384, 3, padding=1, groups=384, bias=False)
        self.block8_depthwise_bn = nn.BatchNorm2d(384)
        self.block8_project_conv = nn.Conv2d(384, 64, 1, bias=False)
        self.block8_project_bn = nn.BatchNorm2d(64)
        self.block9_expand_conv = nn.Conv2d(64, 384, 1, bias=False)
        self.block9_expand_bn = nn.BatchNorm2d(384)
        self.block9_depthwise_conv = nn.Conv2d(384, 384, 3, padding=1, groups=384, bias=False)
        self.block9_depthwise_bn = nn.BatchNorm2d(384)
        self.block9_project_conv = nn.Conv2d(384, 64, 1, bias=False)
        self.block9_project_bn = nn.BatchNorm2d(64)
        self.block10_expand_conv = nn.Conv2d(64, 384, 1, bias=False)
        self.block10_expand_bn = nn.BatchNorm2d(384)
        self.block10_depthwise_conv = nn.Conv2d(384, 384, 3, padding=1, groups=384, bias=False)
        self.block10_depthwise_bn = nn.BatchNorm2d(384)
        self.block10_project_conv = nn.Conv2d(384, 64, 1, bias=False)
        self.block10_project_bn = nn.BatchNorm2d(64)
        self.block11_expand_conv = nn.Conv2d(64, 384, 1, bias=False)
        self.block11_expand_bn = nn.BatchNorm2d(384)
        self.block11_depthwise_conv = nn.Conv2d(384, 384, 3, padding=1, groups=384, bias=False)
        self.block11_depthwise_bn = nn.BatchNorm2d(384)
        self.block11_project_conv = nn.Conv2d(384, 96, 1, bias=False)
        self.block11_project_bn = nn.BatchNorm2d(96)
        self.block12_expand_conv = nn.Conv2d(96, 576, 1, bias=False)
        self.block12_expand_bn = nn.BatchNorm2d(576)
        self.block12_depthwise_conv = nn.Conv2d(576, 576, 3, padding=1, groups=576, bias=False)
        self.block12_depthwise_bn = nn.BatchNorm2d(576)
        self.block12_project_conv = nn.Conv2d(576, 96, 1, bias=False)
        self.block12_project_bn = nn.BatchNorm2d(96)
        self.block13_expand_conv = nn.Conv2d(96, 576, 1, bias=False)
        self.block13_expand_bn = nn.BatchNorm2d(576)
        self.block13_depthwise_conv = nn.Conv2d(576, 576, 3, padding=1, groups=576, bias=False)
        self.block13_depthwise_bn = nn.BatchNorm2d(576)
        self.block13_project_conv = nn.Conv2d(576, 96, 1, bias=False)
        self.block13_project_bn = nn.BatchNorm2d(96)
        self.block14_expand_conv = nn.Conv2d(96, 576, 1, bias=False)
        self.block14_expand_bn = nn.BatchNorm2d(576)
        self.block14_depthwise_conv = nn.Conv2d(576, 576, 3, stride=2, padding=1, groups=576, bias=False)
        self.block14_depthwise_bn = nn.BatchNorm2d(576)
        self.block14_project_conv = nn.Conv2d(576, 160, 1, bias=False)
        self.block14_project_bn = nn.BatchNorm2d(160)
        self.block15_expand_conv = nn.Conv2d(160, 960, 1, bias=False)
        self.block15_expand_bn = nn.BatchNorm2d(960)
        self.block15_depthwise_conv = nn.Conv2d(960, 960, 3, padding=1, groups=960, bias=False)
        self.block15_depthwise_bn = nn.BatchNorm2d(960)
        self.block15_project_conv = nn.Conv2d(960, 160, 1, bias=False)
        self.block15_project_bn = nn.BatchNorm2d(160)
        self.block16_expand_conv = nn.Conv2d(160, 960, 1, bias=False)
        self.block16_expand_bn = nn.BatchNorm2d(960)
        self.block16_depthwise_conv = nn.Conv2d(960, 960, 3, padding=1, groups=960, bias=False)
        self.block16_depthwise_bn = nn.BatchNorm2d(960)
        self.block16_project_conv = nn.Conv2d(960, 160, 1, bias=False)
        self.block16_project_bn = nn.BatchNorm2d(160)
        self.block17_expand_conv = nn.Conv2d(160, 960, 1, bias=False)
        self.block17_expand_bn = nn.BatchNorm2d(960)
        self.block17_depthwise_conv = nn.Conv2d(960, 960, 3, padding=1, groups=960, bias=False)
        self.block17_depthwise_bn = nn.BatchNorm2d(960)
        self.block17_project_conv = nn.Conv2d(960, 320, 1, bias=False)
        self.block17_project_bn = nn.BatchNorm2d(320)
        self.head_conv = nn.Conv2d(320, 1280, 1, bias=False)
        self.head_bn = nn.BatchNorm2d(1280)
        self.drop = nn.Dropout(0.2)
        self.fc = nn.Linear(1280, 1000)

    def forward(self, input: Tensor) -> Tensor:
        x = self.stem_conv(input)  # [B, 32, 112, 112]
        x = self.stem_bn(x)  # [B, 32, 112, 112]
        x = F.relu6(x)  # [B, 32, 112, 112]
        x = self.block1_depthwise_conv(x)  # [B, 32, 112, 112]
        x = self.block1_depthwise_bn(x)  # [B, 32, 112, 112]
        x = F.relu6(x)  # [B, 32, 112, 112]
        x = self.block1_project_conv(x)  # [B, 16, 112, 112]
        x = self.block1_project_bn(x)  # [B, 16, 112, 112]
        x = self.block2_expand_conv(x)  # [B, 96, 112, 112]
        x = self.block2_expand_bn(x)  # [B, 96, 112, 112]
        x = F.relu6(x)  # [B, 96, 112, 112]
        x = self.block2_depthwise_conv(x)  # [B, 96, 56, 56]
        x = self.block2_depthwise_bn(x)  # [B, 96, 56, 56]
        x = F.relu6(x)  # [B, 96, 56, 56]
        x = self.block2_project_conv(x)  # [B, 24, 56, 56]
        x = self.block2_project_bn(x)  # [B, 24, 56, 56]
        y = self.block3_expand_conv(x)  # [B, 144, 56, 56]
        y = self.block3_expand_bn(y)  # [B, 144, 56, 56]
        y = F.relu6(y)  # [B, 144, 56, 56]
        y = self.block3_depthwise_conv(y)  # [B, 144, 56, 56]
        y = self.block3_depthwise_bn(y)  # [B, 144, 56, 56]
        y = F.relu6(y)  # [B, 144, 56, 56]
        y = self.block3_project_conv(y)  # [B, 24, 56, 56]
        y = self.block3_project_bn(y)  # [B, 24, 56, 56]
        x = x + y  # [B, 24, 56, 56]
        x = self.block4_expand_conv(x)  # [B, 144, 56, 56]
        x = self.block4_expand_bn(x)  # [B, 144, 56, 56]
        x = F.relu6(x)  # [B, 144, 56, 56]
        x = self.block4_depthwise_conv(x)  # [B, 144, 28, 28]
        x = self.block4_depthwise_bn(x)  # [B, 144, 28, 28]
        x = F.relu6(x)  # [B, 144, 28, 28]
        x = self.block4_project_conv(x)  # [B, 32, 28, 28]
        x = self.block4_project_bn(x)  # [B, 32, 28, 28]
        y = self.block5_expand_conv(x)  # [B, 192, 28, 28]
        y = self.block5_expand_bn(y)  # [B, 192, 28, 28]
        y = F.relu6(y)  # [B, 192, 28, 28]
        y = self.block5_depthwise_conv(y)  # [B, 192, 28, 28]
        y = self.block5_depthwise_bn(y)  # [B, 192, 28, 28]
        y = F.relu6(y)  # [B, 192, 28, 28]
        y = self.block5_project_conv(y)  # [B, 32, 28, 28]
        y = self.block5_project_bn(y)  # [B, 32, 28, 28]
        x = x + y  # [B, 32, 28, 28]
        y = self.block6_expand_conv(x)  # [B, 192, 28, 28]
        y = self.block6_expand_bn(y)  # [B, 192, 28, 28]
        y = F.relu6(y)  # [B, 192, 28, 28]
        y = self.block6_depthwise_conv(y)  # [B, 192, 28, 28]
        y = self.block6_depthwise_bn(y)  # [B, 192, 28, 28]
        y = F.relu6(y)  # [B, 192, 28, 28]
        y = self.block6_project_conv(y)  # [B, 32, 28, 28]
        y = self.block6_project_bn(y)  # [B, 32, 28, 28]
        x = x + y  # [B, 32, 28, 28]
        x = self.block7_expand_conv(x)  # [B, 192, 28, 28]
        x = self.block7_expand_bn(x)  # [B, 192, 28, 28]
        x = F.relu6(x)  # [B, 192, 28, 28]
        x = self.block7_depthwise_conv(x)  # [B, 192, 14, 14]
        x = self.block7_depthwise_bn(x)  # [B, 192, 14, 14]
        x = F.relu6(x)  # [B, 192, 14, 14]
        x = self.block7_project_conv(x)  # [B, 64, 14, 14]
        x = self.block7_project_bn(x)  # [B, 64, 14, 14]
        y = self.block8_expand_conv(x)  # [B, 384, 14, 14]
        y = self.block8_expand_bn(y)  # [B, 384, 14, 14]
        y = F.relu6(y)  # [B, 384, 14, 14]
        y = self.block8_depthwise_conv(y)  # [B, 384, 14, 14]
        y = self.block8_depthwise_bn(y)  # [B, 384, 14, 14]
        y = F.relu6(y)  # [B, 384, 14, 14]
        y = self.block8_project_conv(y)  # [B, 64, 14, 14]
        y = self.block8_project_bn(y)  # [B, 64, 14, 14]
        x = x + y  # [B, 64, 14, 14]
        y = self.block9_expand_conv(x)  # [B, 384, 14, 14]
        y = self.block9_expand_bn(y)  # [B, 384, 14, 14]
        y = F.relu6(y)  # [B, 384, 14, 14]
        y = self.block9_depthwise_conv(y)  # [B, 384, 14, 14]
        y = self.block9_depthwise_bn(y)  # [B, 384, 14, 14]
        y = F.relu6(y)  # [B, 384, 14, 14]
        y = self.block9_project_conv(y)  # [B, 64, 14, 14]
        y = self.block9_project_bn(y)  # [B, 64, 14, 14]
        x = x + y  # [B, 64, 14, 14]
        y = self.block10_expand_conv(x)  # [B, 384, 14, 14]
        y = self.block10_expand_bn(y)  # [B, 384, 14, 14]
        y = F.relu6(y)  # [B, 384, 14, 14]
        y = self.block10_depthwise_conv(y)  # [B, 384, 14, 14]
        y = self.block10_depthwise_bn(y)  # [B, 384, 14, 14]
        y = F.relu6(y)  # [B, 384, 14, 14]
        y = self.block10_project_conv(y)  # [B, 64, 14, 14]
        y = self.block10_project_bn(y)  # [B, 64, 14, 14]
        x = x + y  # [B, 64, 14, 14]
        x = self.block11_expand_conv(x)  # [B, 384, 14, 14]
        x = self.block11_expand_bn(x)  # [B, 384, 14, 14]
        x = F.relu6(x)  # [B, 384, 14, 14]
        x = self.block11_depthwise_conv(x)  # [B, 384, 14, 14]
        x = self.block11_depthwise_bn(x)  # [B, 384, 14, 14]
        x = F.relu6(x)  # [B, 384, 14, 14]
        x = self.block11_project_conv(x)  # [B, 96, 14, 14]
        x = self.block11_project_bn(x)  # [B, 96, 14, 14]
        y = self.block12_expand_conv(x)  # [B, 576, 14, 14]
        y = self.block12_expand_bn(y)  # [B, 576, 14, 14]
        y = F.relu6(y)  # [B, 576, 14, 14]
        y = self.block12_depthwise_conv(y)  # [B, 576, 14, 14]
        y = self.block12_depthwise_bn(y)  # [B, 576, 14, 14]
        y = F.relu6(y)  # [B, 576, 14, 14]
        y = self.block12_project_conv(y)  # [B, 96, 14, 14]
        y = self.block12_project_bn(y)  # [B, 96, 14, 14]
        x = x + y  # [B, 96, 14, 14]
        y = self.block13_expand_conv(x)  # [B, 576, 14, 14]
        y = self.block13_expand_bn(y)  # [B, 576, 14, 14]
        y = F.relu6(y)  # [B, 576, 14, 14]
        y = self.block13_depthwise_conv(y)  # [B, 576, 14, 14]
        y = self.block13_depthwise_bn(y)  # [B, 576, 14, 14]
        y = F.relu6(y)  # [B, 576, 14, 14]
        y = self.block13_project_conv(y)  # [B, 96, 14, 14]
        y = self.block13_project_bn(y)  # [B, 96, 14, 14]
        x = x + y  # [B, 96, 14, 14]
        x = self.block14_expand_conv(x)  # [B, 576, 14, 14]
        x = self.block14_expand_bn(x)  # [B, 576, 14, 14]
        x = F.relu6(x)  # [B, 576, 14, 14]
        x = self.block14_depthwise_conv(x)  # [B, 576, 7, 7]
        x = self.block14_depthwise_bn(x)  # [B, 576, 7, 7]
        x = F.relu6(x)  # [B, 576, 7, 7]
        x = self.block14_project_conv(x)  # [B, 160, 7, 7]
        x = self.block14_project_bn(x)  # [B, 160, 7, 7]
        y = self.block15_expand_conv(x)  # [B, 960, 7, 7]
        y = self.block15_expand_bn(y)  # [B, 960, 7, 7]
        y = F.relu6(y)  # [B, 960, 7, 7]
        y = self.block15_depthwise_conv(y)  # [B, 960, 7, 7]
        y = self.block15_depthwise_bn(y)  # [B, 960, 7, 7]
        y = F.relu6(y)  # [B, 960, 7, 7]
        y = self.block15_project_conv(y)  # [B, 160, 7, 7]
        y = self.block15_project_bn(y)  # [B, 160, 7, 7]
        x = x + y  # [B, 160, 7, 7]
        y = self.block16_expand_conv(x)  # [B, 960, 7, 7]
        y = self.block16_expand_bn(y)  # [B, 960, 7, 7]
        y = F.relu6(y)  # [B, 960, 7, 7]
        y = self.block16_depthwise_conv(y)  # [B, 960, 7, 7]
        y = self.block16_depthwise_bn(y)  # [B, 960, 7, 7]
        y = F.relu6(y)  # [B, 960, 7, 7]
        y = self.block16_project_conv(y)  # [B, 160, 7, 7]
        y = self.block16_project_bn(y)  # [B, 160, 7, 7]
        x = x + y  # [B, 160, 7, 7]
        x = self.block17_expand_conv(x)  # [B, 960, 7, 7]
        x = self.block17_expand_bn(x)  # [B, 960, 7, 7]
        x = F.relu6(x)  # [B, 960, 7, 7]
        x = self.block17_depthwise_conv(x)  # [B, 960, 7, 7]
        x = self.block17_depthwise_bn(x)  # [B, 960, 7, 7]
        x = F.relu6(x)  # [B, 960, 7, 7]
        x = self.block17_project_conv(x)  # [B, 320, 7, 7]
        x = self.block17_project_bn(x)  # [B, 320, 7, 7]
        x = self.head_conv(x)  # [B, 1280, 7, 7]
        x = self.head_bn(x)  # [B, 1280, 7, 7]
        x = F.relu6(x)  # [B, 1280, 7, 7]
        x = F.adaptive_avg_pool2d(x, 1)  # [B, 1280, 1, 1]
        x = torch.flatten(x, 1)  # [B, 1280]
        x = self.drop(x)  # [B, 1280]
        x = self.fc(x)  # [B, 1000]
        return x
