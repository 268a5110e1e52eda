"""The report card of an attack: measurements that show whether the attack is weak or broken.

:mod:`engine.tradeoff.verdicts` says what the numbers mean.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from engine.attacks.losses import stands
from engine.attribution.methods import gradient
from engine.jobs.context import Context
from engine.jobs.device_images import layout
from engine.measures.signs import misled_share, output_signs
from engine.networks.gradients import as_unit, logits_of
from engine.specs import FGSM, PGD, AttackCheck, AttackSpec, LossAttack
from engine.specs.measures import LARGE_STEPS, RANDOM_DRAWS, targeted_margin
from engine.store.study import Result
from engine.training.evaluation import BATCH, gradient_signs, robust_accuracy


def attack_check(
    model: nn.Module, images: Tensor, labels: Tensor, spec: AttackCheck, context: Context
) -> Result:
    """Metric "attack_check": look for the signs of a weak or broken attack.

    Images without a label have no accuracy and count as misclassified.

    Returns
    -------
    Result
        Numbers: accuracies in [0, 1] as ``attack_accuracy`` (the attack itself),
        ``one_step_accuracy``, ``restart_accuracy``, ``cw_accuracy`` (on the margin loss),
        ``targeted_accuracy`` (towards nine classes), ``large_eps_accuracy`` (a ball that holds
        every image) and ``random_accuracy`` (random corners or directions of the same ball);
        ``iterates_low`` and ``iterates_high``, the range of pixels that the attack showed to the
        network; ``zero_gradient_share`` of images; and what
        :func:`~engine.training.evaluation.gradient_signs`,
        :func:`~engine.measures.signs.output_signs` and
        :func:`~engine.measures.signs.misled_share` return.
        Source: Carlini et al. 2019, evaluating robustness.
    """
    many = _iterated(spec.attack)
    attacks = {
        "attack_accuracy": spec.attack,
        "one_step_accuracy": FGSM(norm=many.norm, eps=many.eps, loss=many.loss),
        "restart_accuracy": replace(many, random_start=True, restarts=spec.restarts),
        "cw_accuracy": replace(many, loss="cw"),
        "targeted_accuracy": targeted_margin(many.norm, many.eps),
        "large_eps_accuracy": _everywhere(many, images),
    }
    numbers: dict[str, float | int | str] = {}
    for done, (name, attack) in enumerate(attacks.items()):
        context.progress(done, len(attacks) + 1, name.replace("_", " "))
        with pixel_range(model) as seen:
            numbers[name] = robust_accuracy(model, images, labels, attack, context)
        if name == "attack_accuracy":
            numbers["iterates_low"], numbers["iterates_high"] = seen.low, seen.high
    # Count the start at the image itself as one of the restarts.
    numbers["restart_accuracy"] = min(numbers["restart_accuracy"], numbers["attack_accuracy"])
    context.progress(len(attacks), len(attacks) + 1, "outputs")
    numbers["random_accuracy"] = random_accuracy(model, images, labels, spec.attack, context)
    numbers["zero_gradient_share"] = zero_gradient_share(model, images, labels, context)
    numbers |= output_signs(model, images, labels, context)
    numbers |= gradient_signs(model, images, labels, context)
    threat = spec.attack.norm, spec.attack.eps
    numbers["misled_share"] = misled_share(model, images, labels, *threat, context)
    return Result(numbers)


@dataclass
class PixelRange:
    """The least and the greatest pixel that a network was shown; 0 and 1 before any."""

    low: float = 0.0
    high: float = 1.0


@contextmanager
def pixel_range(model: nn.Module) -> Iterator[PixelRange]:
    """Record the range of all images that go through a network inside the context.

    An attack whose iterates leave [0, 1] loses its gradient on a network that clips its input.
    """
    seen = PixelRange()

    def look(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        low, high = (float(limit) for limit in inputs[0].detach().aminmax())
        seen.low, seen.high = min(seen.low, low), max(seen.high, high)

    handle = model.register_forward_pre_hook(look)
    try:
        yield seen
    finally:
        handle.remove()


def random_accuracy(
    model: nn.Module, images: Tensor, labels: Tensor, attack: AttackSpec, context: Context
) -> float:
    """Return the accuracy under the worst of RANDOM_DRAWS random perturbations of length eps.

    L-inf: corners of the ball; L2: directions drawn evenly. Results are clipped to [0, 1].
    """
    generator = context.generator("random perturbations", 0, context.device)
    standing = torch.ones(len(images), dtype=torch.bool, device=labels.device)
    for start in range(0, len(images), BATCH):
        part = slice(start, start + BATCH)
        clean = layout(as_unit(images[part]))
        for _ in range(RANDOM_DRAWS):
            context.check_cancelled()
            noise = torch.randn(clean.shape, generator=generator, device=clean.device)
            if attack.norm == "linf":
                delta = attack.eps * noise.sign()
            else:
                delta = attack.eps * noise / noise.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
            said = logits_of(model, (clean + delta).clamp(0, 1))
            standing[part] &= stands(said, labels[part])
    return float(standing.float().mean()) if len(images) else 0.0


def zero_gradient_share(
    model: nn.Module, images: Tensor, labels: Tensor, context: Context
) -> float:
    """Return the share of images whose loss gradient is zero everywhere, or not finite."""
    flat = 0
    for pixels, truth in zip(torch.split(images, BATCH), torch.split(labels, BATCH), strict=True):
        context.check_cancelled()
        found = gradient(model, layout(as_unit(pixels)), truth).flatten(1)
        flat += int(((found == 0) | ~found.isfinite()).all(1).sum())
    return flat / max(1, len(images))


def _iterated(attack: AttackSpec) -> PGD:
    """Return the attack; for a single-step attack, PGD with the same ball and the default steps."""
    if isinstance(attack, PGD):
        return attack
    plain = PGD(norm=attack.norm, eps=attack.eps, step_size=attack.eps / 4)
    return replace(plain, loss=attack.loss) if isinstance(attack, LossAttack) else plain


def _everywhere(attack: PGD, images: Tensor) -> PGD:
    """Return the attack in a ball that contains every image, with steps that can cross it."""
    eps = 1.0 if attack.norm == "linf" else min(64.0, math.sqrt(images[0].numel()))
    steps = max(attack.steps, LARGE_STEPS)
    return replace(attack, eps=eps, steps=steps, step_size=2.5 * eps / steps, loss="cw")
