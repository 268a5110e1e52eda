"""Which test images the pictures of a record are of, by row and column of its grid."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.figures.by_class import COLUMNS
from engine.specs import (
    VAEGAN,
    AdversarialExamples,
    ImagesSpec,
    Imported,
    ManifoldDistance,
    Maps,
    Measurement,
    Training,
)
from engine.store.study import Record, spec_of

PROBED = (Training.kind, Imported.kind, VAEGAN.kind)
SAMPLES = 2  # row of what a generator makes up
PER_ROW = 6  # thumbnails of a record of images


def images_behind(record: Record) -> ImagesSpec | None:
    """Return the images that a record's pictures and values are of; None for other records."""
    spec: Any = spec_of(record.entry)
    if isinstance(spec, ImagesSpec):
        return spec
    if isinstance(spec, Maps | AdversarialExamples):
        return spec.images or _of(spec.classifier)
    if isinstance(spec, Measurement):
        return _of(spec.classifier)
    if isinstance(spec, ManifoldDistance):
        return spec.generator.images
    return _of(spec)


def number_at(
    record: Record, row: int, column: int, images: NDArray[Any], labels: NDArray[np.int64]
) -> int | None:
    """Return the number of the test image behind a picture; None if it is of none.

    Parameters
    ----------
    row, column
        Of the grid of :func:`engine.figures.record_pictures.pictures_of`.
    images, labels
        (N, C, H, W) and (N,), all test images of :func:`images_behind`. Where a record holds the
        pixels of its pictures but not their numbers, these are compared.
    """
    number = _number(record, row, column, labels)
    if number is None or not 0 <= number < len(images):
        return None
    shown = record.arrays.get("probes/images", record.arrays.get("thumbnails"))
    place = column if "probes/images" in record.arrays else row * PER_ROW + column
    if shown is not None and not np.array_equal(shown[place], images[number]):
        return None
    return number


def _number(record: Record, row: int, column: int, labels: NDArray[np.int64]) -> int | None:
    spec, arrays = spec_of(record.entry), record.arrays
    found: list[int] = []
    place = column
    if isinstance(spec, Maps | AdversarialExamples):
        found = list(spec.indices)
    elif isinstance(spec, ManifoldDistance):
        found = np.flatnonzero(arrays["counted"]).tolist()
    elif "worst/indices" in arrays and row > 0:
        found, place = arrays["worst/indices"].tolist(), (row - 1) * COLUMNS + column
    elif record.entry.kind in PROBED and not (isinstance(spec, VAEGAN) and row == SAMPLES):
        found = probed(labels)
    elif isinstance(spec, ImagesSpec):
        found, place = probed(labels, thumbnails=True), row * PER_ROW + column
    return int(found[place]) if place < len(found) else None


def probed(labels: NDArray[np.int64], *, thumbnails: bool = False) -> list[int]:
    """Return the numbers of the test images that every network and generator is shown by."""
    from engine.jobs.device_images import PROBES, THUMBNAILS, probe_indices

    return probe_indices(labels, THUMBNAILS if thumbnails else PROBES)


def _of(spec: Any) -> ImagesSpec | None:
    found = getattr(spec, "images", None)
    return found if isinstance(found, ImagesSpec) else None
