"""Scores of a map's shape alone: sparseness and complexity."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from engine.jobs.context import Context
from engine.measures.scores.judged import Judged, Scored, per_image, summary
from engine.specs import ScoreSpec
from engine.store.study import Result


def sparseness(
    model: nn.Module, images: Tensor, labels: Tensor, spec: ScoreSpec, context: Context
) -> Result:
    """Score "sparseness": the Gini index of every map's absolute values."""
    return _shape(gini, model, images, labels, spec, context)


def complexity(
    model: nn.Module, images: Tensor, labels: Tensor, spec: ScoreSpec, context: Context
) -> Result:
    """Score "complexity": the entropy of every map's absolute values, in nats."""
    return _shape(entropy, model, images, labels, spec, context)


def _shape(
    score: Callable[[Tensor], Tensor],
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    spec: ScoreSpec,
    context: Context,
) -> Result:
    judged, scored = Judged(model, images, spec, context), Scored()
    for batch in judged.batches(images, labels):
        maps = judged.importance(batch.images, judged.maps(batch.images, batch.classes))
        scored.add(per_image(maps, lambda one: score(one.flatten(1).cpu().double())))
    return summary(spec, scored)


def gini(values: Tensor) -> Tensor:
    """Return the Gini index of rows, in [0, 1 - 1/P]; NaN for a row of zeros.

    Unlike some programs it adds nothing to the values, as what is added would count for more than
    a gradient does where the network is certain.

    Parameters
    ----------
    values : Tensor (N, P), at least 0
    """
    count = values.shape[1]
    rising = values.sort(dim=1).values
    weights = 2 * torch.arange(1, count + 1, dtype=values.dtype) - count - 1
    found: Tensor = (rising * weights).sum(1) / (count * values.sum(1))
    return found


def entropy(values: Tensor) -> Tensor:
    """Return the entropy of rows as shares of their sum, in nats; NaN for a row of zeros.

    Parameters
    ----------
    values : Tensor (N, P), at least 0
    """
    shares = values / values.sum(1, keepdim=True)
    found: Tensor = -torch.special.xlogy(shares, shares).sum(1)
    return found
