"""FAB-T: the nearest misclassified image, sought along the linearised boundary to each class.

Source: Croce, Hein 2020, minimally distorted adversarial examples with a fast adaptive boundary
attack; the targeted form and its constants are those of AutoAttack.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.attacks.aim import Aim, OnStep, TellAll, aim_of, ranked_targets, targeted, told_of_all
from engine.attacks.hyperplane import to_hyperplane
from engine.attacks.losses import Objective, cw
from engine.attacks.norms import norms
from engine.networks.gradients import (
    InputError,
    checked_logits,
    differentiating,
    fastest_layout,
    highest_of,
    input_gradient,
    parts,
)

OVERSHOT = 1.05  # eta: how far beyond the boundary a step goes
LARGEST_PULL = 0.1  # alpha_max: largest weight of the point beside the clean image
BACK = 0.9  # beta: where the search goes on between the clean image and a misclassified one
SHORTEST = 1e-8


def fab(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    norm: str,
    eps: float,
    steps: int,
    targets: int,
    objective: Objective | None = None,
    start: Tensor | None = None,
    generator: torch.Generator | None = None,
    on_step: OnStep | None = None,
) -> Tensor:
    """Attack by approaching the boundary to one class after another as closely as possible.

    In every step the boundary between the label and the target is linearised at the iterate, and
    the iterate and the clean image are both taken to it by the shortest way inside [0, 1]; the next
    iterate lies between the two, a little beyond. A misclassified iterate is pulled back towards
    the clean image. A search ends when such an iterate is within eps, which decides the verdict.

    Parameters and errors as in :func:`engine.attacks.pgd.pgd`, and:

    Parameters
    ----------
    targets
        Number of classes, those other than the true one with the highest logits of the clean image.
    objective
        Not allowed: the search follows differences of logits.
    generator
        Not used: the search begins at the image itself, or at ``start``.

    Returns
    -------
    Tensor (N, C, H, W)
        A misclassified image within eps where one was found, else the clean image.
    """
    if objective is not None:
        raise InputError("fab follows differences of logits, must not be given an objective")
    aim = aim_of(images, labels, cw, None, None)
    if eps == 0 or not len(images):
        return images.detach().clone()
    found = images.detach().clone()
    with differentiating(model, images):
        clean = images.detach().clone(memory_format=fastest_layout(model, images))
        classes = ranked_targets(model, clean, labels, targets).T
        left = torch.arange(len(clean), device=clean.device)
        for number, target in enumerate(classes):
            if not len(left):
                break
            begin = clean[left] if start is None else start[left].to(clean)
            goal = targeted(aim, "cw", target).of(left)
            tell = told_of_all(on_step, number * steps, left, len(clean))
            search = _Search(model, goal, clean[left], begin, norm, eps)
            adv_images, success = search.run(steps, tell)
            found[left[success]] = adv_images[success]
            left = left[~success]
    return found


class _Search:
    """The search towards one target; images that were found are removed from the batch."""

    def __init__(
        self, model: nn.Module, aim: Aim, around: Tensor, begin: Tensor, norm: str, eps: float
    ) -> None:
        self._model, self._aim, self._norm, self._eps = model, aim, norm, eps
        self._highest = highest_of(aim.objective.against.flatten())
        self._rows = torch.arange(len(around), device=around.device)
        self._around, self._adv = around, begin
        self._found = around.clone()
        self._success = torch.zeros(len(around), dtype=torch.bool, device=around.device)

    def run(self, steps: int, tell: TellAll) -> tuple[Tensor, Tensor]:
        """Take all steps; return the images found (N, ...) and the success (N,) of each."""
        for step in range(steps):
            if not len(self._rows):
                break
            tell(step, self._rows, self._approach())
            self._keep_misclassified()
        return self._found, self._success

    def _approach(self) -> Tensor:
        """Take the iterates to the linearised boundary; return the margins (N,) before."""
        margins = torch.cat([self._approach_part(part) for part in parts(self._adv)])
        return margins

    def _approach_part(self, part: slice) -> Tensor:
        aim = self._aim.of(self._rows[part])
        adv, around = self._adv[part], self._around[part]
        # The margin z_target - z_label is to become 0: normal . (there - adv) = -margin.
        margin, gradient = input_gradient(
            self._model, adv, aim.objective.against, aim.objective.loss, self._highest
        )
        normal = gradient.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).flatten(1)
        flat, flat_around = adv.flatten(1), around.flatten(1)
        from_clean = -margin + ((flat - flat_around) * normal).sum(1)
        moves = to_hyperplane(
            torch.cat([flat, flat_around]),
            torch.cat([normal, normal]),
            torch.cat([-margin, from_clean]),
            self._norm,
        )
        own, clean_own = moves.chunk(2)
        length = norms(own, self._norm).clamp_min(SHORTEST)
        pull = length / (length + norms(clean_own, self._norm).clamp_min(SHORTEST))
        pull = pull.clamp_max(LARGEST_PULL).unsqueeze(1)
        beside = torch.lerp(flat + OVERSHOT * own, flat_around + OVERSHOT * clean_own, pull)
        self._adv[part] = beside.clamp_(0, 1).view_as(adv)
        return margin

    def _keep_misclassified(self) -> None:
        """Store images that are misclassified within eps, and pull the other misclassified back."""
        with torch.no_grad():
            logits = torch.cat(
                [checked_logits(self._model, self._adv[part]) for part in parts(self._adv)]
            )
        wrong = self._aim.of(self._rows).reached(logits)
        if not bool(wrong.any()):
            return
        near = wrong & (norms(self._adv - self._around, self._norm) <= self._eps)
        self._found[self._rows[near]] = self._adv[near]
        self._success[self._rows[near]] = True
        back = (wrong & ~near).nonzero().flatten()
        self._adv[back] = torch.lerp(self._around[back], self._adv[back], BACK)
        if bool(near.any()):
            kept = (~near).nonzero().flatten()
            self._rows = self._rows[kept]
            self._around, self._adv = self._around[kept], self._adv[kept]
