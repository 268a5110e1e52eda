"""Fit lines and correlations to a few points, with intervals; undetermined values are None.

Source: Fisher 1921; Bonett and Wright 2000.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
# Two-sided 95 % of the normal distribution.
REACH = 1.959963984540054


@dataclass(frozen=True)
class LineFit:
    """A least-squares line, and two correlations with 95 % intervals.

    Values that the points do not determine are None, never NaN: a correlation of constant values or
    of fewer than 2 points; an interval of fewer than 4 points or of a correlation of exactly 1 or
    -1.
    """

    slope: float | None
    intercept: float | None
    pearson: float | None
    pearson_low: float | None
    pearson_high: float | None
    spearman: float | None
    spearman_low: float | None
    spearman_high: float | None
    n: int


def fit(x: ArrayLike, y: ArrayLike) -> LineFit:
    """Fit a line and compute both correlations with their intervals.

    Intervals are Fisher's, tanh(artanh r +- 1.96 s): for Pearson with s^2 = 1 / (n - 3); for
    Spearman with s^2 = (1 + r^2 / 2) / (n - 3), Bonett and Wright 2000.

    Parameters
    ----------
    x, y
        (n,) finite numbers.

    Raises
    ------
    ValueError
        If they differ in length, or one is not finite.
    """
    a, b = (np.asarray(values, dtype=np.float64).reshape(-1) for values in (x, y))
    if len(a) != len(b) or not np.isfinite(np.concatenate([a, b])).all():
        raise ValueError(f"x has {len(a)} and y {len(b)} values, must be equally many and finite")
    slope, intercept = _line(a, b)
    pearson = _correlation(a, b)
    spearman = _correlation(_ranks(a), _ranks(b))
    rank_variance = 1.0 if spearman is None else 1.0 + spearman**2 / 2
    return LineFit(
        slope,
        intercept,
        pearson,
        *interval(pearson, len(a)),
        spearman,
        *interval(spearman, len(a), rank_variance),
        n=len(a),
    )


def interval(
    correlation: float | None, n: int, variance: float = 1.0
) -> tuple[float | None, float | None]:
    """Return Fisher's 95 % interval of a correlation of n points.

    It is None, None for fewer than 4 points, and for a correlation of 1 or -1, for which Fisher's
    transform is infinite.
    """
    if correlation is None or n < 4 or abs(correlation) > 1 - 1e-12:
        return None, None
    reach = REACH * math.sqrt(variance / (n - 3))
    middle = math.atanh(correlation)
    return math.tanh(middle - reach), math.tanh(middle + reach)


def _line(x: Floats, y: Floats) -> tuple[float | None, float | None]:
    if len(x) < 2 or _is_constant(x):
        return None, None
    centred = x - x.mean()
    unit = centred / np.abs(centred).max()  # the squares of tiny numbers would underflow
    with np.errstate(over="ignore"):
        slope = float(unit @ (y - y.mean()) / (unit @ unit) / np.abs(centred).max())
    if not math.isfinite(slope):
        return None, None
    return slope, float(y.mean() - slope * x.mean())


def _correlation(x: Floats, y: Floats) -> float | None:
    if len(x) < 2 or _is_constant(x) or _is_constant(y):
        return None
    a, b = (values - values.mean() for values in (x, y))
    a, b = a / np.abs(a).max(), b / np.abs(b).max()
    found = float(a @ b / math.sqrt((a @ a) * (b @ b)))
    return min(1.0, max(-1.0, round(found, 15)))


def _is_constant(values: Floats) -> bool:
    """Return whether values differ by no more than rounding."""
    return bool(np.ptp(values) <= 1e-12 * max(1e-300, np.abs(values).max()))


def _ranks(values: Floats) -> Floats:
    """Return the rank of each value; equal values get their mean rank."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[place], dtype=np.float64)
