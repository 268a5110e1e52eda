"""Scores that change images a little: infidelity and max-sensitivity."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from engine.attribution.methods import QUANTITIES
from engine.jobs.context import Context
from engine.jobs.device_images import layout
from engine.measures.scores.judged import Batch, Judged, Maps, Scored, per_image, summary
from engine.networks.gradients import logits_of
from engine.specs.attributions import DIGITS, GREY, AttributionSpec
from engine.specs.scores.stability import Infidelity, MaxSensitivity
from engine.store.study import Result

SAME = 1e-6  # pixels nearer to the baseline than this have no slope: their product is 0 anyway


def infidelity(
    model: nn.Module, images: Tensor, labels: Tensor, spec: Infidelity, context: Context
) -> Result:
    """Score "infidelity": the mean squared error of a map as a linear function of pixels.

    All maps of an image meet the same changes, so that the network is asked once about each.
    """
    judged, scored = Judged(model, images, spec, context), Scored()
    generator = judged.generator("changes of images")
    for batch in judged.batches(images, labels):
        maps = judged.maps(batch.images, batch.classes)
        slopes = judged.signed(batch.images, slope(maps, batch.images, spec.attribution))
        scored.add(_errors(judged, batch, slopes, spec, generator))
    return summary(spec, scored)


def slope(maps: Tensor, images: Tensor, spec: AttributionSpec) -> Tensor:
    """Return maps per unit of a pixel: those that are a slope times a difference, divided by it."""
    reference = spec.reference()
    if reference is None or reference.grey is None:
        return maps
    way = images - reference.grey
    divided = reference.factor * maps / torch.where(way.abs() < SAME, 1.0, way)
    return torch.where(way.abs() < SAME, 0.0, divided)


def _errors(
    judged: Judged, batch: Batch, slopes: Maps, spec: Infidelity, generator: torch.Generator
) -> Maps:
    """Return the score (N,) of each map, from sums of squares over the changes."""
    quantity = QUANTITIES[spec.attribution.quantity]
    whole = quantity(logits_of(judged.network, batch.images), batch.classes).cpu().double()
    zeros = torch.zeros_like(whole)
    squares, products = ({name: zeros.clone() for name in slopes} for _ in range(2))
    changes = zeros.clone()
    for sample in range(spec.samples):
        judged.progress(batch.start, sample / spec.samples, len(batch.images))
        changed = _changed(batch.images, spec, generator)
        logits = logits_of(judged.network, layout(changed))
        difference = whole - quantity(logits, batch.classes).cpu().double()
        changes += difference.square()
        for name, one in slopes.items():
            said = ((batch.images - changed) * one).flatten(1).sum(1).cpu().double()
            squares[name] += said.square()
            products[name] += said * difference

    def score(name: str) -> Tensor:
        square, product = squares[name], products[name]
        if spec.scale == "plain":
            return (square - 2 * product + changes) / spec.samples
        # At the best factor, product / square; a map of zeros has none, and says nothing.
        explained = torch.where(square > 0, product.square() / square, 0.0)
        if spec.scale == "relative":
            return 1 - explained / changes
        return (changes - explained) / spec.samples

    return {name: score(name) for name in slopes}


def _changed(images: Tensor, spec: Infidelity, generator: torch.Generator) -> Tensor:
    """Return images (N, C, H, W), each with a random change."""
    if spec.perturbation == "noise":
        noise = torch.randn(images.shape, generator=generator).to(images)
        return (images - spec.noise * noise).clamp(0, 1)
    covered = torch.ones((len(images), 1, *images.shape[2:]), dtype=torch.bool)
    for axis, side in enumerate(images.shape[2:]):
        size = math.ceil(round(spec.window * side, DIGITS))
        first = torch.randint(side - size + 1, (len(images), 1), generator=generator)
        at = torch.arange(side)
        inside = (at >= first) & (at < first + size)
        covered &= inside[:, None, :, None] if axis == 0 else inside[:, None, None, :]
    return torch.where(covered.to(images.device), GREY[spec.fill], images)


def max_sensitivity(
    model: nn.Module, images: Tensor, labels: Tensor, spec: MaxSensitivity, context: Context
) -> Result:
    """Score "max_sensitivity": the largest relative change of a map under noise on the image.

    A map of zeros has none.
    """
    judged, scored = Judged(model, images, spec, context), Scored()
    generator = judged.generator("noise on images")
    for batch in judged.batches(images, labels):
        maps = judged.signed(batch.images, judged.maps(batch.images, batch.classes))
        largest = per_image(maps, lambda one: torch.zeros(len(one), device=one.device))
        for sample in range(spec.samples):
            judged.progress(batch.start, sample / spec.samples, len(batch.images))
            drawn = torch.rand(batch.images.shape, generator=generator).to(batch.images)
            noisy = layout((batch.images + spec.radius * (2 * drawn - 1)).clamp(0, 1))
            changed = judged.signed(noisy, judged.maps(noisy, batch.classes))
            for name, one in maps.items():
                change = (changed[name] - one).flatten(1).norm(dim=1)
                largest[name] = torch.maximum(largest[name], change / one.flatten(1).norm(dim=1))
        scored.add(largest)
    return summary(spec, scored)
