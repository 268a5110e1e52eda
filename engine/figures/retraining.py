"""The chart of retraining curves, for figures and for the view of a single record."""

from __future__ import annotations

from collections.abc import Sequence

from engine.figures.charts import NEUTRAL, SYMBOLS, ChartData, Series, series_colour
from engine.retraining import curves
from engine.tradeoff.scores import ONE_RETRAINING


def retraining_chart(shown: Sequence[curves.Curve], title: str, names: Sequence[str]) -> ChartData:
    """Return accuracy against the fraction removed, with each distinct random baseline once.

    ``names`` holds the name of each curve's network.
    """
    series: list[Series] = []
    baselines: set[tuple[float, ...]] = set()
    for index, (curve, name) in enumerate(zip(shown, names, strict=True)):
        baseline = tuple(curve.random_mean)
        if baseline not in baselines:
            baselines.add(baseline)
            series.append(_baseline_series(curve))
        score = "" if curve.score is None else f", score {curve.score:+.3f}".replace("-", "−")
        if curve.score is not None and curve.spec.repeats == 1:
            score += f" ({ONE_RETRAINING})"
        series.append(
            Series(
                name + score,
                curve.fractions,
                curve.mean,
                curve.low,
                curve.high,
                colour=series_colour(index),
                symbol=SYMBOLS[index // 8 % len(SYMBOLS)],
            )
        )
    return ChartData(
        series=tuple(series),
        title=title,
        x_label="Fraction of pixels removed",
        y_label="Accuracy after retraining",
        caption="Mean over repeats; the bands span the lowest and the highest repeat.",
    )


def _baseline_series(curve: curves.Curve) -> Series:
    reversed_ = curve.spec.control == "reversed"
    return Series(
        "Least important pixels kept" if reversed_ else "Random pixels",
        curve.random_fractions,
        curve.random_mean,
        curve.random_low,
        curve.random_high,
        colour=NEUTRAL,
        style="dash",
    )
