"""Maps of the same image over the epochs of a training, as its record keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.attribution import pictures
from engine.figures.charts import FigureError, MapGridData
from engine.figures.grids import rgb_row
from engine.specs import ClassifierSpec, Training
from engine.store.study import Study, spec_of
from engine.texts import percent

MOST_EPOCHS = 9
"""Most pictures of a network in a figure, besides the image."""
KEPT = ("probes/images", "probes/attributions", "probes/steps")
MapValues = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Film:
    """What a training record keeps of one probe image.

    Attributes
    ----------
    image
        (C, H, W), uint8 or float in [0, 1].
    steps
        (n,) epochs trained when each map was made, from 0.
    attributions
        (n, C, H, W), signed.
    clean, robust
        (n,) accuracies after these epochs, NaN where none was measured.
    """

    image: NDArray[Any]
    steps: NDArray[np.float64]
    attributions: NDArray[np.float32]
    clean: NDArray[np.float64]
    robust: NDArray[np.float64]

    def values(self, *, percentile: float = pictures.PERCENTILE, shared: bool = False) -> MapValues:
        """Return the maps as drawn, (n, H, W) in [-1, 1].

        Parameters
        ----------
        shared
            Whether all have one scale, that of the strongest, so that growing maps look stronger.
        """
        limit = None
        if shared:
            limits = pictures.symmetric_limit(self.attributions, percentile=percentile)
            limit = np.full(len(limits), limits.max())
        return pictures.picture(self.attributions, percentile=percentile, limit=limit)

    def note(self, place: int) -> str:
        """Return the accuracies after an epoch in words, "" where none was measured."""
        pair = (self.clean[place], self.robust[place])
        if not np.isfinite(pair).all():
            return ""
        return f"{percent(pair[0], 0)} / {percent(pair[1], 0)}"


def film_of(arrays: Mapping[str, Any], place: int, places: Sequence[int] | None = None) -> Film:
    """Return the film of a probe image from the arrays of a training record.

    Parameters
    ----------
    place
        Which of the probe images.
    places
        Which of the kept maps; None for all.

    Raises
    ------
    FigureError
        If the record keeps no maps, or no such image.
    """
    missing = [name for name in KEPT if name not in arrays]
    if missing or place >= len(arrays["probes/images"]):
        what = missing[0] if missing else f"probe image {place}"
        raise FigureError(f"the record keeps no maps over epochs: {what} is missing")
    steps = np.asarray(arrays["probes/steps"], dtype=np.float64)
    chosen = list(range(len(steps))) if places is None else list(places)
    measured = np.asarray(arrays.get("epochs/step", ()), dtype=np.float64)
    return Film(
        image=arrays["probes/images"][place],
        steps=steps[chosen],
        attributions=np.asarray(arrays["probes/attributions"])[chosen, place],
        clean=_at(steps[chosen], measured, arrays.get("epochs/clean_accuracy", ())),
        robust=_at(steps[chosen], measured, arrays.get("epochs/robust_accuracy", ())),
    )


def spread(count: int, most: int = MOST_EPOCHS) -> list[int]:
    """Return the places of at most ``most`` of ``count`` maps, from the first to the last."""
    if count <= most:
        return list(range(count))
    even = np.linspace(0, count - 1, max(2, most)).round()
    return sorted({int(place) for place in even})


def film_grid(
    films: Sequence[tuple[str, Film]],
    *,
    percentile: float = pictures.PERCENTILE,
    colormap: str = "blue_white_red",
    shared: bool = False,
    attack: str = "",
) -> MapGridData:
    """Return films as rows of a figure: the image, then its map after each epoch.

    Parameters
    ----------
    films
        Title and film of each network; shorter films leave cells empty.
    attack
        Of the accuracies under attack, as :func:`attack_of` names it.
    """
    length = max((len(film.steps) for _, film in films), default=0)
    steps = next((film.steps for _, film in films if len(film.steps) == length), np.empty(0))
    same = all(np.array_equal(film.steps, steps[: len(film.steps)]) for _, film in films)
    rows, values, notes = [], [], []
    for _, film in films:
        drawn = film.values(percentile=percentile, shared=shared)
        empty = [None] * (length - len(drawn))
        rows.append((*rgb_row(film.image[None], [0]), *pictures.colour(drawn, colormap), *empty))
        values.append((None, *drawn, *empty))
        words = [film.note(place) for place in range(len(drawn))]
        if not same:
            words = [
                "\n".join(filter(None, [epoch_name(step), text]))
                for step, text in zip(film.steps, words, strict=True)
            ]
        notes.append(("", *words, *[""] * len(empty)))
    titles = [epoch_name(step) if same else "" for step in steps]
    return MapGridData(
        images=tuple(rows),
        row_titles=tuple(title for title, _ in films),
        column_titles=("image", *titles),
        title="Maps over epochs",
        caption=(
            "Maps kept while training, the strongest "
            f"{percent(1 - percentile / 100, None)} clipped; "
            + ("one scale for each network. " if shared else "each to its own scale. ")
            + "Below: accuracy on test images as they are / under attack"
            + (f" ({attack})" if attack else "")
            + ", after the epoch."
        ),
        notes=tuple(notes),
        values=tuple(values),
    )


def attack_of(specs: Iterable[ClassifierSpec]) -> str:
    """Return under which attack and eps the accuracies of networks after each epoch are."""
    found = {spec.evaluation.title for spec in specs if isinstance(spec, Training)}
    return found.pop() if len(found) == 1 else "each network's own" if found else ""


def epoch_name(step: float) -> str:
    """Return when a map was made: "start", or "epoch 3"."""
    return "start" if step == 0 else f"epoch {step:g}"


def film_figure(study: Study) -> MapGridData:
    """Return the figure "film": every network trained on the newest set of images, first image.

    Raises
    ------
    FigureError
        If no training record keeps maps of images.
    """
    found = [
        (entry, spec)
        for entry in study.entries
        if isinstance(spec := spec_of(entry) if entry.kind == Training.kind else None, Training)
        and "gaussians_2d" not in str(entry.spec)
    ]
    newest = found[-1][1].images if found else None
    films, specs = [], []
    for entry, spec in found:
        arrays = study.read(entry.key).arrays
        if spec.images == newest and all(name in arrays for name in KEPT):
            places = spread(len(arrays["probes/steps"]))
            films.append((study.title(spec), film_of(arrays, 0, places)))
            specs.append(spec)
    if not films:
        raise FigureError(
            "the study has no networks with maps over epochs: run the preset demo, or use the "
            "page Train"
        )
    return film_grid(films, attack=attack_of(specs))


def _at(
    steps: NDArray[np.float64], measured: NDArray[np.float64], values: Sequence[float]
) -> NDArray[np.float64]:
    """Return the values that were measured at these steps, NaN where there are none."""
    known = dict(
        zip(measured.tolist(), np.asarray(values, dtype=np.float64).tolist(), strict=False)
    )
    return np.array([known.get(step, np.nan) for step in steps.tolist()])
