"""The line at the bottom of the window: messages, the open study, and what computes it."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QLabel, QStatusBar, QWidget

from gui.widgets.message_bar import MessageBar
from gui.workspace import Workspace


class StatusLine(QStatusBar):
    """Says what is open and what goes on, and holds the messages."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None):
        super().__init__(parent)
        self._workspace = workspace
        self.messages = MessageBar(self)
        self.study = QLabel()
        self.device = QLabel(self.tr("Loading the engine…"))
        self.device.setProperty("role", "muted")
        self.setSizeGripEnabled(False)
        self.setContentsMargins(0, 0, 12, 0)
        self.addWidget(self.messages, 1)
        self.addPermanentWidget(self.study)
        self.addPermanentWidget(self.device)
        workspace.message.connect(self.messages.say)
        workspace.study_changed.connect(self.refresh)
        workspace.runner.ready.connect(self.refresh)
        workspace.runner.broken.connect(self._on_broken)
        self._show_study()

    @Slot()
    def refresh(self) -> None:
        """Show the open study and its device."""
        self._show_study()
        room = self._workspace.runner.room
        if room is None:
            self.device.setText(self.tr("Ready"))
            return
        names = {"cpu": self.tr("CPU"), "cuda": self.tr("GPU")}
        device = names.get(room.device.type, room.device.type)
        text = self.tr("{device}, {slots} at once")
        self.device.setText(text.format(device=device, slots=room.slots))

    def _show_study(self) -> None:
        study = self._workspace.study
        self.study.setText(study_name(self._workspace) or self.tr("No study"))
        self.study.setToolTip(str(study.path) if study is not None else "")

    @Slot(str)
    def _on_broken(self, _: str) -> None:
        self.device.setText(self.tr("No engine"))


def study_name(workspace: Workspace) -> str:
    """Return the name of the open study; empty while none is open."""
    study = workspace.study
    return str(study.about.get("name") or study.path.stem) if study is not None else ""
