"""Which networks of a study were trained on from which, as the lines of a tree."""

from __future__ import annotations

from collections.abc import Mapping

from engine.specs import ClassifierSpec, Training

STEP = "\u00a0\u00a0\u00a0\u00a0"


def family(key: str, networks: Mapping[str, ClassifierSpec]) -> list[tuple[int, str]]:
    """Return depth and key of the networks that have an ancestor with one of them in common.

    A network is below the one whose weights its training started from. The list is empty if the
    network started afresh and none went on from it.

    Parameters
    ----------
    networks
        The networks of the study by key, in the order in which they are listed.
    """
    below: dict[str, list[str]] = {}
    for child, other in networks.items():
        if isinstance(other, Training) and other.start is not None:
            below.setdefault(other.start.key, []).append(child)
    root, spec = key, networks.get(key)
    while isinstance(spec, Training) and spec.start is not None:
        spec = spec.start
        root = spec.key
    found: list[tuple[int, str]] = []
    waiting = [(0, root)]
    while waiting:
        depth, one = waiting.pop()
        found.append((depth, one))
        waiting += [(depth + 1, child) for child in reversed(below.get(one, []))]
    return found if len(found) > 1 else []


def indented(depth: int, title: str) -> str:
    """Return a line of the tree."""
    return f"{STEP * (depth - 1)}↳ {title}" if depth else title
