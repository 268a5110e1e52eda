"""Specs of architectures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.specs.schema import Spec, param


@dataclass(frozen=True, kw_only=True)
class NetworkSpec(Spec):
    """An architecture; its first layer normalises images of [0, 1]."""

    normalization: Literal["signed", "none", "per_channel"] = param(
        "signed", help="signed: to [-1, 1] as in the paper; per_channel: by training statistics"
    )


@dataclass(frozen=True, kw_only=True)
class SmallCNN(NetworkSpec, kind="small_cnn", label="Small CNN"):
    """Two strided 5x5 convolutions and one hidden layer: seconds per training on a CPU."""

    width: int = param(16, low=2, high=512, help="Channels of the first convolution")
    hidden: int = param(64, low=2, high=4096, help="Units of the hidden layer")


@dataclass(frozen=True, kw_only=True)
class PaperMnistCNN(NetworkSpec, kind="paper_mnist_cnn", label="Paper's MNIST network"):
    """conv5x5-32, conv5x5-64, maxpool2, dense 1024, dense K. Source: Kim, Seo, Jeon 2019."""


@dataclass(frozen=True, kw_only=True)
class PaperCifarCNN(NetworkSpec, kind="paper_cifar_cnn", label="Paper's CIFAR-10 network"):
    """conv3x3-32 twice, maxpool2, conv3x3-64 twice, maxpool2, dense 512, dense K.

    Source: Kim, Seo, Jeon 2019.
    """


@dataclass(frozen=True, kw_only=True)
class PaperMLP(NetworkSpec, kind="paper_mlp", label="Paper's 2-D network"):
    """dense 128, dense K. Source: Kim, Seo, Jeon 2019."""


@dataclass(frozen=True, kw_only=True)
class ResNet18(NetworkSpec, kind="resnet18", label="ResNet-18"):
    """torchvision's ResNet-18; up to 64 px the first layer is 3x3 stride 1 without pooling."""
