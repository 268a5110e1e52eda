"""Trainings computed as one, with their attacks; see :mod:`engine.training.together.stack`.

Evaluation attacks, accuracies, maps and alarms are those of each member alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from engine.attacks.joined import Joined, but_lengths
from engine.devices.graphs import Generators
from engine.jobs.context import Context
from engine.jobs.together import Together
from engine.networks.stacked import Stacked
from engine.specs import AttackSpec, Training
from engine.training.averaging import GROUP, follow
from engine.training.batch import Batches
from engine.training.capture import goes_straight, obstacle, settles_at
from engine.training.loop import TrainingState
from engine.training.schemes import SCHEMES
from engine.training.together.stack import STACKED, Ended, Kind, Step, train_together
from engine.training.train import Run, batch_of


def alike(one: Training, other: Training) -> bool:
    """Return whether two trainings can be computed together.

    Their seeds, starts, evaluations and live maps may differ, and of attacks in training eps and
    the length of a step.
    """
    return not why_alone(one) and not why_alone(other) and _shared(one) == _shared(other)


def train_all(contexts: Sequence[Context], ended: Ended) -> None:
    """Compute trainings of which every two are :func:`alike`; see :func:`train_together`."""
    train_together(TRAININGS, contexts, ended)


def why_alone(spec: Training) -> str:
    """Return why a training cannot be computed together with one that is like it, or ""."""
    if spec.network.kind not in STACKED:
        return f"{spec.network.kind} fills a GPU alone, or is not known to be computed together"
    if reason := SCHEMES[spec.scheme.kind].alone:
        return f"{spec.scheme.kind}: {reason}"
    attack = getattr(spec.scheme, "attack", None)
    if attack is not None and not goes_straight(attack):
        return f"{attack.kind} decides by values within a step, as they come for one network"
    return ""


def _shared(spec: Training) -> tuple[object, ...]:
    scheme = spec.scheme.parameters()
    if isinstance(attack := scheme.get("attack"), AttackSpec):
        scheme["attack"] = but_lengths(attack)
    return (spec.network, spec.optimizer, spec.epochs, spec.batch_size, spec.order, spec.precision,
            spec.images, spec.label_smoothing, spec.averaging, spec.augmentation, spec.frozen,
            spec.scheme.kind, tuple(scheme.items()))  # fmt: skip


def _begin(context: Context) -> Run:
    assert isinstance(context.spec, Training)
    return Run(context.spec, context)


def _step(members: Sequence[Run], state: TrainingState, together: Together) -> Step:
    """Return the step that the scheme takes with a network that is all of the members'."""
    spec, images, count = members[0].spec, members[0].images, len(members)
    generators = [member.state.generators for member in members]
    attacking = Generators([own["attack"] for own in generators])
    batches = Batches(images, spec.augmentation, generators)
    fields, take_step = spec.scheme.parameters(), SCHEMES[spec.scheme.kind].step
    joined = None
    if "attack" in fields:
        attacks = [member.spec.scheme.parameters()["attack"] for member in members]
        joined = Joined(attacks, together.device)
    for member in members:
        member.probes.sharing = count

    def take(epoch: float, *given: Tensor) -> Tensor:
        pixels, labels = batches.images_and_labels(given)
        batch = batch_of(spec, images, epoch, attacking, heed, count)
        own = {} if joined is None else {"attack": joined.on(len(labels) // count)}
        losses: Tensor = take_step(state, pixels, labels, batch, **{**fields, **own})
        return losses.view(count)  # a scalar of one that is left alone

    def heed(*_: object) -> None:
        together.check_cancelled()

    move_average, give = _beside(members, state)
    return Step(
        take,
        obstacle(spec),
        first_epoch=settles_at(spec),
        inputs=batches.given,
        follow=move_average,
        give=give,
    )


def _beside(
    members: Sequence[Run], state: TrainingState
) -> tuple[Callable[[float], None], Callable[[int, Run], None]]:
    """Return what follows the weights after a step, and what gives a member its part of that.

    That are averaged weights, and what the scheme keeps from batch to batch, which members may
    bring from an earlier run.
    """
    spec, count = members[0].spec, len(members[0].images.train)
    names = [name for name in members[0].state.kept if not name.startswith(GROUP)]
    for name in names:
        state.kept[name] = torch.cat([member.state.kept[name] for member in members])
    averaged = None
    if spec.averaging:
        averaged = Stacked([member.network for member in members]).requires_grad_(False)

    def move_average(epoch: float) -> None:
        if averaged is not None:
            step = round(epoch * math.ceil(count / spec.batch_size))
            follow(averaged, state.model, spec.averaging, step)

    def give(place: int, member: Run) -> None:
        if averaged is not None:
            averaged.take(place, member.network)
        for name, tensor in state.kept.items():
            member.state.kept[name] = tensor.chunk(len(members))[place]

    return move_average, give


TRAININGS = Kind(_begin, _step, end_epoch=Run.end_epoch)
