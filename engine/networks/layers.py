"""The layers that our own networks are made of, and how their weights are first drawn."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.specs.networks import ConvNetwork

SOFTPLUS = 10.0
_PLAIN: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "silu": nn.SiLU, "gelu": nn.GELU}
RISING = ("relu", "softplus")
"""Activations that never fall, so that max pooling may as well come before them."""


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
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Linear):
        bound = 1 / math.sqrt(module.in_features)
        nn.init.uniform_(module.weight, -bound, bound, generator=generator)
        nn.init.uniform_(module.bias, -bound, bound, generator=generator)
    elif isinstance(module, nn.BatchNorm2d):
        module.reset_parameters()


def initialise_fan_out(module: nn.Module, generator: torch.Generator) -> None:
    """Initialise one layer as WideResNet's code does: zero biases, normal convolutions.

    Source: Zagoruyko 2016; Zhang 2019.
    """
    initialise_he(module, generator)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)


def initialise_trades(module: nn.Module, generator: torch.Generator) -> None:
    """Initialise one layer as TRADES' code for MNIST, except that the last layer is not 0.

    A last layer of zeros has no input gradient, so neither a first map nor a first attack. Source:
    Zhang 2019.
    """
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, generator=generator)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    else:
        initialise_he(module, generator)


def wake(network: nn.Module, generator: torch.Generator) -> None:
    """Draw the weights of dense layers that are all 0, such as the last one of torchvision's ViT.

    Behind a last layer of zeros there is no input gradient: no first map, and no first attack.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear) and not module.weight.any():
            bound = 1 / math.sqrt(module.in_features)
            nn.init.uniform_(module.weight, -bound, bound, generator=generator)


# Layers are made on the meta device. Otherwise torch's constructors would draw initial weights from
# the global generator that all threads of the process share.
def active(activation: str) -> nn.Module:
    """Return a new module of an activation of :data:`~engine.specs.networks.Activation`.

    Softplus is sharpened so that it lies near ReLU for inputs of order one. Source: Xie 2020,
    "Smooth adversarial training", section 4.
    """
    return nn.Softplus(beta=SOFTPLUS) if activation == "softplus" else _PLAIN[activation]()


def conv(
    channels: int,
    width: int,
    kernel: int,
    stride: int = 1,
    *,
    bias: bool = True,
    padding: int | None = None,
) -> nn.Conv2d:
    """Return a convolution without weights; it keeps the size of the image unless told not to."""
    around = kernel // 2 if padding is None else padding
    return nn.Conv2d(channels, width, kernel, stride, around, bias=bias, device="meta")


class FeatureSmoothing(nn.Module):
    """Adds to features the same, smoothed and mixed: x + conv1x1(Gauss3x3(x)).

    The filter's deviation follows from the width and height n of the features as in the released
    code, 0.3 ((n - 1) / 2 - 1) + 0.8, which for 32 is 5 pixels: nearly a mean over 3x3. Beyond the
    border the features are mirrored. Source: Bhusal 2026, and their code.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.conv = conv(channels, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, C, H, W) like the features, whose sides must be at least 2."""
        smooth = functional.pad(features, (1, 1, 1, 1), mode="reflect")
        for axis in (2, 3):
            side = features.shape[axis]
            sigma = 0.3 * ((side - 1) / 2 - 1) + 0.8
            # Slices in place of a convolution: a kernel would be copied to the device every time.
            beside = math.exp(-1 / (2 * sigma**2))
            before, at, behind = (smooth.narrow(axis, first, side) for first in range(3))
            smooth = (beside * (before + behind) + at) / (1 + 2 * beside)
        total: Tensor = features + self.conv(smooth)
        return total


def smoothing(spec: ConvNetwork, channels: int) -> dict[str, nn.Module]:
    """Return the layer of :class:`FeatureSmoothing` under its name, or none."""
    return {"smoothing": FeatureSmoothing(channels)} if spec.feature_smoothing else {}


def dense(features: int, units: int) -> nn.Linear:
    """Return a fully connected layer without weights."""
    return nn.Linear(features, units, device="meta")


def named(**layers: nn.Module) -> nn.Sequential:
    """Return layers one after the other, under their names."""
    return nn.Sequential(OrderedDict(layers))
