"""Schemes that change images by single steps inside a ball."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.specs.attacks import FGSM, AttackSpec, Norm, check_radius, strength
from engine.specs.passes import TO_PIXELS
from engine.specs.schema import param
from engine.specs.schemes.base import THROUGH_GRADIENT, WARMUP_HELP, SchemeSpec


@dataclass(frozen=True, kw_only=True)
class OneStepScheme(SchemeSpec):
    """A scheme that changes images by single steps inside a ball."""

    group: ClassVar[str] = "one_step"

    norm: Norm = param("linf")
    eps: float = param(8 / 255, low=0.0, high=64.0, unit="pixel", help="Radius of the ball")
    warmup: float = param(0.0, low=0.0, label="warm-up epochs", help=WARMUP_HELP)

    def check(self) -> None:
        check_radius(self.norm, self.eps)

    @property
    def threat(self) -> AttackSpec:
        """One step as long as the ball's radius."""
        return FGSM(norm=self.norm, eps=self.eps)

    @classmethod
    def takes_ball(cls) -> bool:
        return True

    def against(self, attack: AttackSpec) -> SchemeSpec:
        return self.replace("norm", attack.norm).replace("eps", attack.eps)

    @property
    def title(self) -> str:
        return f"{strength(self.norm, self.eps)} {self.label}"


@dataclass(frozen=True, kw_only=True)
class FreeAT(OneStepScheme, kind="free_at", label="Free-AT"):
    """Each batch is trained on several times; every backward pass also moves a kept perturbation.

    The perturbation goes on from batch to batch, at most as long as eps. A training takes
    ``replays`` times as long as a standard one: divide its epochs by it, as the paper does.
    Source: Shafahi 2019, algorithm 1.
    """

    replays: int = param(8, low=1, high=100, help="Steps on each batch")

    @property
    def passes(self) -> float:
        """One step a replay, whose gradient also serves the perturbation."""
        return float(self.replays)

    @property
    def title(self) -> str:
        return f"{strength(self.norm, self.eps)} {self.label} x{self.replays}"


@dataclass(frozen=True, kw_only=True)
class FastAT(OneStepScheme, kind="fast_at", label="Fast-AT"):
    """Adversarial training with one step from a random point of the ball.

    Above some eps it collapses: the network learns to mislead that step, and an alarm tells it.
    Source: Wong 2020, algorithm 3.
    """

    stride: float = param(
        1.25, above=0.0, high=4.0, label="step over eps", help="Length of the step, in radii"
    )

    @property
    def passes(self) -> float:
        """One gradient, and one step on its result."""
        return 1.0 + TO_PIXELS


@dataclass(frozen=True, kw_only=True)
class NoisyFGSM(OneStepScheme, kind="n_fgsm", label="N-FGSM"):
    """One step of length eps from a noisy image, which may end outside the ball.

    Source: de Jorge 2022, algorithm 1, and the code released with it.
    """

    noise: float = param(
        2.0, low=0.0, high=10.0, label="noise over eps", help="Radius of the noise, in radii"
    )

    @property
    def passes(self) -> float:
        """One gradient, and one step on its result."""
        return 1.0 + TO_PIXELS


@dataclass(frozen=True, kw_only=True)
class GradAlign(OneStepScheme, kind="grad_align", label="GradAlign"):
    """FGSM training plus a weight times 1 - cos of the gradients at the image and beside it.

    Where the gradient points the same way in the whole ball, one step is as good as many. For
    eps = e/255 the authors take the weight exp(e ln(10) / 8 + ln 0.02), 0.2 at 8/255.
    Source: Andriushchenko, Flammarion 2020, section 4, and the code released with it.
    """

    weight: float = param(0.2, low=0.0, high=1000.0, help="0 is training with FGSM")

    @property
    def passes(self) -> float:
        """The gradient at the image, a step on its result, and one through a gradient beside it."""
        return TO_PIXELS + 1.0 + TO_PIXELS + THROUGH_GRADIENT

    @property
    def title(self) -> str:
        return f"{strength(self.norm, self.eps)} {self.label} {self.weight:g}"
