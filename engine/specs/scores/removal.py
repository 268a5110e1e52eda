"""Specs of scores that remove pixels from images and ask the network again, without training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from engine.specs.passes import FORWARD
from engine.specs.schema import SpecError, param
from engine.specs.scores.base import ScoreSpec

ORDERS = ("most important first", "least important first")
"""The orders in which ROAD removes pixels."""

REMOVED = "Share of pixels removed"


@dataclass(frozen=True, kw_only=True)
class Road(ScoreSpec, kind="road", label="ROAD"):
    """How much sooner accuracy falls if the pixels that a map calls important go first.

    Removed pixels are filled with a noisy mean of their neighbours, for which a linear system is
    solved, so that the shape of what is removed stands out less. The score is the mean, over the
    shares, of the accuracy without the least important pixels less that without the most important
    ones; in [-1, 1], higher is better. Source: Rong 2022, sections 4 and 5, and their code.
    """

    headline: ClassVar[tuple[str, ...]] = ("road",)
    curve_x: ClassVar[str] = REMOVED
    curve_y: ClassVar[str] = "Accuracy"
    caveat: ClassVar[str] = (
        "It does not show whether the removed pixels or the shape of the holes decided: the shape "
        "alone can tell the class, and a map that is only blurred may score higher."
    )

    fractions: tuple[float, ...] = param(
        (0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9),
        above=0.0,
        high=0.99,
        label="shares removed",
        help="Shares of the pixels, rising; between them the curves are taken for straight",
    )
    noise: float = param(
        0.01,
        low=0.0,
        high=1.0,
        unit="pixel",
        help="Standard deviation of the Gaussian noise on filled pixels; then limited to [0, 1]",
    )

    def check(self) -> None:
        if not self.fractions:
            raise SpecError("fractions is [], must hold at least one share of the pixels")
        if list(self.fractions) != sorted(set(self.fractions)):
            raise SpecError(
                f"fractions is {list(self.fractions)}, must rise from one share to the next"
            )
        self.attribution.check_unlabelled("attribution")

    @property
    def passes(self) -> float:
        """The map, and a verdict on each order and share, of it and of each baseline."""
        asked = len(ORDERS) * len(self.fractions) * (1 + len(self.baselines))
        return self.attribution.passes + FORWARD * (2 + asked)


@dataclass(frozen=True, kw_only=True)
class PixelCurve(ScoreSpec):
    """The probability of the explained class while pixels go or come, most important first."""

    curve_y: ClassVar[str] = "Probability of the explained class"

    fill: Literal["mean", "blurred", "black", "grey", "white"] = param(
        "mean",
        help="What stands where pixels are missing; mean: of the training images, by channel; "
        "blurred: the image under a Gaussian filter of 5 px that ends after 5 px",
    )
    steps: int = param(32, low=1, high=10_000, help="Equal parts in which the pixels go or come")

    @property
    def passes(self) -> float:
        """The map and its class, both ends, and an answer a step between, also of each baseline."""
        asked = (self.steps - 1) * (1 + len(self.baselines))
        return self.attribution.passes + FORWARD * (3 + asked)


@dataclass(frozen=True, kw_only=True)
class Deletion(PixelCurve, kind="deletion", label="Deletion"):
    """Area below the probability of the class while the most important pixels go first.

    In [0, 1], lower is better. The class is the one that the map explains. The source removes a row
    of pixels a step; here the number of steps is the same for images of every size.
    Source: Petsiuk 2018, section 4.3.
    """

    headline: ClassVar[tuple[str, ...]] = ("deletion",)
    curve_x: ClassVar[str] = REMOVED
    caveat: ClassVar[str] = (
        "It does not show what the network uses in whole images: with pixels missing they are none "
        "that it was trained on, and some networks keep their answer there for no good reason."
    )


@dataclass(frozen=True, kw_only=True)
class Insertion(PixelCurve, kind="insertion", label="Insertion"):
    """Area below the probability of the class while the most important pixels come first.

    In [0, 1], higher is better. The class is the one that the map explains. The source adds a row
    of pixels a step; here the number of steps is the same for images of every size.
    Source: Petsiuk 2018, section 4.3.
    """

    headline: ClassVar[tuple[str, ...]] = ("insertion",)
    curve_x: ClassVar[str] = "Share of pixels inserted"
    caveat: ClassVar[str] = (
        "It does not show what the network uses in whole images: it depends on what stands where "
        "pixels are still missing, and compact maps score higher whatever they mark."
    )

    fill: Literal["mean", "blurred", "black", "grey", "white"] = param(
        "blurred",
        help="What stands where pixels are missing; mean: of the training images, by channel; "
        "blurred: the image under a Gaussian filter of 5 px that ends after 5 px",
    )
