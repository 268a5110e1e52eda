"""The smallest eps on a linear network, whose distances are known."""

import numpy as np
import pytest
import torch

from engine import specs
from engine.jobs.context import Context
from engine.measures.smallest_eps import smallest_eps
from engine.specs.schema import SpecError
from tests.engine.conftest import GLYPHS

WEIGHT = torch.tensor([[3.0, -4.0, 0.0, 0.0]])


def linear():
    layer = torch.nn.Linear(4, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.cat([WEIGHT, -WEIGHT]))
    return torch.nn.Sequential(torch.nn.Flatten(), layer).eval().requires_grad_(False)


def measured(study, norm, radii=(0.05, 0.1, 0.2, 0.4)):
    context = Context(GLYPHS, study, torch.device("cpu"), lambda event: None)
    images = torch.rand(200, 1, 2, 2, generator=torch.Generator().manual_seed(0)) * 0.3 + 0.35
    labels = torch.zeros(200, dtype=torch.long)  # most are misclassified as they are
    attack = specs.PGD(norm=norm, eps=0.1, step_size=0.05, steps=10)
    spec = specs.SmallestEps(attack=attack, eps=radii)
    found = smallest_eps(linear(), images, labels, spec, context)
    return found, (images.flatten(1) @ WEIGHT.T).flatten().numpy()


@pytest.mark.parametrize(("norm", "dual"), [("linf", 7.0), ("l2", 5.0)])
def test_that_it_is_the_distance_to_the_boundary_of_a_linear_network(study, norm, dual):
    found, signed = measured(study, norm)
    values = found.arrays["smallest_eps"]
    assert (values[signed <= 0] == 0).all()
    expected = signed[signed > 0] / dual
    # Shortening ends within a thousandth of what the attack found, whose radius is at most twice.
    np.testing.assert_allclose(values[signed > 0], expected, rtol=0.003, atol=0.0003)
    assert (values[signed > 0] >= expected - 1e-6).all()
    assert found.numbers["never_fooled"] == 0
    assert found.numbers["median_smallest_eps"] == pytest.approx(np.median(values))


def test_that_images_beyond_the_last_radius_have_no_number(study):
    found, signed = measured(study, "linf", radii=(1e-4,))
    values = found.arrays["smallest_eps"]
    assert np.isnan(values[signed / 7 > 1e-4]).all()
    assert found.numbers["never_fooled"] == np.isnan(values).mean() > 0.1


def test_that_there_is_no_median_if_most_stand(study):
    context = Context(GLYPHS, study, torch.device("cpu"), lambda event: None)
    images = torch.tensor([[0.9, 0.1, 0.5, 0.5]]).reshape(1, 1, 2, 2)
    spec = specs.SmallestEps(attack=specs.PGD(eps=0.1), eps=(0.01,))
    found = smallest_eps(linear(), images, torch.zeros(1, dtype=torch.long), spec, context)
    assert found.numbers == {"never_fooled": 1.0}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"eps": ()}, "eps is \\[\\], must hold at least one radius"),
        ({"eps": (0.2, 0.1)}, "must rise from one radius to the next"),
        ({"attack": specs.PGD(target=3)}, "attack.target is 3, must be empty"),
        ({"attack": specs.PGD(eps=0.0)}, "attack.eps is 0, must be above 0"),
    ],
)
def test_that_bad_fields_are_named(changes, message):
    with pytest.raises(SpecError, match=message):
        specs.SmallestEps(**changes)
