"""The smallest change, per image, by which an attack fooled a network."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from engine.attacks.losses import stands
from engine.attacks.norms import norms
from engine.attacks.table import attack
from engine.jobs.context import Context
from engine.jobs.device_images import layout
from engine.networks.gradients import as_unit, logits_of
from engine.specs import SmallestEps
from engine.specs.measures import SHORTENINGS
from engine.store.study import Result
from engine.training.evaluation import BATCH, inside


def smallest_eps(
    model: nn.Module, images: Tensor, labels: Tensor, spec: SmallestEps, context: Context
) -> Result:
    """Metric "smallest_eps": an upper bound, per image, of the distance to the decision boundary.

    Returns
    -------
    Result
        Arrays: ``smallest_eps``, float32 (N,), in pixel units of [0, 1] and the norm of the attack;
        0 for an image that is misclassified as it is, NaN for one that nothing fooled. Numbers:
        ``median_smallest_eps`` over all images, missing if fewer than half were fooled, and
        ``never_fooled``, the share that stood.
    """
    found = torch.full((len(images),), torch.nan)
    generator = context.generator("smallest eps", 0, context.device)
    for start in range(0, len(images), BATCH):
        context.progress(start, len(images), "images")
        batch = layout(as_unit(images[start : start + BATCH]))
        truth = labels[start : start + BATCH]
        smallest = _of_batch(model, batch, truth, spec, generator, context)
        found[start : start + BATCH] = smallest.cpu()
    values = found.numpy()
    standing = float(np.isnan(values).mean()) if len(values) else 0.0
    numbers: dict[str, float | int | str] = {"never_fooled": standing}
    if len(values) and standing < 0.5:
        numbers["median_smallest_eps"] = float(np.median(np.nan_to_num(values, nan=np.inf)))
    return Result(numbers, {"smallest_eps": values})


def _of_batch(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    spec: SmallestEps,
    generator: torch.Generator,
    context: Context,
) -> Tensor:
    found = torch.where(stands(logits_of(model, images), labels), torch.nan, 0.0)
    for eps in spec.eps:
        left = torch.nonzero(found.isnan()).flatten()
        if not len(left):
            break
        clean, truth, radius = images[left], labels[left], spec.attack_at(eps)
        adv_images = attack(
            model,
            clean,
            truth,
            radius,
            generator=generator,
            on_step=lambda *_: context.check_cancelled(),
        )
        adv_images = inside(adv_images, clean, radius)
        fooled = ~stands(logits_of(model, adv_images), truth)
        change = _shortened(model, clean[fooled], adv_images[fooled], truth[fooled])
        found[left[fooled]] = norms(change, spec.attack.norm).to(found.dtype)
    return found


def _shortened(model: nn.Module, images: Tensor, fooling: Tensor, labels: Tensor) -> Tensor:
    """Return changes (N, C, H, W) that still fool, by halving the line to the image."""
    change = fooling - images
    low = torch.zeros(len(images), 1, 1, 1, device=images.device)
    high = torch.ones_like(low)
    for _ in range(SHORTENINGS if len(images) else 0):
        middle = (low + high) / 2
        stood = stands(logits_of(model, images + middle * change), labels).reshape(low.shape)
        low, high = torch.where(stood, middle, low), torch.where(stood, high, middle)
    return high * change
