"""Grad-CAM and LayerCAM: by hand, layers by name, refusals."""

import pytest
import torch
from torch import nn

from engine.attribution.layers import mirrored
from engine.attribution.table import attribute
from engine.networks.architectures import build
from engine.networks.gradients import InputError
from engine.specs import GradCam, LayerCam, PaperMLP, PreActResNet18, SmallCNN
from tests.engine.small_networks import seeded, small_network

BOTH = pytest.mark.parametrize("kind", [GradCam, LayerCam], ids=lambda cls: cls.kind)


def by_hand(weights, bias=0.0):
    """One 1x1 convolution to two features of a 2x2 image, and logits of them."""
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Flatten(), nn.Linear(8, 2)).double()
    model[0].weight.data = torch.tensor([1.0, -2.0]).double().reshape(2, 1, 1, 1)
    model[0].bias.data.fill_(bias)
    model[2].weight.data = torch.tensor([weights, [0.0] * 8]).double()
    model[2].bias.data.zero_()
    return model


IMAGE = torch.tensor([[0.9, 0.2], [0.1, 0.4]], dtype=torch.float64).reshape(1, 1, 2, 2)


def test_that_gradcam_weighs_features_by_their_mean_gradient():
    """Mean gradients are 1 and 0.5, so that the map is x - 0.5 * 2x = 0 but for the bias."""
    model = by_hand([4.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0], bias=0.1)
    found = attribute(model, IMAGE, GradCam(quantity="logit", target=0))
    torch.testing.assert_close(found, torch.full_like(IMAGE, 0.1 + 0.5 * 0.1))


def test_that_layercam_weighs_features_by_their_positive_gradient_place_by_place():
    model = by_hand([4.0, -1.0, 0.0, 3.0, 0.0, 2.0, 0.0, 0.0])
    found = attribute(model, IMAGE, LayerCam(quantity="logit", target=0))
    expected = torch.tensor([[4 * 0.9, 0.0], [0.0, 3 * 0.4]]).double().reshape(1, 1, 2, 2)
    torch.testing.assert_close(found, expected)


@BOTH
def test_that_a_map_is_not_negative_and_the_same_in_all_channels(kind):
    model = small_network().eval()
    images = torch.rand(6, 3, 6, 8, generator=seeded(1)).double()
    found = attribute(model, images, kind())
    assert found.min() >= 0
    assert found.max() > 0
    assert torch.equal(found[:, 0], found[:, 2])


@BOTH
def test_that_the_last_convolution_is_taken_without_a_name_and_any_layer_with_one(kind):
    model = build(SmallCNN(), shape=(1, 16, 16), classes=3, generator=seeded()).eval()
    images = torch.rand(2, 1, 16, 16, generator=seeded(1))
    last = attribute(model, images, kind())
    assert torch.equal(last, attribute(model, images, kind(layer="conv2")))
    assert torch.equal(last, attribute(model, images, kind(layer="network.conv2")))
    cancellable = attribute(model, images, kind(layer="conv2"), check_cancelled=lambda: None)
    assert torch.equal(last, cancellable)
    assert not torch.equal(last, attribute(model, images, kind(layer="relu1")))


@BOTH
def test_that_a_block_of_a_residual_network_can_be_named(kind):
    model = build(PreActResNet18(), shape=(3, 16, 16), classes=3, generator=seeded()).eval()
    images = torch.rand(2, 3, 16, 16, generator=seeded(1))
    assert attribute(model, images, kind(layer="layer2.1")).shape == images.shape


@BOTH
def test_that_unfit_layers_are_refused_in_one_sentence(kind):
    images = torch.rand(2, 1, 16, 16, generator=seeded(1))
    plain = build(PaperMLP(), shape=(1, 16, 16), classes=3, generator=seeded())
    with pytest.raises(
        InputError, match="needs a convolution beyond a patch embedding, and this network has none"
    ):
        attribute(plain, images, kind())
    model = build(SmallCNN(), shape=(1, 16, 16), classes=3, generator=seeded())
    with pytest.raises(InputError, match=r"layer is 'conv3' \(did you mean 'conv2'\?\), must be"):
        attribute(model, images, kind(layer="conv3"))
    with pytest.raises(InputError, match=r"'dense1' gives \(2, 64\), must give maps"):
        attribute(model, images, kind(layer="dense1"))
    shared = nn.ReLU()
    twice = nn.Sequential(nn.Conv2d(1, 2, 1), shared, shared, nn.Flatten(), nn.Linear(512, 2))
    with pytest.raises(InputError, match="layer '1' is used 2 times for an image"):
        attribute(twice, images, kind(layer="1"))


def test_that_a_mirror_shares_weights_and_not_hooks():
    model = small_network()
    twin = mirrored(model)
    twin[0].register_forward_hook(lambda *_: None)
    assert not model[0]._forward_hooks
    assert twin[0] is not model[0]
    assert twin[0].weight is model[0].weight
    assert twin[1].running_mean is model[1].running_mean
