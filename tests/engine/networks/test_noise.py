"""What is random while training draws from the network's own generator."""

import copy

import pytest
import torch
import torchvision
from torch import nn

from engine.networks.noise import (
    BatchNorm,
    Dropout,
    StochasticDepth,
    draw_from,
    is_random,
    noise_of,
    tamed,
)
from tests.engine.small_networks import seeded

ONES = torch.ones(2000, 3, 4, 4)


def test_that_dropout_drops_its_share_and_keeps_the_mean():
    found = Dropout(0.25).train()(ONES)
    assert found.unique().tolist() == pytest.approx([0, 4 / 3])
    assert (found == 0).float().mean() == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize(("mode", "branches"), [("row", 2000), ("batch", 1)])
def test_that_stochastic_depth_drops_whole_branches(mode, branches):
    layer = StochasticDepth(0.25, mode).train()
    drawn = torch.cat([layer(ONES).flatten(1) for _ in range(1 if mode == "row" else 400)])
    assert (drawn == drawn[:, :1]).all(), "an image is kept or dropped as a whole"
    share = drawn[:: 2000 // branches, 0].eq(0).float().mean()
    assert share == pytest.approx(0.25, abs=0.06)
    assert drawn.max() == pytest.approx(4 / 3)


@pytest.mark.parametrize("make", [Dropout, StochasticDepth])
def test_that_nothing_is_dropped_in_evaluation_or_with_share_0(make):
    assert torch.equal(make(0.5).eval()(ONES), ONES)
    assert torch.equal(make(0.0).train()(ONES), ONES)
    assert not is_random(nn.Sequential(make(0.0)))
    assert is_random(nn.Sequential(make(0.5)))


def test_that_the_generator_alone_decides_and_copies_share_it():
    model = nn.Sequential(Dropout(0.5), StochasticDepth(0.5)).train()
    results = []
    for seed in (0, 0, 1):
        draw_from(model, seeded(seed))
        torch.manual_seed(seed + len(results))
        before = torch.random.get_rng_state()
        results.append(model(ONES))
        assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])
    assert noise_of(copy.deepcopy(model)) == noise_of(model)


def test_that_a_batch_norm_takes_a_lone_value_and_is_torch_s_otherwise():
    ours, theirs = BatchNorm(3), nn.BatchNorm2d(3)
    images = torch.rand(4, 3, 2, 2, generator=seeded(0))
    torch.testing.assert_close(ours(images), theirs(images))
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    before = ours.running_mean.clone()
    lone = images[:1, :, :1, :1]
    with pytest.raises(ValueError, match="more than 1 value"):
        theirs(lone)
    torch.testing.assert_close(ours(lone), ours.eval()(lone))
    assert torch.equal(ours.running_mean, before)


def test_that_taming_changes_no_weight_no_name_and_no_logit():
    torch.manual_seed(0)
    theirs = torchvision.models.efficientnet_b0(weights=None, num_classes=4)
    state = {name: tensor.clone() for name, tensor in theirs.state_dict().items()}
    images = torch.rand(2, 3, 32, 32, generator=seeded(0))
    expected = theirs.eval()(images)
    ours = tamed(theirs)
    assert list(ours.state_dict()) == list(state)
    assert all(torch.equal(state[name], tensor) for name, tensor in ours.state_dict().items())
    assert torch.equal(ours.eval()(images), expected)
    kinds = {type(module) for module in ours.modules()}
    assert {Dropout, StochasticDepth, BatchNorm} <= kinds
    assert not {nn.Dropout, torchvision.ops.StochasticDepth, nn.BatchNorm2d} & kinds
    assert not any(getattr(module, "inplace", False) for module in ours.modules())
    assert len(noise_of(ours)) == 1


def test_that_a_tamed_network_trains_without_the_global_generator():
    model = tamed(torchvision.models.efficientnet_b0(weights=None, num_classes=4)).train()
    images = torch.rand(2, 3, 32, 32, generator=seeded(0))
    before = torch.random.get_rng_state()
    found = []
    for _ in range(2):
        draw_from(model, seeded(5))
        found.append(model(images))
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.testing.assert_close(*found)
    assert not torch.equal(model(images), found[1])
