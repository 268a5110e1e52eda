"""What a frontier says: correlations and their verdicts, the front, dominance and predictions.

The rules are those of docs/experiment.md, which were fixed before its first run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.specs import Adversarial, GaussianNoise, Gradient, GradientPenalty
from engine.tradeoff.frontier import (
    BLURRINESS,
    CLEAN,
    MATCHED,
    OUTCOMES,
    ROBUST,
    SHARE,
    Cell,
    Frontier,
)
from engine.tradeoff.resampling import (
    Dominance,
    Relation,
    dominance,
    front_probability,
    on_front,
    paired_limits,
    relation,
)

Floats = NDArray[np.float64]
Beyond = Literal["beyond smoothness", "opposite", "undetermined"]

VANISHED = -0.3
"""A correlation wholly above this is none to speak of."""
LEAST_SEEDS = 3
EQUAL_CLEAN = 0.02
"""Largest difference of mean clean accuracies that counts as equal."""
PRECISION = 1e-9
REFERENCE_EPS = 0.1


@dataclass(frozen=True)
class Judgement:
    """A correlation with one outcome, and its verdict.

    Attributes
    ----------
    outcome
        A name of :data:`~engine.tradeoff.frontier.OUTCOMES`.
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
        given = [CLEAN] if outcome == MATCHED else [CLEAN, BLURRINESS]
        places = found.whole(ROBUST, outcome, *given)
        if not places:
            continue
        controls = [found.values[name][:, places] for name in given] + found.dummies(places)
        one = _related(found, ROBUST, outcome, places, controls)
        words: Beyond = "undetermined"
        if one.side:
            words = "beyond smoothness" if one.side > 0 else "opposite"
        judged.append(Judgement(outcome, one, words))
    return judged


def tradeoff(found: Frontier) -> list[Judgement]:
    """Return correlations of clean accuracy with ROAR, matched ROAR and the tangent share."""
    judged = []
    for outcome in ("ROAR", MATCHED, SHARE):
        places = found.whole(CLEAN, outcome)
        if places:
            one = _related(found, CLEAN, outcome, places, [])
            words = {-1: "a trade-off", 1: "opposite", 0: "undetermined"}[one.side]
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
        (S, 3) the axes clean accuracy, robust accuracy and tangent share, by seed.
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
        return self.attribution == Gradient().title


def is_reference(cell: Cell) -> bool:
    """Return whether a cell is plain PGD training at L-inf 0.1 with ReLU."""
    return cell.activation == "relu" and _is_pgd(cell, REFERENCE_EPS)


def front(found: Frontier) -> list[Point]:
    """Return all points, those most probably on the front first."""
    places, names, values = [], [], []
    for title, maps in found.maps.items():
        whole = np.isfinite(maps[SHARE]).all(0)
        for place in np.flatnonzero(whole):
            places.append(int(place))
            names.append(title)
            table = [found.values[name][:, place] for name in (CLEAN, ROBUST)]
            values.append(np.stack([*table, maps[SHARE][:, place]], axis=-1))
    if not values:
        return []
    points = np.stack(values, axis=1)
    chance, now = front_probability(points), on_front(points.mean(0))
    own = Gradient().title
    reference = next(
        (n for n, p in enumerate(places) if names[n] == own and is_reference(found.cells[p])), None
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


# -------------------------------------------------------------------------------------- predictions


@dataclass(frozen=True)
class Prediction:
    """A prediction of docs/experiment.md, and what came out.

    Attributes
    ----------
    name, claim
        Such as "P0", and one sentence.
    outcome
        "held", "failed" or "not tested".
    numbers
        What the outcome rests on.
    """

    name: str
    claim: str
    outcome: str
    numbers: str


def predictions(
    found: Frontier, judged: Sequence[Judgement], points: Sequence[Point]
) -> list[Prediction]:
    """Return the predictions that the table can test, with what came out."""
    tests: tuple[tuple[str, str, Callable[[], tuple[bool | None, str]]], ...] = (
        (
            "P0",
            "at equal clean accuracy PGD has the higher tangent share, noise the blurrier maps",
            lambda: _noise_and_pgd(found),
        ),
        (
            "P1",
            "SiLU with the gradient penalty is on the front, gradient map",
            lambda: _silent_front(points),
        ),
        (
            "P2",
            "beyond smoothness robustness goes with the tangent share, not with ROAR",
            lambda: _only_the_share(judged),
        ),
        (
            "P3",
            "noise matches PGD in ROAR, not in robustness",
            lambda: _noise_in_roar(found),
        ),
        (
            "P4",
            "at matched blurriness PGD is above noise in ROAR",
            lambda: _pgd_when_matched(found),
        ),
        (
            "P5",
            "no point dominates plain PGD with the gradient",
            lambda: _none_dominates(points),
        ),
    )
    return [_tested(name, claim, test()) for name, claim, test in tests]


def _tested(name: str, claim: str, found: tuple[bool | None, str]) -> Prediction:
    held, numbers = found
    words = "not tested" if held is None else "held" if held else "failed"
    return Prediction(name, claim, words, numbers)


def _is_pgd(cell: Cell, eps: float) -> bool:
    scheme, threat = cell.spec.scheme, cell.spec.scheme.threat
    plain = isinstance(scheme, Adversarial) and not scheme.awp and not cell.spec.averaging
    return plain and threat is not None and threat.norm == "linf" and _same(threat.eps, eps)


def _is_noise(cell: Cell) -> bool:
    scheme = cell.spec.scheme
    return isinstance(scheme, GaussianNoise) and _same(scheme.sigma, 0.3)


def _same(one: float, other: float) -> bool:
    return abs(one - other) < PRECISION


def _place(found: Frontier, wanted: Callable[[Cell], bool]) -> int | None:
    """Return the place of the ReLU cell that is wanted, or None."""
    matches = (n for n, c in enumerate(found.cells) if c.activation == "relu" and wanted(c))
    return next(matches, None)


def _difference(found: Frontier, name: str, one: int, other: int) -> tuple[float, float] | None:
    """Return the interval of an outcome's difference of two cells, or None if one lacks it."""
    if name not in found.values or len(found.seeds) < LEAST_SEEDS:
        return None
    values = found.values[name][:, one] - found.values[name][:, other]
    return paired_limits(values) if np.isfinite(values).all() else None


def _pairs(found: Frontier, *radii: float) -> Iterator[tuple[float, int, int]]:
    """Yield a radius of PGD and the places of noise 0.3 and of that PGD, both ReLU."""
    noise = _place(found, _is_noise)
    for eps in radii:
        pgd = _place(found, lambda cell, eps=eps: _is_pgd(cell, eps))  # type: ignore[misc]
        if noise is not None and pgd is not None:
            yield eps, noise, pgd


def _noise_and_pgd(found: Frontier) -> tuple[bool | None, str]:
    held, said = [], []
    for eps, noise, pgd in _pairs(found, 0.05, 0.1):
        clean = found.values[CLEAN].mean(0)
        gap = float(clean[pgd] - clean[noise])
        if abs(gap) > EQUAL_CLEAN:
            said.append(f"PGD {eps:g}: not equal, {100 * gap:+.1f} points")
            continue
        share = _difference(found, SHARE, pgd, noise)
        coarse = _difference(found, BLURRINESS, noise, pgd)
        if share is None or coarse is None:
            continue
        held.append(share[0] > 0 and coarse[0] > 0)
        said.append(f"PGD {eps:g}: share {_shown(share)}, blurriness of noise {_shown(coarse)}")
    return all(held) if held else None, "; ".join(said)


def _silent_front(points: Sequence[Point]) -> tuple[bool | None, str]:
    own = [
        point
        for point in points
        if point.is_plain
        and point.cell.activation == "silu"
        and isinstance(point.cell.spec.scheme, GradientPenalty)
    ]
    if not own:
        return None, ""
    best = max(own, key=lambda point: point.probability)
    return best.probability >= 0.5, f"highest probability {best.probability:.2f}, {best.name}"


def _only_the_share(judged: Sequence[Judgement]) -> tuple[bool | None, str]:
    of = {one.outcome: one for one in judged}
    if "ROAR" not in of or SHARE not in of:
        return None, ""
    held = of["ROAR"].relation.side == 0 and of[SHARE].relation.side != 0
    return held, f"ROAR: {of['ROAR'].verdict}; tangent share: {of[SHARE].verdict}"


def _noise_in_roar(found: Frontier) -> tuple[bool | None, str]:
    for _, noise, pgd in _pairs(found, 0.1):
        roar = _difference(found, "ROAR", noise, pgd)
        robust = _difference(found, ROBUST, noise, pgd)
        if roar is not None and robust is not None:
            held = roar[1] >= 0 and robust[1] < 0
            return held, f"noise - PGD: ROAR {_shown(roar)}, robust accuracy {_shown(robust)}"
    return None, ""


def _pgd_when_matched(found: Frontier) -> tuple[bool | None, str]:
    for _, noise, pgd in _pairs(found, 0.1):
        matched = _difference(found, MATCHED, pgd, noise)
        if matched is not None:
            return matched[0] > 0, f"PGD - noise: {_shown(matched)}"
    return None, ""


def _none_dominates(points: Sequence[Point]) -> tuple[bool | None, str]:
    compared = [point.against for point in points if point.against is not None]
    count = sum(one.holds for one in compared)
    return (count == 0, f"{count} of {len(compared)} do") if compared else (None, "")


def _shown(limits: tuple[float, float]) -> str:
    return f"[{limits[0]:+.3f}, {limits[1]:+.3f}]"
