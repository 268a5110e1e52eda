"""Where the user was: the pages and records that were shown, so that there is a way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

if TYPE_CHECKING:
    from gui.shell.main_window import MainWindow

RECORDS = "Records"
KEPT = 100


class History(QObject):
    """Notes every page that is shown, and every record that a click led to.

    Signals
    -------
    changed
        Takes whether there is a way back.
    """

    changed = Signal(bool)

    def __init__(self, window: MainWindow):
        super().__init__(window)
        self._window = window
        self._places: list[tuple[int, str]] = []
        self._moving = False
        window.rail.chosen.connect(self._on_page)
        window.workspace.record_asked.connect(self.show_record)
        window.workspace.study_changed.connect(self._on_study)

    @property
    def there_is_more(self) -> bool:
        """Whether there is a way back."""
        return len(self._places) > 1

    @Slot()
    def back(self) -> None:
        """Show what was shown before."""
        if not self.there_is_more:
            return
        self._places.pop()
        page, key = self._places[-1]
        self._moving = True
        self._window.show_page(page)
        if key:
            self._show_on_page(key)
        self._moving = False
        self.changed.emit(self.there_is_more)

    @Slot(str)
    def show_record(self, key: str) -> None:
        """Show a record with all that is known of it."""
        self._note_record()
        self._moving = True
        self._window.show_titled(RECORDS)
        self._show_on_page(key)
        self._moving = False
        self._add(self._window.stack.currentIndex(), key)

    @Slot(int)
    def _on_page(self, index: int) -> None:
        if not self._moving:
            self._note_record()
            self._add(index, "")

    @Slot()
    def _on_study(self) -> None:
        self._places = [(self._window.stack.currentIndex(), "")]
        self.changed.emit(False)

    def _note_record(self) -> None:
        """Remember the record that the user chose by himself on the page that is left."""
        key = getattr(self._window.page(), "shown_key", "")
        if key and self._places:
            self._places[-1] = (self._places[-1][0], key)

    def _show_on_page(self, key: str) -> None:
        show = getattr(self._window.page(), "show_record", None)
        if show is not None:
            show(key)

    def _add(self, index: int, key: str) -> None:
        if not self._places or self._places[-1] != (index, key):
            self._places = [*self._places, (index, key)][-KEPT:]
            self.changed.emit(self.there_is_more)
