"""TRADES: its inner problem, its loss, and what beta does."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from engine import specs
from engine.attacks.losses import Objective, divergence
from engine.attacks.table import attack
from engine.networks.gradients import InputError, input_gradients, logits_of
from engine.training.loop import TrainingState, make_optimizer
from engine.training.schemes import SCHEMES, BatchContext
from tests.engine.small_networks import seeded, small_network, some_images

PGD = specs.PGD(eps=0.1, step_size=0.03, steps=5)


def test_that_the_divergence_is_that_of_the_definition():
    generator = seeded()
    logits, clean = (torch.randn(4, 3, generator=generator, dtype=torch.float64) for _ in "ab")
    p, q = clean.softmax(1), logits.softmax(1)
    torch.testing.assert_close(divergence(logits, clean), (p * (p / q).log()).sum(1))
    assert divergence(clean, clean).abs().max() < 1e-12


def test_that_an_attack_makes_the_objective_rise_that_it_is_given():
    model, (images, labels) = small_network().eval(), some_images(20)
    clean = logits_of(model, images)
    objective = Objective(divergence, clean)
    start = images + 0.001 * torch.randn(images.shape, generator=seeded(), dtype=images.dtype)
    found = attack(model, images, labels, PGD, objective=objective, start=start)
    assert (found - images).abs().max() <= 0.1 + 1e-12
    random = (
        images + 0.1 * torch.randn(images.shape, generator=seeded(1), dtype=images.dtype).sign()
    )
    moved, noise = (divergence(logits_of(model, x.clamp(0, 1)), clean) for x in (found, random))
    assert (moved > 0).all()
    assert moved.mean() > 2 * noise.mean()


def test_that_at_the_image_itself_the_divergence_has_no_gradient():
    """That is why TRADES begins beside it."""
    model, (images, _) = small_network().eval(), some_images()
    clean = logits_of(model, images)
    beside = images + 0.001 * torch.randn(images.shape, generator=seeded(), dtype=images.dtype)
    at, next_to = (input_gradients(model, x, clean, divergence)[1].norm() for x in (images, beside))
    assert at < 1e-9 * next_to


def test_that_a_target_and_an_objective_exclude_each_other():
    model, (images, labels) = small_network(), some_images()
    objective = Objective(divergence, logits_of(model, images))
    with pytest.raises(InputError, match="target is 2, must be empty where an objective is given"):
        attack(model, images, labels, PGD.replace("target", 2), objective=objective)


def linear(seed=0):
    model = nn.Sequential(nn.Flatten(), nn.Linear(144, 5, dtype=torch.float64))
    nn.init.normal_(model[1].weight, std=0.3, generator=seeded(seed))
    nn.init.zeros_(model[1].bias)
    return model


def stepped(scheme, model):
    images, labels = some_images(16)
    state = TrainingState(model, make_optimizer(specs.SGD(learning_rate=0.1), model), {})
    batch = BatchContext(0.0, seeded(7), lambda *_: None)
    loss = SCHEMES[scheme.kind].step(state, images, labels, batch, **scheme.parameters())
    return float(loss), model[1].weight.detach().clone()


def test_that_trades_without_beta_is_standard_training():
    standard, trades = (
        stepped(specs.Standard(), linear()),
        stepped(specs.TRADES(beta=0.0), linear()),
    )
    assert trades[0] == pytest.approx(standard[0])
    torch.testing.assert_close(trades[1], standard[1])


def test_that_the_loss_of_trades_is_the_clean_loss_and_beta_times_the_divergence():
    images, labels = some_images(16)
    weak, strong = (
        stepped(specs.TRADES(attack=PGD, beta=beta), linear())[0] for beta in (1.0, 3.0)
    )
    clean = float(functional.cross_entropy(linear()(images), labels).detach())
    assert weak > clean
    assert strong - clean == pytest.approx(3 * (weak - clean))


def test_that_a_larger_beta_leaves_a_smaller_divergence():
    """On a linear network, where training is convex: what beta is for."""
    left = []
    images, labels = some_images(64)
    for beta in (0.0, 1.0, 10.0):
        model = linear()
        state = TrainingState(
            model, make_optimizer(specs.SGD(learning_rate=0.02, momentum=0.0), model), {}
        )
        scheme = specs.TRADES(attack=PGD, beta=beta)
        for _ in range(100):
            batch = BatchContext(0.0, seeded(7), lambda *_: None)
            SCHEMES["trades"].step(state, images, labels, batch, **scheme.parameters())
        clean = logits_of(model, images)
        start = images + 0.001 * torch.randn(images.shape, generator=seeded(), dtype=images.dtype)
        objective = Objective(divergence, clean)
        found = attack(model, images, labels, PGD, objective=objective, start=start)
        left.append(float(divergence(logits_of(model, found), clean).mean()))
    assert left[0] > left[1] > left[2]
