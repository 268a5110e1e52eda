"""Weights of other packages' networks come from the given generator, and from it alone."""

import threading

import pytest
import torch
from torch import nn

from engine.networks.fresh import drawing_from, without_weights
from tests.engine.small_networks import seeded


def drawn(seed):
    with drawing_from(seeded(seed)):
        layer = nn.Linear(20, 10)
        nn.init.trunc_normal_(layer.weight, std=0.02)
        more = torch.randn(5), torch.rand(5), torch.randperm(5), torch.bernoulli(torch.rand(5))
    return [layer.weight.detach(), layer.bias.detach(), *more]


def test_that_everything_a_constructor_draws_is_the_generator_s():
    torch.manual_seed(1)
    first = drawn(0)
    torch.manual_seed(2)
    before = torch.random.get_rng_state()
    second = drawn(0)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[0], drawn(1)[0])


def test_that_it_is_what_torch_draws_with_that_seed():
    torch.manual_seed(3)
    theirs = nn.Conv2d(3, 8, 3)
    with drawing_from(seeded(3)):
        ours = nn.Conv2d(3, 8, 3)
    assert torch.equal(ours.weight, theirs.weight)
    assert torch.equal(ours.bias, theirs.bias)


def test_that_another_thread_draws_as_ever():
    found = []

    def work():
        found.append(nn.Linear(3, 3).weight.detach().clone())

    torch.manual_seed(4)
    work()
    torch.manual_seed(4)
    with drawing_from(seeded(0)), without_weights():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert found[1].device.type == "cpu"
    assert torch.equal(*found)


def test_that_without_weights_nothing_is_drawn_and_numbers_stay_numbers():
    before = torch.random.get_rng_state()
    with without_weights():
        layer = nn.Linear(10**6, 10**6)  # 4 TB
        widths = (torch.arange(3) * 2).tolist()
        given = torch.zeros(2, device="cpu")
    assert layer.weight.is_meta
    assert widths == [0, 2, 4]
    assert given.device.type == "cpu"
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("context", [without_weights, lambda: drawing_from(seeded(0))])
def test_that_an_error_inside_ends_it(context):
    with pytest.raises(RuntimeError), context():
        raise RuntimeError
    assert nn.Linear(2, 2).weight.device.type == "cpu"
