"""Specs of attacks: how images change inside a norm ball."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from engine.specs.fields import Form
from engine.specs.passes import TO_PIXELS
from engine.specs.schema import Spec, SpecError, fields_of, param

Norm = Literal["linf", "l2"]
Loss = Literal["xent", "cw", "cw_capped"]
FORM_HELP = (
    "released: xent in its float32 form; cw and cw_capped with 0 in the place of the true logit; "
    "L2 steps and projections divide by the length + 1e-8; L2 random starts lie on the sphere"
)


def strength(norm: str, eps: float) -> str:
    """Say how large a norm ball is, in the units of its field: /255 for linf, plain for l2."""
    return f"L-inf {eps * 255:.3g}/255" if norm == "linf" else f"L2 {eps:.3g}"


@dataclass(frozen=True, kw_only=True)
class AttackSpec(Spec):
    """A way to change images inside a norm ball so that the network errs."""

    norm: Norm = param("linf")
    eps: float = param(8 / 255, low=0.0, high=64.0, unit="pixel", help="Radius of the ball")
    loss: Loss = param(
        "xent",
        help="xent: cross-entropy; cw: margin max_other - z_true; cw_capped: the same, at most 500",
    )
    target: int | None = param(None, low=0, help="Class to move towards; empty: away from the true")

    @property
    def title(self) -> str:
        loss = "" if self.loss == "xent" else f" {self.loss}"
        return f"{strength(self.norm, self.eps)} {self.label}{loss}"

    @property
    def passes(self) -> float:
        """The work for one image, see :mod:`engine.specs.passes`."""
        raise NotImplementedError(f"{type(self).__name__} does not say its passes")

    def scaled(self, factor: float) -> AttackSpec:
        """Return the attack with its lengths (eps and step size) multiplied."""
        lengths = (field.name for field in fields_of(type(self)) if field.unit == "pixel")
        return replace(self, **{name: getattr(self, name) * factor for name in lengths})


@dataclass(frozen=True, kw_only=True)
class FGSM(AttackSpec, kind="fgsm", label="FGSM"):
    """One step of length eps along the (signed or normalised) gradient. Source: Goodfellow 2015."""

    form: Form = param("corrected", label="attack formulas", help=FORM_HELP, faithful="released")

    @property
    def passes(self) -> float:
        """One gradient."""
        return TO_PIXELS


@dataclass(frozen=True, kw_only=True)
class PGD(AttackSpec, kind="pgd", label="PGD"):
    """Iterated gradient ascent with projection. Source: Madry 2018; Kim, Seo, Jeon 2019."""

    step_size: float = param(2 / 255, above=0.0, high=64.0, unit="pixel", help="Length of one step")
    steps: int = param(10, low=1, high=10_000)
    random_start: bool = param(False, help="Start at a random point of the ball")
    restarts: int = param(1, low=1, high=1000, help="Keep, per image, the worst of so many runs")
    form: Form = param("corrected", label="attack formulas", help=FORM_HELP, faithful="released")

    def check(self) -> None:
        if self.restarts > 1 and not self.random_start:
            raise SpecError(
                f"restarts is {self.restarts}, must be 1 without random_start: "
                "every run would be the same"
            )

    @property
    def passes(self) -> float:
        """One gradient a step and restart."""
        return TO_PIXELS * self.steps * self.restarts

    @property
    def title(self) -> str:
        loss = "" if self.loss == "xent" else f" {self.loss}"
        return f"{strength(self.norm, self.eps)} PGD-{self.steps}{loss}"


STEP_OVER_EPS = 2.5
DIGITS = 6  # significant, so that a proposed step reads well


def scaled_step(eps: float, steps: int) -> float:
    """Return the step that lets so many steps reach and walk the edge of the ball."""
    return float(f"{STEP_OVER_EPS * eps / steps:.{DIGITS}g}")
