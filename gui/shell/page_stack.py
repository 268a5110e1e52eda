"""The stack of the window's pages, and the rail that chooses the one to show."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QLineEdit,
    QPlainTextEdit,
    QStackedWidget,
    QTextEdit,
    QToolButton,
    QWidget,
)

from gui.look import theme
from gui.pages import ATTACK, DATA, MAPS, WELCOME, Place, place_of
from gui.pages.common.landing import landing
from gui.pages.common.page import Page
from gui.session.picks.pins import charts_of
from gui.session.workspace import Workspace
from gui.shell.faults import LOG
from gui.shell.page_host import PageHost
from gui.shell.rail import Rail
from gui.widgets.plots.pinning import PinHost, host_of

if TYPE_CHECKING:
    from engine.specs import ClassifierSpec, ImagesSpec
    from engine.store.index import Entry
    from engine.store.study import Study

BUILD_PAUSE_MS = 10
BUILD_SECONDS = 0.006  # of building in a turn of the event loop, beside the piece in which it ends
READING_PAUSE_MS = 300


class PageStack(QStackedWidget):
    """Holds a host for every page, and shows the one chosen on the rail.

    Signals
    -------
    built
        Takes a page that was just built.
    settled
        Every page was built or failed to build.
    """

    built = Signal(object)
    settled = Signal()

    def __init__(
        self, places: tuple[Place, ...], workspace: Workspace, parent: QWidget | None = None
    ):
        super().__init__(parent)
        self.places = places
        self._workspace = workspace
        self._closing = False
        self.rail = Rail(places, parent)
        self.rail.chosen.connect(self._on_rail)
        self.hosts = [PageHost(place, workspace) for place in places]
        for host in self.hosts:
            self.addWidget(host)
            host.built.connect(self._on_built)
        self._study: Study | None = None
        self._imported = False
        self._network, self._left = "", 0
        workspace.study_changed.connect(self._on_study)
        workspace.importer.network_added.connect(self._await_network)
        workspace.record_added.connect(self._on_record)

    # ------------------------------------------------------------------------------------ showing

    def show_index(self, index: int) -> None:
        """Show the page with this index on the rail, building it first if needed."""
        self.rail.choose(index)

    @Slot(object)
    def show_place(self, place: Place) -> None:
        """Show a page, if the window has it."""
        if place in self.places:
            self.show_index(self.places.index(place))

    @Slot(str)
    def show_record(self, key: str) -> None:
        """Show the page that displays a record."""
        kinds = {entry.key: entry.kind for entry in self._workspace.entries()}
        self.show_place(place_of(kinds.get(key, "")) or DATA)

    def page(self) -> Page | None:
        """Return the page that is shown, or None if it could not be built."""
        return self.host().page

    def guests_like(self) -> ImagesSpec | None:
        """Return like which images those that are dropped now are prepared; see :class:`Page`."""
        page = self.page()
        return None if page is None or self.host().failed else page.guests_like()

    def host(self) -> PageHost:
        """Return the host that is shown."""
        return self.hosts[self.currentIndex()]

    def export_buttons(self) -> list[QToolButton]:
        """Return the visible export buttons of the present page."""
        page = self.page()
        found = page.findChildren(QToolButton) if page is not None else []
        return [button for button in found if button.property("exports") and button.isVisible()]

    def charts(self) -> list[tuple[QWidget, PinHost]]:
        """Return the visible charts of the present page, each with what pins it."""
        page = self.page()
        found = [] if page is None else charts_of(page)
        hosts = [(chart, host_of(chart)) for chart in found if chart.isVisible()]
        return [(chart, host) for chart, host in hosts if host is not None]

    def show_fault(self, sentence: str, details: str, page: Page | None) -> bool:
        """Show an error in place of the page it came from; return whether there is such a page."""
        host = next((h for h in self.hosts if h.page is page and page is not None), None)
        if host is not None:
            host.show_error(sentence, details)
        return host is not None

    # ----------------------------------------------------------------------------------- going on

    @Slot()
    def _on_study(self) -> None:
        """Leave the first page for where one goes on, once a study was opened."""
        study = self._workspace.study
        if study is not self._study and study is not None and self._is_at(WELCOME):
            # The second half of a double click on a recent study must not hit another page.
            QTimer.singleShot(QApplication.doubleClickInterval(), self, self._go_on)
        self._study = study

    @Slot()
    def _go_on(self) -> None:
        if not self._is_at(WELCOME) or self._workspace.study is None:
            return
        if self._imported:
            self.show_place(landing(self._workspace))
        else:  # building a page while a lane imports others has crashed the process
            QTimer.singleShot(BUILD_PAUSE_MS, self, self._go_on)

    @Slot(object)
    def _await_network(self, spec: ClassifierSpec) -> None:
        self._network, self._left = spec.key, self.currentIndex()

    @Slot(object)
    def _on_record(self, entry: Entry) -> None:
        """Show a network that was opened where it can be used, unless the user went elsewhere."""
        if entry.key == self._network:
            self._network = ""
            if self.currentIndex() == self._left and not self._is_at(ATTACK, MAPS):
                self.show_place(ATTACK)
            # Chosen once the lists of networks have taken the record too.
            QTimer.singleShot(0, self, partial(self._workspace.selected.emit, entry.key))

    def _is_at(self, *places: Place) -> bool:
        return self.places[self.currentIndex()] in places

    # ----------------------------------------------------------------------------------- building

    def import_modules(self) -> None:
        """Import all pages ahead of time, on any thread. :meth:`PageHost.build` shows errors."""
        for place in self.places:
            try:
                place.load()
            except Exception as error:
                LOG.warning("page %s: %s", place.title, error)

    def build_all(self) -> None:
        """Build the remaining pages, a few pieces a turn so that the window stays responsive.

        Pages are built early because only an existing page receives the events of a computation.
        """
        self._imported = True
        host = next((h for h in self.hosts if h.page is None and not h.failed), None)
        if host is None:
            self.settled.emit()
        if host is None or self._closing:
            return
        reading = self._workspace.importer.busy
        end = time.perf_counter() + BUILD_SECONDS
        while not reading and host.build_piece() and time.perf_counter() < end:
            pass
        QTimer.singleShot(READING_PAUSE_MS if reading else BUILD_PAUSE_MS, self, self.build_all)

    def stop_building(self) -> None:
        """Stop building pages, because the window is being closed."""
        self._closing = True

    @Slot(int)
    def _on_rail(self, index: int) -> None:
        self.hosts[index].build()
        self.setCurrentIndex(index)
        if not self.rail.has_focus():
            self.hosts[index].setFocus()

    @Slot(object)
    def _on_built(self, page: Page) -> None:
        go_to = getattr(page, "go_to", None)
        if go_to is not None:
            go_to.connect(self.show_place)
        for spin_box in page.findChildren(QAbstractSpinBox):
            theme.indent_text(spin_box)
        # Text fields would insert the path of a dropped file, and the window would not get it.
        for kind in (QLineEdit, QTextEdit, QPlainTextEdit):
            for field in page.findChildren(kind):
                field.setAcceptDrops(False)
        self.built.emit(page)


def shower(pages: PageStack, index: int) -> Callable[[], None]:
    """Return a slot that shows the page with this index on the rail."""

    @Slot()
    def show() -> None:
        pages.show_index(index)

    return show
