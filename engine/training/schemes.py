"""Training schemes: what one step does with a batch, and the table SCHEMES."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.attacks.pgd import attack
from engine.specs import Adversarial, AttackSpec, Standard

Step = Callable[[int, Tensor], None]


@dataclass(frozen=True)
class Moment:
    """Where in its training a scheme is asked for the loss of a batch.

    Attributes
    ----------
    epoch
        Epochs done, fractional.
    generator
        Draws random starts, on the device.
    on_step
        To be called once per attack step; it may raise to cancel.
    """

    epoch: float
    generator: torch.Generator
    on_step: Step


def standard_loss(model: nn.Module, images: Tensor, labels: Tensor, moment: Moment) -> Tensor:
    """Mean cross-entropy on clean images. Scheme "standard"."""
    return functional.cross_entropy(model(images), labels)


def adversarial_loss(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    moment: Moment,
    *,
    attack: AttackSpec,
    warmup: float,
) -> Tensor:
    """Mean cross-entropy on attacked images, no clean term. Source: Madry 2018, eq. 2.1."""
    if moment.epoch < warmup:
        attack = attack.scaled(max(moment.epoch / warmup, 1e-6))
    adv_images = _attacked(model, images, labels, attack, moment.generator, moment.on_step)
    return functional.cross_entropy(model(adv_images), labels)


SCHEMES: dict[str, Callable[..., Tensor]] = {
    Standard.kind: standard_loss,
    Adversarial.kind: adversarial_loss,
}


def _attacked(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    spec: AttackSpec,
    generator: torch.Generator,
    on_step: Step,
) -> Tensor:
    return attack(model, images, labels, spec, generator=generator, on_step=on_step)
