"""Compare networks by distance to the manifold: densities, means, and the claimed order.

Source: Kim, Seo, Jeon 2019, distance to the manifold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.stats import gaussian_kde

Floats = NDArray[np.float64]

BANDWIDTH = 0.25
"""The factor of the kernel density estimate. Source: Kim, Seo, Jeon 2019."""

GRID = 400
BOOTSTRAPS = 1000


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


@dataclass(frozen=True)
class OrderStep:
    """Two neighbours in the claimed order, and whether their measured order agrees.

    Attributes
    ----------
    nearer, farther
        Names; the claim is that the first is closer to the manifold. Each name stands for one
        network, or for the mean of several that were trained with the same eps.
    difference, low, high
        Difference of their mean scaled distances, with its 95 % bootstrap interval over test
        images. All networks share the resampled images, because hard images affect all of them.
    """

    nearer: str
    farther: str
    difference: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        """Whether the difference has the claimed sign."""
        return self.difference > 0

    @property
    def clear(self) -> bool:
        """Whether the whole interval has the claimed sign."""
        return self.low > 0


def kernel_density(values: Floats) -> tuple[Floats, Floats]:
    """Return a Gaussian kernel density (x, density) with the paper's bandwidth factor.

    Both are empty for fewer than two different values. The curve reaches three bandwidths beyond
    the values.
    """
    if len(values) < 2 or values.std() <= 1e-12 * max(1.0, float(np.abs(values).max())):
        return np.zeros(0), np.zeros(0)
    reach = 3 * BANDWIDTH * float(values.std(ddof=1))
    x: Floats = np.linspace(values.min() - reach, values.max() + reach, GRID)
    density = np.asarray(gaussian_kde(values, bw_method=BANDWIDTH)(x), dtype=np.float64)
    return x, density


def steps(curves: Sequence[Distances]) -> list[OrderStep]:
    """Compare neighbours in the claimed order: clean images first, then by decreasing eps.

    Networks with the same eps share one place in the order, because no claim is made about
    different seeds. The bootstrap has a fixed seed.

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
    if len(levels) < 2:
        return []
    (size,) = sizes
    drawn = np.random.default_rng(0).multinomial(size, np.full(size, 1 / size), BOOTSTRAPS)
    means = [_resampled_means(level, drawn.astype(np.float64)) for level in levels]
    found = []
    for (nearer, a), (farther, b) in pairwise(zip(levels, means, strict=True)):
        low, high = np.nanpercentile(b - a, [2.5, 97.5])
        difference = _mean(farther) - _mean(nearer)
        found.append(OrderStep(_name(nearer), _name(farther), difference, float(low), float(high)))
    return found


def _place(eps: float) -> tuple[bool, float]:
    """Return a sort key: clean images first, then networks by decreasing eps."""
    return eps >= 0, -eps


def _name(level: Sequence[Distances]) -> str:
    return level[0].name if len(level) == 1 else f"{level[0].level} ({len(level)} networks)"


def _mean(level: Sequence[Distances]) -> float:
    return float(np.mean([curve.mean for curve in level]))


def _resampled_means(level: Sequence[Distances], drawn: Floats) -> Floats:
    """Return, for each resample (BOOTSTRAPS, N) of images, the mean of the networks' means."""
    means = []
    for curve in level:
        weight: Floats = curve.counted.astype(np.float64)
        means.append(np.divide(drawn @ (weight * curve.every), drawn @ weight))
    average: Floats = np.mean(means, axis=0)
    return average
