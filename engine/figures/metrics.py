"""Charts of metrics: curves against eps, numbers of networks, and values of single images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.figures.by_class import class_chart
from engine.figures.charts import (
    NEUTRAL,
    SYMBOLS,
    ChartData,
    FigureError,
    Picture,
    Series,
    Symbol,
    series_colour,
)
from engine.figures.images.spreads import doubled, edges, spread
from engine.figures.scores import score_charts, way_charts
from engine.specs import (
    ClassAccuracy,
    CorruptedAccuracy,
    ManifoldSensitivity,
    Measurement,
    ScoreSpec,
    SmallestEps,
)
from engine.specs.measures import CORRUPTIONS
from engine.store.study import Record, Study, spec_of
from engine.tradeoff.metrics import Measured, caveats, measured_in
from engine.tradeoff.robustness import attacked_network, robustness
from engine.tradeoff.seeds import by_seeds, name_of_all, seed_band

Arrays = Mapping[str, NDArray[np.generic]]
NOTHING = "the study has no metrics: run the preset manifold-glyphs, or use the page Attack"
CURVE = ("eps", "accuracy")
BASELINE_SYMBOLS: tuple[Symbol, ...] = ("plus", "cross", "star")


def metric_charts(study: Study) -> Picture:
    """Return a chart per metric: its curve if it has one, else one number per network.

    Raises
    ------
    FigureError
        If the study has no measurement that is a curve or a number.
    """
    alike: dict[str, list[Measured]] = {}
    for found in measured_in(study):
        alike.setdefault(found.spec.metric.title, []).append(found)
    charts = [chart for found in alike.values() if (chart := _chart(study, found)) is not None]
    if not charts:
        raise FigureError(NOTHING)
    everything = [one for found in alike.values() for one in found]
    told = [*caveats(everything), *_doubts(study, everything)]
    last = charts[-1].caption  # a picture's caption is that of its charts, each different one once
    said = last in [chart.caption for chart in charts[:-1]]
    charts[-1] = replace(charts[-1], caption=" ".join([*([] if said else [last]), *told]))
    return charts


def _doubts(study: Study, found: Sequence[Measured]) -> list[str]:
    """Return which of the accuracies under attack are doubtful, in a sentence; [] if none is."""
    attacked = {
        one.classifier: one.network for one in found if attacked_network(one.spec) is not None
    }
    known = robustness(study) if attacked else {}
    names = [
        name for key, name in attacked.items() if key in known and known[key].verdict == "doubtful"
    ]
    return [f"Doubtful under attack: {', '.join(names)}."] if names else []


def record_charts(record: Record) -> tuple[ChartData, ...]:
    """Return the charts of one measurement: its own, its curve, or the spread over its images."""
    arrays = record.arrays
    spec = spec_of(record.entry)
    if isinstance(spec, Measurement) and spec.metric.kind in CHARTS:
        return CHARTS[spec.metric.kind](arrays)
    if set(CURVE) <= set(arrays):
        return (_curve_chart([_curve("", arrays, 0)], ""),)
    if isinstance(spec, Measurement) and isinstance(spec.metric, ScoreSpec):
        return score_charts(spec.metric, arrays)
    label = spec.metric.label if isinstance(spec, Measurement) else ""
    names = [name for name, values in arrays.items() if _is_per_image(values)]
    return tuple(_spread(arrays[name], name.replace("_", " "), label) for name in names)


def _corruptions(arrays: Arrays) -> tuple[ChartData, ...]:
    found = arrays["corruptions"]
    series = tuple(
        Series(
            name.replace("_", " "),
            np.arange(len(values), dtype=np.float64),
            values,
            colour=series_colour(index),
            symbol="circle",
        )
        for index, (name, values) in enumerate(zip(CORRUPTIONS, found, strict=True))
    )
    caption = "Accuracy on corrupted test images; severity 0: as they are."
    return (ChartData(series, "", "Severity", "Accuracy", caption),)


def _classes(arrays: Arrays) -> tuple[ChartData, ...]:
    margins = {"margin": "Margin, as they are", "attacked_margin": "Margin, under attack"}
    spreads = (_spread(arrays[name], text, text) for name, text in margins.items())
    return (class_chart(arrays), *spreads)


def _chart(study: Study, found: Sequence[Measured]) -> ChartData | None:
    title = found[0].spec.metric.title
    numbered = [one for one in found if one.value is not None]
    if numbered:
        return _numbers(numbered, title)
    curves = [
        (one, arrays) for one in found if set(CURVE) <= set(arrays := study.read(one.key).arrays)
    ]
    return _curve_chart(_lines(curves), title) if curves else None


def _lines(curves: Sequence[tuple[Measured, Arrays]]) -> list[Series]:
    """Return one line for each network, and one for all that differ only by the seed."""
    places: list[tuple[int, ...]] = []
    for group in by_seeds([one.spec.classifier for one, _ in curves]):
        radii = {tuple(np.asarray(curves[place][1]["eps"]).tolist()) for place in group}
        seeds = {curves[place][0].classifier for place in group}
        # Measured at other radii, or several times, they have no curve in common.
        together = len(radii) == 1 and len(seeds) == len(group)
        places += [tuple(group)] if together else [(place,) for place in group]
    return [
        _line(tuple(curves[place] for place in group), index) for index, group in enumerate(places)
    ]


def _line(group: Sequence[tuple[Measured, Arrays]], index: int) -> Series:
    first, arrays = group[0]
    if len(group) == 1:
        return _curve(first.network, arrays, index)
    band = seed_band([np.asarray(found["accuracy"], np.float64) for _, found in group])
    name = name_of_all(first.network, first.spec.classifier)
    drawn = {
        "eps": arrays["eps"],
        "accuracy": band.mean,
        "accuracy_low": band.low,
        "accuracy_high": band.high,
    }
    return _curve(f"{name}: {band.words}", drawn, index)


def _numbers(found: Sequence[Measured], title: str) -> ChartData:
    series = [
        Series(
            one.network,
            np.array([np.nan if one.clean_accuracy is None else one.clean_accuracy]),
            np.array([one.value]),
            None if one.low is None else np.array([one.low]),
            None if one.high is None else np.array([one.high]),
            colour=series_colour(index),
            style="none",
            symbol=SYMBOLS[index // 8 % len(SYMBOLS)],
            keys=(one.classifier,),
        )
        for index, one in enumerate(found)
    ]
    series += _baselines(found)
    images = sorted({one.test_images for one in found})
    counts = " to ".join(f"{count:,}" for count in dict.fromkeys((images[0], images[-1])))
    return ChartData(
        series=tuple(series),
        title=title,
        x_label="Test accuracy",
        y_label=found[0].metric.label,
        caption=" ".join(
            part
            for part in (
                f"One point a network; over {counts} test images.",
                "Bars are 95 % intervals over the images." if found[0].low is not None else "",
                "Grey: the same score of what stands beside it." if found[0].beside else "",
            )
            if part
        ),
    )


def _baselines(found: Sequence[Measured]) -> list[Series]:
    """Return a cloud of points for each baseline, below the networks it belongs to."""
    names = dict.fromkeys(name for one in found for name in one.beside)
    at = np.array([np.nan if one.clean_accuracy is None else one.clean_accuracy for one in found])
    return [
        Series(
            name,
            at,
            np.array([one.beside.get(name, np.nan) for one in found]),
            colour=NEUTRAL,
            style="none",
            symbol=BASELINE_SYMBOLS[index % len(BASELINE_SYMBOLS)],
            keys=tuple(one.classifier for one in found),
        )
        for index, name in enumerate(names)
    ]


def _curve(name: str, arrays: Any, index: int) -> Series:
    return Series(
        name,
        arrays["eps"],
        arrays["accuracy"],
        arrays.get("accuracy_low"),
        arrays.get("accuracy_high"),
        colour=series_colour(index),
        symbol=SYMBOLS[index // 8 % len(SYMBOLS)],
    )


def _curve_chart(series: Sequence[Series], title: str) -> ChartData:
    return ChartData(
        tuple(series),
        title,
        "eps",
        "Accuracy under attack",
        "Accuracy on test images under attack; the bands are 95 % Wilson intervals over images, "
        "and over seeds what the legend says.",
    )


def _is_per_image(values: NDArray[Any]) -> bool:
    return values.ndim == 1 and len(values) > 1 and np.issubdtype(values.dtype, np.floating)


def _spread(values: NDArray[Any], name: str, label: str) -> ChartData:
    ends = edges(values)
    heights, images = spread(values, ends)
    line = Series("", (ends[1:] + ends[:-1]) / 2, heights, images=images)
    return ChartData((line,), "", name, "Images", f"{label}: how many images have which value.")


def _smallest(arrays: Arrays) -> tuple[ChartData, ...]:
    """Return the histogram of the smallest eps; images wrong as they are stand at 0."""
    values = np.asarray(arrays["smallest_eps"], dtype=np.float64)
    ends = edges(values)
    heights, images = spread(values, ends)
    # Both ends of every bin, so that the line draws bars.
    outline = Series("", np.repeat(ends, 2)[1:-1], np.repeat(heights, 2), images=doubled(images))
    caption = (
        f"How many images have which smallest eps, pixels in [0, 1]: {int((values == 0).sum()):,} "
        f"are wrong as they are, at 0; {int(np.isnan(values).sum()):,} of {len(values):,}, never "
        "fooled, are not drawn."
    )
    return (ChartData((outline,), "", "Smallest eps that fools", "Images", caption),)


CHARTS: dict[str, Callable[[Arrays], tuple[ChartData, ...]]] = {
    CorruptedAccuracy.kind: _corruptions,
    ClassAccuracy.kind: _classes,
    SmallestEps.kind: _smallest,
    ManifoldSensitivity.kind: way_charts,
}
"""Charts of the metrics that are neither a curve against eps nor plain numbers of images."""
