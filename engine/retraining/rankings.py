"""Rankings: the pixels of every image ordered from most to least important.

A ranking comes from a network's attribution or, for comparison, from no network: a random order or
Sobel edges. The random masks of the paper's released code are no ranking: see :func:`drawn_masks`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from engine.attribution.pictures import blurriness
from engine.attribution.table import attribute, pixel_importance
from engine.devices.precision import TURNS
from engine.devices.wide import wide
from engine.jobs.classifiers import classifier
from engine.jobs.context import Context
from engine.jobs.device_images import DeviceImages, device_images, layout
from engine.memory import blocks, room, scratch_in
from engine.networks.gradients import as_unit
from engine.specs import AttributionRanking, Occlusion, RandomRanking, RankingSpec, SobelRanking

BATCH = 500
BLOCK_BYTES = 512 * 2**20
"""Memory of one block; so large that images of 64 x 64 and smaller keep blocks of 500."""
BYTES_A_PIXEL = 64
"""Largest memory for a pixel while it is ranked: draws, sorted values and places, as int64."""
IN_MEMORY = 1 << 30
"""Bytes of ranks that lie in memory; larger ones are mapped from a file."""
BLURRINESS_IMAGES = 200
"""Test images on which the blurriness of a network's maps is measured."""
SIGMA_STEP = 1e-3
"""How exactly the standard deviation that matches a blurriness is found, in pixels."""
FIRST_BLUR, BLUR_GROWTH, WIDEST_BLUR = 0.2, 1.1, 16.0
"""Standard deviations, in pixels, that are tried to match a blurriness: first, factor, largest."""
TIE_NOISE = 1e-8
"""Largest noise by which the released code splits ties. Source: Kim, Seo, Jeon 2019, its code."""


@dataclass(frozen=True)
class Ranks:
    """Rank of each pixel in its image, 0 the most important; int16, uint16 or int32 (N, H*W).

    From :func:`drawn_masks`: whether each pixel is removed, bool (N, H*W).
    """

    train: Tensor
    test: Tensor

    @property
    def nbytes(self) -> int:
        """Memory of both tensors, in bytes; those mapped from a file take none."""
        parts = (self.train, self.test)
        return sum(part.nbytes for part in parts if part.nbytes <= IN_MEMORY or part.is_cuda)


def ranks_of(importance: Tensor, generator: torch.Generator) -> Tensor:
    """Rank pixels by decreasing importance; pixels of equal importance in random order.

    Pixels are shuffled first and then sorted stably, so the order of ties does not depend on their
    position. (The paper adds noise of 1e-8 instead, which also reorders attributions of that size:
    see :func:`with_noise`.)

    Parameters
    ----------
    importance
        (N, P), any finite scale.
    generator
        On the CPU.

    Returns
    -------
    Tensor (N, P), the smallest of :func:`rank_type`.
    """
    count, pixels = importance.shape
    shuffle = torch.rand((count, pixels), generator=generator).argsort(1).to(importance.device)
    shuffled = importance.gather(1, shuffle)
    order = shuffle.gather(1, torch.argsort(shuffled, dim=1, descending=True, stable=True))
    places = torch.arange(pixels, device=importance.device).expand(count, pixels)
    ranks = torch.empty_like(order).scatter_(1, order, places)
    return ranks.to(rank_type(pixels))


def rank_type(pixels: int) -> torch.dtype:
    """Return the smallest type that holds the ranks of so many pixels."""
    if pixels <= 1 << 15:
        return torch.int16
    return torch.uint16 if pixels <= 1 << 16 else torch.int32


def with_noise(importance: Tensor, generator: torch.Generator) -> Tensor:
    """Return importance (N, P) plus uniform noise from 0 to :data:`TIE_NOISE`, in float64.

    The noise is in the units of a map of pixels in [-1, 1], whose gradients are half of ours, so
    that here it is twice as large.
    """
    noise = torch.rand(importance.shape, generator=generator, dtype=torch.float64)
    exact = wide(importance)
    return exact + 2 * TIE_NOISE * noise.to(exact.device)


def by_attribution(spec: AttributionRanking, context: Context) -> Ranks:
    """Rank by the channel sum of the absolute attribution of the analysed network."""
    images = device_images(context, spec.images)
    model = classifier(context, spec.classifier)
    generator = context.generator("ties", spec.seed)

    def maps(pixels: Tensor) -> Tensor:
        attribution = attribute(
            model,
            layout(as_unit(pixels)),
            spec.attribution,
            training=images.train,
            check_cancelled=context.check_cancelled,
        )
        return pixel_importance(attribution)

    blur = spec.blur
    if spec.blurriness:
        blur = matching_blur(maps(images.test[:BLURRINESS_IMAGES]), spec.blurriness)

    def importance(pixels: Tensor) -> Tensor:
        found = blurred(maps(pixels), blur).flatten(1)
        return with_noise(found, generator) if spec.form == "released" else found

    return _ranks(images, importance, generator, context)


def by_edges(spec: SobelRanking, context: Context) -> Ranks:
    """Rank by the strength of the image's edges: a control that uses no network."""
    images = device_images(context, spec.images)
    generator = context.generator("ties", spec.seed)
    return _ranks(images, lambda pixels: edges(as_unit(pixels)).flatten(1), generator, context)


def edges(images: Tensor) -> Tensor:
    """Return the length of the Sobel gradient, summed over channels, (N, H, W).

    Parameters
    ----------
    images
        (N, C, H, W); a border pixel is repeated beyond the border.
    """
    across = images.new_tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    kernels = torch.stack([across, across.T])[:, None]
    count, channels, height, width = images.shape
    flat = functional.pad(images.reshape(-1, 1, height, width), (1, 1, 1, 1), mode="replicate")
    lengths = functional.conv2d(flat, kernels).norm(dim=1)
    summed: Tensor = lengths.view(count, channels, height, width).sum(1)
    return summed


def blurred(importance: Tensor, sigma: float) -> Tensor:
    """Return maps (N, H, W) under a Gaussian filter of ``sigma`` pixels; 0 changes nothing.

    Border pixels are repeated beyond the border, so that a constant map stays unchanged.
    """
    if sigma == 0:
        return importance
    reach = math.ceil(3 * sigma)
    offsets = torch.arange(-reach, reach + 1, dtype=importance.dtype, device=importance.device)
    kernel = torch.exp(-(offsets**2) / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    maps = functional.pad(importance[:, None], (reach,) * 4, mode="replicate")
    maps = functional.conv2d(maps, kernel.view(1, 1, 1, -1))
    filtered: Tensor = functional.conv2d(maps, kernel.view(1, 1, -1, 1))[:, 0]
    return filtered


def mean_blurriness(importance: Tensor) -> float | None:
    """Return the mean blurriness of maps (N, H, W); None if none of them has structure."""
    coarse = blurriness(importance[:, None].cpu().numpy())
    measured = coarse[np.isfinite(coarse)]
    return float(measured.mean()) if len(measured) else None


def matching_blur(importance: Tensor, wanted: float) -> float:
    """Return the least standard deviation, in pixels, of a Gaussian that brings maps to blurriness.

    0 if the maps have as much as they are. Blurriness rises with the width at first, but very wide
    blurs leave little but the jump between opposite borders: widths are therefore tried in rising
    order. If none up to :data:`WIDEST_BLUR` is enough, the one that comes nearest.

    Parameters
    ----------
    importance
        (N, H, W).
    wanted
        Mean blurriness over the maps, in (0, 1).
    """

    def found(sigma: float) -> float:
        value = mean_blurriness(blurred(importance, sigma))
        return 1.0 if value is None else value

    if found(0.0) >= wanted:
        return 0.0
    low, high, known = 0.0, FIRST_BLUR, {}
    while high <= WIDEST_BLUR:
        known[high] = found(high)
        if known[high] >= wanted:
            break
        low, high = high, high * BLUR_GROWTH
    else:
        return max(known, key=lambda sigma: known[sigma])
    while high - low > SIGMA_STEP:
        middle = (low + high) / 2
        low, high = (low, middle) if found(middle) >= wanted else (middle, high)
    return high


def at_random(spec: RandomRanking, context: Context) -> Ranks:
    """Rank at random: the baseline."""
    images = device_images(context, spec.images)
    generator = context.generator("random ranking", spec.seed)
    pixels = images.shape[1] * images.shape[2]

    def importance(block: Tensor) -> Tensor:
        return torch.zeros((len(block), pixels), device=block.device)

    return _ranks(images, importance, generator, context)


RANKINGS: dict[str, Callable[..., Ranks]] = {
    AttributionRanking.kind: by_attribution,
    RandomRanking.kind: at_random,
    SobelRanking.kind: by_edges,
}


def ranking(spec: RankingSpec, context: Context) -> Ranks:
    """Return a ranking of all training and test images; computations share one copy."""

    def make() -> Ranks:
        return RANKINGS[spec.kind](spec, context)

    return context.shared(f"ranks/{TURNS.now}/{spec.key}", make, lambda made: made.nbytes)


def removal(occlusion: Occlusion, context: Context) -> Ranks:
    """Return the ranking behind an occlusion, or the masks where they are drawn pixel by pixel."""
    spec = occlusion.ranking
    if not isinstance(spec, RandomRanking) or spec.form == "corrected":
        return ranking(spec, context)

    def make() -> Ranks:
        return drawn_masks(spec, occlusion, context)

    name = f"masks/{spec.key}/{occlusion.mode}/{occlusion.fraction_removed}"
    return context.shared(name, make, lambda made: made.nbytes)


def drawn_masks(spec: RandomRanking, occlusion: Occlusion, context: Context) -> Ranks:
    """Draw whether each pixel is removed, with a probability of ``occlusion.fraction_removed``.

    Every mode and fraction has a drawing of its own. Source: Kim, Seo, Jeon 2019, released code.
    """
    images = device_images(context, spec.images)
    share = occlusion.fraction_removed
    generator = context.generator(f"random mask {occlusion.mode} {share}", spec.seed)

    def drawn(block: Tensor) -> Tensor:
        return torch.rand((len(block), block[0, 0].numel()), generator=generator) < share

    return _whole(images, drawn, torch.bool, context)


def _ranks(
    images: DeviceImages,
    importance: Callable[[Tensor], Tensor],
    generator: torch.Generator,
    context: Context,
) -> Ranks:
    def ranked(block: Tensor) -> Tensor:
        return ranks_of(importance(block), generator)

    return _whole(images, ranked, rank_type(math.prod(images.shape[1:])), context)


def _whole(
    images: DeviceImages, work: Callable[[Tensor], Tensor], dtype: torch.dtype, context: Context
) -> Ranks:
    """Return what ``work`` makes of all images (n, C, H, W) -> (n, H*W), block by block."""

    def part(pixels: Tensor) -> Tensor:
        size = math.prod(pixels.shape[2:])
        found = _room(len(pixels), size, dtype, context)
        for block in blocks(len(pixels), BYTES_A_PIXEL * size, most=BATCH, limit=BLOCK_BYTES):
            context.check_cancelled()
            context.progress(block.start, len(pixels), "ranked images")
            found[block] = work(pixels[block])
        return found

    return Ranks(part(images.train), part(images.test))


def _room(count: int, pixels: int, dtype: torch.dtype, context: Context) -> Tensor:
    """Return an empty tensor (count, pixels); on a CPU in a mapped file if it is large."""
    if context.device.type != "cpu":
        return torch.empty((count, pixels), dtype=dtype, device=context.device)
    kind: Any = getattr(np, str(dtype).removeprefix("torch."))
    with scratch_in(context.study.path / "checkpoints"):
        return torch.from_numpy(room((count, pixels), kind, IN_MEMORY))
