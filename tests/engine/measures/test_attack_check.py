import pytest
import torch
from torch import nn

from engine import specs
from engine.jobs.context import Context
from engine.measures.attack_check import attack_check, random_accuracy, zero_gradient_share
from engine.specs.schema import SpecError
from engine.tradeoff.verdicts import CHECKS, findings
from tests.engine.conftest import GLYPHS, training

IMAGES = torch.full((4, 1, 2, 2), 0.5)
LABELS = torch.tensor([0, 0, 0, 0])


@pytest.fixture
def context(study):
    return Context(GLYPHS, study, torch.device("cpu"), lambda event: None)


def linear(margin=0.1):
    """Class 0 wins by ``margin`` at mid-grey and loses where pixels brighten by margin / 4."""
    layer = nn.Linear(4, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[-0.5] * 4, [0.5] * 4]))
        layer.bias.copy_(torch.tensor([1.0 + margin, -1.0]))
    return nn.Sequential(nn.Flatten(), layer).eval().requires_grad_(False)


class Masked(nn.Module):
    """A network that hides its gradient: it rounds its input."""

    def __init__(self):
        super().__init__()
        self.inner = linear()

    def forward(self, images):
        return self.inner((images * 8).round() / 8)


def card(numbers):
    return {finding.name: finding.passed for finding in findings(numbers)}


def checked(model, context, **fields):
    spec = specs.AttackCheck(attack=specs.PGD(eps=0.2, step_size=0.05, **fields))
    return attack_check(model, IMAGES, LABELS, spec, context).numbers


def test_that_a_sound_attack_on_a_linear_network_passes_every_check(context):
    numbers = checked(linear(), context)
    assert numbers["attack_accuracy"] == numbers["large_eps_accuracy"] == 0
    assert numbers["zero_gradient_share"] == 0
    assert all(card(numbers).values())


def test_that_a_hidden_gradient_is_found_out(context):
    """Rounding has no gradient: the attack does nothing, and the network looks robust."""
    numbers = checked(Masked(), context)
    assert numbers["attack_accuracy"] == 1.0
    assert numbers["zero_gradient_share"] == 1.0
    found = card(numbers)
    assert not found["zero gradients"]
    assert not found["large eps"]
    assert found["outputs"]
    assert found["repeatable"]


def test_that_probabilities_in_the_place_of_logits_are_found_out(context):
    numbers = checked(nn.Sequential(linear(), nn.Softmax(1)), context)
    assert not card(numbers)["outputs"]


def test_that_a_random_network_is_found_out(context):
    class Noisy(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = linear()

        def forward(self, images):
            return self.inner(images) + 0.01 * torch.rand(len(images), 2)

    assert not card(checked(Noisy(), context))["repeatable"]


def test_that_a_step_size_that_overshoots_is_found_out():
    numbers = {
        "zero_gradient_share": 0.0,
        "attack_accuracy": 0.6,
        "one_step_accuracy": 0.4,
        "restart_accuracy": 0.5,
        "large_eps_accuracy": 0.3,
        "random_accuracy": 0.55,
        "outputs_are_probabilities": 0,
        "passes_differ": 0.0,
        "cw_accuracy": 0.5,
        "targeted_accuracy": 0.58,
        "iterates_low": -0.3,
        "iterates_high": 1.0,
        "zero_pixel_share": 0.99,
        "misled_share": 0.3,
        "one_answer_share": 1.0,
        "one_label_share": 0.5,
        "company_differs": 0.02,
        "nonfinite_images": 3,
    }
    found = card(numbers)
    failed = [name for name, passed in found.items() if not passed]
    assert failed == [
        "zero pixels",
        "misled gradients",
        "1 step → all",
        "restarts",
        "margin loss",
        "pixels tried",
        "large eps",
        "random noise",
        "one answer",
        "each by itself",
        "finite answers",
    ]
    assert list(found) == list(CHECKS)
    better = {**numbers, "one_step_accuracy": 0.65, "random_accuracy": 0.9}
    assert card(better)["1 step → all"]
    assert card(better)["random noise"]


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_that_random_perturbations_reach_the_edge_of_the_ball(norm, context):
    """Brightening all four pixels by 0.05, an L2 length of 0.1, flips the answer."""
    near, far = (specs.PGD(norm=norm, eps=eps) for eps in (0.02, 0.4))
    assert random_accuracy(linear(), IMAGES, LABELS, near, context) == 1.0
    assert random_accuracy(linear(), IMAGES, LABELS, far, context) == 0.0


def test_that_gradients_that_are_not_finite_count_as_missing(context):
    class Broken(nn.Module):
        def forward(self, images):
            flat = images.flatten(1)
            return (flat[:, :2] - flat[:, :2].detach()).abs().sqrt()

    assert zero_gradient_share(Broken(), IMAGES, LABELS, context) == 1.0


def test_that_an_attack_that_cannot_be_judged_is_refused():
    with pytest.raises(SpecError, match=r"attack\.eps is 0, must be above 0"):
        specs.AttackCheck(attack=specs.PGD(eps=0.0))
    with pytest.raises(SpecError, match=r"attack\.target is 3, must be empty"):
        specs.AttackCheck(attack=specs.PGD(target=3))


def test_that_a_record_holds_the_report_card(computed):
    metric = specs.AttackCheck(attack=specs.FGSM(eps=0.1), restarts=2)
    (record,) = computed(specs.Measurement(classifier=training(), metric=metric, test_images=20))
    assert len(findings(record.numbers)) == len(CHECKS)
    assert record.numbers["restart_accuracy"] <= record.numbers["attack_accuracy"]
