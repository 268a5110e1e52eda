"""Charts of a study's frontier: the alignment of gradients against both accuracies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from engine.figures.charts import (
    NEUTRAL,
    SYMBOLS,
    ChartData,
    FigureError,
    Picture,
    Series,
    series_colour,
)
from engine.store.study import Study
from engine.tradeoff.frontier import Frontier, frontiers
from engine.tradeoff.frontier_verdicts import Point, front
from engine.tradeoff.resampling import on_front

NOTHING = (
    "the study has no frontier: run the preset frontier-glyphs-lite, or use the page Attack to "
    "measure strong attacks and the truth of maps of networks on Glyphs, or the stroke mass of "
    "maps on MNIST, or compute ROAR scores with the control matched"
)


def frontier_charts(study: Study) -> Picture:
    """Return, for every frontier, its third axis against both accuracies, of plain gradients.

    Points that another one dominates in all three axes are grey; bars are standard deviations over
    seeds.

    Raises
    ------
    FigureError
        If the study has no frontier.
    """
    charts = [chart for found in frontiers(study) for chart in _charts(found)]
    if not charts:
        raise FigureError(NOTHING)
    return charts


def _charts(found: Frontier) -> Iterator[ChartData]:
    points = [point for point in front(found) if point.is_plain]
    labels = {0: "Clean accuracy", 1: "Robust accuracy"}
    chances = _front_of(points)
    for axis, label in labels.items():
        yield ChartData(
            series=tuple(_series(points, chances, axis)),
            title=f"Gradients of networks: front of both accuracies and {found.axis}",
            x_label=label,
            y_label=f"{found.axis[0].upper()}{found.axis[1:]} of the gradient",
            caption=(
                f"One point a cell, its mean over {len(found.seeds)} seeds, with standard "
                f"deviations of the {found.axis}. Grey: another cell is at least as good in all of "
                f"clean accuracy, robust accuracy and {found.axis}."
            ),
        )


def _front_of(points: Sequence[Point]) -> list[bool]:
    """Return which points are on the front of the plain gradients' means."""
    if not points:
        return []
    return [bool(one) for one in on_front(np.stack([point.values.mean(0) for point in points]))]


def _series(points: Sequence[Point], kept: Sequence[bool], axis: int) -> Iterator[Series]:
    groups: dict[tuple[str, str, bool], list[Point]] = {}
    for point, on in zip(points, kept, strict=True):
        groups.setdefault((point.cell.scheme, point.cell.activation, on), []).append(point)
    schemes = list(dict.fromkeys(sorted(name for name, _, _ in groups)))
    activations = list(dict.fromkeys(sorted(name for _, name, _ in groups)))
    alone = len(activations) == 1  # then symbols tell schemes apart, which are grey together
    for (scheme, activation, on), members in sorted(groups.items()):
        means = np.stack([point.values.mean(0) for point in members])
        spread = np.array([point.values[:, 2].std(ddof=1) for point in members])
        name = scheme if alone else f"{scheme}, {activation}"
        place = schemes.index(scheme) if alone else activations.index(activation)
        yield Series(
            name if on else f"{name}, dominated",
            means[:, axis],
            means[:, 2],
            means[:, 2] - spread,
            means[:, 2] + spread,
            colour=series_colour(schemes.index(scheme)) if on else NEUTRAL,
            style="none",
            symbol=SYMBOLS[place % len(SYMBOLS)],
        )
