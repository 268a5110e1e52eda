"""Compare our correlations with the published ones, and check whether blurriness explains them.

Source: Kim, Seo, Jeon 2019, trade-off figures; Song, Cha, Seo 2023 for the role of blurriness.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from engine.tradeoff import published
from engine.tradeoff.correlation import fit
from engine.tradeoff.points import MODES, Abscissa, Group, NetworkPoint, attributions_in, groups

ABSCISSAS: tuple[Abscissa, ...] = ("clean_accuracy", "strength")
AGAINST = {"clean_accuracy": "accuracy", "strength": "strength"}


@dataclass(frozen=True)
class ComparisonRow:
    """One of our correlations beside the published one, if there is one.

    Attributes
    ----------
    score, group, against
        Such as "ROAR gradient", "L2 xent" and "accuracy".
    n
        Number of networks behind our correlation.
    published_pearson, published_spearman
        The paper's correlations; None if it has no such group.
    pearson, spearman, and their limits
        Ours, with 95 % intervals; None if the points do not determine them.
    at_equal_blurriness
        Our partial Pearson correlation given blurriness, that is, after the linear effect of
        blurriness is removed from both variables; None if blurriness is unknown.
    within_seeds
        Our Pearson correlation after each seed's mean is subtracted from both variables; None for
        a single seed. All scores of one seed share the error of one random baseline, which is
        unrelated to strength or accuracy; subtracting the means removes it.
    """

    score: str
    group: str
    against: str
    n: int
    published_pearson: float | None
    pearson: float | None
    pearson_low: float | None
    pearson_high: float | None
    published_spearman: float | None
    spearman: float | None
    spearman_low: float | None
    spearman_high: float | None
    at_equal_blurriness: float | None
    within_seeds: float | None

    @property
    def sign_agrees(self) -> bool | None:
        """Whether both Pearson correlations have the same sign; None if either is missing."""
        if self.published_pearson is None or self.pearson is None:
            return None
        return (self.published_pearson > 0) == (self.pearson > 0)


def rows(points: Sequence[NetworkPoint]) -> list[ComparisonRow]:
    """Return a row for every group with a fitted line, per score and abscissa."""
    return list(_rows(points))


def _rows(points: Sequence[NetworkPoint]) -> Iterator[ComparisonRow]:
    for x in ABSCISSAS:
        for mode in MODES:
            for kind in attributions_in(points):
                for group in groups(points, mode, kind, x):
                    if group.fit is None:
                        continue
                    member = next(p for p in group.points if p.norm)
                    known = published.correlations(mode, member.norm, member.loss, kind, x)
                    yield ComparisonRow(
                        score=f"{mode.upper()} {kind}",
                        group=group.name,
                        against=AGAINST[x],
                        n=group.fit.n,
                        published_pearson=known[0] if known else None,
                        pearson=group.fit.pearson,
                        pearson_low=group.fit.pearson_low,
                        pearson_high=group.fit.pearson_high,
                        published_spearman=known[1] if known else None,
                        spearman=group.fit.spearman,
                        spearman_low=group.fit.spearman_low,
                        spearman_high=group.fit.spearman_high,
                        at_equal_blurriness=_without_blurriness(group, kind),
                        within_seeds=_within_seeds(group),
                    )


def _without_blurriness(group: Group, kind: str) -> float | None:
    """Return the partial correlation of score and abscissa given the maps' blurriness."""
    found = [point.blurriness.get(kind) for point in group.points]
    if len(found) < 4 or any(value is None for value in found):
        return None
    control = np.array(found, dtype=np.float64)
    residuals = []
    for values in (group.x, group.y):
        line = fit(control, values)
        if line.slope is None or line.intercept is None:
            return None
        residuals.append(values - line.intercept - line.slope * control)
    return fit(*residuals).pearson


def _within_seeds(group: Group) -> float | None:
    """Return the partial correlation of score and abscissa given the seeds."""
    seeds = np.array([-1 if point.seed is None else point.seed for point in group.points])
    known = np.unique(seeds)
    if len(known) < 2 or len(seeds) - len(known) < 3:
        return None
    residuals = [values.copy() for values in (group.x, group.y)]
    for values in residuals:
        for seed in known:
            values[seeds == seed] -= values[seeds == seed].mean()
    return fit(*residuals).pearson


def as_json(row: ComparisonRow) -> dict[str, Any]:
    """Return a correlation in the form that ``show --json`` prints."""
    return {**asdict(row), "sign_agrees": row.sign_agrees}


def table(listed: Sequence[ComparisonRow]) -> list[list[str]]:
    """Return the rows as texts, after a row of headings.

    The last column, the correlation within seeds, is left out unless a row has several seeds.
    """
    heading = [
        "score", "networks", "against", "n", "r published", "r ours", "95 % interval",
        "sign agrees", "rank published", "rank ours", "r at equal blurriness", "r within seeds",
    ]  # fmt: skip
    rows = [heading, *([*_texts(row)] for row in listed)]
    several = any(row.within_seeds is not None for row in listed)
    return rows if several else [row[:-1] for row in rows]


def _texts(row: ComparisonRow) -> Iterator[str]:
    yield from (row.score, row.group, row.against, str(row.n))
    yield _number(row.published_pearson)
    yield _number(row.pearson)
    limits = row.pearson_low, row.pearson_high
    yield "-" if None in limits else f"{_number(limits[0])} to {_number(limits[1])}"
    yield {True: "yes", False: "no", None: "-"}[row.sign_agrees]
    yield from map(_number, (row.published_spearman, row.spearman))
    yield from map(_number, (row.at_equal_blurriness, row.within_seeds))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:+.2f}"
