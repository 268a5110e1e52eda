"""How many images have which value, and which images these are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.figures.charts import Images

BINS = 30


def edges(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return the ends of bins of equal width over the finite values, (n,): at most 30 bins."""
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    return np.histogram_bin_edges(known, min(BINS, max(1, len(known))))


def spread(
    values: NDArray[Any], ends: NDArray[np.float64]
) -> tuple[NDArray[np.float64], tuple[Images, ...]]:
    """Return for each bin how many images have such a value, and their places among the values.

    A bin reaches from its lower end up to, without, its upper one; the last has both. Values that
    are not finite are in no bin.
    """
    known = np.asarray(values, dtype=np.float64)
    count = len(ends) - 1
    at = np.searchsorted(ends, known, side="right") - 1
    at[known == ends[-1]] = count - 1
    at[~np.isfinite(known)] = -1
    images = tuple(tuple(np.flatnonzero(at == place).tolist()) for place in range(count))
    return np.array([len(found) for found in images], dtype=np.float64), images


def doubled(images: tuple[Images, ...]) -> tuple[Images, ...]:
    """Return the images of each bin twice, for a line through both of its ends."""
    return tuple(found for found in images for _ in range(2))
