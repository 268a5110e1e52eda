"""Common corruptions of images, at five severities each, and the accuracy that they leave.

Source: Hendrycks, Dietterich 2019, with the constants of the code that they released.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from engine.attacks.losses import stands
from engine.jobs.context import Context
from engine.jobs.device_images import layout
from engine.networks.gradients import as_unit, logits_of
from engine.specs import CorruptedAccuracy
from engine.specs.measures import CORRUPTIONS, SEVERITIES
from engine.specs.schema import SpecError
from engine.store.study import Result
from engine.training.evaluation import BATCH

SMALL = 64
"""Sides up to this, in px, take the constants of CIFAR-10-C; larger images those of ImageNet-C."""
REACH = 4.0  # standard deviations after which the blur's kernel ends, as in scikit-image

CONSTANTS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "gaussian_noise": ((0.04, 0.06, 0.08, 0.09, 0.10), (0.08, 0.12, 0.18, 0.26, 0.38)),
    "gaussian_blur": ((0.4, 0.6, 0.7, 0.8, 1.0), (1, 2, 3, 4, 6)),
    "jpeg": ((80, 65, 58, 50, 40), (25, 18, 15, 10, 7)),
    "brightness": ((0.05, 0.1, 0.15, 0.2, 0.3), (0.1, 0.2, 0.3, 0.4, 0.5)),
    "contrast": ((0.75, 0.5, 0.4, 0.3, 0.15), (0.4, 0.3, 0.2, 0.1, 0.05)),
}
"""By severity, for small and for large images: deviation, deviation in px, quality, added value,
and factor."""


def corrupted_accuracy(
    model: nn.Module, images: Tensor, labels: Tensor, spec: CorruptedAccuracy, context: Context
) -> Result:
    """Metric "corrupted_accuracy": accuracy on the images as they are and on corrupted ones.

    The noise is drawn once: all severities share it up to scale.

    Returns
    -------
    Result
        Numbers in [0, 1]: ``clean_accuracy``, the mean over severities of each corruption, and
        ``mean_corrupted_accuracy`` over all. Arrays: ``corruptions``, float64 (5, 6), a row for
        each of :data:`engine.specs.measures.CORRUPTIONS`, a column for each severity from 0.

    Raises
    ------
    SpecError
        If the images have neither 1 nor 3 channels.
    """
    if images.shape[1] not in (1, 3):
        raise SpecError(
            f"images have {images.shape[1]} channels, {spec.label} needs 1 (grey) or 3 (RGB)"
        )
    found = np.zeros((len(CORRUPTIONS), 1 + SEVERITIES))
    done = 0
    for severity in range(1 + SEVERITIES):
        for row, name in enumerate(CORRUPTIONS):
            if severity == 0 and row:
                found[row, 0] = found[0, 0]
                continue
            context.progress(done, 1 + len(CORRUPTIONS) * SEVERITIES, "corruptions")
            found[row, severity] = _accuracy(model, images, labels, name, severity, context)
            done += 1
    means = found[:, 1:].mean(1)
    return Result(
        numbers={
            "clean_accuracy": float(found[0, 0]),
            "mean_corrupted_accuracy": float(means.mean()),
            **{f"{name}_accuracy": float(v) for name, v in zip(CORRUPTIONS, means, strict=True)},
        },
        arrays={"corruptions": found},
    )


def _accuracy(
    model: nn.Module, images: Tensor, labels: Tensor, name: str, severity: int, context: Context
) -> float:
    generator = context.generator("corruption", 0, context.device)
    right = 0
    for pixels, truth in zip(torch.split(images, BATCH), torch.split(labels, BATCH), strict=True):
        context.check_cancelled()
        batch = as_unit(pixels)
        if severity:
            batch = corrupt(batch, name, severity, generator)
        right += int(stands(logits_of(model, layout(batch)), truth).sum())
    return right / max(1, len(images))


def corrupt(images: Tensor, name: str, severity: int, generator: torch.Generator) -> Tensor:
    """Return corrupted copies of images.

    Parameters
    ----------
    images
        (N, C, H, W) in [0, 1], C is 1 or 3.
    name
        One of :data:`engine.specs.measures.CORRUPTIONS`.
    severity
        1 to 5.
    generator
        Of the images' device; draws the noise.

    Returns
    -------
    Tensor
        Like ``images``, in [0, 1].
    """
    large = max(images.shape[-2:]) > SMALL
    constant = CONSTANTS[name][large][severity - 1]
    return CORRUPT[name](images, constant, generator).clamp(0, 1)


def _noise(images: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    noise = torch.randn(images.shape, generator=generator, device=images.device)
    return images + deviation * noise


def _blur(images: Tensor, deviation: float, _: torch.Generator) -> Tensor:
    """Convolve with a Gaussian along both axes; beyond the edges, the edge's pixels go on."""
    reach = int(REACH * deviation + 0.5)
    at = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    kernel = torch.exp(-(at**2) / (2 * deviation**2))
    kernel = (kernel / kernel.sum()).reshape(1, 1, 1, -1)
    flat = images.flatten(0, 1).unsqueeze(1)
    flat = functional.conv2d(functional.pad(flat, (reach, reach, 0, 0), mode="replicate"), kernel)
    flat = functional.pad(flat, (0, 0, reach, reach), mode="replicate")
    return functional.conv2d(flat, kernel.transpose(2, 3)).reshape(images.shape)


def _jpeg(images: Tensor, quality: float, _: torch.Generator) -> Tensor:
    """Write every image as a JPEG and read it again; 8 bits a channel."""
    pixels = (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    found = np.empty_like(pixels)
    for index, picture in enumerate(pixels):
        buffer = io.BytesIO()
        Image.fromarray(picture.squeeze(2) if picture.shape[2] == 1 else picture).save(
            buffer, "JPEG", quality=int(quality)
        )
        buffer.seek(0)
        with Image.open(buffer) as read:
            found[index] = np.asarray(read).reshape(picture.shape)
    return torch.from_numpy(found).to(images.device).permute(0, 3, 1, 2).to(images.dtype) / 255


def _brightness(images: Tensor, added: float, _: torch.Generator) -> Tensor:
    """Raise the value of HSV, the largest channel; hue and saturation stay."""
    value = images.amax(1, keepdim=True)
    raised = (value + added).clamp(max=1)
    return torch.where(value > 0, images * raised / value.clamp_min(1e-12), raised)


def _contrast(images: Tensor, factor: float, _: torch.Generator) -> Tensor:
    """Draw every channel of an image towards its mean."""
    mean = images.mean((2, 3), keepdim=True)
    return (images - mean) * factor + mean


CORRUPT: dict[str, Callable[[Tensor, float, torch.Generator], Tensor]] = {
    "gaussian_noise": _noise,
    "gaussian_blur": _blur,
    "jpeg": _jpeg,
    "brightness": _brightness,
    "contrast": _contrast,
}
