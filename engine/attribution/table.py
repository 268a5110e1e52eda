"""The table of attributions, and the function that runs the attribution of a spec.

A function of :data:`ATTRIBUTIONS` takes ``(model, images, labels=None)`` and, as keywords,
``generator`` and the fields of its spec except :data:`OWN_FIELDS`; also ``training``, the drawn
training images, if the spec asks for any. Labels are the classes to
explain, :data:`~engine.attribution.methods.PREDICTED` for the predicted class. The function returns
signed values (N, C, H, W) in the images' dtype, on their device. It must not change the network,
the images or the global random state.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from engine.attribution.layers import gradcam, layercam
from engine.attribution.masking import occlusion_map, rise
from engine.attribution.methods import (
    checked_classes,
    expected_gradients,
    gradient,
    gradient_x_input,
    integrated_gradients,
    smoothgrad,
    smoothgrad_squared,
    vargrad,
)
from engine.attribution.rules import deeplift, guided_backpropagation
from engine.memory import in_a_batch_of
from engine.networks.gradients import (
    InputError,
    as_unit,
    check_images,
    check_target,
    device_of,
)
from engine.specs import AttributionSpec, Gradient

OWN_FIELDS = ("explained", "target", "seed")
"""Fields that :func:`attribute` handles itself: the class to explain, and the seed of the noise."""

BATCH = 250
"""Images in a batch of plain gradients."""

LEAST_BATCH = 25
"""Least images in a batch, for costly methods: smaller batches use the processor badly."""

ATTRIBUTIONS: dict[str, Callable[..., Tensor]] = {
    "gradient": gradient,
    "gradient_x_input": gradient_x_input,
    "integrated_gradients": integrated_gradients,
    "smoothgrad": smoothgrad,
    "smoothgrad_squared": smoothgrad_squared,
    "vargrad": vargrad,
    "expected_gradients": expected_gradients,
    "deeplift": deeplift,
    "guided_backpropagation": guided_backpropagation,
    "gradcam": gradcam,
    "layercam": layercam,
    "occlusion_map": occlusion_map,
    "rise": rise,
}


def attribute(
    model: nn.Module,
    images: Tensor,
    spec: AttributionSpec,
    labels: Tensor | None = None,
    *,
    training: Tensor | None = None,
    batch_size: int | None = None,
    generator: torch.Generator | None = None,
    check_cancelled: Callable[[], None] | None = None,
) -> Tensor:
    """Return the attribution that a spec describes, for any number of images, batch by batch.

    Parameters
    ----------
    images : Tensor (N, C, H, W), float in [0, 1] or uint8
        On any device; every batch is computed on the network's device.
    labels : Tensor (N,), int64, optional
        The true classes of the images, below 0 if unknown; used only if ``spec.explained`` is
        "true".
    training : Tensor (M, C, H, W), float in [0, 1] or uint8, optional
        The images that the network was trained on, from which the spec draws
        ``spec.training_images``.
    batch_size
        Images per batch. By default costly methods get smaller batches, so that the time until a
        computation can be cancelled is about the same for all methods.
    generator
        Random generator on the CPU; by default one seeded with the spec's ``seed``.
    check_cancelled
        Called before every batch, and whenever the network is asked something; may raise.

    Returns
    -------
    Tensor (N, C, H, W)
        Signed, float32 for uint8 images, on the device of ``images``.

    Raises
    ------
    InputError
        If images reach out of [0, 1], or the spec needs the true classes or training images and
        none are given, or the network has no such class, or the method cannot explain it.
    """
    if images.dtype != torch.uint8:
        check_images(images)
    check_target(model, images, spec.target)
    function, device = ATTRIBUTIONS[spec.kind], device_of(model, images.device)
    classes = explained_classes(spec, images, labels)
    fields = {name: v for name, v in spec.parameters().items() if name not in OWN_FIELDS}
    if spec.training_images:
        fields["training"] = as_unit(drawn_from(training, spec).to(device))
    asked = model if check_cancelled is None else Cancellable(model, check_cancelled)
    if generator is None:
        generator = torch.Generator().manual_seed(getattr(spec, "seed", 0))
    size = batch_size or max(LEAST_BATCH, round(BATCH * Gradient().passes / spec.passes))
    size = in_a_batch_of(size, images[:1].numel())
    dtype = torch.float32 if images.dtype == torch.uint8 else images.dtype
    attribution = torch.empty_like(images, dtype=dtype)
    for start in range(0, len(images), size):
        if check_cancelled is not None:
            check_cancelled()
        part = slice(start, start + size)
        batch = as_unit(images[part].to(device))
        labelled = classes[part].to(device)
        attribution[part] = function(asked, batch, labelled, generator=generator, **fields)
    return attribution


class Cancellable(nn.Module):
    """A network that asks before it answers whether it is still wanted."""

    def __init__(self, network: nn.Module, check_cancelled: Callable[[], None]):
        super().__init__()
        self.network = network
        self.check_cancelled = check_cancelled

    def forward(self, images: Tensor) -> Tensor:
        """Return the network's logits, or raise what ``check_cancelled`` raises."""
        self.check_cancelled()
        logits: Tensor = self.network(images)
        return logits


def drawn_from(training: Tensor | None, spec: AttributionSpec) -> Tensor:
    """Return the training images (spec.training_images, C, H, W) that a spec compares with.

    They are drawn by the spec's seed, each once; if there are too few, all come again in turn.

    Raises
    ------
    InputError
        If there are none.
    """
    if training is None or not len(training):
        raise InputError(
            f"{spec.label} compares with training images, and there are none; choose a constant "
            "baseline"
        )
    generator = torch.Generator().manual_seed(getattr(spec, "seed", 0))
    order = torch.randperm(len(training), generator=generator)
    places = torch.arange(spec.training_images) % len(training)
    return training[order[places].to(training.device)]


def explained_classes(
    spec: AttributionSpec, images: Tensor, labels: Tensor | None = None
) -> Tensor:
    """Return the class that a spec explains for each image, (N,) int64, on the images' device.

    A value below 0 stands for the predicted class. Parameters as in :func:`attribute`.
    """
    if spec.target is not None:
        return torch.full((len(images),), spec.target, dtype=torch.int64, device=images.device)
    if spec.explained == "predicted":
        return checked_classes(images, None)
    if labels is None:
        raise InputError("explained is 'true', must be 'predicted' for images without labels")
    return checked_classes(images, labels).to(images.device)


def pixel_importance(attribution: Tensor) -> Tensor:
    """Return the importance of every pixel (N, H, W): the sum of absolute values over channels.

    The absolute value is taken before the sum, so that channels of opposite sign do not cancel.
    Source: Kim, Seo, Jeon 2019, ROAR and KAR.

    Parameters
    ----------
    attribution : Tensor (N, C, H, W)
    """
    return attribution.abs().sum(dim=1)
