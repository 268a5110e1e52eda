"""The rules behind the verdicts on a table of cells and seeds: intervals, the front, dominance.

A cell is a way to train; every cell is trained with the same few seeds. Three kinds of error are
kept apart: between seeds (an exact bootstrap), between schemes, whose cells are no independent
points (a jackknife), and the choice among many points (Bonferroni). ``test_resampling.py`` holds
the rules' false positives against simulated tables of known truth.

Source: Efron, Tibshirani 1993, bootstrap and jackknife; Cameron, Miller 2015, few clusters;
Berger 1982, intersection-union tests.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from engine.tradeoff.inference import LEVEL, Limits, side_of

Floats = NDArray[np.float64]
Dominating = Literal["dominates", "no verdict"]

ENUMERATED = 8
"""Most units of which all samples are enumerated: 6,435 of 8."""
DRAWN = 5000
"""Samples drawn of more units."""
MARGIN = 0.02
"""By how much an axis may be worse in a point that dominates another."""
NEAR_ONE = 1 - 1e-9
LEAST_SCHEMES = 4
"""Fewest schemes for an interval over schemes."""


@lru_cache(maxsize=16)
def samples(units: int) -> tuple[Floats, Floats]:
    """Return the samples of so many units with replacement, and their probabilities.

    Returns
    -------
    counts
        (m, units) how often each unit is in a sample.
    probabilities
        (m,), which sum to 1.
    """
    if units > ENUMERATED:
        drawn = np.random.default_rng(0).multinomial(units, [1 / units] * units, size=DRAWN)
        return drawn.astype(np.float64), np.full(DRAWN, 1 / DRAWN)
    chosen = list(itertools.combinations_with_replacement(range(units), units))
    counts = np.array(
        [[Counter(one)[unit] for unit in range(units)] for one in chosen], dtype=float
    )
    ways = [math.factorial(units) / math.prod(map(math.factorial, map(int, one))) for one in counts]
    return counts, np.array(ways) / float(units) ** units


@dataclass(frozen=True)
class Relation:
    """A correlation over cells within seeds, and what chance makes of it.

    Attributes
    ----------
    value
        Correlation, or partial correlation, in [-1, 1]; None if undetermined.
    over_seeds, over_schemes
        95 % intervals; None where there are too few.
    cells, seeds, schemes
        How many it is over.
    """

    value: float | None
    over_seeds: Limits
    over_schemes: Limits
    cells: int
    seeds: int
    schemes: int

    @property
    def side(self) -> int:
        """1 or -1 if both intervals lie above or below 0; else 0."""
        sides = {side_of(self.over_seeds), side_of(self.over_schemes)}
        return sides.pop() if len(sides) == 1 else 0

    def above(self, limit: float) -> bool:
        """Return whether both intervals lie above a value."""
        both = (self.over_seeds, self.over_schemes)
        return all(found is not None and found[0] > limit for found in both)


def relation(
    x: ArrayLike, y: ArrayLike, schemes: Sequence[str], controls: Sequence[ArrayLike] = ()
) -> Relation:
    """Return the partial correlation of two values over cells within seeds, given controls.

    Parameters
    ----------
    x, y, controls
        (S, K) values of K cells of each of S seeds; a control may be (K,), the same in all seeds.
    schemes
        (K,) the scheme of each cell.
    """
    first = np.asarray(x, dtype=np.float64)
    columns = [
        np.broadcast_to(np.asarray(v, dtype=np.float64), first.shape) for v in (y, *controls)
    ]
    table = np.stack([first, *columns], axis=-1)
    seeds, cells = first.shape
    kinds = list(dict.fromkeys(schemes))
    value = _pooled(table)
    if value is None:
        return Relation(None, None, None, cells, seeds, len(kinds))
    of_seeds = _over_seeds(table, value) if seeds > 2 else None
    of_schemes = _over_schemes(table, value, np.array(schemes), kinds)
    return Relation(value, of_seeds, of_schemes, cells, seeds, len(kinds))


def _centred(table: Floats) -> Floats:
    centred: Floats = table - table.mean(1, keepdims=True)
    return centred


def _pooled(table: Floats, counts: Floats | None = None) -> float | None:
    """Return the partial correlation of the first two columns (S, K, p); None if undetermined."""
    centred = _centred(table)
    products = np.einsum("ska,skb->sab", centred, centred)
    weights = np.ones(len(table)) if counts is None else counts
    return _partial(np.tensordot(weights, products, axes=1))


def _partial(products: Floats) -> float | None:
    """Return the partial correlation of the first two values from their cross-products (p, p)."""
    scale = np.sqrt(np.diag(products))
    kept = scale > 1e-12
    if not kept[:2].all():
        return None
    unit = products[np.ix_(kept, kept)] / np.outer(scale[kept], scale[kept])
    rest, given = unit[:2, :2], unit[2:, 2:]
    if len(given):
        across = unit[:2, 2:]
        rest = rest - across @ np.linalg.pinv(given, rcond=1e-10, hermitian=True) @ across.T
    if min(rest[0, 0], rest[1, 1]) < 1e-9:
        return None
    return float(np.clip(rest[0, 1] / math.sqrt(rest[0, 0] * rest[1, 1]), -1.0, 1.0))


def _over_seeds(table: Floats, value: float) -> Limits:
    """Return the interval from all samples of the seeds."""
    counts, chances = samples(len(table))
    found = [_pooled(table, one) for one in counts]
    known = np.array([one is not None for one in found])
    z = _fisher(np.array([one for one in found if one is not None]))
    weights = chances[known] / chances[known].sum()
    mean = weights @ z
    seeds = len(table)
    error = math.sqrt(float(weights @ (z - mean) ** 2) * seeds / (seeds - 1))
    return _limits(value, error, seeds - 1)


def _over_schemes(
    table: Floats, value: float, schemes: NDArray[np.str_], kinds: list[str]
) -> Limits:
    """Return the interval from leaving out one scheme at a time; None with too few schemes."""
    if len(kinds) < LEAST_SCHEMES:
        return None
    without = [_pooled(table[:, schemes != kind]) for kind in kinds]
    if any(one is None for one in without):
        return None
    z = _fisher(np.array(without, dtype=np.float64))
    # Around the value with all schemes and without the factor (J - 1) / J of a jackknife: with both
    # up to 7.8 % of simulated tables without a relation had one.
    spread = float(((z - _fisher(np.array(value))) ** 2).sum())
    return _limits(value, math.sqrt(spread), len(kinds) - 1)


def _fisher(r: Floats) -> Floats:
    return np.arctanh(np.clip(r, -NEAR_ONE, NEAR_ONE))


def _limits(value: float, error: float, dof: int) -> Limits:
    reach = float(stdtrit(dof, 1 - (1 - LEVEL) / 2)) * error
    middle = float(_fisher(np.array(value)))
    return math.tanh(middle - reach), math.tanh(middle + reach)


# ---------------------------------------------------------------------------------------- the front


def on_front(points: ArrayLike) -> NDArray[np.bool_]:
    """Return which points (..., P, A) no other dominates: as good in all axes, better in one."""
    values = np.asarray(points, dtype=np.float64)
    one, other = values[..., :, None, :], values[..., None, :, :]
    dominated = (other >= one).all(-1) & (other > one).any(-1)
    return np.asarray(~dominated.any(-1))


def front_probability(points: ArrayLike) -> Floats:
    """Return the probability (P,) of being on the front, over all samples of the seeds.

    Parameters
    ----------
    points
        (S, P, A) values of the axes, higher is better, of P points of each of S seeds.
    """
    values = np.asarray(points, dtype=np.float64)
    counts, chances = samples(len(values))
    means = np.tensordot(counts / len(values), values, axes=1)
    found = np.array([on_front(one) for one in means], dtype=np.float64)
    return np.asarray(chances @ found)


@dataclass(frozen=True)
class Dominance:
    """Whether a point dominates another beyond chance.

    Attributes
    ----------
    differences
        (A,) mean differences of the axes, point less reference.
    not_worse, better
        (A,) lower limits of the differences for the two questions.
    """

    differences: tuple[float, ...]
    not_worse: tuple[float, ...]
    better: tuple[float, ...]

    @property
    def holds(self) -> bool:
        """Whether no axis is worse by more than the margin, and one is better."""
        return min(self.not_worse) > -MARGIN and max(self.better) > 0

    @property
    def words(self) -> Dominating:
        """The verdict."""
        return "dominates" if self.holds else "no verdict"


def dominance(point: ArrayLike, reference: ArrayLike, comparisons: int) -> Dominance:
    """Compare two points by their paired differences over seeds.

    No axis may be worse, each at 5 %: an intersection-union test, which needs no correction for the
    axes. That one is better is asked of each axis at 5 % over their number. Both are corrected for
    the number of points compared.

    Parameters
    ----------
    point, reference
        (S, A) values of the axes, higher is better.
    """
    difference = np.asarray(point, dtype=np.float64) - np.asarray(reference, dtype=np.float64)
    seeds, axes = difference.shape
    mean = difference.mean(0)
    error = difference.std(0, ddof=1) / math.sqrt(seeds)

    def lower(tail: float) -> tuple[float, ...]:
        reach = float(stdtrit(seeds - 1, 1 - tail))
        return tuple(map(float, mean - reach * error))

    tail = (1 - LEVEL) / comparisons
    return Dominance(tuple(map(float, mean)), lower(tail), lower(tail / axes))


def paired_limits(difference: ArrayLike) -> tuple[float, float]:
    """Return the 95 % t interval of the mean of paired differences (S,)."""
    values = np.asarray(difference, dtype=np.float64)
    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    reach = float(stdtrit(len(values) - 1, 1 - (1 - LEVEL) / 2)) * error
    middle = float(values.mean())
    return middle - reach, middle + reach
