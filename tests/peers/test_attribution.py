"""Our attributions against captum's."""

import captum.attr
import pytest
import torch
from torch import nn

from engine import specs
from engine.attribution.table import attribute
from tests.engine.small_networks import seeded, small_network


@pytest.fixture
def images():
    return torch.rand(8, 3, 6, 8, generator=seeded(1), dtype=torch.float64)


class LogProbability(nn.Module):
    """What is differentiated: the log-probability of every class."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, images):
        return self.model(images).log_softmax(1)


def test_that_the_gradient_is_captums_saliency_of_the_log_probability(images):
    model = small_network().eval()
    predicted = model(images).argmax(1)
    peer = captum.attr.Saliency(LogProbability(model))
    expected = peer.attribute(images.clone().requires_grad_(True), target=predicted, abs=False)
    torch.testing.assert_close(attribute(model, images, specs.Gradient()), expected)


def test_that_gradient_x_input_is_captums_for_images_in_unit_range(images):
    model = small_network().eval()
    predicted = model(images).argmax(1)
    peer = captum.attr.InputXGradient(LogProbability(model))
    expected = peer.attribute(images.clone().requires_grad_(True), target=predicted)
    ours = attribute(model, images, specs.GradientXInput(input_range="unit"))
    torch.testing.assert_close(ours, expected)


def test_that_the_papers_gradient_x_input_takes_the_image_in_signed_range(images):
    model = small_network().eval()
    gradient = attribute(model, images, specs.Gradient())
    ours = attribute(model, images, specs.GradientXInput())
    torch.testing.assert_close(ours, gradient * (2 * images - 1))


@pytest.mark.parametrize("baseline", ["black", "grey"])
def test_that_integrated_gradients_are_captums(images, baseline):
    model = small_network().eval()
    predicted = model(images).argmax(1)
    spec = specs.IntegratedGradients(steps=20, baseline=baseline)
    peer = captum.attr.IntegratedGradients(LogProbability(model))
    expected = peer.attribute(
        images,
        baselines=spec.reference().grey,
        target=predicted,
        n_steps=20,
        method="gausslegendre",
    )
    torch.testing.assert_close(attribute(model, images, spec), expected, rtol=1e-5, atol=1e-8)


def test_that_smoothgrad_is_captums_noise_tunnel_up_to_the_draws(images):
    """Both average many draws of their own, so they differ by the errors of two means."""
    model = small_network().eval()
    predicted = model(images).argmax(1)
    torch.manual_seed(0)
    peer = captum.attr.NoiseTunnel(captum.attr.Saliency(LogProbability(model)))
    expected = peer.attribute(
        images.clone().requires_grad_(True),
        nt_type="smoothgrad",
        nt_samples=400,
        stdevs=0.15,
        target=predicted,
        abs=False,
    )
    ours = attribute(model, images, specs.SmoothGrad(samples=400))
    close = (ours - expected).norm() / expected.norm()
    far = (attribute(model, images, specs.Gradient()) - expected).norm() / expected.norm()
    assert close < 0.15
    assert close < far
