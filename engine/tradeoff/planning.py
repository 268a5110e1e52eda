"""How many seeds, networks or retrainings would tell a found effect from noise.

The found effect and the found scatter are taken for the true ones, so with few networks the plan
itself is uncertain. Power is that of the rules in :mod:`engine.tradeoff.inference`, 80 % at 5 %.

Source: Cohen 1988, power of t tests by the noncentral t.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, stdtrit

from engine.tradeoff.correlation import correlation
from engine.tradeoff.inference import (
    EXACT,
    LEAST_NETWORKS,
    LEAST_SEEDS,
    LEVEL,
    Floats,
    balanced,
    chi_nodes,
    seed_slopes,
)

POWER = 0.8
NEEDED = "needed for 80 % power at 5 %"
ASSUMED = (
    "Needed seeds and networks take the found effect and scatter for the true ones; from one seed, "
    "they are the least. With 1 retraining a point, what more retrainings would save is unknown."
)
MOST_SEEDS = 100
MOST_NETWORKS = 400
MORE = 4  # the plan with more retrainings looks at this many times those there are


@dataclass(frozen=True)
class Scatter:
    """A found effect and what it scatters with, in the unit of the score.

    Attributes
    ----------
    effect
        Slope times the standard deviation of x: how far the score moves with it.
    points
        Variance of a network around its seed's line.
    shared
        The part of ``points`` that all seeds share, such as a bend: seeds do not average it out.
    slopes
        Variance of the effect between seeds.
    strengths
        Number of different strengths.
    """

    effect: float
    points: float
    shared: float
    slopes: float
    strengths: int


@dataclass(frozen=True)
class Plan:
    """What would tell a correlation from noise with 80 % power at 5 %.

    Attributes
    ----------
    strengths
        Number of strengths that there are.
    seeds
        Seeds of these strengths; None where even 100 would not do.
    networks
        Networks in one sweep, with one seed; None where even 400 would not do.
    retrainings, seeds_then
        A larger number of retrainings a point, and the seeds needed with it; None where the spread
        of retrainings is unknown.
    """

    strengths: int
    seeds: int | None
    networks: int | None
    retrainings: int | None = None
    seeds_then: int | None = None

    @property
    def sentence(self) -> str:
        """The plan in words."""
        seeds = f"more than {MOST_SEEDS}" if self.seeds is None else f"{self.seeds}"
        networks = f"more than {MOST_NETWORKS}" if self.networks is None else f"{self.networks}"
        text = f"{seeds} seeds of these {self.strengths} strengths"
        if self.strengths < LEAST_NETWORKS:
            text = f"at least {LEAST_NETWORKS} strengths"
        elif self.retrainings is not None:
            then = f"more than {MOST_SEEDS}" if self.seeds_then is None else f"{self.seeds_then}"
            text += f" ({then} with {self.retrainings} retrainings a point)"
        return f"{text}, or {networks} networks in one sweep"


def power_of(shift: float, dof: int, comparisons: int = 1) -> float:
    """Return the power of a two-sided t test at 5 %, in the direction of the shift.

    Parameters
    ----------
    shift
        The effect over its standard error, at least 0.
    comparisons
        Number of tests that share the 5 % (Bonferroni).
    """
    reach = float(stdtrit(dof, 1 - (1 - LEVEL) / (2 * comparisons)))
    return float(ndtr(shift - reach * chi_nodes(dof)).mean())


def scatter_of(x: Floats, y: Floats, seeds: ArrayLike, levels: ArrayLike) -> Scatter | None:
    """Return the effect and the scatter of a group of networks; None if undetermined.

    The parameters are those of :func:`engine.tradeoff.inference.judge`. With fewer than 3 seeds the
    spread between seeds and the shared part are unknown; seeds are then taken to differ by the
    scatter of the points alone.
    """
    table = balanced(np.asarray(seeds), np.asarray(levels))
    if table is None or table.shape[1] < 3 or any(np.ptp(x[row]) == 0 for row in table):
        return None
    a, b = x[table], y[table]
    found = seed_slopes(a, b)
    count, strengths = a.shape
    noise, effect = float(found.noise) ** 2, float(found.effects.mean())
    if noise <= (1 - EXACT) * effect**2:
        return None
    if count < LEAST_SEEDS:
        return Scatter(effect, noise, 0.0, noise / (strengths - 1), strengths)
    slopes = float(found.effects.var(ddof=1))
    rest = float(seed_slopes(a.mean(0)[None], b.mean(0)[None]).noise) ** 2
    shared = min(max((rest - noise / count) * count / (count - 1), 0.0), noise)
    return Scatter(effect, noise, shared, slopes, strengths)


def seeds_for(found: Scatter, saved: float = 0.0) -> int | None:
    """Return how many seeds of the same strengths are needed; None if more than 100.

    Both intervals must exclude 0, the one over seeds and the one over networks.

    Parameters
    ----------
    saved
        Variance that more retrainings take from every point.
    """
    own = max(found.points - found.shared - saved, 0.0)
    slopes = max(found.slopes - saved / (found.strengths - 1), 1e-300)
    for seeds in range(LEAST_SEEDS, MOST_SEEDS + 1):
        over_seeds = abs(found.effect) / math.sqrt(slopes / seeds)
        error = max((found.shared + own / seeds) / (found.strengths - 1), 1e-300)
        over_networks = abs(found.effect) / math.sqrt(error)
        power = power_of(over_seeds, seeds - 1) * power_of(over_networks, found.strengths - 2)
        if power >= POWER:
            return seeds
    return None


def networks_for(effect: float) -> int | None:
    """Return how many networks one sweep needs; None if more than 400.

    Parameters
    ----------
    effect
        Effect over the standard deviation of a point around the line.
    """
    for count in range(LEAST_NETWORKS, MOST_NETWORKS + 1):
        if power_of(abs(effect) * math.sqrt(count - 1), count - 2) >= POWER:
            return count
    return None


def steps_for(differences: Floats) -> int | None:
    """Return how many seeds a claimed order needs; None if more than 100 or undetermined.

    Parameters
    ----------
    differences
        (S, m) differences of the m steps in S seeds, S >= 2.
    """
    mean, spread = differences.mean(0), differences.std(0, ddof=1)
    count = differences.shape[1]
    if (mean <= 0).any():
        return None
    ratio = mean / np.maximum(spread, 1e-300)
    for seeds in range(LEAST_SEEDS, MOST_SEEDS + 1):
        powers = [power_of(each * math.sqrt(seeds), seeds - 1, count) for each in ratio]
        if math.prod(powers) >= POWER:
            return seeds
    return None


def plan(
    x: Floats,
    y: Floats,
    seeds: ArrayLike,
    levels: ArrayLike,
    *,
    spread: float | None = None,
    retrainings: int | None = None,
) -> Plan | None:
    """Return what would tell the correlation of a group from noise; None if undetermined.

    Parameters
    ----------
    spread, retrainings
        Standard deviation of a score over its retrainings, and their number; None if unknown.
    """
    found = scatter_of(x, y, seeds, levels)
    if found is None or correlation(x, y) is None:
        return None
    networks = networks_for(found.effect / math.sqrt(found.points))
    if spread is None or retrainings is None or retrainings < 2:
        return Plan(found.strengths, seeds_for(found), networks)
    more = MORE * retrainings
    saved = min(spread**2 * (1 / retrainings - 1 / more), found.points - found.shared)
    return Plan(found.strengths, seeds_for(found), networks, more, seeds_for(found, saved))
