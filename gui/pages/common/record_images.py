"""The test images that points and pictures of records stand for, selected for all pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from engine.specs import ImagesSpec, ManifoldDistance, Measurement
from engine.store.study import Record, StudyError, spec_of
from engine.texts import one_line
from gui.session.workspace import Workspace

OF_NONE = "This picture is not of one of the open test images."


def record_chart(place: int) -> str:
    """Return the name by which a record's chart is pinned; places count from 0."""
    return f"record {place + 1}"


def select_images_at(
    workspace: Workspace, record: Record | None, places: Sequence[int], words: str
) -> None:
    """Select the images at these places among a record's values; say so if they are not open."""
    spec = None if record is None else spec_of(record.entry)
    if record is None or not isinstance(spec, Measurement | ManifoldDistance):
        return
    measured = isinstance(spec, Measurement)
    images = spec.classifier.images if isinstance(spec, Measurement) else spec.generator.images
    if not are_open(workspace, images) or workspace.image_set is None:
        return
    try:
        if measured:
            numbers = images_at(record, places, workspace.image_set.test_labels)
        else:
            counted = np.flatnonzero(record.arrays["counted"])
            numbers = counted[list(places)].tolist()
    except StudyError as error:
        workspace.message.emit(str(error), True)
        return
    title = one_line(record.entry.title)
    workspace.selection.choose(numbers, f"with {words} in {title}")


def select_picture(workspace: Workspace, record: Record | None, row: int, column: int) -> None:
    """Select the image behind a picture of a record's grid; Ctrl adds it, or takes it out."""
    from engine.figures.images.pictured import images_behind, number_at

    images = None if record is None else images_behind(record)
    if record is None or images is None or not are_open(workspace, images):
        return
    found = workspace.image_set
    number = (
        None
        if found is None
        else number_at(record, row, column, found.test_images, found.test_labels)
    )
    _pick(workspace, number, f"picked in {one_line(record.entry.title)}")


def select_probe(workspace: Workspace, shown: NDArray[Any] | None, column: int, where: str) -> None:
    """Select one of the images that networks are watched on; Ctrl adds it, or takes it out.

    Parameters
    ----------
    shown
        (N, C, H, W), the pixels of these images.
    """
    from engine.figures.images.pictured import probed

    found = workspace.image_set
    if found is None or shown is None:
        return
    numbers = probed(found.test_labels)
    number = numbers[column] if column < min(len(numbers), len(shown)) else None
    if number is not None and not np.array_equal(found.test_images[number], shown[column]):
        number = None
    _pick(workspace, number, f"picked on the page {where}")


def _pick(workspace: Workspace, number: int | None, words: str) -> None:
    if number is None:
        workspace.message.emit(OF_NONE, False)
        return
    more = QGuiApplication.keyboardModifiers() & Qt.KeyboardModifier.ControlModifier
    workspace.selection.pick(number, words, more=bool(more))


def are_open(workspace: Workspace, images: ImagesSpec) -> bool:
    """Return whether images are the open ones; say where to open them if not."""
    if images == workspace.images and workspace.image_set is not None:
        return True
    text = f"These are images of {one_line(images.title)}: open them on the page Data."
    workspace.message.emit(text, False)
    return False


def images_at(record: Record, places: Sequence[int], labels: NDArray[np.int64]) -> list[int]:
    """Return the numbers of test images by their places among a record's values.

    Parameters
    ----------
    labels
        (N,) of all test images; some metrics leave out those without a label, -1.

    Raises
    ------
    StudyError
        If the record does not hold a value for each image that it was measured on.
    """
    count = min(int(record.numbers.get("test_images", 0)), len(labels))
    known = np.flatnonzero(labels[:count] >= 0)
    lengths = {len(values) for values in record.arrays.values() if _is_per_image(values)}
    if lengths == {count}:
        numbers = np.arange(count)
    elif lengths == {len(known)}:
        numbers = known
    else:
        raise StudyError(f"{record.entry.title} does not tell the images apart that are open")
    return [int(numbers[place]) for place in places]


def _is_per_image(values: NDArray[Any]) -> bool:
    return values.ndim == 1 and len(values) > 1 and np.issubdtype(values.dtype, np.floating)
