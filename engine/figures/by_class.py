"""Pictures of the accuracy by class: a point a class, confusion matrices, and the worst images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.attribution import pictures
from engine.figures.charts import SYMBOLS, ChartData, MapGridData, Series, series_colour
from engine.figures.grids import class_name, class_names_of, rgb_row
from engine.store.study import Record, Study

COLUMNS = 6
MATRICES = {"as they are": "confusion", "under attack": "attacked_confusion"}
LEAST = 60  # px, of the side of a drawn matrix
Arrays = Mapping[str, NDArray[np.generic]]


def class_chart(arrays: Arrays) -> ChartData:
    """Return the accuracy of each class, clean and attacked, as a point each."""
    series = tuple(
        Series(
            name,
            np.arange(len(arrays[matrix]), dtype=np.float64),
            _of_classes(arrays[matrix], arrays["labels"]),
            colour=series_colour(index),
            style="none",
            symbol=SYMBOLS[index],
            images=tuple(
                tuple(np.flatnonzero(arrays["labels"] == label).tolist())
                for label in range(len(arrays[matrix]))
            ),
        )
        for index, (name, matrix) in enumerate(MATRICES.items())
    )
    caption = "Share of the test images of each class that are classified right."
    return ChartData(series, "", "Class, in the order of the images", "Accuracy", caption)


def class_grid(study: Study, record: Record) -> MapGridData:
    """Return both confusion matrices, and below them the images that are most wrong."""
    arrays, names = record.arrays, class_names_of(study, record)
    drawn = [matrix_picture(arrays[matrix]) for matrix in MATRICES.values()]
    gap: tuple[None, ...] = (None,) * (COLUMNS - len(drawn))
    rows: list[tuple[NDArray[np.uint8] | None, ...]] = [(*drawn, *gap)]
    notes = [(*MATRICES, *("" for _ in gap))]
    titles = ["Confusion"]
    worst = arrays["worst/images"] if min(arrays["worst/images"].shape[-2:]) >= 2 else ()
    for start in range(0, len(worst), COLUMNS):
        places = range(start, min(start + COLUMNS, len(worst)))
        rest = COLUMNS - len(places)
        rows.append((*rgb_row(arrays["worst/images"], places), *(None,) * rest))
        words = [
            f"{class_name(names, int(arrays['worst/labels'][at]))} → "
            f"{class_name(names, int(arrays['worst/predicted'][at])) or 'no class'}"
            for at in places
        ]
        notes.append((*words, *("",) * rest))
        titles.append(f"Worst {start + 1} to {start + len(places)}")
    return MapGridData(
        tuple(rows),
        tuple(titles),
        caption="Confusion: rows are true classes, columns predicted ones, the darker the larger "
        "the share of the true class. Worst images: by the margin of the network on them as they "
        "are; true → predicted class.",
        notes=tuple(notes),
    )


def _of_classes(confusion: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.float64]:
    """Return the accuracy of each class, NaN for one without images."""
    counts = np.bincount(labels, minlength=len(confusion))
    return np.where(counts > 0, np.diag(confusion) / np.maximum(counts, 1), np.nan)


def matrix_picture(confusion: NDArray[Any]) -> NDArray[np.uint8]:
    """Draw a matrix (K, K), each row as shares of its sum, in squares of equal size."""
    shares = confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
    side = max(1, -(-LEAST // len(shares)))
    return pictures.colour(-np.kron(shares, np.ones((side, side))))  # from white to blue
