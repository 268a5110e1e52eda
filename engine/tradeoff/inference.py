"""The rules behind every interval and every verdict on correlations and on differences.

The program's designs are sweeps: k networks of chosen strengths, trained with one seed or with
several. Scores of one seed share the error of its random baseline, and often more: its networks
start from the same weights and see the same batches. So networks x seeds are not that many
independent points. Two questions are kept apart:

- **Over networks**: would the correlation be there at other strengths? Units are the strengths.
- **Over seeds**: would it be there with other seeds, at the same strengths? Units are the seeds.

An interval is printed only in designs where simulations (``test_inference.py``) found a coverage of
92 to 98 %. Scatter is taken to be normal and equal at all strengths, and the relation linear.

Source: Johnson, Welch 1940, the noncentral t; Weerahandi 1993, generalized confidence intervals;
Bonferroni's inequality for several comparisons.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri, ndtr, stdtr, stdtrit

from engine.tradeoff.correlation import correlation, partial

Floats = NDArray[np.float64]
Sign = Literal["agrees", "opposite", "undetermined"]
Order = Literal["holds", "does not hold", "undetermined"]
Limits = tuple[float, float] | None
Confidence = Callable[[Floats], Floats]

LEVEL = 0.95
LEAST_NETWORKS = 4
"""Fewest strengths for which a sign is judged: three points leave one degree of freedom."""
LEAST_SEEDS = 3
"""Fewest seeds for an interval over seeds: with 2 it covers up to 99 %, and tells nothing."""
LEAST_FOR_PARTIAL = 8
"""Fewest networks for a partial correlation: of 4, noise gives |r| > 0.9 in 29 %."""
OVER_NETWORKS = "noncentral t over networks"
OVER_SEEDS = "t over the slopes of seeds"
NO_INTERVAL = "none"

NODES = 64
HALVINGS = 45
WIDEST = 15.0  # tanh of it is as near to 1 as matters, and its square is not rounded to 1
EXACT = 1 - 1e-12


# --------------------------------------------------------------------------------------- one sweep


def sweep_limits(r: ArrayLike, n: int, controls: int = 0, level: float = LEVEL) -> Floats:
    """Return the interval of a correlation of n networks of chosen strengths, trained once each.

    The strengths are fixed, so r sqrt(df / (1 - r^2)) has a noncentral t distribution, which is
    inverted. The usual interval of Fisher takes both values for random; in a sweep it covers up to
    99 % of the time.

    Parameters
    ----------
    r
        (...) correlations, or partial correlations given ``controls`` other values; in (-1, 1).
    n
        Number of networks; at least 3 + controls.

    Returns
    -------
    limits
        (2, ...) lower and upper limit, in (-1, 1).
    """
    found = np.asarray(r, dtype=np.float64)

    def confidence(true: Floats) -> Floats:
        return sweep_confidence(found, n, true, controls)

    return _invert(confidence, found.shape, level)


def sweep_confidence(r: ArrayLike, n: int, true: ArrayLike, controls: int = 0) -> Floats:
    """Return the confidence (...) that the correlation of a sweep is at most ``true``.

    The interval ends where it is 2.5 and 97.5 %. The parameters are those of
    :func:`sweep_limits`.
    """
    found, at = (np.asarray(value, dtype=np.float64) for value in (r, true))
    dof = n - 2 - controls
    t = found * np.sqrt(dof / (1 - found**2))
    effect = at * np.sqrt((n - 1 - controls) / (1 - at**2))
    return np.asarray(ndtr(effect[..., None] - t[..., None] * chi_nodes(dof)).mean(-1))


# ------------------------------------------------------------------------------------ several seeds


@dataclass(frozen=True, eq=False)
class SeedSlopes:
    """What the seeds' sweeps say, each on its own.

    Attributes
    ----------
    effects
        (..., S) slope of each seed's line, times the standard deviation of x within seeds.
    noise
        (...) standard deviation of the points around their seed's line.
    dof
        Degrees of freedom of the noise.
    """

    effects: Floats
    noise: Floats
    dof: int


def seed_slopes(x: Floats, y: Floats, control: Floats | None = None) -> SeedSlopes:
    """Fit a line to every seed's networks.

    With a control, what is linear in it within seeds is taken out of both values first.

    Parameters
    ----------
    x, y, control
        (..., S, k) values of k networks of each of S seeds.
    """
    a, b = (values - values.mean(-1, keepdims=True) for values in (x, y))
    controls = 0
    if control is not None:
        controls = 1
        c = control - control.mean(-1, keepdims=True)
        norm = (c * c).sum((-2, -1), keepdims=True)
        a, b = (v - c * (c * v).sum((-2, -1), keepdims=True) / norm for v in (a, b))
    size = (a * a).sum(-1)
    slopes = (a * b).sum(-1) / size
    rest = ((b - slopes[..., None] * a) ** 2).sum((-2, -1))
    seeds, count = x.shape[-2:]
    dof = seeds * (count - 2) - controls
    width = np.sqrt(size.sum(-1) / (seeds * (count - 1) - controls))
    return SeedSlopes(slopes * width[..., None], np.sqrt(rest / dof), dof)


def seed_limits(found: SeedSlopes, level: float = LEVEL) -> Floats:
    """Return the interval of the correlation within a seed, over S seeds of the same strengths.

    The mean slope has Student's t over the seeds (S - 1 degrees of freedom), whatever the networks
    of a seed share and however much the slope differs between seeds. It becomes a correlation
    through the noise around the lines, whose own error enters as a chi distribution (generalized
    confidence interval). The limits are on one side of 0 exactly where the t test of the slopes
    says so. A mean of the seeds' correlations or of Fisher's z is biased with few networks: with
    4 networks and 20 seeds its interval covers a correlation of 0.9 in 16 %.

    Returns
    -------
    limits
        (2, ...) lower and upper limit, in (-1, 1).
    """

    def confidence(true: Floats) -> Floats:
        return seed_confidence(found, true)

    return _invert(confidence, found.noise.shape, level)


def seed_confidence(found: SeedSlopes, true: ArrayLike) -> Floats:
    """Return the confidence (...) that the correlation within a seed is at most ``true``.

    The interval of :func:`seed_limits` ends where it is 2.5 and 97.5 %.
    """
    at = np.asarray(true, dtype=np.float64)
    effect = at / np.sqrt(1 - at**2)
    seeds = found.effects.shape[-1]
    mean = found.effects.mean(-1)[..., None]
    error = found.effects.std(-1, ddof=1)[..., None] / math.sqrt(seeds)
    noise = found.noise[..., None] / chi_nodes(found.dof)
    return np.asarray(stdtr(seeds - 1, (effect[..., None] * noise - mean) / error).mean(-1))


def chi_nodes(dof: int) -> Floats:
    """Return equally likely values (NODES,) of sqrt(chi^2 / dof)."""
    upper = (np.arange(NODES) + 0.5) / NODES
    return np.asarray(np.sqrt(chdtri(dof, upper) / dof))


def _invert(confidence: Confidence, shape: tuple[int, ...], level: float) -> Floats:
    """Return the correlations at which a confidence reaches both tails, (2, *shape)."""
    tail = (1 - level) / 2
    limits = []
    for wanted in (tail, 1 - tail):
        low, high = np.full(shape, -WIDEST), np.full(shape, WIDEST)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            below = confidence(np.tanh(middle)) < wanted
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        limits.append(np.tanh((low + high) / 2))
    return np.array(limits)


# ---------------------------------------------------------------------------------------- a design


@dataclass(frozen=True)
class Judged:
    """What a group of networks says about a correlation.

    Attributes
    ----------
    strengths, seeds
        Number of different strengths, and of seeds whose sweeps can be compared.
    method
        How ``interval`` was computed; "none" without one.
    interval
        95 % interval of the correlation: over networks for one seed, over seeds for several.
    over_networks
        95 % interval over networks, of the means over seeds if there are several.
    of_seeds
        The correlation of each seed's networks; empty for one seed.
    within
        The correlation after each seed's mean is taken out of both values; None for one seed.
    left_out
        Number of networks whose seed has too few strengths, or whose strength a seed lacks.
    """

    strengths: int
    seeds: int
    method: str = NO_INTERVAL
    interval: Limits = None
    over_networks: Limits = None
    of_seeds: tuple[float, ...] = ()
    within: float | None = None
    left_out: int = 0

    @property
    def side(self) -> int:
        """1 or -1 if the correlation is above or below 0 beyond chance; 0 if undetermined.

        Both questions must be answered alike: over networks, and over seeds if there are several.
        """
        if self.strengths < LEAST_NETWORKS:
            return 0
        sides = {side_of(self.interval), side_of(self.over_networks)}
        return sides.pop() if len(sides) == 1 else 0


def side_of(limits: Limits) -> int:
    """Return 1 or -1 if an interval lies above or below 0; 0 if it holds 0 or is missing."""
    if limits is None or not (limits[0] > 0 or limits[1] < 0):
        return 0
    return 1 if limits[0] > 0 else -1


def judge(
    x: Floats, y: Floats, seeds: ArrayLike, levels: ArrayLike, control: Floats | None = None
) -> Judged:
    """Judge the correlation of two values over a group of networks.

    Parameters
    ----------
    x, y, control
        (n,) values; with a control, the partial correlation given it is judged.
    seeds, levels
        (n,) the seed of each network, and its strength. Of several seeds, only strengths that all
        of them have are compared.
    """
    of_seed, of_level = np.asarray(seeds), np.asarray(levels)
    several = np.unique(of_seed)
    if len(several) < 2:
        return _judge_sweep(x, y, len(np.unique(of_level)), control)
    table = balanced(of_seed, of_level)
    if table is None:
        return Judged(0, len(several), left_out=len(x))
    a, b = x[table], y[table]
    c = None if control is None else control[table]
    return replace(_judge_seeds(a, b, c), left_out=len(x) - a.size)


def _judge_seeds(x: Floats, y: Floats, control: Floats | None) -> Judged:
    """Judge the values (S, k) of k networks of each of S seeds."""
    of_means = None if control is None else control.mean(0)
    means = _judge_sweep(x.mean(0), y.mean(0), x.shape[1], of_means)
    known = tuple(r for pair in zip(x, y, strict=True) if (r := correlation(*pair)) is not None)
    interval = None
    if len(x) >= LEAST_SEEDS and _has_slopes(x, control):
        found = seed_slopes(x, y, control)
        apart = np.ptp(found.effects)  # 0 for copies, which do not say how seeds differ
        if min(found.noise, apart) > (1 - EXACT) * np.abs(found.effects).max():
            low, high = seed_limits(found)
            interval = float(low), float(high)
    if len(x) == 1:
        return replace(means, of_seeds=known, within=correlation(x[0], y[0]))
    return Judged(
        strengths=x.shape[1],
        seeds=len(x),
        method=NO_INTERVAL if interval is None else OVER_SEEDS,
        interval=interval,
        over_networks=means.over_networks,
        of_seeds=known,
        within=_within(x, y, control),
    )


def _within(x: Floats, y: Floats, control: Floats | None) -> float | None:
    """Return the correlation, or partial correlation, around the seeds' means."""
    if x.size - len(x) < 3 or (control is not None and x.size < LEAST_FOR_PARTIAL):
        return None
    a, b = ((values - values.mean(1, keepdims=True)).ravel() for values in (x, y))
    if control is None:
        return correlation(a, b)
    return partial(a, b, (control - control.mean(1, keepdims=True)).ravel())


def _judge_sweep(x: Floats, y: Floats, strengths: int, control: Floats | None) -> Judged:
    found = correlation(x, y) if control is None else partial(x, y, control)
    least = LEAST_NETWORKS if control is None else LEAST_FOR_PARTIAL
    if found is None or len(x) < least or abs(found) > EXACT:
        return Judged(strengths, 1)
    low, high = sweep_limits(found, len(x), 0 if control is None else 1)
    limits = float(low), float(high)
    return Judged(strengths, 1, OVER_NETWORKS, limits, limits)


def _has_slopes(x: Floats, control: Floats | None) -> bool:
    """Return whether every seed determines a slope and its scatter."""
    count = x.shape[1]
    varied = all(np.ptp(values) > 0 for values in x)
    if control is None:
        return varied and count >= 3
    enough = x.size >= LEAST_FOR_PARTIAL and count >= LEAST_NETWORKS
    return varied and enough and np.ptp(control - control.mean(1, keepdims=True)) > 0


def balanced(seeds: NDArray[Any], levels: NDArray[Any]) -> NDArray[np.int_] | None:
    """Return the places (S, k) of the strengths that every seed has, or None if it is none.

    Seeds with fewer than 3 strengths, such as those of a few more standard networks, are left out
    if another seed has 3. If a seed has several networks of one strength, the last one counts.
    """
    place = {(seed, level): i for i, (seed, level) in enumerate(zip(seeds, levels, strict=True))}
    every = list(np.unique(seeds))
    known = [seed for seed in every if sum(pair[0] == seed for pair in place) >= 3] or every
    common = [lv for lv in np.unique(levels) if all((seed, lv) in place for seed in known)]
    if not common:
        return None
    return np.array([[place[seed, level] for level in common] for seed in known])


def sign(ours: Judged, published: float | None, networks: int) -> Sign | None:
    """Return whether our correlation has the published sign; None if nothing is published.

    It is undetermined unless both are on one side of 0 beyond chance, each at 5 %: ours as
    :attr:`Judged.side`, the published one as a sweep of ``networks`` networks.
    """
    if published is None:
        return None
    low, high = sweep_limits(published, networks)
    theirs = side_of((float(low), float(high)))
    if not ours.side or not theirs:
        return "undetermined"
    return "agrees" if ours.side == theirs else "opposite"


# ----------------------------------------------------------------------------- several differences


def mean_limits(
    means: ArrayLike, errors: ArrayLike, dof: int, comparisons: int = 1, level: float = LEVEL
) -> Floats:
    """Return t intervals of means, which all hold at once in 95 % (Bonferroni).

    Parameters
    ----------
    means, errors
        (...) means and their standard errors.
    dof
        Degrees of freedom of the errors; the number of units less 1.
    comparisons
        How many intervals are looked at together.

    Returns
    -------
    limits
        (2, ...).
    """
    reach = float(stdtrit(dof, 1 - (1 - level) / (2 * comparisons)))
    middle, half = np.asarray(means, dtype=np.float64), reach * np.asarray(errors)
    return np.array([middle - half, middle + half])


def order_of(limits: Sequence[Limits]) -> Order:
    """Return the verdict on a claimed order from the intervals of its steps.

    It holds if every step lies above 0, it does not hold if one lies below 0, and is undetermined
    otherwise. The intervals must be corrected for their number.
    """
    sides = [side_of(limit) for limit in limits]
    if -1 in sides:
        return "does not hold"
    return "holds" if sides and all(sides) else "undetermined"
