"""Classifier architectures, which :func:`build` turns into networks from their specs.

Every network takes images in [0, 1] and normalises them in its first layer, so that attacks and
attributions work on pixels. Every activation is a separate module and does not work in place,
because attribution methods hook modules and cannot tell two uses of one module apart.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from engine.specs import NetworkSpec, PaperCifarCNN, PaperMLP, PaperMnistCNN, ResNet18, SmallCNN
from engine.specs.schema import SpecError

Shape = tuple[int, int, int]
Numbers = Sequence[float] | Tensor | NDArray[Any]

MAX_PARAMETERS = 500_000_000
LARGE_IMAGE = 64  # px; for larger images ResNet-18 starts with a 7x7 stride-2 layer and pooling
FLAT_CHANNEL = 1 / 255  # one grey level; channels with a smaller deviation are only centred


class Normalize(nn.Module):
    """Subtract each channel's mean and divide by its deviation, both in [0, 1] units."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]):
        super().__init__()
        self.register_buffer("mean", torch.tensor(list(mean)).reshape(-1, 1, 1))
        self.register_buffer("std", torch.tensor(list(std)).reshape(-1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Return images (N, C, H, W) of [0, 1] in the network's own range."""
        return (images - self.mean) / self.std


class ResidualBlock(nn.Module):
    """ResNet's basic block, with a separate module for each activation and no in-place operation.

    Its parameters have torchvision's names. Source: He 2016, figure 2.
    """

    def __init__(self, channels: int, width: int, stride: int):
        super().__init__()
        self.conv1 = _conv(channels, width, 3, stride, bias=False)
        self.bn1 = nn.BatchNorm2d(width, device="meta")
        self.relu1 = nn.ReLU()
        self.conv2 = _conv(width, width, 3, bias=False)
        self.bn2 = nn.BatchNorm2d(width, device="meta")
        self.relu2 = nn.ReLU()
        self.downsample = nn.Sequential()
        if stride != 1 or channels != width:
            self.downsample.append(_conv(channels, width, 1, stride, bias=False))
            self.downsample.append(nn.BatchNorm2d(width, device="meta"))

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, width, H / stride, W / stride)."""
        inner = self.relu1(self.bn1(self.conv1(features)))
        total: Tensor = self.relu2(self.bn2(self.conv2(inner)) + self.downsample(features))
        return total


def build(
    spec: NetworkSpec,
    *,
    shape: Shape,
    classes: int,
    generator: torch.Generator,
    channel_mean: Numbers | None = None,
    channel_std: Numbers | None = None,
) -> nn.Sequential:
    """Build a network with fresh weights, on the CPU, in training mode.

    Parameters
    ----------
    spec
        The architecture.
    shape
        Channels, height and width of an image.
    classes
        Number of logits, at least 2.
    generator
        A CPU generator, the only source of randomness. So trainings in several threads do not
        affect each other or the process's global generator.
    channel_mean, channel_std
        (C,) in [0, 1] units over the training images; needed for normalization "per_channel".

    Returns
    -------
    nn.Sequential of ``normalize`` and ``network``: images (N, C, H, W) float32 in [0, 1], in any
    memory format, to logits (N, classes).

    Raises
    ------
    SpecError
        If the network cannot take images of this shape or classes of this number.
    """
    if classes < 2:
        raise SpecError(f"classes is {classes}, {spec.label} needs at least 2")
    architecture = ARCHITECTURES[spec.kind]
    least = architecture.least_side
    if min(shape[1:]) < least:
        raise SpecError(
            f"images are {shape[2]}x{shape[1]} px, {spec.label} needs at least {least}x{least} px"
        )
    network = architecture.build(spec, shape, classes)
    count = sum(parameter.numel() for parameter in network.parameters())
    if count > MAX_PARAMETERS:
        raise SpecError(
            f"images are {shape[2]}x{shape[1]} px, for which {spec.label} would have "
            f"{count / 1e6:,.0f} million weights; it may have at most {MAX_PARAMETERS / 1e6:.0f}"
        )
    network.to_empty(device="cpu")
    for module in network.modules():
        architecture.initialise(module, generator)
    normalize = _normalize(spec, shape[0], channel_mean, channel_std)
    return nn.Sequential(OrderedDict(normalize=normalize, network=network))


def initialise_glorot(module: nn.Module, generator: torch.Generator) -> None:
    """Fill one layer: Glorot-uniform weights, zero bias. Source: Kim, Seo, Jeon 2019."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.xavier_uniform_(module.weight, generator=generator)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def initialise_smooth(module: nn.Module, generator: torch.Generator) -> None:
    """Fill one layer as :func:`initialise_glorot`, then smooth the filters of a convolution.

    Filters that are not smooth respond more strongly to an L-inf attack than to a stroke of a
    digit. Adversarial training that starts from them stays at chance accuracy for many epochs.
    """
    initialise_glorot(module, generator)
    if isinstance(module, nn.Conv2d):
        with torch.no_grad():
            # Doubled, because averaging shrinks independent weights to a third.
            module.weight.copy_(2 * functional.avg_pool2d(module.weight, 3, stride=1, padding=1))


def initialise_he(module: nn.Module, generator: torch.Generator) -> None:
    """Initialise one layer as torchvision does in ResNet; batch norms start as the identity."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(
            module.weight, mode="fan_out", nonlinearity="relu", generator=generator
        )
    elif isinstance(module, nn.Linear):
        bound = 1 / math.sqrt(module.in_features)
        nn.init.uniform_(module.weight, -bound, bound, generator=generator)
        nn.init.uniform_(module.bias, -bound, bound, generator=generator)
    elif isinstance(module, nn.BatchNorm2d):
        module.reset_parameters()


def small_cnn(spec: SmallCNN, shape: Shape, classes: int) -> nn.Module:
    """Lay out two strided 5x5 convolutions and one hidden layer."""
    channels, height, width = shape
    features = 2 * spec.width * -(-height // 4) * -(-width // 4)
    return _named(
        conv1=_conv(channels, spec.width, 5, stride=2),
        relu1=nn.ReLU(),
        conv2=_conv(spec.width, 2 * spec.width, 5, stride=2),
        relu2=nn.ReLU(),
        flatten=nn.Flatten(),
        dense1=_dense(features, spec.hidden),
        relu3=nn.ReLU(),
        dense2=_dense(spec.hidden, classes),
    )


def paper_mnist_cnn(spec: PaperMnistCNN, shape: Shape, classes: int) -> nn.Module:
    """Lay out the paper's network for MNIST; it pools once, after the second convolution.

    Pooling comes before the activation, which then has four times fewer values to rectify. The
    order changes neither outputs nor gradients: max pooling and ReLU commute exactly.
    """
    channels, height, width = shape
    return _named(
        conv1=_conv(channels, 32, 5),
        relu1=nn.ReLU(),
        conv2=_conv(32, 64, 5),
        pool=nn.MaxPool2d(2),
        relu2=nn.ReLU(),
        flatten=nn.Flatten(),
        dense1=_dense(64 * (height // 2) * (width // 2), 1024),
        relu3=nn.ReLU(),
        dense2=_dense(1024, classes),
    )


def paper_cifar_cnn(spec: PaperCifarCNN, shape: Shape, classes: int) -> nn.Module:
    """Lay out the paper's network for CIFAR-10, pooling before activation as for MNIST."""
    channels, height, width = shape
    return _named(
        conv1=_conv(channels, 32, 3),
        relu1=nn.ReLU(),
        conv2=_conv(32, 32, 3),
        pool1=nn.MaxPool2d(2),
        relu2=nn.ReLU(),
        conv3=_conv(32, 64, 3),
        relu3=nn.ReLU(),
        conv4=_conv(64, 64, 3),
        pool2=nn.MaxPool2d(2),
        relu4=nn.ReLU(),
        flatten=nn.Flatten(),
        dense1=_dense(64 * (height // 4) * (width // 4), 512),
        relu5=nn.ReLU(),
        dense2=_dense(512, classes),
    )


def paper_mlp(spec: PaperMLP, shape: Shape, classes: int) -> nn.Module:
    """Lay out the paper's network for points of the plane; takes images of any shape."""
    hidden = _dense(math.prod(shape), 128)
    return _named(flatten=nn.Flatten(), dense1=hidden, relu1=nn.ReLU(), dense2=_dense(128, classes))


def resnet18(spec: ResNet18, shape: Shape, classes: int) -> nn.Module:
    """Lay out ResNet-18 with torchvision's names; choose the first layer by the image size."""
    if max(shape[1:]) > LARGE_IMAGE:
        first = _conv(shape[0], 64, 7, stride=2, bias=False)
        pool: nn.Module = nn.MaxPool2d(3, stride=2, padding=1)
    else:
        first = _conv(shape[0], 64, 3, bias=False)
        pool = nn.Identity()
    widths = (64, 64, 128, 256, 512)
    stages = {
        f"layer{stage}": nn.Sequential(
            ResidualBlock(widths[stage - 1], widths[stage], 1 if stage == 1 else 2),
            ResidualBlock(widths[stage], widths[stage], 1),
        )
        for stage in range(1, 5)
    }
    return _named(
        conv1=first,
        bn1=nn.BatchNorm2d(64, device="meta"),
        relu=nn.ReLU(),
        maxpool=pool,
        **stages,
        avgpool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        fc=_dense(512, classes),
    )


@dataclass(frozen=True)
class Architecture:
    """A row of :data:`ARCHITECTURES`.

    Attributes
    ----------
    build
        ``(spec, shape, classes) -> network``: makes the layers on the meta device, without weights.
    initialise
        ``(module, generator)``: initialises one module; called for each module of the network.
    least_side
        Smallest height and width of an image in pixels. In smaller images, pooling would leave no
        pixels, or one filter would be larger than the image.
    """

    build: Callable[[Any, Shape, int], nn.Module]
    initialise: Callable[[nn.Module, torch.Generator], None]
    least_side: int = 1


ARCHITECTURES: dict[str, Architecture] = {
    "small_cnn": Architecture(small_cnn, initialise_smooth, 8),
    "paper_mnist_cnn": Architecture(paper_mnist_cnn, initialise_glorot, 8),
    "paper_cifar_cnn": Architecture(paper_cifar_cnn, initialise_glorot, 8),
    "paper_mlp": Architecture(paper_mlp, initialise_glorot),
    "resnet18": Architecture(resnet18, initialise_he, 16),
}


def _normalize(
    spec: NetworkSpec,
    channels: int,
    channel_mean: Numbers | None,
    channel_std: Numbers | None,
) -> Normalize:
    if spec.normalization == "signed":
        return Normalize([0.5] * channels, [0.5] * channels)
    if spec.normalization == "none":
        return Normalize([0.0] * channels, [1.0] * channels)
    if channel_mean is None or channel_std is None:
        raise SpecError(
            "normalization is 'per_channel', which needs the mean and deviation of every channel"
        )
    if not len(channel_mean) == len(channel_std) == channels:
        raise SpecError(
            f"channel_mean and channel_std have {len(channel_mean)} and {len(channel_std)} "
            f"numbers, must have {channels}, one a channel"
        )
    spread = [float(std) if std > FLAT_CHANNEL else 1.0 for std in channel_std]
    return Normalize([float(mean) for mean in channel_mean], spread)


# Make layers on the meta device. Otherwise torch's constructors would draw initial weights from
# the global generator that all threads of the process share.
def _conv(
    channels: int, width: int, kernel: int, stride: int = 1, *, bias: bool = True
) -> nn.Conv2d:
    padding = kernel // 2
    return nn.Conv2d(channels, width, kernel, stride, padding, bias=bias, device="meta")


def _dense(features: int, units: int) -> nn.Linear:
    return nn.Linear(features, units, device="meta")


def _named(**layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(layers))
