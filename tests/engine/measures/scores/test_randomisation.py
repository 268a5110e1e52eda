"""Sanity checks: the order of layers, the cascade, and what is compared."""

import copy
import math

import pytest
import scipy.stats
import torch
from torch import nn

from engine import specs
from engine.measures.scores import randomisation
from engine.measures.scores.randomisation import (
    cascade,
    grouped,
    histogram_entropy,
    layers_in_order,
    rank_correlation,
)
from engine.specs.schema import SpecError
from tests.engine.conftest import computed, training

__all__ = ["computed"]  # a fixture


class Turned(nn.Module):
    """Declares its last layer first, and one whose weight it uses itself."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6, 3)
        self.stem = nn.Sequential(nn.Flatten(), nn.Linear(30, 6))
        self.extra = nn.Linear(6, 6)
        self.norm = nn.BatchNorm1d(6)

    def forward(self, images):
        hidden = nn.functional.linear(self.stem(images), self.extra.weight, self.extra.bias)
        return self.head(self.norm(hidden).relu())


def test_that_layers_stand_in_the_order_of_their_use():
    model = Turned().eval()
    found = layers_in_order(model, torch.rand(1, 1, 6, 5))
    assert found == ["stem.1", "extra", "norm", "head"]
    assert all(not module._forward_pre_hooks for module in model.modules())


def test_that_a_network_without_weights_is_refused():
    with pytest.raises(SpecError, match="the network has no layer with weights"):
        layers_in_order(nn.Sequential(nn.Flatten(), nn.Softmax(1)), torch.rand(1, 1, 2, 2))


def test_that_groups_begin_at_the_output_and_hold_every_layer_once():
    layers = list("abcdefg")
    assert grouped(layers, 3) == [["g", "f"], ["e", "d", "c"], ["b", "a"]]
    assert grouped(layers, 99) == [[name] for name in "gfedcba"]
    assert grouped(layers, 1) == [layers[::-1]]


def test_that_the_cascade_ends_at_the_fresh_network_and_spares_the_trained_one():
    model, fresh = Turned().eval(), Turned().eval()
    fresh.norm.running_mean += 1.0
    before = copy.deepcopy(model.state_dict())
    groups = grouped(layers_in_order(model, torch.rand(1, 1, 6, 5)), 2)
    states = [copy.deepcopy(network.state_dict()) for network in cascade(model, fresh, groups)]
    for name, tensor in fresh.state_dict().items():
        assert torch.equal(states[1][name], tensor), name
        is_late = name.split(".")[0] in ("head", "norm")
        assert torch.equal(states[0][name], tensor if is_late else before[name]), name
        assert torch.equal(model.state_dict()[name], before[name]), name


def test_that_the_rank_correlation_is_spearmans_with_ties():
    generator = torch.Generator().manual_seed(0)
    a = torch.randint(5, (4, 30), generator=generator).float()
    b = torch.randint(7, (4, 30), generator=generator).float() + a
    found = rank_correlation(a, b)
    for ours, x, y in zip(found, a.numpy(), b.numpy(), strict=True):
        assert float(ours) == pytest.approx(scipy.stats.spearmanr(x, y).statistic, abs=1e-12)


def test_that_constant_and_infinite_maps_have_no_correlation():
    a = torch.tensor([[1.0, 2.0, 3.0], [1.0, 1.0, 1.0], [1.0, math.nan, 2.0]])
    found = rank_correlation(a, a)
    assert float(found[0]) == pytest.approx(1)
    assert found[1:].isnan().all()


def test_that_the_entropy_of_a_histogram_counts_bins():
    spread = torch.linspace(0, 1, 100).view(1, 1, 10, 10)
    halves = torch.cat([torch.zeros(50), torch.ones(50)]).view(1, 1, 10, 10)
    found = histogram_entropy(torch.cat([spread, halves, torch.full_like(spread, math.nan)]))
    assert float(found[0]) == pytest.approx(math.log(100))
    assert float(found[1]) == pytest.approx(math.log(2))
    assert math.isnan(float(found[2]))


def test_that_a_network_against_itself_is_fully_alike(
    curved, some_images, scored, context_of, monkeypatch
):
    monkeypatch.setattr(randomisation, "_fresh", lambda judged: copy.deepcopy(curved))
    same = scored(specs.Mprt(), curved, some_images)
    assert same.arrays["mprt"] == pytest.approx(1)
    assert same.documents["layers"] == ["3", "1"]
    assert same.numbers["layers"] == 2
    assert scored(specs.EfficientMprt(), curved, some_images).arrays[
        "efficient_mprt"
    ] == pytest.approx(0)
    smooth = scored(specs.SmoothMprt(samples=3), curved, some_images)
    assert smooth.arrays["smooth_mprt"] == pytest.approx(1)


@pytest.mark.parametrize("compared", ["absolute", "signed"])
def test_that_the_curve_is_the_correlation_with_each_network_of_the_cascade(
    compared, curved, some_images, scored, monkeypatch
):
    other = copy.deepcopy(curved)
    for parameter in other.parameters():
        parameter.mul_(torch.rand(parameter.shape, generator=torch.Generator().manual_seed(3)))
    monkeypatch.setattr(randomisation, "_fresh", lambda judged: other)
    method = specs.Gradient(quantity="logit")
    found = scored(specs.Mprt(attribution=method, compared=compared), curved, some_images)
    from engine.attribution.table import attribute

    classes = curved(some_images).argmax(1)

    def rows(network):
        given = specs.Gradient(quantity="logit", explained="true")
        maps = attribute(network, some_images, given, classes).sum(1).flatten(1)
        return maps.abs() if compared == "absolute" else maps

    own, expected = rows(curved), []
    for network in cascade(curved, other, [["3"], ["1"]]):
        expected.append(rank_correlation(own, rows(network)))
    assert found.arrays["mprt"] == pytest.approx(torch.stack(expected).mean(0).numpy())
    label = specs.Mprt.label
    assert found.arrays[f"curves/{label}/map"][0] == pytest.approx(
        [1.0, *(float(one.mean()) for one in expected)]
    )
    assert found.arrays["curves/x"] == pytest.approx([0, 0.5, 1])
    assert found.arrays[f"curves/{label}/sobel"][0] == pytest.approx(1)


def test_that_gradients_depend_on_the_weights_and_guided_backpropagation_does_less(computed):
    """Source: Adebayo 2018, figure 4: guided back-propagation hardly changes."""
    base = training(images=specs.Glyphs(train=600, test=60), epochs=3)
    plain, guided, again = computed(
        *(
            specs.Measurement(classifier=base, metric=specs.Mprt(attribution=method, steps=3))
            for method in (specs.Gradient(), specs.GuidedBackpropagation(), specs.Gradient())
        )
    )
    assert plain.numbers["mprt_high"] < guided.numbers["mprt_low"]
    assert plain.numbers["mprt_random"] == pytest.approx(0, abs=0.05)
    assert again.numbers == plain.numbers
