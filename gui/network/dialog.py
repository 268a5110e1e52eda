"""The dialog that shows which network a weights file holds, and lets that be corrected."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeySequence,
    QShortcut,
)
from PySide6.QtWidgets import (
    QComboBox,
    QDialogButtonBox,
    QHBoxLayout,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from engine.specs import ImagesSpec, NetworkSpec, StoredImages
from gui.look.keys import with_key
from gui.network.accuracies import AccuracyTable
from gui.network.corrections import Corrections
from gui.network.search import Search
from gui.session import dropping
from gui.session.workspace import Workspace
from gui.widgets.dialog import Dialog
from gui.widgets.forms.spec_form import SpecForm
from gui.widgets.label import Label

STEPS = 1000
WIDTH = 620
DETAIL_LINES = 4
SHOWN_NAMES = 200
NO_IMAGES = (
    "Choose images first, or drop them here: the network is then measured on them. This window "
    "waits."
)


class NetworkDialog(Dialog):
    """Shows what was found in a weights file, the accuracies, and what can be corrected.

    It does not block the window: images can be chosen while it is open.

    Signals
    -------
    settled
        Nothing is being read or measured any more.
    """

    settled = Signal()

    def __init__(self, path: Path, workspace: Workspace, parent: QWidget | None = None):
        super().__init__(parent)
        self.path = path
        self._workspace = workspace
        self.search = Search(path, workspace, self)
        self._images: ImagesSpec | None = None
        self._corrections, self._before = Corrections(), list[Corrections]()
        self.setWindowTitle("Open network")
        self.setMinimumWidth(WIDTH)
        self.setAcceptDrops(True)
        self._build_facts()
        self._build_table()
        self._build_details()
        self._build_buttons()
        self._lay_out()
        self.search.found_changed.connect(self._on_found)
        self.search.decided.connect(self._on_decided)
        self.search.progressed.connect(self._on_progress)
        workspace.images_changed.connect(self._on_images)
        workspace.study_changed.connect(self._on_images)
        self._find()

    # ----------------------------------------------------------------------------------- building

    def _build_facts(self) -> None:
        self.heading = Label(f"Reading {self.path.name}…", wordWrap=True)
        self.facts = Label("", wordWrap=True)
        self.places = QComboBox()
        self.places.setAccessibleName("Weights in the file")
        self.places.activated.connect(self._on_place)
        self.places_label = Label("Weights in the file", wordWrap=True)
        self.other = QPushButton("Another architecture…")
        self.other.setCheckable(True)
        self.other.setToolTip("Name the architecture yourself, if another one was found")
        self.form = SpecForm(NetworkSpec, self, exclude=("normalization", "mean", "std"))
        self.form.hide()
        self.other.toggled.connect(self._on_other)
        self.form.changed.connect(self._on_form)
        self.back = QPushButton("Back")
        self.back.setToolTip(with_key("Take back the last correction", "undo"))
        self.back.clicked.connect(self.go_back)
        QShortcut(QKeySequence.StandardKey.Undo, self, self.go_back)

    def _build_table(self) -> None:
        self.measured = Label("", wordWrap=True)
        self.bar = QProgressBar()
        self.bar.setRange(0, STEPS)
        self.bar.setTextVisible(False)
        self.stop_button = QPushButton("Stop measuring")
        self.stop_button.clicked.connect(self._on_stop)
        self.table = AccuracyTable()
        self.table.chosen.connect(self._on_chosen)
        self.remarks = Label("", wordWrap=True)
        self.read_so = QPushButton("Read the images so")
        self.read_so.setToolTip(
            "Read the chosen images anew, in the size and colour that the network takes; all for "
            "tests if they are few"
        )
        self.read_so.clicked.connect(self._on_read_so)

    def _build_details(self) -> None:
        self.details = QPlainTextEdit()
        self.details.setReadOnly(True)
        self.details.setAccessibleName("Entries of the file")
        line = self.details.fontMetrics().lineSpacing()
        self.details.setFixedHeight(line * DETAIL_LINES + 12)

    def _build_buttons(self) -> None:
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.accept_button = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.accept_button.setText("Import")
        self.accept_button.setEnabled(False)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        place = QHBoxLayout()
        place.addWidget(self.places_label)
        place.addWidget(self.places, 1)
        progress = QHBoxLayout()
        progress.addWidget(self.bar, 1)
        progress.addWidget(self.stop_button)
        other = QHBoxLayout()
        other.addWidget(self.other)
        other.addWidget(self.read_so)
        other.addWidget(self.back)
        other.addStretch(1)
        for part in (self.heading, self.facts, place, other, self.form, self.measured, progress):
            layout.addLayout(part) if isinstance(part, QHBoxLayout) else layout.addWidget(part)
        lower: list[QWidget] = [self.table, self.remarks, self.details, self.buttons]
        for widget in lower:
            layout.addWidget(widget)
        hidden: list[QWidget] = [self.facts, self.places, self.places_label, self.other, self.bar]
        hidden += [self.stop_button, self.read_so, self.table, self.remarks, self.details]
        hidden += [self.back]
        for widget in hidden:
            widget.hide()
        # As long as nothing can be imported, the Enter key does nothing, in place of cancelling.
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)
        self.accept_button.setDefault(True)

    # ------------------------------------------------------------------------------------ finding

    def _find(self) -> None:
        self._images = self._workspace.images if self._workspace.image_set is not None else None
        self.heading.setText(f"Reading {self.path.name}…")
        self.table.show_decision(None)
        self._refresh()
        self.search.find(self._corrections.place, self._corrections.network)

    @Slot()
    def _on_images(self) -> None:
        """Find and measure anew when other images are there."""
        ready = self._workspace.image_set is not None
        if ready and self._workspace.images != self._images:
            self._corrections = replace(self._corrections, row=None)
            self._find()

    @Slot()
    def _on_place(self) -> None:
        if self.search.found is None or self.places.currentText() != self.search.found.place:
            self._correct(replace(self._corrections, place=self.places.currentText(), row=None))

    @Slot()
    def _on_form(self) -> None:
        network = self.form.spec() if self.other.isChecked() else None
        if isinstance(network, NetworkSpec) and network != self._corrections.network:
            self._correct(replace(self._corrections, network=network, row=None))

    @Slot(bool)
    def _on_other(self, named: bool) -> None:
        """Show the form, or take the architecture that was found again."""
        self.form.setVisible(named)
        if not named and self._corrections.network is not None:
            self._correct(replace(self._corrections, network=None, row=None))

    def _correct(self, corrections: Corrections) -> None:
        self._before.append(self._corrections)
        self._corrections = corrections
        self._find()

    @Slot()
    def go_back(self) -> None:
        """Take the last correction back."""
        if not self._before:
            return
        left, self._corrections = self._corrections, self._before.pop()
        network = self._corrections.network
        if network is not None:
            self.form.blockSignals(True)
            self.form.set_spec(network)
            self.form.blockSignals(False)
        self.other.setChecked(network is not None)
        if replace(left, row=None) != replace(self._corrections, row=None):
            self._find()
        else:
            self.table.show_decision(self.search.decision, self._corrections.row)
            self._refresh()

    @Slot()
    def _on_found(self) -> None:
        search, found = self.search, self.search.found
        if found is None:
            self.heading.setText(search.problem)
        else:
            self.heading.setText(f"{self.path.name} holds {found.network.title}.")
            self.facts.setText(self._facts())
            self.details.setPlainText(self._entries())
            if not self.other.isChecked():
                self.form.blockSignals(True)
                self.form.set_spec(found.network)
                self.form.blockSignals(False)
            self._show_places(found.places, found.place)
            search.measure()
        self._refresh()
        if not search.measuring:
            self.settled.emit()

    def _facts(self) -> str:
        found = self.search.found
        if found is None:
            return ""
        text = f"{found.parameters:,} parameters, {found.classes:,} classes"
        if found.normalizer is not None:
            text += ", a normaliser in the file"
        return text + "."

    def _show_places(self, places: tuple[str, ...], place: str) -> None:
        self.places.clear()
        self.places.addItems(list(places))
        self.places.setCurrentIndex(places.index(place))

    def _entries(self) -> str:
        """Return which entries were renamed and left out, a line each."""
        found = self.search.found
        if found is None:
            return ""
        lines = [f"{old} is {new}" for old, new in found.renamed]
        lines += [f"{name} is left out" for name in found.left_out]
        more = len(lines) - SHOWN_NAMES
        return "\n".join(lines[:SHOWN_NAMES] + ([f"and {more:,} more"] if more > 0 else []))

    # ---------------------------------------------------------------------------------- measuring

    @Slot(float, float)
    def _on_progress(self, share: float, seconds: float) -> None:
        self.bar.setValue(round(share * STEPS))
        left = f", about {seconds:.0f} s left" if share > 0 else ""
        self.measured.setText(f"Measuring the accuracy on {self._images_title()}{left}.")

    @Slot()
    def _on_decided(self) -> None:
        self.table.show_decision(self.search.decision, self._corrections.row)
        self._refresh()
        self.settled.emit()

    @Slot()
    def _on_stop(self) -> None:
        self.search.stop()
        self._refresh()
        self.settled.emit()

    @Slot()
    def _on_chosen(self) -> None:
        choice, decision = self.table.choice(), self.search.decision
        self.accept_button.setEnabled(choice is not None)
        if choice is None or decision is None:
            return
        row = None if choice is decision.proposed else self.table.names()
        if row != self._corrections.row:
            self._before.append(self._corrections)
            self._corrections = replace(self._corrections, row=row)
            self.back.show()

    @Slot()
    def _on_read_so(self) -> None:
        found, images, study = self.search.found, self._workspace.images, self._workspace.study
        if found is None or study is None or not isinstance(images, StoredImages):
            return
        options: dict[str, Any] = {
            "image_size": self.search.wished_side or found.shape[1],
            "channels": "grey" if found.shape[0] == 1 else "rgb",
        }
        if self.search.few_tests:
            options["test_fraction"] = 1.0
        self._workspace.importer.read_folder(study.locate(images.digest), options)

    def _images_title(self) -> str:
        return self._images.title if self._images is not None else ""

    def _refresh(self) -> None:
        """Show the parts that have something to say, and their words."""
        search = self.search
        known = search.found is not None
        self.facts.setVisible(known)
        self.other.setVisible(search.holds_weights)
        several = known and self.places.count() > 1
        self.places.setVisible(several)
        self.places_label.setVisible(several)
        self.bar.setVisible(search.measuring)
        self.stop_button.setVisible(search.measuring)
        self.table.setVisible(search.decision is not None)
        self.details.setVisible(known and bool(self._entries()))
        self.back.setVisible(bool(self._before))
        self.read_so.setVisible(
            bool(search.fault or search.wished_side or search.few_tests)
            and isinstance(self._workspace.images, StoredImages)
        )
        self.remarks.setText(" ".join(search.remarks) if known else "")
        self.remarks.setVisible(bool(self.remarks.text()))
        self.measured.setText(self._measured_words())
        self._on_chosen()

    def _measured_words(self) -> str:
        search = self.search
        if search.found is None:
            return ""
        if search.fault:
            return search.fault + "."
        if self._images is None:
            return NO_IMAGES
        if search.measuring:
            return f"Measuring the accuracy on {self._images_title()}."
        if search.decision is None:
            return search.problem or "Measuring was stopped: choose the images again to measure."
        return (
            f"Accuracy on {self._images_title()}. The best choice is proposed; another row can be "
            "chosen."
        )

    # ----------------------------------------------------------------------------------- dropping

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept files: who is asked to choose images drops them here, too."""
        if dropping.paths_of(event.mimeData()):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Accept them at every position: some desktops ask again on each move."""
        if dropping.paths_of(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Import what was dropped after the drop has ended, as the window does."""
        paths = dropping.paths_of(event.mimeData())
        if paths:
            event.acceptProposedAction()
            QTimer.singleShot(0, self, lambda: self._workspace.importer.take(paths))

    def done(self, result: int) -> None:
        """Stop reading and measuring when the dialog closes."""
        self.search.stop()
        super().done(result)

    def accept(self) -> None:
        """Import the network as the chosen row says."""
        choice, images = self.table.choice(), self._images
        if choice is None or images is None or images != self._workspace.images:
            return
        make, keep = self.search.spec_maker(choice, images), self.search.table_keeper(choice)
        super().accept()
        if make is not None:
            self._workspace.importer.add_weights(self.path, make, keep)
