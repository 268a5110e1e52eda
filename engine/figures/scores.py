"""Charts of the scores of maps: curves with their baselines, or how the values of images spread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.figures.charts import SYMBOLS, ChartData, Series, series_colour
from engine.figures.images.spreads import doubled, edges, spread
from engine.specs.scores.base import BASELINES, ScoreSpec
from engine.specs.scores.manifold import WAYS, ManifoldSensitivity

Arrays = Mapping[str, NDArray[np.generic]]


def score_charts(spec: ScoreSpec, arrays: Arrays) -> tuple[ChartData, ...]:
    """Return the charts of a score: its curves if it has any, else the spread over the images."""
    if "curves/x" in arrays:
        return tuple(_curves(spec, arrays))
    return (_spread(spec, arrays),)


def way_charts(arrays: Arrays) -> tuple[ChartData, ...]:
    """Return the changes of the answer along, off and regardless of the manifold, by radius."""
    spec = ManifoldSensitivity
    names = ("along the manifold", "off the manifold", BASELINES["whole"])
    series = tuple(
        Series(
            words,
            np.asarray(arrays["curves/x"], dtype=np.float64),
            *np.asarray(arrays[f"curves/{spec.label}/{way}"], dtype=np.float64),
        )
        for way, words in zip(WAYS, names, strict=True)
    )
    series = tuple(
        replace(one, colour=series_colour(index), symbol=SYMBOLS[index])
        for index, one in enumerate(series)
    )
    caption = (
        f"{spec.label}: mean change of the probabilities, summed over classes; bands are 95 % "
        f"intervals over the images. {spec.caveat}"
    )
    return (ChartData(series, "", "Length of the change", "Change of probabilities", caption),)


def _curves(spec: ScoreSpec, arrays: Arrays) -> Iterator[ChartData]:
    panels = dict.fromkeys(name.split("/")[1] for name in arrays if name.count("/") == 2)
    count = int(np.isfinite(np.asarray(arrays[spec.headline[0]], dtype=np.float64)).sum())
    caption = (
        f"{spec.label}: means over {count:,} test images; bands are 95 % intervals. {spec.caveat}"
    )
    for panel in panels:
        drawn = tuple(_curve(spec, arrays, panel, index) for index in range(len(_maps(spec))))
        x_label = spec.curve_x if len(panels) == 1 else f"{spec.curve_x}, {panel}"
        yield ChartData(drawn, "", x_label, spec.curve_y, caption)


def _curve(spec: ScoreSpec, arrays: Arrays, panel: str, index: int) -> Series:
    which = _maps(spec)[index]
    mean, low, high = np.asarray(arrays[f"curves/{panel}/{which}"], dtype=np.float64)
    return Series(
        _name(spec, which),
        np.asarray(arrays["curves/x"], dtype=np.float64),
        mean,
        low,
        high,
        colour=series_colour(index),
        style="solid" if which == "map" else "dash",
        symbol=SYMBOLS[index],
    )


def _spread(spec: ScoreSpec, arrays: Arrays) -> ChartData:
    """Return how many images have which value, of the map and of each baseline."""
    name = spec.headline[0]
    names = {which: name if which == "map" else f"{name}_{which}" for which in _maps(spec)}
    known: dict[str, NDArray[Any]] = {}
    for which, own in names.items():
        if own in arrays:
            known[which] = np.asarray(arrays[own], dtype=np.float64)
    ends = edges(np.concatenate(list(known.values())))
    counted = {which: spread(values, ends) for which, values in known.items()}
    series = tuple(
        Series(
            _name(spec, which),
            # Both ends of every bin, so that the line draws bars.
            np.repeat(ends, 2)[1:-1],
            np.repeat(heights, 2),
            colour=series_colour(index),
            style="solid" if which == "map" else "dash",
            images=doubled(images),
        )
        for index, (which, (heights, images)) in enumerate(counted.items())
    )
    caption = f"{spec.label}: how many test images have which value. {spec.caveat}"
    return ChartData(series, "", spec.label, "Images", caption)


def _maps(spec: ScoreSpec) -> tuple[str, ...]:
    return ("map", *spec.baselines)


def _name(spec: ScoreSpec, which: str) -> str:
    return spec.method if which == "map" else BASELINES[which]
