"""Specs of what is asked of a classifier: attributions, retrainings, scores, measurements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.specs.attacks import PGD, AttackSpec
from engine.specs.attributions import AttributionSpec, Gradient
from engine.specs.classifiers import ClassifierSpec
from engine.specs.images import ImagesSpec
from engine.specs.passes import FORWARD, TO_PIXELS
from engine.specs.schema import Spec, SpecError, param

RANDOM_DRAWS = 20
"""Random perturbations an image in a report card; the first that changes the answer counts."""

LARGE_STEPS = 40
"""Steps at least of a report card's attack in a ball that holds every image."""


@dataclass(frozen=True, kw_only=True)
class Maps(Spec, kind="maps", label="Maps", recorded=True):
    """One attribution of chosen test images of one classifier."""

    classifier: ClassifierSpec = param()
    attribution: AttributionSpec = param(Gradient())
    images: ImagesSpec | None = param(None, help="Other images than the classifier's own")
    indices: tuple[int, ...] = param(tuple(range(8)), low=0, help="Which test images")

    @property
    def title(self) -> str:
        return f"{self.attribution.title} maps of {self.classifier.title}"


@dataclass(frozen=True, kw_only=True)
class AdversarialExamples(Spec, kind="adversarial_examples", recorded=True):
    """Attacked versions of chosen test images of one classifier."""

    classifier: ClassifierSpec = param()
    attack: AttackSpec = param(PGD())
    images: ImagesSpec | None = param(None, help="Other images than the classifier's own")
    indices: tuple[int, ...] = param(tuple(range(8)), low=0, help="Which test images")
    seed: int = param(0, low=0)

    @property
    def title(self) -> str:
        return f"{self.attack.title} on {self.classifier.title}"


@dataclass(frozen=True, kw_only=True)
class MetricSpec(Spec):
    """A number, or a curve, that describes a classifier.

    Attributes
    ----------
    headline
        Names of the numbers in its result of which the first that is there stands for it in tables;
        none where nothing but a curve does.
    """

    headline: ClassVar[tuple[str, ...]] = ()

    @property
    def passes(self) -> float:
        """The work for one test image, see :mod:`engine.specs.passes`."""
        raise NotImplementedError(f"{type(self).__name__} does not say its passes")


@dataclass(frozen=True, kw_only=True)
class RobustAccuracy(MetricSpec, kind="robust_accuracy", label="Robust accuracy"):
    """Accuracy under an attack, at several radii."""

    attack: AttackSpec = param(PGD())
    eps: tuple[float, ...] = param((0.0, 2 / 255, 4 / 255, 8 / 255), low=0.0, unit="pixel")

    def check(self) -> None:
        if not self.attack.eps or not self.eps:
            name, value = ("attack.eps", 0) if self.eps else ("eps", [])
            raise SpecError(f"{name} is {value}, must not be empty or 0: it sets the scale")

    @property
    def passes(self) -> float:
        """The attack at each radius but 0, and a verdict at each."""
        attacked = sum(eps > 0 for eps in self.eps)
        return FORWARD * len(self.eps) + self.attack.passes * attacked

    def attack_at(self, eps: float) -> AttackSpec:
        """Return the attack with another radius, its step size scaled alike."""
        scaled = self.attack.scaled(max(eps, 1e-9) / self.attack.eps)
        return scaled.replace("eps", eps)


@dataclass(frozen=True, kw_only=True)
class AttackCheck(MetricSpec, kind="attack_check", label="Report card of the attack"):
    """Signs that an accuracy under attack is the attack's failure, not the network's strength.

    Source: Athalye, Carlini, Wagner 2018; Carlini et al. 2019, evaluating robustness.
    """

    attack: AttackSpec = param(PGD())
    restarts: int = param(5, low=1, high=100, help="Random starts of the attack, the worst counts")

    @property
    def passes(self) -> float:
        """The attack, with one step, from random starts, in a large ball, and random changes."""
        plain = self.attack.passes
        large = TO_PIXELS * LARGE_STEPS
        return plain * (1 + self.restarts) + large + TO_PIXELS * 2 + FORWARD * RANDOM_DRAWS

    def check(self) -> None:
        if not self.attack.eps or self.attack.target is not None:
            name, value = ("eps", 0) if not self.attack.eps else ("target", self.attack.target)
            wanted = "above 0" if name == "eps" else "empty: only errors of any kind are compared"
            raise SpecError(f"attack.{name} is {value}, must be {wanted}")


@dataclass(frozen=True, kw_only=True)
class Alignment(MetricSpec, kind="alignment", label="Gradient alignment"):
    """|<x, g>| / ||g|| and its cosine, g the gradient of the winning logit. Source: Etmann 2019."""

    headline: ClassVar[tuple[str, ...]] = ("alignment",)

    @property
    def passes(self) -> float:
        """One gradient."""
        return TO_PIXELS


@dataclass(frozen=True, kw_only=True)
class Measurement(Spec, kind="measurement", recorded=True):
    """One metric of one classifier on its first test images."""

    classifier: ClassifierSpec = param()
    metric: MetricSpec = param(RobustAccuracy())
    test_images: int = param(1000, low=1)
    seed: int = param(0, low=0)

    @property
    def title(self) -> str:
        return f"{self.metric.title} of {self.classifier.title}"
