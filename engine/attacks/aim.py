"""The goal of an attack: what it maximises, when it succeeded, and the worst of several runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.attacks.losses import TARGETED, Objective, followed, sloped, stands
from engine.devices.graphs import is_unchecked
from engine.networks.gradients import (
    ImageLoss,
    InputError,
    check_images,
    checked_logits,
    highest_of,
    parts,
)

OnStep = Callable[[int, Tensor], None]
"""Called once per step with its number, from 0, and the losses (N,) before the step.

The losses are detached and on the images' device. They are the attack's loss for the target class,
which decreases, or without a target for the true class. An exception raised here ends the attack.
"""


@dataclass(frozen=True)
class Aim:
    """The goal of a run.

    Attributes
    ----------
    objective
        Function to maximise if ``sign`` is 1, or to minimise if it is -1.
    classes : Tensor (N,), int64
        A run succeeds if the prediction is not this class (sign 1), or is this class (sign -1).
        Logits that are not finite predict no class.
    """

    objective: Objective
    classes: Tensor
    sign: float

    def reached(self, logits: Tensor) -> Tensor:
        """Return, per image (N,), whether its logits are those of a success."""
        right = stands(logits, self.classes)
        return right if self.sign < 0 else ~right

    def of(self, rows: Tensor) -> Aim:
        """Return the goal for some of the images, chosen by index."""
        objective = Objective(self.objective.loss, self.objective.against[rows])
        return Aim(objective, self.classes[rows], self.sign)


class Worst:
    """The worst attacked version of every image over several runs."""

    def __init__(self, model: nn.Module, aim: Aim) -> None:
        self._model, self._aim = model, aim
        self._best: tuple[Tensor, Tensor, Tensor] | None = None

    def of(self, adv_images: Tensor) -> Tensor:
        """Add the result of another run and return the worst images of all runs so far."""
        success, height = self._judged(adv_images)
        if self._best is None:
            self._best = adv_images, success, height
            return adv_images
        kept, best_success, best_height = self._best
        better = (success & ~best_success) | ((success == best_success) & (height > best_height))
        kept[better] = adv_images[better]
        best_success |= success
        best_height[better] = height[better]
        return kept

    def _judged(self, adv_images: Tensor) -> tuple[Tensor, Tensor]:
        """Return, per image, whether the run succeeded, and the objective times ``sign``."""
        aim, objective = self._aim, self._aim.objective
        with torch.no_grad():
            split = parts(adv_images, self._model)
            logits = torch.cat([checked_logits(self._model, adv_images[part]) for part in split])
            height = aim.sign * objective.loss(logits, objective.against)
            return aim.reached(logits), height


def aim_of(
    images: Tensor, labels: Tensor, loss: ImageLoss, target: int | None, objective: Objective | None
) -> Aim:
    """Check the input of an attack and return its goal."""
    check_images(images)
    if target is not None:
        if objective is not None:
            raise InputError(f"target is {target}, must be empty where an objective is given")
        classes = torch.full((len(images),), target, dtype=torch.int64, device=images.device)
        return Aim(Objective(sloped(loss), classes), classes, -1.0)
    if labels.shape != images.shape[:1] or labels.dtype != torch.int64:
        raise InputError(
            f"labels has shape {tuple(labels.shape)} and type {labels.dtype}, "
            f"must be ({len(images)},), int64"
        )
    if len(labels) and not is_unchecked() and int(labels.min()) < 0:
        raise InputError("labels holds -1, must hold a class for every image without a target")
    return Aim(objective or Objective(followed(loss), labels), labels, 1.0)


def targeted(aim: Aim, loss: str, targets: Tensor) -> Aim:
    """Return the goal of moving every image to a class of its own; any error is a success.

    Parameters
    ----------
    aim
        The goal without a target, which names the true classes.
    loss
        A key of :data:`~engine.attacks.losses.TARGETED`.
    targets : Tensor (N,), int64
    """
    pairs = torch.stack([aim.classes, targets], dim=1)
    return Aim(Objective(sloped(TARGETED[loss]), pairs), aim.classes, 1.0)


def ranked_targets(model: nn.Module, images: Tensor, labels: Tensor, count: int) -> Tensor:
    """Return, per image, the classes other than its label with the highest logits, highest first.

    Returns
    -------
    Tensor (N, M), int64
        M is ``count``, or the number of other classes where that is less.
    """
    highest = highest_of(labels)
    with torch.no_grad():
        logits = torch.cat([checked_logits(model, images[part], highest) for part in parts(images)])
    order = logits.nan_to_num(nan=float("-inf")).argsort(dim=1, descending=True, stable=True)
    return order[order != labels.unsqueeze(1)].view(len(logits), -1)[:, :count]


TellAll = Callable[[int, Tensor, Tensor], None]
"""Takes a step's number, the images that are left of a run (by index in it), and their losses."""


def told_of_all(on_step: OnStep | None, first: int, rows: Tensor, count: int) -> TellAll:
    """Return a function that passes the losses of some images on as those of the whole batch.

    Images that a run left keep their last loss.

    Parameters
    ----------
    first
        Number of the run's first step.
    rows : Tensor (n,), int64
        Which of the batch's ``count`` images the run attacks.
    """
    if on_step is None:
        return lambda step, chosen, losses: None
    every = torch.zeros(count, device=rows.device)

    def tell(step: int, chosen: Tensor, losses: Tensor) -> None:
        nonlocal every
        every = every.to(losses.dtype, copy=True)
        every[rows[chosen]] = losses
        on_step(first + step, every)

    return tell
