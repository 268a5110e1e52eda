"""Notifying the user, while another window is active, that a long queue has finished."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from engine.jobs.events import Ended, Event, Queued
from engine.texts import harmless, shortened
from gui.look import settings
from gui.look.icons import app_icon
from gui.session.workspace import Workspace

LONG_SECONDS = 60.0
SHOWN_MS = 15_000


class Notifier(QObject):
    """Notifies the user when a queue that ran for at least a minute becomes empty.

    The task bar entry of the window is highlighted, and the system tray, if there is one, shows
    one sentence. Nothing happens if the window is active or the user cancelled everything.
    """

    def __init__(
        self, workspace: Workspace, window: QWidget, clock: Callable[[], float] = time.monotonic
    ):
        super().__init__(window)
        self._window, self._clock = window, clock
        self._titles: dict[str, str] = {}
        self._outcomes: list[tuple[str, str]] = []
        self._since = 0.0
        self._icon: QSystemTrayIcon | None = None
        self._hiding = QTimer(self)
        self._hiding.setSingleShot(True)
        self._hiding.setInterval(SHOWN_MS)
        self._hiding.timeout.connect(self._hide)
        workspace.engine_event.connect(self._on_event)
        workspace.study_changed.connect(self._on_study)
        self._workspace, self._study = workspace, workspace.study

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if isinstance(event, Queued):
            if not self._titles:
                self._since, self._outcomes = self._clock(), []
            self._titles[event.key] = event.title
        elif isinstance(event, Ended) and event.key in self._titles:
            self._outcomes.append((self._titles.pop(event.key), event.outcome))
            if not self._titles:
                self._on_empty()

    @Slot()
    def _on_study(self) -> None:
        if self._workspace.study is not self._study:
            self._study = self._workspace.study
            self._titles.clear()

    def _on_empty(self) -> None:
        text = self.sentence()
        long = self._clock() - self._since >= LONG_SECONDS
        if text and long and not self._window.isActiveWindow() and settings.flag("notify", True):
            self.tell(text)

    def sentence(self) -> str:
        """Return a summary of what ended since the queue was last empty; "" if all cancelled."""
        count = {
            outcome: sum(found == outcome for _, found in self._outcomes)
            for outcome in ("finished", "failed")
        }
        finished, failed = count["finished"], count["failed"]
        if len(self._outcomes) == 1 and finished + failed:
            title, outcome = self._outcomes[0]
            words = "{} is finished." if outcome == "finished" else "{} failed."
            return words.format(title)
        if not failed:
            return f"{finished:,} computations are finished." if finished else ""
        return f"{finished:,} computations are finished, {failed:,} failed."

    def tell(self, text: str) -> None:
        """Request attention in the task bar, and show a message if there is a system tray."""
        QApplication.alert(self._window)
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return
        if self._icon is None:
            self._icon = QSystemTrayIcon(app_icon(), self)
            self._icon.messageClicked.connect(self._on_clicked)
            self._icon.activated.connect(self._on_clicked)
        self._icon.show()
        self._icon.showMessage("Isthmus", _unmarked(text), app_icon(), SHOWN_MS)
        self._hiding.start()

    @Slot()
    def _on_clicked(self) -> None:
        if self._window.isMinimized():
            self._window.showNormal()
        self._window.raise_()
        self._window.activateWindow()
        self._hide()

    @Slot()
    def _hide(self) -> None:
        if self._icon is not None:
            self._icon.hide()


def _unmarked(text: str) -> str:
    """Return a message of which a desktop takes no part for markup; some do not know escapes."""
    return shortened(harmless(text)).translate({ord("<"): "‹", ord(">"): "›", ord("&"): "+"})
