"""Specs of attacks: how images change inside a norm ball."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from engine.specs.fields import Form
from engine.specs.passes import FORWARD, TO_PIXELS
from engine.specs.schema import Spec, SpecError, fields_of, kind_label, param

Norm = Literal["linf", "l2"]
Loss = Literal["xent", "cw", "cw_capped", "dlr"]
LOSS_WORDS = {
    "xent": "cross-entropy",
    "cw": "margin",
    "cw_capped": "capped margin",
    "dlr": "difference of logits ratio",
}
FORM_HELP = (
    "released: the cross-entropy in its float32 form; the margins with 0 in the place of the true "
    "logit; L2 steps and projections divide by the length + 1e-8; L2 random starts lie on the "
    "sphere"
)


ROUNDING = 1e-6  # of a radius that was scaled
STEPS = 255  # of 8-bit images


def strength(norm: str, eps: float) -> str:
    """Say how large a norm ball is, in the units of its field: /255 for linf, plain for l2."""
    return f"L-inf {eps * 255:.3g}/255" if norm == "linf" else f"L2 {eps:.3g}"


def radius_fault(norm: str, eps: float, name: str = "eps") -> str:
    """Say why a radius cannot be meant, or "": one of L-inf above the range of pixels, 8 for 8/255.

    A radius of 1 already reaches every image, so that a larger one is a mistake about the unit.
    """
    if norm != "linf" or eps <= 1 + ROUNDING:
        return ""
    meant = f"; write {eps:g}/255 for {eps:g} of 255 steps" if eps <= STEPS else ""
    return f"{name} is {eps:g}, must be at most 1 in L-inf, as pixels are in [0, 1]{meant}"


def check_radius(norm: str, eps: float, name: str = "eps") -> None:
    """Raise :class:`SpecError` for a radius that cannot be meant."""
    if fault := radius_fault(norm, eps, name):
        raise SpecError(fault)


@dataclass(frozen=True, kw_only=True)
class AttackSpec(Spec):
    """A way to change images inside a norm ball so that the network errs.

    Attributes
    ----------
    uses_gradient
        Whether it follows gradients, which a network may hide.
    """

    norm: Norm = param("linf")
    eps: float = param(8 / 255, low=0.0, high=64.0, unit="pixel", help="Radius of the ball")

    def check(self) -> None:
        check_radius(self.norm, self.eps)

    @property
    def ball(self) -> str:
        """Norm and radius, in the units of their field."""
        return strength(self.norm, self.eps)

    @property
    def title(self) -> str:
        return f"{self.ball} {self.label}"

    uses_gradient: ClassVar[bool] = True

    @property
    def loss(self) -> str:
        """The loss that it maximises; "" for an attack that takes none."""
        return ""

    @property
    def target(self) -> int | None:
        """The class that it moves towards; None for any but the true one."""
        return None

    @property
    def step_count(self) -> int:
        """How often it reports a step, at most."""
        return 1

    @property
    def passes(self) -> float:
        """The work for one image, see :mod:`engine.specs.passes`."""
        raise NotImplementedError(f"{type(self).__name__} does not say its passes")

    def scaled(self, factor: float) -> AttackSpec:
        """Return the attack with its lengths (eps and step size) multiplied."""
        lengths = (field.name for field in fields_of(type(self)) if field.unit == "pixel")
        return replace(self, **{name: getattr(self, name) * factor for name in lengths})


def group_in_words(name: str) -> str:
    """Return the name of a group of networks with its scheme and loss in words.

    "trades L2 xent" becomes "TRADES L2 cross-entropy". Groups keep their names where scripts read
    them.
    """
    first, *rest = name.split(" ")
    return " ".join(
        [LOSS_WORDS.get(first) or kind_label(first), *(LOSS_WORDS.get(word, word) for word in rest)]
    )


@dataclass(frozen=True, kw_only=True)
class LossAttack(AttackSpec):
    """An attack that maximises a loss."""

    loss: Loss = param(
        "xent",
        help="xent: cross-entropy; cw: margin max_other - z_true; cw_capped: the same, at most "
        "500; dlr: the margin over z_(1) - z_(3), the largest and the third largest logit",
    )
    target: int | None = param(None, low=0, help="Class to move towards; empty: away from the true")

    @property
    def title(self) -> str:
        loss = "" if self.loss == "xent" else f" {LOSS_WORDS[self.loss]}"
        return f"{self.ball} {self.name}{loss}"

    @property
    def name(self) -> str:
        """Its name in titles, such as "PGD-10"."""
        return self.label


@dataclass(frozen=True, kw_only=True)
class FGSM(LossAttack, kind="fgsm", label="FGSM"):
    """One step of length eps along the (signed or normalised) gradient. Source: Goodfellow 2015."""

    form: Form = param("corrected", label="attack formulas", help=FORM_HELP, faithful="released")

    @property
    def passes(self) -> float:
        """One gradient."""
        return TO_PIXELS


@dataclass(frozen=True, kw_only=True)
class PGD(LossAttack, kind="pgd", label="PGD"):
    """Iterated gradient ascent with projection. Source: Madry 2018; Kim, Seo, Jeon 2019."""

    step_size: float = param(2 / 255, above=0.0, high=64.0, unit="pixel", help="Length of one step")
    steps: int = param(10, low=1, high=10_000)
    random_start: bool = param(False, help="Start at a random point of the ball")
    restarts: int = param(1, low=1, high=1000, help="Keep, per image, the worst of so many runs")
    form: Form = param("corrected", label="attack formulas", help=FORM_HELP, faithful="released")

    def check(self) -> None:
        super().check()
        if self.restarts > 1 and not self.random_start:
            raise SpecError(
                f"restarts is {self.restarts}, must be 1 without random_start: "
                "every run would be the same"
            )

    @property
    def step_count(self) -> int:
        return self.steps * self.restarts

    @property
    def passes(self) -> float:
        """One gradient a step and restart."""
        return TO_PIXELS * self.steps * self.restarts

    @property
    def name(self) -> str:
        return f"PGD-{self.steps}"


@dataclass(frozen=True, kw_only=True)
class APGD(LossAttack, kind="apgd", label="APGD"):
    """PGD with momentum that halves its step where it stalls, so that none has to be chosen.

    Its result is an iterate that is misclassified, else the one of highest loss. Source: Croce,
    Hein 2020, algorithm 1.
    """

    steps: int = param(100, low=1, high=10_000)
    restarts: int = param(1, low=1, high=1000, help="Keep, per image, the worst of so many runs")
    targets: int = param(
        0,
        low=0,
        high=1000,
        label="targets tried",
        help="One run towards each of so many classes, those with the highest clean logits first; "
        "0: away from the true class",
    )
    samples: int = param(
        1,
        low=1,
        high=1000,
        label="gradients averaged",
        help="Per step, for a network that answers at random",
    )
    early_stop: bool = param(
        False, label="stop once wrong", help="Leave an image as soon as it is misclassified"
    )

    def check(self) -> None:
        super().check()
        if self.targets and self.target is not None:
            raise SpecError(
                f"targets is {self.targets}, must be 0 where target is given ({self.target})"
            )

    @property
    def step_count(self) -> int:
        return self.steps * self.restarts * max(1, self.targets)

    @property
    def passes(self) -> float:
        """A gradient at the start and after every step of every run, and a verdict on runs."""
        runs = self.restarts * max(1, self.targets)
        ranked = FORWARD if self.targets else 0.0
        judged = FORWARD * runs if runs > 1 and not self.early_stop else 0.0
        return ranked + judged + TO_PIXELS * self.samples * (self.steps + 1) * runs

    @property
    def name(self) -> str:
        return f"APGD-T{self.targets}-{self.steps}" if self.targets else f"APGD-{self.steps}"


@dataclass(frozen=True, kw_only=True)
class FAB(AttackSpec, kind="fab", label="FAB-T"):
    """Search for the nearest misclassified image, one class after another; counts within eps.

    An image for which none is found within eps is returned unchanged. Source: Croce, Hein 2020b,
    minimally distorted adversarial examples, in its targeted form.
    """

    steps: int = param(100, low=1, high=10_000)
    targets: int = param(
        9,
        low=1,
        high=1000,
        label="targets tried",
        help="So many classes, those with the highest clean logits first",
    )

    @property
    def step_count(self) -> int:
        return self.steps * self.targets

    @property
    def passes(self) -> float:
        """The order of classes; a gradient and a verdict a step and target."""
        return FORWARD + (TO_PIXELS + FORWARD) * self.steps * self.targets

    @property
    def title(self) -> str:
        return f"{self.ball} FAB-T{self.targets}-{self.steps}"


@dataclass(frozen=True, kw_only=True)
class SquareAttack(AttackSpec, kind="square", label="Square"):
    """Random search with square changes, led by logits alone: a gradient cannot mislead it.

    Source: Andriushchenko 2020, with the schedule for 10,000 queries.
    """

    uses_gradient: ClassVar[bool] = False

    queries: int = param(5000, low=1, high=1_000_000, help="Answers asked of the network, an image")
    first_share: float = param(
        0.8, above=0.0, high=1.0, label="first square", help="Share of the image that it covers"
    )

    @property
    def step_count(self) -> int:
        return self.queries

    @property
    def passes(self) -> float:
        """The start and every query; images that fall ask no more."""
        return FORWARD * (self.queries + 1)

    @property
    def title(self) -> str:
        return f"{self.ball} Square-{self.queries}"


STEP_OVER_EPS = 2.5
DIGITS = 6  # significant, so that a proposed step reads well


def scaled_step(eps: float, steps: int) -> float:
    """Return the step that lets so many steps reach and walk the edge of the ball."""
    return float(f"{STEP_OVER_EPS * eps / steps:.{DIGITS}g}")
