"""Attributions that hide parts of the image and ask the network again: occlusion and RISE."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.attribution.methods import QUANTITIES, checked_classes
from engine.networks.gradients import InputError, logits_of
from engine.specs.attributions import DIGITS, GREY

AT_ONCE = 500
"""Masked images in a forward pass."""

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
    masks = torch.ones((len(rows) * len(columns), 1, *images.shape[2:]), dtype=images.dtype)
    for number, (row, column) in enumerate((r, c) for r in rows for c in columns):
        masks[number, :, row, column] = 0
    whole, scores = _scores(model, images, labels, masks, QUANTITIES[quantity], GREY[baseline])
    hidden = 1 - masks.to(images).flatten(1)
    lost = (whole[:, None] - scores) @ hidden / hidden.sum(0)
    return lost.view(len(images), 1, *images.shape[2:]).expand_as(images)


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
    drawn = random_masks(masks, grid, probability, (height, width), own).to(images.dtype)
    score: Score = QUANTITIES[quantity]
    if quantity == "log_probability":
        score = _probability
    _, scores = _scores(model, images, labels, drawn, score, GREY[baseline])
    centred = scores - scores.mean(1, keepdim=True)
    found = centred @ drawn.to(images).flatten(1) / (masks * probability)
    return found.view(len(images), 1, height, width).expand_as(images)


def random_masks(
    count: int, grid: int, probability: float, size: tuple[int, int], generator: torch.Generator
) -> Tensor:
    """Return smooth masks (count, 1, H, W) in [0, 1]: enlarged random grids, randomly shifted.

    Source: Petsiuk 2018, section 3.2.
    """
    cells = [math.ceil(side / grid) for side in size]
    coarse = (torch.rand((count, 1, grid, grid), generator=generator) < probability).float()
    shifts = [torch.randint(cell, (count,), generator=generator).tolist() for cell in cells]
    found = torch.empty((count, 1, *size))
    enlarged = [(grid + 1) * cell for cell in cells]
    for start in range(0, count, AT_ONCE):
        large = functional.interpolate(
            coarse[start : start + AT_ONCE], size=enlarged, mode="bilinear", align_corners=False
        )
        for number, one in enumerate(large, start):
            row, column = shifts[0][number], shifts[1][number]
            found[number] = one[:, row : row + size[0], column : column + size[1]]
    return found.clamp_(0, 1)  # interpolation rounds to just above 1


def _scores(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | None,
    masks: Tensor,
    score: Score,
    grey: float,
) -> tuple[Tensor, Tensor]:
    """Return the score of the images (N,), and of each image under each mask (N, M).

    The class is that of the whole image.
    """
    logits, classes = logits_of(model, images), checked_classes(images, labels)
    classes = torch.where(classes < 0, logits.argmax(1), classes)
    found = []
    for some in torch.split(masks, max(1, AT_ONCE // len(images))):
        visible = some.to(images)
        masked = images[:, None] * visible + grey * (1 - visible)
        answers = score(
            logits_of(model, masked.flatten(0, 1)), classes.repeat_interleave(len(some))
        )
        found.append(answers.view(len(images), len(some)).to(images))
    return score(logits, classes).to(images), torch.cat(found, dim=1)


def _probability(logits: Tensor, classes: Tensor) -> Tensor:
    return logits.softmax(1).gather(1, classes[:, None])[:, 0]
