"""The Records page: a table of the study's records, and the chosen record in full."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from PySide6.QtCore import QMimeData, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QHideEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMenu,
    QMessageBox,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.store import trash
from engine.store.index import Entry
from engine.store.study import Record, Study, spec_of
from gui.look.keys import native
from gui.pages import RECORDS, TRAIN, Place, place_of
from gui.pages.common.record_settings import place_for
from gui.pages.common.refresh import RefreshedPage
from gui.pages.records.family import family
from gui.pages.records.model import RecordRow, rows_of
from gui.pages.records.picking import ImagePicking
from gui.pages.records.study import StudyCard
from gui.pages.records.table import RecordsTable
from gui.pages.records.view import RecordView
from gui.queue.unfinished import UnfinishedList
from gui.widgets.empty_state import EmptyState
from gui.widgets.forms.remembered import transient
from gui.widgets.label import Question

NAMED = 3


class RecordsPage(RefreshedPage):
    """A table of all records, and beside it the chosen record or, if there is none, the study.

    Signals
    -------
    go_to
        Carries the page for the record's kind, or the Train page from the empty state.
    """

    place: ClassVar[Place] = RECORDS

    go_to = Signal(object)

    def pieces(self) -> Iterator[None]:
        """Build the page, a part a step."""
        yield from super().pieces()
        transient(self)  # its inputs search the records, and hold what the study itself stores
        self.table = RecordsTable()
        yield
        self.view = RecordView(self.workspace)
        self.picking = ImagePicking(self.workspace, self.view.pictures, self)
        yield
        self.study_card = StudyCard(self.workspace)
        self.unfinished = UnfinishedList(self.workspace.unfinished, self)
        self._wanted = ""
        self._question: QMessageBox | None = None
        self._build_more()
        self._build_layout()
        yield
        self._connect()
        self._on_study()

    # ------------------------------------------------------------------------------------- public

    def show_record(self, key: str) -> None:
        """Show a record in full and make its row current, if necessary after the next read."""
        self._wanted = key
        if key in self.table.model.rows:
            self._wanted = ""
            self.table.choose(key)
        else:
            self._soon()

    @property
    def shown_key(self) -> str:
        """Key of the shown record; "" while the study is shown."""
        return self.table.current_key

    def hideEvent(self, event: QHideEvent) -> None:
        """Store typed text when the user opens another page or closes the window."""
        self.view.keep()
        self.study_card.keep()
        super().hideEvent(event)

    # ----------------------------------------------------------------------------------- building

    def _build_more(self) -> None:
        self.more = QToolButton()
        self.more.setText("Study")
        self.more.setToolTip("The study itself, and its trash")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.more)
        menu.addAction("Name and notes of the study", self._show_study)
        menu.addSeparator()
        self.put_back = menu.addAction("", self.workspace.edits.put_back_all)
        self.empty_trash = menu.addAction("", self._ask_to_empty)
        menu.aboutToShow.connect(self._name_trash)
        self.more.setMenu(menu)
        self._name_trash()

    def _build_layout(self) -> None:
        self.detail = QStackedWidget()
        self.detail.addWidget(self.study_card)
        self.detail.addWidget(self.view)
        card = QFrame()
        card.setProperty("role", "card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(16, 12, 16, 12)
        inside.addWidget(self.detail)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self.unfinished)
        column.addWidget(self.table, 1)
        self.table.bar.addWidget(self.more)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(12)
        split.addWidget(left)
        split.addWidget(card)
        split.setSizes([800, 420])
        split.setStretchFactor(0, 2)
        split.setStretchFactor(1, 1)
        whole = QHBoxLayout()
        whole.addWidget(split)
        self.empty = EmptyState()
        self._say_empty()
        nothing = QWidget()  # this page has no form at the left
        self.frame(self.empty, nothing, whole)
        nothing.hide()

    def _connect(self) -> None:
        workspace = self.workspace
        workspace.study_changed.connect(self._on_study)
        workspace.record_added.connect(self._soon)
        workspace.highlighted.connect(self.table.model.highlight)
        workspace.unfinished.changed.connect(self._soon)
        self.table.hovered.connect(workspace.highlighted)
        self.table.chosen.connect(self._show)
        self.table.delete_asked.connect(self._ask_to_delete)
        self.view.delete_asked.connect(self._ask_to_delete)
        self.view.page_asked.connect(self._to_page)
        self.view.settings_asked.connect(self._use_settings)
        self.view.copy_asked.connect(self._copy)
        self.empty.asked.connect(self._lead)
        QShortcut(QKeySequence.StandardKey.Find, self, self.table.search.setFocus)

    # ------------------------------------------------------------------------------------ reading

    def read(self, study: Study) -> None:
        """Request the rows of the study's records."""
        known = self.table.model.rows

        def work(control: Any) -> list[RecordRow]:
            return rows_of(study.entries, study.labels, known, control.check)

        self.workspace.runner.ask("records", work, self._take, self._unreadable)

    def _take(self, rows: list[RecordRow]) -> None:
        before = self.shown_key
        self.table.set_rows(rows)
        study = self.workspace.study
        filled = (
            bool(rows)
            or bool(self.workspace.unfinished.found)
            or (study is not None and not trash.is_empty(study))
        )
        self.stack.setCurrentIndex(1 if filled else 0)
        self.study_card.refresh()
        if self._wanted:
            self.show_record(self._wanted)
            self._wanted = ""
        elif before and self.shown_key == before:
            self._show(before)

    def _read_record(self, study: Study, key: str) -> None:
        def work(_: Any) -> Any:
            from engine.figures.record_pictures import pictures_of
            from engine.networks.opening.tried import tried_in, words_for
            from engine.tradeoff.scores import record_words

            record, pictures = pictures_of(study, key)
            words = [_needs(record), record_words(study, record.entry)]
            words += words_for(tried_in(record))
            return record, pictures, "\n".join(filter(None, words))

        def done(found: Any) -> None:
            if self.shown_key == key:
                record, pictures, words = found
                self.picking.record = record
                self.view.findings.say(words)
                self.view.show_provenance(record.provenance)
                self.view.pictures.show_pictures(pictures.charts, pictures.grid, key)

        def failed(text: str) -> None:
            if self.shown_key == key:
                self.view.pictures.show_nothing(text)

        self.workspace.runner.ask("record", work, done, failed)

    # -------------------------------------------------------------------------------------- slots

    def _say_empty(self) -> None:
        there = self.workspace.study is not None
        text = "Nothing was computed in this study yet." if there else "No study is open."
        self.empty.say(text, "Train a network")

    @Slot()
    def _on_study(self) -> None:
        self._say_empty()
        self.view.entry = None
        self.table.set_rows([])
        self.detail.setCurrentWidget(self.study_card)
        self.study_card.name.setModified(False)
        self.study_card.notes.document().setModified(False)
        self.study_card.refresh()
        self._soon()

    @Slot(str)
    def _show(self, key: str) -> None:
        study, row = self.workspace.study, self.table.model.rows.get(key)
        if study is None or row is None:
            self.view.keep()
            self.view.entry = None
            self.detail.setCurrentWidget(self.study_card)
            return
        known = {key: row.entry for key, row in self.table.model.rows.items()}
        children = [entry for entry in known.values() if key in entry.parents]
        changed = self.view.entry is None or self.view.entry.key != key
        self.detail.setCurrentWidget(self.view)
        self.view.show_entry(row.entry)
        self.view.origin.show_links(row.entry.parents, children, known)
        networks = {entry.key: spec for entry, spec in self.workspace.classifiers()}
        self.view.origin.show_family(family(key, networks), key, known)
        self.view.to_page.setEnabled(place_of(row.entry.kind) is not None)
        self.view.use.setEnabled(place_for(spec_of(row.entry)) is not None)
        if changed:
            self._read_record(study, key)

    @Slot()
    def _show_study(self) -> None:
        self.table.choose("")
        self._show("")

    @Slot()
    def _lead(self) -> None:
        self.go_to.emit(TRAIN)

    @Slot()
    def _to_page(self) -> None:
        row = self.table.model.rows.get(self.shown_key)
        place = None if row is None else place_of(row.entry.kind)
        if row is not None and place is not None:
            self.workspace.selected.emit(row.network or row.entry.key)
            self.go_to.emit(place)

    @Slot()
    def _use_settings(self) -> None:
        row = self.table.model.rows.get(self.shown_key)
        spec = None if row is None else spec_of(row.entry)
        place = place_for(spec)
        if place is not None:
            self.go_to.emit(place)  # first, because it builds the page whose form is to be filled
            self.workspace.settings_asked.emit(spec)

    @Slot(str)
    def _copy(self, form: str) -> None:
        study, row = self.workspace.study, self.table.model.rows.get(self.shown_key)
        spec = None if row is None else spec_of(row.entry)
        if study is None or spec is None:
            text = "This version does not know such records: there is nothing to copy."
            if row is not None and row.entry.lacks:
                text = f"Nothing is copied: the record needs {row.entry.lacks}."
            self.workspace.message.emit(text, True)
            return
        from engine.plan.reproduce import command_text, python_text

        make = command_text if form == "command" else python_text
        try:
            text = make(spec, study.path.resolve())
        except ValueError as error:
            self.workspace.message.emit(str(error), True)
            return
        mime = QMimeData()
        mime.setText(text)
        QGuiApplication.clipboard().setMimeData(mime)
        self.workspace.message.emit("What computes this record is copied.", False)

    # ----------------------------------------------------------------------------------- deleting

    @Slot()
    def _ask_to_delete(self) -> None:
        edits, keys = self.workspace.edits, self.table.keys
        problem = edits.obstacle(keys) if keys else ""
        if problem or not keys:
            if problem:
                self.workspace.message.emit(problem, True)
            return
        going = edits.going_with(keys)
        kept, back = ("It is", "it") if len(going) == 1 else ("They are", "them")
        box = self._ask(
            "Delete the record?" if len(going) == 1 else "Delete records?",
            self._sentence(going, keys),
            f"{kept} kept in the study's trash, and {native('undo')} brings {back} back.",
            "Delete",
        )
        box.accepted.connect(lambda: edits.delete(keys))

    def _sentence(self, going: list[Entry], keys: list[str]) -> str:
        """Return the question that says what would be deleted, including dependent records."""
        chosen = [entry for entry in going if entry.key in keys]
        names = ", ".join(f"“{entry.title}”" for entry in chosen[:NAMED])
        more = len(chosen) - NAMED
        if more > 0:
            names += f" and {more:,} more"
        others = len(going) - len(chosen)
        if not others:
            return f"Delete {names}?"
        text = "Delete {}, and {:,} records that were computed from it?"
        if len(chosen) > 1:
            text = "Delete {}, and {:,} records that were computed from them?"
        return text.format(names, others)

    @Slot()
    def _name_trash(self) -> None:
        self._show_trash(0)
        self._ask_trash(lambda count, _: self._show_trash(count))

    def _show_trash(self, count: int) -> None:
        self.put_back.setText(f"Put back everything in the trash ({count:,})")
        self.empty_trash.setText(f"Empty the trash ({count:,})…")
        for action in (self.put_back, self.empty_trash):
            action.setEnabled(count > 0)

    def _ask_trash(self, then: Callable[[int, int], object]) -> None:
        """Look on a lane how much is in the trash: there may be thousands of files."""
        study = self.workspace.study
        if study is None:
            return

        def done(found: tuple[int, int]) -> None:
            then(*found)

        failed = self.workspace.message.emit
        self.workspace.runner.ask(
            "trash size", lambda _: trash.size(study), done, lambda text: failed(text, True)
        )

    @Slot()
    def _ask_to_empty(self) -> None:
        self._ask_trash(self._ask_to_empty_of)

    def _ask_to_empty_of(self, count: int, size: int) -> None:
        box = self._ask(
            "Empty the trash?",
            f"Delete {count:,} records ({size / 1e6:,.1f} MB) for good?",
            "This cannot be undone.",
            "Empty the trash",
        )
        box.accepted.connect(self.workspace.edits.empty_trash)

    def _ask(self, title: str, text: str, detail: str, yes: str) -> QMessageBox:
        box = Question(title, text, detail, self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.yes = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
        stay = box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(stay)
        box.setEscapeButton(stay)
        self._question = box
        box.open()
        return box


def _needs(record: Record) -> str:
    """Return what explains a record and is not loaded, and what the record holds; else ""."""
    if not record.entry.lacks:
        return ""
    held = [f"{name} {array.shape}".replace(",)", ")") for name, array in record.arrays.items()]
    return f"It needs {record.entry.lacks}. Arrays: {', '.join(held) or 'none'}."
