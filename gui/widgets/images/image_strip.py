"""A horizontal strip of the images of a set, for choosing one or several."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QModelIndex,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QListView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.look import theme
from gui.look.plain import plain_tip
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.forms.elided_combo import ElidedCombo
from gui.widgets.forms.remembered import transient
from gui.widgets.images.strip_model import MARGIN, SIDE, Images, StripDelegate, StripModel

BATCH = 100_000  # about 3 ms; one that is not laid out yet cannot be scrolled to
CLASS_LETTERS = 12  # that a list of classes is wide; classes may have any names


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
    add_asked = Signal()

    def __init__(self, most: int = 1, parent: QWidget | None = None):
        super().__init__(parent)
        self.most = most
        self._model = StripModel(self)
        self._clicking = False
        self._ranks: NDArray[np.floating] | None = None
        self._only: NDArray[np.intp] | None = None
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
        self,
        images: Images,
        labels: NDArray[np.int64],
        classes: Sequence[str],
        names: Mapping[int, str] | None = None,
    ) -> None:
        """Show another set; chosen images stay chosen if they still exist.

        Parameters
        ----------
        images
            (N, C, H, W) uint8, or float32 in [0, 1]; or what has a length and images by number.
        labels
            (N,) int64, -1 for an image without a label.
        classes
            Names of the classes; empty if nothing is labelled.
        names
            Names of images that have their own; these come first.
        """
        self._fill_classes(classes)
        self._model.chosen = [index for index in self._model.chosen if index < len(images)]
        if not self._model.chosen and len(images):
            self._model.chosen = [0]
        self._model.hold(images, labels, classes, names or {})
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

    def narrow(self, indices: Sequence[int] | None) -> None:
        """Show these images only, beside those with names of their own; None shows all."""
        self._only = None if indices is None else np.array(indices, dtype=np.intp)
        self._filter()

    def choose(self, indices: Sequence[int]) -> None:
        """Choose exactly these images, up to the limit, skipping any that do not exist."""
        kept = [index for index in dict.fromkeys(indices) if 0 <= index < len(self._model.labels)]
        self._set_chosen(kept[: self.most])

    def remembered(self) -> list[int]:
        """Return the chosen images of the set itself; added ones are not there next time."""
        return [index for index in self._model.chosen if index not in self._model.names]

    def recall(self, indices: Sequence[int]) -> None:
        """Choose these images; those at first if there is none, as all were added ones."""
        if indices:
            self.choose([int(index) for index in indices])

    def lead_to(self, indices: Sequence[int]) -> None:
        """Choose these images, after showing those of all classes."""
        self.classes.setCurrentIndex(0)
        self.choose(indices)

    def offer_adding(self, tip: str) -> QToolButton:
        """Add and return a button that asks for more images."""
        return self._add_button("Add images…", tip, self.add_asked)

    # ------------------------------------------------------------------------------------ building

    def _build_view(self) -> None:
        self.view = _View(self)
        self.view.setModel(self._model)
        self.view.setItemDelegate(StripDelegate(self.view))
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
        self.classes = ElidedCombo()
        self.classes.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.classes.setMinimumContentsLength(CLASS_LETTERS)
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
        transient(self.classes, self.order)
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
        own = np.array(sorted(self._model.names), dtype=np.intp)
        order = np.concatenate([own, np.setdiff1d(np.arange(len(self._model.labels)), own)])
        if label is not None and label >= 0:
            order = np.flatnonzero(self._model.labels == label)
        if self._only is not None:
            order = order[np.isin(order, np.concatenate([own, self._only]))]
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
        chosen = f"image {self._model.chosen[0]}" if self._model.chosen else "none"
        return f"{chosen} chosen, {shown:,} shown"

    @Slot()
    def _redraw(self) -> None:
        self.view.viewport().update()
