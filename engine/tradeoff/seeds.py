"""Curves of networks that differ in nothing but the seed: their mean, and a band around it."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.specs import ClassifierSpec, Training
from engine.tradeoff.inference import LEAST_SEEDS, mean_limits

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SeedBand:
    """The mean of several seeds' curves.

    Attributes
    ----------
    mean, low, high
        (k,) the mean, and the limits of the band.
    seeds
        How many curves it is of; at least 2.
    """

    mean: Floats
    low: Floats
    high: Floats
    seeds: int

    @property
    def words(self) -> str:
        """What the line and its band are, for a legend."""
        band = "95 % t-interval" if self.seeds >= LEAST_SEEDS else "range"
        return f"mean of {self.seeds} seeds, {band}"


def seed_band(curves: ArrayLike, limits: tuple[float, float] = (0.0, 1.0)) -> SeedBand:
    """Return the mean of curves, and its 95 % t-interval over seeds at each point.

    Of two seeds the band is their range: an interval of one degree of freedom tells nothing. The
    intervals are those of single points, not of the whole curve.

    Parameters
    ----------
    curves
        (S, k) one curve for each seed; at least 2.
    limits
        Values that the quantity cannot leave; the band is cut there.
    """
    values = np.asarray(curves, dtype=np.float64)
    count, mean = len(values), values.mean(0)
    if count < LEAST_SEEDS:
        low, high = values.min(0), values.max(0)
    else:
        low, high = mean_limits(mean, values.std(0, ddof=1) / math.sqrt(count), count - 1)
    return SeedBand(mean, np.clip(low, *limits), np.clip(high, *limits), count)


def but_for_seed(spec: ClassifierSpec) -> Hashable:
    """Return what networks have in common that differ in nothing but the seed."""
    return replace(spec, seed=0).key if isinstance(spec, Training) else spec.key


def by_seeds(specs: Sequence[ClassifierSpec]) -> list[list[int]]:
    """Return the places of networks in groups that differ by the seed only, in order."""
    groups: dict[Hashable, list[int]] = {}
    for place, spec in enumerate(specs):
        groups.setdefault(but_for_seed(spec), []).append(place)
    return list(groups.values())


def name_of_all(title: str, spec: ClassifierSpec) -> str:
    """Return a network's title without its seed, as a name of all seeds."""
    seed = spec.seed if isinstance(spec, Training) else None
    return title if seed is None else re.sub(rf", seed {seed}\b", "", title)
