"""Attributions: a signed importance for every pixel and channel of an image.

Every function of :data:`ATTRIBUTIONS` takes ``(model, images, labels=None)`` and, by name, the
fields of its spec that do not choose the class. What is explained is one quantity of one class of
each image (see :data:`QUANTITIES`), by default its log-probability, which is the negative
cross-entropy of that class: positive values speak for it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from engine.attacks.losses import xent
from engine.networks.gradients import InputError, Objective, as_unit, device_of, input_gradients
from engine.specs import AttributionSpec

PREDICTED = -1
"""The label that stands for the class the network itself predicts, as does any below 0."""


CLASS_FIELDS = ("explained", "target")
"""The fields of an :class:`AttributionSpec` that choose the class; functions take it as labels."""


def gradient(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | None = None,
    *,
    quantity: str = "log_probability",
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

    Returns
    -------
    Tensor (N, C, H, W)
        Signed, in nats (logits) per pixel unit.

    Raises
    ------
    InputError
        If labels or the network's output do not fit the images.
    """
    _, gradients = input_gradients(model, images, _checked(images, labels), QUANTITIES[quantity])
    return gradients


def gradient_x_input(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | None = None,
    *,
    quantity: str = "log_probability",
    input_range: str = "signed",
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


ATTRIBUTIONS: dict[str, Callable[..., Tensor]] = {
    "gradient": gradient,
    "gradient_x_input": gradient_x_input,
}


def attribute(
    model: nn.Module,
    images: Tensor,
    spec: AttributionSpec,
    labels: Tensor | None = None,
    *,
    batch_size: int = 250,
    check_cancelled: Callable[[], None] | None = None,
) -> Tensor:
    """Return the attribution of any number of images, as a spec says, batch by batch.

    Parameters
    ----------
    images : Tensor (N, C, H, W), float in [0, 1] or uint8
        On any device; every batch is computed on the network's.
    labels : Tensor (N,), int64, optional
        The images' own classes, below 0 where unknown; asked for where ``spec.explained`` is
        "true", else they do not matter.
    check_cancelled
        Called before every batch; may raise.

    Returns
    -------
    Tensor (N, C, H, W)
        Signed, float32 for uint8 images, on the device of ``images``.

    Raises
    ------
    InputError
        If the true classes are asked for and not given, or the network has no such class.
    """
    function, device = ATTRIBUTIONS[spec.kind], device_of(model, images.device)
    classes = explained_classes(spec, images, labels)
    parameters = {n: value for n, value in spec.parameters().items() if n not in CLASS_FIELDS}
    dtype = torch.float32 if images.dtype == torch.uint8 else images.dtype
    attribution = torch.empty_like(images, dtype=dtype)
    for start in range(0, len(images), batch_size):
        if check_cancelled is not None:
            check_cancelled()
        part = slice(start, start + batch_size)
        batch = as_unit(images[part].to(device))
        attribution[part] = function(model, batch, classes[part].to(device), **parameters)
    return attribution


def explained_classes(
    spec: AttributionSpec, images: Tensor, labels: Tensor | None = None
) -> Tensor:
    """Return the class of every image that a spec explains, (N,) int64, on the images' device.

    It is :data:`PREDICTED`, or another number below 0, where the network is to be asked for it.
    Parameters as in :func:`attribute`.
    """
    if spec.target is not None:
        return torch.full((len(images),), spec.target, dtype=torch.int64, device=images.device)
    if spec.explained == "predicted":
        return _checked(images, None)
    if labels is None:
        raise InputError("explained is 'true', must be 'predicted' for images without labels")
    return _checked(images, labels).to(images.device)


def pixel_importance(attribution: Tensor) -> Tensor:
    """Return the importance of every pixel (N, H, W): absolute values, then channels summed.

    The order matters: channels of opposite sign add up here and would cancel the other way round.
    Source: Kim, Seo, Jeon 2019, ROAR and KAR.

    Parameters
    ----------
    attribution : Tensor (N, C, H, W)
    """
    return attribution.abs().sum(dim=1)


def _log_probability(logits: Tensor, labels: Tensor) -> Tensor:
    return -xent(logits, _or_predicted(logits, labels))


def _logit(logits: Tensor, labels: Tensor) -> Tensor:
    return logits.gather(1, _or_predicted(logits, labels)[:, None])[:, 0]


QUANTITIES: dict[str, Objective] = {"log_probability": _log_probability, "logit": _logit}
"""What of a class can be explained, from logits (N, K) and labels (N,), to one number an image."""


def _or_predicted(logits: Tensor, labels: Tensor) -> Tensor:
    return torch.where(labels < 0, logits.argmax(1), labels)


def _checked(images: Tensor, labels: Tensor | None) -> Tensor:
    """Return the classes (N,) to be explained, PREDICTED where none was given."""
    if labels is None:
        return torch.full((len(images),), PREDICTED, dtype=torch.int64, device=images.device)
    if labels.shape != images.shape[:1] or labels.dtype != torch.int64:
        raise InputError(
            f"labels has shape {tuple(labels.shape)} and type {labels.dtype}, "
            f"must be ({len(images)},), int64"
        )
    return labels
