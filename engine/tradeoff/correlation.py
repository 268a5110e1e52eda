"""Fit lines and correlations to a few points; undetermined values are None.

Intervals depend on the design behind the points and are in :mod:`engine.tradeoff.inference`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LineFit:
    """A least-squares line, and two correlations.

    Values that the points do not determine are None, never NaN: a line or a correlation of constant
    values or of fewer than 2 points.
    """

    slope: float | None
    intercept: float | None
    pearson: float | None
    spearman: float | None
    n: int


def fit(x: ArrayLike, y: ArrayLike) -> LineFit:
    """Fit a line and compute both correlations.

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
    pearson, spearman = _correlation(a, b), _correlation(_ranks(a), _ranks(b))
    return LineFit(*_line(a, b), pearson, spearman, n=len(a))


def correlation(x: ArrayLike, y: ArrayLike) -> float | None:
    """Return Pearson's correlation of (n,) numbers; None if undetermined."""
    return fit(x, y).pearson


def partial(x: ArrayLike, y: ArrayLike, control: ArrayLike) -> float | None:
    """Return the partial correlation of x and y given a third value; None if undetermined."""
    xy, xc, yc = correlation(x, y), correlation(x, control), correlation(y, control)
    if xy is None or xc is None or yc is None:
        return None
    rest = (1 - xc**2) * (1 - yc**2)
    if rest < 1e-12:
        return None
    return float(np.clip((xy - xc * yc) / math.sqrt(rest), -1.0, 1.0))


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
