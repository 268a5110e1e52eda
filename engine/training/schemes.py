"""Training schemes: what one step does with a batch, and the table SCHEMES.

A scheme takes its optimiser steps itself, with :func:`~engine.training.loop.descend` or otherwise.
So it may take several steps per batch, or change the weights before a step and restore them after.
It may keep tensors from one batch to the next in ``state.kept``, which is part of the checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.attacks.losses import Objective, divergence
from engine.attacks.table import attack as attacked
from engine.networks.gradients import logits_of
from engine.specs import TRADES, Adversarial, AttackSpec, Standard
from engine.training.loop import TrainingState, descend

TRADES_START = 0.001
"""Standard deviation of the noise at which the inner attack of TRADES begins, in pixel units."""

LEAST_WARMUP = 1e-6
"""Share of the attack's size at which a warm-up begins; it must be above 0."""


@dataclass(frozen=True)
class BatchContext:
    """The position of a batch in the training, and the random generator for its scheme.

    Attributes
    ----------
    epoch
        Epochs done, fractional.
    generator
        Source of the scheme's random numbers, on the device; its state is in the checkpoint.
    on_step
        The scheme must call this once per attack step; it may raise to cancel.
    smoothing
        Share of each label that is spread over all classes, see :meth:`loss`.
    mixed
        Whether :meth:`logits` computes in bfloat16 where that loses little.
    """

    epoch: float
    generator: torch.Generator
    on_step: Callable[[int, Tensor], None]
    smoothing: float = 0.0
    mixed: bool = False

    def logits(self, model: nn.Module, images: Tensor) -> Tensor:
        """Return the float32 logits of a step of training; attacks do not use this."""
        if not self.mixed:
            found: Tensor = model(images)
            return found
        with torch.autocast(images.device.type, dtype=torch.bfloat16):
            found = model(images)
        return found.float()

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the mean cross-entropy, of smoothed labels. Source: Szegedy 2016, section 7."""
        return functional.cross_entropy(logits, labels, label_smoothing=self.smoothing)

    def warmed_up(self, attack: AttackSpec, warmup: float) -> AttackSpec:
        """Return the attack, its lengths scaled up linearly over the first ``warmup`` epochs."""
        if self.epoch >= warmup:
            return attack
        return attack.scaled(max(self.epoch / warmup, LEAST_WARMUP))


@dataclass(frozen=True)
class Scheme:
    """A row of :data:`SCHEMES`.

    Attributes
    ----------
    step
        ``(state, images, labels, batch, **fields of the spec) -> loss``: trains on one batch, in
        training mode, and returns the mean loss, detached. ``images`` are float (N, C, H, W) in
        [0, 1], ``labels`` int64 (N,), ``state`` a :class:`~engine.training.loop.TrainingState`,
        ``batch`` a :class:`BatchContext`.
    begin
        ``(state, **fields)``: called before the first batch, before a checkpoint is restored.
    evaluated
        ``(state, **fields) -> network``: the network to evaluate, show and store, if it is not the
        one that the steps update (averaged weights, for example).
    """

    step: Callable[..., Tensor]
    begin: Callable[..., None] | None = None
    evaluated: Callable[..., nn.Module] | None = None


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
    attack: AttackSpec,
    warmup: float,
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
    return descend(state, batch.loss(batch.logits(state.model, adv_images), labels))


def trades_step(
    state: TrainingState,
    images: Tensor,
    labels: Tensor,
    batch: BatchContext,
    *,
    attack: AttackSpec,
    warmup: float,
    beta: float,
) -> Tensor:
    """Step down CE(f(x), y) + beta KL(f(x) || f(x')), where x' maximises the divergence.

    The attack finds x' in evaluation mode. The loss is computed in training mode, and its gradient
    flows through both f(x) and f(x'). Source: Zhang 2019, eq. 5 and the code released with it.
    """
    noise = torch.randn(images.shape, generator=batch.generator, device=images.device)
    adv_images = attacked(
        state.model,
        images,
        labels,
        batch.warmed_up(attack, warmup),
        objective=Objective(divergence, logits_of(state.model, images)),
        start=images + TRADES_START * noise.to(images.dtype),
        generator=batch.generator,
        on_step=batch.on_step,
    )
    clean_logits = batch.logits(state.model, images)
    adv_logits = batch.logits(state.model, adv_images)
    moved = divergence(adv_logits, clean_logits).mean()
    return descend(state, batch.loss(clean_logits, labels) + beta * moved)


SCHEMES: dict[str, Scheme] = {
    Standard.kind: Scheme(standard_step),
    Adversarial.kind: Scheme(adversarial_step),
    TRADES.kind: Scheme(trades_step),
}
