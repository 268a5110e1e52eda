"""What is proposed for images until the user chooses otherwise: network, attacks, epochs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.specs import (
    PGD,
    Adam,
    AttackSpec,
    NetworkSpec,
    OptimizerSpec,
    PaperCifarCNN,
    PaperMLP,
    ResNet18,
    SmallCNN,
)
from engine.specs.attacks import scaled_step

LARGEST_FOR_PLAIN_CNN = 64

# The paper's step sizes, for every radius alike, halved: its pixels span [-1, 1].
PAPER_STEPS = {"linf": 0.01, "l2": 1.0}


@dataclass(frozen=True)
class Proposals:
    """The proposals for images of one shape.

    Attributes
    ----------
    radii
        By norm, in [0, 1] units.
    norms
        Those that are on at first.
    warmup
        Epochs over which attacks grow to their full strength.
    scaled
        Whether the step follows eps; else it is the paper's.
    """

    network: NetworkSpec = SmallCNN()
    optimizer: OptimizerSpec = Adam()
    epochs: int = 10
    batch_size: int = 100
    radii: Mapping[str, tuple[float, ...]] = field(
        default_factory=lambda: {"linf": (2 / 255, 4 / 255, 8 / 255), "l2": (0.25, 0.5, 1.0)}
    )
    norms: tuple[str, ...] = ("linf",)
    steps: int = 7
    warmup: float = 0.0
    scaled: bool = True


def proposals_for(shape: tuple[int, int, int]) -> Proposals:
    """Return the proposals for images (channels, height, width)."""
    channels, height, width = shape
    if height == width == 1:
        # The paper's plane; its radii 0.25 and 0.5 are lengths in [-1, 1].
        return Proposals(
            network=PaperMLP(),
            radii={"linf": (0.05, 0.1), "l2": (0.125, 0.25)},
            norms=("l2",),
            steps=40,
            scaled=False,
        )
    if channels == 1:
        # On few small images that rate and that batch learn in a minute what others need many for,
        # and strong attacks from the first batch on would keep a small network at chance.
        return Proposals(
            network=SmallCNN(),
            optimizer=Adam(learning_rate=2e-3),
            epochs=6,
            batch_size=50,
            radii={"linf": (0.05, 0.1, 0.2), "l2": (0.5, 1.0, 2.0)},
            warmup=2.0,
        )
    if max(height, width) <= LARGEST_FOR_PLAIN_CNN:
        return Proposals(network=PaperCifarCNN(), epochs=20)
    return Proposals(network=ResNet18(), epochs=20)


def evaluation_at(norm: str, eps: float) -> AttackSpec:
    """Return the attack that all networks of a sweep are measured with: PGD-10."""
    steps = 10
    return PGD(norm=norm, eps=eps, steps=steps, step_size=scaled_step(eps, steps))  # type: ignore[arg-type]


def middle(balls: list[tuple[str, float]]) -> tuple[str, float]:
    """Return the middle one of the first norm's radii."""
    norm = balls[0][0]
    radii = sorted(eps for other, eps in balls if other == norm)
    return norm, radii[len(radii) // 2]
