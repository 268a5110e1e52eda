"""The tab of mistakes: confusions of a network, and the images that it gets most wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QPixmap, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QListView,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from engine.specs import AttackSpec, ClassAccuracy, ImagesSpec, Measurement
from engine.store.index import Entry
from engine.texts import one_line, percent
from gui.look.plain import plain_tip
from gui.pages.attack.confusion import Confusion, name_of
from gui.pages.attack.form import AttackForm
from gui.pages.attack.mistakes import MATRICES, PREDICTED, Mistakes, mistakes_in, newest
from gui.pages.common.network_picker import NetworkPicker
from gui.session.files.network_report import report_network
from gui.session.workspace import Workspace
from gui.widgets.empty_state import EmptyState
from gui.widgets.forms.elided_combo import ElidedCombo
from gui.widgets.images.image_view import image_from, pixels_of
from gui.widgets.label import Label

IMAGES = 1000
SIDE = 72
UNMEASURED = (
    "Not measured yet: Measure by class classifies the {images} test images, as they are and under "
    "the attack at the left. Its confusions and the images that it gets most wrong are shown here."
)


class ByClassTab(QWidget):
    """Shows, for one of the chosen networks, its newest accuracy by class.

    Signals
    -------
    image_asked
        Takes the key of the network, the number of a test image, and the attack of the record.
    """

    image_asked = Signal(str, int, object)

    def __init__(
        self, workspace: Workspace, form: AttackForm, picker: NetworkPicker, parent: QWidget
    ):
        super().__init__(parent)
        self.workspace, self._form, self._picker = workspace, form, picker
        self._found: Mistakes | None = None
        self._stale = True
        self._build()
        self._build_layout()
        self._connect()
        self.refresh()

    # ------------------------------------------------------------------------------------ building

    def _build(self) -> None:
        self.network = ElidedCombo()
        self.network.setAccessibleName("Network")
        self.network.setToolTip("One of the networks that are checked at the left")
        self.which = QComboBox()
        self.which.addItems(list(MATRICES))
        self.which.setAccessibleName("Images")
        self.which.setToolTip("Confusions on images as they are, or on attacked ones")
        self.measure = QPushButton("Measure by class")
        self.measure.setProperty("role", "primary")
        self._say_count()
        self.workspace.images_changed.connect(self._say_count)
        self.report = QPushButton("Report…")
        self.report.setToolTip("Write all that the study knows about this network as a web page")
        self.note = Label(wordWrap=True)
        self.note.setProperty("role", "muted")
        self.selected = Label(wordWrap=True)
        self.selected.hide()
        self.confusion = Confusion()
        self.confusion.cellClicked.connect(self._select_cell)
        self.confusion.cellActivated.connect(self._select_cell)
        self.workspace.selection.changed.connect(self._count_selected)
        self.worst = QListWidget()
        self.worst.setAccessibleName("Images that the network gets most wrong")
        self.worst.setViewMode(QListView.ViewMode.IconMode)
        self.worst.setMovement(QListView.Movement.Static)
        self.worst.setResizeMode(QListView.ResizeMode.Adjust)
        self.worst.setIconSize(QSize(SIDE, SIDE))
        self.worst.setGridSize(QSize(SIDE + 40, SIDE + self.fontMetrics().height() + 14))
        self.worst.setUniformItemSizes(True)

    @Slot()
    def _say_count(self) -> None:
        self.measure.setToolTip(
            plain_tip(
                f"Classify the {self._count()} test images as they are and under the attack at the "
                "left, and keep the result"
            )
        )
        if self._found is None and self.key:
            self._show(None)

    def _count(self) -> str:
        """Say how many images are measured: no more than there are."""
        found = self.workspace.image_set
        there = IMAGES if found is None else len(found.test_images)
        return f"first {IMAGES:,}" if there > IMAGES else f"{there:,}"

    def _build_layout(self) -> None:
        bar = QHBoxLayout()
        bar.setSpacing(8)
        bar.addWidget(self.network, 1)
        for widget in (self.which, self.measure, self.report):
            bar.addWidget(widget)
        left, right = QVBoxLayout(), QVBoxLayout()
        axes = "Rows: true class. Columns: predicted class. A click selects the images."
        parts: tuple[tuple[QVBoxLayout, str, QWidget], ...] = (
            (left, axes, self.confusion),
            (right, "Most wrong first; click to attack", self.worst),
        )
        for column, text, part in parts:
            heading = Label(text, wordWrap=True)
            heading.setProperty("role", "muted")
            column.setSpacing(4)
            column.addWidget(heading)
            column.addWidget(part, 1)
        self.empty = EmptyState()
        self.empty.introduce("attack", "Which classes a network confuses")
        measured = QWidget()
        both = QHBoxLayout(measured)
        both.setContentsMargins(0, 0, 0, 0)
        both.setSpacing(16)
        both.addLayout(left, 3)
        both.addLayout(right, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(bar)
        layout.addWidget(self.note)
        layout.addWidget(self.selected)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(measured)
        layout.addWidget(self.stack, 1)

    def _connect(self) -> None:
        workspace = self.workspace
        self._picker.changed.connect(self.refresh)
        self._form.changed.connect(self._show_buttons)
        workspace.record_added.connect(self._on_record)
        workspace.records_changed.connect(self.refresh)
        workspace.study_changed.connect(self.refresh)
        self.network.currentIndexChanged.connect(self._read)
        self.which.currentIndexChanged.connect(self._show_matrix)
        self.measure.clicked.connect(self.ask)
        self.report.clicked.connect(self._report)
        self.worst.itemClicked.connect(self._lead)
        self.worst.itemActivated.connect(self._lead)

    # -------------------------------------------------------------------------------------- public

    @property
    def key(self) -> str:
        """Key of the network that is shown; "" if none is."""
        return str(self.network.currentData() or "")

    def specs(self) -> list[Measurement]:
        """Return what the button measures: the network that is shown, under the form's attack."""
        attack = self._form.spec()
        return [
            Measurement(
                classifier=network.spec, metric=ClassAccuracy(attack=attack), test_images=IMAGES
            )
            for network in self._picker.networks
            if network.key == self.key and isinstance(attack, AttackSpec)
        ]

    @Slot()
    def ask(self) -> None:
        """Measure what the study does not hold yet."""
        self.workspace.run(self.specs())

    @Slot()
    def refresh(self) -> None:
        """List the chosen networks, and read the record of one; out of sight, once seen again."""
        self._stale = not self.isVisible()
        if self._stale:
            return
        before = self.key
        self.network.blockSignals(True)
        self.network.clear()
        for network in self._picker.networks:
            self.network.addItem(one_line(network.title), network.key)
        self.network.setCurrentIndex(max(0, self.network.findData(before)))
        self.network.blockSignals(False)
        self._read()

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what changed out of sight."""
        super().showEvent(event)
        if self._stale:
            self.refresh()

    # --------------------------------------------------------------------------------------- slots

    @Slot()
    def _read(self) -> None:
        """Read the newest record of the network on a lane."""
        self._show_buttons()
        study, key = self.workspace.study, self.key
        entry = None if study is None else newest(study, key)
        if study is None or entry is None:
            self._show(None)
            return

        def work(_: Any) -> Mistakes:
            return mistakes_in(study, entry)

        def done(found: Mistakes) -> None:
            if self.key == key:
                self._show(found)

        def failed(text: str) -> None:
            self._show(None)
            self.note.setText(text)
            self.empty.say(text, "")

        self.workspace.runner.ask("mistakes", work, done, failed)

    def _show(self, found: Mistakes | None) -> None:
        self._found = found
        self.worst.clear()
        self._show_matrix()
        self._count_selected()
        self.stack.setCurrentIndex(0 if found is None else 1)
        self.note.setVisible(found is not None)
        if found is None:
            unmeasured = UNMEASURED.format(images=self._count())
            words = unmeasured if self.key else "Check a network at the left."
            self.note.setText(words)
            self.empty.say(words, "")
            return
        numbers = found.numbers
        self.note.setText(
            f"{int(numbers['test_images']):,} test images: {percent(numbers['accuracy'])} right, "
            f"{percent(numbers['attacked_accuracy'])} under {found.attack.title}; "
            f"of the worst class {percent(numbers['worst_class_accuracy'])} and "
            f"{percent(numbers['worst_attacked_class_accuracy'])}."
            + self._left_out(len(found.arrays["confusion"]))
        )
        self._show_worst(found)

    @Slot(int, int)
    def _select_cell(self, row: int, column: int) -> None:
        """Select the images of a cell, for all pages."""
        found = self._found
        if found is None or not self._is_open(found):
            return
        which = PREDICTED[self.which.currentText()]
        truth, taken = (np.asarray(found.arrays[name]) for name in ("labels", which))
        under = ", attacked," if which != "predicted" else ""
        names = [one_line(name_of(found.names, label)) for label in (row, column)]
        title = one_line(found.measurement.classifier.title)
        words = f"of {names[0]}{under} that {title} takes for {names[1]}"
        self.workspace.selection.choose(
            np.flatnonzero((truth == row) & (taken == column)).tolist(), words
        )

    @Slot()
    def _count_selected(self) -> None:
        """Say how many of the selected images the network gets right."""
        found, chosen = self._found, np.array(self.workspace.selection.indices, dtype=np.intp)
        words = ""
        if found is not None and len(chosen) and self._is_open(found):
            truth = np.asarray(found.arrays["labels"])
            known = chosen[chosen < len(truth)]
            right, stands = (
                int((truth[known] == np.asarray(found.arrays[name])[known]).sum())
                for name in PREDICTED.values()
            )
            words = (
                f"Of the {len(known):,} selected that were measured: {right:,} right, {stands:,} "
                "under attack."
            )
        self.selected.setText(words)
        self.selected.setVisible(bool(words))

    def _is_open(self, found: Mistakes) -> bool:
        """Whether the open images are the measured ones, in the same order.

        Images without a label are not measured, and would shift the numbers.
        """
        spec, image_set = found.measurement.classifier.images, self.workspace.image_set
        if spec != self.workspace.images or image_set is None or "labels" not in found.arrays:
            return False
        labels = image_set.test_labels[: len(found.arrays["labels"])]
        return np.array_equal(labels, np.asarray(found.arrays["labels"]))

    def _left_out(self, count: int) -> str:
        shown = self.confusion.rowCount()
        return "" if shown == count else f" Below are the first {shown:,} of {count:,} classes."

    def _show_worst(self, found: Mistakes) -> None:
        arrays = found.arrays
        for place, pixels in enumerate(arrays["worst/images"]):
            true, taken, index = (
                int(arrays[f"worst/{name}"][place]) for name in ("labels", "predicted", "indices")
            )
            words = f"{name_of(found.names, true)} → {name_of(found.names, taken)}"
            drawn = QPixmap.fromImage(image_from(pixels_of(pixels)))
            item = QListWidgetItem(
                drawn.scaled(SIDE, SIDE, Qt.AspectRatioMode.KeepAspectRatio), one_line(words)
            )
            item.setToolTip(plain_tip(f"Image {index}: {words}"))
            item.setData(Qt.ItemDataRole.UserRole, index)
            self.worst.addItem(item)

    @Slot()
    def _show_matrix(self) -> None:
        found = self._found
        if found is None:
            self.confusion.show_matrix(np.zeros((0, 0), np.int64), ())
            return
        matrix = np.asarray(found.arrays[MATRICES[self.which.currentText()]], np.int64)
        self.confusion.show_matrix(matrix, [one_line(name) for name in found.names])

    @Slot(QListWidgetItem)
    def _lead(self, item: QListWidgetItem) -> None:
        """Lead to an image, if the images of the network are the ones that are open."""
        if self._found is None:
            return
        spec = self._found.measurement
        images: ImagesSpec = spec.classifier.images
        if images != self.workspace.images:
            text = f"These are images of {one_line(images.title)}: open them on the page Data."
            self.workspace.message.emit(text, False)
            return
        index = int(item.data(Qt.ItemDataRole.UserRole))
        self.image_asked.emit(spec.classifier.key, index, self._found.attack)

    @Slot()
    def _show_buttons(self) -> None:
        self.measure.setEnabled(bool(self.specs()))
        self.report.setEnabled(bool(self.key))

    @Slot()
    def _report(self) -> None:
        report_network(self, self.workspace, self.key)

    @Slot(object)
    def _on_record(self, entry: Entry) -> None:
        if entry.kind == Measurement.kind:
            self.refresh()
