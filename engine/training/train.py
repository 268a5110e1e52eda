"""Training classifiers: the schemes, the loop around an epoch, and evaluation."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from engine.jobs.classifiers import classifier, fresh_network
from engine.jobs.context import Context
from engine.jobs.device_images import DeviceImages, layout, trainable
from engine.jobs.events import Scalars, Snapshot
from engine.networks.gradients import as_unit
from engine.networks.weights import load_state
from engine.specs import Imported, Training
from engine.specs.schema import SpecError
from engine.store.study import Result
from engine.training.alarms import Curves, new_alarms
from engine.training.evaluation import accuracies
from engine.training.loop import Checkpoints, Fit, descend, make_optimizer, run_epoch, weights_of
from engine.training.probes import _Probes
from engine.training.schemes import SCHEMES, Moment

EPOCH_EVALUATION_IMAGES = 200


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
