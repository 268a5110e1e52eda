"""Specs of training schemes: what one training step does with a batch."""

from __future__ import annotations

from dataclasses import dataclass

from engine.specs.attacks import PGD, AttackSpec
from engine.specs.schema import Spec, param


@dataclass(frozen=True, kw_only=True)
class SchemeSpec(Spec):
    """What one training step does with a batch."""

    @property
    def threat(self) -> AttackSpec | None:
        """The attack trained against, or None."""
        return None


@dataclass(frozen=True, kw_only=True)
class Standard(SchemeSpec, kind="standard", label="Standard"):
    """Cross-entropy on clean images."""

    @property
    def title(self) -> str:
        return "Standard"


@dataclass(frozen=True, kw_only=True)
class Adversarial(SchemeSpec, kind="adversarial", label="Adversarial"):
    """Every batch is replaced by its attacked version, same labels. Source: Madry 2018, eq. 2.1."""

    attack: AttackSpec = param(PGD(), label="attack")
    warmup: float = param(
        0.0,
        low=0.0,
        label="warm-up epochs",
        help="eps and step grow from 0 over so many epochs, where training else stays at chance",
    )

    @property
    def threat(self) -> AttackSpec:
        return self.attack

    @property
    def title(self) -> str:
        return self.attack.title
