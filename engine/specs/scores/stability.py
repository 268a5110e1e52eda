"""Specs of scores that change images a little: infidelity and max-sensitivity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from engine.specs.passes import FORWARD
from engine.specs.schema import SpecError, param
from engine.specs.scores.base import ScoreSpec


@dataclass(frozen=True, kw_only=True)
class Infidelity(ScoreSpec, kind="infidelity", label="Infidelity"):
    """How badly a map, as a linear function of the pixels, predicts changes of the output.

    Mean over random changes I of (I . map - (F(x) - F(x - I)))^2, F the explained quantity of the
    explained class. Lower is better. A map that is a gradient times a difference to a constant
    image is divided by that difference first. Source: Yeh 2019, definition 2.1; captum for the
    best factor.
    """

    headline: ClassVar[tuple[str, ...]] = ("infidelity",)
    caveat: ClassVar[str] = (
        "It does not show which pixels the network uses, only how well a linear function fits its "
        "answers to this kind of change; at the best factor a map and its negative score alike."
    )

    perturbation: Literal["noise", "square"] = param(
        "noise", help="noise: on every pixel; square: one square window is covered"
    )
    noise: float = param(
        0.1,
        above=0.0,
        high=1.0,
        unit="pixel",
        only=("perturbation", "noise"),
        help="Standard deviation of the Gaussian noise; changed images are limited to [0, 1]",
    )
    window: float = param(
        0.25,
        above=0.0,
        high=1.0,
        unit="of a side",
        only=("perturbation", "square"),
        help="Size of the square, rounded up to whole pixels",
    )
    fill: Literal["black", "grey", "white"] = param(
        "grey", only=("perturbation", "square"), help="The constant colour that covers"
    )
    samples: int = param(50, low=1, high=10_000, help="Random changes an image")
    scale: Literal["relative", "best_factor", "plain"] = param(
        "relative",
        help="relative: at the best factor of each map, in parts of the mean squared change of the "
        "output, so that 0 is a perfect map and 1 no better than zeros; best_factor: not divided, "
        "as captum's normalize; plain: the map as it is, which compares scales",
    )

    def check(self) -> None:
        reference = self.attribution.reference()
        if reference is not None and reference.grey is None:
            raise SpecError(
                "attribution.baseline is 'training', must be one of black, grey, white: "
                f"{self.label} divides by the difference to it"
            )

    @property
    def passes(self) -> float:
        """The map and its class, and an answer to each change and to the image."""
        return self.attribution.passes + FORWARD * (2 + self.samples)


@dataclass(frozen=True, kw_only=True)
class MaxSensitivity(ScoreSpec, kind="max_sensitivity", label="Max-sensitivity"):
    """The largest change of a map, in parts of its length, under small noise on the image.

    Max over uniform noise d in [-radius, radius] of ||map(x + d) - map(x)|| / ||map(x)||, Euclidean
    over pixels and channels; lower is calmer. The class stays that of the image; changed images are
    limited to [0, 1]. The random map is drawn anew. Source: Yeh 2019, definition 3; captum.
    """

    headline: ClassVar[tuple[str, ...]] = ("max_sensitivity",)
    caveat: ClassVar[str] = (
        "It does not show that a map is right: one that ignores the network, or is only blurred, "
        "is calm too; and the largest of a few random changes is below the largest of all."
    )

    radius: float = param(0.02, above=0.0, high=1.0, unit="pixel", help="Largest change of a pixel")
    samples: int = param(10, low=1, high=10_000, help="Random changes an image")

    @property
    def passes(self) -> float:
        """The map and its class, and a map a change."""
        return FORWARD + self.attribution.passes * (1 + self.samples)
