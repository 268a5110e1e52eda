"""Clean and robust accuracy of a network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.attacks.table import attack
from engine.jobs.context import Context
from engine.jobs.device_images import Part, layout
from engine.networks.gradients import as_unit, logits_of
from engine.specs import AttackSpec

BATCH = 250


def accuracies(
    model: nn.Module, part: Part, evaluation: AttackSpec, count: int, context: Context
) -> dict[str, float | int | str]:
    """Return clean accuracy on all images of a part and robust accuracy on the first ``count``."""
    images, labels = part
    attacked = images[:count]
    return {
        "clean_accuracy": accuracy(model, images, labels, context),
        "clean_images": len(images),
        "robust_accuracy": robust_accuracy(model, attacked, labels[:count], evaluation, context),
        "robust_images": len(attacked),
    }


def accuracy(model: nn.Module, images: Tensor, labels: Tensor, context: Context) -> float:
    """Return the share of images whose largest logit is their label's."""
    logits = logits_of(model, images, check_cancelled=context.check_cancelled)
    return float((logits.argmax(1) == labels).double().mean())


def robust_accuracy(
    model: nn.Module, images: Tensor, labels: Tensor, spec: AttackSpec, context: Context
) -> float:
    """Return the accuracy on attacked images.

    Every call seeds the attack identically, so that accuracies of different networks compare.
    """
    generator = context.generator("evaluation attack", 0, context.device)
    right = 0
    for pixels, truth in zip(torch.split(images, BATCH), torch.split(labels, BATCH), strict=True):
        clean = layout(as_unit(pixels))
        adv_images = attack(
            model,
            clean,
            truth,
            spec,
            generator=generator,
            on_step=lambda *_: context.check_cancelled(),
        )
        right += int((logits_of(model, adv_images).argmax(1) == truth).sum())
    return right / max(1, len(images))
