"""Scores against what is known of images: the strokes of glyphs, and the tangents of a manifold."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from engine.attribution.table import Cancellable
from engine.data.glyphs import FACTORS, draw, factors_of
from engine.devices.wide import wide
from engine.jobs.context import Context
from engine.jobs.device_images import layout
from engine.manifold.tangents import BLOCK, Spaces, share
from engine.measures.scores.judged import (
    Judged,
    Scored,
    check_some,
    mean_and_limits,
    per_image,
    summary,
    with_curves,
)
from engine.measures.scores.stability import slope
from engine.networks.gradients import as_unit, logits_of
from engine.retraining.rankings import ranks_of
from engine.specs import (
    Glyphs,
    ImagesSpec,
    ManifoldSensitivity,
    MapTangentShare,
    Measurement,
    StrokeMass,
)
from engine.specs.scores.manifold import WAYS
from engine.store.study import Result

COVERED = 0.5
"""Ink at full contrast, or brightness, from which a pixel belongs to a stroke."""


def stroke_mass(
    model: nn.Module, images: Tensor, labels: Tensor, spec: StrokeMass, context: Context
) -> Result:
    """Score "stroke_mass": the share of a map on the strokes, and "stroke_ranks".

    Equal values are ranked in random order. Maps of zeros have no mass.
    """
    assert isinstance(context.spec, Measurement)
    inked = _strokes_of(context.spec.classifier.images, images).flatten(1)
    judged, masses, ranked = Judged(model, images, spec, context), Scored(), Scored()
    ties = judged.generator("ties")
    for batch in judged.batches(images, labels):
        maps = judged.importance(batch.images, judged.maps(batch.images, batch.classes))
        inside = inked[batch.start : batch.start + len(batch.images)]

        def mass(one: Tensor, inside: Tensor = inside) -> Tensor:
            return (one.flatten(1) * inside).sum(1) / one.flatten(1).sum(1)

        def among_largest(one: Tensor, inside: Tensor = inside) -> Tensor:
            count = inside.sum(1, keepdim=True)
            largest = ranks_of(one.flatten(1), ties).long() < count
            found = (largest & inside).sum(1) / count[:, 0]
            return torch.where(one.flatten(1).sum(1) > 0, found, torch.nan)

        masses.add(per_image(maps, mass))
        ranked.add(per_image(maps, among_largest))
    first, second = summary(spec, masses), summary(spec, ranked, "stroke_ranks")
    return Result({**second.numbers, **first.numbers}, {**second.arrays, **first.arrays})


def _strokes_of(source: ImagesSpec, images: Tensor) -> Tensor:
    """Return which pixels of the first test images lie on a stroke, bool (N, H, W)."""
    if isinstance(source, Glyphs):
        return strokes(source)[: len(images)].to(images.device)
    return as_unit(images)[:, 0] >= COVERED


def strokes(images: Glyphs) -> Tensor:
    """Return which pixels of the test images lie on a stroke, bool (N, 28, 28)."""
    labels, factors = factors_of(images, "test")
    plain = factors.clone()
    plain[:, FACTORS.index("log_contrast")] = 0.0
    return draw(labels, plain)[:, 0] >= COVERED


def map_tangent_share(
    model: nn.Module, images: Tensor, labels: Tensor, spec: MapTangentShare, context: Context
) -> Result:
    """Score "map_tangent_share": ||P m|| / ||m||, P the projector onto the tangent space."""
    judged, scored = Judged(model, images, spec, context), Scored()
    spaces = Spaces(spec.generator, context)
    for batch in judged.batches(images, labels):
        maps = judged.maps(batch.images, batch.classes)
        known = judged.signed(batch.images, slope(maps, batch.images, spec.attribution))
        for start in range(0, len(batch.images), BLOCK):
            part = slice(start, start + BLOCK)
            basis = _basis(spaces, batch.images[part], batch.start + start)
            scored.add(
                {name: share(wide(one[part].flatten(1)), basis) for name, one in known.items()}
            )
            judged.progress(batch.start, start / len(batch.images), len(batch.images))
    return summary(spec, scored)


def _basis(spaces: Spaces, images: Tensor, start: int) -> Tensor:
    """Return a basis (N, D, K) of the tangent spaces: the estimated ones if there is a choice."""
    found = spaces.at(images, start)
    return found["estimated"] if "estimated" in found else found["known"]


def manifold_sensitivity(
    model: nn.Module, images: Tensor, labels: Tensor, spec: ManifoldSensitivity, context: Context
) -> Result:
    """Metric "manifold_sensitivity": the share of the sensitivity that is to what leaves.

    Numbers: "off_share" and its limits; "off_share_whole", the same of the undivided direction in
    place of the part across; "on", "off" and "whole", the mean changes. Arrays: the values of each
    image, and the curves of the changes over the radii.
    """
    check_some(images, spec)
    network, spaces = Cancellable(model, context.check_cancelled), Spaces(spec.generator, context)
    generator = context.generator("directions", getattr(context.spec, "seed", 0))
    changes, shares = Scored(), Scored()
    for start in range(0, len(images), BLOCK):
        context.check_cancelled()
        context.progress(start, len(images), "tangent spaces")
        batch = as_unit(images[start : start + BLOCK])
        found = _changes(network, batch, _basis(spaces, batch, start), spec, generator)
        changes.add(found)
        on, off, whole = (found[name].mean(1) for name in WAYS)
        shares.add({"map": off / (on + off), "whole": whole / (on + whole)})
    result = summary(spec, shares)
    numbers, arrays = dict(result.numbers), dict(result.arrays)
    curves = changes.values()
    for name, values in curves.items():
        mean, low, high = mean_and_limits(values.mean(1))
        numbers |= {name: float(mean)}
        if np.isfinite(low):
            numbers |= {f"{name}_low": float(low), f"{name}_high": float(high)}
        arrays[name] = values.mean(1)
    panel = {name: mean_and_limits(values) for name, values in curves.items()}
    return with_curves(Result(numbers, arrays), np.array(spec.radii), {spec.label: panel})


def _changes(
    network: nn.Module,
    images: Tensor,
    basis: Tensor,
    spec: ManifoldSensitivity,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """Return the mean change of the probabilities, (N, radii), for each of :data:`WAYS`."""
    before = wide(logits_of(network, layout(images))).softmax(1)
    sums = {name: before.new_zeros((len(images), len(spec.radii))) for name in WAYS}
    for _ in range(spec.samples):
        drawn = wide(torch.randn(images.shape, generator=generator).flatten(1).to(images.device))
        inside = (basis @ (basis.mT @ drawn.unsqueeze(2))).squeeze(2)
        for name, way in zip(WAYS, (inside, drawn - inside, drawn), strict=True):
            unit = (way / way.norm(dim=1, keepdim=True)).to(images).view(images.shape)
            for place, radius in enumerate(spec.radii):
                moved = layout(images + radius * unit)
                after = wide(logits_of(network, moved)).softmax(1)
                sums[name][:, place] += (after - before).abs().sum(1) / spec.samples
    return sums
