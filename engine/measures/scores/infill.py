"""Fill hidden pixels with a noisy mean of their neighbours, for many images at once on the device.

Source: Rong 2022, section 4.2, noisy linear imputation, and the weights of the code they released.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.devices.wide import wide
from engine.memory import blocks

SIDE, CORNER = 1 / 6, 1 / 12
"""Weights of the neighbours beside a pixel and at its corners."""

TOLERANCE = 1e-9
"""Largest residual, in pixel units, of any hidden pixel; in float32, where there is no float64,
:data:`COARSE`. Errors are larger by at most the number of steps in which a random walk leaves a
hole, which is hundreds."""
COARSE = 1e-6
BYTES_A_VALUE = 80  # of the ten arrays of float64 that the solver holds


def fill(
    images: Tensor,
    hidden: Tensor,
    noise: float = 0.0,
    generator: torch.Generator | None = None,
    check_cancelled: Callable[[], None] = lambda: None,
) -> Tensor:
    """Return images whose hidden pixels are the weighted mean of their eight neighbours.

    A neighbour that is hidden counts with its own filled value, so that all of them together solve
    a linear system; beyond the border there are no neighbours. Noise is added afterwards.

    Parameters
    ----------
    images
        (N, C, H, W) in [0, 1].
    hidden
        bool (N, H, W); at least one pixel of each image is not hidden.
    noise
        Standard deviation of the Gaussian noise, in pixel units; the result is limited to [0, 1].
    generator
        On the CPU; needed if there is noise.
    check_cancelled
        Called before every block of images; may raise.

    Returns
    -------
    Tensor
        Like ``images``; pixels that are not hidden are the same.
    """
    found = images.clone()
    for part in blocks(len(images), BYTES_A_VALUE * images[:1].numel()):
        check_cancelled()
        holes = hidden[part, None].expand_as(images[part])
        filled = _solved(images[part], holes).to(images)
        if noise:
            drawn = torch.randn(filled.shape, generator=generator).to(filled)
            filled = (filled + noise * drawn).clamp(0, 1)
        found[part] = torch.where(holes, filled, images[part])
    return found


def _solved(images: Tensor, holes: Tensor) -> Tensor:
    """Solve for the hidden pixels by conjugate gradients, all images at once.

    The system is symmetric, as a weight is the same both ways, and positive definite, as every
    hole touches a pixel that is not hidden.
    """
    exact = images.device.type != "mps"
    work = (wide(images) if exact else images.float()).contiguous()
    inside, weight = holes.to(work), _neighbours(torch.ones_like(work))
    known = work * (1 - inside)
    visible = (1 - inside).sum((2, 3), keepdim=True).clamp_min(1)
    value = inside * (known.sum((2, 3), keepdim=True) / visible)
    residual = inside * (_neighbours(known) - weight * value + _neighbours(value))
    direction = residual / weight
    size = _dot(residual, direction)
    limit = TOLERANCE if exact else COARSE
    for _ in range(10 * work.shape[2] * work.shape[3]):
        if float(residual.abs().amax()) <= limit:
            break
        image_of = inside * (weight * direction - _neighbours(direction))
        length = size / _dot(direction, image_of).clamp_min(torch.finfo(work.dtype).tiny)
        value = value + length * direction
        residual = residual - length * image_of
        scaled = residual / weight
        before, size = size, _dot(residual, scaled)
        direction = scaled + size / before.clamp_min(torch.finfo(work.dtype).tiny) * direction
    return value


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum((2, 3), keepdim=True)


def _neighbours(values: Tensor) -> Tensor:
    """Return the weighted sum over the eight neighbours inside the image, (N, C, H, W).

    The weights with a centre of 4/12 are the product of (1, 2, 1) along both axes, over 12.
    """
    rows = 2 * values
    rows[:, :, 1:] += values[:, :, :-1]
    rows[:, :, :-1] += values[:, :, 1:]
    total = 2 * rows
    total[:, :, :, 1:] += rows[:, :, :, :-1]
    total[:, :, :, :-1] += rows[:, :, :, 1:]
    return total * CORNER - values * (4 * CORNER)
