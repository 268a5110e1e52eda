"""Scores that remove pixels and ask the network again: ROAD, deletion and insertion."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.attacks.losses import stands
from engine.jobs.context import Context
from engine.jobs.device_images import device_images, layout
from engine.measures.scores.infill import fill
from engine.measures.scores.judged import (
    Batch,
    Floats,
    Judged,
    Scored,
    mean_and_limits,
    summary,
    where_finite,
    with_curves,
)
from engine.networks.gradients import logits_of
from engine.retraining.rankings import ranks_of
from engine.specs import Measurement
from engine.specs.attributions import GREY
from engine.specs.schema import SpecError
from engine.specs.scores.removal import ORDERS, Insertion, PixelCurve, Road
from engine.store.study import Result
from engine.tradeoff.robustness import wilson

BLUR, REACH = 5.0, 5
"""Standard deviation and reach, in pixels, of the filter of "blurred". Source: Petsiuk 2018, their
code; there, pixels beyond the border are zero after normalisation, here the edge's go on."""


def road(model: nn.Module, images: Tensor, labels: Tensor, spec: Road, context: Context) -> Result:
    """Score "road": the area between the curves of accuracy of both orders of removal.

    Images without a label are left out. Curves are over the shares of removed pixels, from 0; their
    limits are 95 % Wilson intervals.

    Raises
    ------
    SpecError
        If no image has a label.
    """
    known = torch.nonzero(labels >= 0).flatten()
    if not len(known):
        raise SpecError("none of the test images has a label, which ROAD needs")
    images, labels = images[known], labels[known]
    judged = Judged(model, images, spec, context)
    ties, noise = judged.generator("ties"), judged.generator("noise of filled pixels")
    shares = np.array([0.0, *spec.fractions])
    right, scored = {order: Scored() for order in ORDERS}, Scored()
    for batch in judged.batches(images, labels):
        maps = judged.importance(batch.images, judged.maps(batch.images, batch.classes))
        clean = _right(judged, batch, batch.images)
        for place, (name, importance) in enumerate(maps.items()):
            ranks = ranks_of(importance.flatten(1), ties).long()
            found = {
                order: where_finite(
                    torch.stack([clean, *_standing(judged, batch, spec, order, ranks, noise)], 1),
                    importance,
                )
                for order in ORDERS
            }
            for order, curve in found.items():
                right[order].add({name: curve})
            first, last = (found[order] for order in ORDERS)
            between = torch.trapezoid(last - first, torch.from_numpy(shares), dim=1)
            scored.add({name: between / shares[-1]})
            judged.progress(batch.start, (1 + place) / len(maps), len(batch.images))
    panels = {
        order: {name: _with_wilson(stood) for name, stood in found.values().items()}
        for order, found in right.items()
    }
    return with_curves(summary(spec, scored), shares, panels)


def _standing(
    judged: Judged,
    batch: Batch,
    spec: Road,
    order: str,
    ranks: Tensor,
    noise: torch.Generator,
) -> Iterator[Tensor]:
    """Yield for each share whether the answer is right without these pixels, (N,)."""
    pixels = ranks.shape[1]
    for share in spec.fractions:
        count = min(round(share * pixels), pixels - 1)
        hidden = ranks < count if order == ORDERS[0] else ranks >= pixels - count
        holes = hidden.view(len(ranks), *batch.images.shape[2:])
        filled = fill(batch.images, holes, spec.noise, noise, judged.context.check_cancelled)
        yield _right(judged, batch, filled)


def _right(judged: Judged, batch: Batch, images: Tensor) -> Tensor:
    return stands(logits_of(judged.network, layout(images)), batch.labels).cpu().double()


def _with_wilson(stood: Floats) -> Floats:
    stood = stood[np.isfinite(stood).all(1)]
    if not len(stood):
        return np.full((3, stood.shape[1]), np.nan)
    limits = [wilson(round(right), len(stood)) for right in stood.sum(0)]
    return np.stack([stood.mean(0), *np.array(limits).T])


def pixel_curve(
    model: nn.Module, images: Tensor, labels: Tensor, spec: PixelCurve, context: Context
) -> Result:
    """Score "deletion" or "insertion": the area below the probability of the explained class.

    The area is a sum of trapezoids over the shares of pixels, from 0 to 1. Curves are means with
    95 % t intervals over the images.
    """
    judged = Judged(model, images, spec, context)
    ties = judged.generator("ties")
    missing = _filling(spec, context)
    shares, scored, curves = np.linspace(0, 1, 1 + spec.steps), Scored(), Scored()
    for batch in judged.batches(images, labels):
        maps = judged.importance(batch.images, judged.maps(batch.images, batch.classes))
        other = missing(batch.images)
        ends = _probability(judged, batch, batch.images), _probability(judged, batch, other)
        if isinstance(spec, Insertion):
            ends = ends[1], ends[0]
        for place, (name, importance) in enumerate(maps.items()):
            ranks = ranks_of(importance.flatten(1), ties).long()
            between = _probabilities(judged, batch, other, ranks)
            curve = where_finite(torch.stack([ends[0], *between, ends[1]], 1), importance)
            curves.add({name: curve})
            scored.add({name: torch.trapezoid(curve, dim=1) / spec.steps})
            judged.progress(batch.start, (1 + place) / len(maps), len(batch.images))
    panel = {name: mean_and_limits(found) for name, found in curves.values().items()}
    return with_curves(summary(spec, scored), shares, {spec.label: panel})


def _probabilities(judged: Judged, batch: Batch, other: Tensor, ranks: Tensor) -> Iterator[Tensor]:
    """Yield the probability (N,) after each step but the last, while pixels change by rank."""
    spec, pixels = judged.spec, ranks.shape[1]
    assert isinstance(spec, PixelCurve)
    before, after = batch.images, other
    if isinstance(spec, Insertion):
        before, after = after, before
    for step in range(1, spec.steps):
        changed = ranks < round(step / spec.steps * pixels)
        place = changed.view(len(ranks), 1, *before.shape[2:])
        yield _probability(judged, batch, torch.where(place, after, before))


def _probability(judged: Judged, batch: Batch, images: Tensor) -> Tensor:
    """Return the probability of the explained class, (N,) float64, on the CPU."""
    logits = logits_of(judged.network, layout(images))
    return logits.softmax(1).gather(1, batch.classes[:, None])[:, 0].cpu().double()


def _filling(spec: PixelCurve, context: Context) -> Callable[[Tensor], Tensor]:
    """Return the function that gives what stands in an image where pixels are missing."""
    if spec.fill == "blurred":
        return _blurred
    if spec.fill != "mean":
        return lambda images: torch.full_like(images, GREY[spec.fill])
    assert isinstance(context.spec, Measurement)
    mean = device_images(context, context.spec.classifier.images).channel_mean
    return lambda images: mean.to(images).view(1, -1, 1, 1).expand_as(images)


def _blurred(images: Tensor) -> Tensor:
    offsets = torch.arange(-REACH, REACH + 1, dtype=images.dtype, device=images.device)
    kernel = torch.exp(-(offsets**2) / (2 * BLUR**2))
    kernel = kernel / kernel.sum()
    flat = functional.pad(images.flatten(0, 1)[:, None], (REACH,) * 4, mode="replicate")
    flat = functional.conv2d(flat, kernel.view(1, 1, -1, 1))
    return functional.conv2d(flat, kernel.view(1, 1, 1, -1)).view(images.shape)
