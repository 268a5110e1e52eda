"""Plain networks: the paper's, a small one, and the one of TRADES for MNIST."""

from __future__ import annotations

import math

from torch import nn

from engine.networks.layers import RISING, active, conv, dense, named, smoothing
from engine.networks.noise import Dropout
from engine.specs import PaperCifarCNN, PaperMLP, PaperMnistCNN, SmallCNN, TradesCNN

Shape = tuple[int, int, int]


def small_cnn(spec: SmallCNN, shape: Shape, classes: int) -> nn.Module:
    """Lay out two strided 5x5 convolutions and one hidden layer."""
    channels, height, width = shape
    features = 2 * spec.width * -(-height // 4) * -(-width // 4)
    return named(
        conv1=conv(channels, spec.width, 5, stride=2),
        relu1=active(spec.activation),
        **smoothing(spec, spec.width),
        conv2=conv(spec.width, 2 * spec.width, 5, stride=2),
        relu2=active(spec.activation),
        flatten=nn.Flatten(),
        dense1=dense(features, spec.hidden),
        relu3=active(spec.activation),
        dense2=dense(spec.hidden, classes),
    )


def paper_mnist_cnn(spec: PaperMnistCNN, shape: Shape, classes: int) -> nn.Module:
    """Lay out the paper's network for MNIST; it pools once, after the second convolution.

    Pooling comes before an activation that never falls, which then has four times fewer values to
    work on. The order changes neither outputs nor gradients: max pooling and ReLU commute exactly.
    """
    channels, height, width = shape
    return named(
        conv1=conv(channels, 32, 5),
        relu1=active(spec.activation),
        **smoothing(spec, 32),
        conv2=conv(32, 64, 5),
        **_pooled("pool", "relu2", spec.activation),
        flatten=nn.Flatten(),
        dense1=dense(64 * (height // 2) * (width // 2), 1024),
        relu3=active(spec.activation),
        dense2=dense(1024, classes),
    )


def paper_cifar_cnn(spec: PaperCifarCNN, shape: Shape, classes: int) -> nn.Module:
    """Lay out the paper's network for CIFAR-10, pooling before activation as for MNIST."""
    channels, height, width = shape
    return named(
        conv1=conv(channels, 32, 3),
        relu1=active(spec.activation),
        conv2=conv(32, 32, 3),
        **_pooled("pool1", "relu2", spec.activation),
        **smoothing(spec, 32),
        conv3=conv(32, 64, 3),
        relu3=active(spec.activation),
        conv4=conv(64, 64, 3),
        **_pooled("pool2", "relu4", spec.activation),
        flatten=nn.Flatten(),
        dense1=dense(64 * (height // 4) * (width // 4), 512),
        relu5=active(spec.activation),
        dense2=dense(512, classes),
    )


def _pooled(pool: str, active_: str, activation: str) -> dict[str, nn.Module]:
    """Return a max pooling and an activation under their names, the faster order first."""
    layers = {pool: nn.MaxPool2d(2), active_: active(activation)}
    return layers if activation in RISING else dict(reversed(layers.items()))


def paper_mlp(spec: PaperMLP, shape: Shape, classes: int) -> nn.Module:
    """Lay out the paper's network for points of the plane; takes images of any shape."""
    hidden = dense(math.prod(shape), 128)
    return named(
        flatten=nn.Flatten(),
        dense1=hidden,
        relu1=active(spec.activation),
        dense2=dense(128, classes),
    )


def trades_cnn(spec: TradesCNN, shape: Shape, classes: int) -> nn.Module:
    """Lay out TRADES' network for MNIST, whose convolutions do not pad."""
    channels, height, width = shape
    features = named(
        conv1=conv(channels, 32, 3, padding=0),
        relu1=active(spec.activation),
        conv2=conv(32, 32, 3, padding=0),
        relu2=active(spec.activation),
        maxpool1=nn.MaxPool2d(2),
        **smoothing(spec, 32),
        conv3=conv(32, 64, 3, padding=0),
        relu3=active(spec.activation),
        conv4=conv(64, 64, 3, padding=0),
        relu4=active(spec.activation),
        maxpool2=nn.MaxPool2d(2),
    )
    rows, columns = (((side - 4) // 2 - 4) // 2 for side in (height, width))
    classifier = named(
        fc1=dense(64 * rows * columns, 200),
        relu1=active(spec.activation),
        drop=Dropout(spec.dropout),
        fc2=dense(200, 200),
        relu2=active(spec.activation),
        fc3=dense(200, classes),
    )
    return named(feature_extractor=features, flatten=nn.Flatten(), classifier=classifier)
