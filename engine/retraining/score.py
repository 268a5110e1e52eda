"""The score of a retraining curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from engine.specs import Mode
from engine.tradeoff.points import MODES


def score(
    fractions: ArrayLike,
    accuracy: ArrayLike,
    random_accuracy: ArrayLike,
    *,
    mode: Mode,
    baseline_accuracy: float,
    chance: float,
) -> float:
    """Return the interpretability score of a retraining curve; higher is better in both modes.

    The score is the area between the curve and its random baseline, by the trapezoid rule over 0,
    the fractions and 1. ROAR takes random - attribution, KAR attribution - random. Both curves
    begin at ``baseline_accuracy`` and end at ``chance``. Source: Kim, Seo, Jeon 2019.

    Parameters
    ----------
    fractions
        (f,) increasing, strictly between 0 and 1: the fraction *removed*, in both modes.
    accuracy, random_accuracy
        (f,), or (repeats, f), which are averaged over the repeats.

    Raises
    ------
    ValueError
        If the mode is neither "roar" nor "kar", or the lengths of the arrays differ.
    """
    if mode not in MODES:
        raise ValueError(f"mode is {mode!r}, must be one of {', '.join(MODES)}")
    x = np.asarray(fractions, dtype=np.float64)
    method, random = (
        np.atleast_2d(np.asarray(values, dtype=np.float64)).mean(0)
        for values in (accuracy, random_accuracy)
    )
    if not x.shape == method.shape == random.shape:
        raise ValueError(
            f"fractions has {x.size} values, accuracy {method.size} and random_accuracy "
            f"{random.size}, must have one number"
        )
    removed = np.concatenate([[0.0], x, [1.0]])
    curve, base = (
        np.concatenate([[baseline_accuracy], values, [chance]]) for values in (method, random)
    )
    return float(np.trapezoid(base - curve if mode == "roar" else curve - base, removed))
