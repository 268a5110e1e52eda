"""Colour operations on batches of images in [0, 1], each image with its own strength.

Images are float (N, C, H, W), factors (N, 1, 1, 1). Images with other than three channels have no
colours: their grey image is themselves, and their hue does not change. Definitions are those of
torchvision.transforms.v2.functional.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

LUMINANCE = (0.2989, 0.587, 0.114)
LEVELS = 256


def brighter(images: Tensor, factor: Tensor) -> Tensor:
    """Return the images times a factor of at least 0, clipped at 1."""
    return (images * factor).clamp(0, 1)


def blended(images: Tensor, others: Tensor, factor: Tensor) -> Tensor:
    """Return factor * images + (1 - factor) * others, clipped to [0, 1]."""
    return (factor * images + (1 - factor) * others).clamp(0, 1)


def grey(images: Tensor) -> Tensor:
    """Return the grey images, (N, 1, H, W); without three channels the images themselves."""
    if images.shape[1] != 3:
        return images
    weights = torch.tensor(LUMINANCE, dtype=images.dtype, device=images.device)
    return (images * weights.reshape(3, 1, 1)).sum(1, keepdim=True)


def shifted_hue(images: Tensor, turn: Tensor) -> Tensor:
    """Return the images with their hues turned by a share of the colour wheel in [-1, 1]."""
    if images.shape[1] != 3:
        return images
    top, channel = images.max(1)
    span = top - images.min(1).values
    safe = torch.where(span > 0, span, torch.ones_like(span))
    red, green, blue = images.unbind(1)
    sector = torch.stack([(green - blue), (blue - red), (red - green)], 1) / safe[:, None]
    offset = torch.tensor([0.0, 2.0, 4.0], device=images.device).reshape(1, 3, 1, 1)
    hue = (sector + offset).gather(1, channel[:, None])[:, 0] / 6
    hue = (hue + turn[:, 0]) % 1
    # Each channel falls from the top by the span where the hue is far from its own.
    place = torch.tensor([5.0, 3.0, 1.0], device=images.device).reshape(1, 3, 1, 1)
    distance = (place + hue[:, None] * 6) % 6
    fall = torch.minimum(distance, 4 - distance).clamp(0, 1)
    turned: Tensor = (top[:, None] - span[:, None] * fall).clamp(0, 1)
    return turned


def posterized(images: Tensor, bits: int) -> Tensor:
    """Return the images with the upper ``bits`` of 8 bits of every value."""
    step = 2 ** (8 - bits)
    kept: Tensor = ((images * (LEVELS - 1)).round() / step).floor() * (step / (LEVELS - 1))
    return kept


def solarized(images: Tensor, threshold: float) -> Tensor:
    """Return the images with all values of at least ``threshold`` inverted."""
    return torch.where(images >= threshold, 1 - images, images)


def stretched(images: Tensor) -> Tensor:
    """Return the images with every channel scaled to reach from 0 to 1; flat ones stay."""
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    flat = high == low
    span = torch.where(flat, torch.ones_like(high), high - low)
    return torch.where(flat, images, ((images - low) / span).clamp(0, 1))


def equalized(images: Tensor) -> Tensor:
    """Return the images with a flat histogram of 256 levels in every channel, as Pillow's."""
    levels = (images * (LEVELS - 1)).round().long().flatten(2)
    counts = torch.zeros(*levels.shape[:2], LEVELS, dtype=torch.long, device=images.device)
    counts.scatter_add_(2, levels, torch.ones_like(levels))
    highest = counts.gather(2, levels.amax(2, keepdim=True))
    step = (levels.shape[2] - highest) // (LEVELS - 1)
    table = (counts.cumsum(2) - counts + step // 2) // step.clamp_min(1)
    table = torch.where(step == 0, torch.arange(LEVELS, device=images.device), table)
    new = table.clamp(0, LEVELS - 1).gather(2, levels).reshape(images.shape)
    return new.to(images.dtype) / (LEVELS - 1)


def smoothed(images: Tensor) -> Tensor:
    """Return the images averaged over 3x3 pixels with weight 5 in the middle; the border stays."""
    if min(images.shape[2:]) < 3:
        return images
    kernel = torch.ones(3, 3, dtype=images.dtype, device=images.device)
    kernel[1, 1] = 5.0
    weight = (kernel / kernel.sum()).expand(images.shape[1], 1, 3, 3)
    inner = functional.conv2d(images, weight, groups=images.shape[1])
    result = images.clone()
    result[:, :, 1:-1, 1:-1] = inner
    return result
