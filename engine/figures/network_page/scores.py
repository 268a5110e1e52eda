"""The section on the scores of the network's maps, each beside its baselines."""

from __future__ import annotations

from collections.abc import Iterator

from engine.figures.metrics import record_charts
from engine.figures.network_page.markup import Markup, chart, element, listed, table
from engine.figures.network_page.subject import Subject, missing
from engine.specs import Road, ScoreSpec
from engine.specs.measures import MetricSpec
from engine.tradeoff.metrics import Measured, beside_text, limits_text, measured_in


def scores(subject: Subject) -> Iterator[Markup]:
    """Yield every score of the network's maps with its interval, its baselines and its curves."""
    keys = {entry.key for entry, _ in subject.records_of_metric(MetricSpec)}
    found = [
        one
        for one in measured_in(subject.study)
        if one.key in keys and one.value is not None and one.spec.metric.caveat
    ]
    if not found:
        yield missing(subject, Road(), "how good its maps are, by ROAD or another score")
        return
    rows = [("score", "value", "95 %", "beside it", "test images"), *map(_row, found)]
    yield table(rows, words=(0, 3))
    yield element("p", "What they do not show:", class_="small")
    yield listed(dict.fromkeys(f"{m.label}: {m.caveat}" for one in found for m in [one.metric]))
    for one in found:
        if isinstance(one.metric, ScoreSpec) and one.metric.curve_x:
            for data in record_charts(subject.study.read(one.key)):
                yield chart(data)


def _row(found: Measured) -> tuple[str, ...]:
    return (
        found.metric.title,
        f"{found.value:.4g}",
        limits_text(found) or "–",
        beside_text(found) or "–",
        f"{found.test_images:,}",
    )
