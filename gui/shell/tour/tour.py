"""The guided tour: eight cards that explain the paper's argument with the open study."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, Slot
from PySide6.QtGui import QAction, QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from gui.look import settings
from gui.session.workspace import Workspace
from gui.shell.page_stack import PageStack
from gui.shell.tour.card import REACH, Outline, TourCard, beside
from gui.widgets.timer import timer

if TYPE_CHECKING:
    from engine.store.study import Study
    from gui.pages.common.page import Page
    from gui.shell.tour.facts import Facts
    from gui.shell.tour.steps import TourStep

# Interval at which the frame is repositioned, because page layouts change at any time.
FOLLOW_MS = 120


class Tour(QObject):
    """Guides the user through the window, which stays usable during the tour.

    The tour uses the open study, or opens the demo if none is open. Escape ends it; the action
    that Escape triggers otherwise (``escape``) is disabled during the tour.
    """

    def __init__(self, window: QWidget, pages: PageStack, workspace: Workspace, escape: QAction):
        super().__init__(window)
        self._window, self._pages, self._workspace = window, pages, workspace
        self._escape_action = escape
        self.card: TourCard | None = None
        self.outline: Outline | None = None
        self.number = 0
        self._all: tuple[TourStep, ...] = ()
        self._steps: tuple[TourStep, ...] = ()
        self._facts: Facts | None = None
        self._escape: QShortcut | None = None
        self._follow = timer(self, FOLLOW_MS)
        self._follow.timeout.connect(self._place)
        workspace.study_changed.connect(self._read)
        workspace.record_added.connect(self._read)
        workspace.runner.ready.connect(self._open_demo)
        pages.built.connect(self._on_built)

    @property
    def running(self) -> bool:
        """Whether the tour is running."""
        return self.card is not None

    @Slot()
    def start(self) -> None:
        """Start the tour, or return to its first step."""
        settings.set_flag("tour_offered", True)
        if self.card is None:
            from gui.shell.tour.steps import steps

            self._all = self._steps = steps()
            self._facts = None
            self._build()
        self._open_demo()
        self.go(0)
        self._read()

    @Slot()
    def stop(self) -> None:
        """Remove the card and the frame, and re-enable the usual action of Escape."""
        self._follow.stop()
        for part in (self.card, self.outline):
            if part is not None:
                part.hide()
                part.deleteLater()
        if self._escape is not None:
            self._escape.deleteLater()
        self.card = self.outline = self._escape = None
        # Otherwise the focus would move to the top of the rail, away from the page.
        self._pages.host().setFocus()
        self._escape_action.setEnabled(True)
        self._window.removeEventFilter(self)

    def go(self, number: int) -> None:
        """Show a step, counted from 0; a number past the last step ends the tour."""
        if number >= len(self._steps):
            self.stop()
            return
        self.number = max(0, number)
        step = self._steps[self.number]
        self._pages.show_place(step.page)
        page = self._pages.page()
        if page is not None and page.place == step.page:
            step.reveal(page)
            if self._facts is not None:
                step.prepare(page, self._facts)
        self._tell()
        self._place()
        if self.card is not None:
            self.card.setFocus()

    # ------------------------------------------------------------------------------------- private

    def _build(self) -> None:
        window = self._window
        self.outline, self.card = Outline(window), TourCard(window)
        self.card.moved.connect(self._on_moved)
        self.card.closed.connect(self.stop)
        # If two shortcuts are enabled for one key, Qt calls it ambiguous and triggers neither.
        self._escape_action.setEnabled(False)
        self._escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), window)
        self._escape.activated.connect(self.stop)
        window.installEventFilter(self)
        self._follow.start()
        for part in (self.outline, self.card):
            part.show()
            part.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the window's size."""
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    @Slot(object)
    def _on_built(self, page: Page) -> None:
        asked = getattr(page, "tour_asked", None)
        if asked is not None:
            asked.connect(self.start)

    @Slot(int)
    def _on_moved(self, by: int) -> None:
        self.go(self.number + by)

    @Slot()
    def _open_demo(self) -> None:
        """Open the demo unless a study is open. Called again when the engine has loaded."""
        workspace = self._workspace
        if not self.running or workspace.study is not None or not workspace.runner.loaded:
            return
        for host in self._pages.hosts:
            host_page = host.page
            if host_page is not None and hasattr(host_page, "open_demo"):
                host_page.open_demo()
                return

    @Slot()
    def _read(self) -> None:
        """Read the facts of the open study on a lane, off the GUI thread."""
        study = self._workspace.study
        if not self.running or study is None:
            return
        self._workspace.runner.ask("tour", partial(_facts_of, study), self._take, self._unreadable)

    def _take(self, facts: Facts) -> None:
        if not self.running:
            return
        known, self._facts = self._facts is not None, facts
        step = self._steps[self.number]
        self._steps = tuple(each for each in self._all if each.there(facts))
        self.number = self._steps.index(step) if step in self._steps else 0
        if known and step in self._steps:  # the user may have set the page to something else
            self._tell()
            self._place()
        else:
            self.go(self.number)

    def _unreadable(self, text: str) -> None:
        self._workspace.message.emit(text, True)

    def _tell(self) -> None:
        if self.card is None:
            return
        step = self._steps[self.number]
        waiting = "Opening the demo study…"
        text = waiting if self._facts is None else step.text(self._facts)
        self.card.show_step(self.number + 1, len(self._steps), step.title, text)

    def _target(self) -> QRect:
        """Return the step's widget in window coordinates; empty if another page is shown."""
        page, step = self._pages.page(), self._steps[self.number]
        if page is None or page.place != step.page or not page.isVisible():
            return QRect()
        place = QRect()
        for anchor in step.anchors(page):
            place = place.united(QRect(anchor.mapTo(self._window, QPoint(0, 0)), anchor.size()))
        # The page may be scrolled in its host, which shows what can be seen of it.
        host = self._pages.host()
        seen = QRect(host.mapTo(self._window, QPoint(0, 0)), host.size())
        return place.adjusted(-REACH, -REACH, REACH, REACH).intersected(seen.adjusted(2, 2, -2, -2))

    @Slot()
    def _place(self) -> None:
        """Move the frame and the card to the step's widget."""
        if self.card is None or self.outline is None:
            return
        whole = self._window.rect()
        if self.outline.geometry() != whole:
            self.outline.setGeometry(whole)
        target = self._target()
        self.outline.show_around(target)
        where = beside(target, self.card.size(), whole)
        if self.card.pos() != where:
            self.card.move(where)


def _facts_of(study: Study, _: Any) -> Facts:
    from gui.shell.tour.facts import facts_of

    return facts_of(study)
