"""The window: a rail of pages, the page, the list of computations, and a line of messages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QGuiApplication,
    QImage,
    QKeySequence,
)
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QHBoxLayout,
    QLineEdit,
    QMainWindow,
    QMessageBox,
    QPlainTextEdit,
    QSplitter,
    QStackedWidget,
    QTextEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.jobs.events import Notice
from gui.look import settings, theme
from gui.look.icons import app_icon
from gui.pages import PAGE_OF_KIND, PAGES, Place
from gui.pages.common.page import Page
from gui.queue.job_dock import JobDock
from gui.session import dropping
from gui.session.workspace import Workspace
from gui.shell import network_dialog
from gui.shell.drop_veil import DropVeil
from gui.shell.faults import LOG
from gui.shell.history import History
from gui.shell.menus import Menus
from gui.shell.notify import Notifier
from gui.shell.page_host import PageHost
from gui.shell.rail import Rail
from gui.shell.status_line import StatusLine, study_name

SIZE = (1280, 800)
FRAME = (8, 40)
DOCK_HEIGHT = 220
BUILD_PAUSE_MS = 30
READING_PAUSE_MS = 300


class MainWindow(QMainWindow):
    """Puts the parts together; what they do they do themselves.

    Signals
    -------
    settled
        Everything that is made only once is there.
    """

    settled = Signal()

    def __init__(self, places: tuple[Place, ...] = PAGES):
        super().__init__()
        self.places = places
        self.workspace = Workspace(self)
        self._question: QMessageBox | None = None
        self._closing = False
        self._dock_height = DOCK_HEIGHT
        self.stopped: bool | None = None
        self.setWindowIcon(app_icon())
        self.setAcceptDrops(True)
        self.resize(self._first_size())
        self._build_parts()
        self.status = StatusLine(self.workspace)
        self.setStatusBar(self.status)
        self.messages = self.status.messages
        self.history = History(self)
        self.menus = Menus(self)
        self.notifier = Notifier(self.workspace, self)
        self._connect()
        self._restore()
        self._show_title()

    # ----------------------------------------------------------------------------------- building

    def _first_size(self) -> QSize:
        """Return the usual size, or what a small screen has room for beside its own bars."""
        room = self.screen().availableSize() - QSize(*FRAME)
        return room.boundedTo(QSize(*SIZE))

    def _build_parts(self) -> None:
        self.rail = Rail(self.places, self)
        self.stack = QStackedWidget()
        self.hosts = [PageHost(place, self.workspace) for place in self.places]
        for host in self.hosts:
            self.stack.addWidget(host)
            host.built.connect(self._on_built)
        self.dock = JobDock(self.workspace)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.addWidget(self.stack)
        self.splitter.addWidget(self.dock)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(4)
        central = QWidget()
        row = QHBoxLayout(central)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.rail)
        column = QVBoxLayout()
        column.addWidget(self.splitter)
        row.addLayout(column, 1)
        self.setCentralWidget(central)
        self.veil = DropVeil(central)

    def _connect(self) -> None:
        workspace = self.workspace
        self.rail.chosen.connect(self._on_rail)
        self.dock.opened.connect(self.show_record)
        self.dock.expanded_changed.connect(self._share_height)
        workspace.event.connect(self._on_event)
        workspace.study_changed.connect(self._on_study)
        workspace.records_changed.connect(self._show_title)
        workspace.runner.ready.connect(self._on_ready)
        workspace.runner.broken.connect(self.settled)
        workspace.importer.started.connect(self._on_reading)
        workspace.importer.weights_found.connect(self._ask_network)

    def _restore(self) -> None:
        self.restoreGeometry(settings.window_state("geometry"))
        self._dock_height = settings.number("dock_height", DOCK_HEIGHT)
        self.dock.set_expanded(settings.flag("dock", False))
        self._share_height(self.dock.expanded)
        self.show_page(0)

    # -------------------------------------------------------------------------------------- pages

    def show_page(self, index: int) -> None:
        """Show a page, building it if it was not shown before."""
        self.rail.choose(index)

    @Slot(str)
    def show_titled(self, title: str) -> None:
        """Show the page of this title, if there is one."""
        for index, place in enumerate(self.places):
            if place.title == title:
                self.show_page(index)

    @Slot(str)
    def show_record(self, key: str) -> None:
        """Show the page on which a record is seen."""
        kinds = {entry.key: entry.kind for entry in self.workspace.entries()}
        self.show_titled(PAGE_OF_KIND.get(kinds.get(key, ""), "Data"))

    def page(self) -> Page | None:
        """Return the page that is shown; None where it could not be built."""
        return self.hosts[self.stack.currentIndex()].page

    def export_buttons(self) -> list[QToolButton]:
        """Return the export buttons that are to be seen on the present page."""
        page = self.page()
        found = page.findChildren(QToolButton) if page is not None else []
        return [button for button in found if button.property("exports") and button.isVisible()]

    @Slot(int)
    def _on_rail(self, index: int) -> None:
        self.hosts[index].build()
        self.stack.setCurrentIndex(index)
        if not self.rail.has_focus():
            self.hosts[index].setFocus()

    @Slot(object)
    def _on_built(self, page: Page) -> None:
        go_to = getattr(page, "go_to", None)
        if go_to is not None:
            go_to.connect(self.show_titled)
        for spin_box in page.findChildren(QAbstractSpinBox):
            theme.indent_text(spin_box)
        # These would take a dropped file as a text and keep it from the window.
        for kind in (QLineEdit, QTextEdit, QPlainTextEdit):
            for field in page.findChildren(kind):
                field.setAcceptDrops(False)

    def build_pages(self) -> None:
        """Build the pages that were not shown yet, one at a time, between other things.

        A page that is there follows a computation from its start.
        """
        host = next((h for h in self.hosts if h.page is None and not h.failed), None)
        if host is None:
            self.settled.emit()
        if host is None or self._closing:
            return
        reading = self.workspace.importer.busy
        if not reading:
            host.build()
        QTimer.singleShot(READING_PAUSE_MS if reading else BUILD_PAUSE_MS, self, self.build_pages)

    @Slot(str, str, object)
    def on_fault(self, sentence: str, details: str, page: Page | None) -> None:
        """Show an unexpected error on the page it came from, or else in the line of messages."""
        host = next((h for h in self.hosts if h.page is page and page is not None), None)
        if host is not None:
            host.show_error(sentence, details)
        else:
            self.messages.add_error(sentence, details)

    # ------------------------------------------------------------------------------------- slots

    @Slot()
    def _on_ready(self) -> None:
        places = self.places

        def work(_: Any) -> None:
            for place in places:
                _import_quietly(place)

        # Away from the window's own thread, which half a second of importing would hold up.
        self.workspace.runner.ask("pages", work, lambda _: self.build_pages(), LOG.error)

    @Slot()
    def _on_study(self) -> None:
        if self.workspace.study is not None:
            settings.add_recent(self.workspace.study.path)
        self._show_title()

    @Slot(bool)
    def _share_height(self, expanded: bool) -> None:
        """Give the list of computations its height, or all but its headline to the page."""
        if not expanded and self.splitter.sizes()[1] > self.dock.minimumSizeHint().height():
            self._dock_height = self.splitter.sizes()[1]
        height = self._dock_height if expanded else 0
        self.splitter.setSizes([max(0, self.height() - height), height])

    @Slot()
    def _show_title(self) -> None:
        name = study_name(self.workspace)
        self.setWindowTitle(f"{name} – Isthmus" if name else "Isthmus")

    @Slot(object)
    def _on_event(self, event: Any) -> None:
        if isinstance(event, Notice):
            self.messages.say(event.text, False)

    @Slot()
    def _on_reading(self) -> None:
        self.show_titled("Data")

    @Slot(object)
    def _ask_network(self, path: Path) -> None:
        dialog = network_dialog.NetworkDialog(path, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._import(dialog))
        dialog.open()

    def _import(self, dialog: network_dialog.NetworkDialog) -> None:
        network = dialog.network()
        if network is not None:
            self.workspace.importer.add_weights(dialog.path, network)

    # ------------------------------------------------------------------------------------ opening

    @Slot()
    def paste(self) -> None:
        """Take files or a picture from the clipboard."""
        self._take_data(QGuiApplication.clipboard().mimeData())

    def _take_data(self, mime: Any) -> bool:
        """Copy what is wanted out of dragged or copied data, and begin once the drop is over."""
        importer = self.workspace.importer
        paths, picture = dropping.paths_of(mime), dropping.picture_of(mime)
        if paths:
            self._soon(lambda: importer.take(paths))
        elif isinstance(picture, QImage):
            self._soon(lambda: importer.take_picture(picture))
        else:
            self.messages.say("There is no file and no picture in that.", False)
        return bool(paths) or picture is not None

    def _soon(self, work: Callable[[], object]) -> None:
        QTimer.singleShot(0, self, work)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files and pictures."""
        if dropping.can_take(event.mimeData()):
            event.acceptProposedAction()
            self.veil.show_over()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Take them everywhere: some desktops ask anew at every step."""
        if dropping.can_take(event.mimeData()):
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Clear the view again."""
        self.veil.hide()
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """Take what was dropped, and the keyboard: whoever drops something here goes on here.

        Nothing is opened before the drop is over: Wayland would crash.
        """
        self.veil.hide()
        if self._take_data(event.mimeData()):
            event.acceptProposedAction()
            QTimer.singleShot(0, self, self.activateWindow)

    # ------------------------------------------------------------------------------------ closing

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask once where computations run; then stop them, and keep the window's place."""
        if self.workspace.runner.busy and not self._closing:
            event.ignore()
            self._ask_to_quit()
            return
        self.stop()
        event.accept()

    @Slot()
    def stop(self) -> None:
        """Keep the window's place and end all threads; done once, however the program ends."""
        if self.stopped is not None:
            return
        self._closing = True
        self._save()
        # Out of sight first: the user need not watch while the threads end.
        self.hide()
        self.stopped = self.workspace.runner.shutdown()

    def _ask_to_quit(self) -> None:
        if self._question is not None:
            self._question.raise_()
            return
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("Quit Isthmus?")
        box.setText("Computations are running.")
        box.setInformativeText(
            "What has finished is kept, and the rest goes on when it is asked for again."
        )
        self.quit_button = box.addButton("Quit and stop", QMessageBox.ButtonRole.DestructiveRole)
        stay = box.addButton("Keep running", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(stay)
        box.setEscapeButton(stay)
        box.finished.connect(self._on_answer)
        self._question = box
        box.open()

    @Slot(int)
    def _on_answer(self, _: int) -> None:
        box, self._question = self._question, None
        if box is not None and box.clickedButton() is self.quit_button:
            self._closing = True
            self._soon(self.close)

    def _save(self) -> None:
        settings.set_window_state("geometry", self.saveGeometry())
        height = self.splitter.sizes()[1] if self.dock.expanded else self._dock_height
        settings.set_number("dock_height", height)
        settings.set_flag("dock", self.dock.expanded)

    def shortcut_list(self) -> list[tuple[str, str]]:
        """Return keys and what they do, for the sheet of shortcuts."""
        native = QKeySequence.SequenceFormat.NativeText
        found = [
            (action.shortcut().toString(native), action.text().replace("&", "").rstrip("…"))
            for action in self.menus.findChildren(QAction)
            if not action.shortcut().isEmpty()
        ]
        more = (
            ("Up, Down", "Move along the pages, while the rail has the focus"),
            ("Delete", "Cancel the selected computations"),
            ("Ctrl+R", "Retry the selected computations that failed"),
            ("Ctrl+Up, Down", "Move the selected computations in the queue"),
            ("Ctrl+Home, End", "Move them to the queue's top or bottom"),
            ("Return", "Show the result of a computation, or why it failed"),
        )
        return [*found, *more]


def _import_quietly(place: Place) -> None:
    """Import a page ahead of time; what is wrong with it is shown once it is built."""
    try:
        place.load()
    except Exception as error:
        LOG.warning("page %s: %s", place.title, error)
