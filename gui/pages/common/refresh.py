"""Pages that read the study again after it changed, but only while they are in sight."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from PySide6.QtCore import Slot
from PySide6.QtGui import QShowEvent

from engine.store.study import Study
from gui.pages.common.page import Page
from gui.widgets.plots.sight import in_sight
from gui.widgets.timer import timer


class RefreshedPage(Page):
    """Calls ``read`` shortly after a change; several changes in that time cause one call.

    A subclass connects the signals that it depends on to ``_soon``.
    """

    refresh_ms: ClassVar[int] = 300

    def pieces(self) -> Iterator[None]:
        """Begin to listen; a subclass goes on with its own parts."""
        self._stale = True
        self._due = timer(self, self.refresh_ms, once=True)
        self._due.timeout.connect(self._refresh)
        self.workspace.records_changed.connect(self._soon)
        yield

    def read(self, study: Study) -> None:
        """Request the data that the page shows; called only while the page is in sight."""
        raise NotImplementedError

    def showEvent(self, event: QShowEvent) -> None:
        """Schedule a read if something changed while the page was hidden."""
        super().showEvent(event)
        self.catch_up()

    def catch_up(self) -> None:
        """Schedule a read if something changed out of sight."""
        if self._stale:
            self._soon()

    @Slot()
    def _soon(self) -> None:
        """Schedule one read for all records that arrive within ``refresh_ms``."""
        self._stale = True
        if in_sight(self) and not self._due.isActive():
            self._due.start()

    @Slot()
    def _refresh(self) -> None:
        study = self.workspace.study
        if study is None or not in_sight(self):
            return
        self._stale = False
        self.read(study)

    def _unreadable(self, text: str) -> None:
        self.workspace.message.emit(text, True)
