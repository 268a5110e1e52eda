"""Compute the record of a classifier: train it, or import the user's own weights."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from engine.attacks.aim import OnStep
from engine.devices.graphs import Source
from engine.devices.precision import check_precision
from engine.jobs.asked import tell_fewer, tell_no_radius
from engine.jobs.context import Context
from engine.jobs.device_images import DeviceImages, trainable
from engine.jobs.events import RESUMED, Scalars, Snapshot
from engine.specs import ClassifierSpec, Training
from engine.specs.proposals import one_and_many_steps
from engine.specs.schema import SpecError
from engine.store.study import Result
from engine.training.alarms import MANY_STEP, ONE_STEP, Curves, ended_alarms, named_alarms
from engine.training.augmenting.augmentation import check_fits
from engine.training.averaging import Average
from engine.training.batch import BatchContext, Batches
from engine.training.capture import Steps, obstacle, settles_at
from engine.training.evaluation import accuracies, robust_accuracy
from engine.training.loop import (
    Checkpoints,
    TrainingState,
    make_optimizer,
    noise_generator,
    run_epoch,
    weights_of,
)
from engine.training.probes import Probes
from engine.training.schemes import SCHEMES
from engine.training.selection import Numbers, final_weights, keep_if_best
from engine.training.start import first_network, freeze_body

SHOWN_CURVES = (("curve", ("loss",)), ("epochs", ("clean_accuracy", "robust_accuracy")))


def train(spec: Training, context: Context) -> Result:
    """Compute a training record: weights, curves, accuracies, live maps of probe images.

    Raises
    ------
    SpecError
        If the images have fewer than two classes, or the network cannot take them, or the best
        weights are wanted and no validation images could be held out, or the start or the
        augmentation does not fit the images, or the device does not have the precision.
    """
    run = Run(spec, context)
    with run.steps:
        while run.state.epoch < spec.epochs:
            run.one_epoch()
            run.end_epoch()
            run.checkpoints.save_if_due(run.state)
    return run.result()


class Run:
    """A training under way: its state, its scheme, and the events it publishes.

    It begins, or takes up the checkpoint of an earlier run, and stands before its next epoch.

    Parameters and errors are those of :func:`train`.
    """

    def __init__(self, spec: Training, context: Context):
        self.spec, self.context = spec, context
        self.images = trainable(context, spec.images)
        self._make()
        self.checkpoints = Checkpoints(context)
        self.checkpoints.restore(self.state)
        if self._average is not None:
            self._average.restore(self.state)
        self._fill_history()
        self._announce_resumed()
        self._tell_unexpected()
        if not self.state.pictures:
            self.state.pictures["attributions"] = [self.probes.maps(self.network)]
        self._send_snapshot(self.state.epoch)

    def _make(self) -> None:
        spec, context = self.spec, self.context
        _check(spec, context, self.images)
        self._probing = one_and_many_steps(spec.scheme.threat)
        self._scheme, self._fields = SCHEMES[spec.scheme.kind], spec.scheme.parameters()
        model = first_network(spec, context, self.images)
        still = freeze_body(model, spec.network, self.images) if spec.frozen else ()
        optimizer = make_optimizer(spec.optimizer, model)
        generators = _generators(spec, context, model)
        self.state = TrainingState(model, optimizer, generators, still=still)
        self._batches = Batches(self.images, spec.augmentation, [generators])
        self.probes = Probes(context, self.images, spec.live_maps)
        self._newest: Numbers = {}  # accuracies after the newest epoch, if it was trained here
        if self._scheme.begin is not None:
            self._scheme.begin(self.state, **self._fields)
        self._average = Average(self.state, spec.averaging) if spec.averaging else None
        self.steps = Steps(
            self._take,
            self.state,
            context,
            obstacle=obstacle(spec),
            optimizer=spec.optimizer,
            first_epoch=settles_at(spec),
        )

    @property
    def network(self) -> nn.Module:
        """The network that is evaluated, shown and stored."""
        if self._average is not None:
            return self._average.network
        if self._scheme.evaluated is None:
            return self.state.model
        return self._scheme.evaluated(self.state, **self._fields)

    def result(self) -> Result:
        """Return the result of the training, after its last epoch."""
        state = self.state
        numbers, weights = final_weights(
            self.spec, state, self.network, self.images, self.context, self._newest
        )
        numbers["loss"] = state.history["curve__loss"][-1]
        return Result(
            numbers=numbers,
            arrays={
                **weights,
                **state.curves(),
                **self.probes.arrays(),
                "probes/attributions": np.stack(state.pictures["attributions"]),
                "probes/steps": np.arange(self.spec.epochs + 1, dtype=np.float64),
            },
        )

    def one_epoch(self) -> None:
        """Train for one epoch, publishing losses and maps."""
        run_epoch(
            self.state,
            self.context,
            self.spec,
            step_on=self._step_on,
            count=len(self.images.train),
            optimizer=self.spec.optimizer,
            on_point=self.on_point,
        )

    def end_epoch(self) -> None:
        """Publish maps and accuracies of the network after an epoch; keep it if it is the best."""
        state = self.state
        state.pictures["attributions"].append(self.probes.send(self.network, state.epoch))
        self._evaluate_epoch()
        if len(self.images.validation):
            keep_if_best(self.spec, state, self.network)

    def _fill_history(self) -> None:
        """Fill curves that an older version's checkpoint lacks, so that all have one length."""
        state = self.state
        for name in (ONE_STEP, MANY_STEP) if self._probing is not None else ():
            known = state.history.setdefault(f"epochs__{name}", [])
            known[:0] = [math.nan] * (state.epoch - len(known))

    def _evaluate_epoch(self) -> None:
        """Append and publish this epoch's accuracies; the robust ones use fewer images."""
        spec, state, context = self.spec, self.state, self.context
        count = min(spec.epoch_images, spec.evaluation_images)
        values = accuracies(self.network, self.images.watched, spec.evaluation, count, context)
        self._newest = values
        clean, robust = float(values["clean_accuracy"]), float(values["robust_accuracy"])
        state.append(
            epochs__step=state.epoch,
            epochs__clean_accuracy=clean,
            epochs__robust_accuracy=robust,
            epochs__robust_images=float(values["robust_images"]),
        )
        self._probe_steps(count, robust)
        shown = {"clean_accuracy": clean, "robust_accuracy": robust}
        context.emit(Scalars(spec.key, state.epoch, shown))
        self._raise_alarms(int(values["clean_images"]))

    def _raise_alarms(self, clean_images: int) -> None:
        """Tell which alarms the newest epoch raises, and which are over."""
        spec, images = self.spec, self.images
        curves = Curves.of(
            self.state.history,
            selects=len(images.validation) > 0,
            clean_images=clean_images,
            train_images=len(images.train),
        )
        for name, sentence in named_alarms(spec, curves, images.classes):
            self.context.notice(sentence, about=name)
        for name, sentence in ended_alarms(spec, curves, images.classes):
            self.context.notice(sentence, about=name, over=True)

    def _probe_steps(self, count: int, robust: float) -> None:
        """Append the accuracies under one step and under many, both as large as in training."""
        if self._probing is None:
            return
        pixels, labels = (tensor[:count] for tensor in self.images.watched)
        one, many = (
            robust  # the evaluation's attack is the same one
            if attack == self.spec.evaluation
            else robust_accuracy(self.network, pixels, labels, attack, self.context)
            for attack in self._probing
        )
        self.state.append(epochs__one_step_accuracy=one, epochs__many_step_accuracy=many)

    def _announce_resumed(self) -> None:
        """Publish the curves restored from a checkpoint, so that plots show them from the start."""
        state, context = self.state, self.context
        if state.epoch == 0:
            return
        context.notice(f"resumed after epoch {state.epoch}", about=RESUMED)
        for name, values in SHOWN_CURVES:
            columns = [state.history[f"{name}__{value}"] for value in values]
            for step, *row in zip(state.history[f"{name}__step"], *columns, strict=True):
                shown = dict(zip(values, row, strict=True))
                context.emit(Scalars(context.spec.key, step, shown))

    def _tell_unexpected(self) -> None:
        """Tell the user where this training is not what its fields make one expect."""
        spec, threat = self.spec, self.spec.scheme.threat
        if threat is not None:
            then = "this is standard training at the cost of an attack"
            tell_no_radius(self.context, "scheme.attack", threat, then)
        tell_of_evaluation(spec, len(self.images.test), self.context)

    def _send_snapshot(self, step: float) -> None:
        """Publish the weights of a network on 2-d points, so that its boundary can be drawn."""
        if self._is_planar:
            self.context.emit(Snapshot(self.spec.key, step, weights_of(self.network)))

    @property
    def _is_planar(self) -> bool:
        return self.images.shape == (2, 1, 1)

    def _step_on(self, indices: Tensor, epoch: float) -> Tensor:
        spec, state = self.spec, self.state
        loss = self.steps(epoch, *self._batches.given(indices))
        if self._average is not None:
            steps = math.ceil(len(self.images.train) / spec.batch_size)
            self._average.follow(state.model, round(epoch * steps))
        return loss

    def _take(self, epoch: float, *inputs: Tensor) -> Tensor:
        """Take one step on what the batches give it."""
        spec, state = self.spec, self.state
        images, labels = self._batches.images_and_labels(inputs)
        batch = batch_of(spec, self.images, epoch, state.generators["attack"], self._on_attack_step)
        loss: Tensor = self._scheme.step(state, images, labels, batch, **self._fields)
        return loss

    def _on_attack_step(self, *_: object) -> None:
        self.context.check_cancelled()

    @property
    def is_shown(self) -> bool:
        """Whether the next point of the curve comes with something of the network's weights."""
        return self.probes.is_due or self._is_planar

    def on_point(self, step: float, loss: float) -> None:
        """Publish a point of the loss curve, and maps and weights if they are due.

        Raises
        ------
        SpecError
            If the loss is not finite.
        """
        if not math.isfinite(loss):
            raise SpecError(
                f"optimizer.learning_rate is {self.spec.optimizer.learning_rate:g}: the loss "
                f"became {loss} in epoch {step:.1f}; try a smaller one"
            )
        self.state.append(curve__step=step, curve__loss=loss)
        self.context.emit(Scalars(self.spec.key, step, {"loss": loss}))
        self.probes.send_if_due(self.network, step)
        self._send_snapshot(step)


def batch_of(
    spec: Training,
    images: DeviceImages,
    epoch: float,
    generator: Source,
    on_step: OnStep,
    members: int = 1,
) -> BatchContext:
    """Return what a training's scheme is told of a batch; see :class:`BatchContext`."""
    return BatchContext(
        epoch,
        generator,
        on_step,
        smoothing=spec.label_smoothing,
        mixed=spec.precision == "bfloat16",
        training=(images.train, images.train_labels),
        members=members,
    )


def tell_of_evaluation(spec: ClassifierSpec, test_images: int, context: Context) -> None:
    """Tell the user what a network's evaluation does not do that its fields make one expect."""
    then = "robust accuracy is the clean accuracy"
    tell_no_radius(context, "evaluation", spec.evaluation, then)
    tell_fewer(context, spec, "evaluation_images", test_images)


def _check(spec: Training, context: Context, images: DeviceImages) -> None:
    """Raise :class:`SpecError` where a training does not fit its images or this machine."""
    if spec.weights == "best" and not len(images.validation):
        raise SpecError(
            "weights is 'best', but there are no validation images: "
            f"images.validation is {spec.images.validation:g} of {len(images.train)}"
        )
    if spec.augmentation is not None:
        check_fits(spec.augmentation, images.shape)
    if spec.averaging and SCHEMES[spec.scheme.kind].evaluated is not None:
        raise SpecError(
            f"averaging is {spec.averaging:g}, must be 0: {spec.scheme.kind} chooses itself which "
            "weights are evaluated"
        )
    check_precision(spec.precision, context.device)


def _generators(spec: Training, context: Context, model: nn.Module) -> dict[str, torch.Generator]:
    """Return the generators; a training that continues another one draws different batches."""
    after = "" if spec.start is None else f" after {spec.start.key}"
    return {
        "shuffle": context.generator(f"shuffle{after}", spec.seed),
        "attack": context.generator(f"attack{after}", spec.seed, context.device),
        **_augmenting(spec, context, after),
        **noise_generator(model, context, spec.seed, after),
    }


def _augmenting(spec: Training, context: Context, after: str) -> dict[str, torch.Generator]:
    if spec.augmentation is None:
        return {}
    return {"augmentation": context.generator(f"augmentation{after}", spec.seed)}
