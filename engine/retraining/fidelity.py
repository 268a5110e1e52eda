"""F-Fidelity: a network tuned on randomly masked images judges which pixels a map marks.

Source: Zheng 2025, F-Fidelity.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.attribution.table import attribute, pixel_importance
from engine.jobs.classifiers import classifier, fresh_network
from engine.jobs.context import Context
from engine.jobs.device_images import DeviceImages, device_images, layout, trainable
from engine.networks.gradients import as_unit, logits_of
from engine.retraining.rankings import edges, ranks_of
from engine.specs import FFidelity, MaskTuning, Measurement
from engine.specs.schema import SpecError
from engine.store.study import Result
from engine.training.loop import (
    Checkpoints,
    TrainingState,
    descend,
    load_weights,
    make_optimizer,
    noise_generator,
    run_epoch,
    weights_of,
)

BATCH = 500
WEIGHTS = "weights/"


def mask_tuning(spec: MaskTuning, context: Context) -> Result:
    """Compute a mask tuning record: weights after the tuning, and accuracies clean and masked.

    ``masked_accuracy`` is on test images that lost the largest share of their pixels.
    """
    images = trainable(context, spec.classifier.images)
    model = copy.deepcopy(classifier(context, spec.classifier)).requires_grad_(True)
    generators = {
        "shuffle": context.generator("shuffle", spec.seed),
        "masks": context.generator("masks", spec.seed),
        **noise_generator(model, context, spec.seed),
    }
    state = TrainingState(model, make_optimizer(spec.optimizer, model), generators)
    checkpoints = Checkpoints(context)
    checkpoints.restore(state)

    def step_on(indices: Tensor, _: float) -> Tensor:
        batch = as_unit(images.train[indices])
        masked = randomly_masked(batch, spec.fraction, images.channel_mean, generators["masks"])
        loss = functional.cross_entropy(model(layout(masked)), images.train_labels[indices])
        return descend(state, loss)

    def on_point(step: float, loss: float) -> None:
        state.append(curve__step=step, curve__loss=loss)

    while state.epoch < spec.epochs:
        run_epoch(
            state,
            context,
            spec,
            step_on=step_on,
            count=len(images.train),
            optimizer=spec.optimizer,
            on_point=on_point,
        )
        checkpoints.save_if_due(state)
    numbers = _accuracies(model.eval(), images, spec, context)
    return Result(numbers, {**state.curves(), **weights_of(model)})


def randomly_masked(
    images: Tensor, fraction: float, fill: Tensor, generator: torch.Generator
) -> Tensor:
    """Return images (N, C, H, W) of which each lost a random share, up to ``fraction``, of pixels.

    Parameters
    ----------
    fill
        (C,), what a lost pixel becomes.
    generator
        On the CPU, so that every device draws the same.
    """
    count, _, height, width = images.shape
    share = fraction * torch.rand((count, 1), generator=generator)
    lost = torch.rand((count, height * width), generator=generator) < share
    return _filled(images, lost.to(images.device), fill)


def _filled(images: Tensor, lost: Tensor, fill: Tensor) -> Tensor:
    """Return images with the pixels in ``lost`` (N, H*W), bool, set to the fill (C,)."""
    mask = lost.view(len(images), 1, *images.shape[2:])
    return torch.where(mask, fill.view(1, -1, 1, 1), images)


def _accuracies(
    model: nn.Module, images: DeviceImages, spec: MaskTuning, context: Context
) -> dict[str, float | int | str]:
    generator = context.generator("test masks", spec.seed)
    right = [0, 0]
    for start in range(0, len(images.test), BATCH):
        context.check_cancelled()
        batch = as_unit(images.test[start : start + BATCH])
        labels = images.test_labels[start : start + BATCH]
        drawn = torch.rand((len(batch), batch[0, 0].numel()), generator=generator) < spec.fraction
        masked = _filled(batch, drawn.to(batch.device), images.channel_mean)
        for place, shown in enumerate((batch, masked)):
            right[place] += int((logits_of(model, layout(shown)).argmax(1) == labels).sum())
    count = len(images.test)
    clean, dropped = (value / count for value in right)
    return {"accuracy": clean, "masked_accuracy": dropped, "test_images": count}


def tuned(spec: MaskTuning, context: Context) -> nn.Module:
    """Load the network of a mask tuning from its record, in eval mode and frozen."""

    def make() -> nn.Module:
        record = context.record(spec)
        images = device_images(context, spec.classifier.images)
        generator = context.generator("weights that are replaced", 0)
        network = spec.classifier.network
        outputs = getattr(spec.classifier, "outputs", None)
        model = fresh_network(network, images, context.device, generator=generator, outputs=outputs)
        arrays = {
            name.removeprefix(WEIGHTS): np.array(array)
            for name, array in record.arrays.items()
            if name.startswith(WEIGHTS)
        }
        load_weights(model, arrays)
        return model.eval().requires_grad_(False)

    def size(model: nn.Module) -> int:
        return sum(parameter.nbytes for parameter in model.parameters())

    return context.shared(f"model/{spec.key}/{context.device}", make, size)


def f_fidelity(
    model: nn.Module, images: Tensor, labels: Tensor, spec: FFidelity, context: Context
) -> Result:
    """Metric "f_fidelity": accuracy lost by dropping marked pixels against that by others.

    It does not show that a map tells the truth about the network that it explains: the judge is a
    tuned copy. Coarse maps lose whole regions, as in ROAR.

    Returns
    -------
    Result
        Numbers: ``fidelity``, at 0 for a random map; ``plus`` and ``minus``, the mean accuracy lost
        by dropping marked and other pixels, FFid+ and FFid-; ``random_plus`` and ``random_minus``;
        ``sobel``, the fidelity of the image's edges; ``judge_accuracy``. Arrays ``shares``,
        ``plus``, ``minus``, ``random_plus``, ``random_minus`` (f,).
    """
    measured = context.spec
    assert isinstance(measured, Measurement)  # metrics are measured by no other spec
    own = device_images(context, measured.classifier.images)
    judge = tuned(spec.tuning(measured.classifier), context)
    pixels = layout(as_unit(images))
    maps = attribute(
        model,
        pixels,
        spec.attribution,
        training=own.train,
        check_cancelled=context.check_cancelled,
    )
    ties = context.generator("ties", measured.seed)
    nothing = torch.zeros_like(pixels[:, 0]).flatten(1)
    importance = {
        "": pixel_importance(maps).flatten(1),
        "random_": nothing,
        "sobel_": edges(pixels).flatten(1),
    }
    accuracy = _share_right(judge, pixels, labels)
    arrays: dict[str, np.ndarray] = {"shares": np.array(spec.shares)}
    for number, (name, values) in enumerate(importance.items()):
        context.progress(number, len(importance), "rankings")
        ranks = ranks_of(values, ties).to(torch.int64)
        for side in ("plus", "minus"):
            lost = _left(judge, pixels, labels, ranks, side, spec, own.channel_mean, context)
            arrays[name + side] = accuracy - lost
    numbers = {name: float(values.mean()) for name, values in arrays.items() if name != "shares"}
    by_chance = numbers["random_plus"] - numbers["random_minus"]
    sobel = numbers.pop("sobel_plus") - numbers.pop("sobel_minus") - by_chance
    kept = {name: values for name, values in arrays.items() if not name.startswith("sobel")}
    fidelity = numbers["plus"] - numbers["minus"] - by_chance
    found: Mapping[str, float | int | str] = {
        "fidelity": fidelity,
        **numbers,
        "sobel": sobel,
        "judge_accuracy": accuracy,
    }
    return Result(dict(found), kept)


def dropped(ranks: Tensor, side: str, share: float, spec: FFidelity, drawn: Tensor) -> Tensor:
    """Return which pixels are dropped, bool (N, P).

    Parameters
    ----------
    ranks
        (N, P), 0 the most important.
    side
        "plus" drops some of the ``share`` of pixels ranked first, "minus" some of the others.
    drawn
        (N, P) uniform numbers in [0, 1).

    Raises
    ------
    SpecError
        If no pixel is marked, or all are.
    """
    count = round(share * ranks.shape[1])
    if not 0 < count < ranks.shape[1]:
        raise SpecError(
            f"shares has {share:g}, which marks {count} of {ranks.shape[1]} pixels: must mark "
            "some, and leave some"
        )
    marked = ranks < count
    of = marked if side == "plus" else ~marked
    width = share if side == "plus" else 1 - share
    return of & (drawn < min(spec.probability, spec.fraction / width))


def _left(
    judge: nn.Module,
    images: Tensor,
    labels: Tensor,
    ranks: Tensor,
    side: str,
    spec: FFidelity,
    fill: Tensor,
    context: Context,
) -> np.ndarray:
    """Return the judge's mean accuracy (f,) over the droppings of one side, for every share."""
    generator = context.generator(f"droppings {side}", 0)
    found = []
    for share in spec.shares:
        right = 0.0
        for _ in range(spec.samples):
            context.check_cancelled()
            drawn = torch.rand(ranks.shape, generator=generator).to(images.device)
            lost = dropped(ranks, side, share, spec, drawn)
            right += _share_right(judge, _filled(images, lost, fill), labels)
        found.append(right / spec.samples)
    return np.array(found)


def _share_right(judge: nn.Module, images: Tensor, labels: Tensor) -> float:
    return float((logits_of(judge, images).argmax(1) == labels).float().mean())
