"""Training schemes: what one step does with a batch, and the table SCHEMES.

A scheme takes its optimiser steps itself, with :func:`~engine.training.loop.descend` or otherwise.
So it may take several steps per batch, or change the weights before a step and restore them after.
It may keep tensors from one batch to the next in ``state.kept``, which is part of the checkpoint.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from engine.attacks.joined import AnyAttack
from engine.attacks.losses import Objective, divergence
from engine.attacks.table import attack as attacked
from engine.networks.gradients import logits_of
from engine.specs import (
    MART,
    TRADES,
    Adversarial,
    AlignedGradients,
    EdgeGradients,
    FastAT,
    FreeAT,
    GaussianNoise,
    GradAlign,
    GradientPenalty,
    NoisyFGSM,
    Standard,
)
from engine.training.batch import BatchContext, Scheme
from engine.training.loop import TrainingState, descend
from engine.training.one_step import fast_at_step, free_at_step, grad_align_step, n_fgsm_step
from engine.training.penalties import (
    aligned_gradients_step,
    edge_gradients_step,
    gaussian_noise_step,
    gradient_penalty_step,
    normal_noise,
)
from engine.training.perturbation import descend_perturbed

__all__ = ["SCHEMES", "BatchContext", "Scheme"]

TRADES_START = 0.001
"""Standard deviation of the noise at which the inner attack of TRADES begins, in pixel units."""

MART_SHIFT = 1e-4
"""Keeps the logarithm of 1 - the highest other probability finite. Source: the code of MART."""


def standard_step(
    state: TrainingState, images: Tensor, labels: Tensor, batch: BatchContext
) -> Tensor:
    """Step down the mean cross-entropy on clean images."""
    return descend(state, batch.loss(batch.logits(state.model, images), labels))


def adversarial_step(
    state: TrainingState,
    images: Tensor,
    labels: Tensor,
    batch: BatchContext,
    *,
    attack: AnyAttack,
    warmup: float,
    awp: float,
) -> Tensor:
    """Step down the mean cross-entropy on attacked images. Source: Madry 2018, eq. 2.1."""
    adv_images = attacked(
        state.model,
        images,
        labels,
        batch.warmed_up(attack, warmup),
        generator=batch.generator,
        on_step=batch.on_step,
    )
    return descend_perturbed(
        state, lambda: batch.loss(batch.logits(state.model, adv_images), labels), awp
    )


def trades_step(
    state: TrainingState,
    images: Tensor,
    labels: Tensor,
    batch: BatchContext,
    *,
    attack: AnyAttack,
    warmup: float,
    awp: float,
    beta: float,
) -> Tensor:
    """Step down CE(f(x), y) + beta KL(f(x) || f(x')), where x' maximises the divergence.

    The attack finds x' in evaluation mode. The loss is computed in training mode, and its gradient
    flows through both f(x) and f(x'). Source: Zhang 2019, eq. 5 and the code released with it.
    """
    noise = normal_noise(images, batch.generator)
    adv_images = attacked(
        state.model,
        images,
        labels,
        batch.warmed_up(attack, warmup),
        objective=Objective(divergence, logits_of(state.model, images)),
        start=images + TRADES_START * noise,
        generator=batch.generator,
        on_step=batch.on_step,
    )

    def loss() -> Tensor:
        clean_logits = batch.logits(state.model, images)
        adv_logits = batch.logits(state.model, adv_images)
        moved = batch.mean(divergence(adv_logits, clean_logits))
        return batch.loss(clean_logits, labels) + beta * moved

    return descend_perturbed(state, loss, awp)


def mart_step(
    state: TrainingState,
    images: Tensor,
    labels: Tensor,
    batch: BatchContext,
    *,
    attack: AnyAttack,
    warmup: float,
    awp: float,
    beta: float,
) -> Tensor:
    """Step down the mean of :func:`mart_loss`; the attack is that of the spec.

    Source: Wang 2020, MART, eq. 11 and algorithm 1.
    """
    adv_images = attacked(
        state.model,
        images,
        labels,
        batch.warmed_up(attack, warmup),
        generator=batch.generator,
        on_step=batch.on_step,
    )

    def loss() -> Tensor:
        clean_logits = batch.logits(state.model, images)
        adv_logits = batch.logits(state.model, adv_images)
        values = mart_loss(clean_logits, adv_logits, labels, beta, batch.smoothing)
        return batch.mean(values)

    return descend_perturbed(state, loss, awp)


def mart_loss(
    clean_logits: Tensor, adv_logits: Tensor, labels: Tensor, beta: float, smoothing: float = 0.0
) -> Tensor:
    """Return, per image (N,), BCE(p(x'), y) + beta KL(p(x) || p(x')) (1 - p_y(x)).

    BCE is -log p_y - log(1.0001 - max_(i != y) p_i). The gradient flows through all of it.
    Source: Wang 2020, eq. 11, and the code released with it.

    Parameters
    ----------
    clean_logits, adv_logits : Tensor (N, K)
    labels : Tensor (N,), int64
    smoothing
        Share of each label that is spread over all classes in the term -log p_y.
    """
    at_label = labels.unsqueeze(1)
    others = adv_logits.softmax(1).scatter(1, at_label, 0.0).amax(1)
    boosted = functional.cross_entropy(
        adv_logits, labels, reduction="none", label_smoothing=smoothing
    )
    boosted = boosted - torch.log(1.0 + MART_SHIFT - others)
    doubted = 1.0 - clean_logits.softmax(1).gather(1, at_label).squeeze(1)
    return boosted + beta * divergence(adv_logits, clean_logits) * doubted


SCHEMES: dict[str, Scheme] = {
    Standard.kind: Scheme(standard_step, alone=""),
    GaussianNoise.kind: Scheme(gaussian_noise_step, alone=""),
    GradientPenalty.kind: Scheme(gradient_penalty_step, alone=""),
    EdgeGradients.kind: Scheme(edge_gradients_step, alone=""),
    AlignedGradients.kind: Scheme(aligned_gradients_step, alone=""),
    Adversarial.kind: Scheme(adversarial_step, alone=""),
    TRADES.kind: Scheme(trades_step, alone=""),
    MART.kind: Scheme(mart_step, alone=""),
    FreeAT.kind: Scheme(free_at_step, alone=""),
    FastAT.kind: Scheme(fast_at_step, alone=""),
    NoisyFGSM.kind: Scheme(n_fgsm_step, alone=""),
    GradAlign.kind: Scheme(grad_align_step, alone=""),
}
