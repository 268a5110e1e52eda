"""Compute logits and input gradients of a network without changing its state.

Attacks, attributions and evaluation run networks through this module. On a CPU, two measures speed
this up and change results only by float rounding. Images use the channels-last layout, which has
faster convolution kernels. Activations use memory that the process keeps after it is freed; very
large batches are therefore split into parts.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.devices.graphs import is_unchecked
from engine.memory import in_a_batch_of
from engine.networks.memory import keep_freed_memory
from engine.networks.stacked import Stacked

ImageLoss = Callable[[Tensor, Tensor], Tensor]
"""Maps logits (N, K) and, usually, labels (N,) to one number per image (N,)."""

Slope = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Maps logits (N, K) and labels to an :data:`ImageLoss` (N,) and its gradient by the logits."""

# 100 images of 32x32. Larger parts need more memory and are not faster. With smaller parts, the
# other processor cores wait for the slowest one more often.
PART_PIXELS = 102_400
# With fewer images, the dense layers do too little work for each weight they read from memory.
PART_IMAGES = 16

# Allows for rounding when images are resized or normalised and restored; clipping removes it.
RANGE_TOLERANCE = 1e-6


class InputError(ValueError):
    """Images, labels or an output are invalid; the message is one sentence for the user."""


@dataclass(frozen=True)
class Sloped:
    """A loss whose gradient by the logits is known, so that autograd need not take it apart."""

    loss: ImageLoss
    slope: Slope

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss (N,)."""
        return self.loss(logits, labels)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Keep a network in evaluation mode with frozen parameters; restore its state on exit.

    Dropout and batch statistics would weaken attacks and add noise to maps. With frozen parameters,
    autograd does not compute weight gradients and leaves ``param.grad`` unchanged. On exit, also
    after an exception, every module's training flag and every parameter's ``requires_grad`` are
    restored.
    """
    modes = [(module, module.training) for module in model.modules()]
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    try:
        model.eval()
        for parameter in trained:
            parameter.requires_grad_(False)
        yield
    finally:
        for module, training in modes:
            module.training = training
        for parameter in trained:
            parameter.requires_grad_(True)


@contextmanager
def differentiating(model: nn.Module, images: Tensor) -> Iterator[None]:
    """Do the same as :func:`evaluating`, with gradients enabled and mixed precision disabled.

    Gradients with respect to an image are small; in half precision many would become zero.
    """
    with evaluating(model), torch.enable_grad(), torch.autocast(images.device.type, enabled=False):
        yield


def fastest_layout(model: nn.Module, images: Tensor) -> torch.memory_format:
    """Return the memory format in which to pass these images to the network.

    Call it inside :func:`evaluating`. On a CPU, a network with convolutions gets channels-last
    images if it accepts them, which is tried with one image. A user's model that flattens with
    ``view`` does not accept them and gets the contiguous layout.
    """
    if images.device.type != "cpu" or isinstance(model, Stacked):
        return torch.preserve_format  # a stack lays its images out itself
    keep_freed_memory()
    convolves = any(isinstance(module, nn.Conv2d) for module in model.modules())
    if images.ndim != 4 or not len(images) or not convolves:
        return torch.contiguous_format
    try:
        with torch.no_grad():
            model(images[:1].clone(memory_format=torch.channels_last))
    except RuntimeError:
        return torch.contiguous_format
    return torch.channels_last


def parts(images: Tensor, model: nn.Module | None = None) -> list[slice]:
    """Split a batch into equal parts that are small enough to process at once on a CPU.

    On other devices a large batch is never slower, so the only part is the whole batch. So it is
    for a stack of networks, which tells the images of its members by their place in the batch.
    """
    count = 1
    if images.device.type == "cpu" and len(images) and not isinstance(model, Stacked):
        at_once = max(PART_IMAGES, PART_PIXELS // max(1, math.prod(images.shape[2:])))
        count = math.ceil(len(images) / at_once)
    length = max(1, math.ceil(len(images) / count))
    return [slice(start, start + length) for start in range(0, len(images), length)]


def checked_logits(model: nn.Module, images: Tensor, highest_label: int = 0) -> Tensor:
    """Return the network's logits (N, K) after checking their shape.

    Raises
    ------
    InputError
        If the output is not (images, classes), or has no class ``highest_label``. On a GPU, a label
        that is too high would otherwise crash the whole process.
    """
    logits: Tensor = model(images)
    if logits.ndim != 2 or len(logits) != len(images) or logits.shape[1] < 2:
        raise InputError(
            f"the network's output has shape {tuple(logits.shape)}, must be "
            f"({len(images)}, classes) with at least two classes"
        )
    if highest_label >= logits.shape[1]:
        raise InputError(
            f"labels holds {highest_label}, must hold at most {logits.shape[1] - 1}: the network "
            f"has {logits.shape[1]} classes"
        )
    return logits


def check_images(images: Tensor) -> None:
    """Check images that a user may have made.

    Raises
    ------
    InputError
        If they are no floating point numbers, or reach out of [0, 1], or hold NaN.
    """
    if images.ndim < 2 or not images.is_floating_point():
        raise InputError(
            f"images has shape {tuple(images.shape)} and type {images.dtype}, "
            "must be (N, C, H, W), floating point"
        )
    if len(images) and not is_unchecked():
        low, high = (float(limit) for limit in images.detach().aminmax())
        if not (low >= -RANGE_TOLERANCE and high <= 1 + RANGE_TOLERANCE):
            raise InputError(f"images reaches from {low:g} to {high:g}, must lie in [0, 1]")


def check_target(model: nn.Module, images: Tensor, target: int | None) -> None:
    """Check that the network has the class of a spec's field ``target``, by one of the images.

    Raises
    ------
    InputError
        If it does not. On a GPU the whole process would crash later.
    """
    if target is None or not len(images):
        return
    classes = logits_of(model, images[:1]).shape[1]
    if target >= classes:
        raise InputError(
            f"target is {target}, must be at most {classes - 1}: the network has {classes} classes"
        )


def input_gradient(
    model: nn.Module, images: Tensor, labels: Tensor, objective: ImageLoss, highest_label: int = 0
) -> tuple[Tensor, Tensor]:
    """Return the objective of every image and its gradient, under :func:`differentiating`.

    Parameters
    ----------
    images : Tensor (N, C, H, W)
        Not modified.
    labels : Tensor (N,), int64
        Passed to the objective; may be any tensor (N, ...) that the objective accepts.
    objective
        Its values are summed, so the gradient of an image does not depend on the batch size.
    highest_label
        The highest class in ``labels``; see :func:`checked_logits`.

    Returns
    -------
    Tensor (N,)
        The objective, detached.
    Tensor (N, C, H, W)
        Its gradient. It may share memory with the network, so do not modify it.
    """
    values, gradient, _ = gradient_and_logits(model, images, labels, objective, highest_label)
    return values, gradient


def gradient_and_logits(
    model: nn.Module, images: Tensor, labels: Tensor, objective: ImageLoss, highest_label: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """Return what :func:`input_gradient` returns, and the logits (N, K), detached."""
    leaf = images.detach().requires_grad_(True)
    logits = checked_logits(model, leaf, highest_label)
    detached = logits.detach()
    if isinstance(objective, Sloped):
        values, slope = objective.slope(detached, labels)
        (gradient,) = torch.autograd.grad(logits, leaf, slope)
        return values, gradient, detached
    values = objective(logits, labels)
    (gradient,) = torch.autograd.grad(values.sum(), leaf)
    return values.detach(), gradient, detached


def input_gradients(
    model: nn.Module, images: Tensor, labels: Tensor, objective: ImageLoss
) -> tuple[Tensor, Tensor]:
    """Call :func:`input_gradient` on each part of a batch, for any network in any mode.

    Returns
    -------
    Tensor (N,), Tensor (N, C, H, W)
        The objective and its gradient, in the memory format of ``images``.

    Raises
    ------
    InputError
        See :func:`checked_logits`.
    """
    values, gradients = images.new_empty(len(images)), torch.empty_like(images)
    highest = highest_of(labels)
    with differentiating(model, images):
        work = images.detach().to(memory_format=fastest_layout(model, images))
        for part in parts(images, model):
            values[part], gradients[part] = input_gradient(
                model, work[part], labels[part], objective, highest
            )
    return values, gradients


def highest_of(labels: Tensor) -> int:
    """Return the highest class in labels (N,), or 0 without labels or where nothing is checked."""
    return int(labels.max()) if len(labels) and not is_unchecked() else 0


def as_unit(images: Tensor) -> Tensor:
    """Return float images in [0, 1]: divide uint8 images by 255, return others unchanged."""
    return images.float().div_(255) if images.dtype == torch.uint8 else images


def device_of(model: nn.Module, otherwise: torch.device) -> torch.device:
    """Return the device of the network's parameters or buffers, or ``otherwise`` without any."""
    held = itertools.chain(model.parameters(), model.buffers())
    return next((tensor.device for tensor in held), otherwise)


def logits_of(
    model: nn.Module,
    images: Tensor,
    batch_size: int = 500,
    check_cancelled: Callable[[], None] | None = None,
) -> Tensor:
    """Return the logits of any number of images, in evaluation mode and without gradients.

    Parameters
    ----------
    images : Tensor (N, C, H, W), float in [0, 1] or uint8
        On any device; each batch is moved to the network's device.
    batch_size
        Number of images on the network's device at once; fewer if they are very large.
    check_cancelled
        Called before every batch; may raise.

    Returns
    -------
    Tensor (N, K)
        On the device of ``images``.
    """
    device = device_of(model, images.device)
    found = []
    whole = isinstance(model, Stacked)
    batch_size = len(images) if whole else in_a_batch_of(batch_size, images[:1].numel())
    with evaluating(model), torch.no_grad():
        for start in range(0, len(images), max(1, batch_size)):
            if check_cancelled is not None:
                check_cancelled()
            work = as_unit(images[start : start + batch_size].to(device))
            work = work.to(memory_format=fastest_layout(model, work))
            each = (checked_logits(model, work[part]) for part in parts(work, model))
            found += [logits.to(images.device) for logits in each]
    return torch.cat(found) if found else images.new_empty((0, 0), dtype=torch.float32)
