"""APGD: projected gradient ascent whose step size adapts itself, alone and towards classes.

Source: Croce, Hein 2020, reliable evaluation of adversarial robustness.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from engine.attacks.aim import (
    Aim,
    OnStep,
    TellAll,
    Worst,
    aim_of,
    ranked_targets,
    targeted,
    told_of_all,
)
from engine.attacks.losses import LOSSES, Objective
from engine.attacks.norms import edge_start, project_, step_direction
from engine.networks.gradients import (
    InputError,
    differentiating,
    fastest_layout,
    gradient_and_logits,
    highest_of,
    parts,
)

MOMENTUM = 0.75
FIRST_CHECK, CHECK_SHORTENED, LEAST_CHECK = 0.22, 0.03, 0.06  # shares of all steps
RISES_NEEDED = 0.75  # share of the steps since the last check in which the loss must have risen
FIRST_STEP = 2.0  # of eps
LOOKED_EVERY = 5  # steps, for finished images, where a look would wait for the device
COMPACTED = 0.1  # share of finished images from which the batch is made smaller

Seen = tuple[Tensor, Tensor, Tensor]
"""Objective (N,), its gradient (N, ...) and success (N,) at some images."""


def apgd(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    norm: str,
    eps: float,
    steps: int,
    loss: str = "xent",
    target: int | None = None,
    restarts: int = 1,
    targets: int = 0,
    samples: int = 1,
    early_stop: bool = False,
    objective: Objective | None = None,
    start: Tensor | None = None,
    generator: torch.Generator | None = None,
    on_step: OnStep | None = None,
) -> Tensor:
    """Attack by gradient ascent with momentum and a step that halves where it stalls.

    Parameters and errors as in :func:`engine.attacks.pgd.pgd`, and:

    Parameters
    ----------
    targets
        If above 0, one run towards each of so many classes, those other than the true one with the
        highest logits of the clean image; any misclassification is a success.
    samples
        Number of gradients averaged in a step, for networks that answer at random.
    early_stop
        Leave an image as soon as an iterate is misclassified, which saves time and keeps the
        verdict. Otherwise every run is taken to its end.
    generator
        Draws the starts, at distance eps from the image. Without one, the first run starts at the
        image itself, and more than one restart is an error.

    Returns
    -------
    Tensor (N, C, H, W)
        Per image the last misclassified iterate of its worst run, else the one of highest loss.
    """
    aim = aim_of(images, labels, LOSSES[loss], target, objective)
    if generator is None and restarts > 1:
        raise InputError(f"restarts is {restarts}, must then be given a generator")
    if targets and objective is not None:
        raise InputError(f"targets is {targets}, must be 0 where an objective is given")
    if eps == 0 or not len(images):
        return images.detach().clone()
    with differentiating(model, images):
        clean = images.detach().clone(memory_format=fastest_layout(model, images))
        found, left = clean.clone(), torch.ones(len(clean), dtype=torch.bool, device=clean.device)
        worst = Worst(model, aim)
        aims = list(_aims(model, clean, aim, loss, targets)) * restarts
        for number, run_aim in enumerate(aims):
            rows = left.nonzero().flatten()
            if not len(rows):
                break
            around = clean[rows]
            begin = _begin(around, start if number == 0 else None, rows, norm, eps, generator)
            climb = _Climb(model, run_aim.of(rows), around, begin, norm, eps, steps, samples)
            told = told_of_all(on_step, number * steps, rows, len(clean))
            adv_images, success = climb.run(early_stop, told)
            if early_stop:
                found[rows[success]] = adv_images[success]
                found[rows[~success]] = adv_images[~success]
                left[rows[success]] = False
            else:
                found = worst.of(adv_images) if len(aims) > 1 else adv_images
    return torch.empty_like(images, requires_grad=False).copy_(found)


def _aims(model: nn.Module, clean: Tensor, aim: Aim, loss: str, targets: int) -> Iterator[Aim]:
    """Yield the goals of the runs of one restart."""
    if not targets:
        yield aim
        return
    for classes in ranked_targets(model, clean, aim.classes, targets).T:
        yield targeted(aim, loss, classes)


def _begin(
    around: Tensor,
    start: Tensor | None,
    rows: Tensor,
    norm: str,
    eps: float,
    generator: torch.Generator | None,
) -> Tensor:
    begin = around.clone()
    if start is not None:
        return project_(begin.copy_(start[rows]), around, norm, eps)
    if generator is None:
        return begin
    return begin.copy_(edge_start(around, norm, eps, generator))


class _Climb:
    """One run on a batch: its iterates, the best of them, and the step size of every image.

    Images that have finished are removed from the batch; ``self._rows`` says which are left.
    """

    def __init__(
        self,
        model: nn.Module,
        aim: Aim,
        around: Tensor,
        begin: Tensor,
        norm: str,
        eps: float,
        steps: int,
        samples: int,
    ) -> None:
        self._model, self._aim, self._samples = model, aim, samples
        self._highest = highest_of(aim.classes)
        self._norm, self._eps, self._steps = norm, eps, steps
        self._rows = torch.arange(len(around), device=around.device)
        self._around, self._adv, self._before = around, begin, begin
        self._parts = self._aims_of_parts()
        self._looked_every = 1 if around.device.type == "cpu" else LOOKED_EVERY
        self._loss, self._gradient, self._was_wrong = self._look(begin)
        self._best, self._best_gradient, self._best_loss = begin, self._gradient, self._loss
        self._wrong = begin
        self._step = torch.full_like(self._loss, FIRST_STEP * eps)
        self._rises = torch.zeros_like(self._loss)
        self._halved = torch.ones_like(self._was_wrong)
        self._checked_loss = self._loss
        self._found, self._success = begin.clone(), torch.zeros_like(self._was_wrong)

    def run(self, early_stop: bool, tell: TellAll) -> tuple[Tensor, Tensor]:
        """Take all steps; return the result (N, ...) and the success (N,) of every image."""
        length = max(int(FIRST_CHECK * self._steps), 1)
        next_check = length
        for step in range(self._steps):
            if early_stop and step % self._looked_every == 0:
                self._leave_finished()
                if not len(self._rows):
                    break
            tell(step, self._rows, -self._loss if self._aim.sign < 0 else self._loss)
            self._move(MOMENTUM if step else 1.0)
            if step + 1 == next_check:
                self._adapt(length)
                shorter = length - max(int(CHECK_SHORTENED * self._steps), 1)
                length = max(shorter, int(LEAST_CHECK * self._steps), 1)
                next_check += length
        self._store(torch.ones_like(self._was_wrong))
        return self._found, self._success

    def _look(self, images: Tensor) -> Seen:
        """Return objective, gradient and success, averaged over the samples (success: of any)."""
        seen = [self._look_at_part(images[part], aim) for part, aim in self._parts]
        if len(seen) == 1:
            return seen[0]
        losses, gradients, successes = (torch.cat(of_parts) for of_parts in zip(*seen, strict=True))
        return losses, gradients, successes

    def _look_at_part(self, images: Tensor, aim: Aim) -> Seen:
        loss, gradient, success = self._sampled(images, aim)
        if self._samples == 1:
            return loss, gradient, success
        for _ in range(1, self._samples):
            again = self._sampled(images, aim)
            loss, gradient, success = loss + again[0], gradient + again[1], success | again[2]
        return loss / self._samples, gradient, success

    def _aims_of_parts(self) -> list[tuple[slice, Aim]]:
        """Return the parts in which the images that are left are asked for, with their goals."""
        return [(part, self._aim.of(self._rows[part])) for part in parts(self._around)]

    def _sampled(self, images: Tensor, aim: Aim) -> Seen:
        loss, against = aim.objective.loss, aim.objective.against
        values, gradient, logits = gradient_and_logits(
            self._model, images, against, loss, self._highest
        )
        if aim.sign < 0:
            values, gradient = -values, -gradient
        return values, gradient, aim.reached(logits)

    def _move(self, momentum: float) -> None:
        """Take one step, and note where the loss rose, is highest, or the image misclassified."""
        norm, eps, around, adv = self._norm, self._eps, self._around, self._adv
        size = _per_image(self._step, adv)
        stepped = project_(
            step_direction(self._gradient, norm).mul_(size).add_(adv), around, norm, eps
        )
        moved = stepped.sub_(adv).mul_(momentum).add_(adv)
        moved.add_(adv - self._before, alpha=1 - momentum)
        self._before, self._adv = adv, project_(moved, around, norm, eps)
        loss, self._gradient, wrong = self._look(self._adv)
        self._rises += loss > self._loss
        self._loss = loss
        higher = loss > self._best_loss
        self._best = _chosen(higher, self._adv, self._best)
        self._best_gradient = _chosen(higher, self._gradient, self._best_gradient)
        self._best_loss = torch.where(higher, loss, self._best_loss)
        self._wrong = _chosen(wrong, self._adv, self._wrong)
        self._was_wrong = self._was_wrong | wrong

    def _adapt(self, length: int) -> None:
        """Halve the steps of images that stalled, and send these back to their best iterate."""
        stalled = self._rises <= RISES_NEEDED * length
        unchanged = ~self._halved & (self._best_loss <= self._checked_loss)
        self._halved = stalled | unchanged
        self._checked_loss = self._best_loss
        self._rises = torch.zeros_like(self._rises)
        self._step = torch.where(self._halved, self._step / 2, self._step)
        self._adv = _chosen(self._halved, self._best, self._adv)
        self._gradient = _chosen(self._halved, self._best_gradient, self._gradient)

    def _leave_finished(self) -> None:
        """Take misclassified images out of the batch, once there are enough to be worth it."""
        finished = int(self._was_wrong.sum())
        if not finished or finished < COMPACTED * len(self._rows):
            return
        self._store(self._was_wrong)
        kept = (~self._was_wrong).nonzero().flatten()
        for name in (
            "_rows", "_around", "_adv", "_before", "_loss", "_gradient", "_best",
            "_best_gradient", "_best_loss", "_wrong", "_was_wrong", "_step", "_rises", "_halved",
            "_checked_loss",
        ):  # fmt: skip
            setattr(self, name, getattr(self, name)[kept])
        self._parts = self._aims_of_parts()

    def _store(self, chosen: Tensor) -> None:
        """Write the results of some of the images that are left into those of the whole run."""
        result = _chosen(self._was_wrong, self._wrong, self._best)
        rows = self._rows[chosen]
        self._found[rows] = result[chosen]
        self._success[rows] = self._was_wrong[chosen]


def _per_image(values: Tensor, like: Tensor) -> Tensor:
    return values.view(-1, *[1] * (like.ndim - 1))


def _chosen(condition: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    return torch.where(_per_image(condition, yes), yes, no)
