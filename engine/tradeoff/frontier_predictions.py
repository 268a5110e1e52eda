"""Predictions about a frontier, written before its first run, and what came out.

Those on Glyphs, P0 to P5, were made before anything was known, and name the strengths of that
experiment. Those of other images, Q0 to Q6, were made of what Glyphs showed, and name no strength:
they hold for every table whose third axis is not the exact tangent share. See docs/experiment.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.specs import GaussianNoise, GradientPenalty, Standard
from engine.tradeoff.frontier import Cell, Frontier
from engine.tradeoff.frontier_outcomes import BLURRINESS, CLEAN, MATCHED, ROBUST, SHARE
from engine.tradeoff.frontier_verdicts import (
    LEAST_SEEDS,
    Judgement,
    Point,
    is_pgd,
    reference_of,
    tradeoff,
)
from engine.tradeoff.resampling import paired_limits

Outcome = Literal["held", "failed", "not tested"]
Tested = tuple[bool | None, str]
"""Whether a prediction held, None if it could not be tested, and what that rests on."""

EQUAL_CLEAN = 0.02
"""Largest difference of mean clean accuracies that counts as equal."""
NOISE = 0.3
"""The noise that PGD is compared with on Glyphs."""


@dataclass(frozen=True)
class Prediction:
    """A prediction of docs/experiment.md, and what came out.

    Attributes
    ----------
    name, claim
        Such as "P0", and one sentence.
    outcome
        Whether it held. Where it says that something is not there, or not more than something else,
        "held" is only that nothing refuted it.
    numbers
        What the outcome rests on.
    """

    name: str
    claim: str
    outcome: Outcome
    numbers: str


@dataclass(frozen=True)
class _Row:
    """A prediction: its claim, in which ``{axis}`` is the third axis, and what tests it."""

    name: str
    claim: str
    test: Callable[[_Results], Tested]

    def tested(self, results: _Results) -> Prediction:
        """Return what came out."""
        held, numbers = self.test(results)
        words: Outcome = "not tested" if held is None else "held" if held else "failed"
        return Prediction(self.name, self.claim.format(axis=results.found.axis), words, numbers)


@dataclass(frozen=True, eq=False)
class _Results:
    """A frontier, and what was judged of it."""

    found: Frontier
    judged: Mapping[str, Judgement]
    points: Sequence[Point]


def predictions(
    found: Frontier, judged: Sequence[Judgement], points: Sequence[Point]
) -> list[Prediction]:
    """Return the predictions that are about such a table, with what came out."""
    results = _Results(found, {one.outcome: one for one in judged}, points)
    return [row.tested(results) for row in (ON_GLYPHS if found.axis == SHARE else ELSEWHERE)]


def _noise_of(cell: Cell) -> float | None:
    """Return the standard deviation of a cell's training noise; None of other schemes."""
    scheme = cell.spec.scheme
    return scheme.sigma if isinstance(scheme, GaussianNoise) else None


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
    noise = _place(found, lambda cell: _noise_of(cell) == NOISE)
    for eps in radii:
        pgd = _place(found, lambda cell, eps=eps: is_pgd(cell, eps, "linf"))  # type: ignore[misc]
        if noise is not None and pgd is not None:
            yield eps, noise, pgd


def _noise_and_pgd(results: _Results) -> Tested:
    found = results.found
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


def _silent_front(results: _Results) -> Tested:
    own = [
        point
        for point in results.points
        if point.is_plain
        and point.cell.activation == "silu"
        and isinstance(point.cell.spec.scheme, GradientPenalty)
    ]
    if not own:
        return None, ""
    best = max(own, key=lambda point: point.probability)
    return best.probability >= 0.5, f"highest probability {best.probability:.2f}, {best.name}"


def _only_the_share(results: _Results) -> Tested:
    of = results.judged
    if "ROAR" not in of or SHARE not in of:
        return None, ""
    held = of["ROAR"].relation.side == 0 and of[SHARE].relation.side != 0
    return held, f"ROAR: {of['ROAR'].verdict}; tangent share: {of[SHARE].verdict}"


def _noise_in_roar(results: _Results) -> Tested:
    found = results.found
    for _, noise, pgd in _pairs(found, 0.1):
        roar = _difference(found, "ROAR", noise, pgd)
        robust = _difference(found, ROBUST, noise, pgd)
        if roar is not None and robust is not None:
            held = roar[1] >= 0 and robust[1] < 0
            return held, f"noise - PGD: ROAR {_shown(roar)}, robust accuracy {_shown(robust)}"
    return None, ""


def _pgd_when_matched(results: _Results) -> Tested:
    found = results.found
    for _, noise, pgd in _pairs(found, 0.1):
        matched = _difference(found, MATCHED, pgd, noise)
        if matched is not None:
            return matched[0] > 0, f"PGD - noise: {_shown(matched)}"
    return None, ""


def _none_dominates(results: _Results) -> Tested:
    return _dominating(results.points)


def _dominating(points: Sequence[Point]) -> Tested:
    """Return whether none of these points dominates the reference."""
    compared = [point.against for point in points if point.against is not None]
    count = sum(one.holds for one in compared)
    return (count == 0, f"{count} of {len(compared)} do") if compared else (None, "")


def _shown(limits: tuple[float, float]) -> str:
    return f"[{limits[0]:+.3f}, {limits[1]:+.3f}]"


# ------------------------------------------------------------------------------- on other images


def _above_standard(results: _Results) -> Tested:
    found = results.found
    standard = _place(found, lambda cell: isinstance(cell.spec.scheme, Standard))
    pgd = reference_of(found)
    if standard is None or pgd is None:
        return None, ""
    more = _difference(found, found.axis, pgd, standard)
    return (None, "") if more is None else (more[0] > 0, f"PGD - standard: {_shown(more)}")


def _beyond(results: _Results, outcome: str) -> Tested:
    """Return whether an outcome goes with robust accuracy beyond smoothness."""
    one = results.judged.get(outcome)
    if one is None or one.relation.value is None:
        return None, ""
    return one.relation.side > 0, f"r {one.relation.value:+.2f}, {one.verdict}"


def _nearest_noise(results: _Results) -> Tested:
    found = results.found
    pgd = reference_of(found)
    noisy = [n for n, c in enumerate(found.cells) if _same_network(found, n, pgd) and _noise_of(c)]
    if pgd is None or not noisy:
        return None, ""
    clean = found.values[CLEAN].mean(0)
    noise = min(noisy, key=lambda place: abs(clean[place] - clean[pgd]))
    more = _difference(found, MATCHED, pgd, noise)
    if more is None:
        return None, ""
    gap = f"{100 * (clean[pgd] - clean[noise]):+.1f} points of clean accuracy"
    return more[0] > 0, f"PGD - {found.cells[noise].name}: {_shown(more)}, {gap}"


def _same_network(found: Frontier, one: int, other: int | None) -> bool:
    return other is not None and found.cells[one].activation == found.cells[other].activation


def _traded(results: _Results) -> Tested:
    of = {one.outcome: one for one in tradeoff(results.found)}
    one = of.get(results.found.axis)
    if one is None or one.relation.value is None:
        return None, ""
    return one.relation.side < 0, f"r {one.relation.value:+.2f}, {one.verdict}"


ON_GLYPHS = (
    _Row(
        "P0",
        "at equal clean accuracy PGD has the higher tangent share, noise the blurrier maps",
        _noise_and_pgd,
    ),
    _Row("P1", "SiLU with the gradient penalty is on the front, gradient map", _silent_front),
    _Row(
        "P2",
        "beyond smoothness robustness goes with the tangent share, not with ROAR",
        _only_the_share,
    ),
    _Row("P3", "noise matches PGD in ROAR, not in robustness", _noise_in_roar),
    _Row("P4", "at matched blurriness PGD is above noise in ROAR", _pgd_when_matched),
    _Row("P5", "no point dominates plain PGD with the gradient", _none_dominates),
)
ELSEWHERE = (
    _Row("Q0", "plain PGD has a higher {axis} than standard training", _above_standard),
    _Row(
        "Q1",
        "robustness goes with {axis} beyond smoothness",
        lambda results: _beyond(results, results.found.axis),
    ),
    _Row("Q2", "it goes with ROAR beyond smoothness", lambda results: _beyond(results, "ROAR")),
    _Row("Q3", "at the nearest clean accuracy PGD is above noise in matched ROAR", _nearest_noise),
    _Row("Q4", "clean accuracy falls as {axis} rises", _traded),
    _Row(
        "Q5",
        "no plain gradient dominates plain PGD with the gradient",
        lambda results: _dominating([point for point in results.points if point.is_plain]),
    ),
    _Row(
        "Q6",
        "robustness goes with alignment beyond smoothness",
        lambda results: _beyond(results, "alignment"),
    ),
)
