"""Free-AT, Fast-AT, N-FGSM and GradAlign: what each of their formulas promises."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from engine import specs
from engine.attacks.norms import norms
from engine.attacks.table import attack
from engine.training.batch import BatchContext
from engine.training.loop import TrainingState, make_optimizer
from engine.training.one_step import FREE, misalignment, noisy_step
from engine.training.penalties import gradients_through
from engine.training.schemes import SCHEMES
from tests.engine.small_networks import initialised, seeded, some_images

EPS = 0.1


def small_network():
    """A network without batch norm and dropout, which is the same in both modes."""
    layers = [nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    return initialised(nn.Sequential(*layers, nn.Linear(48, 5))).double()


def in_batch(epoch=9.0, seed=7):
    return BatchContext(epoch, seeded(seed), lambda *_: None)


def state_of(model):
    return TrainingState(model, make_optimizer(specs.SGD(learning_rate=0.1), model), {})


def stepped(scheme, count=12, state=None, batch=None):
    """Take one step; return the loss and all weights after it."""
    images, labels = some_images(count)
    state = state or state_of(small_network())
    batch = batch or in_batch()
    loss = SCHEMES[scheme.kind].step(state, images, labels, batch, **scheme.parameters())
    return float(loss), [parameter.detach().clone() for parameter in state.model.parameters()]


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one[1], other[1], strict=True))


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_that_fast_at_is_pgd_of_one_longer_step_from_a_random_point(norm):
    one_step = specs.PGD(norm=norm, eps=EPS, step_size=1.25 * EPS, steps=1, random_start=True)
    fast = stepped(specs.FastAT(norm=norm, eps=EPS))
    assert same(fast, stepped(specs.Adversarial(attack=one_step)))


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("noise", [0.0, 2.0])
def test_that_n_fgsm_goes_one_eps_beyond_its_noise_and_stays_in_range(norm, noise):
    model, (images, labels) = small_network(), some_images(12)
    moved = noisy_step(state_of(model), images, labels, in_batch(), norm, EPS, noise)
    lengths = norms(moved - images, norm)
    assert float(lengths.max()) <= (1 + noise) * EPS * (1 + 1e-6)
    assert (float(lengths.max()) > EPS * 1.01) == (noise > 0)
    assert moved.min() >= 0
    assert moved.max() <= 1


def test_that_n_fgsm_without_noise_is_fgsm():
    noiseless = stepped(specs.NoisyFGSM(eps=EPS, noise=0.0))
    fgsm = stepped(specs.Adversarial(attack=specs.FGSM(eps=EPS)))
    for one, other in zip(noiseless[1], fgsm[1], strict=True):
        torch.testing.assert_close(one, other)


def test_that_grad_align_without_weight_is_fgsm():
    plain = stepped(specs.GradAlign(eps=EPS, weight=0.0))
    fgsm = stepped(specs.Adversarial(attack=specs.FGSM(eps=EPS)))
    for one, other in zip(plain[1], fgsm[1], strict=True):
        torch.testing.assert_close(one, other)


def test_that_misalignment_is_the_mean_of_one_minus_cosine_over_images_with_gradients():
    first = torch.randn(4, 1, 3, 3, generator=seeded(), dtype=torch.float64)
    second = torch.randn(4, 1, 3, 3, generator=seeded(1), dtype=torch.float64)
    second[3] = 0.0
    cosine = functional.cosine_similarity(first[:3].flatten(1), second[:3].flatten(1))
    assert float(misalignment(first, second)) == pytest.approx(1 - float(cosine.mean()))
    tiny = 1e-30 * second[:3]
    assert float(misalignment(first[:3], tiny)) == pytest.approx(1 - float(cosine.mean()))
    assert float(misalignment(first, first)) == pytest.approx(0.0, abs=1e-12)
    assert float(misalignment(first, torch.zeros_like(first))) == 0.0


def test_that_the_weight_of_grad_align_makes_gradients_agree_in_the_ball():
    """Measured at new points of the ball, after a few steps on the same images."""
    left = []
    images, labels = some_images(24)
    for weight in (0.0, 5.0):
        model = small_network()
        model[1] = nn.Softplus(beta=10)
        optimizer = make_optimizer(specs.SGD(learning_rate=0.01), model)
        state = TrainingState(model, optimizer, {})
        scheme = specs.GradAlign(eps=EPS, weight=weight)
        for step in range(60):
            stepped(scheme, 24, state, in_batch(seed=step))
        _, at = gradients_through(state.model, images, labels, keep=False)
        noise = 2 * torch.rand(images.shape, generator=seeded(99), dtype=images.dtype) - 1
        _, beside = gradients_through(state.model, images + EPS * noise, labels, keep=False)
        left.append(float(misalignment(at, beside)))
    assert 0 < left[1] < 0.7 * left[0]


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_that_free_at_keeps_a_perturbation_in_the_ball_from_batch_to_batch(norm):
    state = state_of(small_network())
    scheme = specs.FreeAT(norm=norm, eps=EPS, replays=3)
    steps = []
    batch = BatchContext(9.0, seeded(), lambda step, _: steps.append(step))
    stepped(scheme, 12, state, batch)
    first = state.kept[FREE].clone()
    stepped(scheme, 5, state, batch)  # the last batch of an epoch is shorter
    assert steps == [0, 1, 2, 0, 1, 2]
    assert state.kept[FREE].shape == first.shape
    assert torch.equal(state.kept[FREE][5:], first[5:])
    assert not torch.equal(state.kept[FREE][:5], first[:5])
    assert 0 < float(norms(state.kept[FREE], norm).max()) <= EPS * (1 + 1e-6)


def test_that_free_at_of_one_replay_begins_as_standard_training():
    """Its perturbation is still 0 then, and every replay is one step of the optimiser."""
    assert same(stepped(specs.FreeAT(eps=EPS, replays=1)), stepped(specs.Standard()))


@pytest.mark.parametrize("cls", [specs.FreeAT, specs.FastAT, specs.NoisyFGSM, specs.GradAlign])
def test_that_warm_up_begins_beside_standard_training(cls):
    whole = stepped(specs.Standard(), batch=in_batch(0.0))
    cold = stepped(cls(eps=EPS, warmup=2.0, **{"replays": 1} if cls is specs.FreeAT else {}),
                   batch=in_batch(0.0))  # fmt: skip
    if cls is specs.GradAlign:
        assert abs(cold[0] - whole[0]) < 1e-3
        return
    for one, other in zip(cold[1], whole[1], strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)


def test_that_a_one_step_scheme_takes_the_ball_of_an_attack():
    attacked = specs.FastAT(stride=1.0).against(specs.PGD(norm="l2", eps=0.1, steps=40))
    assert attacked == specs.FastAT(norm="l2", eps=0.1, stride=1.0)
    assert attacked.threat == specs.FGSM(norm="l2", eps=0.1)
    images, labels = some_images(4)
    found = attack(small_network(), images, labels, attacked.threat)
    assert float(norms(found - images, "l2").max()) == pytest.approx(0.1, rel=0.01)
