"""Projected gradient descent (PGD) and its one-step form (FGSM)."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from engine.attacks.aim import Aim, OnStep, Worst, aim_of
from engine.attacks.losses import LOSSES, LOSSES_OF, Objective, followed
from engine.attacks.norms import Length, project_, step_direction
from engine.attacks.norms import random_start as started_at_random
from engine.devices.graphs import Source
from engine.networks.gradients import (
    InputError,
    differentiating,
    fastest_layout,
    highest_of,
    input_gradient,
    input_gradients,
    parts,
)


def pgd(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    norm: str,
    eps: Length,
    step_size: Length,
    steps: int,
    loss: str = "xent",
    target: int | None = None,
    random_start: bool = False,
    restarts: int = 1,
    form: str = "corrected",
    objective: Objective | None = None,
    start: Tensor | None = None,
    generator: Source | None = None,
    on_step: OnStep | None = None,
) -> Tensor:
    """Attack by iterated gradient ascent: a step, then projection onto the ball, then clipping.

    Every iterate is adv + step_size * direction, projected onto the eps-ball around the clean image
    and clipped to [0, 1]. The last iterate is the result. Source: Madry 2018; Kim, Seo, Jeon 2019.

    Parameters
    ----------
    model
        Returns logits (N, K). It is attacked in evaluation mode with frozen parameters; its state
        is restored afterwards.
    images : Tensor (N, C, H, W), floating point in [0, 1]
    labels : Tensor (N,), int64
        The true classes; ignored if there is a target.
    norm, eps, step_size
        The ball and the length of a step, in pixel units, of all images or of each its own, see
        :data:`~engine.attacks.norms.Length`. ``step_size`` may exceed ``eps``.
    steps
        At least 1.
    loss
        The loss to maximise, a key of :data:`~engine.attacks.losses.LOSSES`.
    target
        If given, the loss of this class is minimised instead.
    random_start
        Start at a random point of the ball; needs a generator.
    restarts
        Number of runs, of which the worst result per image is kept: a successful run is preferred,
        then one with a higher loss (with a target: a lower loss).
    form
        "released": losses and norms in the forms of the paper's released code; see
        :data:`~engine.attacks.losses.LOSSES_OF` and :data:`~engine.attacks.norms.FORMS`.
    objective
        Function to maximise instead of ``loss``; not allowed together with a target.
    start : Tensor (N, C, H, W), optional
        Starting point of the first run, instead of the images or a random point.
    generator
        The only source of randomness, so that its seed determines the result. A stack of networks
        has a generator for each.
    on_step
        See :data:`OnStep`; the step number continues over restarts.

    Returns
    -------
    Tensor (N, C, H, W)
        Attacked images; with eps 0 a copy of the clean ones.

    Raises
    ------
    InputError
        If images, labels or the network's output do not meet the requirements above.
    """
    aim = aim_of(images, labels, LOSSES_OF[form][loss], target, objective)
    if random_start and generator is None:
        raise InputError("random_start is true, must then be given a generator")
    if (not isinstance(eps, Tensor) and eps == 0) or not len(images):
        return images.detach().clone()
    run = partial(_ascend, model, aim=aim, norm=norm, eps=eps, form=form)
    run = partial(run, step_size=step_size, steps=steps)
    with differentiating(model, images):
        clean = images.detach().clone(memory_format=fastest_layout(model, images))
        worst = Worst(model, aim)
        for restart in range(restarts):
            begin = clean.clone()
            if start is not None and restart == 0:
                project_(begin.copy_(start), clean, norm, eps, form)
            elif random_start and generator is not None:
                begin.copy_(started_at_random(images.detach(), norm, eps, generator, form))
            adv_images = run(begin, clean, on_step=_counted(on_step, restart * steps))
            if restarts > 1:
                adv_images = worst.of(adv_images)
    return torch.empty_like(images, requires_grad=False).copy_(adv_images)


def fgsm(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    norm: str,
    eps: Length,
    loss: str = "xent",
    target: int | None = None,
    form: str = "corrected",
    objective: Objective | None = None,
    start: Tensor | None = None,
    generator: Source | None = None,
    on_step: OnStep | None = None,
) -> Tensor:
    """Attack by one step of length eps: :func:`pgd` with one step. Source: Goodfellow 2015.

    ``generator`` is unused; it is accepted because every attack takes it.
    """
    return pgd(
        model,
        images,
        labels,
        norm=norm,
        eps=eps,
        step_size=eps,
        steps=1,
        loss=loss,
        target=target,
        form=form,
        objective=objective,
        start=start,
        generator=generator,
        on_step=on_step,
    )


def followed_gradients(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Return the gradients (N, ...) that an attack on the cross-entropy follows from the images.

    See :func:`engine.attacks.losses.followed`; parameters and errors as in :func:`pgd`.
    """
    _, gradients = input_gradients(model, images, labels, followed(LOSSES["xent"]))
    return gradients


def _ascend(
    model: nn.Module,
    adv_images: Tensor,
    clean: Tensor,
    *,
    aim: Aim,
    norm: str,
    eps: Length,
    form: str,
    step_size: Length,
    steps: int,
    on_step: OnStep | None,
) -> Tensor:
    """Update ``adv_images`` in place, all parts of the batch in every step, and return them."""
    loss, against = aim.objective.loss, aim.objective.against
    highest = highest_of(aim.classes)
    views = [
        (adv_images[part], clean[part], against[part], _of(eps, part), _of(step_size, part))
        for part in parts(clean, model)
    ]
    for step in range(steps):
        losses = []
        for adv, around, compared, radius, length in views:
            values, gradient = input_gradient(model, adv, compared, loss, highest)
            direction = step_direction(gradient, norm, form)
            if isinstance(length, Tensor):
                adv.addcmul_(direction, length, value=aim.sign)
            else:
                adv.add_(direction, alpha=aim.sign * length)
            project_(adv, around, norm, radius, form)
            losses.append(values)
        if on_step is not None:
            on_step(step, torch.cat(losses))
    return adv_images


def _of(length: Length, part: slice) -> Length:
    return length[part] if isinstance(length, Tensor) else length


def _counted(on_step: OnStep | None, first: int) -> OnStep | None:
    if on_step is None:
        return None
    return lambda step, losses: on_step(first + step, losses)
