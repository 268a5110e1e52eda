"""Attributions: a signed importance for every pixel and channel of an image.

What is explained is one quantity of one class of each image (see :data:`QUANTITIES`), by default
its log-probability, which is the negative cross-entropy of that class: positive values speak for
it. :mod:`engine.attribution.table` names the methods and runs them.
"""

from __future__ import annotations

import torch
from numpy.polynomial.legendre import leggauss
from torch import Tensor, nn

from engine.attacks.losses import xent
from engine.networks.gradients import ImageLoss, InputError, input_gradients, logits_of
from engine.specs.attributions import GREY

LARGEST_SEED = 2**62

PREDICTED = -1
"""The label that stands for the class the network itself predicts, as does any below 0."""


def gradient(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | None = None,
    *,
    quantity: str = "log_probability",
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return the gradient of the log-probability of the predicted label.

    Taken per image, in evaluation mode. Where a network is certain, the gradient is small but its
    direction is kept (see :func:`engine.attacks.losses.xent`); it is exactly zero in float32 only
    where the other classes together are less probable than about 1e-38. Values of different images,
    or of different networks, therefore compare in size only with care.
    Source: Simonyan 2014; Kim, Seo, Jeon 2019, loss gradients. With their pixels in [-1, 1] the
    numbers are half of these.

    Parameters
    ----------
    model
        Gives logits (N, K).
    images : Tensor (N, C, H, W), floating point in [0, 1]
    labels : Tensor (N,), int64, optional
        Classes to explain instead; :data:`PREDICTED` where it is to be the predicted one.
    quantity
        A key of :data:`QUANTITIES`: what of the class is explained.
    generator
        Accepted as by every attribution; nothing is random here.

    Returns
    -------
    Tensor (N, C, H, W)
        Signed, in nats (logits) per pixel unit.

    Raises
    ------
    InputError
        If labels or the network's output do not fit the images.
    """
    classes = checked_classes(images, labels)
    _, gradients = input_gradients(model, images, classes, QUANTITIES[quantity])
    return gradients


def gradient_x_input(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | None = None,
    *,
    quantity: str = "log_probability",
    input_range: str = "signed",
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return the :func:`gradient` times the image, in nats up to the unit of the image.

    Parameters
    ----------
    quantity
        As for :func:`gradient`.
    input_range
        "signed": the image in [-1, 1], as in the paper, where mid-grey counts as nothing.
        "unit": the image in [0, 1], where black does. Both multiply the same gradient.

    Notes
    -----
    Source: Shrikumar 2017; Kim, Seo, Jeon 2019.
    """
    factor = 2.0 * images - 1.0 if input_range == "signed" else images
    return gradient(model, images, labels, quantity=quantity) * factor


def integrated_gradients(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | None = None,
    *,
    quantity: str = "log_probability",
    steps: int = 32,
    baseline: str = "black",
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return the mean :func:`gradient` on the straight way from a constant image, times the way.

    The integral is taken by Gauss-Legendre quadrature with ``steps`` points; the class is the one
    explained at the image itself, on the whole way. Source: Sundararajan, Taly, Yan 2017, eq. 1.

    Parameters
    ----------
    quantity
        As for :func:`gradient`.
    baseline
        A key of :data:`engine.specs.attributions.GREY`.

    Returns
    -------
    Tensor (N, C, H, W)
        Signed, in nats (logits): its sum is the difference of the quantity between both ends.
    """
    classes = _resolved(model, images, labels)
    begin = torch.full_like(images, GREY[baseline])
    way = images - begin
    mean = torch.zeros_like(images)
    for at, weight in zip(*(ends.tolist() for ends in leggauss(steps)), strict=True):
        at_point = begin + 0.5 * (1.0 + at) * way
        mean += 0.5 * weight * gradient(model, at_point, classes, quantity=quantity)
    return way * mean


def smoothgrad(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | None = None,
    *,
    quantity: str = "log_probability",
    samples: int = 25,
    noise: float = 0.15,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return the mean :func:`gradient` over copies of the image with Gaussian noise.

    The class is the one explained at the image itself, for all copies. Copies are not clipped to
    [0, 1], as in the source: Smilkov 2017, eq. 1.

    Parameters
    ----------
    quantity
        As for :func:`gradient`.
    noise
        Standard deviation, in pixel units.
    generator
        On the CPU. Every image draws its noise from a stream of its own, so that it does not depend
        on the device, nor on how many images there are at once.

    Raises
    ------
    InputError
        If there is noise and no generator.
    """
    if noise and generator is None:
        raise InputError(f"noise is {noise:g}, must then be given a generator")
    classes = _resolved(model, images, labels)
    seeds = torch.randint(LARGEST_SEED, (len(images),), generator=generator).tolist()
    streams = [torch.Generator().manual_seed(seed) for seed in seeds]
    mean = torch.zeros_like(images)
    for _ in range(samples):
        drawn = [torch.randn(images.shape[1:], generator=stream) for stream in streams]
        copy = images + noise * torch.stack(drawn).to(images) if drawn else images
        mean += gradient(model, copy, classes, quantity=quantity) / samples
    return mean


def _log_probability(logits: Tensor, labels: Tensor) -> Tensor:
    return -xent(logits, _or_predicted(logits, labels))


def _logit(logits: Tensor, labels: Tensor) -> Tensor:
    return logits.gather(1, _or_predicted(logits, labels)[:, None])[:, 0]


QUANTITIES: dict[str, ImageLoss] = {"log_probability": _log_probability, "logit": _logit}
"""What of a class can be explained, from logits (N, K) and labels (N,), to one number an image."""


def _resolved(model: nn.Module, images: Tensor, labels: Tensor | None) -> Tensor:
    """Return the classes (N,) to be explained, the predicted ones looked up at the images."""
    classes = checked_classes(images, labels)
    if bool((classes < 0).any()):
        classes = torch.where(classes < 0, logits_of(model, images).argmax(1), classes)
    return classes


def _or_predicted(logits: Tensor, labels: Tensor) -> Tensor:
    return torch.where(labels < 0, logits.argmax(1), labels)


def checked_classes(images: Tensor, labels: Tensor | None) -> Tensor:
    """Return the classes (N,) to be explained, PREDICTED where none was given."""
    if labels is None:
        return torch.full((len(images),), PREDICTED, dtype=torch.int64, device=images.device)
    if labels.shape != images.shape[:1] or labels.dtype != torch.int64:
        raise InputError(
            f"labels has shape {tuple(labels.shape)} and type {labels.dtype}, "
            f"must be ({len(images)},), int64"
        )
    return labels
