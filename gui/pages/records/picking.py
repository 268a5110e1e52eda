"""A point of a record's chart that stands for images selects these, for all pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Slot

from engine.specs import Measurement
from engine.store.study import Record, StudyError, spec_of
from engine.texts import one_line
from gui.pages.records.pictures import RecordPictures
from gui.session.workspace import Workspace


class ImagePicking(QObject):
    """Selects test images by the points of the charts of the record that is shown.

    Attributes
    ----------
    record
        The shown record; None while none was read.
    """

    def __init__(self, workspace: Workspace, pictures: RecordPictures, parent: QObject):
        super().__init__(parent)
        self._workspace = workspace
        self.record: Record | None = None
        pictures.images_picked.connect(self._pick)

    @Slot(list, str)
    def _pick(self, places: list[int], words: str) -> None:
        record, workspace = self.record, self._workspace
        spec = None if record is None else spec_of(record.entry)
        if record is None or not isinstance(spec, Measurement):
            return
        images = spec.classifier.images
        if images != workspace.images or workspace.image_set is None:
            text = f"These are images of {one_line(images.title)}: open them on the page Data."
            workspace.message.emit(text, False)
            return
        try:
            numbers = images_at(record, places, workspace.image_set.test_labels)
        except StudyError as error:
            workspace.message.emit(str(error), True)
            return
        title = one_line(record.entry.title)
        workspace.selection.choose(numbers, f"with {words} in {title}")


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
