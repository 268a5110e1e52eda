"""The table of attacks, and the one way to run an attack that a spec describes.

A function of :data:`ATTACKS` takes ``(model, images, labels)`` and by name the fields of its spec,
``objective`` and ``start`` (see :func:`engine.attacks.pgd.pgd`), ``generator`` and ``on_step``. It
computes in the images' dtype, on their device, returns new images in their memory format inside
the ball and [0, 1], and leaves network, images and the global random state as they were. Different
threads may attack different networks at the same time.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from engine.attacks.losses import Objective
from engine.attacks.pgd import OnStep, fgsm, pgd
from engine.specs import AttackSpec

ATTACKS: dict[str, Callable[..., Tensor]] = {"fgsm": fgsm, "pgd": pgd}


def attack(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    spec: AttackSpec,
    *,
    objective: Objective | None = None,
    start: Tensor | None = None,
    generator: torch.Generator | None = None,
    on_step: OnStep | None = None,
) -> Tensor:
    """Return the images attacked as a spec says; see the function of its kind in ATTACKS."""
    return ATTACKS[spec.kind](
        model,
        images,
        labels,
        **spec.parameters(),
        objective=objective,
        start=start,
        generator=generator,
        on_step=on_step,
    )
