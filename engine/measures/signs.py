"""Signs in a network's answers and gradients that attacks on it may mislead.

:mod:`engine.tradeoff.verdicts` says what the numbers mean.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from engine.attacks.losses import cw, sloped
from engine.attacks.norms import has_gradient, step_direction
from engine.devices.wide import wide
from engine.jobs.context import Context
from engine.jobs.device_images import layout
from engine.networks.gradients import as_unit, input_gradients, logits_of
from engine.specs import Norm
from engine.specs.measures import OUTPUT_CHECKS, PROBES
from engine.training.evaluation import BATCH, batches_of

REGROUPED = 2 * BATCH  # images at most that are asked in other company
SMALL = 0.01  # of the radius, of a random change
STEPS = (0.04, 0.1, 0.23)  # of the radius, along the gradient: no two fit the same ripples
LEFT_OVER = 0.5  # of a change's square that a gradient may leave unexplained


def output_signs(
    model: nn.Module, images: Tensor, labels: Tensor, context: Context
) -> dict[str, float | int | str]:
    """Return signs in the network's outputs that attacks on it may mislead.

    Returns
    -------
    dict
        ``passes_differ``, the largest difference of logits in several passes over the images,
        relative to the largest logit; ``company_differs``, the same of images that are asked
        together with others of their brightness; ``outputs_are_probabilities`` (0 or 1);
        ``nonfinite_images``, the number of images with NaN or infinite logits; ``one_answer_share``
        and ``one_label_share``, the shares of labelled images with the commonest answer, and with
        the commonest label. Source: Croce, Hein 2020, flags of their code.
    """
    check = context.check_cancelled
    first = logits_of(model, images, check_cancelled=check)
    differ = 0.0
    for _ in range(1, OUTPUT_CHECKS):
        again = logits_of(model, images, check_cancelled=check)
        differ = max(differ, _relative_difference(first, again))
    return {
        "passes_differ": differ,
        "company_differs": _company_differs(model, images, first, context),
        "outputs_are_probabilities": int(are_probabilities(first)),
        "nonfinite_images": int((~first.isfinite().all(1)).sum()) if len(first) else 0,
        "one_answer_share": _commonest(first.argmax(1)[labels >= 0]) if len(first) else 0.0,
        "one_label_share": _commonest(labels[labels >= 0]),
    }


def _commonest(classes: Tensor) -> float:
    """Return the share of the commonest of some classes (N,); 0 of none."""
    return float(classes.cpu().bincount().max()) / len(classes) if len(classes) else 0.0


def _company_differs(model: nn.Module, images: Tensor, logits: Tensor, context: Context) -> float:
    """Return how much answers change when dark images are asked together, and bright ones.

    They do where statistics of the batch normalise a network in evaluation mode.
    """
    some = images[:REGROUPED]
    if len(some) < 4:  # batch statistics need two images in each half
        return 0.0
    brightness = [as_unit(part).flatten(1).mean(1) for part in torch.split(some, BATCH)]
    halves = torch.cat(brightness).argsort().chunk(2)
    check = context.check_cancelled
    again = [logits_of(model, some[half], check_cancelled=check) for half in halves]
    return _relative_difference(logits[torch.cat(halves)], torch.cat(again))


def _relative_difference(first: Tensor, again: Tensor) -> float:
    if not len(first):
        return 0.0
    change = (first - again).abs().nan_to_num(0.0, posinf=0.0)
    scale = first.abs().nan_to_num(0.0, posinf=0.0).max().clamp_min(1e-12)
    return float(change.max() / scale)


def are_probabilities(outputs: Tensor) -> bool:
    """Return whether outputs (N, K) are probabilities: of a softmax, or of each class by itself.

    All are in [0, 1], and those of an image add up to 1, or together they reach from near 0 to near
    1. Small logits alone are not taken for probabilities.
    """
    if not len(outputs) or not bool(((outputs >= 0) & (outputs <= 1)).all()):
        return False
    sums = outputs.sum(1)
    of_softmax = torch.allclose(sums, torch.ones_like(sums), atol=1e-4)
    return of_softmax or bool(outputs.max() > 0.9 and outputs.min() < 0.1)


def misled_share(
    model: nn.Module, images: Tensor, labels: Tensor, norm: Norm, eps: float, context: Context
) -> float:
    """Return the share of labelled images at which the gradient does not say what a change does.

    Everything is asked at a random point nearby, off the ties that a ReLU or a maximum has on an
    even background. There the gradient of the margin has to explain half of the square of what
    small random changes do to it, and steps along the gradient have to raise it. A network fails
    that passes back another gradient than its own, none of some pixels, or the slope of ripples.
    Images without a gradient fail only if the margin changes. Source: Athalye 2018, section 3.

    Parameters
    ----------
    images : Tensor (N, C, H, W), uint8 or float in [0, 1]
    labels : Tensor (N,), int64
        -1 for images without one, which are left out.
    norm, eps
        The threat: points lie within ``eps`` in L-inf, and in L2 within what is about as long.
    """
    generator = context.generator("probes of the gradient", 0, context.device)
    misled = seen = 0
    for pixels, truth in batches_of(images, labels):
        context.check_cancelled()
        clean = layout(as_unit(pixels[truth >= 0]))
        if len(clean):
            found = _misled(model, clean, truth[truth >= 0], norm, eps, generator)
            misled, seen = misled + int(found.sum()), seen + len(found)
    return misled / max(1, seen)


def _misled(
    model: nn.Module,
    clean: Tensor,
    labels: Tensor,
    norm: Norm,
    eps: float,
    generator: torch.Generator,
) -> Tensor:
    """Return for each image (N,) whether its gradient says something else than changes do."""
    a_pixel = eps if norm == "linf" else 3 * eps / math.sqrt(clean[0].numel())
    reach = min(0.5, a_pixel)
    drawn = torch.rand(clean.shape, generator=generator, device=clean.device, dtype=clean.dtype)
    at = clean + torch.where(clean < 0.5, reach, -reach) * drawn
    margins, gradient = input_gradients(model, at, labels, sloped(cw))
    room = torch.minimum(at, 1 - at)
    left = wide(torch.zeros(len(clean), device=clean.device))
    whole = torch.zeros_like(left)
    for _ in range(PROBES):
        change = torch.randn(clean.shape, generator=generator, device=clean.device)
        change = torch.clamp(SMALL * reach * change, -room, room)
        told = wide((gradient * change).flatten(1)).sum(1)
        up, down = (cw(logits_of(model, there), labels) for there in (at + change, at - change))
        happened = (wide(up) - wide(down)) / 2
        left += (happened - told).square()
        whole += happened.square()
    unexplained = (~(left <= LEFT_OVER * whole)).to(clean.device)  # also of NaN
    falls = torch.zeros_like(unexplained)
    direction = (reach if norm == "linf" else eps) * step_direction(gradient, norm)
    for step in STEPS:
        there = (at + step * direction).clamp(0, 1)
        falls |= ~(cw(logits_of(model, there), labels) > margins)
    return unexplained | (falls & has_gradient(gradient))
