"""A browser for an image set, with filters by part and class, and the skipped files."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QPlainTextEdit,
    QPushButton,
    QTabWidget,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from engine.data.image_set import PARTS
from gui.look.plain import plain_tip
from gui.widgets.forms.elided_combo import ElidedCombo
from gui.widgets.forms.remembered import transient
from gui.widgets.images.image_strip import CLASS_LETTERS
from gui.widgets.images.skipped import SkippedModel
from gui.widgets.images.thumbnails import ThumbnailGrid
from gui.widgets.label import Label
from gui.widgets.table_names import name_table

if TYPE_CHECKING:
    from engine.data.image_set import ImageSet

ALL = -1
PART_LETTERS = 6  # that the list of parts is wide at least
MOST_LIST = 170  # pixels of the lists of classes and orders, so that the list of parts is whole
ORDER_LETTERS = 14  # that the list of orders is wide at least; the open list shows whole texts
UNLABELLED = -2
NO_IMAGES = (
    "No images yet: drop a folder anywhere on the window, or choose a source at the left and press "
    "Show."
)
NO_PICK = "Select for all pages"
OF_TEST = "Attack and Maps are of test images: show that part, and mark some with Ctrl or Shift"


class ImageBrowser(QTabWidget):
    """Shows an image set in two tabs: the images, and the report of reading them.

    Signals
    -------
    order_asked
        Takes what :meth:`offer_orders` was given for the order that the user chose, or None for
        that of the set.
    picked
        Takes the numbers of the test images that are to be the ones spoken of elsewhere.
    """

    order_asked = Signal(object)
    picked = Signal(list)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        transient(self)
        self._set: ImageSet | None = None
        self._ranks: NDArray[np.floating] | None = None
        self._rank_name = ""
        self._order: NDArray[np.intp] = np.zeros(0, np.intp)
        self.addTab(self._build_images(), "Images")
        self.addTab(self._build_report(), "Left out")
        self.show_set(None)

    # ------------------------------------------------------------------------------------- public

    def show_set(self, image_set: ImageSet | None) -> None:
        """Show a set; None shows that there is none."""
        self._set, self._ranks = image_set, None
        skipped = image_set.skipped if image_set is not None else ()
        notes = image_set.notes if image_set is not None else ()
        self.skipped.show_skipped(skipped)
        self.notes.setPlainText("\n".join(notes))
        self.notes.setVisible(bool(notes))
        self._left_out.setVisible(bool(skipped))
        self._nothing.setVisible(not skipped)
        count = len(skipped) + len(notes)
        name = "Left out and notes"
        self.setTabText(1, f"{name} ({count:,})" if count else name)
        self._fill_choices()
        self._show_images()

    def show_class(self, label: int) -> None:
        """Show only the images of a class; -1 shows all."""
        at = self.label.findData(label)
        self.label.setCurrentIndex(max(0, at))

    def offer_orders(self, orders: Sequence[tuple[str, Hashable]]) -> None:
        """Offer orders of the test images by their texts; a chosen one stays if it is there."""
        before = self.order.currentData()
        self.order.blockSignals(True)
        self.order.clear()
        self.order.addItem("In order", None)
        for text, what in orders:
            self.order.addItem(text, what)
        data = [self.order.itemData(row) for row in range(self.order.count())]
        self.order.setCurrentIndex(data.index(before) if before in data else 0)
        self.order.blockSignals(False)
        if self.order.currentData() != before:
            self._ask_order()
        self._show_images()

    def show_ranks(self, ranks: NDArray[np.floating] | None, name: str = "") -> None:
        """Show the test images by rank.

        Parameters
        ----------
        ranks
            (n,) of the first n test images; the smallest comes first, NaN and the images after
            those last. None shows them in the order of the set.
        name
            What a rank is, for the tooltips of the images.
        """
        self._ranks, self._rank_name = ranks, name
        self._show_images()

    # ----------------------------------------------------------------------------------- building

    def _build_images(self) -> QWidget:
        self.part = ElidedCombo()
        self.part.setMinimumContentsLength(PART_LETTERS)
        self.part.setAccessibleName("Part")
        self.part.setToolTip("Which part of the images is shown")
        self.label = ElidedCombo()
        self.label.setMinimumContentsLength(CLASS_LETTERS)
        self.label.setAccessibleName("Class")
        self.label.setToolTip("Which class is shown")
        self.order = ElidedCombo()
        self.order.setMinimumContentsLength(ORDER_LETTERS)
        self.order.setAccessibleName("Order")
        self.order.setToolTip(
            plain_tip(
                "The order of the test images: as in the set, or by what the study's records say "
                "of them (page Attack, tabs Metrics and By class)"
            )
        )
        for combo in (self.label, self.order):
            combo.setMaximumWidth(MOST_LIST)
        for combo in (self.part, self.label, self.order):
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.shown_count = Label()
        self.shown_count.setProperty("role", "muted")
        self.pick = QPushButton(NO_PICK)
        self.pick.clicked.connect(lambda: self.picked.emit(self._numbers()))
        row = QHBoxLayout()
        row.setSpacing(4)
        for widget in (self.part, self.label, self.order, self.shown_count):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self.pick)
        self.grid = ThumbnailGrid()
        self.grid.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.grid.selectionModel().selectionChanged.connect(self._show_pick)
        self.empty = Label()
        self.empty.setProperty("role", "muted")
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(row)
        layout.addWidget(self.grid, 1)
        layout.addWidget(self.empty, 1)
        self.part.currentIndexChanged.connect(self._show_images)
        self.label.currentIndexChanged.connect(self._show_images)
        self.order.currentIndexChanged.connect(self._ask_order)
        return page

    def _build_report(self) -> QWidget:
        self.notes = QPlainTextEdit()
        self.notes.setReadOnly(True)
        self.notes.setMaximumHeight(140)
        self.notes.setAccessibleName("Notes")
        self.skipped = SkippedModel(self)
        self._left_out = QTreeView()
        self._left_out.setModel(self.skipped)
        self._left_out.setRootIsDecorated(False)
        self._left_out.setUniformRowHeights(True)
        self._left_out.setAlternatingRowColors(True)
        name_table(self._left_out, "Files that were left out")
        self._left_out.header().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self._nothing = Label("No file was left out.")
        self._nothing.setProperty("role", "muted")
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.notes)
        layout.addWidget(self._nothing)
        layout.addWidget(self._left_out, 1)
        layout.addStretch()
        return page

    # ------------------------------------------------------------------------------------ showing

    def _fill_choices(self) -> None:
        for combo in (self.part, self.label):
            combo.blockSignals(True)
            combo.clear()
        if self._set is not None:
            parts = (
                ("Test images", "test", len(self._set.test_images)),
                ("Validation images", "validation", len(self._set.validation_images)),
                ("Training images", "train", len(self._set.train_images)),
            )
            for text, part, count in parts:
                if count:
                    self.part.addItem(f"{text} ({count:,})", part)
            self.label.addItem("All classes", ALL)
            for label, name in enumerate(self._set.classes):
                self.label.addItem(name, label)
            labels = [getattr(self._set, f"{part}_labels") for part in PARTS]
            if self._set.classes and any((part < 0).any() for part in labels):
                self.label.addItem("Without class", UNLABELLED)
        for combo in (self.part, self.label):
            combo.blockSignals(False)
            combo.setEnabled(combo.count() > 1)

    @Slot()
    def _show_images(self) -> None:
        image_set = self._set
        pictures = image_set is not None and image_set.shape[1:] != (1, 1)
        for combo in (self.part, self.label):
            combo.setVisible(image_set is not None)
        self.pick.setVisible(pictures)
        self.grid.setVisible(pictures)
        self.empty.setVisible(not pictures)
        part = self.part.currentData() or "test"
        self.order.setVisible(pictures and part == "test" and self.order.count() > 1)
        self.empty.setText(
            NO_IMAGES if image_set is None else "These are points of the plane, not pictures."
        )
        if image_set is None:
            self.shown_count.clear()
            return
        images, labels, files = (
            getattr(image_set, f"{part}_{what}") for what in ("images", "labels", "files")
        )
        wanted = self.label.currentData()
        shown = np.ones(len(labels), bool)
        if wanted not in (None, ALL):
            shown = labels < 0 if wanted == UNLABELLED else labels == wanted
        order = np.flatnonzero(shown)
        ranks = self._ranks_of(len(labels)) if part == "test" else None
        if ranks is not None:
            order = order[np.argsort(ranks[order], kind="stable")]  # NaN comes last
        self.shown_count.setText(f"{len(order):,} shown")
        self.grid.images.show_images(
            images,
            labels,
            order,
            names=image_set.classes,
            files=files,
            ranks=ranks,
            rank_name=self._rank_name,
        )
        self.grid.scrollToTop()
        self._order = order
        self._show_pick()

    def _ranks_of(self, count: int) -> NDArray[np.floating] | None:
        """Return a rank for each of the test images."""
        if self._ranks is None:
            return None
        ranks = np.full(count, np.nan)
        known = self._ranks[:count]
        ranks[: len(known)] = known
        return ranks

    @Slot()
    def _ask_order(self) -> None:
        self._ranks = None
        self._show_images()
        self.order_asked.emit(self.order.currentData())

    def _numbers(self) -> list[int]:
        """Return the numbers of the marked images in their part."""
        rows = sorted(index.row() for index in self.grid.selectionModel().selectedIndexes())
        return [int(self._order[row]) for row in rows]

    @Slot()
    def _show_pick(self) -> None:
        able = bool(self._numbers()) and self.part.currentData() == "test"
        count = len(self._numbers())
        self.pick.setEnabled(able)
        self.pick.setText(f"Select {count:,} for all pages" if able else NO_PICK)
        tip = "Attack, Maps and By class then speak of these images only" if able else OF_TEST
        self.pick.setToolTip(plain_tip(tip))
