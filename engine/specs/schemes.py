"""Specs of what one training step does with a batch: augmentation, then a training scheme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from engine.specs.attacks import APGD, FAB, FGSM, PGD, AttackSpec, Norm, check_radius, strength
from engine.specs.passes import FORWARD, TO_PIXELS
from engine.specs.schema import Spec, SpecError, param

WARMUP_HELP = "eps and step grow from 0 over so many epochs, where training else stays at chance"
AWP_HELP = (
    "Adversarial weight perturbation: every step is taken at weights that first moved up the loss, "
    "each tensor by this share of its length. 0.01 in the paper, 0.005 with TRADES; 0: none"
)
THROUGH_GRADIENT = 4 / 3
"""Going back to the weights through a gradient with respect to the image: each layer's gradient and
each layer's output go back to weights and to what came before. Counted in tests/engine."""


@dataclass(frozen=True, kw_only=True)
class SchemeSpec(Spec):
    """What one training step does with a batch.

    Attributes
    ----------
    group
        The heading under which the window lists it, a key of :data:`GROUPS`.
    """

    group: ClassVar[str] = "clean"

    @property
    def threat(self) -> AttackSpec | None:
        """The attack trained against, or None."""
        return None

    @property
    def passes(self) -> float:
        """The work for one image in one epoch, see :mod:`engine.specs.passes`."""
        raise NotImplementedError(f"{type(self).__name__} does not say its passes")

    @classmethod
    def takes_ball(cls) -> bool:
        """Return whether it trains against a norm ball, which a sweep can set."""
        return False

    def against(self, attack: AttackSpec) -> SchemeSpec:
        """Return the scheme against an attack, or against its ball; unchanged if it has neither."""
        return self


@dataclass(frozen=True, kw_only=True)
class Standard(SchemeSpec, kind="standard", label="Standard"):
    """Cross-entropy on clean images."""

    @property
    def passes(self) -> float:
        """One step on one image."""
        return 1.0

    @property
    def title(self) -> str:
        return "Standard"


@dataclass(frozen=True, kw_only=True)
class AttackedScheme(SchemeSpec):
    """A scheme that attacks every batch, maybe not at full strength from the first epoch on."""

    group: ClassVar[str] = "attack"

    attack: AttackSpec = param(PGD(), label="attack")
    warmup: float = param(0.0, low=0.0, label="warm-up epochs", help=WARMUP_HELP)

    @classmethod
    def takes_ball(cls) -> bool:
        return True

    def against(self, attack: AttackSpec) -> SchemeSpec:
        return self.replace("attack", attack)

    @property
    def threat(self) -> AttackSpec:
        return self.attack

    @property
    def passes(self) -> float:
        """The attack, and one step on its result."""
        return 1.0 + self.attack.passes

    @property
    def title(self) -> str:
        return self.attack.title


@dataclass(frozen=True, kw_only=True)
class PerturbedScheme(AttackedScheme):
    """A scheme that may also move the weights up the loss before each step (AWP).

    Source of AWP: Wu 2020, eq. 8 to 11, and the code released with it.

    Attributes
    ----------
    through
        Passes of one step once its attack is known.
    """

    through: ClassVar[float] = 1.0

    awp: float = param(0.0, low=0.0, high=1.0, label="weight perturbation (AWP)", help=AWP_HELP)

    @property
    def passes(self) -> float:
        """The attack, one step on its result, and with AWP the gradient of the weights before."""
        return self.through * (2.0 if self.awp else 1.0) + self.attack.passes

    @property
    def title(self) -> str:
        return self.own_title + (f", AWP {self.awp:g}" if self.awp else "")

    @property
    def own_title(self) -> str:
        """The title without AWP."""
        return self.attack.title


@dataclass(frozen=True, kw_only=True)
class Adversarial(PerturbedScheme, kind="adversarial", label="Adversarial"):
    """Every batch is replaced by its attacked version, same labels. Source: Madry 2018, eq. 2.1."""


@dataclass(frozen=True, kw_only=True)
class TRADES(PerturbedScheme, kind="trades", label="TRADES"):
    """Clean cross-entropy plus beta times the divergence of attacked from clean answers.

    The attack makes that divergence rise, whatever loss it names, and begins at the image plus
    Gaussian noise: at the image itself the divergence has no gradient. Source: Zhang 2019, eq. 5.
    """

    through: ClassVar[float] = 2.0

    beta: float = param(
        6.0, low=0.0, high=1000.0, help="Weight of the divergence: 0 is standard training"
    )

    def check(self) -> None:
        attack = self.attack
        if attack.target is not None:
            raise SpecError(
                f"attack.target is {attack.target}, must be empty: the divergence that TRADES "
                "raises has no class to move towards"
            )
        if isinstance(attack, APGD) and attack.targets:
            raise SpecError(
                f"attack.targets is {attack.targets}, must be 0: the divergence has no class"
            )
        if isinstance(attack, FAB):
            raise SpecError("attack is fab, must be another one: it cannot follow a divergence")

    @property
    def passes(self) -> float:
        """The attack, the clean answers it is held against, and a step on clean and attacked."""
        return super().passes + FORWARD

    @property
    def own_title(self) -> str:
        return f"TRADES {self.beta:g}, {self.attack.title}"


@dataclass(frozen=True, kw_only=True)
class MART(PerturbedScheme, kind="mart", label="MART"):
    """Boosted cross-entropy of attacked images, and a divergence that counts where clean ones err.

    The loss is -log p_y(x') - log(1.0001 - max_(i != y) p_i(x')), plus beta times
    KL(p(x) || p(x')) (1 - p_y(x)). Source: Wang 2020, MART, eq. 11, and the code released with it.
    """

    through: ClassVar[float] = 2.0

    beta: float = param(
        6.0, low=0.0, high=1000.0, help="Weight of the divergence: 0 leaves the boosted term alone"
    )

    @property
    def own_title(self) -> str:
        return f"MART {self.beta:g}, {self.attack.title}"


@dataclass(frozen=True, kw_only=True)
class GaussianNoise(SchemeSpec, kind="gaussian_noise", label="Gaussian noise"):
    """Cross-entropy on images plus Gaussian noise, newly drawn at every step and not clipped.

    It smooths gradients without an attack: the control of "robust gradients are only smooth".
    Source: Cohen 2019, section 3.3; Kaur 2019.
    """

    sigma: float = param(
        0.25, low=0.0, high=10.0, unit="pixel", help="Standard deviation: 0 is standard training"
    )

    @property
    def passes(self) -> float:
        """One step on one image."""
        return 1.0

    @property
    def title(self) -> str:
        return f"Gaussian noise {self.sigma:g}"


@dataclass(frozen=True, kw_only=True)
class GradientPenalty(SchemeSpec, kind="gradient_penalty", label="Gradient penalty"):
    """Clean cross-entropy plus the mean size of its gradient with respect to an image.

    To first order the L1 size times eps is what an L-inf attack of that eps adds to the loss. The
    mean is over images, so the weight does not depend on the batch size: Ross's lambda, for the
    gradient of the mean loss of n images, is 2 n times this weight. Source: Ross, Doshi-Velez
    2018 (squared L2); Rodriguez-Munoz 2024 (L1, which needs smooth activations).
    """

    size: Literal["l1", "l2_squared"] = param(
        "l1", help="Of the gradient of one image: the sum of |entries|, or that of their squares"
    )
    weight: float = param(0.1, low=0.0, high=1e6, help="0 is standard training")

    @property
    def passes(self) -> float:
        """Forwards, back to the pixels, and back to the weights through both."""
        return TO_PIXELS + THROUGH_GRADIENT

    @property
    def title(self) -> str:
        name = "L1" if self.size == "l1" else "squared L2"
        return f"Gradient penalty {self.weight:g} {name}"


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


@dataclass(frozen=True, kw_only=True)
class Augmentation(Spec, kind="augmentation", label="Augmentation"):
    """Random changes of every training image, before any attack; pixels stay in [0, 1].

    In this order: crop, flip, RandAugment, colour jitter. Every image of a batch is changed by
    random numbers of its own. Source: Cubuk 2020, "RandAugment"; its 14 operations and strengths
    as in torchvision, resampled bilinearly.
    """

    flip: bool = param(True, help="Half of the images are mirrored, left for right")
    padding: int = param(
        4,
        low=0,
        high=512,
        label="crop after padding",
        unit="px",
        help="Every image is padded by so many pixels and cut out again at a random place; 0: not",
    )
    border: Literal["black", "reflect"] = param(
        "black", help="What it is padded with: black, or the image mirrored at its border"
    )
    brightness: float = param(0.0, low=0.0, high=1.0, help="Factor between 1 - this and 1 + this")
    contrast: float = param(
        0.0, low=0.0, high=1.0, help="Factor on the distance from the mean grey level"
    )
    saturation: float = param(
        0.0, low=0.0, high=1.0, help="Factor on the distance from the grey image"
    )
    hue: float = param(
        0.0, low=0.0, high=0.5, help="Largest turn of the colour wheel; 0.5 is half a turn"
    )
    operations: int = param(
        0, low=0, high=10, label="RandAugment", help="So many random operations per image; 0: none"
    )
    magnitude: int = param(9, low=0, high=30, help="Strength of these operations, 30 the strongest")

    @property
    def title(self) -> str:
        """Name what is done."""
        jitter = (self.brightness, self.contrast, self.saturation, self.hue)
        parts = [
            "flip" if self.flip else "",
            f"crop {self.padding}" if self.padding else "",
            f"RandAugment {self.operations}, {self.magnitude}" if self.operations else "",
            "colour " + "/".join(f"{value:g}" for value in jitter) if any(jitter) else "",
        ]
        return ", ".join(part for part in parts if part) or "none"


GROUPS: dict[str, str] = {
    "clean": "Without an attack",
    "attack": "Against the attack below",
    "one_step": "By single steps in the balls below",
}
"""Group of a scheme -> its heading in the window."""
