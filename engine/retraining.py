"""ROAR and KAR: rankings of pixels, occluded images, retrained networks, and their scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.attribution import attribute, pixel_importance
from engine.context import Context
from engine.fitting import Checkpoints, Fit, descend, make_optimizer, run_epoch
from engine.inputs import (
    DeviceImages,
    classifier,
    device_images,
    fresh_network,
    layout,
    trainable,
)
from engine.modes import as_unit, logits_of
from engine.specs import (
    AttributionRanking,
    Interpretability,
    Occlusion,
    RandomRanking,
    RankingSpec,
    Retraining,
)
from engine.study import Result
from engine.tradeoff import score

BATCH = 500


@dataclass(frozen=True)
class Ranks:
    """Each pixel's place in its image's ranking, 0 the most important; int16 or int32 (N, H*W)."""

    train: Tensor
    test: Tensor

    @property
    def nbytes(self) -> int:
        """Memory of both."""
        return self.train.nbytes + self.test.nbytes


def ranks_of(importance: Tensor, generator: torch.Generator) -> Tensor:
    """Rank pixels by falling importance; equal ones fall into a random order.

    Pixels are shuffled first and then sorted stably, so ties split evenly wherever they lie and
    however small the attribution is. (The paper adds noise of 1e-8 instead, which also reorders
    attributions of that size.)

    Parameters
    ----------
    importance
        (N, P), any finite scale.
    generator
        On the CPU.

    Returns
    -------
    Tensor (N, P), int16 where P allows, else int32.
    """
    count, pixels = importance.shape
    shuffle = torch.rand((count, pixels), generator=generator).argsort(1).to(importance.device)
    shuffled = importance.gather(1, shuffle)
    order = shuffle.gather(1, torch.argsort(shuffled, dim=1, descending=True, stable=True))
    places = torch.arange(pixels, device=importance.device).expand(count, pixels)
    ranks = torch.empty_like(order).scatter_(1, order, places)
    return ranks.to(torch.int16 if pixels <= 32767 else torch.int32)


def by_attribution(spec: AttributionRanking, context: Context) -> Ranks:
    """Rank by the channel sum of the absolute attribution of the analysed network."""
    images = device_images(context, spec.images)
    model = classifier(context, spec.classifier)
    generator = context.generator("ties", spec.seed)

    def importance(pixels: Tensor) -> Tensor:
        attribution = attribute(model, layout(as_unit(pixels)), spec.attribution)
        return pixel_importance(attribution).flatten(1)

    return _ranks(images, importance, generator, context)


def at_random(spec: RandomRanking, context: Context) -> Ranks:
    """Rank at random: the baseline."""
    images = device_images(context, spec.images)
    generator = context.generator("random ranking", spec.seed)
    pixels = images.shape[1] * images.shape[2]

    def importance(block: Tensor) -> Tensor:
        return torch.zeros((len(block), pixels), device=block.device)

    return _ranks(images, importance, generator, context)


RANKINGS: dict[str, Callable[..., Ranks]] = {
    AttributionRanking.kind: by_attribution,
    RandomRanking.kind: at_random,
}


def ranking(spec: RankingSpec, context: Context) -> Ranks:
    """Return a ranking of all training and test images, made once for all that need it."""

    def make() -> Ranks:
        return RANKINGS[spec.kind](spec, context)

    return context.shared(f"ranks/{spec.key}", make, lambda made: made.nbytes)


def removed_pixels(ranks: Tensor, mode: str, fraction_removed: float) -> Tensor:
    """Return which pixels an occlusion removes.

    Parameters
    ----------
    ranks
        (N, P), 0 the most important.
    mode
        "roar" removes the most important, "kar" the least important.
    fraction_removed
        In [0, 1]; round(fraction_removed * P) pixels go.

    Returns
    -------
    Tensor (N, P), bool.
    """
    pixels = ranks.shape[1]
    count = round(fraction_removed * pixels)
    return ranks < count if mode == "roar" else ranks >= pixels - count


def occluded(images: Tensor, ranks: Tensor, occlusion: Occlusion, fill: Tensor) -> Tensor:
    """Return images whose removed pixels hold the fill value.

    Parameters
    ----------
    images
        (N, C, H, W), float32 in [0, 1].
    ranks
        (N, H*W).
    fill
        (C,), the training set's channel mean.
    """
    mask = removed_pixels(ranks, occlusion.mode, occlusion.fraction_removed)
    mask = mask.view(len(images), 1, *images.shape[2:])
    return torch.where(mask, fill.view(1, -1, 1, 1), images)


def retrain(spec: Retraining, context: Context) -> Result:
    """Compute a retraining record: test accuracy of a fresh network on occluded images."""
    images = trainable(context, spec.occlusion.ranking.images)  # type: ignore[attr-defined]
    ranks = ranking(spec.occlusion.ranking, context)
    weights = context.generator("weights", spec.seed)
    model = fresh_network(spec.network, images, context.device, generator=weights)
    generators = {"shuffle": context.generator("shuffle", spec.seed)}
    fit = Fit(model, make_optimizer(spec.optimizer, model), generators)
    checkpoints = Checkpoints(context)
    checkpoints.restore(fit)

    def step_on(indices: Tensor, _: float) -> Tensor:
        indices = indices.to(context.device)
        batch = as_unit(images.train[indices])
        batch = occluded(batch, ranks.train[indices], spec.occlusion, images.channel_mean)
        loss = functional.cross_entropy(model(layout(batch)), images.train_labels[indices])
        return descend(fit, loss)

    def on_point(step: float, loss: float) -> None:
        fit.append(curve__step=step, curve__loss=loss)

    while fit.epoch < spec.epochs:
        run_epoch(
            fit,
            context,
            step_on=step_on,
            count=len(images.train),
            batch_size=spec.batch_size,
            epochs=spec.epochs,
            spec=spec.optimizer,
            on_point=on_point,
        )
        checkpoints.save_if_due(fit)
    value = _occluded_accuracy(model, images, ranks, spec.occlusion, context)
    numbers = {"accuracy": value, "test_images": len(images.test)}
    return Result(numbers, fit.curves())


def interpretability(spec: Interpretability, context: Context) -> Result:
    """Compute an interpretability record from its retrainings: curves, score and its spread.

    The spread is the standard deviation of the score over repeats, each repeat paired with the
    random baseline's repeat of the same seed. Source: Kim, Seo, Jeon 2019, ROAR and KAR scores.
    """
    images = device_images(context, spec.classifier.images)
    base = float(context.study.entry(spec.baseline.key).numbers["clean_accuracy"])
    chance = 1 / images.classes
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


def _curve(spec: Interpretability, which: str, context: Context) -> np.ndarray:
    """Return accuracies (repeats, fractions) from the records of the retrainings."""
    specs = spec.retrainings("random" if which == "random" else "attribution")
    values = [float(context.study.entry(one.key).numbers["accuracy"]) for one in specs]
    return np.array(values).reshape(len(spec.fractions), spec.repeats).T


def _ranks(
    images: DeviceImages,
    importance: Callable[[Tensor], Tensor],
    generator: torch.Generator,
    context: Context,
) -> Ranks:
    def part(pixels: Tensor) -> Tensor:
        found = []
        for block in torch.split(pixels, BATCH):
            context.check_cancelled()
            found.append(ranks_of(importance(block), generator))
        return torch.cat(found)

    return Ranks(part(images.train), part(images.test))


def _occluded_accuracy(
    model: nn.Module, images: DeviceImages, ranks: Ranks, occlusion: Occlusion, context: Context
) -> float:
    right = 0
    for start in range(0, len(images.test), BATCH):
        context.check_cancelled()
        part = slice(start, start + BATCH)
        batch = as_unit(images.test[part])
        batch = occluded(batch, ranks.test[part], occlusion, images.channel_mean)
        right += int((logits_of(model, layout(batch)).argmax(1) == images.test_labels[part]).sum())
    return right / len(images.test)
