"""How far a map agrees with what is known on Glyphs: the tangent space, and which pixels hold ink.

Source: Bordt 2023, fraction in tangent space; Arras 2022, relevance mass accuracy.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from engine.attribution.pictures import blurriness
from engine.attribution.table import attribute, pixel_importance
from engine.data.glyphs import factors_of, jacobian, tangent_basis
from engine.devices.wide import wide
from engine.jobs.context import Context
from engine.jobs.device_images import device_images, layout
from engine.manifold.tangents import share
from engine.networks.gradients import as_unit
from engine.retraining.rankings import blurred, edges
from engine.specs import CONTROL_BLUR, Glyphs, GlyphTruth, Measurement
from engine.specs.schema import SpecError
from engine.store.study import Result

BLOCK = 50  # Jacobians held at once


def glyph_truth(
    model: nn.Module, images: Tensor, labels: Tensor, spec: GlyphTruth, context: Context
) -> Result:
    """Metric "glyph_truth": tangent share and stroke mass of a map, and those of its controls.

    They do not show that the network uses what the map marks, and a map that copies the image would
    have both: what holds for a network is read against the random, Sobel and blurred maps.

    Returns
    -------
    Result
        Numbers, means over images in [0, 1]: ``tangent_share`` and ``stroke_mass`` of the map;
        ``random_``, ``sobel_`` and ``blurred_`` before these names, those of Gaussian noise, of the
        image's edges, and of the map blurred by 2 px; ``tangent_baseline``, what a random direction
        has, and ``stroke_baseline``, the share of pixels with ink; ``blurriness`` of the map. A map
        of zeros is left out. Arrays ``tangent_share`` and ``stroke_mass`` (N,), NaN there.

    Raises
    ------
    SpecError
        If the images are not Glyphs.
    """
    measured = context.spec
    assert isinstance(measured, Measurement)  # metrics are measured by no other spec
    source = measured.classifier.images
    if not isinstance(source, Glyphs):
        raise SpecError(
            f"classifier.images is {source.kind}, must be glyphs: nowhere else is the truth known"
        )
    pixels = layout(as_unit(images))
    training = device_images(context, source).train
    drawn = attribute(
        model,
        pixels,
        spec.attribution,
        training=training,
        check_cancelled=context.check_cancelled,
    )
    maps = drawn.cpu().double()
    noise = context.generator("random maps", measured.seed)
    compared = {
        "": maps,
        "random_": torch.randn(maps.shape, generator=noise, dtype=torch.float64),
        "sobel_": edges(pixels.cpu().double())[:, None],
        "blurred_": blurred(maps.flatten(0, 1), CONTROL_BLUR).view_as(maps),
    }
    ink = images.cpu().flatten(1) > 0
    shares, rank = _tangent_shares(compared, source, context)
    arrays = {f"{name}tangent_share": values for name, values in shares.items()}
    arrays |= {f"{name}stroke_mass": stroke_mass(values, ink) for name, values in compared.items()}
    coarse = blurriness(pixel_importance(maps)[:, None].numpy())
    known = {name: values[np.isfinite(values)] for name, values in arrays.items()}
    numbers: dict[str, float | int | str] = {
        name: float(values.mean()) if len(values) else 0.0 for name, values in known.items()
    }
    numbers["tangent_baseline"] = math.sqrt(rank / maps[0].numel())
    numbers["stroke_baseline"] = float(wide(ink).mean())
    if np.isfinite(coarse).any():
        numbers["blurriness"] = float(np.nanmean(coarse))
    own = {name: arrays[name] for name in ("tangent_share", "stroke_mass")}
    return Result(numbers, own)


def stroke_mass(maps: Tensor, ink: Tensor) -> np.ndarray:
    """Return the share of every map's absolute sum on pixels with ink; NaN for a map of zeros.

    Parameters
    ----------
    maps
        (N, 1, H, W), any finite scale.
    ink
        (N, H*W), bool.

    Returns
    -------
    float64 array (N,) in [0, 1]
    """
    importance = wide(pixel_importance(maps)).flatten(1)
    found: np.ndarray = ((importance * ink).sum(1) / importance.sum(1)).numpy()
    return found


def _tangent_shares(
    compared: dict[str, Tensor], source: Glyphs, context: Context
) -> tuple[dict[str, np.ndarray], float]:
    """Return the tangent shares (N,) of maps by name, and the mean dimension of the spaces."""
    labels, factors = factors_of(source, "test")
    count = len(compared[""])
    found: dict[str, list[Tensor]] = {name: [] for name in compared}
    ranks = 0.0
    for start in range(0, count, BLOCK):
        context.check_cancelled()
        context.progress(start, count, "tangent spaces")
        part = slice(start, min(start + BLOCK, count))
        basis = wide(tangent_basis(jacobian(labels[part], factors[part])))
        ranks += float(basis.square().sum())
        for name, maps in compared.items():
            found[name].append(share(maps[part].flatten(1), basis))
    joined = {name: torch.cat(parts).numpy() for name, parts in found.items()}
    return joined, ranks / max(1, count)
