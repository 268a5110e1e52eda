"""The sections on which images the network gets wrong, and what it takes to get it there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.figures.by_class import MATRICES, matrix_picture
from engine.figures.grids import class_name, rgb_row
from engine.figures.metrics import record_charts
from engine.figures.network_page.markup import Markup, chart, element, picture, row_of, table
from engine.figures.network_page.subject import Subject, interval, missing, wanted
from engine.specs import ClassAccuracy, CorruptedAccuracy, SmallestEps
from engine.specs.measures import CORRUPTIONS, Measurement
from engine.store.study import Record
from engine.texts import percent

MOST_CLASSES = 30  # rows of the table
MOST_CELLS = 16  # classes of a matrix that is written as numbers
Counts = NDArray[np.int64]


def by_class(subject: Subject) -> Iterator[Markup]:
    """Yield the accuracy of each class and both confusion matrices."""
    found = subject.newest(ClassAccuracy)
    if found is None:
        what = "accuracy of each class, confusions, and the images most wrong"
        yield missing(subject, wanted(subject, ClassAccuracy), what)
        return
    record, spec = found
    arrays = record.arrays
    matrices = [np.asarray(arrays[name]).astype(np.int64) for name in MATRICES.values()]
    counts = np.bincount(np.asarray(arrays["labels"]), minlength=len(matrices[0]))
    yield element("p", f"{_of(record, spec)}, attacked by {_attack(spec)}.")
    yield from _classes(subject, matrices, counts)
    for name, matrix in zip(MATRICES, matrices, strict=True):
        yield element("h3", f"Confusion, {name}")
        yield _confusion(subject, matrix)
    words = "Rows are true classes, columns predicted ones; the darker, the larger the share."
    yield element("p", words, class_="small")


def _classes(subject: Subject, matrices: Sequence[Counts], counts: Counts) -> Iterator[Markup]:
    attacked = np.diag(matrices[1]) / np.maximum(counts, 1)
    present = [k for k in range(len(counts)) if counts[k]]
    order = (
        sorted(present, key=lambda k: (attacked[k], k)) if len(present) > MOST_CLASSES else present
    )
    rows: list[tuple[object, ...]] = [
        ("class", "n", "clean", "95 %", "attacked", "95 %", "clean taken for", "attacked taken for")
    ]
    for k in order[:MOST_CLASSES]:
        cells: list[str] = []
        for matrix in matrices:
            right, count = int(matrix[k, k]), int(counts[k])
            cells += [percent(right / count), interval(right, count)]
        taken = [_taken_for(subject, matrix, k) for matrix in matrices]
        rows.append((class_name(subject.classes, k), f"{counts[k]:,}", *cells, *taken))
    yield table(rows, words=(0, 6, 7))
    left = len(order) - MOST_CLASSES
    if left > 0:
        yield element("p", f"The {MOST_CLASSES} worst classes under attack; {left:,} more.")
    absent = len(counts) - len(present)
    if absent:
        yield element("p", f"{absent:,} classes have no image among them.")


def _taken_for(subject: Subject, matrix: Counts, k: int) -> str:
    """Return the wrong class that a class is most often taken for, with its count."""
    wrong = matrix[k].copy()
    wrong[k] = 0
    most = int(wrong.argmax())
    return f"{class_name(subject.classes, most)} ({wrong[most]:,})" if wrong[most] else "–"


def _confusion(subject: Subject, matrix: Counts) -> Markup:
    if len(matrix) > MOST_CELLS:
        return picture(matrix_picture(matrix), f"{len(matrix):,} classes", side=420)
    names = [class_name(subject.classes, k) for k in range(len(matrix))]
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    head = element("tr", element("th"), *(element("th", name) for name in names))
    lines = [
        element("tr", element("th", names[k]), *map(_cell, matrix[k].tolist(), shares[k].tolist()))
        for k in range(len(matrix))
    ]
    return element("table", element("tbody", head, *lines), class_="confusion")


def _cell(count: int, share: float) -> Markup:
    ink = "#fff" if share > 0.55 else "#1b2530"
    style = f"background:rgba(0,114,178,{share:.2f});color:{ink}"
    return element("td", f"{count:,}" if count else "", style=style)


def worst(subject: Subject) -> Iterator[Markup]:
    """Yield the images that the network gets most wrong, worst first."""
    found = subject.newest(ClassAccuracy)
    if found is None:
        yield element("p", "Measured together with the accuracy of each class, see there.")
        return
    record, _ = found
    arrays = record.arrays
    images = np.asarray(arrays["worst/images"])
    if not drawable(images):
        yield element("p", "These images are no pictures: they have neither 1 nor 3 channels.")
        return
    names = subject.classes
    made = []
    for place, pixels in enumerate(rgb_row(images, range(len(images)))):
        true, taken, index = (
            int(arrays[f"worst/{name}"][place]) for name in ("labels", "predicted", "indices")
        )
        words = (
            f"{class_name(names, true)} → {class_name(names, taken) or 'no class'} "
            f"(image {index}{'' if true != taken else ', right'})"
        )
        made.append(picture(pixels, words))
    yield element(
        "p",
        "The smallest margins of the network on images as they are, smallest first: true → "
        "predicted class, and the number of the test image.",
    )
    yield row_of(made)


def corruptions(subject: Subject) -> Iterator[Markup]:
    """Yield the accuracy against the severity of common corruptions."""
    found = subject.newest(CorruptedAccuracy)
    if found is None:
        what = "accuracy under noise, blur, JPEG, brightness and contrast"
        yield missing(subject, wanted(subject, CorruptedAccuracy), what)
        return
    record, spec = found
    yield element("p", f"{_of(record, spec)}.")
    for data in record_charts(record):
        yield chart(data)
    numbers = record.numbers
    rows: list[tuple[object, ...]] = [("corruption", "mean accuracy over severities 1 to 5")]
    for name in CORRUPTIONS:
        if f"{name}_accuracy" in numbers:
            rows.append((name.replace("_", " "), percent(float(numbers[f"{name}_accuracy"]))))
    rows.append(("all", percent(float(numbers["mean_corrupted_accuracy"]))))
    yield table(rows)


def smallest_eps(subject: Subject) -> Iterator[Markup]:
    """Yield a histogram of the smallest eps that fools the network, over the images."""
    found = subject.newest(SmallestEps)
    if found is None:
        what = "the smallest eps that fools each image"
        yield missing(subject, wanted(subject, SmallestEps), what)
        return
    record, spec = found
    values = np.asarray(record.arrays["smallest_eps"], dtype=np.float64)
    yield element("p", f"{_of(record, spec)}, attacked by {_attack(spec)} at growing eps.")
    for data in record_charts(record):
        yield chart(data)
    median = record.numbers.get("median_smallest_eps")
    counts = (
        ("wrong as they are (eps 0)", int((values == 0).sum())),
        ("fooled", int((values > 0).sum())),
        ("never fooled", int(np.isnan(values).sum())),
    )
    rows = [("images", "n"), *((name, f"{count:,}") for name, count in counts)]
    yield table(rows)
    shown = "more than half were never fooled" if median is None else f"{float(median):.4g}"
    yield element("p", f"Median over all images: {shown}. Pixels in [0, 1].")


def drawable(images: NDArray[Any]) -> bool:
    """Return whether images (N, C, H, W) can be drawn as pictures."""
    return images.ndim == 4 and images.shape[1] in (1, 3) and min(images.shape[-2:]) >= 2


def _of(record: Record, spec: Measurement) -> str:
    count = int(record.numbers.get("test_images", spec.test_images))
    return f"Over the first {count:,} test images"


def _attack(spec: Measurement) -> str:
    attack = getattr(spec.metric, "attack", None)
    return attack.title if attack is not None else "nothing"
