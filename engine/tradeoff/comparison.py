"""Compare our correlations with the published ones, and check whether blurriness explains them.

The rules behind intervals and signs are in :mod:`engine.tradeoff.inference`.

Source: Kim, Seo, Jeon 2019, trade-off figures; Song, Cha, Seo 2023 for the role of blurriness.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from engine.specs.attacks import group_in_words
from engine.store.outputs import COMPARISON_COLUMNS
from engine.tradeoff import published
from engine.tradeoff.correlation import partial
from engine.tradeoff.inference import (
    LEAST_FOR_PARTIAL,
    Judged,
    Limits,
    Sign,
    judge,
    sign,
)
from engine.tradeoff.planning import ASSUMED, NEEDED, Plan, plan
from engine.tradeoff.points import MODES, Abscissa, Group, NetworkPoint, attributions_in, groups

ABSCISSAS: tuple[Abscissa, ...] = ("clean_accuracy", "strength")
AGAINST = {"clean_accuracy": "accuracy", "strength": "strength"}
IDENTITY = 3
"""Number of leading columns of a table that say which correlation a row is about."""
SIGN_COLUMNS = 11
"""Number of leading columns that end with our rank correlation; the rest is about its causes."""
RULE = (
    "Intervals are 95 %: over networks for one seed; for several, of the correlation within seeds, "
    "over seeds (at least 3) and over networks (means of the seeds). The sign is undetermined with "
    "fewer than 4 strengths, or where one of these, or the published interval (n = 21), holds 0; "
    "each row is judged at 5 % on its own."
)
CAPTION = (
    "One point a network, its bar one standard deviation over repeats (none: 1 retraining, spread "
    "unknown); least-squares lines, Pearson (r) and Spearman (ρ) correlation. "
    f"{RULE} {ASSUMED}"
)


@dataclass(frozen=True)
class ComparisonRow:
    """One of our correlations beside the published one, if there is one.

    Attributes
    ----------
    score, group, against
        Such as "ROAR gradient", "L2 xent" and "accuracy".
    n, strengths, seeds
        Number of networks behind our correlation; of the different eps and of the seeds that it is
        judged by, without seeds of fewer than 3 eps and eps that another seed lacks.
    retrainings
        Fewest retrainings behind one of the scores; None if unknown.
    published_pearson, published_spearman
        The paper's correlations; None if it has no such group.
    pearson, pearson_low, pearson_high
        Ours over all networks; its 95 % interval over networks for one seed. No interval for
        several seeds: networks of one seed share errors.
    spearman, spearman_low, spearman_high
        Ours; without an interval, because none was found that covers in short sweeps.
    at_equal_blurriness, partial_low, partial_high
        Our partial Pearson correlation given blurriness, that is, after the linear effect of
        blurriness is removed from both variables, and with several seeds also their means; None
        for fewer than 8 networks or if blurriness is unknown.
    within_seeds, within_low, within_high
        Our Pearson correlation after each seed's mean is subtracted from both variables, and its
        interval over seeds; None for a single seed. All scores of one seed share the error of one
        random baseline, which is unrelated to strength or accuracy; subtracting the means removes
        it.
    networks_low, networks_high
        Interval over networks of the correlation of the means over seeds; None for a single seed.
    of_seeds
        The correlation of each seed's networks.
    interval_method
        How the interval that the sign is judged by was computed.
    sign
        "agrees", "opposite" or "undetermined"; None if nothing is published.
    plan
        What would tell the correlation from noise; None if undetermined.
    """

    score: str
    group: str
    against: str
    n: int
    strengths: int
    seeds: int
    retrainings: int | None
    published_pearson: float | None
    pearson: float | None
    pearson_low: float | None
    pearson_high: float | None
    published_spearman: float | None
    spearman: float | None
    spearman_low: None
    spearman_high: None
    at_equal_blurriness: float | None
    partial_low: float | None
    partial_high: float | None
    within_seeds: float | None
    within_low: float | None
    within_high: float | None
    networks_low: float | None
    networks_high: float | None
    of_seeds: tuple[float, ...]
    interval_method: str
    sign: Sign | None
    plan: Plan | None

    @property
    def sign_agrees(self) -> bool | None:
        """Whether both Pearson correlations have the same sign; None where undetermined."""
        return {"agrees": True, "opposite": False}.get(self.sign or "")


def rows(points: Sequence[NetworkPoint]) -> list[ComparisonRow]:
    """Return a row for every group with a fitted line, per score and abscissa."""
    return [
        _row(group, mode, kind, x)
        for x in ABSCISSAS
        for mode in MODES
        for kind in attributions_in(points)
        for group in groups(points, mode, kind, x)
        if group.fit is not None
    ]


def _row(group: Group, mode: Any, kind: str, x: Abscissa) -> ComparisonRow:
    found, judged = group.fit, group.judged
    if found is None or judged is None:
        raise ValueError(f"{group.name} has no fitted line, must be a sweep")
    member = next(p for p in group.points if p.norm)
    known = published.correlations(mode, member.norm, member.loss, kind, x) or (None, None)
    whole = judged.seeds == 1 and not judged.left_out
    none = None, None
    pearson = judged.interval or none if whole else none
    within = judged.interval or none if judged.seeds > 1 else none
    networks = none if whole else judged.over_networks or none
    blurred, partial_limits = _without_blurriness(group, kind)
    return ComparisonRow(
        score=f"{mode.upper()} {kind}",
        group=group.name,
        against=AGAINST[x],
        n=found.n,
        strengths=judged.strengths,
        seeds=judged.seeds,
        retrainings=_retrainings(group, mode, kind),
        published_pearson=known[0],
        pearson=found.pearson,
        pearson_low=pearson[0],
        pearson_high=pearson[1],
        published_spearman=known[1],
        spearman=found.spearman,
        spearman_low=None,
        spearman_high=None,
        at_equal_blurriness=blurred,
        partial_low=partial_limits[0] if partial_limits else None,
        partial_high=partial_limits[1] if partial_limits else None,
        within_seeds=judged.within,
        within_low=within[0],
        within_high=within[1],
        networks_low=networks[0],
        networks_high=networks[1],
        of_seeds=judged.of_seeds,
        interval_method=judged.method,
        sign=sign(judged, known[0], published.NETWORKS),
        plan=plan_of(group, mode, kind),
    )


def _retrainings(group: Group, mode: str, kind: str) -> int | None:
    found = [point.retrainings.get(mode, {}).get(kind) for point in group.points]
    return min((count for count in found if count is not None), default=None)


def plan_of(group: Group, mode: str, kind: str) -> Plan | None:
    """Return what would tell the correlation of a group from noise; None if undetermined."""
    spread = float(np.sqrt(np.mean(group.spread**2)))
    return plan(
        group.x,
        group.y,
        group.seeds,
        group.levels,
        spread=spread if np.isfinite(spread) else None,
        retrainings=_retrainings(group, mode, kind),
    )


def _without_blurriness(group: Group, kind: str) -> tuple[float | None, Limits]:
    """Return the partial correlation of score and abscissa given the maps' blurriness."""
    found = [point.blurriness.get(kind) for point in group.points]
    if len(found) < LEAST_FOR_PARTIAL or any(value is None for value in found):
        return None, None
    control = np.array(found, dtype=np.float64)
    judged: Judged = judge(group.x, group.y, group.seeds, group.levels, control)
    whole = judged.seeds == 1 and not judged.left_out
    return partial(group.x, group.y, control) if whole else judged.within, judged.interval


def as_json(row: ComparisonRow) -> dict[str, Any]:
    """Return a correlation in the form that ``show --json`` prints."""
    found = {**asdict(row), "sign_agrees": row.sign_agrees}
    needed = found.pop("plan") or {}
    needed.pop("strengths", None)
    names = ("seeds", "networks", "retrainings", "seeds_then")
    return {**found, "needed": {name: needed.get(name) for name in names}}


def table(listed: Sequence[ComparisonRow]) -> list[list[str]]:
    """Return the rows as texts, after a row of headings.

    The last columns, about seeds, are left out unless a row has several seeds.
    """
    heading = [
        *COMPARISON_COLUMNS, "seeds", "r published", "r ours", "95 % interval",
        "sign", "rank published", "rank ours", "r at equal blurriness", "its 95 % interval",
        "r within seeds", "over seeds", "over networks",
    ]  # fmt: skip
    rows = [heading, *([*_texts(row)] for row in listed)]
    several = any(row.seeds > 1 or row.within_seeds is not None for row in listed)
    return rows if several else [row[:-3] for row in rows]


def _texts(row: ComparisonRow) -> Iterator[str]:
    group = group_in_words(row.group)
    yield from (row.score.replace("_", " "), group, row.against, str(row.n), str(row.seeds))
    yield from map(_number, (row.published_pearson, row.pearson))
    yield _interval(row.pearson_low, row.pearson_high)
    yield row.sign or "-"
    yield from map(_number, (row.published_spearman, row.spearman, row.at_equal_blurriness))
    yield _interval(row.partial_low, row.partial_high)
    yield _number(row.within_seeds)
    yield _interval(row.within_low, row.within_high)
    yield _interval(row.networks_low, row.networks_high)


def parts(listed: Sequence[ComparisonRow]) -> Iterator[tuple[str, list[list[str]]]]:
    """Yield the table in parts that are narrow enough for a page, with their titles.

    The second, about blurriness and seeds, is left out if no row has any of it.
    """
    rows = table(listed)
    yield "Correlations, published and ours", [row[:SIGN_COLUMNS] for row in rows]
    if any(len(row) > SIGN_COLUMNS + 2 for row in rows) or any(
        row.at_equal_blurriness is not None for row in listed
    ):
        rest = [row[:IDENTITY] + row[SIGN_COLUMNS:] for row in rows]
        yield "Correlations at equal blurriness and within seeds", rest


def plans(listed: Sequence[ComparisonRow]) -> list[list[str]]:
    """Return what would tell each correlation from noise, headings first."""
    heading = ["score", "networks", "against", NEEDED]
    return [
        heading,
        *(
            [
                row.score.replace("_", " "),
                group_in_words(row.group),
                row.against,
                row.plan.sentence,
            ]
            for row in listed
            if row.plan is not None
        ),
    ]


def _interval(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else f"{_number(low)} to {_number(high)}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:+.2f}"
