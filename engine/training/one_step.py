"""Schemes that change images by single steps: Free-AT, Fast-AT, N-FGSM, GradAlign."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from engine.attacks.losses import LOSSES
from engine.attacks.norms import NORMS, project_, step_direction
from engine.attacks.table import attack as attacked
from engine.devices.graphs import drawn_from
from engine.networks.gradients import input_gradients
from engine.specs import PGD, Norm
from engine.training.batch import BatchContext
from engine.training.loop import TrainingState, descend
from engine.training.penalties import gradients_through

FREE = "free_at_delta"
"""Name of Free-AT's perturbation among the tensors that a checkpoint keeps."""


def fast_at_step(
    state: TrainingState,
    images: Tensor,
    labels: Tensor,
    batch: BatchContext,
    *,
    norm: Norm,
    eps: float,
    warmup: float,
    stride: float,
) -> Tensor:
    """Step down the cross-entropy after one step from a random point of the ball, projected back.

    The network is attacked in evaluation mode, as in all schemes with an attack; the released code
    attacks it in training mode. Source: Wong 2020, algorithm 3.
    """
    radius = eps * batch.share(warmup)
    adv_images = images
    if radius > 0:
        one_step = PGD(norm=norm, eps=radius, step_size=stride * radius, steps=1, random_start=True)
        adv_images = attacked(
            state.model,
            images,
            labels,
            one_step,
            generator=batch.generator,
            on_step=batch.on_step,
        )
    return descend(state, batch.loss(batch.logits(state.model, adv_images), labels))


def n_fgsm_step(
    state: TrainingState,
    images: Tensor,
    labels: Tensor,
    batch: BatchContext,
    *,
    norm: Norm,
    eps: float,
    warmup: float,
    noise: float,
) -> Tensor:
    """Step down the cross-entropy at a noisy image plus one step of length eps, not projected.

    Noise and step are each clipped to [0, 1], and nothing else. Source: de Jorge 2022, algorithm 1,
    and the code released with it.
    """
    adv_images = noisy_step(state, images, labels, batch, norm, eps * batch.share(warmup), noise)
    return descend(state, batch.loss(batch.logits(state.model, adv_images), labels))


def noisy_step(
    state: TrainingState,
    images: Tensor,
    labels: Tensor,
    batch: BatchContext,
    norm: Norm,
    eps: float,
    noise: float,
) -> Tensor:
    """Return the images (N, C, H, W) of :func:`n_fgsm_step`, at most (1 + noise) eps away."""
    draw, dtype = NORMS[norm].draw, images.dtype
    noise_ = drawn_from(batch.generator, images.shape, lambda shape, one: draw(shape, dtype, one))
    noisy = noise_.to(images.device).mul_(noise * eps).add_(images).clamp_(0.0, 1.0)
    values, gradients = input_gradients(state.model, noisy, labels, LOSSES["xent"])
    batch.on_step(0, values)
    return noisy.add_(step_direction(gradients, norm), alpha=eps).clamp_(0.0, 1.0)


def grad_align_step(
    state: TrainingState,
    images: Tensor,
    labels: Tensor,
    batch: BatchContext,
    *,
    norm: Norm,
    eps: float,
    warmup: float,
    weight: float,
) -> Tensor:
    """Step down the cross-entropy after FGSM plus weight (1 - mean cos(g(x), g(x + u))).

    u is uniform in the ball and not clipped. As in the released code the gradient at the image is
    a constant, and images without a gradient at either point do not count. Both gradients are taken
    in training mode. Source: Andriushchenko, Flammarion 2020, section 4, and the released code.
    """
    radius = eps * batch.share(warmup)
    values, at_image = gradients_through(state.model, images, labels, keep=False)
    batch.on_step(0, values.detach())
    step = step_direction(at_image, norm).mul_(radius).add_(images)
    adv_images = project_(step, images, norm, radius)
    loss = batch.loss(batch.logits(state.model, adv_images), labels)
    if weight and radius:
        beside = drawn_beside(images, batch, norm, radius)
        _, there = gradients_through(state.model, beside, labels)
        pairs = zip(batch.each(at_image), batch.each(there), strict=True)
        apart = [misalignment(*pair) for pair in pairs]
        loss = loss + weight * (apart[0] if len(apart) == 1 else torch.stack(apart))
    return descend(state, loss)


def drawn_beside(images: Tensor, batch: BatchContext, norm: Norm, radius: float) -> Tensor:
    """Return images (N, C, H, W) plus noise that is uniform in the ball, not clipped."""
    draw, dtype = NORMS[norm].draw, images.dtype
    noise = drawn_from(batch.generator, images.shape, lambda shape, one: draw(shape, dtype, one))
    return noise.to(images.device).mul_(radius).add_(images)


def misalignment(first: Tensor, second: Tensor) -> Tensor:
    """Return 1 - mean cosine of two gradients (N, ...); 0 where no image has both.

    Each gradient is scaled by its largest entry first, so that those of 1e-30 count as well.
    """
    one, two = (gradient.flatten(1) for gradient in (first, second))
    largest = [gradient.detach().abs().amax(1, keepdim=True) for gradient in (one, two)]
    both = ((largest[0] > 0) & (largest[1] > 0)).squeeze(1)
    if not both.any():
        return second.sum() * 0.0
    one, two = one[both] / largest[0][both], two[both] / largest[1][both]
    return 1.0 - functional.cosine_similarity(one, two, dim=1).mean()


def free_at_step(
    state: TrainingState,
    images: Tensor,
    labels: Tensor,
    batch: BatchContext,
    *,
    norm: Norm,
    eps: float,
    warmup: float,
    replays: int,
) -> Tensor:
    """Take several steps on a batch; each backward pass also moves the perturbation by eps.

    The perturbation lies in ``state.kept`` from batch to batch, in the ball but not clipped to
    [0, 1], because the next batch has other images. Source: Shafahi 2019, algorithm 1.
    """
    radius = eps * batch.share(warmup)
    total = torch.zeros((), device=images.device, dtype=images.dtype)
    here = len(images) // batch.members
    kept = [part[:here] for part in batch.each(_kept_delta(state, images, batch))]
    delta = kept[0] if len(kept) == 1 else torch.cat(kept)
    for replay in range(replays):
        leaf = delta.clone().requires_grad_(True)
        values = functional.cross_entropy(
            state.model((images + leaf).clamp(0.0, 1.0)),
            labels,
            reduction="none",
            label_smoothing=batch.smoothing,
        )
        total = total + descend(state, batch.mean(values)) / replays
        batch.on_step(replay, values.detach())
        if leaf.grad is not None:
            delta.add_(step_direction(leaf.grad, norm), alpha=radius)
            NORMS[norm].shrink_(delta, radius)
    for part, moved in zip(kept, batch.each(delta), strict=True) if len(kept) > 1 else ():
        part.copy_(moved)
    return total


def _kept_delta(state: TrainingState, images: Tensor, batch: BatchContext) -> Tensor:
    """Return the perturbations, at least as many as a member's images; new ones begin at 0."""
    kept = state.kept.get(FREE)
    if kept is None:
        kept = state.kept[FREE] = torch.zeros_like(images)
    elif len(kept) < len(images):
        parts = zip(batch.each(kept), batch.each(images), strict=True)
        grown = [torch.cat([own, torch.zeros_like(some[len(own) :])]) for own, some in parts]
        kept = state.kept[FREE] = torch.cat(grown)
    return kept
