"""The container of one page: it builds the page on demand, or shows why that failed."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import (
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gui.pages import Place
from gui.pages.common.page import Page
from gui.session.workspace import Workspace
from gui.shell.faults import LOG
from gui.widgets.label import Label
from gui.widgets.scrolled import ScrolledArea


class ErrorPane(QWidget):
    """Shows an error in place of the page.

    Signals
    -------
    again
        The user asked to show the page again.
    """

    again = Signal()

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        heading = Label("This page cannot be shown")
        heading.setProperty("role", "heading")
        self.sentence = Label()
        self.sentence.setProperty("role", "error")
        self.sentence.setWordWrap(True)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.details = QPlainTextEdit()
        self.details.setReadOnly(True)
        self.details.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.retry = QPushButton("Try again")
        self.retry.clicked.connect(self.again)
        copy = QPushButton("Copy")
        copy.clicked.connect(self._copy)
        buttons = QHBoxLayout()
        buttons.addWidget(self.retry)
        buttons.addWidget(copy)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        for widget in (heading, self.sentence, self.details):
            layout.addWidget(widget)
        layout.addLayout(buttons)

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.details.toPlainText())


class PageHost(QStackedWidget):
    """Holds one page, which scrolls where the window is too small for it.

    Signals
    -------
    built
        Takes the page that was just built.
    """

    built = Signal(object)

    def __init__(self, place: Place, workspace: Workspace, parent: QWidget | None = None):
        super().__init__(parent)
        self.place = place
        self.page: Page | None = None
        self._begun: tuple[Page, Iterator[None]] | None = None
        self._whole = False  # what was begun is complete, and not yet shown
        self._area: ScrolledArea | None = None
        self._workspace = workspace
        self.pane: ErrorPane | None = None
        self.currentChanged.connect(self._pass_focus_on)

    def build(self) -> None:
        """Build the page unless it exists already; show the error if that fails."""
        while self.build_piece():
            pass

    def build_piece(self) -> bool:
        """Do one step of building the page; return whether there is another one."""
        if self.page is not None:
            return False
        try:
            self._begun = self._begun or self.place.load().in_steps(self._workspace)
            page, steps = self._begun
            for _ in steps:
                return True
            if not self._whole:
                self._whole = True
                return True
        except Exception as error:
            self._begun, self._whole = None, False
            details = traceback.format_exc()
            LOG.error("%s", details)
            self.show_error(f"{type(error).__name__}: {error}", details)
            return False
        self._begun = None
        self._show(page)
        return False

    def _show(self, page: Page) -> None:
        self.page = page
        self._area = ScrolledArea(page)
        self.addWidget(self._area)
        self.setCurrentWidget(self._area)
        self.built.emit(page)

    def show_error(self, sentence: str, details: str) -> None:
        """Show an error in place of the page."""
        if self.pane is None:
            self.pane = ErrorPane(self)
            self.pane.again.connect(self._again)
            self.addWidget(self.pane)
        self.pane.sentence.setText(sentence)
        self.pane.details.setPlainText(details)
        self.setCurrentWidget(self.pane)

    @property
    def failed(self) -> bool:
        """Whether the error is shown."""
        return self.pane is not None and self.currentWidget() is self.pane

    @Slot()
    def _pass_focus_on(self) -> None:
        # Tab order follows creation order, and pages are created last. Focus on the host would move
        # on to another part of the window; focus on the page moves on to the page's first widget.
        shown = self.currentWidget()
        if shown is not None:
            self.setFocusProxy(shown)

    @Slot()
    def _again(self) -> None:
        if self._area is None:
            self.build()
        else:
            self.setCurrentWidget(self._area)
