"""The moving average of weights follows its formula."""

import pytest
import torch
from torch import nn

from engine.specs import SGD
from engine.training.averaging import Average, kept_share
from engine.training.loop import TrainingState, make_optimizer
from tests.engine.small_networks import initialised, seeded


def fresh():
    model = initialised(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)))
    return TrainingState(model, make_optimizer(SGD(), model), {})


def moved(model, generator):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator))
    model(torch.randn(8, 3, generator=generator))  # moves the statistics of the batch norm


def test_that_few_steps_keep_less_than_the_decay():
    assert [kept_share(0.99, step) for step in (0, 1, 8)] == [0.1, 2 / 11, 0.5]
    assert kept_share(0.99, 10_000) == 0.99
    assert kept_share(0.05, 0) == 0.05


def test_that_weights_follow_the_formula_and_buffers_are_copied():
    state, generator = fresh(), seeded(1)
    average = Average(state, 0.8)
    expected = [p.detach().double().clone() for p in state.model.parameters()]
    for step in range(60):
        moved(state.model, generator)
        average.follow(state.model, step)
        share = min(0.8, (1 + step) / (10 + step))
        expected = [
            share * mean + (1 - share) * new.detach().double()
            for mean, new in zip(expected, state.model.parameters(), strict=True)
        ]
    for found, wanted in zip(average.network.parameters(), expected, strict=True):
        torch.testing.assert_close(found.double(), wanted, atol=1e-5, rtol=1e-5)
        assert not found.requires_grad
    for found, wanted in zip(average.network.buffers(), state.model.buffers(), strict=True):
        assert torch.equal(found, wanted)


def test_that_the_state_holds_the_average_and_gives_it_back():
    state, generator = fresh(), seeded(1)
    average = Average(state, 0.8)
    moved(state.model, generator)
    average.follow(state.model, 0)
    held = {name: tensor.clone() for name, tensor in state.kept.items()}
    later = fresh()
    second = Average(later, 0.8)
    later.kept = held
    second.restore(later)
    for name, tensor in average.network.state_dict().items():
        assert torch.equal(second.network.state_dict()[name], tensor)
    moved(later.model, generator)
    second.follow(later.model, 1)
    name = "average/0.weight"
    assert torch.equal(later.kept[name], second.network[0].weight)
    assert not torch.equal(state.kept[name], later.kept[name])


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_that_an_average_of_equal_weights_does_not_move(decay):
    state = fresh()
    average = Average(state, decay)
    before = [p.clone() for p in average.network.parameters()]
    for step in range(5):
        average.follow(state.model, step)
    assert all(torch.equal(p, q) for p, q in zip(average.network.parameters(), before, strict=True))
