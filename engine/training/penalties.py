"""Schemes without an attack: Gaussian noise, and a penalty on the gradient of an image."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.attacks.losses import xent
from engine.devices.graphs import drawn
from engine.training.batch import BatchContext
from engine.training.loop import TrainingState, descend


def gaussian_noise_step(
    state: TrainingState, images: Tensor, labels: Tensor, batch: BatchContext, *, sigma: float
) -> Tensor:
    """Step down the cross-entropy at x + N(0, sigma^2), not clipped. Source: Cohen 2019."""
    shape, device = images.shape, images.device
    noise = drawn(lambda: torch.randn(shape, generator=batch.generator, device=device))
    noisy = images + sigma * noise.to(images.dtype)
    return descend(state, batch.loss(batch.logits(state.model, noisy), labels))


def gradient_penalty_step(
    state: TrainingState,
    images: Tensor,
    labels: Tensor,
    batch: BatchContext,
    *,
    size: str,
    weight: float,
) -> Tensor:
    """Step down the mean over images of CE + weight times the size of its gradient.

    Source: Ross, Doshi-Velez 2018 (squared L2); Rodriguez-Munoz 2024 (L1).
    """
    values, gradients = gradients_through(state.model, images, labels, smoothing=batch.smoothing)
    entries = gradients.flatten(1)
    sizes = entries.abs().sum(1) if size == "l1" else entries.square().sum(1)
    return descend(state, (values + weight * sizes).mean())


def gradients_through(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    keep: bool = True,
    smoothing: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Return the cross-entropy of each image and its gradient, in the network's present mode.

    Batch statistics make an image's gradient depend on its batch, as they do in the released codes.

    Parameters
    ----------
    images : Tensor (N, C, H, W)
    labels : Tensor (N,), int64
    keep
        Whether the gradient can be differentiated again (double back-propagation). Otherwise
        both results are detached.
    smoothing
        Share of each label that is spread over all classes.

    Returns
    -------
    Tensor (N,), Tensor (N, C, H, W)
    """
    leaf = images.detach().clone().requires_grad_(True)
    logits = model(leaf)
    values = (
        functional.cross_entropy(logits, labels, reduction="none", label_smoothing=smoothing)
        if smoothing
        else xent(logits, labels)
    )
    (gradients,) = torch.autograd.grad(values.sum(), leaf, create_graph=keep)
    return (values, gradients) if keep else (values.detach(), gradients.detach())
