"""Learning rates: the factor on an optimiser's rate after a share of the run."""

from __future__ import annotations

import math

from engine.specs import OptimizerSpec

WARMUP_FROM = 0.01
"""Factor on the rate at the start of a warm-up, as in torchvision's training script."""

ONE_CYCLE_FROM = 1 / 25
ONE_CYCLE_TO = ONE_CYCLE_FROM / 1e4
ONE_CYCLE_RISE = 0.3
"""Factors at both ends of one_cycle, and the share of the run that the rise takes.

Source: Smith, Topin 2018, with the numbers of torch's OneCycleLR.
"""


def rate_factor(spec: OptimizerSpec, progress: float, epochs: float = 1.0) -> float:
    """Return the factor on the learning rate.

    Parameters
    ----------
    progress
        Share of the run that is done, in [0, 1].
    epochs
        Length of the run, in which the warm-up is counted.
    """
    warmup = spec.rate_warmup / epochs
    if progress < warmup:
        return _between(WARMUP_FROM, 1.0, progress / warmup)
    if spec.schedule == "cosine":
        # What is left after the warm-up is the whole of the cosine.
        left = (progress - warmup) / (1 - warmup) if warmup < 1 else 1.0
        return 0.5 * (1 + math.cos(math.pi * left))
    if spec.schedule == "step":
        passed = sum(progress >= milestone for milestone in spec.milestones)
        return spec.rate_drop**passed
    if spec.schedule == "cyclic":
        return 1 - abs(2 * progress - 1)
    if spec.schedule == "one_cycle":
        return _one_cycle(progress)
    return 1.0


def _one_cycle(progress: float) -> float:
    if progress < ONE_CYCLE_RISE:
        return _along_cosine(ONE_CYCLE_FROM, 1.0, progress / ONE_CYCLE_RISE)
    return _along_cosine(1.0, ONE_CYCLE_TO, (progress - ONE_CYCLE_RISE) / (1 - ONE_CYCLE_RISE))


def _between(low: float, high: float, share: float) -> float:
    return low + (high - low) * share


def _along_cosine(first: float, last: float, share: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2
