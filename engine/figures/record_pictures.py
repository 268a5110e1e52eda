"""The pictures of a single record: its curves as charts, its images and maps as a grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.attribution import pictures
from engine.figures import boundary
from engine.figures.by_class import class_grid
from engine.figures.charts import ChartData, ColourBar, MapGridData, Series, series_colour
from engine.figures.grids import rgb_row
from engine.figures.images.spreads import edges, spread
from engine.figures.metrics import record_charts
from engine.figures.paper.maps import CHANGE_SCALE, bar_of_maps
from engine.figures.retraining import retraining_chart
from engine.figures.study_figures import watched_part
from engine.retraining import curves
from engine.specs import AdversarialExamples, AttributionSpec, Boundary, Gradient, Interpretability
from engine.specs.schema import SpecError, from_dict
from engine.store.study import Record, Study, StudyError, spec_of

SHOWN = 6  # so many images, at twice their size, fit beside the table of records
Arrays = Mapping[str, NDArray[np.generic]]
PER_EPOCH = {
    "clean_accuracy": "Clean {part} accuracy",
    "robust_accuracy": "Robust {part} accuracy",
    "one_step_accuracy": "One step as large as in training",
    "many_step_accuracy": "Ten steps as large as in training",
}


@dataclass(frozen=True, eq=False)
class Pictures:
    """A record's charts, and its rows of pictures; either may be missing."""

    charts: tuple[ChartData, ...] = ()
    grid: MapGridData | None = None


def pictures_of(study: Study, key: str) -> tuple[Record, Pictures]:
    """Read a record, and return it with its pictures.

    Raises
    ------
    StudyError
        If it cannot be read.
    """
    record = study.read(key)
    make = PICTURES.get(record.entry.kind)
    try:
        found = Pictures() if make is None else make(study, record)
    except (KeyError, IndexError) as error:
        raise StudyError(f"record {key} lacks a part that its kind has: {error}") from error
    title = record.entry.title
    charts = tuple(replace(chart, title=chart.title or title) for chart in found.charts)
    grid = found.grid and replace(found.grid, title=title)
    return record, Pictures(charts, grid)


def _network(_: Study, record: Record) -> Pictures:
    arrays = record.arrays
    charts = []
    if "epochs/step" in arrays:
        steps = arrays["epochs/step"]
        part = watched_part(record.numbers)
        series = [
            Series(
                text.format(part=part),
                steps,
                arrays[f"epochs/{name}"],
                colour=series_colour(i),
                symbol="circle",
            )
            for i, (name, text) in enumerate(PER_EPOCH.items())
            if f"epochs/{name}" in arrays
        ]
        caption = f"Accuracy on {part} images after every epoch{_choice(record.numbers)}."
        label = f"{part.capitalize()} accuracy"
        charts.append(ChartData(tuple(series), "Accuracy", "Epoch", label, caption))
    return Pictures((*charts, *_loss(arrays, "loss", "Training loss")), _probes(record))


def _choice(numbers: Mapping[str, Any]) -> str:
    """Say which epoch the validation images chose, or that none was chosen."""
    if watched_part(numbers) == "test":
        return ": choose a validation part of the images to select an epoch"
    epoch = numbers.get("best_epoch")
    return "" if epoch is None else f"; epoch {epoch} is the best"


def _loss(arrays: Arrays, name: str, label: str) -> tuple[ChartData, ...]:
    if f"curve/{name}" not in arrays:
        return ()
    line = Series("", arrays["curve/step"], arrays[f"curve/{name}"])  # type: ignore[arg-type]
    return (ChartData((line,), label, "Epoch", label),)


def _probes(record: Record) -> MapGridData | None:
    arrays = record.arrays
    found = arrays.get("probes/attributions")
    if found is None or not len(found) or min(found.shape[-2:]) < 2:
        return None
    live = record.entry.spec.get("live_maps")
    name = "map"
    with suppress(SpecError):  # a method of a plugin that is not loaded
        method = Gradient() if live is None else from_dict(live, AttributionSpec)
        name = "gradient" if method == Gradient() else method.title
    rows = {"image": _rgb(arrays["probes/images"]), name: _maps(found[-1])}
    caption = f"Probe images, and the {name} of the network at the end of training."
    return _grid(rows, caption, bar_of_maps())


def _retraining(_: Study, record: Record) -> Pictures:
    return Pictures(_loss(record.arrays, "loss", "Training loss"))


def _images(_: Study, record: Record) -> Pictures:
    found = record.arrays["thumbnails"]
    if min(found.shape[-2:]) < 2:
        return Pictures()
    rows = {
        f"{start + 1} to {min(start + SHOWN, len(found))}": _rgb(found[start : start + SHOWN])
        for start in range(0, min(len(found), 3 * SHOWN), SHOWN)
    }
    return Pictures(grid=_grid(rows, "The first of the images."))


def _shown_maps(_: Study, record: Record) -> Pictures:
    arrays = record.arrays
    if min(arrays["images"].shape[-2:]) < 2:
        return Pictures()
    rows = {"image": _rgb(arrays["images"]), "map": _maps(arrays["attributions"])}
    caption = "Attributions summed over channels; blue negative, red positive, each to its scale."
    return Pictures(grid=_grid(rows, caption, bar_of_maps()))


def _attacked(_: Study, record: Record) -> Pictures:
    arrays = record.arrays
    if min(arrays["images"].shape[-2:]) < 2:
        return Pictures()
    clean = np.asarray(arrays["images"])
    clean = clean / 255.0 if clean.dtype == np.uint8 else clean
    change = np.asarray(arrays["adv_images"], dtype=np.float64) - clean
    rows = {
        "image": _rgb(arrays["images"]),
        "attacked": _rgb(arrays["adv_images"]),
        "change": tuple(
            pictures.colour(pictures.picture(part, percentile=100.0)) for part in change[:SHOWN]
        ),
    }
    spec = spec_of(record.entry)
    attack = f" by {spec.attack.title}" if isinstance(spec, AdversarialExamples) else ""
    caption = f"Attacked{attack}; the change is drawn to its own scale."
    return Pictures(grid=_grid(rows, caption, bar_of_maps(label=CHANGE_SCALE)))


def _score(study: Study, record: Record) -> Pictures:
    spec = spec_of(record.entry)
    if not isinstance(spec, Interpretability):
        return Pictures()
    curve, name = curves.curve(study, record.entry), study.title(spec.classifier)
    return Pictures((retraining_chart([curve], "", [name]),))


def _measured(study: Study, record: Record) -> Pictures:
    grid = class_grid(study, record) if "worst/images" in record.arrays else None
    return Pictures(record_charts(record), grid)


def _plane(_: Study, record: Record) -> Pictures:
    spec = spec_of(record.entry)
    if not isinstance(spec, Boundary):
        return Pictures()
    return Pictures((boundary.plane_chart(record.arrays, "", spec.attack),))


def _generator(_: Study, record: Record) -> Pictures:
    arrays = record.arrays
    rows = {
        "image": _rgb(arrays["probes/images"]),
        "reconstruction": _rgb(arrays["probes/reconstructions"][-1]),
        "sample": _rgb(arrays["samples"]),
    }
    grid = _grid(rows, "Test images, what the generator makes of them, and what it makes up.")
    return Pictures(_loss(arrays, "reconstruction", "Reconstruction loss"), grid)


def _distances(_: Study, record: Record) -> Pictures:
    arrays = record.arrays
    counted = np.asarray(arrays["distances"])[np.asarray(arrays["counted"]).astype(bool)]
    charts: tuple[ChartData, ...] = ()
    if len(counted) > 1:
        ends = edges(counted)
        heights, images = spread(counted, ends)
        line = Series("", (ends[1:] + ends[:-1]) / 2, heights, images=images)
        charts = (ChartData((line,), "", "Distance to the reconstruction", "Images"),)
    rows = {
        "image": _rgb(arrays["shown/images"]),
        "example": _rgb(arrays["shown/examples"]),
        "reconstruction": _rgb(arrays["shown/reconstructions"]),
    }
    return Pictures(charts, _grid(rows, "Images, what was measured, and its reconstruction."))


def _rgb(images: NDArray[np.generic]) -> tuple[NDArray[np.uint8], ...]:
    return rgb_row(images, range(min(SHOWN, len(images))))


def _maps(found: NDArray[np.generic]) -> tuple[NDArray[np.uint8], ...]:
    drawn = pictures.colour(pictures.picture(np.asarray(found[:SHOWN], dtype=np.float64)))
    return tuple(drawn)


def _grid(
    rows: Mapping[str, Sequence[NDArray[np.uint8]]], caption: str, bar: ColourBar | None = None
) -> MapGridData | None:
    """Return rows of pictures, padded to equal length; None if there is no picture."""
    count = max((len(row) for row in rows.values()), default=0)
    if not count:
        return None
    return MapGridData(
        tuple(tuple(row) + (None,) * (count - len(row)) for row in rows.values()),
        tuple(rows),
        caption=caption,
        bar=bar,
    )


PICTURES: dict[str, Callable[[Study, Record], Pictures]] = {
    "training": _network,
    "imported": _network,
    "retraining": _retraining,
    "mask_tuning": _network,
    "glyphs": _images,
    "folder": _images,
    "idx": _images,
    "maps": _shown_maps,
    "adversarial_examples": _attacked,
    "interpretability": _score,
    "measurement": _measured,
    "boundary": _plane,
    "vae_gan": _generator,
    "manifold_distance": _distances,
}
