"""Networks that hide their gradients, each in another way, and the sign that each is told by.

All are the same linear network, from which an attack within 0.15 takes two thirds of the images.
"""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import batch_norm

from engine import specs
from engine.jobs.context import Context
from engine.measures.attack_check import attack_check
from engine.measures.signs import are_probabilities, misled_share
from engine.measures.strong import strong_accuracy
from engine.tradeoff.verdicts import CHECKS, MISLED_SHARE, SIGNS, findings
from tests.engine.conftest import training
from tests.engine.small_networks import seeded, small_network, some_images

COUNT = 40
LABELS = torch.zeros(COUNT, dtype=torch.int64)
TWO = (torch.arange(COUNT) < 8).long()
"""For a network with one answer: it is right for the 32 of 40 that have this label."""
EPS = 0.15


@pytest.fixture
def images():
    """Images whose mean is 0.02 above to 0.21 below 0.5, with a pattern of their own."""
    pattern = 0.4 * torch.rand(COUNT, 1, 4, 4, generator=seeded()) - 0.2
    pattern -= pattern.mean(dim=(1, 2, 3), keepdim=True)
    return (0.5 - torch.linspace(-0.02, 0.21, COUNT).view(-1, 1, 1, 1) + pattern).clamp(0, 1)


def logits(images):
    """Class 0 of 4 wins where the mean pixel is below 0.5."""
    mean = images.flatten(1).mean(1)
    return 10 * torch.stack([0.5 - mean, mean - 0.5, mean * 0 - 9, mean * 0 - 9], dim=1)


class Named(nn.Module):
    def __init__(self, function):
        super().__init__()
        self._function = function

    def forward(self, images):
        return self._function(images)


def only(columns, images):
    """Pass a gradient back to the first columns of pixels alone."""
    return torch.where(torch.arange(images.shape[-1]) < columns, images, images.detach())


def decoy(images):
    """Answer as the network does, and pass back the gradient of a checkerboard."""
    signs = torch.tensor([1.0, -1.0]).repeat(8)
    other = (images.flatten(1) * signs).sum(1)
    false = torch.stack([-other, other, other, other], dim=1)
    return logits(images).detach() + false - false.detach()


class Rounded(torch.autograd.Function):
    """Round, and pass the gradient on as if nothing had been rounded."""

    @staticmethod
    def forward(context, images):
        return (images * 7).round() / 7

    @staticmethod
    def backward(context, gradient):
        return gradient


def ripples(length):
    return lambda images: logits(images + 4 * length * torch.sin(images / length))


def nan_for(some):
    return lambda images: torch.where(some(images), torch.nan, logits(images))


HIDING = {
    "a decoy": (decoy, "misled gradients"),
    "one column of pixels": (lambda x: logits(only(1, x)), "misled gradients"),
    "half of the pixels": (lambda x: logits(only(2, x)), "misled gradients"),
    "ripples": (ripples(2e-3), "misled gradients"),
    "finer ripples": (ripples(2e-4), "misled gradients"),
    "a gradient straight through": (lambda x: logits(Rounded.apply(x)), "misled gradients"),
    "a tiny gradient": (
        lambda x: logits(x.detach()) + 1e-9 * x.flatten(1) @ torch.randn(16, 4),
        "misled gradients",
    ),
    "levels of grey": (lambda x: logits((x * 7).round() / 7), "misled gradients"),
    "rounded logits": (lambda x: logits(x).round(), "no gradient"),
    "signs of logits": (lambda x: logits(x).sign(), "no gradient"),
    "clipped logits": (lambda x: (1e3 * logits(x)).clamp(-1, 1), "no gradient"),
    "one answer": (lambda x: 0 * logits(x) + torch.tensor([1.0, 0.0, 0.0, 0.0]), "no gradient"),
    "one answer with a gradient": (
        lambda x: logits(x) + torch.tensor([50.0, 0.0, 0.0, 0.0]),
        "one answer",
    ),
    "one-hot answers": (lambda x: (logits(x) == logits(x).amax(1, True)) + 0 * x.sum(), "outputs"),
    "a softmax": (lambda x: logits(x).softmax(1), "outputs"),
    "a sigmoid": (lambda x: logits(x).sigmoid(), "outputs"),
    "noise": (lambda x: logits(x + 0.1 * torch.randn_like(x)), "repeatable"),
    "noise on logits": (lambda x: logits(x) + torch.randn(len(x), 1), "repeatable"),
    "statistics of the batch": (
        lambda x: logits(0.5 + 0.2 * batch_norm(x, None, None, training=True)),
        "each by itself",
    ),
    "NaN for one class": (nan_for(lambda x: torch.arange(4) == 3), "finite answers"),
    "NaN for dark images": (
        nan_for(lambda x: x.flatten(1).mean(1, keepdim=True) < 0.3),
        "finite answers",
    ),
    "a class at minus infinity": (
        lambda x: logits(x) + torch.tensor([0.0, 0.0, 0.0, -math.inf]),
        "finite answers",
    ),
}
OPEN = {
    "as it is": logits,
    "log-softmax": lambda x: logits(x).log_softmax(1),
    "logits x 1e6": lambda x: 1e6 * logits(x),
    "logits x 1e-30": lambda x: 1e-30 * logits(x),
}


@pytest.fixture
def context(study):
    def of(metric):
        spec = specs.Measurement(classifier=training(), metric=metric, test_images=COUNT)
        return Context(spec, study, torch.device("cpu"), lambda event: None)

    return of


def failed(numbers, checks):
    return {found.name for found in findings(numbers, checks) if not found.passed}


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("how", HIDING)
def test_that_a_network_that_hides_its_gradient_is_never_passed(how, norm, images, context):
    function, sign = HIDING[how]
    model = Named(function).eval()
    torch.manual_seed(0)
    metric = specs.StrongAccuracy(norm=norm, eps=EPS if norm == "linf" else 4 * EPS)
    labels = TWO if sign == "one answer" else LABELS
    numbers = strong_accuracy(model, images, labels, metric, context(metric)).numbers
    assert sign in failed(numbers, SIGNS)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("how", OPEN)
def test_that_a_network_that_shows_its_gradient_is_passed(how, norm, images, context):
    model = Named(OPEN[how]).eval()
    metric = specs.StrongAccuracy(norm=norm, eps=EPS if norm == "linf" else 4 * EPS)
    numbers = strong_accuracy(model, images, LABELS, metric, context(metric)).numbers
    assert failed(numbers, SIGNS) == set()
    assert numbers["misled_share"] == 0
    assert numbers["accuracy"] == pytest.approx(0.25, abs=0.1)


def test_that_the_report_card_has_the_same_signs(images, context):
    metric = specs.AttackCheck(attack=specs.PGD(eps=EPS, step_size=0.04))
    for how in ("a decoy", "statistics of the batch"):
        function, sign = HIDING[how]
        model = Named(function).eval()
        numbers = attack_check(model, images, LABELS, metric, context(metric)).numbers
        assert sign in failed(numbers, CHECKS)


def test_that_a_network_with_kinks_is_not_taken_for_one_that_misleads(context):
    metric = specs.StrongAccuracy(eps=EPS)
    pixels, labels = some_images(40)
    share = misled_share(small_network().eval(), pixels, labels, "linf", EPS, context(metric))
    assert share <= MISLED_SHARE / 2


@pytest.mark.parametrize(
    ("answer", "label", "passed"),
    [(1, 1, True), (1, 0.97, False), (0.97, 0.95, True), (0.96, 0.5, False), (0.8, 0.1, True)],
)
def test_that_one_answer_for_all_is_told_from_images_of_one_class(answer, label, passed):
    numbers = {"one_answer_share": answer, "one_label_share": label}
    assert failed(numbers, SIGNS) == (set() if passed else {"one answer"})


def test_that_images_without_a_label_are_not_asked(images, context):
    metric = specs.StrongAccuracy(eps=EPS)
    model = Named(decoy).eval()
    none, some = torch.full_like(LABELS, -1), LABELS.clone()
    some[1:] = -1
    assert misled_share(model, images, none, "linf", EPS, context(metric)) == 0
    assert misled_share(model, images, some, "linf", EPS, context(metric)) in (0.0, 1.0)


@pytest.mark.parametrize(
    ("outputs", "are"),
    [
        ([[0.3, 0.7], [0.5, 0.5]], True),
        ([[0.99, 0.98], [0.01, 0.02]], True),
        ([[0.1, 0.2], [0.3, 0.2]], False),
        ([[0.1, 0.2], [-0.3, 0.2]], False),
        ([[0.0, 0.0], [0.0, 0.0]], False),
        ([[torch.nan, 1.0], [0.0, 1.0]], False),
    ],
)
def test_that_probabilities_are_told_from_small_logits(outputs, are):
    assert are_probabilities(torch.tensor(outputs)) is are
