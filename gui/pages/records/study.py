"""The study itself: its name, the user's notes, and what it holds."""

from __future__ import annotations

from collections import Counter

from PySide6.QtCore import QEvent, QObject, Qt, Slot
from PySide6.QtWidgets import QFormLayout, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from engine.jobs.durations import duration
from gui.look.keys import native
from gui.look.plain import plain_tip
from gui.pages.records.model import kind_name
from gui.session.workspace import Workspace
from gui.widgets.label import Label


class StudyCard(QWidget):
    """Shows and edits the study's name and notes."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None):
        super().__init__(parent)
        self.workspace = workspace
        self.name = QLineEdit()
        self.name.setProperty("role", "title")
        self.name.setAccessibleName("Name of the study")
        tip = f"Type another name for the study ({native('undo')} undoes)"
        self.name.setToolTip(plain_tip(tip))
        self.name.editingFinished.connect(self.keep)
        self.facts = Label(wordWrap=True)
        self.facts.setProperty("role", "muted")
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.notes = QPlainTextEdit()
        self.notes.setAccessibleName("Notes of the study")
        self.notes.setPlaceholderText("Notes about this study; a report begins with them")
        self.notes.setTabChangesFocus(True)
        self.notes.installEventFilter(self)
        self._kinds = QFormLayout()
        self._kinds.setHorizontalSpacing(16)
        self._kinds.setVerticalSpacing(4)
        hint = Label("Choose a record at the left to see all that is known of it.")
        hint.setWordWrap(True)
        hint.setProperty("role", "muted")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        for widget in (self.name, self.facts, self.notes):
            column.addWidget(widget)
        column.addLayout(self._kinds)
        column.addWidget(hint)
        column.addStretch(1)

    @Slot()
    def refresh(self) -> None:
        """Show the open study, but do not overwrite text that the user is typing."""
        study = self.workspace.study
        if study is None:
            return
        if not self.name.isModified():
            self.name.setText(str(study.about.get("name") or study.path.stem))
        if not self.notes.document().isModified():
            notes = str(study.about.get("notes", ""))
            if notes != self.notes.toPlainText():
                self.notes.setPlainText(notes)
        entries = study.entries
        size = sum(entry.size for entry in entries) / 1e6
        said = "1 record" if len(entries) == 1 else f"{len(entries):,} records"
        computed = duration(sum(entry.seconds for entry in entries))
        self.facts.setText(f"{said}, {size:,.1f} MB, {computed} of computing\n{study.path}")
        while self._kinds.rowCount():
            self._kinds.removeRow(0)
        counts = Counter(kind_name(entry.kind) for entry in entries)
        for kind, count in sorted(counts.items()):
            self._kinds.addRow(kind, Label(f"{count:,}"))

    @Slot()
    def keep(self) -> None:
        """Store the name and the notes if the user changed them."""
        if self.name.isModified():
            self.name.setModified(False)
            self.workspace.edits.describe(name=self.name.text())
        if self.notes.document().isModified():
            self.notes.document().setModified(False)
            self.workspace.edits.describe(notes=self.notes.toPlainText())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Store the notes when they lose the focus."""
        if watched is self.notes and event.type() == QEvent.Type.FocusOut:
            self.keep()
        return super().eventFilter(watched, event)
