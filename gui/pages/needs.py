"""What a page shows while there is nothing to show: what is missing, and the way there."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from gui.widgets.network_picker import NetworkPicker
from gui.workspace import Workspace


class NeedsNetwork(QStackedWidget):
    """Shows a page's content once there are images and a network, and until then a sentence.

    Signals
    -------
    go_to
        Takes the title of the page where what is missing can be made.
    """

    go_to = Signal(str)

    def __init__(self, content: QWidget, workspace: Workspace, picker: NetworkPicker):
        super().__init__()
        self._workspace = workspace
        self._picker = picker
        self._way = ""
        self.sentence = QLabel()
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.sentence.setWordWrap(True)
        self.lead = QPushButton()
        self.lead.setProperty("role", "primary")
        self.lead.clicked.connect(self._go)
        empty = QWidget()
        column = QVBoxLayout(empty)
        column.setSpacing(12)
        column.addStretch(1)
        column.addWidget(self.sentence)
        column.addWidget(self.lead, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(2)
        self.addWidget(empty)
        self.addWidget(content)
        self.refresh()

    @property
    def met(self) -> bool:
        """Whether the content is shown."""
        return self.currentIndex() == 1

    @Slot()
    def refresh(self) -> None:
        """Look again at what there is."""
        workspace = self._workspace
        if workspace.images is None:
            self._say(self.tr("Choose images first."), self.tr("Choose images"), "Data")
        elif workspace.image_set is None:
            self._say(self.tr("The images are being loaded."), "", "")
        else:
            text = self.tr("There is no network for these images yet: train one first.")
            self._say(text, self.tr("Train a network"), "Train")
        ready = workspace.image_set is not None and self._picker.available > 0
        self.setCurrentIndex(1 if ready else 0)

    def _say(self, text: str, lead: str, way: str) -> None:
        self.sentence.setText(text)
        self.lead.setText(lead)
        self.lead.setVisible(bool(lead))
        self._way = way

    @Slot()
    def _go(self) -> None:
        self.go_to.emit(self._way)
