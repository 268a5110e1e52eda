"""Many retrainings computed as one, for devices that a small network leaves idle.

Each member is what :func:`engine.retraining.retrain.retrain` computes: it has the same weights,
orders, masks and steps, the same checkpoint, and a record of its own. Only the order of sums within
a step may differ. The members' networks are one (:class:`engine.networks.stacked.Stacked`), so that
one optimiser, one captured step and one loop serve all of them.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from engine.jobs.context import Context
from engine.jobs.together import Together
from engine.networks.gradients import as_unit
from engine.networks.stacked import Stacked
from engine.retraining.retrain import Begun, begin, kept_ranks
from engine.specs import Occlusion, Retraining
from engine.store.study import Result
from engine.training.batch import logits_of_step
from engine.training.capture import Steps, obstacle_of
from engine.training.loop import TrainingState, make_optimizer, run_steps, visiting

STACKED = ("small_cnn", "paper_mnist_cnn", "paper_cifar_cnn", "paper_mlp")
"""Kinds of networks that are computed together: too small to fill a GPU, and without dropout."""

SAVE_SECONDS = 60.0
"""At least so long between two checkpoints of all members, and 20 times as long as one takes."""
SAVING_SHARE = 20

Outcome = Result | BaseException
Ended = Callable[[Context, Outcome], None]


def alike(one: Retraining, other: Retraining) -> bool:
    """Return whether two retrainings can be computed together.

    Their seeds, rankings, modes and fractions may differ.
    """
    return one.network.kind in STACKED and _shared(one) == _shared(other)


def _shared(spec: Retraining) -> tuple[object, ...]:
    images = spec.occlusion.ranking.images  # type: ignore[attr-defined]
    return (spec.network, spec.optimizer, spec.epochs, spec.batch_size, spec.order, spec.precision,
            spec.occlusion.content, images)  # fmt: skip


@dataclass(frozen=True)
class _Member:
    spec: Retraining
    context: Context
    begun: Begun

    @property
    def state(self) -> TrainingState:
        return self.begun.state


def retrain_together(contexts: Sequence[Context], ended: Ended) -> None:
    """Compute retrainings of which every two are :func:`alike`.

    Parameters
    ----------
    contexts
        Of each retraining its own.
    ended
        Called once with each context: with its result, or with what ended it. One that fails or is
        cancelled ends no other one. If memory runs out, halves of them are computed in turn.
    """
    by_epoch: dict[int, list[_Member]] = defaultdict(list)
    for context in contexts:
        try:
            context.check_cancelled()
            assert isinstance(context.spec, Retraining)
            member = _Member(context.spec, context, begin(context.spec, context))
        except BaseException as error:
            ended(context, error)
        else:
            by_epoch[member.state.epoch].append(member)
    for members in by_epoch.values():
        for half in _trained(members, ended):
            retrain_together(half, ended)


def _trained(members: list[_Member], ended: Ended) -> list[list[Context]]:
    """Train members that stand at the same epoch; return what is to be tried again, in halves."""
    together = Together([member.context for member in members], ended)
    try:
        _Training(members, together).run()
    except BaseException as error:
        left = together.members
        short = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if short and len(left) > 1:
            half = (len(left) + 1) // 2
            return [left[:half], left[half:]]
        for context in left:
            ended(context, error)
        return []
    for member in members:
        if member.context in together.members:
            ended(member.context, _evaluated(member))
    return []


def _evaluated(member: _Member) -> Outcome:
    try:
        return member.begun.result(member.spec, member.context)
    except BaseException as error:
        return error


class _Training:
    """The training of members as one network."""

    def __init__(self, members: list[_Member], together: Together):
        self._members = sorted(members, key=lambda member: id(member.begun.ranks))
        self._together = together
        first = self._members[0]
        self._spec, self._images = first.spec, first.begun.images
        stacked = Stacked([member.state.model for member in self._members])
        optimizer = make_optimizer(self._spec.optimizer, stacked)
        self._state = TrainingState(stacked, optimizer, {}, epoch=first.state.epoch)
        self._parts = list(_same_ranks(self._members))
        self._first, self._last = self._kept()
        if self._state.epoch:
            self._take_over_moments()
        for place, member in enumerate(self._members):
            member.context.provenance |= {"way": "stacked", "width": len(members), "place": place}

    def run(self) -> None:
        """Train to the last epoch, and give each member its weights."""
        spec, state, together = self._spec, self._state, self._together
        count = len(self._images.train)
        saved = time.monotonic()
        wait = SAVE_SECONDS
        steps = Steps(
            self._take,
            state,
            together,
            obstacle=obstacle_of(spec.optimizer),
            optimizer=spec.optimizer,
        )
        with steps:
            while state.epoch < spec.epochs:
                run_steps(
                    state,
                    together,
                    spec,
                    visited=torch.split(self._orders(count), spec.batch_size, dim=1),
                    steps=-(-count // spec.batch_size),
                    step_on=lambda indices, epoch: steps(epoch, indices),
                    optimizer=spec.optimizer,
                    on_sum=self._on_sum,
                )
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

    def _take(self, _: float, indices: Tensor) -> Tensor:
        """Take one step of all members on images (K, B) of each; return the mean losses (K,)."""
        images, state = self._images, self._state
        pixels = as_unit(images.train[indices])  # (K, B, C, H, W)
        removed = self._removed(indices).view(*indices.shape, 1, *pixels.shape[3:])
        if self._spec.occlusion.content == "mask":
            shown = removed.to(pixels.dtype).expand_as(pixels)
        else:
            shown = torch.where(removed, images.channel_mean.view(-1, 1, 1), pixels)
        mixed = self._spec.precision == "bfloat16"
        logits = logits_of_step(state.model, shown.flatten(0, 1), mixed)
        labels = images.train_labels[indices].flatten()
        losses = functional.cross_entropy(logits, labels, reduction="none")
        losses = losses.view(indices.shape).mean(1)
        state.optimizer.zero_grad(set_to_none=True)
        losses.sum().backward()  # type: ignore[no-untyped-call]
        state.optimizer.step()
        return losses.detach()

    def _removed(self, indices: Tensor) -> Tensor:
        """Return which pixels of the images of a step each member removes, bool (K, B, P)."""
        found = []
        for part, ranks in self._parts:
            own = ranks[indices[part]]
            # Masks that were drawn are as good as ranks: 0 where a pixel is removed, else 1.
            found.append(1 - own.int() if own.dtype == torch.bool else own.int())
        ranked = torch.cat(found)
        return (ranked < self._first) | (ranked >= self._last)

    def _kept(self) -> tuple[Tensor, Tensor]:
        """Return the first rank that each member keeps, and that behind the last; (K, 1, 1)."""
        pairs = [
            _kept_by(member.spec.occlusion, member.begun.ranks.train) for member in self._members
        ]
        kept = torch.tensor(pairs, dtype=torch.int32, device=self._together.device)
        return kept[:, 0].view(-1, 1, 1), kept[:, 1].view(-1, 1, 1)

    def _on_sum(self, step: float, total: Tensor, seen: int) -> None:
        for member, loss in zip(self._members, (total / seen).tolist(), strict=True):
            member.state.append(curve__step=step, curve__loss=loss)

    # -------------------------------------------------------------------- members in and out

    def _take_over_moments(self) -> None:
        """Give the optimiser the moments that the members' checkpoints brought."""
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

    def _save(self) -> float:
        """Save the checkpoint of every member; return the seconds until the next time."""
        begun = time.monotonic()
        for place, member in enumerate(self._members):
            if member.context not in self._together.members:
                continue
            self._give_weights(place, member)
            self._give_moments(place, member.state)
            member.begun.checkpoints.save(member.state)
            _forget_moments(member.state)
        return max(SAVE_SECONDS, SAVING_SHARE * (time.monotonic() - begun))

    def _give_weights(self, place: int, member: _Member) -> None:
        stacked = self._state.model
        assert isinstance(stacked, Stacked)
        stacked.take(place, member.state.model)
        member.state.epoch = self._state.epoch

    def _give_moments(self, place: int, state: TrainingState) -> None:
        theirs = [p for group in state.optimizer.param_groups for p in group["params"]]
        ours = [p for group in self._state.optimizer.param_groups for p in group["params"]]
        for parameter, joined in zip(theirs, ours, strict=True):
            for name, value in self._state.optimizer.state[joined].items():
                whole = torch.is_tensor(value) and value.shape == joined.shape
                state.optimizer.state[parameter][name] = value[place] if whole else value


def _same_ranks(members: Sequence[_Member]) -> Iterator[tuple[slice, Tensor]]:
    """Yield the neighbours that share a ranking, and it; no ranking is copied for each member."""
    start = 0
    for place in range(1, len(members) + 1):
        ranks = members[start].begun.ranks
        if place == len(members) or members[place].begun.ranks is not ranks:
            yield slice(start, place), ranks.train
            start = place


def _kept_by(occlusion: Occlusion, ranks: Tensor) -> tuple[int, int]:
    pixels = ranks.shape[1]
    if ranks.dtype == torch.bool:
        return 1, pixels + 1
    return kept_ranks(pixels, occlusion.mode, occlusion.fraction_removed, occlusion.form)


def _moments(state: TrainingState) -> list[dict[str, Tensor]]:
    parameters = (p for group in state.optimizer.param_groups for p in group["params"])
    return [state.optimizer.state[parameter] for parameter in parameters]


def _forget_moments(state: TrainingState) -> None:
    state.optimizer.state.clear()
