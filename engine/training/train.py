"""Training classifiers: the schemes, the loop around an epoch, and evaluation."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.attacks.pgd import attack
from engine.attribution.methods import attribute
from engine.jobs.context import Context
from engine.jobs.device_images import (
    DeviceImages,
    classifier,
    fresh_network,
    layout,
    probe_indices,
    trainable,
)
from engine.jobs.events import ProbeMaps, Scalars, Snapshot
from engine.networks.gradients import as_unit, logits_of
from engine.networks.weights import load_state
from engine.specs import Adversarial, AttackSpec, Gradient, Imported, Standard, Training
from engine.specs.schema import SpecError
from engine.store.study import Result
from engine.training.alarms import Curves, new_alarms
from engine.training.loop import Checkpoints, Fit, descend, make_optimizer, run_epoch, weights_of

EPOCH_EVALUATION_IMAGES = 200
MAPS_INTERVAL = 0.25
BATCH = 250

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


def train(spec: Training, context: Context) -> Result:
    """Compute a training record: weights, curves, accuracies, gradient maps of probe images.

    Raises
    ------
    SpecError
        If the images have fewer than two classes, or the network cannot take them.
    """
    images = trainable(context, spec.images)
    model = _first_network(spec, context, images)
    fit = Fit(model, make_optimizer(spec.optimizer, model), _generators(spec, context))
    checkpoints = Checkpoints(context)
    checkpoints.restore(fit)
    probes = _Probes(context, model, images)
    _announce(fit, context)
    if not fit.pictures:
        fit.pictures["attributions"] = [probes.maps()]
    _send_snapshot(fit.model, spec, context, images, fit.epoch)
    while fit.epoch < spec.epochs:
        _one_epoch(fit, spec, context, images, probes)
        fit.pictures["attributions"].append(probes.send(fit.epoch))
        _evaluate_epoch(fit, spec, context, images)
        checkpoints.save_if_due(fit)
    numbers = accuracies(model, images, spec.evaluation, spec.evaluation_images, context)
    numbers["loss"] = fit.history["curve__loss"][-1]
    return Result(
        numbers=numbers,
        arrays={
            **weights_of(model),
            **fit.curves(),
            "probes/images": probes.pixels.cpu().numpy(),
            "probes/labels": probes.labels.cpu().numpy(),
            "probes/attributions": np.stack(fit.pictures["attributions"]),
            "probes/steps": np.arange(spec.epochs + 1, dtype=np.float64),
        },
    )


def _first_network(spec: Training, context: Context, images: DeviceImages) -> nn.Module:
    """Return the network as it is before the first batch: drawn anew, or another's."""
    weights = context.generator("weights", spec.seed)
    model = fresh_network(spec.network, images, context.device, generator=weights)
    if spec.start is not None:
        model.load_state_dict(classifier(context, spec.start).state_dict())
    return model


def _generators(spec: Training, context: Context) -> dict[str, torch.Generator]:
    """Return what a training draws from; one that goes on draws other batches than its parent."""
    after = "" if spec.start is None else f" after {spec.start.key}"
    return {
        "shuffle": context.generator(f"shuffle{after}", spec.seed),
        "attack": context.generator(f"attack{after}", spec.seed, context.device),
    }


def import_weights(spec: Imported, context: Context) -> Result:
    """Compute the record of a user's own weights: the weights, checked to fit, and accuracies.

    Raises
    ------
    WeightsError
        If the file does not hold this network's weights.
    """
    images = trainable(context, spec.images)
    unused = context.generator("weights that are replaced", 0)
    model = fresh_network(spec.network, images, context.device, generator=unused)
    load_state(model, context.study.locate(spec.digest))
    model.eval()
    probes = _Probes(context, model, images)
    return Result(
        numbers=accuracies(model, images, spec.evaluation, spec.evaluation_images, context),
        arrays={
            **weights_of(model),
            "probes/images": probes.pixels.cpu().numpy(),
            "probes/labels": probes.labels.cpu().numpy(),
            "probes/attributions": probes.maps()[None],
            "probes/steps": np.zeros(1),
        },
    )


def accuracies(
    model: nn.Module, images: DeviceImages, evaluation: AttackSpec, count: int, context: Context
) -> dict[str, float | int | str]:
    """Return clean accuracy on all test images and robust accuracy on the first ``count``."""
    clean = accuracy(model, images.test, images.test_labels, context)
    attacked, labels = images.test[:count], images.test_labels[:count]
    return {
        "clean_accuracy": clean,
        "clean_images": len(images.test),
        "robust_accuracy": robust_accuracy(model, attacked, labels, evaluation, context),
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

    Every call attacks from the same seed, so that networks compared are attacked alike.
    """
    generator = context.generator("evaluation attack", 0, context.device)
    right = 0
    for pixels, truth in zip(torch.split(images, BATCH), torch.split(labels, BATCH), strict=True):
        clean = layout(as_unit(pixels))
        adv_images = _attacked(
            model, clean, truth, spec, generator, lambda *_: context.check_cancelled()
        )
        right += int((logits_of(model, adv_images).argmax(1) == truth).sum())
    return right / max(1, len(images))


def _attacked(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    spec: AttackSpec,
    generator: torch.Generator,
    on_step: Step,
) -> Tensor:
    return attack(model, images, labels, spec, generator=generator, on_step=on_step)


class _Probes:
    """The same few test images for every network trained on them, and their gradient maps."""

    def __init__(self, context: Context, model: nn.Module, images: DeviceImages):
        chosen = probe_indices(images.test_labels)
        self.context = context
        self.model = model
        self.pixels = images.test[chosen]
        self.labels = images.test_labels[chosen]
        self._images = layout(as_unit(self.pixels))
        self._last = 0.0

    def maps(self) -> np.ndarray:
        """Return the attributions now, float32 (N, C, H, W)."""
        return attribute(self.model, self._images, Gradient()).cpu().contiguous().numpy()

    def send(self, step: float) -> np.ndarray:
        """Compute the maps, publish them, and return them."""
        maps = self.maps()
        self._last = time.monotonic()
        pixels = self.pixels.cpu().numpy()
        self.context.emit(ProbeMaps(self.context.spec.key, step, pixels, maps))
        return maps

    def send_if_due(self, step: float) -> None:
        """Publish the maps unless that happened a moment ago; changes nothing in the training."""
        if time.monotonic() - self._last >= MAPS_INTERVAL:
            self.send(step)


def _one_epoch(
    fit: Fit, spec: Training, context: Context, images: DeviceImages, probes: _Probes
) -> None:
    loss_function = SCHEMES[spec.scheme.kind]
    options = spec.scheme.parameters()

    def step_on(indices: Tensor, epoch: float) -> Tensor:
        loss = loss_function(
            fit.model,
            layout(as_unit(images.train[indices])),
            images.train_labels[indices],
            Moment(epoch, fit.generators["attack"], lambda *_: context.check_cancelled()),
            **options,
        )
        return descend(fit, loss)

    def on_point(step: float, loss: float) -> None:
        if not math.isfinite(loss):
            raise SpecError(
                f"optimizer.learning_rate is {spec.optimizer.learning_rate:g}: the loss became "
                f"{loss} in epoch {step:.1f}; try a smaller one"
            )
        fit.append(curve__step=step, curve__loss=loss)
        context.emit(Scalars(spec.key, step, {"loss": loss}))
        probes.send_if_due(step)
        _send_snapshot(fit.model, spec, context, images, step)

    run_epoch(
        fit,
        context,
        spec,
        step_on=step_on,
        count=len(images.train),
        optimizer=spec.optimizer,
        on_point=on_point,
    )


def _send_snapshot(
    model: nn.Module, spec: Training, context: Context, images: DeviceImages, step: float
) -> None:
    """Publish the weights of a network of the plane: with them its whole boundary can be drawn."""
    if images.shape == (2, 1, 1):
        context.emit(Snapshot(spec.key, step, weights_of(model)))


def _evaluate_epoch(fit: Fit, spec: Training, context: Context, images: DeviceImages) -> None:
    """Append this epoch's accuracies; the robust one on few images, the final one has more."""
    count = min(EPOCH_EVALUATION_IMAGES, spec.evaluation_images)
    values = accuracies(fit.model, images, spec.evaluation, count, context)
    clean, robust = float(values["clean_accuracy"]), float(values["robust_accuracy"])
    fit.append(
        epochs__step=fit.epoch,
        epochs__clean_accuracy=clean,
        epochs__robust_accuracy=robust,
        epochs__robust_images=float(values["robust_images"]),
    )
    shown = {"clean_accuracy": clean, "robust_accuracy": robust}
    context.emit(Scalars(spec.key, fit.epoch, shown))
    for sentence in new_alarms(spec, Curves.of(fit.history), images.classes):
        context.notice(sentence)


def _announce(fit: Fit, context: Context) -> None:
    """Send what a resumed training already knows, so that its curves begin at their beginning."""
    if fit.epoch == 0:
        return
    context.notice(f"resumed after epoch {fit.epoch}")
    for name, values in (("curve", ("loss",)), ("epochs", ("clean_accuracy", "robust_accuracy"))):
        columns = [fit.history[f"{name}__{value}"] for value in values]
        for step, *row in zip(fit.history[f"{name}__step"], *columns, strict=True):
            context.emit(Scalars(context.spec.key, step, dict(zip(values, row, strict=True))))
