"""A horizontal strip of the images of a set, for choosing one or several."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.look import theme
from gui.look.plain import plain_tip
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.images.image_view import image_from, pixels_of

SIDE = 56
MARGIN = 4
BATCH = 10_000

Index = QModelIndex | QPersistentModelIndex


class _Images(QAbstractListModel):
    """List model of the images that pass the filter, with their indices in the whole set."""

    def __init__(self, parent: QWidget):
        super().__init__(parent)
        self.images: NDArray[Any] = np.zeros((0, 1, 1, 1), np.uint8)
        self.labels: NDArray[np.int64] = np.zeros(0, np.int64)
        self.classes: Sequence[str] = ()
        self.order: NDArray[np.intp] = np.zeros(0, np.intp)
        self.chosen: list[int] = []

    def hold(self, images: NDArray[Any], labels: NDArray[np.int64], classes: Sequence[str]) -> None:
        """Replace the images; show none until :meth:`show` is called."""
        self.beginResetModel()
        self.images, self.labels, self.classes = images, labels, classes
        self.order = np.zeros(0, np.intp)
        self.endResetModel()

    def show(self, order: NDArray[np.intp]) -> None:
        """Show the images with these indices, in this order."""
        self.beginResetModel()
        self.order = order
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        """Return the number of images that pass."""
        return 0 if parent is not None and parent.isValid() else len(self.order)

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
        label = int(self.labels[image])
        name = self.classes[label] if 0 <= label < len(self.classes) else ""
        if role == Qt.ItemDataRole.DisplayRole:
            return name
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            text = f"{image}: {name}" if name else str(image)
            return plain_tip(text) if role == Qt.ItemDataRole.ToolTipRole else text
        return None


class _Delegate(QStyledItemDelegate):
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
        chosen = isinstance(model, _Images) and int(model.order[index.row()]) in model.chosen
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


class _View(QListView):
    """One row of uniform items; the Return and Space keys choose the current one."""

    asked = Signal(int)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose the current image, or pass the key to the list view."""
        keys = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
        if event.key() in keys and self.currentIndex().isValid():
            self.asked.emit(self.currentIndex().row())
        else:
            super().keyPressEvent(event)


class ImageStrip(QWidget):
    """Shows the images of a set, drawing only the visible ones, and stores which are chosen.

    Parameters
    ----------
    most
        How many images may be chosen. With 1, moving through the strip chooses. With more, a click
        or the space bar toggles an image; beyond the limit, the one chosen first is dropped.
    """

    changed = Signal()

    def __init__(self, most: int = 1, parent: QWidget | None = None):
        super().__init__(parent)
        self.most = most
        self._model = _Images(self)
        self._clicking = False
        self._ranks: NDArray[np.floating] | None = None
        self._build_view()
        self._build_bar()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(self._bar)
        layout.addWidget(self.view)
        theme.signals.changed.connect(self._redraw)

    @property
    def chosen(self) -> tuple[int, ...]:
        """Indices of the chosen images in the whole set, in the order of choosing."""
        return tuple(self._model.chosen)

    def set_images(
        self, images: NDArray[Any], labels: NDArray[np.int64], classes: Sequence[str]
    ) -> None:
        """Show another set; chosen images stay chosen if they still exist.

        Parameters
        ----------
        images
            (N, C, H, W) uint8, or float32 in [0, 1].
        labels
            (N,) int64, -1 for an image without a label.
        classes
            Names of the classes; empty if nothing is labelled.
        """
        self._fill_classes(classes)
        self._model.chosen = [index for index in self._model.chosen if index < len(images)]
        if not self._model.chosen and len(images):
            self._model.chosen = [0]
        self._model.hold(images, labels, classes)
        self._filter()
        self.changed.emit()

    def set_ranks(self, ranks: NDArray[np.floating] | None, name: str = "") -> None:
        """Offer another order of the images than that of the set, or none.

        Parameters
        ----------
        ranks
            (n,) of the first n images of the set; the smallest comes first, NaN and the images
            after those last.
        name
            What the order is called.
        """
        self._ranks = ranks
        self.order.setItemText(1, name)
        self.order.setVisible(ranks is not None)
        if self.order.currentIndex():
            self._filter() if ranks is not None else self.order.setCurrentIndex(0)

    def choose(self, indices: Sequence[int]) -> None:
        """Choose exactly these images, up to the limit, skipping any that do not exist."""
        kept = [index for index in dict.fromkeys(indices) if 0 <= index < len(self._model.labels)]
        self._set_chosen(kept[: self.most])

    # ------------------------------------------------------------------------------------ building

    def _build_view(self) -> None:
        self.view = _View(self)
        self.view.setModel(self._model)
        self.view.setItemDelegate(_Delegate(self.view))
        self.view.setFlow(QListView.Flow.LeftToRight)
        self.view.setUniformItemSizes(True)
        # Lay out the items in batches, so that very many images do not block the window.
        self.view.setLayoutMode(QListView.LayoutMode.Batched)
        self.view.setBatchSize(BATCH)
        self.view.setHorizontalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.view.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.view.setSelectionMode(QListView.SelectionMode.NoSelection)
        self.view.setAccessibleName("Images")
        high = SIDE + 2 * MARGIN + self.view.fontMetrics().height() + 2
        self.view.setFixedHeight(high + self.view.horizontalScrollBar().sizeHint().height())
        self.view.clicked.connect(self._clicked)
        self.view.asked.connect(self._ask_row)
        if self.most == 1:
            self.view.selectionModel().currentChanged.connect(self._moved)

    def _build_bar(self) -> None:
        self.classes = QComboBox()
        self.classes.setToolTip("Show the images of one class only")
        self.classes.setAccessibleName("Class")
        self.classes.currentIndexChanged.connect(self._filter)
        self.order = QComboBox()
        self.order.setToolTip("The order of the images")
        self.order.setAccessibleName("Order")
        self.order.addItems(["In order", ""])
        self.order.hide()
        self.order.currentIndexChanged.connect(self._filter)
        self.summary = ElidedLabel(colour="muted")
        self._bar = QHBoxLayout()
        self._bar.setSpacing(8)
        self._bar.addWidget(self.classes)
        self._bar.addWidget(self.order)
        if self.most == 1:
            self._add_button("Previous", "Previous image", lambda: self._step(-1))
            self._add_button("Next", "Next image", lambda: self._step(1))
        else:
            tip = "Choose the first image of every class"
            self.one_each = self._add_button("One per class", tip, lambda: self.choose_one_each())
        self.random = self._add_button(
            "Random",
            "Choose at random among the images shown",
            self.choose_random,
        )
        self._bar.addWidget(self.summary, 1)

    def _add_button(self, text: str, tip: str, action: Any) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(plain_tip(tip))
        button.clicked.connect(action)
        self._bar.addWidget(button)
        return button

    def _fill_classes(self, classes: Sequence[str]) -> None:
        self.classes.blockSignals(True)
        self.classes.clear()
        self.classes.addItem("All classes", -1)
        for label, name in enumerate(classes):
            self.classes.addItem(name, label)
        self.classes.setVisible(bool(classes))
        if self.most > 1:
            self.one_each.setVisible(bool(classes))
        self.classes.blockSignals(False)

    # ------------------------------------------------------------------------------------ choosing

    @Slot()
    def choose_random(self) -> None:
        """Choose random images that pass the filter, as many as the limit allows."""
        order = self._model.order
        if len(order):
            found = random.sample(range(len(order)), min(self.most, len(order)))
            self._set_chosen([int(order[row]) for row in found])

    @Slot()
    def _one_each(self) -> None:
        self.choose_one_each()

    def choose_one_each(self, most: int | None = None) -> None:
        """Choose the first image of each class, for at most ``most`` classes."""
        present = sorted({int(label) for label in self._model.labels if label >= 0})[
            : most or self.most
        ]
        self._set_chosen([int(np.argmax(self._model.labels == label)) for label in present])

    @Slot(QModelIndex)
    def _clicked(self, index: QModelIndex) -> None:
        self._ask_row(index.row())

    @Slot(int)
    def _ask_row(self, row: int) -> None:
        image, chosen = int(self._model.order[row]), self._model.chosen
        others = [index for index in chosen if index != image]
        self._clicking = self.most > 1  # the clicked image is visible: do not scroll
        if self.most == 1 or (image in chosen and not others):
            self._set_chosen([image])
        else:
            self._set_chosen(others if image in chosen else [*chosen, image][-self.most :])
        self._clicking = False

    @Slot(QModelIndex, QModelIndex)
    def _moved(self, current: QModelIndex, _: QModelIndex) -> None:
        if current.isValid():
            self._set_chosen([int(self._model.order[current.row()])])

    def _step(self, by: int) -> None:
        order = self._model.order
        if not len(order):
            return
        row = self._model.row_of(self._model.chosen[0]) if self._model.chosen else -1
        self._set_chosen([int(order[(row + by) % len(order)])])

    def _set_chosen(self, chosen: list[int]) -> None:
        if chosen == self._model.chosen:
            return
        self._model.chosen = chosen
        self._show_chosen()
        self.changed.emit()

    # ------------------------------------------------------------------------------------- showing

    @Slot()
    def _filter(self) -> None:
        label = self.classes.currentData()
        order = np.arange(len(self._model.labels))
        if label is not None and label >= 0:
            order = np.flatnonzero(self._model.labels == label)
        if self._ranks is not None and self.order.currentIndex():
            ranks = np.full(len(self._model.labels), np.inf)
            known = np.nan_to_num(self._ranks[: len(ranks)], nan=np.inf)
            ranks[: len(known)] = known
            order = order[np.argsort(ranks[order], kind="stable")]
        self._model.show(order)
        self._show_chosen()

    def _show_chosen(self) -> None:
        chosen = self._model.chosen
        row = self._model.row_of(chosen[0]) if chosen else -1
        if row >= 0 and not self._clicking:
            index = self._model.index(row)
            self.view.selectionModel().blockSignals(True)
            self.view.setCurrentIndex(index)
            self.view.selectionModel().blockSignals(False)
            self.view.scrollTo(index)
        self.summary.set_text(self._summary())
        self._redraw()

    def _summary(self) -> str:
        shown = len(self._model.order)
        if self.most > 1:
            return f"{len(self._model.chosen)} of at most {self.most} chosen, {shown:,} shown"
        chosen = self._model.chosen[0] if self._model.chosen else "-"
        return f"image {chosen} of {shown:,} shown"

    @Slot()
    def _redraw(self) -> None:
        self.view.viewport().update()
