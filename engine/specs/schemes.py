"""Specs of what one training step does with a batch: augmentation, then a training scheme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.specs.attacks import APGD, FAB, PGD, AttackSpec
from engine.specs.passes import FORWARD
from engine.specs.schema import Spec, SpecError, param


@dataclass(frozen=True, kw_only=True)
class SchemeSpec(Spec):
    """What one training step does with a batch."""

    @property
    def threat(self) -> AttackSpec | None:
        """The attack trained against, or None."""
        return None

    @property
    def passes(self) -> float:
        """The work for one image in one epoch, see :mod:`engine.specs.passes`."""
        raise NotImplementedError(f"{type(self).__name__} does not say its passes")


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
    def passes(self) -> float:
        """The attack, and one step on its result."""
        return 1.0 + self.attack.passes

    @property
    def title(self) -> str:
        return self.attack.title


@dataclass(frozen=True, kw_only=True)
class Adversarial(AttackedScheme, kind="adversarial", label="Adversarial"):
    """Every batch is replaced by its attacked version, same labels. Source: Madry 2018, eq. 2.1."""


@dataclass(frozen=True, kw_only=True)
class TRADES(AttackedScheme, kind="trades", label="TRADES"):
    """Clean cross-entropy plus beta times the divergence of attacked from clean answers.

    The attack makes that divergence rise, whatever loss it names, and begins at the image plus
    Gaussian noise: at the image itself the divergence has no gradient. Source: Zhang 2019, eq. 5.
    """

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
        return 2.0 + FORWARD + self.attack.passes

    @property
    def title(self) -> str:
        return f"TRADES {self.beta:g}, {self.attack.title}"


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
