"""Measure the share of a loss gradient in the known or estimated tangent space of the manifold.

Source: Bordt 2023, fraction in tangent space; Srinivas 2023 for the decoder's Jacobian.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from engine.attribution.table import attribute
from engine.data.glyphs import factors_of, jacobian, tangent_basis
from engine.jobs.context import Context
from engine.jobs.device_images import layout
from engine.manifold.generators import Generator
from engine.manifold.vae_gan import restored
from engine.networks.gradients import as_unit
from engine.specs import VAEGAN, Glyphs, Gradient, Measurement, TangentShare
from engine.specs.scores.manifold import check_space
from engine.store.study import Result
from engine.tradeoff.inference import mean_limits

BLOCK = 50  # Jacobians held at once: images x pixels x latent size


def share(vectors: Tensor, basis: Tensor) -> Tensor:
    """Return ||P v|| / ||v|| per vector, P the projector onto a basis; NaN for a zero vector.

    Parameters
    ----------
    vectors
        (N, D).
    basis
        (N, D, K), columns orthonormal or zero, as from
        :func:`engine.data.glyphs.tangent_basis`.

    Returns
    -------
    Tensor (N,) in [0, 1].
    """
    inside = (basis.mT @ vectors.unsqueeze(2)).flatten(1).norm(dim=1)
    found: Tensor = inside / vectors.norm(dim=1)
    return found


def decoder_jacobian(generator: Generator, images: Tensor) -> Tensor:
    """Return the derivative of decoded pixels by the latent, at each image's latent mean.

    Parameters
    ----------
    images
        (N, C, H, W) in [0, 1].

    Returns
    -------
    Tensor (N, D, K), D = C * H * W pixels, K the latent size. Source: Srinivas 2023.
    """
    with torch.no_grad():
        latent, _ = generator.latent(images * 2 - 1)
    # The vector-Jacobian product is linear in the pixel weights. So differentiating its entry for
    # one latent coordinate by the weights gives one column of the Jacobian, for all images at once.
    latent.requires_grad_(True)
    with torch.enable_grad():
        decoded = generator.decode(latent).flatten(1)
        weights = torch.zeros_like(decoded, requires_grad=True)
        (product,) = torch.autograd.grad(decoded, latent, weights, create_graph=True)
        columns = [
            torch.autograd.grad(product[:, index].sum(), weights, retain_graph=True)[0]
            for index in range(latent.shape[1])
        ]
    return torch.stack(columns, dim=2)


def tangent_share(
    model: nn.Module, images: Tensor, labels: Tensor, spec: TangentShare, context: Context
) -> Result:
    """Metric "tangent_share": share of the loss gradient in the known and the estimated tangents.

    The baseline of each share is sqrt(k / d), the expected share of a random direction. Limits are
    95 % t intervals of the mean over the images. If both
    spaces are available, "overlap" is ||P_estimated P_known||_F^2 / k; it is 1 if the estimated
    space contains the known one.

    Raises
    ------
    SpecError
        If the images are not Glyphs and no generator is given, or it was trained on other images.
    """
    if isinstance(context.spec, Measurement):
        check_space(spec.generator, context.spec.classifier.images)
    spaces = Spaces(spec.generator, context)
    rows: dict[str, list[Tensor]] = {"known": [], "estimated": [], "overlap": []}
    ranks: dict[str, list[float]] = {"known": [], "estimated": []}
    for start in range(0, len(images), BLOCK):
        context.check_cancelled()
        context.progress(start, len(images), "tangent spaces")
        pixels = as_unit(images[start : start + BLOCK])
        direction = attribute(model, layout(pixels), Gradient()).flatten(1).double()
        bases = spaces.at(pixels, start)
        for name, basis in bases.items():
            rows[name].append(share(direction, basis))
            ranks[name].append(float(basis.square().sum((1, 2)).mean()))
        if len(bases) == 2:
            rows["overlap"].append(_overlap(bases["estimated"], bases["known"]))
    return _summary(rows, ranks, images[0].numel())


class Spaces:
    """The tangent spaces of test images: the known one, the estimated one, or both.

    Parameters
    ----------
    generator
        Estimates one; None for the known one alone.
    context
        Of a measurement.
    """

    def __init__(self, generator: VAEGAN | None, context: Context):
        of = context.spec
        source = of.classifier.images if isinstance(of, Measurement) else None
        self.generator = None if generator is None else restored(generator, context)
        self.factors = factors_of(source, "test") if isinstance(source, Glyphs) else None

    def at(self, pixels: Tensor, start: int) -> dict[str, Tensor]:
        """Return bases (N, D, K), float64, at test images, the first of which has index start."""
        found = {}
        if self.factors is not None:
            labels, factors = (part[start : start + len(pixels)] for part in self.factors)
            found["known"] = tangent_basis(jacobian(labels, factors))
        if self.generator is not None:
            found["estimated"] = tangent_basis(decoder_jacobian(self.generator, pixels))
        return {name: basis.to(pixels.device, torch.float64) for name, basis in found.items()}


def _overlap(estimated: Tensor, known: Tensor) -> Tensor:
    rank = known.square().sum((1, 2)).clamp_min(1)
    return (estimated.mT @ known).square().sum((1, 2)) / rank


def _summary(rows: dict[str, list[Tensor]], ranks: dict[str, list[float]], pixels: int) -> Result:
    numbers: dict[str, float | int | str] = {}
    arrays: dict[str, np.ndarray] = {}
    for name, parts in rows.items():
        if not parts:
            continue
        values = torch.cat(parts).cpu().numpy()
        measured = np.isfinite(values)
        arrays[name] = values
        numbers[name] = float(values[measured].mean()) if measured.any() else 0.0
        numbers[f"{name}_std"] = float(values[measured].std()) if measured.any() else 0.0
        if measured.sum() > 1:
            error = values[measured].std(ddof=1) / math.sqrt(measured.sum())
            low, high = mean_limits(numbers[name], error, int(measured.sum()) - 1)
            numbers |= {f"{name}_low": float(low), f"{name}_high": float(high)}
        if name in ranks:
            numbers[f"{name}_baseline"] = math.sqrt(float(np.mean(ranks[name])) / pixels)
    if rows["known"] and rows["estimated"]:
        both = np.isfinite(arrays["known"]) & np.isfinite(arrays["estimated"])
        if both.sum() > 2 and arrays["known"][both].std() > 0 < arrays["estimated"][both].std():
            pair = np.corrcoef(arrays["known"][both], arrays["estimated"][both])
            numbers["known_estimated_correlation"] = float(pair[0, 1])
    return Result(numbers, arrays)
