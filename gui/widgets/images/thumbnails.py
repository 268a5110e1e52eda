"""A grid of all images of a set. Only visible ones are drawn, so large sets are fast."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from gui.look import theme
from gui.look.plain import plain_tip
from gui.widgets.images.counted_rows import CountedRows, Index
from gui.widgets.images.image_view import image_from, pixels_of

SIDE = 64
GAP = 6
CACHED = 2000
# Number of items laid out at a time: takes about 6 ms, too short to be noticed.
BATCH = 5000


class ThumbnailModel(CountedRows):
    """List model of selected images of an array; their pictures are made on first access."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._images: NDArray[Any] = np.zeros((0, 1, 1, 1), np.uint8)
        self._order: NDArray[np.intp] = np.zeros(0, np.intp)
        self._names: Sequence[str] = ()
        self._files: Sequence[str] = ()
        self._labels: NDArray[np.int64] = np.zeros(0, np.int64)
        self._ranks: NDArray[np.floating] | None = None
        self._rank_name = ""
        self._pictures: OrderedDict[int, QPixmap] = OrderedDict()

    def show_images(
        self,
        images: NDArray[Any],
        labels: NDArray[np.int64],
        order: NDArray[np.intp],
        *,
        names: Sequence[str] = (),
        files: Sequence[str] = (),
        ranks: NDArray[np.floating] | None = None,
        rank_name: str = "",
    ) -> None:
        """Replace the images.

        Parameters
        ----------
        images
            (N, C, H, W), uint8 or float32 in [0, 1].
        labels
            (N,), -1 for an image without a label.
        order
            Indices of the images to show, in this order.
        names
            Names of the classes.
        files
            File names of the images; empty if they do not come from files.
        ranks, rank_name
            (N,), a number of each image that its tooltip shows, NaN for none; and what it is.
        """
        if images is not self._images:
            self._pictures.clear()
        self._images, self._labels, self._order = images, labels, order
        self._names, self._files = names, files
        self._ranks, self._rank_name = ranks, rank_name
        self.count_rows(len(order))

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the picture, the class, the tooltip, or the number of an image in its array."""
        number = int(self._order[index.row()])
        if role == Qt.ItemDataRole.DecorationRole:
            return self._picture(number)
        if role == Qt.ItemDataRole.UserRole:
            return number
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._name(number)
        if role == Qt.ItemDataRole.ToolTipRole:
            parts = [f"{number}", self._name(number), self._files[number] if self._files else ""]
            if self._ranks is not None:
                rank = self._ranks[number]
                parts.append(f"{self._rank_name}: {'none' if np.isnan(rank) else f'{rank:.4g}'}")
            return plain_tip("\n".join(part for part in parts if part))
        return None

    @property
    def cached(self) -> int:
        """The number of cached pictures."""
        return len(self._pictures)

    def _name(self, number: int) -> str:
        label = int(self._labels[number])
        return self._names[label] if 0 <= label < len(self._names) else ""

    def _picture(self, number: int) -> QPixmap:
        found = self._pictures.pop(number, None)
        if found is None:
            found = QPixmap.fromImage(image_from(pixels_of(self._images[number])))
        self._pictures[number] = found
        if len(self._pictures) > CACHED:
            self._pictures.popitem(last=False)
        return found


class _Delegate(QStyledItemDelegate):
    """Draws one picture with square pixels, and a frame if it is chosen."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the same size for all."""
        return QSize(SIDE + GAP, SIDE + GAP)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one image."""
        picture: QPixmap = index.data(Qt.ItemDataRole.DecorationRole)
        place = QRect(option.rect.topLeft(), QSize(SIDE, SIDE))
        size = picture.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
        target = QRect(place.topLeft(), size)
        target.moveCenter(place.center())
        painter.save()
        shrunk = picture.width() > target.width()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, shrunk)
        painter.drawPixmap(target, picture)
        chosen = option.state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_HasFocus)
        if chosen:
            pen = painter.pen()
            pen.setColor(theme.colour("accent"))
            pen.setWidth(3)
            painter.setPen(pen)
            painter.drawRect(place.adjusted(1, 1, -2, -2))
        painter.restore()


class ThumbnailGrid(QListView):
    """Shows a :class:`ThumbnailModel`, row by row."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.images = ThumbnailModel(self)
        self.setModel(self.images)
        self.setItemDelegate(_Delegate(self))
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setLayoutMode(QListView.LayoutMode.Batched)
        self.setBatchSize(BATCH)
        self.setGridSize(QSize(SIDE + GAP, SIDE + GAP))
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setViewportMargins(GAP, GAP, 0, 0)
        self.verticalScrollBar().setSingleStep((SIDE + GAP) // 2)
        self.setAccessibleName("Images")
