"""What a step of an attack asks of the device: how many operators, and no waiting for it.

On a GPU and a small network the time of a step is that of launching its operators, one after
another; reading a tensor's value waits for all that were launched before.
"""

from collections import Counter

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from engine.attacks.apgd import apgd
from engine.attacks.losses import SLOPES
from engine.attacks.pgd import pgd
from engine.networks.gradients import logits_of
from tests.engine.small_networks import initialised, seeded

WAITING = ("_local_scalar_dense", "nonzero", "_to_copy")
VIEWS = ("detach", "unsqueeze", "squeeze", "view", "t", "expand", "slice", "select", "alias")
SHORT, LONG = 100, 200
EPS = 0.015


class Operators(TorchDispatchMode):
    """Counts the operators that torch is asked for, but not those that only make a view."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def __torch_dispatch__(self, operator, types, given=(), settings=None):
        name = operator.overloadpacket.__name__
        if name not in VIEWS:
            self.counts[name] += 1
        return operator(*given, **(settings or {}))


def network():
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 16), nn.ReLU(), nn.Linear(16, 10))
    return initialised(model).eval().requires_grad_(False)


def in_a_step(run):
    """Return the operators of a step, apart from the network's."""
    counts = []
    for steps in (SHORT, LONG):
        with Operators() as found:
            run(steps)
        counts.append(found.counts)
    own = Counter({"addmm": 2, "relu": 1, "mm": 2, "threshold_backward": 1})
    names = set(counts[1]) | set(own)
    step = {n: (counts[1][n] - counts[0][n]) / (LONG - SHORT) - own[n] for n in names}
    return {name: count for name, count in step.items() if count}


@pytest.fixture
def inputs():
    images = torch.rand(6, 3, 8, 8, generator=seeded())
    model = network()
    return model, images, logits_of(model, images).argmax(1)


@pytest.mark.parametrize(
    ("norm", "loss", "most"),
    [("linf", "xent", 30), ("l2", "xent", 42), ("linf", "cw", 17), ("l2", "cw", 29)],
)
def test_that_a_step_of_pgd_asks_for_few_operators(inputs, norm, loss, most):
    settings = {"norm": norm, "eps": 0.1, "step_size": 0.02, "loss": loss}
    found = in_a_step(lambda steps: pgd(*inputs, steps=steps, **settings))
    assert 0 < sum(found.values()) <= most, found
    assert not set(WAITING) & set(found)


@pytest.mark.parametrize(
    ("norm", "loss", "most"),
    [("linf", "xent", 55), ("l2", "xent", 72), ("linf", "dlr", 53), ("l2", "dlr", 70)],
)
def test_that_a_step_of_apgd_asks_for_few_operators(inputs, norm, loss, most):
    found = in_a_step(lambda steps: apgd(*inputs, norm=norm, eps=1e-6, steps=steps, loss=loss))
    # With them what looks at the step sizes, every so many steps.
    assert 0 < sum(found.values()) <= most, found
    assert not set(WAITING) & set(found)


def test_that_finished_images_are_looked_for_at_few_steps_on_a_device(inputs, monkeypatch):
    """The verdicts are the same: an image that fell once stays fallen."""
    model, images, labels = inputs
    settings = {"norm": "linf", "eps": EPS, "steps": 20, "targets": 3, "loss": "dlr"}

    def run():
        found = apgd(*inputs, early_stop=True, generator=seeded(), **settings)
        assert float((found - images).abs().max()) <= EPS + 1e-6
        return logits_of(model, found).argmax(1) == labels

    every = run()
    assert 0 < every.sum() < len(every), "eps is such that some stand and some fall"
    init = apgd.__globals__["_Climb"].__init__

    def as_on_a_device(self, *given):
        init(self, *given)
        self._looked_every = 5

    monkeypatch.setattr(apgd.__globals__["_Climb"], "__init__", as_on_a_device)
    assert torch.equal(run(), every)


def logits_with_ties(classes, dtype):
    drawn = torch.randn(12, classes, generator=seeded(), dtype=dtype)
    drawn = drawn * torch.tensor([1.0, 1.0, 30.0, 300.0] * 3, dtype=dtype).unsqueeze(1)
    drawn[4:8] = drawn[4:8].round()
    drawn[8] = 0.3  # ties of all
    drawn[9:] = drawn[9:].sort(1, descending=True).values
    drawn[9:, 0] += 500  # label 0 there: saturated
    return drawn


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("classes", [2, 3, 4, 10])
@pytest.mark.parametrize("loss", SLOPES, ids=lambda loss: loss.__name__)
def test_that_a_closed_slope_is_what_autograd_finds(loss, classes, dtype):
    logits = logits_with_ties(classes, dtype)
    labels = torch.randint(classes, (12,), generator=seeded(1))
    labels[9:] = 0
    if loss.__name__.endswith("_to"):
        labels = torch.stack([labels, (labels + 1) % classes], dim=1)
    leaf = logits.clone().requires_grad_(True)
    expected = loss(leaf, labels)
    (gradient,) = torch.autograd.grad(expected.sum(), leaf)
    values, slope = SLOPES[loss](logits, labels)
    assert torch.equal(values, expected.detach())
    assert torch.equal(slope, gradient)
