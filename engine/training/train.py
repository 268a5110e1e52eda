"""Compute the record of a classifier: train it, or import the user's own weights."""

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
from engine.training.loop import Checkpoints, TrainingState, make_optimizer, run_epoch, weights_of
from engine.training.probes import Probes
from engine.training.schemes import SCHEMES, BatchContext

EPOCH_EVALUATION_IMAGES = 200
SHOWN_CURVES = (("curve", ("loss",)), ("epochs", ("clean_accuracy", "robust_accuracy")))


def train(spec: Training, context: Context) -> Result:
    """Compute a training record: weights, curves, accuracies, gradient maps of probe images.

    Raises
    ------
    SpecError
        If the images have fewer than two classes, or the network cannot take them.
    """
    run = _Run(spec, context)
    state, checkpoints = run.state, Checkpoints(context)
    checkpoints.restore(state)
    run.announce_resumed()
    if not state.pictures:
        state.pictures["attributions"] = [run.probes.maps(run.network)]
    run.send_snapshot(state.epoch)
    while state.epoch < spec.epochs:
        run.one_epoch()
        state.pictures["attributions"].append(run.probes.send(run.network, state.epoch))
        run.evaluate_epoch()
        checkpoints.save_if_due(state)
    numbers = run.accuracies(spec.evaluation_images)
    numbers["loss"] = state.history["curve__loss"][-1]
    return Result(
        numbers=numbers,
        arrays={
            **weights_of(run.network),
            **state.curves(),
            **run.probes.arrays(),
            "probes/attributions": np.stack(state.pictures["attributions"]),
            "probes/steps": np.arange(spec.epochs + 1, dtype=np.float64),
        },
    )


def import_weights(spec: Imported, context: Context) -> Result:
    """Compute the record of a user's own weights: check that they fit, and measure accuracies.

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
    probes = Probes(context, images)
    return Result(
        numbers=accuracies(model, images, spec.evaluation, spec.evaluation_images, context),
        arrays={
            **weights_of(model),
            **probes.arrays(),
            "probes/attributions": probes.maps(model)[None],
            "probes/steps": np.zeros(1),
        },
    )


class _Run:
    """A training under way: its state, its scheme, and the events it publishes."""

    def __init__(self, spec: Training, context: Context):
        self._spec, self._context = spec, context
        self._images = trainable(context, spec.images)
        self._scheme, self._fields = SCHEMES[spec.scheme.kind], spec.scheme.parameters()
        model = _first_network(spec, context, self._images)
        optimizer = make_optimizer(spec.optimizer, model)
        self.state = TrainingState(model, optimizer, _generators(spec, context))
        self.probes = Probes(context, self._images)
        if self._scheme.begin is not None:
            self._scheme.begin(self.state, **self._fields)

    @property
    def network(self) -> nn.Module:
        """The network that is evaluated, shown and stored."""
        if self._scheme.evaluated is None:
            return self.state.model
        return self._scheme.evaluated(self.state, **self._fields)

    def one_epoch(self) -> None:
        """Train for one epoch, publishing losses and maps."""
        run_epoch(
            self.state,
            self._context,
            self._spec,
            step_on=self._step_on,
            count=len(self._images.train),
            optimizer=self._spec.optimizer,
            on_point=self._on_point,
        )

    def accuracies(self, count: int) -> dict[str, float | int | str]:
        """Return clean accuracy, and the robust one on the first ``count`` test images."""
        spec, images = self._spec, self._images
        return accuracies(self.network, images, spec.evaluation, count, self._context)

    def evaluate_epoch(self) -> None:
        """Append and publish this epoch's accuracies; the robust one uses fewer images."""
        spec, state = self._spec, self.state
        values = self.accuracies(min(EPOCH_EVALUATION_IMAGES, spec.evaluation_images))
        clean, robust = float(values["clean_accuracy"]), float(values["robust_accuracy"])
        state.append(
            epochs__step=state.epoch,
            epochs__clean_accuracy=clean,
            epochs__robust_accuracy=robust,
            epochs__robust_images=float(values["robust_images"]),
        )
        shown = {"clean_accuracy": clean, "robust_accuracy": robust}
        self._context.emit(Scalars(spec.key, state.epoch, shown))
        for sentence in new_alarms(spec, Curves.of(state.history), self._images.classes):
            self._context.notice(sentence)

    def announce_resumed(self) -> None:
        """Publish the curves restored from a checkpoint, so that plots show them from the start."""
        state, context = self.state, self._context
        if state.epoch == 0:
            return
        context.notice(f"resumed after epoch {state.epoch}")
        for name, values in SHOWN_CURVES:
            columns = [state.history[f"{name}__{value}"] for value in values]
            for step, *row in zip(state.history[f"{name}__step"], *columns, strict=True):
                shown = dict(zip(values, row, strict=True))
                context.emit(Scalars(context.spec.key, step, shown))

    def send_snapshot(self, step: float) -> None:
        """Publish the weights of a network on 2-d points, so that its boundary can be drawn."""
        if self._images.shape == (2, 1, 1):
            self._context.emit(Snapshot(self._spec.key, step, weights_of(self.network)))

    def _step_on(self, indices: Tensor, epoch: float) -> Tensor:
        return self._scheme.step(
            self.state,
            layout(as_unit(self._images.train[indices])),
            self._images.train_labels[indices],
            BatchContext(epoch, self.state.generators["attack"], self._on_attack_step),
            **self._fields,
        )

    def _on_attack_step(self, *_: object) -> None:
        self._context.check_cancelled()

    def _on_point(self, step: float, loss: float) -> None:
        if not math.isfinite(loss):
            raise SpecError(
                f"optimizer.learning_rate is {self._spec.optimizer.learning_rate:g}: the loss "
                f"became {loss} in epoch {step:.1f}; try a smaller one"
            )
        self.state.append(curve__step=step, curve__loss=loss)
        self._context.emit(Scalars(self._spec.key, step, {"loss": loss}))
        self.probes.send_if_due(self.network, step)
        self.send_snapshot(step)


def _first_network(spec: Training, context: Context, images: DeviceImages) -> nn.Module:
    """Return the network before the first batch: newly drawn, or with the weights of ``start``."""
    weights = context.generator("weights", spec.seed)
    model = fresh_network(spec.network, images, context.device, generator=weights)
    if spec.start is not None:
        model.load_state_dict(classifier(context, spec.start).state_dict())
    return model


def _generators(spec: Training, context: Context) -> dict[str, torch.Generator]:
    """Return the generators; a training that continues another one draws different batches."""
    after = "" if spec.start is None else f" after {spec.start.key}"
    return {
        "shuffle": context.generator(f"shuffle{after}", spec.seed),
        "attack": context.generator(f"attack{after}", spec.seed, context.device),
    }
