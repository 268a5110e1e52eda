"""Our attributions against captum's."""

import copy

import captum.attr
import pytest
import torch
from torch import nn

from engine import specs
from engine.attribution.table import attribute
from tests.engine.small_networks import initialised, seeded, small_network


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


def rectified(activation=nn.ReLU):
    """A network with one module a use, and pooling that no activation touches."""
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        activation(),
        nn.Conv2d(4, 6, 3, padding=1),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(72, 20),
        activation(),
        nn.Linear(20, 5),
    )
    return initialised(model).double().eval()


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("activation", [nn.ReLU, nn.Softplus, nn.Tanh, nn.ELU])
@pytest.mark.parametrize("baseline", ["black", "grey"])
def test_that_deeplift_is_captums(images, activation, baseline):
    """captum 0.9 has no rule for SiLU and GELU; its maps miss part of the difference there."""
    model = rectified(activation)
    predicted = model(images).argmax(1)
    spec = specs.DeepLift(quantity="logit", baseline=baseline)
    expected = captum.attr.DeepLift(copy.deepcopy(model)).attribute(
        images, baselines=spec.reference().grey, target=predicted
    )
    torch.testing.assert_close(attribute(model, images, spec), expected, rtol=1e-5, atol=1e-8)


@pytest.mark.filterwarnings("ignore:Setting backward hooks")
def test_that_guided_backpropagation_is_captums(images):
    model = rectified()
    predicted = model(images).argmax(1)
    peer = captum.attr.GuidedBackprop(copy.deepcopy(model))
    expected = peer.attribute(images.clone().requires_grad_(True), target=predicted)
    ours = attribute(model, images, specs.GuidedBackpropagation(quantity="logit"))
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("layer", ["", "1"])
def test_that_gradcam_is_captums(images, layer):
    model = rectified()
    predicted = model(images).argmax(1)
    peer = captum.attr.LayerGradCam(model, model[int(layer or 2)])
    small = peer.attribute(images, target=predicted, relu_attributions=True)
    expected = captum.attr.LayerAttribution.interpolate(small, images.shape[2:], "bilinear")
    ours = attribute(model, images, specs.GradCam(quantity="logit", layer=layer))
    torch.testing.assert_close(ours, expected.expand_as(ours), rtol=1e-5, atol=1e-8)


def test_that_occlusion_is_captums():
    model = initialised(
        nn.Sequential(nn.Flatten(), nn.Linear(300, 20), nn.SiLU(), nn.Linear(20, 5))
    )
    model, images = model.double(), torch.rand(4, 3, 10, 10, generator=seeded(1)).double()
    predicted = model(images).argmax(1)
    expected = captum.attr.Occlusion(LogProbability(model)).attribute(
        images, (3, 2, 2), strides=(3, 1, 1), baselines=0.5, target=predicted
    )
    ours = attribute(model, images, specs.OcclusionMap(window=0.2, stride=0.1))
    # captum collects its sums in float32.
    torch.testing.assert_close(ours, expected.double(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "name"), [("SmoothGradSquared", "smoothgrad_sq"), ("VarGrad", "vargrad")]
)
def test_that_the_squares_of_smoothgrad_are_captums_up_to_the_draws(images, kind, name):
    """Both average many draws of their own, so they differ by the errors of two means."""
    model = small_network().eval()
    predicted = model(images).argmax(1)
    torch.manual_seed(0)
    expected = captum.attr.NoiseTunnel(captum.attr.Saliency(LogProbability(model))).attribute(
        images.clone().requires_grad_(True),
        nt_type=name,
        nt_samples=1000,
        stdevs=0.15,
        target=predicted,
        abs=False,
    )
    ours = attribute(model, images, getattr(specs, kind)(samples=1000))
    assert (ours - expected).norm() / expected.norm() < 0.1
