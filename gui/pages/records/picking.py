"""Points and pictures of a record that stand for images select these, for all pages."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from engine.store.study import Record
from gui.pages.common.record_images import select_images_at, select_picture
from gui.pages.records.pictures import RecordPictures
from gui.session.workspace import Workspace


class ImagePicking(QObject):
    """Selects test images by points of charts and by pictures of the record that is shown.

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
        pictures.picture_clicked.connect(self._pick_picture)

    @Slot(list, str)
    def _pick(self, places: list[int], words: str) -> None:
        select_images_at(self._workspace, self.record, places, words)

    @Slot(int, int)
    def _pick_picture(self, row: int, column: int) -> None:
        select_picture(self._workspace, self.record, row, column)
