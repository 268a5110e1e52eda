"""Schemes that attack every batch: adversarial training, TRADES and MART."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.specs.attacks import APGD, FAB
from engine.specs.passes import FORWARD
from engine.specs.schema import SpecError, param
from engine.specs.schemes.base import AttackedScheme

AWP_HELP = (
    "Adversarial weight perturbation: every step is taken at weights that first moved up the loss, "
    "each tensor by this share of its length. 0.01 in the paper, 0.005 with TRADES; 0: none"
)


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

    @property
    def short_title(self) -> str:
        return self.attack.ball.removeprefix("L-inf ")  # "/255" tells that norm


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
        return f"{self.short_title}, {self.attack.title}"

    @property
    def short_title(self) -> str:
        return f"TRADES {self.beta:g}"


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
        return f"{self.short_title}, {self.attack.title}"

    @property
    def short_title(self) -> str:
        return f"MART {self.beta:g}"
