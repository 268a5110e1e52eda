"""Gaussian noise, gradient penalty, MART and AWP: their formulas, and what they leave as it was."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from engine import specs
from engine.attacks.losses import divergence
from engine.training.batch import BatchContext
from engine.training.loop import TrainingState, make_optimizer
from engine.training.perturbation import descend_perturbed
from engine.training.schemes import SCHEMES, mart_loss
from tests.engine.small_networks import initialised, seeded, some_images

PGD = specs.PGD(eps=0.1, step_size=0.03, steps=5)


def small_network():
    """A network without batch norm and dropout, which is the same in both modes."""
    layers = [nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    return initialised(nn.Sequential(*layers, nn.Linear(48, 5))).double()


def stepped(scheme, model=None, rate=0.1):
    model = model or small_network()
    images, labels = some_images(16)
    state = TrainingState(model, make_optimizer(specs.SGD(learning_rate=rate), model), {})
    batch = BatchContext(9.0, seeded(7), lambda *_: None)
    loss = SCHEMES[scheme.kind].step(state, images, labels, batch, **scheme.parameters())
    return float(loss), [parameter.detach().clone() for parameter in model.parameters()]


@pytest.mark.parametrize(
    "scheme",
    [
        specs.GaussianNoise(sigma=0.0),
        specs.GradientPenalty(weight=0.0),
        specs.GradientPenalty(size="l2_squared", weight=0.0),
    ],
    ids=lambda scheme: scheme.title,
)
def test_that_a_scheme_of_strength_zero_is_standard_training(scheme):
    (loss, weights), (other, standard) = stepped(scheme), stepped(specs.Standard())
    assert loss == pytest.approx(other)
    for one, two in zip(weights, standard, strict=True):
        torch.testing.assert_close(one, two)


def test_that_gaussian_noise_has_the_deviation_that_it_says():
    seen = []

    class Seeing(nn.Linear):
        def forward(self, values):
            seen.append(values.detach())
            return super().forward(values)

    model = nn.Sequential(nn.Flatten(), Seeing(144, 5, dtype=torch.float64))
    stepped(specs.GaussianNoise(sigma=0.3), model)
    noise = seen[0] - some_images(16)[0].flatten(1)
    assert float(noise.std()) == pytest.approx(0.3, rel=0.05)
    assert float(noise.mean()) == pytest.approx(0.0, abs=0.02)
    assert float(seen[0].min()) < 0  # not clipped


@pytest.mark.parametrize("size", ["l1", "l2_squared"])
def test_that_the_penalty_of_a_linear_network_is_that_of_its_weights(size):
    """There the gradient of an image is sum_k (p_k - y_k) w_k."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(144, 5, dtype=torch.float64))
    nn.init.normal_(model[1].weight, std=0.3, generator=seeded())
    images, labels = some_images(16)
    with torch.no_grad():
        logits = model(images)
        gradient = (logits.softmax(1) - functional.one_hot(labels, 5)) @ model[1].weight
        entries = gradient.abs() if size == "l1" else gradient.square()
        expected = functional.cross_entropy(logits, labels) + 0.7 * entries.sum(1).mean()
    loss, _ = stepped(specs.GradientPenalty(size=size, weight=0.7), model)
    assert loss == pytest.approx(float(expected))


@pytest.mark.parametrize("size", ["l1", "l2_squared"])
def test_that_a_step_follows_the_gradient_of_the_penalty(size):
    """Against differences, through ReLU and max pooling, in float64."""
    layers = [nn.Conv2d(3, 3, 3, dtype=torch.float64), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    model = nn.Sequential(*layers, nn.Linear(18, 5, dtype=torch.float64))
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3, generator=seeded(3))
    scheme = specs.GradientPenalty(size=size, weight=0.5)
    weight = model[0].weight
    before, around = weight.detach().clone(), []
    for change in (1e-6, -1e-6):
        with torch.no_grad():
            weight.copy_(before)
            weight[0, 0, 1, 1] += change
        around.append(stepped(scheme, model, rate=1e-12)[0])
    with torch.no_grad():
        weight.copy_(before)
    stepped(scheme, model, rate=1e-12)
    expected = (around[0] - around[1]) / 2e-6
    assert float(weight.grad[0, 0, 1, 1]) == pytest.approx(expected, rel=1e-3)


def test_that_the_loss_of_mart_is_that_of_the_definition():
    clean, adv = (torch.randn(6, 4, generator=seeded(s), dtype=torch.float64) for s in (1, 2))
    labels = torch.tensor([0, 1, 2, 3, 0, 1])
    p, q = clean.softmax(1), adv.softmax(1)
    for index, label in enumerate(labels.tolist()):
        others = max(float(q[index, k]) for k in range(4) if k != label)
        boosted = -q[index, label].log() - torch.log(torch.tensor(1.0001 - others))
        rest = 5.0 * divergence(adv, clean)[index] * (1 - p[index, label])
        found = mart_loss(clean, adv, labels, 5.0)[index]
        assert float(found) == pytest.approx(float(boosted + rest), rel=1e-6)


def test_that_mart_weighs_the_divergence_of_confident_images_less():
    adv = torch.zeros(2, 3)
    clean = torch.tensor([[9.0, 0.0, 0.0], [0.0, 9.0, 0.0]])  # sure of the label, sure of another
    labels = torch.tensor([0, 0])
    added = mart_loss(clean, adv, labels, 6.0) - mart_loss(clean, adv, labels, 0.0)
    assert float(added[0]) < 0.01 * float(added[1])


# ------------------------------------------------------------------------------------------- AWP


def with_norms():
    layers = [nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 5)]
    model = nn.Sequential(*layers)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3, generator=seeded(4))
    return model.train()


def loss_on(model):
    images, labels = some_images(16)
    return lambda: functional.cross_entropy(model(images.float()), labels)


def test_that_awp_restores_every_weight_bit_by_bit():
    model = with_norms()
    before = [parameter.detach().clone() for parameter in model.parameters()]
    # A rate of almost 0 shows the weights as they are when the optimiser steps.
    optimizer = make_optimizer(specs.SGD(learning_rate=1e-30, momentum=0.0), model)
    state = TrainingState(model, optimizer, {})
    descend_perturbed(state, loss_on(model), 0.5)
    for old, new in zip(before, model.parameters(), strict=True):
        assert torch.equal(old, new)


def test_that_awp_restores_the_weights_after_an_error_too():
    model = with_norms()
    before = [parameter.detach().clone() for parameter in model.parameters()]
    state, loss, calls = TrainingState(model, make_optimizer(specs.SGD(), model), {}), None, []
    loss = loss_on(model)

    def failing():
        calls.append(0)
        if len(calls) == 2:
            raise RuntimeError("out of memory")
        return loss()

    with pytest.raises(RuntimeError, match="out of memory"):
        descend_perturbed(state, failing, 0.5)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_that_awp_takes_its_gradient_where_the_loss_is_higher_by_a_share_of_each_tensor():
    model, seen = with_norms(), []
    loss = loss_on(model)

    def watched():
        seen.append([parameter.detach().clone() for parameter in model.parameters()])
        return loss()

    plain = float(loss().detach())
    state = TrainingState(model, make_optimizer(specs.SGD(), model), {})
    assert float(descend_perturbed(state, watched, 0.02)) > plain
    first, moved = seen
    for parameter, old, new in zip(model.parameters(), first, moved, strict=True):
        share = float((new - old).norm() / old.norm())
        assert share == pytest.approx(0.02 if parameter.ndim > 1 else 0.0, rel=1e-4)


def test_that_the_pass_that_finds_the_perturbation_leaves_running_statistics_alone():
    model = with_norms()
    loss, statistics = loss_on(model), []

    def watched():
        statistics.append(model[1].running_mean.clone())
        return loss()

    descend_perturbed(TrainingState(model, make_optimizer(specs.SGD(), model), {}), watched, 0.1)
    assert torch.equal(*statistics)
    assert not torch.equal(statistics[0], model[1].running_mean)


@pytest.mark.parametrize("cls", [specs.Adversarial, specs.TRADES, specs.MART])
def test_that_awp_of_zero_changes_nothing_and_another_does(cls):
    plain, none, some = (
        stepped(cls(attack=PGD, **more)) for more in ({}, {"awp": 0.0}, {"awp": 0.05})
    )
    assert plain[0] == none[0]
    assert some[0] > plain[0]
    assert cls(attack=PGD, awp=0.0).key == cls(attack=PGD).key


def trained(awp, seed, steps=150):
    """Train a small network on few images, and return it with its images."""
    layers = [nn.Conv2d(3, 6, 3), nn.SiLU(), nn.Flatten(), nn.Linear(144, 5)]
    model = initialised(nn.Sequential(*layers), seed).double()
    images, labels = some_images(24, seed)
    state = TrainingState(model, make_optimizer(specs.Adam(learning_rate=5e-3), model), {})
    generator = seeded(seed)
    attack = specs.PGD(eps=0.02, step_size=0.02, steps=2)
    scheme = specs.Adversarial(attack=attack, awp=awp)
    for _ in range(steps):
        batch = BatchContext(9.0, generator, lambda *_: None)
        SCHEMES[scheme.kind].step(state, images, labels, batch, **scheme.parameters())
    return model, images, labels


def rise(model, images, labels, share):
    """Return by how much the loss rises when every tensor moves up it by a share of its length."""
    weights = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    loss = functional.cross_entropy(model(images), labels)
    gradients = torch.autograd.grad(loss, weights)
    with torch.no_grad():
        for weight, gradient in zip(weights, gradients, strict=True):
            weight += share * weight.norm() * gradient / gradient.norm()
        return float(functional.cross_entropy(model(images), labels) - loss)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_that_awp_ends_where_the_loss_rises_less_when_the_weights_move(seed):
    """What it is for: flat in the weights, which the gap of best and last is said to follow from.

    Source: Wu 2020, section 3.
    """
    plain, perturbed = (rise(*trained(awp, seed), share=0.05) for awp in (0.0, 0.05))
    assert 0 < perturbed < 0.9 * plain
