"""The shortest way from an image to a hyperplane, inside the box [0, 1].

Source: Croce, Hein 2020, minimally distorted adversarial examples, eq. 4. They sort the entries;
here the one unknown of the closed form is found by Newton's method, which needs a few passes over
the entries and is exact after finitely many, because the function is piecewise linear and concave.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

ITERATIONS = 40  # six are usual; a further one is taken only while some image still moves
SETTLED = 1e-6  # relative change of the unknown at which an image no longer moves


def to_hyperplane(points: Tensor, normals: Tensor, gaps: Tensor, norm: str) -> Tensor:
    """Return per image the shortest delta with normal . delta = gap and 0 <= point + delta <= 1.

    Where the box does not reach the hyperplane, the delta that comes nearest to it. With a length
    of t, entry i moves by min(t, room_i) for linf and by min(t |normal_i|, room_i) for l2, towards
    the side of the gap, and the t is sought at which these moves add up to the gap.

    Parameters
    ----------
    points : Tensor (N, D), in [0, 1]
    normals : Tensor (N, D)
    gaps : Tensor (N,)
        What normal . delta must be, of either sign.
    norm
        A key of :data:`PACES`.
    """
    towards = normals * gaps.sign().unsqueeze(1)
    weights = towards.abs()
    room = torch.where(towards > 0, 1 - points, points).clamp_min_(0)
    room = torch.where(weights > 0, room, torch.zeros_like(room))
    paces = PACES[norm](weights)
    wanted = gaps.abs().unsqueeze(1)
    reached = torch.zeros_like(wanted)
    for _ in range(ITERATIONS):
        moves = torch.minimum(reached * paces, room)
        free = paces * (moves < room)
        slope = (weights * free).sum(1, keepdim=True)
        missing = wanted - (weights * moves).sum(1, keepdim=True)
        step = torch.where(slope > 0, missing / slope.clamp_min(1e-30), torch.zeros_like(slope))
        reached = reached + step.clamp_min(0)
        if bool((step <= SETTLED * reached).all()):
            break
    return torch.minimum(reached * paces, room) * towards.sign()


PACES: dict[str, Callable[[Tensor], Tensor]] = {
    "linf": lambda weights: (weights > 0).to(weights.dtype),
    "l2": lambda weights: weights,
}
"""By norm, how far each entry moves per unit of the unknown, from |normal| (N, D)."""
