"""The test images that a point of a record's chart stands for, selected for all pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.specs import ImagesSpec, Measurement
from engine.store.study import Record, StudyError, spec_of
from engine.texts import one_line
from gui.session.workspace import Workspace


def select_images_at(
    workspace: Workspace, record: Record | None, places: Sequence[int], words: str
) -> None:
    """Select the images at these places among a record's values; say so if they are not open."""
    spec = None if record is None else spec_of(record.entry)
    if record is None or not isinstance(spec, Measurement):
        return
    if not are_open(workspace, spec.classifier.images) or workspace.image_set is None:
        return
    try:
        numbers = images_at(record, places, workspace.image_set.test_labels)
    except StudyError as error:
        workspace.message.emit(str(error), True)
        return
    title = one_line(record.entry.title)
    workspace.selection.choose(numbers, f"with {words} in {title}")


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
