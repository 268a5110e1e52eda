"""Several small networks trained as one, for devices that one of them leaves idle.

Each member is what it is alone: it has the same weights, orders, random numbers and steps, the same
checkpoint, and a record of its own. Only the order of sums within a step may differ. The members'
networks are one (:class:`engine.networks.stacked.Stacked`), so that one optimiser, one captured
step and one loop serve all of them. What is not a step (maps, accuracies, alarms) is done by each
member, on a network of its own into which its weights are copied.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from engine.devices.faults import is_short
from engine.jobs.context import Context
from engine.jobs.device_images import DeviceImages
from engine.jobs.together import Together
from engine.networks.stacked import Stacked
from engine.specs import OptimizerSpec
from engine.store.study import Result
from engine.training.capture import Steps
from engine.training.loop import (
    Checkpoints,
    Course,
    TrainingState,
    make_optimizer,
    run_steps,
    visiting,
)

STACKED = ("small_cnn", "paper_mnist_cnn", "paper_cifar_cnn", "paper_mlp")
"""Kinds of networks that are computed together: too small to fill a GPU, and without dropout."""

SAVE_SECONDS = 60.0
"""At least so long between two checkpoints of all members, and 20 times as long as one takes."""
SAVING_SHARE = 20

Outcome = Result | BaseException
Ended = Callable[[Context, Outcome], None]
Take = Callable[..., Tensor]
"""``(epoch, *inputs) -> losses``: one step of the members on their batches; the losses are (K,)."""


class Shared(Course, Protocol):
    """What the specs of all members say."""

    @property
    def optimizer(self) -> OptimizerSpec:
        """How the weights move."""


class Member(Protocol):
    """A training that has begun, maybe in an earlier run, and that others are computed with."""

    @property
    def context(self) -> Context:
        """Its own."""

    @property
    def images(self) -> DeviceImages:
        """The same for all members."""

    @property
    def state(self) -> TrainingState:
        """Its network, generators and curves; its optimiser has moments before the stack only."""

    @property
    def checkpoints(self) -> Checkpoints:
        """Of its own."""

    @property
    def is_shown(self) -> bool:
        """Whether :meth:`on_point` needs its weights now."""

    def on_point(self, step: float, loss: float) -> None:
        """Take a point of its loss curve; what is raised ends this member alone."""

    def result(self) -> Result:
        """Return its result, after the last epoch."""


@dataclass(frozen=True)
class Step:
    """A step of all members.

    Attributes
    ----------
    take
        See :data:`Take`.
    obstacle
        Why it cannot be captured; "" if it can.
    first_epoch
        From which on it is the same at every epoch.
    inputs
        What ``take`` is given beside the epoch, in place of the indices (K, B).
    follow
        Called with the epoch after every step.
    give
        ``(place, member)``: gives a member what it has beside its weights.
    """

    take: Take
    obstacle: str
    first_epoch: float = 0.0
    inputs: Callable[[Tensor], tuple[Tensor, ...]] = lambda indices: (indices,)
    follow: Callable[[float], None] = lambda epoch: None
    give: Callable[[int, Any], None] = lambda place, member: None


@dataclass(frozen=True)
class Kind:
    """What is computed together.

    Attributes
    ----------
    begin
        ``context -> member``.
    step
        ``(members, stacked state, context) -> Step``, of the members in their order.
    end_epoch
        Called with each member after each epoch; None: members need their weights at the end only.
    place
        Members are sorted by this.
    """

    begin: Callable[[Context], Any]
    step: Callable[[Any, TrainingState, Together], Step]
    end_epoch: Callable[[Any], None] | None = None
    place: Callable[[Any], int] = lambda member: 0


def train_together(kind: Kind, contexts: Sequence[Context], ended: Ended) -> None:
    """Compute trainings that may be computed together.

    Parameters
    ----------
    contexts
        Of each training its own.
    ended
        Called once with each context: with its result, or with what ended it. One that fails or is
        cancelled ends no other one. If memory runs out, halves of them are computed in turn, from
        their last checkpoints; those that cannot even begin wait for the others.
    """
    by_epoch: dict[int, list[Member]] = defaultdict(list)
    later: Sequence[Context] = ()
    for number, context in enumerate(contexts):
        try:
            context.check_cancelled()
            member = kind.begin(context)
        except BaseException as error:
            if is_short(error) and by_epoch:
                later = contexts[number:]
                break
            ended(context, error)
        else:
            by_epoch[member.state.epoch].append(member)
    groups = list(by_epoch.values())
    by_epoch.clear()  # what is tried again in halves must not be held here
    while groups:
        for half in _trained(kind, groups.pop(), ended):
            train_together(kind, half, ended)
    if later:
        train_together(kind, later, ended)


def _trained(kind: Kind, members: list[Member], ended: Ended) -> list[list[Context]]:
    """Train members that stand at the same epoch; return what is to be tried again, in halves."""
    together = Together([member.context for member in members], ended)
    try:
        Stack(kind, members, together).run()
    except BaseException as error:
        left = together.members
        if is_short(error) and len(left) > 1:
            half = (len(left) + 1) // 2
            return [left[:half], left[half:]]
        for context in left:
            ended(context, error)
        return []
    for member in members:
        if together.holds(member.context):
            ended(member.context, _result(member))
    return []


def _result(member: Member) -> Outcome:
    try:
        return member.result()
    except BaseException as error:
        return error


class Stack:
    """The training of members as one network.

    Parameters
    ----------
    members
        Alike, and at the same epoch.
    together
        The context of all of them.
    """

    def __init__(self, kind: Kind, members: Sequence[Member], together: Together):
        self._kind, self._together = kind, together
        self._members = sorted(members, key=kind.place)
        self._spec: Shared = self._members[0].context.spec  # type: ignore[assignment]
        stacked = Stacked([member.state.model for member in self._members])
        optimizer = make_optimizer(self._spec.optimizer, stacked)
        first = self._members[0].state
        self._state = TrainingState(
            stacked, optimizer, {}, epoch=first.epoch, still=_still(first, stacked)
        )
        if self._state.epoch:
            self._take_over_moments()
        self._step = kind.step(self._members, self._state, together)
        for place, member in enumerate(self._members):
            member.context.provenance |= {"way": "stacked", "width": len(members), "place": place}

    def run(self) -> None:
        """Train to the last epoch, and give each member its weights."""
        spec, state, together = self._spec, self._state, self._together
        count = len(self._members[0].images.train)
        saved, wait = time.monotonic(), SAVE_SECONDS
        steps = Steps(
            self._step.take,
            state,
            together,
            obstacle=self._step.obstacle,
            optimizer=spec.optimizer,
            first_epoch=self._step.first_epoch,
        )

        def step_on(indices: Tensor, epoch: float) -> Tensor:
            losses = steps(epoch, *self._step.inputs(indices))
            self._step.follow(epoch)
            return losses

        with steps:
            while state.epoch < spec.epochs:
                run_steps(
                    state,
                    together,
                    spec,
                    visited=torch.split(self._orders(count), spec.batch_size, dim=1),
                    steps=-(-count // spec.batch_size),
                    step_on=step_on,
                    optimizer=spec.optimizer,
                    on_sum=self._on_sum,
                )
                self._end_epoch()
                if time.monotonic() - saved >= wait and state.epoch < spec.epochs:
                    wait, saved = self._save(), time.monotonic()
        graph = "yes" if together.provenance.get("way") == "captured" else "no"
        for place, member in enumerate(self._members):
            member.context.provenance["graph"] = graph
            self._give_weights(place, member)

    def _orders(self, count: int) -> Tensor:
        """Return the order of each member's next epoch, int64 (K, count), on the device."""
        orders = [
            visiting(count, member.state.generators["shuffle"], self._spec.order)
            for member in self._members
        ]
        return torch.stack(orders).to(self._together.device)

    def _on_sum(self, step: float, total: Tensor, seen: int) -> None:
        losses = (total / seen).tolist()
        for place, member in self._staying():
            with self._alone(member):
                if member.is_shown:
                    self._give_weights(place, member)
                member.on_point(step, losses[place])

    def _end_epoch(self) -> None:
        end = self._kind.end_epoch
        if end is None:
            return
        for place, member in self._staying():
            with self._alone(member):
                self._give_weights(place, member)
                end(member)

    def _staying(self) -> list[tuple[int, Member]]:
        """Return the members that have not left, with their places."""
        held = self._together.holds
        return [pair for pair in enumerate(self._members) if held(pair[1].context)]

    @contextmanager
    def _alone(self, member: Member) -> Iterator[None]:
        """Let a member leave where its own work fails; the others share what it lacks of memory."""
        try:
            yield
        except BaseException as error:
            if is_short(error):
                raise
            self._together.leave(member.context, error)

    # -------------------------------------------------------------------- members in and out

    def _take_over_moments(self) -> None:
        """Take the moments that the members' checkpoints brought from their optimisers."""
        own = [_moments(member.state) for member in self._members]
        stacked = self._state.optimizer
        parameters = [p for group in stacked.param_groups for p in group["params"]]
        for index, parameter in enumerate(parameters):
            for name, value in own[0][index].items():
                joined = value
                if torch.is_tensor(value) and value.shape == parameter.shape[1:]:
                    joined = torch.empty_like(parameter, requires_grad=False)
                    joined.copy_(torch.stack([moments[index][name] for moments in own]))
                stacked.state[parameter][name] = joined
        for member in self._members:
            _forget_moments(member.state)

    def _save(self) -> float:
        """Save the checkpoint of every member; return the seconds until the next time."""
        begun = time.monotonic()
        for place, member in self._staying():
            self._give_weights(place, member)
            self._give_moments(place, member.state)
            member.checkpoints.save(member.state)
            _forget_moments(member.state)
        return max(SAVE_SECONDS, SAVING_SHARE * (time.monotonic() - begun))

    def _give_weights(self, place: int, member: Member) -> None:
        stacked = self._state.model
        assert isinstance(stacked, Stacked)
        stacked.take(place, member.state.model)
        self._step.give(place, member)
        member.state.epoch = self._state.epoch

    def _give_moments(self, place: int, state: TrainingState) -> None:
        theirs = [p for group in state.optimizer.param_groups for p in group["params"]]
        ours = [p for group in self._state.optimizer.param_groups for p in group["params"]]
        for parameter, joined in zip(theirs, ours, strict=True):
            for name, value in self._state.optimizer.state[joined].items():
                whole = torch.is_tensor(value) and value.shape == joined.shape
                state.optimizer.state[parameter][name] = value[place] if whole else value


def _still(state: TrainingState, stacked: Stacked) -> tuple[nn.Module, ...]:
    """Return what of a stack stays in evaluation mode, as it does in every member."""
    names = {name for name, module in state.model.named_modules() if module in state.still}
    return tuple(module for name, module in stacked.body.named_modules() if name in names)


def _moments(state: TrainingState) -> list[dict[str, Tensor]]:
    parameters = (p for group in state.optimizer.param_groups for p in group["params"])
    return [state.optimizer.state[parameter] for parameter in parameters]


def _forget_moments(state: TrainingState) -> None:
    state.optimizer.state.clear()
