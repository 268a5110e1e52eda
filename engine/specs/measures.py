"""Specs of what is asked of a classifier: attributions, retrainings, scores, measurements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from engine.specs.attacks import (
    APGD,
    FAB,
    PGD,
    AttackSpec,
    Norm,
    SquareAttack,
    check_radius,
    scaled_step,
    strength,
)
from engine.specs.attributions import AttributionSpec, Gradient
from engine.specs.classifiers import ClassifierSpec
from engine.specs.images import ImagesSpec
from engine.specs.passes import FORWARD, TO_PIXELS
from engine.specs.schema import Spec, SpecError, param, specs_inside

RANDOM_DRAWS = 20
"""Random perturbations an image in a report card; the first that changes the answer counts."""

LARGE_STEPS = 40
"""Steps at least of a report card's attack in a ball that holds every image."""

CORRUPTIONS = ("gaussian_noise", "gaussian_blur", "jpeg", "brightness", "contrast")
SEVERITIES = 5
SHORTENINGS = 10
"""Halvings of the line between an image and what fooled the network: to a thousandth of it."""

Level = Literal["quick", "strong", "autoattack", "autoattack_rand"]

TARGETS = 9
"""Classes that targeted attacks try, those with the highest logits. Source: Croce, Hein 2020."""

QUICK_STEPS = 20
RANDOM_SAMPLES = 20
"""Gradients averaged a step, for a network that answers at random. Source: Croce, Hein 2020."""

OUTPUT_CHECKS = 5
"""Passes over the images that are compared to see whether the network answers at random."""

PROBES = 2
"""Random changes by which a gradient is held against what the network does."""

CHECKS_OF_ANSWERS = FORWARD * (OUTPUT_CHECKS + 1) + TO_PIXELS
"""Passes that are compared, those in other company, and one gradient."""

CHECKS_OF_GRADIENTS = FORWARD * (2 * PROBES + 3) + TO_PIXELS
"""A gradient, changes of either sign, and three steps along it."""


def _check_some(indices: tuple[int, ...]) -> None:
    if not indices:
        raise SpecError("indices is [], must hold the number of at least one test image")


@dataclass(frozen=True, kw_only=True)
class Maps(Spec, kind="maps", label="Maps", recorded=True):
    """One attribution of chosen test images of one classifier."""

    classifier: ClassifierSpec = param()
    attribution: AttributionSpec = param(Gradient())
    images: ImagesSpec | None = param(None, help="Other images than the classifier's own")
    indices: tuple[int, ...] = param(tuple(range(8)), low=0, help="Which test images")

    def check(self) -> None:
        _check_some(self.indices)
        self.attribution.check_network(self.classifier.network)

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

    def check(self) -> None:
        _check_some(self.indices)

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
        none where nothing but a curve does. Limits of its 95 % interval, where it has one, are the
        numbers of this name with "_low" and "_high".
    baselines
        What is scored beside it: endings of the numbers of the same name, such as "_random".
    caveat
        What the number does not show, in one sentence; "" where its name says all.
    """

    headline: ClassVar[tuple[str, ...]] = ()
    baselines: ClassVar[tuple[str, ...]] = ()
    caveat: ClassVar[str] = ""

    @property
    def passes(self) -> float:
        """The work for one test image, see :mod:`engine.specs.passes`."""
        raise NotImplementedError(f"{type(self).__name__} does not say its passes")

    def needs(self, classifier: ClassifierSpec) -> tuple[Spec, ...]:
        """Return the specs whose records it reads, beside those in its fields."""
        return ()

    def check_classifier(self, classifier: ClassifierSpec) -> None:
        """Check that it can be measured of a classifier; raise :class:`SpecError` if not."""


def _check_radii(attack: AttackSpec, eps: tuple[float, ...]) -> None:
    """Check that there are radii, and an attack that can be scaled to them."""
    if not eps:
        raise SpecError("eps is [], must hold at least one radius")
    if not attack.eps:
        raise SpecError("attack.eps is 0, must be above 0: its step is scaled by eps over it")
    for radius in eps:
        check_radius(attack.norm, radius)


@dataclass(frozen=True, kw_only=True)
class RobustAccuracy(MetricSpec, kind="robust_accuracy", label="Robust accuracy"):
    """Accuracy under an attack, at several radii."""

    attack: AttackSpec = param(PGD())
    eps: tuple[float, ...] = param((0.0, 2 / 255, 4 / 255, 8 / 255), low=0.0, unit="pixel")

    def check(self) -> None:
        _check_radii(self.attack, self.eps)

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
class StrongAccuracy(MetricSpec, kind="strong_accuracy", label="Accuracy under strong attacks"):
    """Share of images that stand against several attacks in turn, each on those that still stand.

    quick: PGD and a targeted margin attack. strong: APGD on the cross-entropy and, towards classes,
    on the difference of logits ratio. autoattack: those, FAB-T and Square, at AutoAttack's standard
    settings. Source: Croce, Hein 2020.
    """

    headline: ClassVar[tuple[str, ...]] = ("accuracy",)

    norm: Norm = param("linf")
    eps: float = param(8 / 255, above=0.0, high=64.0, unit="pixel", help="Radius of the ball")
    level: Level = param(
        "quick",
        help="quick: PGD-20 and targeted margin; strong: APGD-CE and APGD-T, which decide nearly "
        "everything on networks that do not hide their gradient; autoattack: all four of "
        "AutoAttack, standard settings; autoattack_rand: its form for networks that answer at "
        "random, gradients averaged over 20 passes",
    )

    def check(self) -> None:
        check_radius(self.norm, self.eps)

    @property
    def attacks(self) -> tuple[AttackSpec, ...]:
        """The attacks, in their order; each is made on the images that the earlier ones left."""
        return LEVELS[self.level](self.norm, self.eps)

    @property
    def name(self) -> str:
        """Its name where the number stands alone; "AutoAttack" only at its standard settings."""
        return LEVEL_NAMES[self.level]

    @property
    def title(self) -> str:
        return f"{strength(self.norm, self.eps)} {self.name}"

    @property
    def passes(self) -> float:
        """The checks of outputs and gradients, and every attack and its verdict on all images."""
        attacks = sum(attack.passes + FORWARD for attack in self.attacks)
        return self.passes_of_checks + attacks

    @property
    def passes_of_checks(self) -> float:
        """The part of ``passes`` that does not depend on how many images stand."""
        return FORWARD + CHECKS_OF_ANSWERS + CHECKS_OF_GRADIENTS


def targeted_margin(norm: Norm, eps: float) -> APGD:
    """Return the cheapest attack that finds most of what AutoAttack finds: 9 x 20 steps."""
    return APGD(norm=norm, eps=eps, loss="cw", steps=QUICK_STEPS, targets=TARGETS, early_stop=True)


def _quick(norm: Norm, eps: float) -> tuple[AttackSpec, ...]:
    step = scaled_step(eps, QUICK_STEPS)
    plain = PGD(norm=norm, eps=eps, steps=QUICK_STEPS, step_size=step)
    return plain, targeted_margin(norm, eps)


def _strong(norm: Norm, eps: float) -> tuple[AttackSpec, ...]:
    first = APGD(norm=norm, eps=eps, early_stop=True)
    return first, APGD(norm=norm, eps=eps, loss="dlr", targets=TARGETS, early_stop=True)


def _autoattack(norm: Norm, eps: float) -> tuple[AttackSpec, ...]:
    nearest = FAB(norm=norm, eps=eps, targets=TARGETS)
    return *_strong(norm, eps), nearest, SquareAttack(norm=norm, eps=eps)


def _random_form(norm: Norm, eps: float) -> tuple[AttackSpec, ...]:
    often = APGD(norm=norm, eps=eps, samples=RANDOM_SAMPLES, early_stop=True)
    return often, replace(often, loss="dlr")


LEVELS: dict[str, Callable[[Norm, float], tuple[AttackSpec, ...]]] = {
    "quick": _quick,
    "strong": _strong,
    "autoattack": _autoattack,
    "autoattack_rand": _random_form,
}
LEVEL_NAMES = {
    "quick": "PGD-20 + targeted margin",
    "strong": "APGD-CE + APGD-T",
    "autoattack": "AutoAttack",
    "autoattack_rand": "AutoAttack rand",
}


@dataclass(frozen=True, kw_only=True)
class AttackCheck(MetricSpec, kind="attack_check", label="Report card of the attack"):
    """Signs that an accuracy under attack is the attack's failure, not the network's strength.

    Source: Athalye, Carlini, Wagner 2018; Carlini et al. 2019, evaluating robustness.
    """

    attack: AttackSpec = param(PGD())
    restarts: int = param(5, low=1, high=100, help="Random starts of the attack, the worst counts")

    @property
    def passes(self) -> float:
        """The attack, its variants, and random changes."""
        plain, towards = self.attack.passes, targeted_margin(self.attack.norm, self.attack.eps)
        large = TO_PIXELS * LARGE_STEPS
        variants = plain * (2 + self.restarts) + large + towards.passes
        checks = CHECKS_OF_ANSWERS + CHECKS_OF_GRADIENTS
        return variants + TO_PIXELS * 2 + FORWARD * RANDOM_DRAWS + checks

    def check(self) -> None:
        if not self.attack.eps or self.attack.target is not None:
            name, value = ("eps", 0) if not self.attack.eps else ("target", self.attack.target)
            wanted = "above 0" if name == "eps" else "empty: only errors of any kind are compared"
            raise SpecError(f"attack.{name} is {value}, must be {wanted}")


@dataclass(frozen=True, kw_only=True)
class ClassAccuracy(MetricSpec, kind="class_accuracy", label="Accuracy by class"):
    """Accuracy and confusions of each class, clean and attacked, and the images most wrong."""

    headline: ClassVar[tuple[str, ...]] = ("worst_attacked_class_accuracy",)

    attack: AttackSpec = param(PGD())

    @property
    def passes(self) -> float:
        """A verdict on the images, the attack, and a verdict on what it made."""
        return 2 * FORWARD + self.attack.passes


@dataclass(frozen=True, kw_only=True)
class CorruptedAccuracy(MetricSpec, kind="corrupted_accuracy", label="Accuracy on corruptions"):
    """Accuracy against the severity of noise, blur, JPEG, brightness and contrast.

    Up to 64 px with the constants of CIFAR-10-C, above with those of ImageNet-C.
    Source: Hendrycks, Dietterich 2019, and their code.
    """

    headline: ClassVar[tuple[str, ...]] = ("mean_corrupted_accuracy",)

    @property
    def passes(self) -> float:
        """A verdict on the images, and one for each corruption and severity."""
        return FORWARD * (1 + len(CORRUPTIONS) * SEVERITIES)


@dataclass(frozen=True, kw_only=True)
class SmallestEps(MetricSpec, kind="smallest_eps", label="Smallest eps that fools"):
    """The smallest change, per image, by which an attack of growing radius fooled the network.

    What an attack finds is shortened along the line to the image while it still fools. The result
    is an upper bound of the distance to the decision boundary.
    """

    headline: ClassVar[tuple[str, ...]] = ("median_smallest_eps",)

    attack: AttackSpec = param(PGD())
    eps: tuple[float, ...] = param(
        tuple(2**power / 255 for power in range(7)),
        above=0.0,
        unit="pixel",
        help="Radii, tried in rising order on the images that still stand",
    )

    def check(self) -> None:
        _check_radii(self.attack, self.eps)
        if list(self.eps) != sorted(set(self.eps)):
            raise SpecError(f"eps is {list(self.eps)}, must rise from one radius to the next")
        if self.attack.target is not None:
            raise SpecError(
                f"attack.target is {self.attack.target}, must be empty: any error counts as fooled"
            )

    @property
    def passes(self) -> float:
        """At most: every image stands until the last radius."""
        return FORWARD + len(self.eps) * (self.attack.passes + FORWARD * (1 + SHORTENINGS))

    def attack_at(self, eps: float) -> AttackSpec:
        """Return the attack with another radius, its step size scaled alike."""
        return self.attack.scaled(eps / self.attack.eps).replace("eps", eps)


@dataclass(frozen=True, kw_only=True)
class Measurement(Spec, kind="measurement", recorded=True):
    """One metric of one classifier on its first test images."""

    classifier: ClassifierSpec = param()
    metric: MetricSpec = param(RobustAccuracy())
    test_images: int = param(1000, low=1)
    seed: int = param(0, low=0)

    def requires(self) -> tuple[Spec, ...]:
        return tuple(dict.fromkeys((*super().requires(), *self.metric.needs(self.classifier))))

    def check(self) -> None:
        self.metric.check_classifier(self.classifier)
        for method in specs_inside(self.metric):
            if isinstance(method, AttributionSpec):
                method.check_network(self.classifier.network, "metric.attribution")

    @property
    def title(self) -> str:
        return f"{self.metric.title} of {self.classifier.title}"
