import math

import pytest
import torch
from torch import nn

from engine.attribution.table import attribute
from engine.data.glyphs import factors_of, jacobian
from engine.measures.map_numbers import completeness_gap, known_tangent_share
from engine.specs import Gaussians2D, Glyphs, Gradient, GradientXInput


def linear(bias=0.0):
    layer = nn.Linear(4, 3, dtype=torch.float64)
    nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(0))
    nn.init.constant_(layer.bias, bias)
    return nn.Sequential(nn.Flatten(), layer)


def images(count=5):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, 1, 2, 2, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("input_range", ["signed", "unit"])
def test_that_a_linear_logit_is_shared_out_without_a_gap(input_range):
    spec = GradientXInput(quantity="logit", input_range=input_range)
    model = linear(0.7)
    gap = completeness_gap(model, images(), attribute(model, images(), spec), spec)
    assert gap.max() < 1e-12


def test_that_what_is_missing_of_the_difference_is_the_gap():
    spec, model = GradientXInput(quantity="logit"), linear()
    half = attribute(model, images(), spec) / 2
    assert completeness_gap(model, images(), half, spec).tolist() == pytest.approx([0.5] * 5)


def test_that_the_gap_of_a_curved_output_is_not_zero():
    spec, model = GradientXInput(), linear()
    gap = completeness_gap(model, images(), attribute(model, images(), spec), spec)
    assert gap.min() > 1e-4


def test_that_the_reference_image_itself_has_no_gap():
    spec, model = GradientXInput(quantity="logit", input_range="unit"), linear()
    black = torch.zeros_like(images(1))
    assert math.isnan(completeness_gap(model, black, black, spec).item())


def test_that_a_mere_gradient_shares_out_nothing():
    assert completeness_gap(linear(), images(), images(), Gradient()) is None


def test_that_a_tangent_lies_in_the_tangent_space_of_its_image():
    source = Glyphs(train=10, test=10)
    labels, factors = (part[[4, 1]] for part in factors_of(source, "test"))
    tangent = jacobian(labels, factors)[..., 0].reshape(2, 1, 28, 28)
    assert known_tangent_share(tangent, source, (4, 1)).tolist() == pytest.approx([1.0, 1.0])
    swapped = known_tangent_share(tangent.flip(0), source, (4, 1))
    assert swapped.max() < 0.99


def test_that_the_tangent_space_of_other_images_is_not_known():
    assert known_tangent_share(images(), Gaussians2D(), (0,)) is None
