"""Clean and robust accuracy of a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count as counted
from types import MappingProxyType

import torch
from torch import Tensor, nn

from engine.attacks.losses import stands
from engine.attacks.norms import has_gradient, norms, project
from engine.attacks.pgd import followed_gradients
from engine.attacks.table import attack
from engine.devices.wide import wide
from engine.jobs.context import Context
from engine.jobs.device_images import Part, layout
from engine.memory import in_a_batch_of
from engine.networks.gradients import as_unit, logits_of
from engine.specs import AttackSpec

BATCH = 250
BALL_TOLERANCE = 1e-5  # of eps, and in pixels: more than float rounding, see norms.project


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


def final_accuracies(
    model: nn.Module,
    part: Part,
    evaluation: AttackSpec,
    count: int,
    context: Context,
    known: Mapping[str, float | int | str] = MappingProxyType({}),
    *,
    told: bool = False,
) -> dict[str, float | int | str]:
    """Return :func:`accuracies` and the signs that the robust one is not to be trusted.

    Parameters
    ----------
    known
        What :func:`accuracies` returned for this model and part, maybe with another count. If it
        attacked as many images, its robust accuracy is taken: every call draws alike.
    told
        Whether the attack is the progress of the computation.

    Returns
    -------
    dict
        The accuracies and the signs. Signs are what :func:`gradient_signs` returns for the attacked
        images, and ``nonfinite_images``, the number of images whose logits hold NaN or infinity.
        Such an answer counts as wrong.
    """
    images, labels = part
    logits = logits_of(model, images, check_cancelled=context.check_cancelled)
    attacked, truth = images[:count], labels[:count]
    robust = known.get("robust_accuracy")
    if robust is None or known["robust_images"] != len(attacked):
        robust = robust_accuracy(model, attacked, truth, evaluation, context, told=told)
    return {
        "clean_accuracy": float(wide(stands(logits, labels)).mean()),
        "clean_images": len(images),
        "robust_accuracy": robust,
        "robust_images": len(attacked),
        "nonfinite_images": int((~logits.isfinite().all(1)).sum()),
        **gradient_signs(model, attacked, truth, context),
    }


def accuracy(model: nn.Module, images: Tensor, labels: Tensor, context: Context) -> float:
    """Return the share of images whose largest logit is their label's."""
    logits = logits_of(model, images, check_cancelled=context.check_cancelled)
    return float(wide(stands(logits, labels)).mean())


def robust_accuracy(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    spec: AttackSpec,
    context: Context,
    *,
    told: bool = False,
) -> float:
    """Return the accuracy on attacked images.

    Every call seeds the attack identically, so that accuracies of different networks compare.
    ``told``: say how many images were attacked, as the progress of the computation.
    """
    generator = context.generator("evaluation attack", 0, context.device)
    right, before, steps = 0, 0, counted(1)

    def on_step(*_: object) -> None:
        context.check_cancelled()
        if told:
            share = min(1.0, next(steps) / max(1, spec.step_count))
            context.progress(before + share * len(truth), len(images), "images attacked")

    for pixels, truth in batches_of(images, labels):
        clean = layout(as_unit(pixels))
        adv_images = attack(
            model,
            clean,
            truth,
            spec,
            generator=generator,
            on_step=on_step,
        )
        adv_images = inside(adv_images, clean, spec)
        right += int(stands(logits_of(model, adv_images), truth).sum())
        before, steps = before + len(truth), counted(1)
    return right / max(1, len(images))


def batches_of(images: Tensor, labels: Tensor) -> Iterator[Part]:
    """Yield images and labels in batches that are attacked at once."""
    size = in_a_batch_of(BATCH, images[:1].numel())
    yield from zip(torch.split(images, size), torch.split(labels, size), strict=True)


def inside(adv_images: Tensor, images: Tensor, spec: AttackSpec) -> Tensor:
    """Return attacked images, those that left the ball or [0, 1] projected back.

    What lies outside is no attack of this threat, and a network that clips its input would hide
    how far outside it is. Images inside, up to float rounding, are returned as they are.
    """
    reach = spec.eps * (1 + BALL_TOLERANCE) + BALL_TOLERANCE
    flat = adv_images.flatten(1)
    left = (norms(adv_images - images, spec.norm) > reach) | (flat < 0).any(1) | (flat > 1).any(1)
    if not bool(left.any()):
        return adv_images
    back = adv_images.clone()
    back[left] = project(adv_images[left], images[left], spec.norm, spec.eps)
    return back


def gradient_signs(
    model: nn.Module, images: Tensor, labels: Tensor, context: Context
) -> dict[str, float | int | str]:
    """Return signs that the network hides its gradient, which attacks need.

    Both are taken on the gradient that attacks follow, see :func:`engine.attacks.losses.followed`.

    Returns
    -------
    dict
        ``no_gradient_share``, the share of images without a finite entry other than 0, and
        ``zero_pixel_share``, the share of entries that are exactly 0 or not finite, both in [0, 1];
        0 without labelled images. Source: Athalye 2018; Carlini 2019, section 5.
    """
    without = images_seen = zeros = entries = 0
    for pixels, truth in batches_of(images, labels):
        context.check_cancelled()
        labelled = truth >= 0
        gradient = followed_gradients(model, layout(as_unit(pixels[labelled])), truth[labelled])
        without += int((~has_gradient(gradient)).sum())
        images_seen += len(gradient)
        zeros += int(((gradient == 0) | ~gradient.isfinite()).sum())
        entries += gradient.numel()
    return {
        "no_gradient_share": without / max(1, images_seen),
        "zero_pixel_share": zeros / max(1, entries),
    }
