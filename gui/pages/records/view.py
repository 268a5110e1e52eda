"""One record with its title, note, numbers, pictures, spec and provenance."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.store.index import Entry, Number
from engine.texts import shortened
from gui.look.keys import native
from gui.look.plain import plain_tip
from gui.pages.records.model import kind_name, when
from gui.pages.records.origin import Origin
from gui.pages.records.pictures import RecordPictures
from gui.pages.records.spec import SpecTree
from gui.session.workspace import Workspace
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.label import Label
from gui.widgets.sentence import Sentence

NOTE_HEIGHT = 64
MOST_COLUMNS = 3  # of numbers side by side
NUMBER_SPACE = 12
MARGIN = 32  # of the results: the scroll bar and the space beside it
LONGEST_WORDS = 60


class RecordView(QWidget):
    """Shows a record, and edits its title and note.

    Signals
    -------
    page_asked
        The user wants to see the record on the page of its kind.
    settings_asked
        The user wants the record's settings in the form that makes such records.
    delete_asked
        The user wants to delete the record.
    copy_asked
        Carries the form in which to copy the record: "command" or "python".
    """

    page_asked = Signal()
    settings_asked = Signal()
    delete_asked = Signal()
    copy_asked = Signal(str)

    def __init__(self, workspace: Workspace, parent: QWidget | None = None):
        super().__init__(parent)
        self.workspace = workspace
        self.entry: Entry | None = None
        self._build_head()
        self._build_tabs()
        self._build_note()
        self._build_layout()

    # ------------------------------------------------------------------------------------- public

    def show_entry(self, entry: Entry) -> None:
        """Show the data in a record's index entry, without reading its file."""
        other = self.entry is None or self.entry.key != entry.key
        if other:
            self.keep()
        # Do not overwrite text that the user is typing.
        if other or (not self.title.isModified() and self.title.text() != entry.title):
            self.title.setText(entry.title)
            self.title.setCursorPosition(0)
        self.entry = entry
        seconds = f"{entry.seconds:,.1f} s"
        facts = (kind_name(entry.kind), when(entry.created), seconds, entry.key)
        self.facts.set_text("  ·  ".join(facts))
        self.facts.setToolTip(plain_tip("\n".join(facts)))
        study = self.workspace.study
        note = "" if study is None else study.labels.of(entry.key).note
        if other or (not self.note.document().isModified() and self.note.toPlainText() != note):
            self.note.setPlainText(note)
        if other:
            self.show_numbers(entry.numbers)
            self.findings.say("")
            self.spec.show_spec(entry.spec)
            self.pictures.show_nothing("Reading…")
            self.origin.show_provenance({})

    def show_numbers(self, numbers: Mapping[str, Number]) -> None:
        """Show scalar results."""
        for widget in (part for pair in self._pairs for part in pair):
            self._numbers.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self._pairs.clear()
        for name, value in numbers.items():
            label, text = Label(name.replace("_", " ")), Label(_number(value))
            label.setProperty("role", "muted")
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._pairs.append((label, text))
        self._place_numbers()

    def _place_numbers(self) -> None:
        """Put the numbers side by side, as many as the width holds whole."""
        widest = max(
            (sum(part.sizeHint().width() + NUMBER_SPACE for part in pair) for pair in self._pairs),
            default=1,
        )
        room = self.width() - MARGIN
        columns = max(1, min(MOST_COLUMNS, room // widest))
        for place, pair in enumerate(self._pairs):
            row, column = divmod(place, columns)
            for side, part in enumerate(pair):
                self._numbers.addWidget(part, row, 2 * column + side)
        for column in range(2 * MOST_COLUMNS):
            self._numbers.setColumnStretch(column, column % 2 if column < 2 * columns else 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Place the numbers anew where another width holds more or fewer."""
        super().resizeEvent(event)
        self._place_numbers()

    def show_provenance(self, provenance: Mapping[str, Any]) -> None:
        """Show the record's provenance, creation time, duration, seed and file size."""
        if self.entry is None:
            return
        facts: dict[str, Any] = {"Created": when(self.entry.created)}
        facts["Duration"] = f"{self.entry.seconds:,.2f} s"
        if "seed" in self.entry.spec:
            facts["Seed"] = self.entry.spec["seed"]
        facts["File"] = f"{self.entry.size / 1e3:,.1f} kB"
        self.origin.show_provenance({**facts, **provenance})

    @Slot()
    def keep(self) -> None:
        """Store the title and the note if the user changed them."""
        if self.entry is None or self.workspace.study is None:
            return
        key = self.entry.key
        if self.title.isModified():
            self.title.setModified(False)
            self.workspace.edits.rename(key, self.title.text())
        if self.note.document().isModified():
            self.note.document().setModified(False)
            self.workspace.edits.note(key, self.note.toPlainText())

    # ----------------------------------------------------------------------------------- building

    def _build_head(self) -> None:
        self.title = QLineEdit()
        self.title.setProperty("role", "title")
        self.title.setAccessibleName("Title")
        self.title.setToolTip(
            plain_tip(
                "Type another title; an empty one brings the record's own back "
                f"({native('undo')} undoes)"
            )
        )
        self.title.editingFinished.connect(self.keep)
        self.facts = ElidedLabel(colour="muted")
        self.to_page = QPushButton("Show on its page")
        self.to_page.setToolTip("Go to the page that works with records of this kind")
        self.to_page.clicked.connect(self.page_asked)
        self.use = QPushButton("Use these settings")
        self.use.setToolTip("Fill the form that makes such records with the settings of this one")
        self.use.clicked.connect(self.settings_asked)
        self.copy = QToolButton()
        self.copy.setText("Copy as…")
        self.copy.setToolTip("Copy what computes exactly this record")
        self.copy.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.copy)
        menu.setToolTipsVisible(True)
        for text, tip, form in (
            ("Command", "Lines for a shell: a plan and the run of it", "command"),
            ("Python", "A script that builds, computes and reads it", "python"),
        ):
            action = menu.addAction(text, partial(self.copy_asked.emit, form))
            action.setToolTip(plain_tip(tip))
        menu.addAction("Key", self._copy_key)
        self.copy.setMenu(menu)
        self.delete = QToolButton()
        self.delete.setText("Delete…")
        self.delete.setToolTip("Move the record into the study's trash (Delete)")
        self.delete.clicked.connect(self.delete_asked)

    def _build_tabs(self) -> None:
        self._pairs: list[tuple[Label, Label]] = []
        self._numbers = QGridLayout()
        self._numbers.setHorizontalSpacing(NUMBER_SPACE)
        self._numbers.setVerticalSpacing(4)
        self.findings = Sentence(lines=0)
        self.findings.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.pictures = RecordPictures()
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 8, 8, 0)
        column.setSpacing(12)
        column.addLayout(self._numbers)
        column.addWidget(self.findings)
        column.addWidget(self.pictures, 1)
        column.addStretch(0)
        results = QScrollArea()
        results.setProperty("role", "reading")
        results.setAccessibleName("Results")
        results.setWidgetResizable(True)
        results.setWidget(inside)
        self.spec, self.origin = SpecTree(), Origin()
        self.origin.opened.connect(self.workspace.record_asked)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.addTab(results, "Results")
        self.tabs.addTab(self.spec, "Settings")
        self.tabs.addTab(self.origin, "Origin")

    def _build_note(self) -> None:
        self.note = QPlainTextEdit()
        self.note.setAccessibleName("Note")
        self.note.setPlaceholderText("A note about this record")
        self.note.setTabChangesFocus(True)
        self.note.setFixedHeight(NOTE_HEIGHT)
        self.note.installEventFilter(self)

    def _build_layout(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.to_page)
        buttons.addWidget(self.use)
        buttons.addWidget(self.copy)
        buttons.addStretch(1)
        buttons.addWidget(self.delete)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.title)
        column.addWidget(self.facts)
        column.addLayout(buttons)
        column.addWidget(self.tabs, 1)
        column.addWidget(self.note)

    # -------------------------------------------------------------------------------------- slots

    @Slot()
    def _copy_key(self) -> None:
        if self.entry is not None:
            QGuiApplication.clipboard().setText(self.entry.key)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Store the note when it loses the focus."""
        if watched is self.note and event.type() == QEvent.Type.FocusOut:
            self.keep()
        return super().eventFilter(watched, event)


def _number(value: Number) -> str:
    if isinstance(value, str):
        return shortened(value, LONGEST_WORDS)
    text = f"{value:.5g}" if isinstance(value, float) else f"{value:,}"
    return text.replace("-", "−")
