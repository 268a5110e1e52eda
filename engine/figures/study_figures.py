"""Make the figures of a study, for :mod:`engine.figures.drawing` to draw, from its records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from engine.boundary import lab
from engine.figures import boundary
from engine.figures.charts import (
    SYMBOLS,
    ChartData,
    FigureError,
    Picture,
    Series,
    series_colour,
)
from engine.figures.paper.tradeoff import X_LABELS, tradeoff_chart
from engine.figures.retraining import retraining_chart
from engine.retraining import curves
from engine.specs import Boundary, ClassifierSpec, Gaussians2D, Mode, Training
from engine.specs.schema import kind_label
from engine.store.index import Entry
from engine.store.study import Study, spec_of
from engine.tradeoff.points import (
    MODES,
    Abscissa,
    Group,
    attributions_in,
    groups,
    networks,
)

NO_BOUNDARY = (
    "the study has no boundary records: run the preset paper-boundary, or use the page Boundary"
)


# ---------------------------------------------------------------------------------------- trade-off


def tradeoff_figure(study: Study) -> Picture:
    """Return score against accuracy and against strength, per mode and attribution."""
    points = networks(study)
    panels = [
        tradeoff_chart(found, mode, kind, x)
        for x in X_LABELS
        for mode in MODES
        for kind in attributions_in(points)
        if (found := groups(points, mode, kind, x)) and _is_drawn(found, x)
    ]
    if not panels:
        raise FigureError(
            "the study has no interpretability scores: run the preset demo, or use the page Retrain"
        )
    return panels


def _is_drawn(found: Sequence[Group], x: Abscissa) -> bool:
    """Return whether a chart is worth drawing; one against strength needs a sweep."""
    return x == "clean_accuracy" or any(group.fit is not None for group in found)


# ------------------------------------------------------------------------------------------- curves


def roar_curves(study: Study) -> Picture:
    """Return accuracy against the share of removed pixels, per attribution."""
    return _retraining_curves(study, "roar")


def kar_curves(study: Study) -> Picture:
    """Return accuracy against the share of removed pixels; the most important ones are kept."""
    return _retraining_curves(study, "kar")


def _retraining_curves(study: Study, mode: Mode) -> Picture:
    points = networks(study)
    named = {point.key: point.network for point in points}
    panels = []
    for kind in attributions_in(points):
        found = [p.curves[mode][kind] for p in points if kind in p.curves.get(mode, {})]
        shown = [curves.curve(study, study.entry(key)) for key in found]
        if shown:
            tried = [curve.spec.classifier for curve in shown]
            names = [named.get(spec.key) or study.title(spec) for spec in tried]
            title = f"{mode.upper()}, {kind_label(kind)}"
            panels.append(retraining_chart(shown, title, names))
    if not panels:
        raise FigureError(
            f"the study has no {mode.upper()} curves: run the preset demo, or use the page Retrain"
        )
    return panels


def training_curves(study: Study) -> Picture:
    """Return clean and robust accuracy per epoch of every trained network."""
    panels = {"clean_accuracy": "Clean accuracy", "robust_accuracy": "Robust accuracy"}
    series: dict[str, list[Series]] = {name: [] for name in panels}
    parts, named = set(), {point.key: point.network for point in networks(study)}
    for index, entry in enumerate(e for e in study.entries if e.kind == Training.kind):
        parts.add(watched_part(entry.numbers))
        arrays, title = study.read(entry.key).arrays, named.get(entry.key, entry.title)
        for name, found in series.items():
            if f"epochs/{name}" in arrays:
                curve = (arrays["epochs/step"], arrays[f"epochs/{name}"])
                symbol = SYMBOLS[index // 8 % len(SYMBOLS)]
                colour = series_colour(index)
                found.append(Series(title, *curve, colour=colour, symbol=symbol))
    if not any(series.values()):
        raise FigureError(
            "the study has no trained networks: run the preset demo, or use the page Train"
        )
    return [
        ChartData(tuple(series[name]), title, "Epoch", *_epochs_texts(parts))
        for name, title in panels.items()
    ]


def watched_part(numbers: Mapping[str, Any]) -> str:
    """Return the part of the images behind a training's curves: "validation" or "test"."""
    return "validation" if numbers.get("validation_images") else "test"


def _epochs_texts(parts: set[str]) -> tuple[str, str]:
    """Return the label of accuracies on these parts of the images, and the caption."""
    named = "validation or test" if len(parts) > 1 else "".join(parts)
    caption = (
        f"Accuracy on {named} images after every epoch; the robust one on the first few hundred."
    )
    if "test" in parts:
        caption += " Curves on test images: choose a validation part to select an epoch."
    return f"{named.capitalize()} accuracy", caption


# ----------------------------------------------------------------------------------------- boundary


def boundaries(study: Study) -> Picture:
    """Return the decision boundary of every kind of training, in the paper's [-1, 1] units.

    If there are several seeds, the first one is drawn, and the tilt is the mean over all.
    """
    alike: dict[str, list[tuple[Entry, Boundary]]] = {}
    for entry, spec in _boundaries_in(study):
        alike.setdefault(_without_seed(spec), []).append((entry, spec))
    if not alike:
        raise FigureError(NO_BOUNDARY)
    return [_boundary_chart(study, found) for found in alike.values()]


def _boundaries_in(study: Study) -> Iterator[tuple[Entry, Boundary]]:
    for entry in study.entries:
        spec = spec_of(entry) if entry.kind == Boundary.kind else None
        if isinstance(spec, Boundary):
            yield entry, spec


def _without_seed(spec: Boundary) -> str:
    """Return a key that is equal for networks, and drawn data, which differ only in the seed."""
    plain: Boundary = spec
    if isinstance(spec.classifier, Training):
        plain = plain.replace("classifier.seed", 0)
    if isinstance(spec.classifier.images, Gaussians2D):
        plain = plain.replace("classifier.images.seed", 0)
    return plain.key


def _boundary_chart(study: Study, found: list[tuple[Entry, Boundary]]) -> ChartData:
    entry, spec = found[0]
    title = f"{_training_name(spec.classifier)}\n{_tilt(found)}"
    return boundary.plane_chart(study.read(entry.key).arrays, title, spec.attack)


def _training_name(spec: ClassifierSpec) -> str:
    return spec.scheme.title if isinstance(spec, Training) else spec.title


def _tilt(found: list[tuple[Entry, Boundary]]) -> str:
    angles = [float(entry.numbers["angle_degrees"]) for entry, _ in found]
    if len(angles) == 1:
        return f"tilt {angles[0]:.1f}°"
    return f"tilt {np.mean(angles):.1f}° ± {np.std(angles, ddof=1):.1f}° (n = {len(angles)})"


def tilts(study: Study) -> Picture:
    """Return the tilt of the boundary against the training radius."""
    found = lab.tilts(study)
    if not found:
        raise FigureError(NO_BOUNDARY)
    return boundary.tilt_chart(found)
