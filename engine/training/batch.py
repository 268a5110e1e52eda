"""What a step of training is given, what a scheme is told of it, and how a table describes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.attacks.joined import AnyAttack
from engine.devices.graphs import Source
from engine.jobs.device_images import DeviceImages, layout
from engine.networks.gradients import as_unit
from engine.specs import Augmentation
from engine.training.augmenting.augmentation import augment

LEAST_WARMUP = 1e-6
"""Share of the attack's size at which a warm-up begins; it must be above 0."""


def logits_of_step(model: nn.Module, images: Tensor, mixed: bool) -> Tensor:
    """Return the float32 logits of a step of training; ``mixed``: computed in bfloat16."""
    if not mixed:
        found: Tensor = model(images)
        return found
    # Copies of weights that a cache kept would be stale in a captured step.
    with torch.autocast(images.device.type, dtype=torch.bfloat16, cache_enabled=False):
        found = model(images)
    return found.float()


class Batches:
    """The batches of a training, or of several that are computed as one.

    A step gathers its images itself, so that this is a part of it that can be captured. Random
    changes draw on the CPU, which cannot; they are made in front of the step, and it is given the
    images.

    Parameters
    ----------
    images
        Of which the training ones are used.
    augmentation
        Random changes of them; None: they are left as they are.
    generators
        Those of each training; the changes are drawn by its "augmentation".
    """

    def __init__(
        self,
        images: DeviceImages,
        augmentation: Augmentation | None,
        generators: Sequence[Mapping[str, torch.Generator]],
    ):
        self._images, self._augmentation, self._generators = images, augmentation, generators

    def given(self, indices: Tensor) -> tuple[Tensor, ...]:
        """Return what a step is given of training images: int64 (B,), or (K, B) of K trainings."""
        if self._augmentation is None:
            return (indices,)
        each = indices.view(len(self._generators), -1)
        changed = [
            augment(as_unit(self._images.train[own]), self._augmentation, drawing["augmentation"])
            for own, drawing in zip(each, self._generators, strict=True)
        ]
        return layout(torch.cat(changed)), self._images.train_labels[indices.flatten()]

    def images_and_labels(self, given: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Return what :meth:`given` stands for: images (N, C, H, W) in [0, 1], and labels (N,).

        Those of several trainings lie training by training.
        """
        if self._augmentation is not None:
            images, labels = given
            return images, labels
        indices = given[0].flatten()
        return layout(as_unit(self._images.train[indices])), self._images.train_labels[indices]


@dataclass(frozen=True)
class BatchContext:
    """The position of a batch in the training, and the random generator for its scheme.

    Attributes
    ----------
    epoch
        Epochs done, fractional.
    generator
        Source of the scheme's random numbers, on the device; its state is in the checkpoint. Of
        several networks that are one, the sources of each.
    on_step
        The scheme must call this once per attack step; it may raise to cancel.
    smoothing
        Share of each label that is spread over all classes, see :meth:`loss`.
    mixed
        Whether :meth:`logits` computes in bfloat16 where that loses little.
    training
        All training images, as uint8 or float (N, C, H, W), and their labels (N,), before any
        augmentation; None where there are none but the batch.
    members
        How many networks are computed as one; the images of a batch lie member by member.
    """

    epoch: float
    generator: Source
    on_step: Callable[[int, Tensor], None]
    smoothing: float = 0.0
    mixed: bool = False
    training: tuple[Tensor, Tensor] | None = None
    members: int = 1

    def logits(self, model: nn.Module, images: Tensor) -> Tensor:
        """Return the float32 logits of a step of training.

        Attacks, and gradients with respect to images, do not use this.
        """
        return logits_of_step(model, images, self.mixed)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the mean cross-entropy, of smoothed labels, as :meth:`mean` does.

        Source: Szegedy 2016, section 7.
        """
        if self.members == 1:
            return functional.cross_entropy(logits, labels, label_smoothing=self.smoothing)
        return self.mean(
            functional.cross_entropy(
                logits, labels, reduction="none", label_smoothing=self.smoothing
            )
        )

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean of a number for each image: a scalar, or of several members (K,)."""
        return values.mean() if self.members == 1 else values.view(self.members, -1).mean(1)

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum of values (N, ...): a scalar, or of several members (K,)."""
        return values.sum() if self.members == 1 else values.view(self.members, -1).sum(1)

    def each(self, values: Tensor) -> tuple[Tensor, ...]:
        """Return the parts of values (N, ...) that belong to each member."""
        return values.chunk(self.members)

    def warmed_up(self, attack: AnyAttack, warmup: float) -> AnyAttack:
        """Return the attack, its lengths scaled up linearly over the first ``warmup`` epochs."""
        share = self.share(warmup)
        return attack if share == 1.0 else attack.scaled(share)

    def share(self, warmup: float) -> float:
        """Return the share of the full strength that is reached, above 0 and at most 1."""
        return 1.0 if self.epoch >= warmup else max(self.epoch / warmup, LEAST_WARMUP)


@dataclass(frozen=True)
class Scheme:
    """A row of :data:`SCHEMES`.

    Attributes
    ----------
    step
        ``(state, images, labels, batch, **fields of the spec) -> loss``: trains on one batch, in
        training mode, and returns the mean loss, detached. ``images`` are float (N, C, H, W) in
        [0, 1], ``labels`` int64 (N,), ``state`` a :class:`~engine.training.loop.TrainingState`,
        ``batch`` a :class:`BatchContext`.
    begin
        ``(state, **fields)``: called before the first batch, before a checkpoint is restored.
    evaluated
        ``(state, **fields) -> network``: the network to evaluate, show and store, if it is not the
        one that the steps update (averaged weights, for example).
    alone
        Why it cannot train several networks as one; "" if it can. Then it takes means and sums with
        the batch's ``loss``, ``mean`` and ``sum``, draws from a :class:`Generators`, and what it
        keeps lies member by member along the first axis.
    """

    step: Callable[..., Tensor]
    begin: Callable[..., None] | None = None
    evaluated: Callable[..., nn.Module] | None = None
    alone: str = "its step may mix the numbers of several networks"
