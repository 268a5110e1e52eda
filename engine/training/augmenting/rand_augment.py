"""RandAugment on a batch: one random operation for every image.

Operations and strengths are those of torchvision's RandAugment; it resamples to the nearest pixel,
this module bilinearly. Source: Cubuk 2020, "RandAugment", section 3 and appendix.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from engine.training.augmenting.colours import (
    blended,
    brighter,
    equalized,
    grey,
    posterized,
    smoothed,
    solarized,
    stretched,
)

STRONGEST = 30
SHEAR = 0.3
SHIFT = 150 / 331  # of the width or height
TURN = math.radians(30)
FACTOR = 0.9
BITS = 4

Operation = Callable[[Tensor, Tensor, float], Tensor]
"""(images (N, C, H, W), signs (N, 1, 1, 1) of -1 or 1, strength in [0, 1]) -> images."""


def operate(images: Tensor, magnitude: int, generator: torch.Generator) -> Tensor:
    """Return the images after one operation each, drawn from :data:`OPERATIONS`.

    Parameters
    ----------
    magnitude
        0 to 30.
    generator
        A CPU generator.
    """
    chosen = torch.randint(len(OPERATIONS), (len(images),), generator=generator)
    signs = 1 - 2 * torch.randint(2, (len(images), 1, 1, 1), generator=generator).float()
    result = images.clone()
    for number, operation in enumerate(OPERATIONS.values()):
        # Looked up on the CPU: the device would have to be waited for.
        places = torch.nonzero(chosen == number)[:, 0]
        if not len(places):
            continue
        there = places.to(images.device)
        some = signs[places].to(images.device, images.dtype)
        result[there] = operation(images[there], some, magnitude / STRONGEST)
    return result


def warped(images: Tensor, matrices: Tensor) -> Tensor:
    """Return the images read at other places, black outside.

    Parameters
    ----------
    matrices
        (N, 2, 3): maps (x, y, 1) in pixels from the middle of the result to places in the image.
    """
    height, width = images.shape[2:]
    half = torch.tensor([width / 2, height / 2], dtype=images.dtype, device=images.device)
    scale = torch.cat([half, half.new_ones(1)])
    normalised = matrices * scale / half[:, None]
    grid = functional.affine_grid(normalised, list(images.shape), align_corners=False)
    read = functional.grid_sample(images, grid, "bilinear", "zeros", align_corners=False)
    return read.clamp(0, 1)


def _matrices(images: Tensor, entries: tuple[tuple[int, int, Tensor], ...]) -> Tensor:
    """Return the identity, (N, 2, 3), with some (row, column) set to values (N, 1, 1, 1)."""
    matrices = torch.eye(2, 3, dtype=images.dtype, device=images.device)
    matrices = matrices.repeat(len(images), 1, 1)
    for row, column, values in entries:
        matrices[:, row, column] = values[:, 0, 0, 0]
    return matrices


def _shear_x(images: Tensor, signs: Tensor, strength: float) -> Tensor:
    # The upper left corner stays in place, hence the shift of the middle.
    shear = signs * (SHEAR * strength)
    shift = shear * (images.shape[2] / 2)
    return warped(images, _matrices(images, ((0, 1, shear), (0, 2, shift))))


def _shear_y(images: Tensor, signs: Tensor, strength: float) -> Tensor:
    shear = signs * (SHEAR * strength)
    shift = shear * (images.shape[3] / 2)
    return warped(images, _matrices(images, ((1, 0, shear), (1, 2, shift))))


def _translate_x(images: Tensor, signs: Tensor, strength: float) -> Tensor:
    shift = signs * int(SHIFT * images.shape[3] * strength)
    return warped(images, _matrices(images, ((0, 2, shift),)))


def _translate_y(images: Tensor, signs: Tensor, strength: float) -> Tensor:
    shift = signs * int(SHIFT * images.shape[2] * strength)
    return warped(images, _matrices(images, ((1, 2, shift),)))


def _rotate(images: Tensor, signs: Tensor, strength: float) -> Tensor:
    angle = signs * (TURN * strength)
    cos, sin = angle.cos(), angle.sin()
    return warped(images, _matrices(images, ((0, 0, cos), (0, 1, -sin), (1, 0, sin), (1, 1, cos))))


def _factor(signs: Tensor, strength: float) -> Tensor:
    return 1 + signs * (FACTOR * strength)


OPERATIONS: dict[str, Operation] = {
    "identity": lambda images, signs, strength: images,
    "shear_x": _shear_x,
    "shear_y": _shear_y,
    "translate_x": _translate_x,
    "translate_y": _translate_y,
    "rotate": _rotate,
    "brightness": lambda i, signs, strength: brighter(i, _factor(signs, strength)),
    "colour": lambda i, signs, strength: blended(i, grey(i), _factor(signs, strength)),
    "contrast": lambda i, signs, strength: blended(
        i, grey(i).mean((2, 3), keepdim=True), _factor(signs, strength)
    ),
    "sharpness": lambda i, signs, strength: blended(i, smoothed(i), _factor(signs, strength)),
    "posterize": lambda i, signs, strength: posterized(i, 8 - round(BITS * strength)),
    "solarize": lambda i, signs, strength: solarized(i, 1 - strength),
    "autocontrast": lambda i, signs, strength: stretched(i),
    "equalize": lambda i, signs, strength: equalized(i),
}
"""Name -> operation; an image's is drawn evenly from them."""
