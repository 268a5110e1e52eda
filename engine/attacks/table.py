"""The table of attacks, and the function that runs the attack of a spec.

A function of :data:`ATTACKS` takes ``(model, images, labels)`` and, as keywords, the fields of its
spec, ``objective`` and ``start`` (see :func:`engine.attacks.pgd.pgd`), ``generator`` and
``on_step``. It computes in the images' dtype, on their device. It returns new images in the same
memory format, inside the ball and [0, 1]. It must not change the network, the images or the global
random state. Different threads may attack different networks at the same time.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from engine.attacks.aim import OnStep
from engine.attacks.apgd import apgd
from engine.attacks.fab import fab
from engine.attacks.joined import AnyAttack, JoinedAttack
from engine.attacks.losses import Objective
from engine.attacks.pgd import fgsm, pgd
from engine.attacks.square import square
from engine.devices.graphs import Source
from engine.networks.gradients import check_target

ATTACKS: dict[str, Callable[..., Tensor]] = {
    "fgsm": fgsm,
    "pgd": pgd,
    "apgd": apgd,
    "fab": fab,
    "square": square,
}


def attack(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    spec: AnyAttack,
    *,
    objective: Objective | None = None,
    start: Tensor | None = None,
    generator: Source | None = None,
    on_step: OnStep | None = None,
) -> Tensor:
    """Return images attacked by the attack of a spec; see the function of its kind in ATTACKS.

    Of a stack of networks the spec may join those of its members, which have no target and are FGSM
    or PGD without restarts; the generators are then joined too.

    Raises
    ------
    InputError
        If images, labels or the target do not fit the network.
    """
    check_target(model, images, spec.target)
    fields = spec.arguments(images) if isinstance(spec, JoinedAttack) else spec.parameters()
    return ATTACKS[spec.kind](
        model,
        images,
        labels,
        **fields,
        objective=objective,
        start=start,
        generator=generator,
        on_step=on_step,
    )
