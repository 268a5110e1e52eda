"""Accuracy and confusions of each class, clean and attacked, and the images most wrong."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.attacks.table import attack
from engine.jobs.context import Context
from engine.jobs.device_images import layout
from engine.networks.gradients import as_unit, logits_of
from engine.specs import ClassAccuracy
from engine.specs.schema import SpecError
from engine.store.study import Result
from engine.training.evaluation import BATCH, inside

WORST = 18
"""Images kept in the record: those that the clean network gets most wrong, worst first."""


def class_accuracy(
    model: nn.Module, images: Tensor, labels: Tensor, spec: ClassAccuracy, context: Context
) -> Result:
    """Metric "class_accuracy": confusions of each class, on images as they are and attacked.

    An answer that is not finite names no class and is in no column. Images without a label are
    left out.

    Returns
    -------
    Result
        Numbers in [0, 1]: ``accuracy``, ``attacked_accuracy``, and the lowest of a class as
        ``worst_class_accuracy`` and ``worst_attacked_class_accuracy``, over the classes that have
        images here. Arrays: ``confusion`` and ``attacked_confusion``, int64 (K, K), true class by
        predicted class; per image ``labels``, ``predicted`` and ``attacked_predicted``, -1 for
        none, and ``margin`` and ``attacked_margin``, float32: the logit of the label less the
        largest other one, NaN where no logit is finite. ``worst/images``, ``worst/indices``,
        ``worst/labels`` and ``worst/predicted`` are the images of the smallest margin, smallest
        first.

    Raises
    ------
    SpecError
        If no image has a label.
    """
    known = torch.nonzero(labels >= 0).flatten()
    if not len(known):
        raise SpecError("none of the test images has a label, which accuracy by class needs")
    images, labels = images[known], labels[known]
    clean, attacked = _logits(model, images, labels, spec, context)
    truth = labels.cpu().numpy()
    numbers: dict[str, float | int | str] = {}
    arrays: dict[str, NDArray[np.generic]] = {"labels": truth}
    for which, logits in (("", clean), ("attacked_", attacked)):
        predicted = _answers(logits)
        confusion = np.zeros((logits.shape[1],) * 2, dtype=np.int64)
        np.add.at(confusion, (truth[predicted >= 0], predicted[predicted >= 0]), 1)
        counts = np.bincount(truth, minlength=len(confusion))
        right = np.diag(confusion)[counts > 0] / counts[counts > 0]
        numbers[f"{which}accuracy"] = float((predicted == truth).mean())
        numbers[f"worst_{which}class_accuracy"] = float(right.min())
        arrays[f"{which}confusion"] = confusion
        arrays[f"{which}predicted"] = predicted
        arrays[f"{which}margin"] = _margins(logits, labels)
    order = np.argsort(arrays["margin"], kind="stable")[:WORST]
    arrays["worst/indices"] = known.cpu().numpy()[order]
    arrays["worst/labels"] = truth[order]
    arrays["worst/predicted"] = arrays["predicted"][order]
    arrays["worst/images"] = images.cpu()[torch.from_numpy(order)].contiguous().numpy()
    return Result(numbers, arrays)


def _logits(
    model: nn.Module, images: Tensor, labels: Tensor, spec: ClassAccuracy, context: Context
) -> tuple[Tensor, Tensor]:
    """Return the logits (N, K) on the images and on what the attack makes of them."""
    generator = context.generator("class accuracy", 0, context.device)
    clean, attacked = [], []
    for start in range(0, len(images), BATCH):
        context.progress(start, len(images), "images")
        batch = layout(as_unit(images[start : start + BATCH]))
        adv_images = attack(
            model,
            batch,
            labels[start : start + BATCH],
            spec.attack,
            generator=generator,
            on_step=lambda *_: context.check_cancelled(),
        )
        clean.append(logits_of(model, batch))
        attacked.append(logits_of(model, inside(adv_images, batch, spec.attack)))
    return torch.cat(clean), torch.cat(attacked)


def _answers(logits: Tensor) -> NDArray[np.int64]:
    """Return the predicted classes (N,), -1 where a logit is not finite."""
    found = torch.where(logits.isfinite().all(1), logits.argmax(1), -1)
    return found.cpu().numpy().astype(np.int64)


def _margins(logits: Tensor, labels: Tensor) -> NDArray[np.float32]:
    own = logits.gather(1, labels.unsqueeze(1)).squeeze(1)
    others = logits.scatter(1, labels.unsqueeze(1), -torch.inf).amax(1)
    margins = torch.where(logits.isfinite().all(1), own - others, torch.nan)
    return margins.cpu().numpy().astype(np.float32)
