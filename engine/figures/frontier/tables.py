"""Tables of a study's frontier: ways to train with several seeds, as in the experiment.

The analysis is in :mod:`engine.tradeoff.frontier` and :mod:`engine.tradeoff.frontier_verdicts`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from engine.figures.catalog import Table
from engine.figures.cells import columns
from engine.store.study import Study
from engine.tradeoff.frontier import Cell, Frontier, frontiers
from engine.tradeoff.frontier_outcomes import BLURRINESS, CLEAN, OF, OUTCOMES, ROBUST, SHARE
from engine.tradeoff.frontier_predictions import predictions
from engine.tradeoff.frontier_verdicts import (
    Judgement,
    Point,
    beyond_smoothness,
    dominating,
    front,
    survival,
    tradeoff,
)
from engine.tradeoff.inference import Limits
from engine.tradeoff.resampling import front_probability

SHOWN_POINTS = 20
RULE = (
    "Correlations are within seeds over cells. A verdict needs both 95 % intervals on one side of "
    "0: over seeds, and over schemes, whose cells are no independent points."
)
FRONT_RULE = (
    "Axes: clean accuracy, robust accuracy, {axis}. p: probability of being on the front, over all "
    "samples of the seeds; p, gradients: on that of the plain gradients alone. {caveat}"
)


def frontier_text(study: Study) -> str:
    """Return the tables and verdicts of every frontier as text; "" without one."""
    parts = []
    for found in frontiers(study):
        for title, rows, left in _tables(found):
            parts.append(f"{title}\n{columns(rows, left)}")
        front_rule = FRONT_RULE.format(axis=found.axis, caveat=OF[found.axis].caveat)
        parts.append("\n".join([*left_out(found), RULE, front_rule]))
        parts.append("\n".join(["Verdicts", *verdicts(found)]))
    return "\n\n".join(parts)


def frontier_tables(study: Study) -> Iterator[Table]:
    """Yield the tables below the charts in a report."""
    for found in frontiers(study):
        yield from _tables(found)


def verdicts(found: Frontier) -> list[str]:
    """Return the verdicts of a frontier as sentences."""
    said = [survival(tradeoff(found)), dominating(front(found))]
    beyond = [one.outcome for one in beyond_smoothness(found) if one.verdict == "beyond smoothness"]
    first = ", ".join(beyond) if beyond else "none of the outcomes"
    said.append(f"Robustness goes beyond smoothness and clean accuracy with: {first}.")
    doubtful = sum(found.doubtful)
    if doubtful:
        count = found.values[CLEAN].size
        said.append(f"{doubtful} of {count} networks have a doubtful robust accuracy.")
    return said


def left_out(found: Frontier) -> list[str]:
    """Return which cells do not count, and why, as sentences."""
    return [f"Left out: {reason}." for reason in found.left_out]


def _tables(found: Frontier) -> Iterator[Table]:
    points = front(found)
    seeds = f"{len(found.seeds)} seeds, mean ± standard deviation over them"
    yield f"Frontier: {len(found.cells)} cells, {seeds}", _cell_rows(found, points), 1
    judged = beyond_smoothness(found)
    title = "Robust accuracy and interpretability, given clean accuracy, blurriness and activation"
    yield title, _relation_rows(judged), 1
    yield "Clean accuracy and interpretability", _relation_rows(tradeoff(found)), 1
    yield "The front", _point_rows(found.axis, points), 1
    tested = predictions(found, judged, points)
    rows = [["prediction", "outcome", "what it rests on"]]
    rows += [[f"{one.name} {one.claim}", one.outcome, one.numbers] for one in tested]
    yield "Predictions of docs/experiment.md", rows, 3


def _cell_rows(found: Frontier, points: Sequence[Point]) -> list[list[str]]:
    plain = [point for point in points if point.is_plain]
    chances: dict[Cell, float] = {}
    if plain:
        among = front_probability(np.stack([point.values for point in plain], axis=1))
        chances = {point.cell: float(p) for point, p in zip(plain, among, strict=True)}
    known = (*(outcome.name for outcome in OUTCOMES), BLURRINESS)
    names = [name for name in known if name in found.values]
    rows = [["cell", "clean %", "robust %", *names, "p, gradients"]]
    for place, cell in enumerate(found.cells):
        accuracies = (_mean(found.values[name][:, place], 100, 1) for name in (CLEAN, ROBUST))
        others = (_mean(found.values[name][:, place], 1, 3) for name in names)
        chance = f"{chances[cell]:.2f}" if cell in chances else "-"
        rows.append([cell.name, *accuracies, *others, chance])
    return rows


def _mean(values: Any, scale: float, digits: int) -> str:
    if not np.isfinite(values).all():
        return "-"
    spread = f" ± {scale * values.std(ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{scale * values.mean():.{digits}f}{spread}"


def _relation_rows(judged: Sequence[Judgement]) -> list[list[str]]:
    rows = [["with", "r", "over seeds", "over schemes", "cells", "schemes", "verdict"]]
    for one in judged:
        value = one.relation.value
        rows.append(
            [
                one.outcome,
                "-" if value is None else f"{value:+.2f}",
                _shown(one.relation.over_seeds),
                _shown(one.relation.over_schemes),
                f"{one.relation.cells}",
                f"{one.relation.schemes}",
                one.verdict,
            ]
        )
    return rows


def _shown(limits: Limits) -> str:
    return "-" if limits is None else f"[{limits[0]:+.2f}, {limits[1]:+.2f}]"


def _point_rows(axis: str, points: Sequence[Point]) -> list[list[str]]:
    rows = [["cell and attribution", "clean %", "robust %", axis, "p", "against plain PGD"]]
    shown = [point for point in points if point.probability >= 0.05][:SHOWN_POINTS]
    for point in shown:
        clean, robust, third = point.values.mean(0)
        against = point.against
        verdict = "-" if against is None else against.words
        numbers = [f"{100 * clean:.1f}", f"{100 * robust:.1f}", f"{third:.3f}"]
        rows.append([point.name, *numbers, f"{point.probability:.2f}", verdict])
    return rows


def frontier_json(study: Study) -> list[dict[str, Any]]:
    """Return every frontier in the form that ``show --json`` prints; its names must not change."""
    return [_json_of(found) for found in frontiers(study)]


def _json_of(found: Frontier) -> dict[str, Any]:
    judged, points = beyond_smoothness(found), front(found)
    return {
        "seeds": list(found.seeds),
        "axis": found.axis,
        "cells": [
            {
                "name": cell.name,
                "scheme": cell.scheme,
                "activation": cell.activation,
                "keys": [row[place] for row in found.keys],
                "outcomes": {
                    name: [float(v) if np.isfinite(v) else None for v in table[:, place]]
                    for name, table in found.values.items()
                },
            }
            for place, cell in enumerate(found.cells)
        ],
        "beyond_smoothness": list(map(_judgement_json, judged)),
        "tradeoff": list(map(_judgement_json, tradeoff(found))),
        "front": [_point_json(found.axis, point) for point in points],
        "predictions": [
            {"name": p.name, "claim": p.claim, "outcome": p.outcome, "numbers": p.numbers}
            for p in predictions(found, judged, points)
        ],
        "verdicts": [*verdicts(found), *left_out(found)],
    }


def _judgement_json(one: Judgement) -> dict[str, Any]:
    found = one.relation
    intervals = {"over_seeds": found.over_seeds, "over_schemes": found.over_schemes}
    return {
        "outcome": one.outcome,
        "r": found.value,
        **{name: None if at is None else list(at) for name, at in intervals.items()},
        "verdict": one.verdict,
    }


def _point_json(axis: str, point: Point) -> dict[str, Any]:
    clean, robust, third = map(float, point.values.mean(0))
    return {
        "cell": point.cell.name,
        "attribution": point.attribution,
        "clean_accuracy": clean,
        "robust_accuracy": robust,
        "tangent_share": third if axis == SHARE else None,
        "third_axis": third,
        "probability": point.probability,
        "dominates": None if point.against is None else point.against.holds,
    }
