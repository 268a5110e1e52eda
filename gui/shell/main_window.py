"""The main window: navigation rail, page, list of computations, and status line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QGuiApplication,
    QImage,
)
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMainWindow,
    QMessageBox,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from engine.jobs.events import Notice
from gui.experiments.dialog import show_experiments
from gui.look import settings, theme
from gui.look.icons import app_icon
from gui.look.plain import plain_title
from gui.network.dialog import NetworkDialog
from gui.pages import DATA, PAGES, RECORDS, TRAIN, Place
from gui.pages.common.page import Page
from gui.plugins.dialog import OwnMethodsDialog, ask_to_run
from gui.plugins.own_methods import OwnMethods
from gui.queue.closing import Closing
from gui.queue.job_dock import JobDock
from gui.queue.long_work import ask_before, ask_to_leave
from gui.queue.unfinished import UnfinishedBar
from gui.session import dropping
from gui.session.workspace import Workspace
from gui.shell.drop_veil import DropVeil
from gui.shell.faults import LOG
from gui.shell.history import History
from gui.shell.menus import Menus, WindowActions
from gui.shell.messages.failures import Failures
from gui.shell.notify import Notifier
from gui.shell.page_stack import PageStack
from gui.shell.presenting import Presenting
from gui.shell.status_line import StatusLine, study_name
from gui.shell.tour.tour import Tour
from gui.widgets.field_keys import FieldKeys, leave_field
from gui.widgets.label import Question

SIZE = (1280, 800)
FRAME = (8, 40)
DOCK_HEIGHT = 220


class MainWindow(QMainWindow):
    """Creates the parts of the window and connects them; the behaviour is in the parts.

    Signals
    -------
    settled
        All pages were built, or the engine cannot be loaded.
    """

    settled = Signal()

    def __init__(self, places: tuple[Place, ...] = PAGES, plugins: Iterable[Path] = ()):
        super().__init__()
        self.workspace = Workspace(self)
        self.closing = Closing(self.workspace.runner, self)
        self.own_methods = OwnMethods(self.workspace, plugins)
        self._question: QMessageBox | None = None
        self._closing = False
        self._waited = False
        self._drops = 0
        self._read_from = DATA
        self._dock_height = 0  # the user's own; 0: none yet
        self.stopped: bool | None = None
        self.setWindowIcon(app_icon())
        self.setAcceptDrops(True)
        self.resize(self._first_size())
        self._build_parts(places)
        self.status = StatusLine(self.workspace)
        self.setStatusBar(self.status)
        self.messages = self.status.messages
        self.column.insertWidget(0, self.messages)
        self.failures = Failures(self.workspace, self.messages, self)
        self.presenting = Presenting(self)
        self.history = History(self.pages, self.workspace, self)
        self.menus = Menus(self, self.pages, self.workspace, self._actions())
        self.tour = Tour(self, self.pages, self.workspace, self.menus.actions["dismiss"])
        self.menus.tour_asked.connect(self.tour.start)
        self.menus.methods_asked.connect(self._show_methods)
        self.menus.experiments_asked.connect(self._show_experiments)
        self.own_methods.asked.connect(partial(ask_to_run, self.own_methods, parent=self))
        self.notifier = Notifier(self.workspace, self)
        FieldKeys(self)
        self._connect()
        self._restore()
        self._show_title()
        theme.dress(self)

    # ----------------------------------------------------------------------------------- building

    def _first_size(self) -> QSize:
        """Return the default size, limited to what fits on the screen beside its bars."""
        room = self.screen().availableSize() - QSize(*FRAME)
        return room.boundedTo(QSize(*SIZE))

    def _build_parts(self, places: tuple[Place, ...]) -> None:
        self.pages = PageStack(places, self.workspace, self)
        self.rail = self.pages.rail
        self.dock = JobDock(self.workspace)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.addWidget(self.pages)
        self.splitter.addWidget(self.dock)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(4)
        central = QWidget()
        row = QHBoxLayout(central)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.rail)
        self.unfinished = UnfinishedBar(self.workspace.unfinished, central)
        self.column = QVBoxLayout()
        self.column.setSpacing(0)
        self.column.addWidget(self.unfinished)
        self.column.addWidget(self.splitter, 1)
        row.addLayout(self.column, 1)
        self.setCentralWidget(central)
        self.veil = DropVeil(central)

    def _actions(self) -> WindowActions:
        """Return the window's own actions, for the menus."""
        return WindowActions(
            close=self.close,
            paste=self.paste,
            dismiss_error=self.messages.dismiss_error,
            show_messages=self.status.show_messages,
            present=self.presenting.set_on,
            dock=self.dock,
            history=self.history,
        )

    def _connect(self) -> None:
        workspace = self.workspace
        self.pages.settled.connect(self.settled)
        self.unfinished.list_asked.connect(lambda: self.pages.show_place(RECORDS))
        self.dock.opened.connect(self.pages.show_record)
        self.dock.expanded_changed.connect(self._share_height)
        self.closing.waits.connect(lambda text: self.messages.say(text, False))
        self.closing.over.connect(self._on_over)
        workspace.engine_event.connect(self._on_event)
        workspace.study_changed.connect(self._on_study)
        workspace.records_changed.connect(self._show_title)
        workspace.runner.ready.connect(self._on_ready)
        workspace.queueing.confirm = partial(ask_before, self)
        workspace.openings.confirm = partial(ask_to_leave, self)
        workspace.runner.broken.connect(self.settled)
        workspace.importer.started.connect(self._on_reading)
        workspace.importer.failed.connect(self._on_unread)
        workspace.edits.came_from = lambda: partial(self.pages.show_place, self._read_from)
        workspace.importer.weights_found.connect(self._ask_network)
        workspace.importer.plan_found.connect(partial(show_experiments, workspace, self))
        workspace.importer.confirm = self._ask_about_classes
        workspace.plans.begun.connect(lambda: self.pages.show_place(TRAIN))

    def _restore(self) -> None:
        self.restoreGeometry(settings.window_state("geometry"))
        self._dock_height = settings.number("dock_height", 0)
        self.dock.set_expanded(settings.flag("dock", False))
        self._share_height(self.dock.expanded)
        self.pages.show_index(0)

    @Slot(str, str, object)
    def on_fault(self, sentence: str, details: str, page: Page | None) -> None:
        """Show an unexpected error on the page it came from, or else in the message bar."""
        if not self.pages.show_fault(sentence, details, page):
            self.messages.add_error(sentence, details)

    # ------------------------------------------------------------------------------------- slots

    @Slot()
    def _on_ready(self) -> None:
        # Import on a lane: the imports would block the GUI thread for half a second.
        self.workspace.runner.ask(
            "pages",
            lambda _: self.pages.import_modules(),
            lambda _: self.pages.build_all(),
            LOG.error,
        )

    @Slot()
    def _on_study(self) -> None:
        if self.workspace.study is not None:
            settings.add_recent(self.workspace.study.path)
        self._show_title()

    @Slot(bool)
    def _share_height(self, expanded: bool) -> None:
        """Give the job dock its stored height, or only its header line if it is collapsed."""
        if not expanded and self.splitter.sizes()[1] > self.dock.minimumSizeHint().height():
            self._dock_height = self.splitter.sizes()[1]
        usual = min(DOCK_HEIGHT, self.height() // 3)  # the page is what one works with
        height = (self._dock_height or usual) if expanded else 0
        self.splitter.setSizes([max(0, self.height() - height), height])

    @Slot()
    def _show_title(self) -> None:
        name = study_name(self.workspace)
        self.setWindowTitle(f"{plain_title(name)} – Isthmus" if name else "Isthmus")

    @Slot(object)
    def _on_event(self, event: Any) -> None:
        if isinstance(event, Notice):
            spec = self.workspace.runner.spec(event.key)
            self.messages.say(f"{spec.title}: {event.text}" if spec else event.text, False)

    @Slot()
    def _on_reading(self) -> None:
        self._read_from = self.pages.places[self.pages.currentIndex()]
        self.pages.show_place(DATA)

    @Slot()
    def _on_unread(self) -> None:
        """Go back to where something was dropped that could not be read, if the user stayed."""
        if self.pages.places[self.pages.currentIndex()] is DATA:
            self.pages.show_place(self._read_from)

    @Slot(object)
    def _ask_network(self, path: Path) -> None:
        dialog = NetworkDialog(path, self.workspace, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        # Not modal: images for measuring the network can be dropped while it is open.
        dialog.show()

    @Slot()
    def _show_methods(self) -> None:
        OwnMethodsDialog(self.own_methods, self).open()

    @Slot()
    def _show_experiments(self) -> None:
        show_experiments(self.workspace, self)

    def _ask_about_classes(self, doubt: str, go_on: Callable[[], None]) -> None:
        """Ask whether folders that do not look like classes are to be used as such."""
        text = "Cancel leaves everything as it is: drop the folder that holds the class folders."
        box = Question("Use these folders as classes?", doubt, text, self)
        box.offer("Use them", go_on)

    # ------------------------------------------------------------------------------------ opening

    @Slot()
    def paste(self) -> None:
        """Take files or a picture from the clipboard."""
        self._take_data(QGuiApplication.clipboard().mimeData())

    def _take_data(self, mime: Any) -> bool:
        """Copy paths or a picture out of the data, and import them after the drop has ended."""
        paths, picture = dropping.paths_of(mime), dropping.picture_of(mime)
        if paths:
            self._soon(lambda: self._take_paths(paths))
        elif isinstance(picture, QImage):
            self._soon(lambda: self._take_picture(picture))
        else:
            self.messages.say(dropping.nothing_in(mime), False)
        return bool(paths) or picture is not None

    def _take_paths(self, paths: list[Path]) -> None:
        """Show images on the present page if it shows such; import everything else."""
        like, importer = self.pages.guests_like(), self.workspace.importer
        if like is None:
            importer.take(paths)
            return

        def done(guests: list[Path]) -> None:
            others = [path for path in paths if path not in guests]
            if guests:
                self.workspace.guests.take(guests, like)
            if others:
                importer.take(others)

        self._drops += 1
        work = partial(dropping.guests_among, paths)
        importer.drives.ask(f"guests {self._drops}", paths[0].name, work, done)

    def _take_picture(self, picture: QImage) -> None:
        like = self.pages.guests_like()
        if like is not None:
            self.workspace.guests.take_picture(picture, like)
        else:
            self.workspace.importer.take_picture(picture)

    def _soon(self, work: Callable[[], object]) -> None:
        QTimer.singleShot(0, self, work)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept files and pictures."""
        if dropping.can_take(event.mimeData()):
            event.acceptProposedAction()
            self.veil.show_over()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Accept them at every position: some desktops ask again on each move."""
        if dropping.can_take(event.mimeData()):
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Hide the veil."""
        self.veil.hide()
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """Import what was dropped, and activate the window, where the user will continue.

        Both happen after the drop has ended: opening anything during it would crash on Wayland.
        """
        self.veil.hide()
        leave_field(self)
        if self._take_data(event.mimeData()):
            event.acceptProposedAction()
            QTimer.singleShot(0, self, self.activateWindow)

    # ------------------------------------------------------------------------------------ closing

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask for confirmation if computations run; then end everything, and save the geometry.

        What does not end at once is waited for without holding the window up.
        """
        if self.workspace.runner.busy and not self._closing:
            event.ignore()
            self._ask_to_quit()
            return
        self._closing = True
        self.pages.stop_building()
        if self.stopped is None and not self._waited and not self.closing.begin():
            event.ignore()
            return
        self.stop()
        event.accept()

    @Slot()
    def _on_over(self) -> None:
        self._waited = True
        self.close()

    @Slot()
    def stop(self) -> None:
        """Save the geometry and end all threads. Only the first call has an effect."""
        if self.stopped is not None:
            return
        self._closing = True
        self.pages.stop_building()
        self._save()
        # Hide the window first, because ending the threads may take seconds.
        self.hide()
        self.stopped = self.workspace.runner.shutdown()

    def _ask_to_quit(self) -> None:
        if self._question is not None:
            self._question.raise_()
            return
        box = Question(
            "Quit Isthmus?",
            "Computations are running.",
            "What has finished is kept. The rest can be resumed when the study is opened.",
            self,
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
