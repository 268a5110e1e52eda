"""Which networks are dominated: another one is as good in everything, and better in something."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def dominated(values: ArrayLike, better: Sequence[int]) -> NDArray[np.bool_]:
    """Return which points are dominated; those of one place do not dominate each other.

    Parameters
    ----------
    values
        (n, k), what each of n networks reaches in k quantities. A point with a NaN neither
        dominates nor is dominated.
    better
        Of each quantity: 1 if more is better, -1 if less is, 0 if neither; the last are ignored.

    Returns
    -------
    NDArray
        (n,) bool; all False if no quantity has a better direction.
    """
    found = np.asarray(values, dtype=np.float64)
    signs = np.asarray(better, dtype=np.float64)
    goodness = (found * signs)[:, signs != 0]
    # [i, j]: whether network j is at least as good as i in all, and better than i in one.
    as_good = np.all(goodness[None] >= goodness[:, None], axis=2)
    ahead = np.any(goodness[None] > goodness[:, None], axis=2)
    return np.asarray(np.any(as_good & ahead, axis=1))
