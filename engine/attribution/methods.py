"""Attributions: a signed importance for every pixel and channel of an image.

A method explains one quantity of one class of each image (see :data:`QUANTITIES`). The default
quantity is the log-probability of the class, that is, the negative cross-entropy; positive values
support the class. :mod:`engine.attribution.table` names the methods and runs them.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from numpy.polynomial.legendre import leggauss
from torch import Tensor, nn

from engine.attacks.losses import released_xent, xent
from engine.networks.gradients import ImageLoss, InputError, input_gradients, logits_of
from engine.specs.attributions import GREY

LARGEST_SEED = 2**62

PREDICTED = -1
"""The label for "the class that the network predicts"; any label below 0 means the same."""


def gradient(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | None = None,
    *,
    quantity: str = "log_probability",
    form: str = "corrected",
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return the gradient of the log-probability of the predicted label.

    The gradient is taken per image, in evaluation mode. If the network is certain, the gradient is
    small but keeps its direction (see :func:`engine.attacks.losses.xent`). In float32 it is exactly
    zero only if the other classes together are less probable than about 1e-38. So compare the
    magnitudes of different images or different networks with care.
    Source: Simonyan 2014; Kim, Seo, Jeon 2019, loss gradients. Their pixels are in [-1, 1], so
    their values are half of these.

    Parameters
    ----------
    model
        Gives logits (N, K).
    images : Tensor (N, C, H, W), floating point in [0, 1]
    labels : Tensor (N,), int64, optional
        Classes to explain instead; :data:`PREDICTED` for the predicted class.
    quantity
        A key of :data:`QUANTITIES`: the quantity of the class to explain.
    form
        "released": the log-probability as the paper's released code computes it, so that its
        gradient is softmax - one-hot in the dtype of the logits.
    generator
        Unused; accepted because every attribution takes it.

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
    rounded = form == "released" and quantity == "log_probability"
    explained = _released_log_probability if rounded else QUANTITIES[quantity]
    _, gradients = input_gradients(model, images, classes, explained)
    return gradients


def gradient_x_input(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | None = None,
    *,
    quantity: str = "log_probability",
    input_range: str = "signed",
    form: str = "corrected",
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return the :func:`gradient` times the image.

    Parameters
    ----------
    quantity, form
        As for :func:`gradient`.
    input_range
        "signed": multiply by the image in [-1, 1], as in the paper, so that mid-grey gives zero.
        "unit": multiply by the image in [0, 1], so that black gives zero. The gradient is the same.

    Notes
    -----
    Source: Shrikumar 2017; Kim, Seo, Jeon 2019.
    """
    factor = 2.0 * images - 1.0 if input_range == "signed" else images
    return gradient(model, images, labels, quantity=quantity, form=form) * factor


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
    """Return the mean :func:`gradient` on the line from a constant image, times the difference.

    The integral is computed by Gauss-Legendre quadrature with ``steps`` points. The class is chosen
    at the image itself and used on the whole line. Source: Sundararajan, Taly, Yan 2017, eq. 1.

    Parameters
    ----------
    quantity
        As for :func:`gradient`.
    baseline
        A key of :data:`engine.specs.attributions.GREY`.

    Returns
    -------
    Tensor (N, C, H, W)
        Signed, in nats (logits). The sum is the quantity at the image minus that at the baseline,
        up to the error of the quadrature.
    """
    classes = resolved_classes(model, images, labels)
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

    The class is chosen at the image itself and used for all copies. As in the source, copies are
    not clipped to [0, 1]. Source: Smilkov 2017, eq. 1.

    Parameters
    ----------
    quantity
        As for :func:`gradient`.
    noise
        Standard deviation, in pixel units.
    generator
        On the CPU. Every image has a random stream of its own, so that its noise depends neither on
        the device nor on the batch size.

    Raises
    ------
    InputError
        If there is noise and no generator.
    """
    mean = torch.zeros_like(images)
    for found in _noisy_gradients(model, images, labels, quantity, samples, noise, generator):
        mean += found / samples
    return mean


def smoothgrad_squared(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | None = None,
    *,
    quantity: str = "log_probability",
    samples: int = 25,
    noise: float = 0.15,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return the mean squared :func:`gradient` over copies of the image with Gaussian noise.

    With the same seed it is the square of :func:`smoothgrad` plus :func:`vargrad`. Parameters and
    errors as for :func:`smoothgrad`. Source: Hooker 2019, section 4.

    Returns
    -------
    Tensor (N, C, H, W)
        At least 0, in squared nats (logits) per pixel unit.
    """
    mean = torch.zeros_like(images)
    for found in _noisy_gradients(model, images, labels, quantity, samples, noise, generator):
        mean += found.square() / samples
    return mean


def vargrad(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | None = None,
    *,
    quantity: str = "log_probability",
    samples: int = 25,
    noise: float = 0.15,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return the variance of the :func:`gradient` over copies of the image with Gaussian noise.

    The sum of squares is divided by ``samples``. It is computed as a running sum of deviations: the
    difference of two means would be rounded away where the noise is small. Parameters and errors as
    for :func:`smoothgrad`. Source: Adebayo 2018, "Local explanation methods for deep neural
    networks lack sensitivity to parameter values".

    Returns
    -------
    Tensor (N, C, H, W)
        At least 0, in squared nats (logits) per pixel unit.
    """
    mean, squares = torch.zeros_like(images), torch.zeros_like(images)
    drawn = _noisy_gradients(model, images, labels, quantity, samples, noise, generator)
    for count, found in enumerate(drawn, 1):
        before = found - mean
        mean += before / count
        squares += before * (found - mean)
    return squares / samples


def expected_gradients(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | None = None,
    *,
    quantity: str = "log_probability",
    samples: int = 50,
    baseline: str = "training",
    training: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return the mean over baselines of the difference times a :func:`gradient` on the way to it.

    The point of each way is uniformly random. The class is chosen at the image itself.
    Source: Erion 2021, eq. 3.

    Parameters
    ----------
    quantity
        As for :func:`gradient`.
    baseline
        "training", or a key of :data:`engine.specs.attributions.GREY`.
    training : Tensor (samples, C, H, W) in [0, 1]
        The baselines, the same for all images, where ``baseline`` is "training".
    generator
        On the CPU; every image has a random stream of its own.

    Returns
    -------
    Tensor (N, C, H, W)
        Signed, in nats (logits). The sum is the quantity at the image minus its mean over the
        baselines, up to the error of the random points.
    """
    if baseline == "training" and training is None:
        raise InputError("baseline is 'training', must then be given training images")
    if generator is None:
        raise InputError("the points of expected gradients are random, and no generator is given")
    classes = resolved_classes(model, images, labels)
    streams = _streams(len(images), generator)
    mean = torch.zeros_like(images)
    for number in range(samples):
        if training is None:
            begin = torch.full_like(images, GREY[baseline])
        else:
            begin = training[number].to(images).expand_as(images)
        drawn = [torch.rand((1, 1, 1), generator=stream) for stream in streams]
        share = torch.stack(drawn).to(images) if drawn else images
        way = images - begin
        mean += way * gradient(model, begin + share * way, classes, quantity=quantity) / samples
    return mean


def _noisy_gradients(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | None,
    quantity: str,
    samples: int,
    noise: float,
    generator: torch.Generator | None,
) -> Iterator[Tensor]:
    """Yield the gradient at each noisy copy; see :func:`smoothgrad`."""
    if noise and generator is None:
        raise InputError(f"noise is {noise:g}, must then be given a generator")
    classes = resolved_classes(model, images, labels)
    streams = _streams(len(images), generator)
    for _ in range(samples):
        drawn = [torch.randn(images.shape[1:], generator=stream) for stream in streams]
        copy = images + noise * torch.stack(drawn).to(images) if drawn else images
        yield gradient(model, copy, classes, quantity=quantity)


def _streams(count: int, generator: torch.Generator | None) -> list[torch.Generator]:
    """Return a generator for each image, seeded from one."""
    seeds = torch.randint(LARGEST_SEED, (count,), generator=generator).tolist()
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def _log_probability(logits: Tensor, labels: Tensor) -> Tensor:
    return -xent(logits, _or_predicted(logits, labels))


def _logit(logits: Tensor, labels: Tensor) -> Tensor:
    return logits.gather(1, _or_predicted(logits, labels)[:, None])[:, 0]


def _released_log_probability(logits: Tensor, labels: Tensor) -> Tensor:
    return -released_xent(logits, _or_predicted(logits, labels))


QUANTITIES: dict[str, ImageLoss] = {"log_probability": _log_probability, "logit": _logit}
"""Quantities to explain: functions of logits (N, K) and labels (N,) with one value per image."""


def resolved_classes(model: nn.Module, images: Tensor, labels: Tensor | None) -> Tensor:
    """Return the classes (N,) to explain, with PREDICTED replaced by the predicted class."""
    classes = checked_classes(images, labels)
    if bool((classes < 0).any()):
        classes = torch.where(classes < 0, logits_of(model, images).argmax(1), classes)
    return classes


def _or_predicted(logits: Tensor, labels: Tensor) -> Tensor:
    return torch.where(labels < 0, logits.argmax(1), labels)


def checked_classes(images: Tensor, labels: Tensor | None) -> Tensor:
    """Return the classes (N,) to explain, all PREDICTED if no labels are given."""
    if labels is None:
        return torch.full((len(images),), PREDICTED, dtype=torch.int64, device=images.device)
    if labels.shape != images.shape[:1] or labels.dtype != torch.int64:
        raise InputError(
            f"labels has shape {tuple(labels.shape)} and type {labels.dtype}, "
            f"must be ({len(images)},), int64"
        )
    return labels
