"""The layer that smooths features, and the networks that may have it."""

import pytest
import torch
from torchvision.transforms.functional import gaussian_blur

from engine import specs
from engine.attribution.table import attribute
from engine.networks.architectures import build, expected_state
from engine.networks.layers import FeatureSmoothing
from engine.specs.networks import ConvNetwork
from engine.specs.schema import SpecError, from_dict, kinds_of
from tests.engine.conftest import computed, study, training
from tests.engine.small_networks import seeded

__all__ = ["computed", "study"]  # fixtures

SMALL = {"wide_resnet": {"depth": 10, "width": 1}}
KINDS = pytest.mark.parametrize("cls", kinds_of(ConvNetwork), ids=lambda cls: cls.kind)


def smoothing_layer(channels=3):
    layer = FeatureSmoothing(channels).to_empty(device="cpu").double()
    with torch.no_grad():
        layer.conv.weight.copy_(torch.eye(channels)[:, :, None, None])
        layer.conv.bias.zero_()
    return layer


@pytest.mark.parametrize(("height", "width"), [(32, 32), (14, 9), (2, 5)])
def test_that_it_adds_the_gaussian_filter_of_the_released_code(height, width):
    features = torch.randn(2, 3, height, width, generator=seeded(), dtype=torch.float64)
    across, down = (0.3 * ((side - 1) * 0.5 - 1) + 0.8 for side in (width, height))
    expected = features + gaussian_blur(features, [3, 3], [across, down])
    torch.testing.assert_close(smoothing_layer()(features), expected)


def test_that_constant_features_stay_constant_and_no_weights_leave_them():
    layer, features = smoothing_layer(), torch.full((1, 3, 6, 6), 0.7).double()
    torch.testing.assert_close(layer(features), 2 * features)
    with torch.no_grad():
        layer.conv.weight.zero_()
    torch.testing.assert_close(layer(features), features)


@KINDS
def test_that_every_network_of_ours_can_have_it_behind_its_first_block(cls):
    plain, smooth = (
        cls(feature_smoothing=wanted, **SMALL.get(cls.kind, {})) for wanted in (False, True)
    )
    assert from_dict(plain.as_dict()).key == plain.key != smooth.key
    assert "feature_smoothing" not in plain.canonical
    shape = (3, 32, 32)
    before, now = (expected_state(spec, shape=shape, classes=5) for spec in (plain, smooth))
    added = [name for name in now if name not in before]
    assert {name.rpartition(".")[2] for name in added} == {"weight", "bias"}
    assert all("smoothing.conv" in name for name in added)
    assert [name for name in now if name in before] == list(before)
    names = list(now)
    assert 0 < names.index(added[0]) < len(names) - 4  # between layers, not at the end
    model = build(smooth, shape=shape, classes=5, generator=seeded()).eval()
    images = torch.rand(2, *shape, generator=seeded(1))
    logits = model(images)
    assert logits.shape == (2, 5)
    assert torch.isfinite(logits).all()
    layer = next(module for module in model.modules() if isinstance(module, FeatureSmoothing))
    assert float(layer.conv.weight.detach().abs().amax()) > 0
    assert (layer.conv.bias.detach().abs() < 1).all()
    with torch.no_grad():
        layer.conv.weight.zero_()
        assert not torch.allclose(model(images), logits)


def test_that_a_network_without_feature_maps_has_no_such_field():
    with pytest.raises(SpecError, match="feature_smoothing"):
        from_dict({"kind": "paper_mlp", "feature_smoothing": True})


@pytest.mark.parametrize(
    "method", [specs.DeepLift(), specs.GuidedBackpropagation(), specs.GradCam(), specs.Gradient()]
)
def test_that_its_maps_are_drawn(method):
    spec = specs.SmallCNN(width=4, feature_smoothing=True)
    model = build(spec, shape=(1, 28, 28), classes=3, generator=seeded()).eval()
    images = torch.rand(3, 1, 28, 28, generator=seeded(1))
    maps = attribute(model, images, method)
    assert torch.isfinite(maps).all()
    assert maps.abs().amax() > 0
    if isinstance(method, specs.DeepLift):
        logits = (model(x).log_softmax(1) for x in (images, torch.full_like(images, 0.0)))
        now, zero = logits
        chosen = now.argmax(1, keepdim=True)
        gap = (now - zero).gather(1, chosen)[:, 0]
        torch.testing.assert_close(maps.flatten(1).sum(1), gap.detach(), rtol=1e-4, atol=1e-4)


def test_that_it_is_trained_and_read_again_by_what_follows(computed):
    network = specs.SmallCNN(width=4, hidden=8, feature_smoothing=True)
    attack = specs.PGD(eps=0.05, steps=2, step_size=0.05)
    spec = training(epochs=1, network=network, scheme=specs.Adversarial(attack=attack))
    measured = specs.Measurement(classifier=spec, metric=specs.Sparseness(), test_images=10)
    record, found = computed(spec, measured)
    weight = record.arrays["weights/network.smoothing.conv.weight"]
    assert weight.shape == (4, 4, 1, 1)
    assert 0 < found.numbers["sparseness"] < 1
