"""Progress of reading images, and a button to cancel it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QPushButton, QWidget

from gui.session.importer import Importer
from gui.widgets.label import Label

STEPS = 1000


class ReadingStrip(QFrame):
    """Shows the progress of reading images; visible only meanwhile."""

    def __init__(self, importer: Importer, parent: QWidget):
        super().__init__(parent)
        self._importer = importer
        self.setProperty("role", "card")
        self.words = Label()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.stop = QPushButton("Cancel")
        self.stop.setToolTip("Stop reading; the present images stay")
        self.stop.clicked.connect(importer.cancel)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.setSpacing(12)
        layout.addWidget(self.words)
        layout.addWidget(self.bar, 1, Qt.AlignmentFlag.AlignVCenter)
        layout.addWidget(self.stop)
        importer.changed.connect(self.refresh)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Update the visibility, text and progress bar from the importer."""
        importer = self._importer
        self.setVisible(importer.busy)
        if not importer.total:
            self.words.setText(f"Reading {importer.name}…")
            self.bar.setRange(0, 0)
            return
        text = "Reading {name}: {done:,.0f} of {total:,.0f} files"
        self.words.setText(
            text.format(name=importer.name, done=importer.done, total=importer.total)
        )
        self.bar.setRange(0, STEPS)
        self.bar.setValue(int(STEPS * importer.done / importer.total))
