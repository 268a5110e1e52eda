"""Attributions that hide parts of the image and ask the network again: occlusion and RISE."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.attribution.methods import QUANTITIES, checked_classes
from engine.devices.wide import wide
from engine.networks.gradients import InputError, logits_of
from engine.specs.attributions import DIGITS, GREY

AT_ONCE = 500
"""Masked images in a forward pass, at most."""

VALUES = 2**24
"""Numbers in the masked images of a forward pass, at most: 64 MB in float32."""

Masks = Callable[[slice], Tensor]
Score = Callable[[Tensor, Tensor], Tensor]


def occlusion_map(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | None = None,
    *,
    quantity: str = "log_probability",
    window: float = 0.2,
    stride: float = 0.1,
    baseline: str = "grey",
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return how much of the quantity is lost where a window is covered, averaged over windows.

    Source: Zeiler, Fergus 2014, section 4.2; averaged over windows as captum does.

    Parameters
    ----------
    quantity
        As for :func:`engine.attribution.methods.gradient`; the class is that of the whole image.
    window, stride
        In parts of the height and the width; a window is rounded up to whole pixels.
    baseline
        A key of :data:`engine.specs.attributions.GREY`: the colour that covers.

    Returns
    -------
    Tensor (N, C, H, W)
        Signed, in nats (logits), the same in all channels.
    """
    if not len(images):
        return torch.empty_like(images)
    rows, columns = (windows(side, window, stride) for side in images.shape[2:])
    places = [(row, column) for row in rows for column in columns]

    def some(part: slice) -> Tensor:
        masks = torch.ones((len(places[part]), 1, *images.shape[2:]))
        for mask, (row, column) in zip(masks, places[part], strict=True):
            mask[:, row, column] = 0
        return masks

    sums = _sums(model, images, labels, some, len(places), QUANTITIES[quantity], GREY[baseline])
    # Where a window covers, the mask is 0: what is left out of all sums is the sum over them.
    hidden = len(places) - sums.shown
    lost = (sums.shown_change - sums.change[:, None]) / hidden
    return lost.to(images).view(len(images), 1, *images.shape[2:]).expand_as(images)


def windows(side: int, window: float, stride: float) -> list[slice]:
    """Return the windows along a side of so many pixels; the last one ends at the border.

    Parameters
    ----------
    window, stride
        In parts of the side. On few pixels, windows may be equal.
    """
    size = math.ceil(round(window * side, DIGITS))
    count = math.ceil(round((1.0 - window) / stride, DIGITS)) + 1
    # Sizes are rounded up and starts down: then no pixel is left out between two windows.
    starts = [
        min(math.floor(round(number * stride * side, DIGITS)), side - size)
        for number in range(count)
    ]
    return [slice(start, start + size) for start in starts]


def rise(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | None = None,
    *,
    quantity: str = "log_probability",
    masks: int = 4000,
    grid: int = 7,
    probability: float = 0.5,
    baseline: str = "black",
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return the mean score over masks that show a pixel, less the mean score over all masks.

    The same masks serve all images: they are drawn from the seed of the generator. Source: Petsiuk
    2018, eq. 6; less the mean, so that ranks are the same and a pixel without effect has about 0.

    Parameters
    ----------
    quantity
        "log_probability": the score is the probability, as in the source; "logit": the logit.
    masks, grid, probability
        Number of masks, cells along a side, and how often a cell is visible.
    baseline
        A key of :data:`engine.specs.attributions.GREY`: the colour behind a mask.

    Returns
    -------
    Tensor (N, C, H, W)
        Signed, in the unit of the score, the same in all channels.
    """
    if generator is None:
        raise InputError("the masks of RISE are random, and no generator is given")
    if not len(images):
        return torch.empty_like(images)
    own = torch.Generator().manual_seed(generator.initial_seed())
    height, width = images.shape[2:]
    some = random_masks(masks, grid, probability, (height, width), own)
    score: Score = QUANTITIES[quantity]
    if quantity == "log_probability":
        score = _probability
    sums = _sums(model, images, labels, some, masks, score, GREY[baseline])
    centred = sums.shown_change - sums.change[:, None] * sums.shown / masks
    found = (centred / (masks * probability)).to(images)
    return found.view(len(images), 1, height, width).expand_as(images)


def random_masks(
    count: int, grid: int, probability: float, size: tuple[int, int], generator: torch.Generator
) -> Masks:
    """Return a function that makes some of ``count`` masks: smooth, randomly shifted grids.

    All masks of a large image at once would take gigabytes. Source: Petsiuk 2018, section 3.2.

    Returns
    -------
    A function of a slice of the masks, which returns Tensor (M, 1, H, W) in [0, 1].
    """
    cells = [math.ceil(side / grid) for side in size]
    coarse = (torch.rand((count, 1, grid, grid), generator=generator) < probability).float()
    rows, columns = (torch.randint(cell, (count,), generator=generator).tolist() for cell in cells)
    enlarged = [(grid + 1) * cell for cell in cells]

    def some(part: slice) -> Tensor:
        large = functional.interpolate(
            coarse[part], size=enlarged, mode="bilinear", align_corners=False
        )
        shifted = [
            one[:, row : row + size[0], column : column + size[1]]
            for one, row, column in zip(large, rows[part], columns[part], strict=True)
        ]
        return torch.stack(shifted).clamp_(0, 1)  # interpolation rounds to just above 1

    return some


@dataclass(frozen=True)
class _Sums:
    """Sums over masks, in float64.

    Attributes
    ----------
    change
        (N,), of the scores of masked images, less the score of the whole image.
    shown
        (H * W,), of the masks.
    shown_change
        (N, H * W), of their products.
    """

    change: Tensor
    shown: Tensor
    shown_change: Tensor


def _sums(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | None,
    some: Masks,
    count: int,
    score: Score,
    grey: float,
) -> _Sums:
    """Ask the network about each image under each mask; the class is that of the whole image."""
    logits, classes = logits_of(model, images), checked_classes(images, labels)
    classes = torch.where(classes < 0, logits.argmax(1), classes)
    whole = wide(score(logits, classes))
    pixels = images.shape[2] * images.shape[3]
    change = torch.zeros(len(images), dtype=torch.float64, device=whole.device)
    shown, shown_change = change.new_zeros(pixels), change.new_zeros((len(images), pixels))
    at_once = max(1, min(AT_ONCE, VALUES // images[0].numel()) // len(images))
    for start in range(0, count, at_once):
        masks = some(slice(start, min(start + at_once, count))).to(images)
        masked = images[:, None] * masks + grey * (1 - masks)
        answers = score(
            logits_of(model, masked.flatten(0, 1)), classes.repeat_interleave(len(masks))
        )
        changes = wide(answers).view(len(images), len(masks)) - whole[:, None]
        flat = wide(masks.flatten(1))
        change += changes.sum(1)
        shown += flat.sum(0)
        shown_change += changes @ flat
    return _Sums(change, shown, shown_change)


def _probability(logits: Tensor, classes: Tensor) -> Tensor:
    return logits.softmax(1).gather(1, classes[:, None])[:, 0]
