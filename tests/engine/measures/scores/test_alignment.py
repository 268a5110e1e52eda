"""Alignment of a linear network is the distance to its boundary."""

import pytest
import torch

from engine import specs
from tests.engine.measures.scores.conftest import Linear


def test_that_alignment_of_a_linear_model_is_the_distance_to_its_boundary(scored, some_images):
    """For f(x) = w.x without bias, |<x, g>| / ||g|| is |w.x| / ||w||. Source: Etmann 2019."""
    model = Linear(torch.linspace(0.5, 1.5, 30).view(1, 6, 5))
    found = scored(specs.Alignment(), model, some_images)
    expected = (some_images * model.weight).flatten(1).sum(1) / model.weight.norm()
    assert found.arrays["alignment"] == pytest.approx(expected.numpy(), rel=1e-5)
    length = some_images.flatten(1).norm(dim=1)
    assert found.arrays["cosine"] == pytest.approx((expected / length).numpy(), rel=1e-5)
    assert found.numbers["cosine_std"] == pytest.approx(found.arrays["cosine"].std())


def test_that_the_image_itself_is_fully_aligned_and_zeros_are_not(scored, some_images):
    class Squares(torch.nn.Module):
        def forward(self, images):
            half = images.square().flatten(1).sum(1) / 2
            return torch.stack([half, -half], 1)

    found = scored(specs.Alignment(), Squares(), some_images)
    assert found.arrays["cosine"] == pytest.approx(1.0, abs=1e-6)
    assert found.arrays["alignment"] == pytest.approx(some_images.flatten(1).norm(dim=1).numpy())
    silent = scored(specs.Alignment(), Squares(), torch.zeros(3, 1, 6, 5))
    assert (silent.arrays["alignment"] == 0).all()


def test_that_the_default_keeps_its_key_and_its_name():
    """Records of before there was a method to choose are found again."""
    spec = specs.Alignment()
    assert spec.attribution == specs.Gradient(quantity="logit")
    assert spec.title == "Gradient alignment"
    assert specs.Alignment(attribution=specs.Gradient()).title == "Alignment of Gradient"
    assert spec.canonical == '{"kind":"alignment"}'
