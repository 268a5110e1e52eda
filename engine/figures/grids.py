"""Figures made of rows of pictures: gradient maps and adversarial examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.attribution import pictures
from engine.figures.charts import FigureError, MapGridData, Picture
from engine.figures.paper.maps import CHANGE_SCALE, bar_of_maps, one_title
from engine.specs import AdversarialExamples, ClassifierSpec, Maps, Measurement
from engine.specs.schema import Spec
from engine.store.index import Entry
from engine.store.study import Record, Study, StudyError, spec_of
from engine.tradeoff.points import networks

S = TypeVar("S", bound=Spec)
Bytes = NDArray[np.uint8]
# Number of pictures that fit side by side in a double column.
MOST_COLUMNS = 10


def gradient_maps(study: Study) -> Picture:
    """Return the paper's figure: a row of images, and below it the maps of every network.

    If the study has several selections of images, the one with the most records is drawn, and among
    equals the newest.
    """
    found = largest_set(
        study, Maps, lambda spec: (spec.images or spec.classifier.images, spec.indices)
    )
    if not found:
        raise FigureError(
            "the study has no maps of images: run the preset demo, or use the page Maps"
        )
    attributions = list(dict.fromkeys(spec.attribution for _, spec in found))
    found.sort(key=lambda pair: attributions.index(pair[1].attribution))
    first = study.read(found[0][0].key)
    columns = range(min(MOST_COLUMNS, len(first.arrays["images"])))
    rows = [rgb_row(first.arrays["images"], columns)]
    values: list[tuple[NDArray[np.floating] | None, ...]] = [(None,) * len(columns)]
    named = _namer(study)
    names = one_title([(spec.attribution.title, named(spec.classifier)) for _, spec in found])
    for entry, _ in found:
        arrays = study.read(entry.key).arrays
        drawn = pictures.picture(arrays["attributions"])
        rows.append(tuple(pictures.colour(drawn[c]) for c in columns))
        values.append(tuple(arrays["attributions"][c].sum(0) for c in columns))
    return MapGridData(
        tuple(rows),
        ("Original", *names.rows),
        _class_names(study, first, columns),
        title=names.title,
        caption=(
            "Attributions summed over channels, clipped at the 0.5 and 99.5 percentiles; "
            "blue negative, red positive, each map to its own scale."
        ),
        values=tuple(values),
        groups=("", *names.groups) if names.groups else (),
        bar=bar_of_maps(),
    )


def _namer(study: Study) -> Callable[[ClassifierSpec], str]:
    """Return what names the networks of a study apart, also one whose record is gone."""
    known = {point.key: point.network for point in networks(study)}
    return lambda spec: known.get(spec.key) or study.title(spec)


def attacked_images(study: Study) -> Picture:
    """Return images and, for every network, their attacked versions and the perturbations."""
    found = largest_set(
        study,
        AdversarialExamples,
        lambda spec: (spec.images or spec.classifier.images, spec.indices, spec.attack),
    )
    if not found:
        raise FigureError(
            "the study has no adversarial examples of images: run the preset demo, or use the "
            "page Attack"
        )
    first = study.read(found[0][0].key)
    columns = range(min(MOST_COLUMNS, len(first.arrays["images"])))
    names = class_names_of(study, first)
    rows: list[tuple[Bytes, ...]] = [rgb_row(first.arrays["images"], columns)]
    notes = [("",) * len(columns)]
    titles, named = ["Original"], _namer(study)
    for entry, spec in found:
        arrays = study.read(entry.key).arrays
        rows += [rgb_row(arrays["adv_images"], columns), _delta_row(arrays, columns)]
        predicted = arrays["adv_logits"].argmax(1)
        notes += [
            tuple(class_name(names, int(predicted[c])) for c in columns),
            ("",) * len(columns),
        ]
        titles += [named(spec.classifier), "change"]
    return MapGridData(
        tuple(rows),
        tuple(titles),
        _class_names(study, first, columns),
        caption=(
            f"Attacked by {found[0][1].attack.title}; below each image the class that the network "
            "sees. The change is drawn to its own scale."
        ),
        notes=tuple(notes),
        bar=bar_of_maps(label=CHANGE_SCALE),
    )


def largest_set(study: Study, kind: type[S], what: Callable[[S], object]) -> list[tuple[Entry, S]]:
    """Return the largest set of records with equal ``what``; among equals, the newest set.

    Records on 2-d points are left out, because these cannot be drawn as pictures.
    """
    sets: dict[object, list[tuple[Entry, S]]] = {}
    for entry in study.entries:
        spec = spec_of(entry) if entry.kind == kind.kind else None
        if isinstance(spec, kind) and "gaussians_2d" not in str(entry.spec):
            sets.setdefault(what(spec), []).append((entry, spec))
    return max(reversed(list(sets.values())), key=len, default=[])


def rgb_row(images: NDArray[np.generic], columns: Sequence[int]) -> tuple[Bytes, ...]:
    """Return images (N, C, H, W), uint8 or float in [0, 1], as RGB bytes."""
    found = np.asarray(images)
    if found.dtype != np.uint8:
        found = np.rint(np.clip(found, 0, 1) * 255).astype(np.uint8)
    return tuple(pictures.image_rgb(found[c]) for c in columns)


def _delta_row(arrays: object, columns: Sequence[int]) -> tuple[Bytes, ...]:
    found: dict[str, NDArray[np.generic]] = dict(arrays)  # type: ignore[call-overload]
    images = np.asarray(found["images"])
    clean = images / 255.0 if images.dtype == np.uint8 else images
    delta = np.asarray(found["adv_images"], dtype=np.float64) - clean
    return tuple(pictures.colour(pictures.picture(delta[c], percentile=100.0)) for c in columns)


def class_names_of(study: Study, record: Record) -> list[str]:
    """Return the names of the outputs of a record's network, by its images' record."""
    spec = spec_of(record.entry)
    if not isinstance(spec, Maps | AdversarialExamples | Measurement):
        return []
    try:
        names = study.read(spec.classifier.images).documents["classes"]
        return list(spec.classifier.output_names([str(name) for name in names]))
    except (StudyError, KeyError):
        return []


def class_name(names: list[str], label: int) -> str:
    """Return the name of a class, or its number if it has none; "" for no class."""
    if label < 0:
        return ""
    return names[label] if label < len(names) else str(label)


def _class_names(study: Study, record: Record, columns: Sequence[int]) -> tuple[str, ...]:
    names = class_names_of(study, record)
    return tuple(class_name(names, int(record.arrays["labels"][c])) for c in columns)
