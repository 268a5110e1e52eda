"""Failed computations are told above the page, with the whole reason, wherever the user is."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from engine.jobs.events import Ended, Event, Queued, Started
from gui.session.workspace import Workspace
from gui.shell.messages.bar import MessageBar


class Failures(QObject):
    """Adds an error for each computation that failed by itself.

    Those that were dropped because another one failed have the same cause, and are not told.
    """

    def __init__(self, workspace: Workspace, bar: MessageBar, parent: QObject):
        super().__init__(parent)
        self._bar = bar
        self._titles: dict[str, str] = {}
        workspace.engine_event.connect(self._on_event)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if isinstance(event, Queued | Started):
            self._titles[event.key] = event.title
        elif isinstance(event, Ended):
            title = self._titles.pop(event.key, event.key)
            if event.outcome == "failed" and event.details:
                self._bar.add_error(f"{title} failed: {event.message}", event.details)
