"""Random changes of a batch of training images, on their device; see the spec Augmentation.

All random numbers are drawn on the CPU and moved to the device, a few for each image, so the same
seed changes images alike on every device. Images are float32 (N, C, H, W) in [0, 1] and stay so.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from engine.specs import Augmentation
from engine.specs.schema import SpecError
from engine.training.augmenting.colours import blended, brighter, grey, shifted_hue
from engine.training.augmenting.rand_augment import operate


def check_fits(spec: Augmentation, shape: tuple[int, int, int]) -> None:
    """Raise :class:`SpecError` if images of (C, H, W) cannot be changed so."""
    side = min(shape[1:])
    if side == 1:
        raise SpecError("augmentation is given, must be empty: points of the plane are no images")
    most = side - 1 if spec.border == "reflect" else side
    if spec.padding > most:
        raise SpecError(
            f"augmentation.padding is {spec.padding}, must be at most {most} for images of "
            f"{shape[2]}x{shape[1]} px"
        )


def augment(images: Tensor, spec: Augmentation, generator: torch.Generator) -> Tensor:
    """Return changed images; the given ones stay as they are.

    Parameters
    ----------
    generator
        A CPU generator.
    """
    if spec.padding:
        images = _cropped(images, spec.padding, spec.border, generator)
    if spec.flip:
        flipped = _uniform(images, 0.0, 1.0, generator) < 0.5
        images = torch.where(flipped, images.flip(-1), images)
    for _ in range(spec.operations):
        images = operate(images, spec.magnitude, generator)
    return _jittered(images, spec, generator)


def _uniform(images: Tensor, low: float, high: float, generator: torch.Generator) -> Tensor:
    """Return a number for each image, (N, 1, 1, 1)."""
    drawn = torch.rand(len(images), 1, 1, 1, generator=generator)
    return (low + (high - low) * drawn).to(images.device)


def _cropped(images: Tensor, padding: int, border: str, generator: torch.Generator) -> Tensor:
    """Return every image shifted by up to ``padding`` px in both directions."""
    count, channels, height, width = images.shape
    mode = "constant" if border == "black" else "reflect"
    padded = functional.pad(images, [padding] * 4, mode=mode)
    corners = torch.randint(2 * padding + 1, (2, count, 1), generator=generator).to(images.device)
    rows = corners[0] + torch.arange(height, device=images.device)
    columns = corners[1] + torch.arange(width, device=images.device)
    image, channel = (torch.arange(n, device=images.device) for n in (count, channels))
    return padded[
        image[:, None, None, None],
        channel[:, None, None],
        rows[:, None, :, None],
        columns[:, None, None, :],
    ]


def _jittered(images: Tensor, spec: Augmentation, generator: torch.Generator) -> Tensor:
    """Change brightness, contrast, saturation and hue, as torchvision's ColorJitter does."""
    if spec.brightness:
        factor = _uniform(images, 1 - spec.brightness, 1 + spec.brightness, generator)
        images = brighter(images, factor)
    if spec.contrast:
        factor = _uniform(images, 1 - spec.contrast, 1 + spec.contrast, generator)
        images = blended(images, grey(images).mean((2, 3), keepdim=True), factor)
    if spec.saturation:
        factor = _uniform(images, 1 - spec.saturation, 1 + spec.saturation, generator)
        images = blended(images, grey(images), factor)
    if spec.hue:
        images = shifted_hue(images, _uniform(images, -spec.hue, spec.hue, generator))
    return images
