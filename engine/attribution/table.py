"""The table of attributions, and the one way to run an attribution that a spec describes.

A function of :data:`ATTRIBUTIONS` takes ``(model, images, labels=None)`` and by name ``generator``
and the fields of its spec but those of :data:`OWN_FIELDS`. Labels are the classes to explain,
:data:`~engine.attribution.methods.PREDICTED` where the network is to be asked. It returns signed
values (N, C, H, W) in the images' dtype, on their device, and leaves network, images and the global
random state as they were.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from engine.attribution.methods import (
    checked_classes,
    gradient,
    gradient_x_input,
    integrated_gradients,
    smoothgrad,
)
from engine.networks.gradients import InputError, as_unit, device_of
from engine.specs import AttributionSpec, Gradient

OWN_FIELDS = ("explained", "target", "seed")
"""Fields that :func:`attribute` itself reads: which class is explained, and what noise is drawn."""

BATCH = 250
"""Images in a batch of plain gradients."""

LEAST_BATCH = 25
"""Images in a batch of the costliest method: fewer leave the processor idle between layers."""

ATTRIBUTIONS: dict[str, Callable[..., Tensor]] = {
    "gradient": gradient,
    "gradient_x_input": gradient_x_input,
    "integrated_gradients": integrated_gradients,
    "smoothgrad": smoothgrad,
}


def attribute(
    model: nn.Module,
    images: Tensor,
    spec: AttributionSpec,
    labels: Tensor | None = None,
    *,
    batch_size: int | None = None,
    generator: torch.Generator | None = None,
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
    batch_size
        Images at once; fewer for costlier methods where it is not given, so that every batch, after
        which a computation can be cancelled, takes about as long.
    generator
        What the method draws from, on the CPU; by default one that the spec's ``seed`` determines.
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
    fields = {name: v for name, v in spec.parameters().items() if name not in OWN_FIELDS}
    if generator is None:
        generator = torch.Generator().manual_seed(getattr(spec, "seed", 0))
    size = batch_size or max(LEAST_BATCH, round(BATCH * Gradient().passes / spec.passes))
    dtype = torch.float32 if images.dtype == torch.uint8 else images.dtype
    attribution = torch.empty_like(images, dtype=dtype)
    for start in range(0, len(images), size):
        if check_cancelled is not None:
            check_cancelled()
        part = slice(start, start + size)
        batch = as_unit(images[part].to(device))
        labelled = classes[part].to(device)
        attribution[part] = function(model, batch, labelled, generator=generator, **fields)
    return attribution


def explained_classes(
    spec: AttributionSpec, images: Tensor, labels: Tensor | None = None
) -> Tensor:
    """Return the class of every image that a spec explains, (N,) int64, on the images' device.

    It is below 0 where the network is to be asked for it. Parameters as in :func:`attribute`.
    """
    if spec.target is not None:
        return torch.full((len(images),), spec.target, dtype=torch.int64, device=images.device)
    if spec.explained == "predicted":
        return checked_classes(images, None)
    if labels is None:
        raise InputError("explained is 'true', must be 'predicted' for images without labels")
    return checked_classes(images, labels).to(images.device)


def pixel_importance(attribution: Tensor) -> Tensor:
    """Return the importance of every pixel (N, H, W): absolute values, then channels summed.

    The order matters: channels of opposite sign add up here and would cancel the other way round.
    Source: Kim, Seo, Jeon 2019, ROAR and KAR.

    Parameters
    ----------
    attribution : Tensor (N, C, H, W)
    """
    return attribution.abs().sum(dim=1)
