"""Specs of scores of a map's shape alone: sparseness and complexity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.specs.passes import FORWARD
from engine.specs.scores.base import ScoreSpec


@dataclass(frozen=True, kw_only=True)
class _Shape(ScoreSpec):
    @property
    def passes(self) -> float:
        """The map, and its class."""
        return FORWARD + self.attribution.passes


@dataclass(frozen=True, kw_only=True)
class Sparseness(_Shape, kind="sparseness", label="Sparseness"):
    """Gini index of a map's absolute values: 0 if all pixels count alike, near 1 if one does.

    Sum over pixels in rising order of (2 i - n - 1) a_i / (n sum a), a the sum over channels of
    absolute values. Source: Chalasani 2020, section 6; Hurley, Rickard 2009.
    """

    headline: ClassVar[tuple[str, ...]] = ("sparseness",)
    caveat: ClassVar[str] = (
        "It does not show where the values stand or whether they are right: with its pixels "
        "shuffled a map scores the same, and blurring lowers it."
    )


@dataclass(frozen=True, kw_only=True)
class Complexity(_Shape, kind="complexity", label="Complexity"):
    """Entropy of a map's absolute values as shares of their sum, in nats; lower is simpler.

    0 if one pixel has all, the logarithm of the number of pixels if all have the same. Values are
    summed over channels. Source: Bhatt 2020, definition 4.
    """

    headline: ClassVar[tuple[str, ...]] = ("complexity",)
    caveat: ClassVar[str] = (
        "It does not show where the values stand or whether they are right: with its pixels "
        "shuffled a map scores the same, and blurring raises it."
    )
