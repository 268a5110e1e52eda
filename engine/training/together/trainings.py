"""Trainings computed as one, with their attacks; see :mod:`engine.training.together.stack`.

Evaluation attacks, accuracies, maps and alarms are those of each member alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from engine.attacks.joined import Joined, but_lengths
from engine.devices.graphs import Generators
from engine.jobs.context import Context
from engine.jobs.device_images import layout
from engine.jobs.together import Together
from engine.networks.gradients import as_unit
from engine.specs import AttackSpec, Training
from engine.training.capture import goes_straight, obstacle
from engine.training.loop import TrainingState
from engine.training.schemes import SCHEMES
from engine.training.together.stack import STACKED, Ended, Kind, Step, train_together
from engine.training.train import Run, batch_of

SCHEMES_TOGETHER = ("standard", "gaussian_noise", "adversarial", "trades", "mart", "fast_at",
                    "n_fgsm")  # fmt: skip
"""Kinds of schemes whose step is one for several networks: all means are taken by member."""


def alike(one: Training, other: Training) -> bool:
    """Return whether two trainings can be computed together.

    Their seeds, starts, evaluations and live maps may differ, and of attacks in training eps and
    the length of a step.
    """
    return _can_join(one) and _can_join(other) and _shared(one) == _shared(other)


def train_all(contexts: Sequence[Context], ended: Ended) -> None:
    """Compute trainings of which every two are :func:`alike`; see :func:`train_together`."""
    train_together(TRAININGS, contexts, ended)


def _can_join(spec: Training) -> bool:
    scheme = spec.scheme
    attack = getattr(scheme, "attack", None)
    return (
        spec.network.kind in STACKED
        and scheme.kind in SCHEMES_TOGETHER
        and (attack is None or goes_straight(attack))
        # The perturbation of weights is a share of the length of all of a network's weights.
        and not getattr(scheme, "awp", 0.0)
        and not (spec.averaging or spec.augmentation or spec.frozen)
    )


def _shared(spec: Training) -> tuple[object, ...]:
    scheme = spec.scheme.parameters()
    if isinstance(attack := scheme.get("attack"), AttackSpec):
        scheme["attack"] = but_lengths(attack)
    return (spec.network, spec.optimizer, spec.epochs, spec.batch_size, spec.order, spec.precision,
            spec.images, spec.label_smoothing, spec.scheme.kind, tuple(scheme.items()))  # fmt: skip


def _begin(context: Context) -> Run:
    assert isinstance(context.spec, Training)
    return Run(context.spec, context)


def _step(members: Sequence[Run], state: TrainingState, together: Together) -> Step:
    """Return the step that the scheme takes with a network that is all of the members'."""
    spec, images, count = members[0].spec, members[0].images, len(members)
    generators = Generators([member.state.generators["attack"] for member in members])
    fields, take_step = spec.scheme.parameters(), SCHEMES[spec.scheme.kind].step
    joined = None
    if "attack" in fields:
        attacks = [member.spec.scheme.parameters()["attack"] for member in members]
        joined = Joined(attacks, together.device)
    for member in members:
        member.probes.sharing = count

    def take(epoch: float, indices: Tensor) -> Tensor:
        pixels = layout(as_unit(images.train[indices.flatten()]))
        labels = images.train_labels[indices.flatten()]
        batch = batch_of(spec, images, epoch, generators, heed, count)
        own = {} if joined is None else {"attack": joined.on(indices.shape[1])}
        losses: Tensor = take_step(state, pixels, labels, batch, **{**fields, **own})
        return losses.view(count)  # a scalar of one that is left alone

    def heed(*_: object) -> None:
        together.check_cancelled()

    return Step(take, obstacle(spec), float(getattr(spec.scheme, "warmup", 0.0)))


TRAININGS = Kind(_begin, _step, end_epoch=Run.end_epoch)
