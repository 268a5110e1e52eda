"""Numbers shown below a map: its completeness gap, and its share in the tangent space."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn

from engine.attribution.methods import QUANTITIES
from engine.attribution.table import drawn_from, explained_classes
from engine.data.glyphs import factors_of, jacobian, tangent_basis
from engine.manifold.tangents import share
from engine.networks.gradients import logits_of
from engine.specs import AttributionSpec, Glyphs, ImagesSpec

KEPT = 8
"""Number of image selections whose tangent spaces are cached, about 50 kB per image."""


def completeness_gap(
    model: nn.Module,
    images: Tensor,
    attribution: Tensor,
    spec: AttributionSpec,
    labels: Tensor | None = None,
    training: Tensor | None = None,
) -> Tensor | None:
    """Return |sum a - (F(x) - F(x0))| / |F(x) - F(x0)| per image, or None without a reference.

    F is the explained quantity of the explained class, x0 the constant image that the method uses
    as its reference, or the mean over its training images; plain gradients have none. A gap of 0
    means that the map accounts for the whole difference, as it does for a linear network.
    Source: Sundararajan, Taly, Yan 2017, completeness.

    Parameters
    ----------
    images : Tensor (N, C, H, W) in [0, 1]
    attribution : Tensor (N, C, H, W)
        The attribution that ``spec`` gives for these images.
    labels, training
        As in :func:`engine.attribution.table.attribute`.

    Returns
    -------
    Tensor (N,), float64, on the CPU
        At least 0; NaN if F(x) equals F(x0).
    """
    reference = spec.reference()
    if reference is None:
        return None
    logits = logits_of(model, images).cpu().double()
    classes = explained_classes(spec, images, labels).cpu()
    classes = torch.where(classes < 0, logits.argmax(1), classes)
    quantity = QUANTITIES[spec.quantity]
    if reference.grey is None:
        compared = drawn_from(training, spec)
    else:
        compared = torch.full_like(images[:1], reference.grey)
    answers = logits_of(model, compared).cpu().double()
    nothing = torch.stack([quantity(one.expand_as(logits), classes) for one in answers]).mean(0)
    difference = quantity(logits, classes) - nothing
    total = reference.factor * attribution.cpu().double().flatten(1).sum(1)
    gap = (total - difference).abs()
    return torch.where(difference == 0, torch.nan, gap / difference.abs())


def known_tangent_share(
    attribution: Tensor, source: ImagesSpec, indices: Sequence[int]
) -> Tensor | None:
    """Return the share of each map's length in the known tangent space, or None if unknown.

    The manifold is known only for Glyphs, whose images are drawn from a few factors.

    Parameters
    ----------
    attribution : Tensor (N, C, H, W)
    source
        The images spec that the images come from.
    indices
        Indices of the images among the test images.

    Returns
    -------
    Tensor (N,), float64, on the CPU
        In [0, 1]; NaN for a map of zeros. Source: Bordt 2023.
    """
    if not isinstance(source, Glyphs) or not indices:
        return None
    basis = _tangents(source, tuple(indices))
    return share(attribution.cpu().double().flatten(1), basis)


@lru_cache(maxsize=KEPT)
def _tangents(source: Glyphs, indices: tuple[int, ...]) -> Tensor:
    """Return tangent bases (N, D, K) at test images; cached, as many networks use the same."""
    labels, factors = (part[list(indices)] for part in factors_of(source, "test"))
    return tangent_basis(jacobian(labels, factors)).cpu().double()
