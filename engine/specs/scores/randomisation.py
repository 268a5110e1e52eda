"""Specs of sanity checks: what is left of a map when the network's weights are drawn anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from engine.specs.passes import FORWARD
from engine.specs.schema import param
from engine.specs.scores.base import ScoreSpec

BINS = 100
"""Bins of the histogram whose entropy efficient MPRT compares. Source: Hedström 2024."""


@dataclass(frozen=True, kw_only=True)
class _Cascade(ScoreSpec):
    curve_x: ClassVar[str] = "Share of layers drawn anew, from the output on"
    curve_y: ClassVar[str] = "Rank correlation with the map"

    steps: int = param(
        10,
        low=1,
        high=1000,
        help="Parts in which the layers are drawn anew; a network with fewer layers takes one each",
    )
    compared: Literal["absolute", "signed"] = param(
        "absolute", help="absolute: sums over channels of absolute values; signed: plain sums"
    )


@dataclass(frozen=True, kw_only=True)
class Mprt(_Cascade, kind="mprt", label="MPRT"):
    """Sanity check: likeness of a map to those with more and more layers drawn anew.

    From the output to the input, layers get the weights of a fresh network of the same kind, and
    stay so. The score is the mean over the steps of Spearman's correlation, in [-1, 1]; lower
    means that the map depends on the weights. The class stays that of the trained network.
    Source: Adebayo 2018, section 3; model parameter randomisation test.
    """

    headline: ClassVar[tuple[str, ...]] = ("mprt",)
    caveat: ClassVar[str] = (
        "It does not show that a map is right, only that it depends on the weights: a random map "
        "passes, and the image's own edges in a map keep the correlation up."
    )

    @property
    def passes(self) -> float:
        """The class, the map, and at most one a step."""
        return FORWARD + self.attribution.passes * (1 + self.steps)


@dataclass(frozen=True, kw_only=True)
class SmoothMprt(_Cascade, kind="smooth_mprt", label="Smooth MPRT"):
    """Sanity check: the same on means of the map over noisy copies of the image.

    The noise of a single map lowers correlations, which passes for dependence on the weights.
    Copies are limited to [0, 1]. Source: Hedström 2024, "Sanity checks revisited", smooth MPRT.
    """

    headline: ClassVar[tuple[str, ...]] = ("smooth_mprt",)
    caveat: ClassVar[str] = (
        "It does not show that a map is right, only that its mean over noise depends on the "
        "weights: a random map passes, and the image's own edges keep the correlation up."
    )

    samples: int = param(50, low=1, high=1000, help="Noisy copies an image")
    noise: float = param(
        0.1,
        above=0.0,
        high=1.0,
        unit="pixel",
        help="Standard deviation of the Gaussian noise, of the range of pixels",
    )

    @property
    def passes(self) -> float:
        """The class, and for the network and at most each step a map a copy."""
        return FORWARD + self.attribution.passes * self.samples * (1 + self.steps)


@dataclass(frozen=True, kw_only=True)
class EfficientMprt(ScoreSpec, kind="efficient_mprt", label="Efficient MPRT"):
    """Sanity check: the rise in entropy of a map when all weights are drawn anew, in parts of it.

    The entropy is that of the histogram of the map's values, summed over channels, in 100 bins.
    Above 0: the map of the trained network is simpler than that of a fresh one of the same kind.
    Source: Hedström 2024, "Sanity checks revisited", efficient MPRT.
    """

    headline: ClassVar[tuple[str, ...]] = ("efficient_mprt",)
    caveat: ClassVar[str] = (
        "It does not show that a map is right: it compares one number of two histograms, and says "
        "nothing of where the values stand."
    )

    @property
    def passes(self) -> float:
        """The class, and the maps of both networks."""
        return FORWARD + self.attribution.passes * 2
