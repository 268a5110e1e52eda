"""The report card on networks that show their gradients, and on the same made to hide them.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.report_card [--study STUDY ...] [--each N]

The first are all networks of the studies (default: the demo) that learned, the MNIST network
published with TRADES and the CIFAR-10 ResNet-18 in pyautoattack's wheel: ReLU, SiLU and softplus
networks of ordinary training, whose gradients are what autograd says. The second are the networks
of the first study and TRADES' behind each of HIDDEN. Printed are, for every check that a number
alone decides, in how many networks of either kind it failed, and the range of its number. A check
that fails on the first kind is a false alarm; one of the second kind that no check marks would be
taken for robust.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm

from engine import specs
from engine.jobs.classifiers import classifier
from engine.jobs.context import Context
from engine.jobs.device_images import device_images
from engine.measures.attack_check import attack_check
from engine.store.study import Study, spec_of
from engine.tradeoff.robustness import wilson
from engine.tradeoff.verdicts import CHECKS, LIKELY, SIGNS, findings
from tests.benchmarks.autoattack_inputs import Places, network_and_images

DEMO = Path(__file__).resolve().parents[2] / "resources" / "demo.isthmus"
LEARNED = 0.5
JUDGES = {**CHECKS, **{name: SIGNS[name] for name in SIGNS if name != "without gradients"}}
SIGNS_OF_HIDING = LIKELY | {"outputs", "repeatable", "each by itself"}
"""Checks about the network. The others compare attacks: that a stronger one breaks more is true."""
NUMBERS = {
    "zero gradients": "zero_gradient_share",
    "no gradient": "no_gradient_share",
    "zero pixels": "zero_pixel_share",
    "misled gradients": "misled_share",
    "large eps": "large_eps_accuracy",
}
"""Checks that compare one share with a constant of :mod:`engine.tradeoff.verdicts`."""


class Decoy(nn.Module):
    """A network that answers as another one, and passes back the gradient of a third."""

    def __init__(self, inner: nn.Module):
        super().__init__()
        self.inner = inner

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (N, K)."""
        answers: Tensor = self.inner(images.detach())
        signs = torch.linspace(-1, 1, images[0].numel(), device=images.device)
        other = (images.flatten(1) * signs).sum(1, keepdim=True)
        false = other * torch.arange(answers.shape[1], device=images.device).cos()
        return answers + false - false.detach()


def half_seen(images: Tensor) -> Tensor:
    """Pass the gradient back to every other column alone."""
    even = torch.arange(images.shape[-1], device=images.device) % 2 == 0
    return torch.where(even, images, images.detach())


def by_batch(images: Tensor) -> Tensor:
    """Normalise by the statistics of the batch."""
    return 0.5 + 0.25 * batch_norm(images, None, None, training=True)


class Hiding(nn.Module):
    """A network behind something that hides its gradient from attacks that follow it."""

    def __init__(self, inner: nn.Module, before: Callable[[Tensor], Tensor], times: float = 1.0):
        super().__init__()
        self.inner, self._before, self._times = inner, before, times

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (N, K)."""
        logits: Tensor = self.inner(self._before(images)) * self._times
        return logits


HIDDEN: dict[str, Callable[[nn.Module], nn.Module]] = {
    "logits x 1000": lambda inner: Hiding(inner, lambda images: images, 1000.0),
    "8 levels of grey": lambda inner: Hiding(inner, lambda images: (images * 7).round() / 7),
    "sigmoid of slope 10,000": lambda inner: Hiding(
        inner, lambda images: torch.sigmoid(10_000 * (images - 0.5))
    ),
    "sigmoid of slope 100": lambda inner: Hiding(
        inner, lambda images: torch.sigmoid(100 * (images - 0.5))
    ),
    "ripples of 0.0126": lambda inner: Hiding(
        inner, lambda images: images + 0.05 * torch.sin(500 * images)
    ),
    "another gradient": Decoy,
    "gradient of half the pixels": lambda inner: Hiding(inner, half_seen),
    "statistics of the batch": lambda inner: Hiding(inner, by_batch),
    "a sigmoid a class": lambda inner: nn.Sequential(inner, nn.Sigmoid()),
    "probabilities": lambda inner: nn.Sequential(inner, nn.Softmax(1)),
    "noise of 0.1": lambda inner: Hiding(
        inner, lambda images: images + 0.1 * torch.randn_like(images)
    ),
}


@dataclass(frozen=True)
class Case:
    """A network, test images (N, C, H, W), labels, and the attack that its card is about."""

    name: str
    model: nn.Module
    images: Tensor
    labels: Tensor
    attack: specs.PGD


def of_study(study: Study, count: int) -> Iterator[Case]:
    """Yield the networks of a study that learned, each with the attack of its evaluation."""
    for entry in study.entries:
        spec = spec_of(entry)
        if not isinstance(spec, specs.Training) or not isinstance(spec.evaluation, specs.PGD):
            continue
        if float(entry.numbers["clean_accuracy"]) < LEARNED:
            continue
        context = Context(spec, study, torch.device("cpu"), lambda event: None)
        images, labels = device_images(context, spec.images).tested
        if images.shape[-1] == 1:
            continue  # points of the plane: a large eps is not bounded by [0, 1] there
        model = classifier(context, spec)
        yield Case(spec.title, model, images[:count], labels[:count], spec.evaluation)


def published(count: int) -> Iterator[Case]:
    """Yield the two networks that others published; a fifth of the images for the slow one."""
    places, cpu = Places.in_data_folder(), torch.device("cpu")
    mnist = specs.PGD(eps=0.3, step_size=0.03, steps=20)
    yield Case("TRADES, MNIST", *network_and_images("mnist", count, places, cpu), mnist)
    cifar = specs.PGD(eps=0.75 / 255, step_size=0.2 / 255, steps=10)
    yield Case(
        "ResNet-18, CIFAR-10", *network_and_images("cifar", max(count // 5, 1), places, cpu), cifar
    )


def card_of(case: Case, study: Study) -> tuple[dict[str, float], set[str]]:
    """Return the numbers of a network's report card, and the checks that failed."""
    spec = specs.AttackCheck(attack=case.attack)
    context = Context(spec, study, torch.device("cpu"), lambda event: None)
    numbers = attack_check(case.model.eval(), case.images, case.labels, spec, context).numbers
    found = {name: float(numbers[number]) for name, number in NUMBERS.items()}
    return found, {one.name for one in findings(numbers, JUDGES) if not one.passed}


def summed(title: str, cards: list[tuple[dict[str, float], set[str]]]) -> None:
    """Print in how many of some networks each check failed, and the range of its number."""
    for what, checks in (("a sign of a hidden gradient", SIGNS_OF_HIDING), ("any check", JUDGES)):
        failed = sum(bool(names.intersection(checks)) for _, names in cards)
        low, high = wilson(failed, len(cards))
        share = f"{100 * failed / len(cards):.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
        print(f"{title}: {what} in {failed} of {len(cards)}, {share}", flush=True)
    for name in JUDGES:
        count = sum(name in names for _, names in cards)
        values = sorted(numbers[name] for numbers, _ in cards if name in numbers)
        if count or values:
            shown = f", {values[0]:.3f} to {values[-1]:.3f}" if values else ""
            print(f"    {name}: {count}{shown}", flush=True)


def main() -> int:
    """Print the cards of all networks, and what they say together."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--study", action="append", type=Path, help="default: the demo")
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument(
        "--each", type=int, default=1, help="take every n-th network of the studies"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    studies = [Study(path) for path in options.study or [DEMO]]
    shown = [case for study in studies for case in of_study(study, options.images)]
    shown = shown[:: options.each]
    shown += published(options.images)
    with tempfile.TemporaryDirectory() as folder:
        made = Study(Path(folder) / "made.isthmus", create=True)
        cards = []
        for case in shown:
            cards.append(card_of(case, made))
            if cards[-1][1]:
                print(f"  {case.name}: {', '.join(sorted(cards[-1][1]))}", flush=True)
        summed("networks that show their gradients", cards)
        hidden = [*of_study(studies[0], options.images)]
        hidden = [*hidden[:: max(1, len(hidden) // 10)], next(published(options.images))]
        for name, hide in HIDDEN.items():
            cases = [replace(case, model=hide(case.model).eval()) for case in hidden]
            summed(name, [card_of(case, made) for case in cases])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
