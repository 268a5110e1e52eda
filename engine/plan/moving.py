"""The order of waiting computations after some of them were moved."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

QueueMove = Literal["top", "up", "down", "bottom"]


def moved(order: Sequence[str], chosen: Collection[str], where: QueueMove) -> list[str]:
    """Return the order after moving the chosen keys; these keep their relative order."""
    first = [key for key in order if key in chosen]
    others = [key for key in order if key not in chosen]
    if where == "top":
        return first + others
    if where == "bottom":
        return others + first
    found = list(order) if where == "up" else list(order)[::-1]
    for place in range(1, len(found)):
        if found[place] in chosen and found[place - 1] not in chosen:
            found[place - 1], found[place] = found[place], found[place - 1]
    return found if where == "up" else found[::-1]
