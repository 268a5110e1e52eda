"""What training schemes share, their groups in the window, and the plainest scheme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.specs.attacks import PGD, AttackSpec
from engine.specs.schema import Spec, param

WARMUP_HELP = "eps and step grow from 0 over so many epochs, where training else stays at chance"
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
    def short_title(self) -> str:
        """What stands beside the point of its network: its strength, and its name if needed."""
        return self.title

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

    @property
    def short_title(self) -> str:
        return "standard"


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


GROUPS: dict[str, str] = {
    "clean": "Without an attack",
    "attack": "Against the attack below",
    "one_step": "By single steps in the balls below",
}
"""Group of a scheme -> its heading in the window."""
