"""The images of a strip as a list model, and how one of them is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from gui.look import theme
from gui.look.plain import plain_tip
from gui.widgets.images.counted_rows import CountedRows, Index
from gui.widgets.images.image_view import image_from, pixels_of

SIDE = 56
MARGIN = 4


class Images(Protocol):
    """Images by number: an array, or what stands for several."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> NDArray[Any]: ...


class StripModel(CountedRows):
    """List model of the images that pass the filter, with their indices in the whole set."""

    def __init__(self, parent: QWidget):
        super().__init__(parent)
        self.images: Images = np.zeros((0, 1, 1, 1), np.uint8)
        self.labels: NDArray[np.int64] = np.zeros(0, np.int64)
        self.classes: Sequence[str] = ()
        self.names: Mapping[int, str] = {}
        self.order: NDArray[np.intp] = np.zeros(0, np.intp)
        self.chosen: list[int] = []

    def hold(
        self,
        images: Images,
        labels: NDArray[np.int64],
        classes: Sequence[str],
        names: Mapping[int, str],
    ) -> None:
        """Replace the images; show none until :meth:`show` is called."""
        self.images, self.labels, self.classes, self.names = images, labels, classes, names
        self.show(np.zeros(0, np.intp))

    def show(self, order: NDArray[np.intp]) -> None:
        """Show the images with these indices, in this order."""
        self.order = order
        self.count_rows(len(order))

    def name(self, image: int) -> str:
        """Return an image's own name, or that of its class; "" if it has neither."""
        label = int(self.labels[image])
        known = self.classes[label] if 0 <= label < len(self.classes) else ""
        return self.names.get(image, known)

    def row_of(self, index: int) -> int:
        """Return the row of an image, or -1 if the filter hides it."""
        found = np.flatnonzero(self.order == index)
        return int(found[0]) if len(found) else -1

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return picture, name, number or tooltip of a row."""
        image = int(self.order[index.row()])
        if role == Qt.ItemDataRole.DecorationRole:
            return image_from(pixels_of(self.images[image]))
        if role == Qt.ItemDataRole.UserRole:
            return image
        name = self.name(image)
        if role == Qt.ItemDataRole.DisplayRole:
            return name
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            text = f"{image}: {name}" if name else str(image)
            return plain_tip(text) if role == Qt.ItemDataRole.ToolTipRole else text
        return None


class StripDelegate(QStyledItemDelegate):
    """Draws the picture, its class below it, and a frame if it is chosen."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the same size for all."""
        return QSize(SIDE + 2 * MARGIN, SIDE + 2 * MARGIN + option.fontMetrics.height())

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one image."""
        model = index.model()
        place = QRect(option.rect.x() + MARGIN, option.rect.y() + MARGIN, SIDE, SIDE)
        picture = index.data(Qt.ItemDataRole.DecorationRole)
        size = picture.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
        target = QRect(place.topLeft(), size)
        target.moveCenter(place.center())
        painter.save()
        smooth = picture.width() > target.width()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.drawImage(target, picture)
        chosen = isinstance(model, StripModel) and int(model.order[index.row()]) in model.chosen
        text = place.adjusted(0, SIDE, 0, option.fontMetrics.height() + 2)
        painter.setPen(theme.colour("text" if chosen else "muted"))
        name = QFontMetrics(option.font).elidedText(
            index.data(), Qt.TextElideMode.ElideRight, text.width()
        )
        painter.drawText(text, Qt.AlignmentFlag.AlignCenter, name)
        if chosen:
            painter.setPen(QPen(theme.colour("accent"), 3))
            painter.drawRect(place.adjusted(-1, -1, 1, 1))
        elif option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(theme.colour("muted"), 1, Qt.PenStyle.DotLine))
            painter.drawRect(place.adjusted(-1, -1, 1, 1))
        painter.restore()
