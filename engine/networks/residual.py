"""Residual networks of our own."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional

from engine.networks.layers import active, conv, dense, named, smoothing
from engine.networks.noise import BatchNorm
from engine.specs import CifarResNet, PreActResNet18, ResNet18, WideResNet
from engine.specs.networks import ConvNetwork

Shape = tuple[int, int, int]
# Blocks by stage, and whether blocks are bottlenecks. Source: He 2016, table 1.
STAGES = {
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
    101: ((3, 4, 23, 3), True),
    152: ((3, 8, 36, 3), True),
}
LARGE_IMAGE = 64  # px; for larger images ResNet-18 starts with a 7x7 stride-2 layer and pooling


class ResidualBlock(nn.Module):
    """ResNet's basic block, with a separate module for each activation and no in-place operation.

    Its parameters have torchvision's names. Source: He 2016, figure 2.
    """

    def __init__(self, channels: int, width: int, stride: int, activation: str = "relu"):
        super().__init__()
        self.conv1 = conv(channels, width, 3, stride, bias=False)
        self.bn1 = nn.BatchNorm2d(width, device="meta")
        self.relu1 = active(activation)
        self.conv2 = conv(width, width, 3, bias=False)
        self.bn2 = nn.BatchNorm2d(width, device="meta")
        self.relu2 = active(activation)
        self.downsample = nn.Sequential()
        if stride != 1 or channels != width:
            self.downsample.append(conv(channels, width, 1, stride, bias=False))
            self.downsample.append(nn.BatchNorm2d(width, device="meta"))

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, width, H / stride, W / stride)."""
        inner = self.relu1(self.bn1(self.conv1(features)))
        total: Tensor = self.relu2(self.bn2(self.conv2(inner)) + self.downsample(features))
        return total


def resnet18(spec: ResNet18, shape: Shape, classes: int) -> nn.Module:
    """Lay out ResNet-18 with torchvision's names; choose the first layer by the image size."""
    if max(shape[1:]) > LARGE_IMAGE:
        first = conv(shape[0], 64, 7, stride=2, bias=False)
        pool: nn.Module = nn.MaxPool2d(3, stride=2, padding=1)
    else:
        first = conv(shape[0], 64, 3, bias=False)
        pool = nn.Identity()
    widths = (64, 64, 128, 256, 512)
    stages = {
        f"layer{stage}": nn.Sequential(
            ResidualBlock(
                widths[stage - 1], widths[stage], 1 if stage == 1 else 2, spec.activation
            ),
            ResidualBlock(widths[stage], widths[stage], 1, spec.activation),
        )
        for stage in range(1, 5)
    }
    return named(
        conv1=first,
        bn1=nn.BatchNorm2d(64, device="meta"),
        relu=active(spec.activation),
        maxpool=pool,
        **_smoothed(stages, spec, 64),
        avgpool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        fc=dense(512, classes),
    )


class CifarBlock(nn.Module):
    """A basic or a bottleneck block of :func:`cifar_resnet`. Source: He 2016, figure 5."""

    def __init__(self, channels: int, width: int, stride: int, spec: CifarResNet):
        super().__init__()
        bottleneck = self.bottleneck = STAGES[spec.depth][1]
        out = 4 * width if bottleneck else width
        kernels = (1, 3, 1) if bottleneck else (3, 3)
        self.conv1 = conv(channels, width, kernels[0], 1 if bottleneck else stride, bias=False)
        self.bn1 = _norm(width)
        self.relu1 = active(spec.activation)
        self.conv2 = conv(width, width, 3, stride if bottleneck else 1, bias=False)
        self.bn2 = _norm(width)
        self.relu2 = active(spec.activation)
        if bottleneck:
            self.conv3 = conv(width, out, 1, bias=False)
            self.bn3 = _norm(out)
            self.relu3 = active(spec.activation)
        self.shortcut = nn.Sequential()
        if stride != 1 or channels != out:
            self.shortcut.append(conv(channels, out, 1, stride, bias=False))
            self.shortcut.append(_norm(out))

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, width or 4 width, H / stride, W / stride)."""
        inner = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(features)))))
        if not self.bottleneck:
            total: Tensor = self.relu2(inner + self.shortcut(features))
            return total
        total = self.relu3(self.bn3(self.conv3(self.relu2(inner))) + self.shortcut(features))
        return total


def cifar_resnet(spec: CifarResNet, shape: Shape, classes: int) -> nn.Module:
    """Lay out a ResNet with a 3x3 first layer, with the names of kuangliu's code."""
    counts, bottleneck = STAGES[spec.depth]
    expansion = 4 if bottleneck else 1
    stages, channels = {}, 64
    for stage, count in enumerate(counts, 1):
        width = 32 * 2**stage
        blocks = nn.Sequential()
        for place in range(count):
            stride = 2 if place == 0 and stage > 1 else 1
            blocks.append(CifarBlock(channels, width, stride, spec))
            channels = expansion * width
        stages[f"layer{stage}"] = blocks
    return named(
        conv1=conv(shape[0], 64, 3, bias=False),
        bn1=_norm(64),
        relu=active(spec.activation),
        **_smoothed(stages, spec, 64 * expansion),
        avgpool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        linear=dense(channels, classes),
    )


class PreActBlock(nn.Module):
    """A block whose norms and activations come before its convolutions.

    Source: He 2016, "Identity mappings in deep residual networks", figure 1b.
    """

    def __init__(self, channels: int, width: int, stride: int, spec: PreActResNet18):
        super().__init__()
        self.shortcut_reads = spec.shortcut
        self.bn1 = _norm(channels)
        self.relu1 = active(spec.activation)
        self.conv1 = conv(channels, width, 3, stride, bias=False)
        self.bn2 = _norm(width)
        self.relu2 = active(spec.activation)
        self.conv2 = conv(width, width, 3, bias=False)
        self.shortcut = nn.Sequential()
        if stride != 1 or channels != width:
            self.shortcut.append(conv(channels, width, 1, stride, bias=False))

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, width, H / stride, W / stride)."""
        rectified = self.relu1(self.bn1(features))
        # An identity always reads the plain input.
        reads = rectified if self.shortcut_reads == "activated" and len(self.shortcut) else features
        inner = self.conv2(self.relu2(self.bn2(self.conv1(rectified))))
        total: Tensor = inner + self.shortcut(reads)
        return total


def preact_resnet18(spec: PreActResNet18, shape: Shape, classes: int) -> nn.Module:
    """Lay out PreActResNet-18 with the names of the code of Rice 2020."""
    widths = (64, 64, 128, 256, 512)
    stages = {
        f"layer{stage}": nn.Sequential(
            PreActBlock(widths[stage - 1], widths[stage], 1 if stage == 1 else 2, spec),
            PreActBlock(widths[stage], widths[stage], 1, spec),
        )
        for stage in range(1, 5)
    }
    last = {"bn": _norm(512), "relu": active(spec.activation)} if spec.final_norm else {}
    return named(
        conv1=conv(shape[0], 64, 3, bias=False),
        **_smoothed(stages, spec, 64),
        **last,
        avgpool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        linear=dense(512, classes),
    )


class WideBlock(nn.Module):
    """A block of :func:`wide_resnet`; its 1x1 shortcut reads the activated input.

    Source: Zagoruyko 2016, figure 1d; Zhang 2019 for the names.
    """

    def __init__(self, channels: int, width: int, stride: int, spec: WideResNet):
        super().__init__()
        self.bn1 = _norm(channels)
        self.relu1 = active(spec.activation)
        self.conv1 = conv(channels, width, 3, stride, bias=False)
        self.bn2 = _norm(width)
        self.relu2 = active(spec.activation)
        self.conv2 = conv(width, width, 3, bias=False)
        self.convShortcut = None
        if channels != width:
            self.convShortcut = conv(channels, width, 1, stride, bias=False)
        self.pads_end = stride > 1 and spec.padding == "end"
        if self.pads_end:
            self.conv1.padding = (0, 0)

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, width, H / stride, W / stride)."""
        rectified = self.relu1(self.bn1(features))
        padded = functional.pad(rectified, (0, 1, 0, 1)) if self.pads_end else rectified
        inner = self.conv2(self.relu2(self.bn2(self.conv1(padded))))
        total: Tensor = inner
        return total + (features if self.convShortcut is None else self.convShortcut(rectified))


def wide_resnet(spec: WideResNet, shape: Shape, classes: int) -> nn.Module:
    """Lay out WideResNet-depth-width with the names of TRADES' code."""
    blocks, channels, groups = (spec.depth - 4) // 6, 16, {}
    for group in (1, 2, 3):
        width = 8 * 2**group * spec.width
        layer = nn.Sequential()
        for place in range(blocks):
            stride = 2 if place == 0 and group > 1 else 1
            layer.append(WideBlock(channels, width, stride, spec))
            channels = width
        groups[f"block{group}"] = named(layer=layer)
    return named(
        conv1=conv(shape[0], 16, 3, bias=False),
        **_smoothed(groups, spec, 16 * spec.width),
        bn1=_norm(channels),
        relu=active(spec.activation),
        avgpool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        fc=dense(channels, classes),
    )


def _norm(channels: int) -> BatchNorm:
    return BatchNorm(channels, device="meta")


def _smoothed(
    stages: Mapping[str, nn.Module], spec: ConvNetwork, channels: int
) -> dict[str, nn.Module]:
    """Return stages with what smooths the output of the first one behind it, where it is wanted."""
    first, *others = stages.items()
    return dict([first, *smoothing(spec, channels).items(), *others])
