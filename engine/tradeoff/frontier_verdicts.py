"""What a frontier says: correlations and their verdicts, the front, and dominance.

The rules are those of docs/experiment.md, which were fixed before its first run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.specs import Adversarial
from engine.tradeoff.frontier import Cell, Frontier
from engine.tradeoff.frontier_outcomes import BLURRINESS, CLEAN, MATCHED, OUTCOMES, PLAIN, ROBUST
from engine.tradeoff.resampling import (
    Dominance,
    Relation,
    dominance,
    front_probability,
    on_front,
    relation,
)

Floats = NDArray[np.float64]
Beyond = Literal["beyond smoothness", "opposite", "undetermined"]
Traded = Literal["a trade-off", "opposite", "undetermined"]

VANISHED = -0.3
"""A correlation wholly above this is none to speak of."""
LEAST_SEEDS = 3
PRECISION = 1e-9


@dataclass(frozen=True)
class Judgement:
    """A correlation with one outcome, and its verdict.

    Attributes
    ----------
    outcome
        A name of :data:`~engine.tradeoff.frontier_outcomes.OUTCOMES`.
    relation
        The correlation and its intervals.
    verdict
        In words.
    """

    outcome: str
    relation: Relation
    verdict: str


def beyond_smoothness(found: Frontier) -> list[Judgement]:
    """Return partial correlations of robust accuracy with every outcome, and verdicts.

    Given are clean accuracy, blurriness and activation; of matched ROAR not the blurriness.
    """
    judged = []
    for outcome in OUTCOMES:
        given = [CLEAN] if outcome.matched else [CLEAN, BLURRINESS]
        places = found.whole(ROBUST, outcome.name, *given)
        if not places:
            continue
        controls = [found.values[name][:, places] for name in given] + found.dummies(places)
        one = _related(found, ROBUST, outcome.name, places, controls)
        words: Beyond = "undetermined"
        if one.side:
            words = "beyond smoothness" if one.side > 0 else "opposite"
        judged.append(Judgement(outcome.name, one, words))
    return judged


def tradeoff(found: Frontier) -> list[Judgement]:
    """Return correlations of clean accuracy with ROAR, matched ROAR and the third axis."""
    judged = []
    for outcome in dict.fromkeys(("ROAR", MATCHED, found.axis)):
        places = found.whole(CLEAN, outcome)
        if places:
            one = _related(found, CLEAN, outcome, places, [])
            words: Traded = "undetermined"
            if one.side:
                words = "opposite" if one.side > 0 else "a trade-off"
            judged.append(Judgement(outcome, one, words))
    return judged


def survival(judged: Sequence[Judgement]) -> str:
    """Return the verdict on the trade-off at matched blurriness, from :func:`tradeoff`."""
    of = {one.outcome: one.relation for one in judged}
    if "ROAR" not in of or MATCHED not in of:
        return "The trade-off at matched blurriness: not measured."
    if of["ROAR"].side != -1:
        return "The trade-off of clean accuracy and ROAR is not there beyond chance."
    if of[MATCHED].side == -1:
        return "The trade-off survives matched blurriness."
    if of[MATCHED].above(VANISHED):
        return "The trade-off does not survive matched blurriness."
    return "Whether the trade-off survives matched blurriness is undetermined."


def _related(
    found: Frontier, first: str, second: str, places: Sequence[int], controls: Sequence[Floats]
) -> Relation:
    x, y = (found.values[name][:, places] for name in (first, second))
    return relation(x, y, [found.schemes[place] for place in places], controls)


# ---------------------------------------------------------------------------------------- the front


@dataclass(frozen=True, eq=False)
class Point:
    """A cell with an attribution.

    Attributes
    ----------
    values
        (S, 3) clean accuracy, robust accuracy and the third axis, by seed.
    probability
        Of being on the front, over samples of the seeds.
    on_front
        Whether it is on the front of the means.
    against
        The comparison with the reference; None for the reference, or without one.
    """

    cell: Cell
    attribution: str
    values: Floats
    probability: float
    on_front: bool
    against: Dominance | None

    @property
    def name(self) -> str:
        """The cell and the attribution."""
        return f"{self.cell.name}, {self.attribution}"

    @property
    def is_plain(self) -> bool:
        """Whether its map is the plain gradient."""
        return self.attribution == PLAIN.title


def is_reference(cell: Cell) -> bool:
    """Return whether a cell is plain PGD training at what it is evaluated at, with ReLU.

    A network without a choice of activations counts as one with ReLU.
    """
    measured = cell.spec.evaluation
    return cell.activation in ("relu", "") and is_pgd(cell, measured.eps, measured.norm)


def is_pgd(cell: Cell, eps: float, norm: str) -> bool:
    """Return whether a cell is plain adversarial training in this ball."""
    scheme, threat = cell.spec.scheme, cell.spec.scheme.threat
    if not isinstance(scheme, Adversarial) or threat is None:
        return False
    plain = not scheme.awp and not cell.spec.averaging
    return plain and threat.norm == norm and abs(threat.eps - eps) < PRECISION


def reference_of(found: Frontier) -> int | None:
    """Return the place of the cell that others are compared with, or None."""
    return next((n for n, cell in enumerate(found.cells) if is_reference(cell)), None)


def front(found: Frontier) -> list[Point]:
    """Return all points, those most probably on the front first."""
    places, names, values = [], [], []
    for title, maps in found.maps.items():
        third = maps.get(found.axis)
        if third is None:
            continue
        for place in np.flatnonzero(np.isfinite(third).all(0)):
            places.append(int(place))
            names.append(title)
            table = [found.values[name][:, place] for name in (CLEAN, ROBUST)]
            values.append(np.stack([*table, third[:, place]], axis=-1))
    if not values:
        return []
    points = np.stack(values, axis=1)
    chance, now = front_probability(points), on_front(points.mean(0))
    plain = reference_of(found)
    reference = next(
        (n for n, p in enumerate(places) if names[n] == PLAIN.title and p == plain), None
    )
    judged = len(found.seeds) >= LEAST_SEEDS and reference is not None
    all_points = [
        Point(
            found.cells[place],
            names[n],
            points[:, n],
            float(chance[n]),
            bool(now[n]),
            dominance(points[:, n], points[:, reference], len(places) - 1)
            if judged and n != reference
            else None,
        )
        for n, place in enumerate(places)
    ]
    return sorted(all_points, key=lambda point: -point.probability)


def dominating(points: Sequence[Point]) -> str:
    """Return the verdict on dominance over plain PGD with the plain gradient."""
    compared = [point for point in points if point.against is not None]
    if not compared:
        return "Dominance over plain PGD with the gradient: no such reference in the study."
    names = [point.name for point in compared if point.against and point.against.holds]
    if not names:
        return f"None of {len(compared)} points dominates plain PGD with the gradient."
    plain = sum(point.is_plain for point in compared if point.against and point.against.holds)
    return (
        f"{len(names)} of {len(compared)} points dominate plain PGD with the gradient, {plain} of "
        f"them with the plain gradient: {'; '.join(names)}."
    )
