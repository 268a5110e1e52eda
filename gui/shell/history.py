"""The history of shown pages and records, for the Back action."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot

from gui.pages import RECORDS, WELCOME
from gui.session.workspace import Workspace
from gui.shell.page_stack import PageStack

KEPT = 100


class History(QObject):
    """Records every page that is shown, and every record that a click led to.

    Signals
    -------
    changed
        Takes whether :meth:`back` has anything to go back to.
    """

    changed = Signal(bool)

    def __init__(self, pages: PageStack, workspace: Workspace, parent: QObject | None = None):
        super().__init__(parent)
        self._pages = pages
        self._visits: list[tuple[int, str]] = []
        self._moving = False
        pages.rail.chosen.connect(self._on_page)
        workspace.record_asked.connect(self.show_record)
        workspace.study_changed.connect(self._on_study)
        workspace.openings.remember(self, self._kept, self._show_kept, with_images=False)

    @property
    def there_is_more(self) -> bool:
        """Whether :meth:`back` has anything to go back to."""
        return len(self._visits) > 1

    @Slot()
    def back(self) -> None:
        """Show the page and record that were shown before."""
        if not self.there_is_more:
            return
        self._visits.pop()
        page, key = self._visits[-1]
        self._moving = True
        self._pages.show_index(page)
        if key:
            self._show_on_page(key)
        self._moving = False
        self.changed.emit(self.there_is_more)

    @Slot(str)
    def show_record(self, key: str) -> None:
        """Show a record on the page of records, with all its details."""
        self._note_record()
        self._moving = True
        self._pages.show_place(RECORDS)
        self._show_on_page(key)
        self._moving = False
        self._add(self._pages.currentIndex(), key)

    @Slot(int)
    def _on_page(self, index: int) -> None:
        if not self._moving:
            self._note_record()
            self._add(index, "")

    @Slot()
    def _on_study(self) -> None:
        self._visits = [(self._pages.currentIndex(), "")]
        self.changed.emit(False)

    def _kept(self) -> list[tuple[int, str]]:
        """Return what was shown, without the first page from which another study was opened."""
        self._note_record()
        first = self._pages.places.index(WELCOME) if WELCOME in self._pages.places else -1
        visits = list(self._visits)
        while len(visits) > 1 and visits[-1][0] == first:
            visits.pop()
        return visits

    def _show_kept(self, visits: list[tuple[int, str]]) -> None:
        page, key = visits[-1] if visits else (self._pages.currentIndex(), "")
        self._moving = True
        self._pages.show_index(page)
        if key:
            self._show_on_page(key)
        self._moving = False
        self._visits = visits
        self.changed.emit(self.there_is_more)

    def _note_record(self) -> None:
        """Store which record is selected on the page that is about to be left."""
        key = getattr(self._pages.page(), "shown_key", "")
        if key and self._visits:
            self._visits[-1] = (self._visits[-1][0], key)

    def _show_on_page(self, key: str) -> None:
        show = getattr(self._pages.page(), "show_record", None)
        if show is not None:
            show(key)

    def _add(self, index: int, key: str) -> None:
        if not self._visits or self._visits[-1] != (index, key):
            self._visits = [*self._visits, (index, key)][-KEPT:]
            self.changed.emit(self.there_is_more)
