"""Short names of networks, for the points of a chart."""

from __future__ import annotations

from engine.specs.schema import KINDS
from engine.tradeoff.points import NetworkPoint

LONGEST = 24


def point_label(point: NetworkPoint) -> str:
    """Return the radius of a network's training, or else its scheme; or the name of its weights."""
    if point.norm:
        return f"{255 * point.eps:.3g}/255" if point.norm == "linf" else f"{point.eps:.3g}"
    if point.scheme == "standard":
        return "standard"
    kind = KINDS.get(point.scheme)
    whole = point.network if point.scheme == "imported" or kind is None else kind.label
    return whole if len(whole) <= LONGEST else f"{whole[: LONGEST - 1]}…"


def title_of_kind(kind: str) -> str:
    """Return the readable name of a kind of spec."""
    return KINDS[kind].label if kind in KINDS else kind
