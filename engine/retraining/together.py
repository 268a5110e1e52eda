"""Many retrainings computed as one; see :mod:`engine.training.together.stack`.

Each is what :func:`engine.retraining.retrain.retrain` computes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from engine.jobs.context import Context
from engine.jobs.device_images import DeviceImages
from engine.jobs.together import Together
from engine.networks.gradients import as_unit
from engine.retraining.retrain import Begun, begin, kept_ranks
from engine.specs import Occlusion, Retraining
from engine.store.study import Result
from engine.training.batch import logits_of_step
from engine.training.capture import obstacle_of
from engine.training.loop import Checkpoints, TrainingState, descend
from engine.training.together.stack import STACKED, Ended, Kind, Step, train_together


def alike(one: Retraining, other: Retraining) -> bool:
    """Return whether two retrainings can be computed together.

    Their seeds, rankings, modes and fractions may differ.
    """
    return one.network.kind in STACKED and _shared(one) == _shared(other)


def retrain_together(contexts: Sequence[Context], ended: Ended) -> None:
    """Compute retrainings of which every two are :func:`alike`; see :func:`train_together`."""
    train_together(RETRAININGS, contexts, ended)


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
    def images(self) -> DeviceImages:
        return self.begun.images

    @property
    def state(self) -> TrainingState:
        return self.begun.state

    @property
    def checkpoints(self) -> Checkpoints:
        return self.begun.checkpoints

    @property
    def is_shown(self) -> bool:
        return False

    def on_point(self, step: float, loss: float) -> None:
        self.state.append(curve__step=step, curve__loss=loss)

    def result(self) -> Result:
        return self.begun.result(self.spec, self.context)


def _begin(context: Context) -> _Member:
    assert isinstance(context.spec, Retraining)
    return _Member(context.spec, context, begin(context.spec, context))


def _step(members: Sequence[_Member], state: TrainingState, together: Together) -> Step:
    """Return the step of the members, neighbours of which have one ranking where they share it."""
    spec, images = members[0].spec, members[0].images
    parts = list(_same_ranks(members))
    first, last = _kept(members, together.device)

    def removed(indices: Tensor) -> Tensor:
        """Return which pixels of the images of a step each member removes, bool (K, B, P)."""
        found = []
        for part, ranks in parts:
            own = ranks[indices[part]]
            # Masks that were drawn are as good as ranks: 0 where a pixel is removed, else 1.
            found.append(1 - own.int() if own.dtype == torch.bool else own.int())
        ranked = torch.cat(found)
        return (ranked < first) | (ranked >= last)

    def take(_: float, indices: Tensor) -> Tensor:
        pixels = as_unit(images.train[indices])  # (K, B, C, H, W)
        hidden = removed(indices).view(*indices.shape, 1, *pixels.shape[3:])
        if spec.occlusion.content == "mask":
            shown = hidden.to(pixels.dtype).expand_as(pixels)
        else:
            shown = torch.where(hidden, images.channel_mean.view(-1, 1, 1), pixels)
        logits = logits_of_step(state.model, shown.flatten(0, 1), spec.precision == "bfloat16")
        labels = images.train_labels[indices].flatten()
        losses = functional.cross_entropy(logits, labels, reduction="none")
        return descend(state, losses.view(indices.shape).mean(1))

    return Step(take, obstacle_of(spec.optimizer))


RETRAININGS = Kind(_begin, _step, place=lambda member: id(member.begun.ranks))


def _kept(members: Sequence[_Member], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the first rank that each member keeps, and that behind the last; (K, 1, 1)."""
    pairs = [_kept_by(member.spec.occlusion, member.begun.ranks.train) for member in members]
    kept = torch.tensor(pairs, dtype=torch.int32, device=device)
    return kept[:, 0].view(-1, 1, 1), kept[:, 1].view(-1, 1, 1)


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
