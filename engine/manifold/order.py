"""Compare networks by distance to the manifold: densities, means, and the claimed order.

The rules behind intervals and verdicts are in :mod:`engine.tradeoff.inference`.

Source: Kim, Seo, Jeon 2019, distance to the manifold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from engine.tradeoff.inference import mean_limits, side_of

Floats = NDArray[np.float64]
Level = Sequence["Distances"]

BANDWIDTH = 0.25
"""The factor of the kernel density estimate. Source: Kim, Seo, Jeon 2019."""

GRID = 400


@dataclass(frozen=True, eq=False)
class Distances:
    """The scaled distances of one network's attacks, or of the clean test images.

    Attributes
    ----------
    name, key
        Readable name, and key of the record of the distances.
    classifier
        Key of the attacked network; "" for the clean images.
    level
        Title shared by networks of one strength, such as "L2 1 PGD-10" or "Standard".
    eps
        The training eps, in [0, 1] units; 0 for a standard network, -1 for the clean images, None
        for a network of unknown training, which has no place in the order.
    values
        (n,) counted distances, min-max scaled by those of the clean test images.
    every, counted
        (N,) scaled distances of all test images, in their order, and which of them count.
    x, density
        (400,) kernel density curve; empty if the values do not vary.
    mode
        Position of the maximum of the density; NaN without a density.
    mean
        Mean of the values.
    seed
        Seed of the network's training; None for clean images and imported weights.
    """

    name: str
    key: str
    classifier: str
    level: str
    eps: float | None
    values: Floats
    every: Floats
    counted: NDArray[np.bool_]
    x: Floats
    density: Floats
    mode: float
    mean: float
    seed: int | None = None


@dataclass(frozen=True)
class OrderStep:
    """Two neighbours in the claimed order, and whether their measured order agrees.

    Attributes
    ----------
    nearer, farther
        Names; the claim is that the first is closer to the manifold. Each name stands for one
        network, or for the mean of several that were trained with the same eps.
    difference, low, high
        Difference of their mean scaled distances, with its interval over test images. The intervals
        of all steps hold at once in 95 % (Bonferroni). All networks share the images, so what makes
        an image hard for all of them drops out.
    places
        Titles of the two places, such as "L2 1 PGD-10" and "Standard".
    of_seeds
        The difference in each seed that both places have, by seed.
    """

    nearer: str
    farther: str
    difference: float
    low: float
    high: float
    places: tuple[str, str]
    of_seeds: dict[int, float]

    @property
    def side(self) -> int:
        """1 or -1 if the difference is beyond chance in or against the claimed direction, or 0."""
        return side_of((self.low, self.high))


def kernel_density(values: Floats) -> tuple[Floats, Floats]:
    """Return a Gaussian kernel density (x, density) with the paper's bandwidth factor.

    Both are empty for fewer than two different values. The curve reaches three bandwidths beyond
    the values.
    """
    if len(values) < 2 or values.std() <= 1e-12 * max(1.0, float(np.abs(values).max())):
        return np.zeros(0), np.zeros(0)
    width = BANDWIDTH * float(values.std(ddof=1))
    x: Floats = np.linspace(values.min() - 3 * width, values.max() + 3 * width, GRID)
    # A point of the curve at a time: all of them at once would need GRID times the values' memory.
    heights = [np.exp(-0.5 * np.square((at - values) / width)).mean() for at in x]
    return x, np.array(heights) / (width * math.sqrt(2 * math.pi))


def steps(curves: Sequence[Distances]) -> list[OrderStep]:
    """Compare neighbours in the claimed order: clean images first, then by decreasing eps.

    Networks with the same eps share one place in the order, because no claim is made about
    different seeds. The interval over test images is Student's t for the difference of the means;
    with images that do not count, these are ratios, whose error is linearised.

    Raises
    ------
    ValueError
        If the curves have different numbers of test images.
    """
    sizes = {len(curve.every) for curve in curves}
    if len(sizes) > 1:
        raise ValueError(f"curves have {sorted(sizes)} images, must have one number")
    placed = [(_place(curve.eps), curve) for curve in curves if curve.eps is not None]
    placed.sort(key=lambda pair: pair[0])
    levels = [[curve for _, curve in same] for _, same in groupby(placed, lambda pair: pair[0])]
    pairs = list(pairwise(levels))
    return [_step(nearer, farther, len(pairs)) for nearer, farther in pairs]


def _step(nearer: Level, farther: Level, comparisons: int) -> OrderStep:
    difference = _mean(farther) - _mean(nearer)
    parts = _influence(farther) - _influence(nearer)
    counted = min(int(curve.counted.sum()) for curve in (*nearer, *farther))
    low = high = math.nan
    if counted >= 2:
        error = parts.std(ddof=1) / math.sqrt(len(parts))
        low, high = map(float, mean_limits(difference, error, counted - 1, comparisons))
    names, places = (_name(nearer), _name(farther)), (nearer[0].level, farther[0].level)
    return OrderStep(*names, difference, low, high, places, _by_seed(nearer, farther))


def _by_seed(nearer: Level, farther: Level) -> dict[int, float]:
    """Return the difference in each seed that both have; clean images stand beside every seed."""
    near, far = _means(nearer), _means(farther)
    clean = near.get(None)
    found: dict[int, float] = {}
    for seed, mean in far.items():
        before = near.get(seed, clean)
        if seed is not None and before is not None:
            found[seed] = mean - before
    return found


def _means(level: Level) -> dict[int | None, float]:
    """Return the mean distance of each seed's networks."""
    found: dict[int | None, list[float]] = {}
    for curve in level:
        found.setdefault(curve.seed, []).append(curve.mean)
    return {seed: float(np.mean(values)) for seed, values in found.items()}


def _place(eps: float) -> tuple[bool, float]:
    """Return a sort key: clean images first, then networks by decreasing eps."""
    return eps >= 0, -eps


def _name(level: Level) -> str:
    return level[0].name if len(level) == 1 else f"{level[0].level} ({len(level)} networks)"


def _mean(level: Level) -> float:
    return float(np.mean([curve.mean for curve in level]))


def _influence(level: Level) -> Floats:
    """Return how each image (N,) moves the mean of the networks' means, times N.

    A mean over counted images is a ratio of sums; an image moves it by its distance from the mean,
    over the share of images that count.
    """
    moved = []
    for curve in level:
        share = curve.counted.mean()
        moved.append(np.where(curve.counted, (curve.every - curve.mean) / max(share, 1e-300), 0.0))
    average: Floats = np.mean(moved, axis=0)
    return average
