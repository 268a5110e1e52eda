"""Activations of our own networks: every one in every network, and the order of pooling."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from engine import specs
from engine.networks.architectures import build
from engine.networks.layers import active
from engine.specs.networks import OwnNetwork
from engine.specs.schema import kinds_of

SMALL = {
    "cifar_resnet": {"depth": 50},
    "wide_resnet": {"depth": 10, "width": 1},
    "small_cnn": {"width": 4, "hidden": 8},
}
FORMULAS = {
    "relu": lambda z: z.clamp_min(0),
    "silu": lambda z: z * z.sigmoid(),
    "gelu": lambda z: z * (1 + torch.erf(z / 2**0.5)) / 2,
    "softplus": lambda z: torch.log1p((10 * z).exp()) / 10,
}


def built(cls, activation):
    spec = cls(activation=activation, **SMALL.get(cls.kind, {}))
    generator = torch.Generator().manual_seed(0)
    return build(spec, shape=(3, 16, 16), classes=4, generator=generator).eval()


@pytest.mark.parametrize("name", FORMULAS)
def test_that_an_activation_is_its_formula(name):
    values = torch.linspace(-3, 3, 101, dtype=torch.float64)
    torch.testing.assert_close(active(name)(values), FORMULAS[name](values))


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("cls", kinds_of(OwnNetwork), ids=lambda cls: cls.kind)
def test_that_every_own_network_uses_the_activation_and_no_other(cls, name):
    model, kinds = built(cls, name), (nn.ReLU, nn.SiLU, nn.GELU, nn.Softplus)
    used = {type(module) for module in model.modules() if isinstance(module, kinds)}
    assert used == {type(active(name))}
    assert model(torch.rand(2, 3, 16, 16)).shape == (2, 4)


def test_that_the_default_keeps_the_keys_of_earlier_records():
    assert specs.SmallCNN(activation="relu").key == specs.SmallCNN().key
    assert specs.SmallCNN(activation="silu").key != specs.SmallCNN().key


@pytest.mark.parametrize("name", FORMULAS)
def test_that_pooling_gives_what_it_gives_after_the_activation(name):
    """SiLU and GELU fall below zero: there the two orders differ."""
    model = built(specs.PaperMnistCNN, name)
    layers, act = model.network, active(name)
    with torch.no_grad():
        images = torch.rand(2, 3, 16, 16)
        first = act(layers.conv1(model.normalize(images)))
        pooled = functional.max_pool2d(act(layers.conv2(first)), 2)
        expected = layers.dense2(act(layers.dense1(pooled.flatten(1))))
        torch.testing.assert_close(model(images), expected)
