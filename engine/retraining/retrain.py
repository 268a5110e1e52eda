"""ROAR and KAR: occluded images, networks retrained on them, curves and scores."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.attribution.table import attribute, pixel_importance
from engine.devices.precision import check_precision
from engine.devices.wide import wide
from engine.jobs.classifiers import classifier, fresh_network
from engine.jobs.context import Context
from engine.jobs.device_images import DeviceImages, device_images, layout, trainable
from engine.memory import in_a_batch_of
from engine.networks.gradients import as_unit, logits_of
from engine.retraining.rankings import (
    BLURRINESS_IMAGES,
    Ranks,
    blurred,
    edges,
    matching_blur,
    mean_blurriness,
    removal,
)
from engine.retraining.score import score
from engine.specs import CONTROL_BLUR, Interpretability, Occlusion, Retraining
from engine.specs.schema import SpecError
from engine.store.study import Result
from engine.texts import percent
from engine.training.batch import logits_of_step
from engine.training.capture import Steps, obstacle_of
from engine.training.loop import (
    Checkpoints,
    TrainingState,
    descend,
    make_optimizer,
    noise_generator,
    run_epoch,
)

BATCH = 500
DIGITS = 9
"""Decimals to which a count is rounded before its ceiling, as 0.3 * 100 may exceed 30."""


def removed_pixels(
    ranks: Tensor, mode: str, fraction_removed: float, form: str = "corrected"
) -> Tensor:
    """Return which pixels an occlusion removes.

    Parameters
    ----------
    ranks
        (N, P), 0 the most important; or bool, the pixels that are removed.
    mode
        "roar" removes the most important, "kar" the least important.
    fraction_removed
        In [0, 1]; round(fraction_removed * P) pixels are removed.
    form
        "released": as many as lie strictly beyond the percentile of P different importances, which
        is interpolated between two of them: ceil(fraction_removed * (P - 1)).

    Returns
    -------
    Tensor (N, P), bool.
    """
    if ranks.dtype == torch.bool:
        return ranks
    if ranks.dtype == torch.uint16:  # torch cannot compare these
        ranks = ranks.int()
    first, last = kept_ranks(ranks.shape[1], mode, fraction_removed, form)
    return (ranks < first) | (ranks >= last)


def kept_ranks(pixels: int, mode: str, fraction_removed: float, form: str) -> tuple[int, int]:
    """Return (first, last): pixels of ranks from ``first`` to below ``last`` stay.

    Parameters and sources are those of :func:`removed_pixels`.
    """
    count = round(fraction_removed * pixels)
    if form == "released":
        count = math.ceil(round(fraction_removed * (pixels - 1), DIGITS))
    return (count, pixels) if mode == "roar" else (0, pixels - count)


def occluded(images: Tensor, ranks: Tensor, occlusion: Occlusion, fill: Tensor) -> Tensor:
    """Return the images with removed pixels set to the fill value, or only the removal mask.

    Parameters
    ----------
    images
        (N, C, H, W), float32 in [0, 1].
    ranks
        (N, H*W), as of :func:`removed_pixels`.
    fill
        (C,), the training set's channel mean; see :func:`fill_for_tests` for test images.
    """
    share = occlusion.fraction_removed
    mask = removed_pixels(ranks, occlusion.mode, share, occlusion.form)
    mask = mask.view(len(images), 1, *images.shape[2:])
    if occlusion.content == "mask":
        return mask.to(images.dtype).expand_as(images)
    return torch.where(mask, fill.view(1, -1, 1, 1), images)


def fill_for_tests(channel_mean: Tensor, form: str) -> Tensor:
    """Return the fill (C,) of test images, in [0, 1]; "released": truncated to whole grey levels.

    The released code writes the mean into test images of whole numbers, which cuts its decimals
    off; its training images are floating point and hold the mean itself.
    """
    if form == "corrected":
        return channel_mean
    return (wide(channel_mean) * 255).floor().div(255).float().to(channel_mean.device)


def retrain(spec: Retraining, context: Context) -> Result:
    """Compute a retraining record: test accuracy of a fresh network on occluded images.

    Raises
    ------
    SpecError
        If no training is possible on the images, or the device does not have the precision.
    """
    begun = begin(spec, context)
    images, ranks, state, checkpoints = begun.images, begun.ranks, begun.state, begun.checkpoints
    model = state.model

    def take(_: float, indices: Tensor) -> Tensor:
        batch = as_unit(images.train[indices])
        batch = occluded(batch, ranks.train[indices], spec.occlusion, images.channel_mean)
        logits = logits_of_step(model, layout(batch), spec.precision == "bfloat16")
        return descend(state, functional.cross_entropy(logits, images.train_labels[indices]))

    steps = Steps(
        take, state, context, obstacle=obstacle_of(spec.optimizer), optimizer=spec.optimizer
    )

    def on_point(step: float, loss: float) -> None:
        state.append(curve__step=step, curve__loss=loss)

    with steps:
        while state.epoch < spec.epochs:
            run_epoch(
                state,
                context,
                spec,
                step_on=lambda indices, epoch: steps(epoch, indices),
                count=len(images.train),
                optimizer=spec.optimizer,
                on_point=on_point,
            )
            checkpoints.save_if_due(state)
    return begun.result(spec, context)


@dataclass(frozen=True)
class Begun:
    """A retraining that has begun, maybe in an earlier run: its data and where it stands."""

    images: DeviceImages
    ranks: Ranks
    state: TrainingState
    checkpoints: Checkpoints

    def result(self, spec: Retraining, context: Context) -> Result:
        """Evaluate the network, and return the result of the retraining."""
        images, model = self.images, self.state.model
        value = _occluded_accuracy(model, images, self.ranks, spec.occlusion, context)
        numbers = {"accuracy": value, "test_images": len(images.test)}
        return Result(numbers, self.state.curves())


def begin(spec: Retraining, context: Context) -> Begun:
    """Draw the network of a retraining, or take up the checkpoint of an earlier run.

    Raises
    ------
    SpecError
        If no training is possible on the images, or the device does not have the precision.
    """
    check_precision(spec.precision, context.device)
    images = trainable(context, spec.occlusion.ranking.images)  # type: ignore[attr-defined]
    ranks = removal(spec.occlusion, context)
    weights = context.generator("weights", spec.seed)
    model = fresh_network(spec.network, images, context.device, generator=weights)
    generators = {
        "shuffle": context.generator("shuffle", spec.seed),
        **noise_generator(model, context, spec.seed),
    }
    state = TrainingState(model, make_optimizer(spec.optimizer, model), generators)
    checkpoints = Checkpoints(context)
    checkpoints.restore(state)
    return Begun(images, ranks, state, checkpoints)


def interpretability(spec: Interpretability, context: Context) -> Result:
    """Compute an interpretability record from its retrainings: curves, score and its spread.

    The spread is the standard deviation of the score over repeats, each repeat paired with the
    random baseline's repeat of the same seed. "blurriness" is measured on the ranked maps, because
    a score may be due to coarse maps rather than to the network. Source: Kim, Seo, Jeon 2019, ROAR
    and KAR scores; Song, Cha, Seo 2023 for the blurred control.

    Raises
    ------
    SpecError
        If the baseline network is no better than chance: the score would be meaningless.
    """
    images = device_images(context, spec.classifier.images)
    base = float(context.study.entry(spec.baseline.key).numbers["clean_accuracy"])
    chance = 1 / images.classes
    if base <= chance:
        raise SpecError(
            f"baseline has a test accuracy of {percent(base)}, must be above chance "
            f"({percent(chance)}) for a score; train it longer or on more images"
        )
    accuracy = _curve(spec, "attribution", context)
    random_accuracy = _curve(spec, "random", context)

    def scored(method: np.ndarray, random: np.ndarray) -> float:
        return score(
            spec.fractions,
            method,
            random,
            mode=spec.mode,
            baseline_accuracy=base,
            chance=chance,
        )

    by_repeat = [scored(*pair) for pair in zip(accuracy, random_accuracy, strict=True)]
    spread = {"score_std": float(np.std(by_repeat, ddof=1))} if spec.repeats > 1 else {}
    return Result(
        numbers={
            "score": scored(accuracy.mean(0), random_accuracy.mean(0)),
            **spread,
            **_blurriness(spec, images, context),
            "mean_accuracy": float(accuracy.mean()),
            "baseline_accuracy": base,
            "chance": chance,
            "repeats": spec.repeats,
        },
        arrays={
            "fractions": np.array(spec.fractions),
            "accuracy": accuracy,
            "random_accuracy": random_accuracy,
        },
    )


def _blurriness(spec: Interpretability, images: DeviceImages, context: Context) -> dict[str, float]:
    """Return the mean blurriness of the ranked maps, or nothing if no map has structure.

    Of matched maps also the width of the blur in pixels, and the blurriness without it.
    """
    pixels = as_unit(images.test[:BLURRINESS_IMAGES])
    more: dict[str, float] = {}
    if spec.control == "sobel":
        found = edges(pixels)
    else:
        model = classifier(context, spec.classifier)
        attribution = attribute(
            model,
            layout(pixels),
            spec.attribution,
            training=images.train,
            check_cancelled=context.check_cancelled,
        )
        found = pixel_importance(attribution)
        sigma = CONTROL_BLUR if spec.control == "blurred" else 0.0
        if spec.control == "matched":
            sigma = matching_blur(found, spec.blurriness)
            own = mean_blurriness(found)
            more = {"blur": sigma} | ({} if own is None else {"own_blurriness": own})
        found = blurred(found, sigma)
    measured = mean_blurriness(found)
    return more if measured is None else {"blurriness": measured, **more}


def _curve(spec: Interpretability, which: str, context: Context) -> np.ndarray:
    """Return accuracies (repeats, fractions) from the records of the retrainings."""
    specs = spec.retrainings("random" if which == "random" else "attribution")
    values = [float(context.study.entry(one.key).numbers["accuracy"]) for one in specs]
    return np.array(values).reshape(len(spec.fractions), spec.repeats).T


def _occluded_accuracy(
    model: nn.Module, images: DeviceImages, ranks: Ranks, occlusion: Occlusion, context: Context
) -> float:
    right, fill = 0, fill_for_tests(images.channel_mean, occlusion.form)
    size = in_a_batch_of(BATCH, math.prod(images.shape))
    for start in range(0, len(images.test), size):
        context.check_cancelled()
        part = slice(start, start + size)
        batch = as_unit(images.test[part])
        batch = occluded(batch, ranks.test[part], occlusion, fill)
        right += int((logits_of(model, layout(batch)).argmax(1) == images.test_labels[part]).sum())
    return right / len(images.test)
