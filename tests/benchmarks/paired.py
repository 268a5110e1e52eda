"""Two programs judged the same images: does one of them leave more standing?

Both draw at random, so they differ on some images whoever wrote them. Only the images on which they
differ tell them apart: if neither is stronger, each of these is as likely to stand for the one as
for the other (McNemar 1947, in its exact form). The interval of the difference is that of Bonett,
Price 2012, which covers the truth in 95 to 98 % (``tests/peers/test_paired.py``, exactly and by
simulation). Both rules take the images to be independent given their own chance to fall. Random
starts are; the windows of pyautoattack's Square are those of a whole batch, so a row that it
decides has less images than it seems.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, norm

Bools = NDArray[np.bool_]

LEVEL = 0.95


@dataclass(frozen=True)
class Paired:
    """How often each of two programs has something that the other has not, on the same images.

    Attributes
    ----------
    count
        Number of images, at least 1.
    first_only, second_only
        On how many of them it is the first program alone, or the second.
    """

    count: int
    first_only: int
    second_only: int

    @classmethod
    def of(cls, first: Bools, second: Bools) -> Paired:
        """Return the comparison of two truths (N,) about the same images."""
        return cls(len(first), int((first & ~second).sum()), int((second & ~first).sum()))

    @property
    def p(self) -> float:
        """The chance of a division at least as uneven if the two are equally strong."""
        differing = self.first_only + self.second_only
        return float(binomtest(self.first_only, differing).pvalue) if differing else 1.0

    @property
    def limits(self) -> tuple[float, float]:
        """The 95 % interval of the first program's share minus the second's, in -1 ... 1."""
        more, less = ((k + 1) / (self.count + 2) for k in (self.first_only, self.second_only))
        half = norm.ppf((1 + LEVEL) / 2) * math.sqrt(
            (more + less - (more - less) ** 2) / (self.count + 2)
        )
        return max(-1.0, more - less - half), min(1.0, more - less + half)

    @property
    def said(self) -> str:
        """Both counts, the p and the interval, in points."""
        low, high = (100 * limit for limit in self.limits)
        return (
            f"{self.first_only} only the first, {self.second_only} only the second, "
            f"p = {self.p:.2g}, difference {low:+.1f} to {high:+.1f} points"
        )


def at_most(limits: tuple[float, float], bound: float) -> str:
    """Return whether a difference is at most ``bound``: "met", "not met" or "undecided"."""
    low, high = limits
    if high <= bound:
        return "met"
    return "not met" if low > bound else "undecided"


def differing(ps: dict[str, float]) -> set[str]:
    """Return the names whose p shows a difference, at 5 % for all of them together.

    Source: Holm 1979.
    """
    shown: set[str] = set()
    for number, name in enumerate(sorted(ps, key=lambda name: ps[name])):
        if ps[name] > (1 - LEVEL) / (len(ps) - number):
            break
        shown.add(name)
    return shown
