"""Paint a class: a targeted attack of large radius, and the pictures on its way."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from engine.attacks.norms import norms
from engine.attacks.pgd import pgd
from engine.jobs.classifiers import classifier
from engine.jobs.context import Context
from engine.jobs.device_images import layout
from engine.measures.measure import chosen_images
from engine.networks.gradients import as_unit, check_target, logits_of
from engine.specs import PGD, AdversarialExamples
from engine.specs.schema import SpecError
from engine.store.study import Result

Start = Literal["image", "grey", "noise"]
GREY = 0.5


def paint(
    model: nn.Module,
    start: Tensor,
    target: int,
    *,
    norm: str,
    eps: float,
    steps: int,
    step_size: float,
    frames: int = 24,
    check_cancelled: Callable[[], None] | None = None,
) -> Tensor:
    """Return the pictures on the way of a targeted attack, the first and the last included.

    The attack is :func:`engine.attacks.pgd.pgd` without a random start, run in pieces; each
    piece goes on where the last one ended, around the same centre. On a network whose gradients
    follow what makes a class, a large radius lets it paint strokes of the class; on others the
    target is reached by noise. Source: Santurkar 2019, section 3.

    Parameters
    ----------
    start : Tensor (1, C, H, W), floating point in [0, 1]
        The centre of the ball, and where the attack begins.
    target
        The class whose cross-entropy is minimised.
    norm, eps, steps, step_size
        As :func:`engine.attacks.pgd.pgd`.
    frames
        Pictures after the first one; at least 1, and no more than there are steps are returned.
    check_cancelled
        Called before every step; may raise.

    Returns
    -------
    Tensor (n + 1, C, H, W)
        In the ball around ``start`` and in [0, 1].
    """
    check_target(model, start, target)
    ends = np.unique(np.linspace(0, steps, min(frames, steps) + 1).round().astype(int))
    labels = torch.full((1,), target, dtype=torch.int64, device=start.device)
    found = [start.detach().clone()]
    for begin, end in pairwise(ends):
        piece = pgd(
            model,
            start,
            labels,
            norm=norm,
            eps=eps,
            step_size=step_size,
            steps=int(end - begin),
            target=target,
            start=found[-1],
            on_step=None if check_cancelled is None else lambda *_: check_cancelled(),
        )
        found.append(piece)
    return torch.cat(found)


def painting(
    spec: AdversarialExamples, context: Context, *, start: Start = "image", frames: int = 24
) -> Result:
    """Compute how a network paints the target of a spec's attack, from its first image.

    Parameters
    ----------
    spec
        Names network, image, and a PGD with a target and without a random start. Its seed draws
        the noise.
    start
        "image": from the image. "grey": from a picture of 0.5. "noise": from pixels drawn
        uniformly from [0, 1], the same for every network.

    Returns
    -------
    Result
        Numbers: ``target``, ``probability`` of it in the last picture, and the length of the
        change, ``distance``, in the attack's norm. Arrays: ``frames`` (n + 1, C, H, W) float32 as
        :func:`paint`, ``logits`` (n + 1, K) of each.

    Raises
    ------
    SpecError
        If the attack is no PGD, or has no target or a radius of 0.
    InputError
        If the network does not have the target.
    """
    attack = spec.attack
    if not isinstance(attack, PGD) or attack.target is None:
        raise SpecError("attack must be a PGD with a target: the class to paint")
    if not attack.eps:
        raise SpecError("eps is 0, must be above 0 to paint a class")
    model = classifier(context, spec.classifier)
    pixels, _ = chosen_images(spec.images, spec.classifier, spec.indices[:1], context)
    begin = as_unit(pixels)
    if start == "grey":
        begin = torch.full_like(begin, GREY)
    elif start == "noise":
        drawn = torch.rand(begin.shape, generator=context.generator("painting", spec.seed))
        begin = drawn.to(begin)
    begin = layout(begin)
    found = paint(
        model,
        begin,
        attack.target,
        norm=attack.norm,
        eps=attack.eps,
        steps=attack.steps,
        step_size=attack.step_size,
        frames=frames,
        check_cancelled=context.check_cancelled,
    )
    logits = logits_of(model, found)
    return Result(
        numbers={
            "target": attack.target,
            "probability": float(logits[-1].softmax(0)[attack.target]),
            "distance": float(norms(found[-1:] - begin, attack.norm)[0]),
        },
        arrays={
            "frames": found.cpu().contiguous().numpy(),
            "logits": logits.cpu().numpy(),
        },
    )
