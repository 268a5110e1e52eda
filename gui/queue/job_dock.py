"""The dock at the bottom of the window that lists all computations and can cancel them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMenu,
    QProgressBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.jobs.durations import duration
from engine.jobs.events import Event, Queued, WorkerNews
from gui.look import theme
from gui.look.icons import icon
from gui.look.keys import with_key
from gui.look.plain import plain_tip
from gui.queue.job import Job
from gui.queue.job_actions import JobActions
from gui.queue.job_model import ACTION, JOB, Index, JobModel, Summary
from gui.queue.job_outlook import Outlook
from gui.queue.job_table import JobTable
from gui.queue.job_titles import titles_apart
from gui.queue.roster import Roster
from gui.queue.worker_panel import WorkerPanel
from gui.session.threads.who_computes import in_window
from gui.session.workspace import Workspace
from gui.widgets.elided_label import Elided
from gui.widgets.text_dialog import TextDialog

if TYPE_CHECKING:
    from engine.plan.scheduler import QueueMove

FLUSH_MS = 150
CLEAR_FINISHED = "Clear finished"
CLEAR_OTHERS = "Clear failed and cancelled"
TOLD = ("lost", "refused", "gone", "differs")  # what is said of workers outside their own list
UNBOUNDED = 16_777_215  # Qt's QWIDGETSIZE_MAX, which PySide6 does not export


class JobDock(QFrame):
    """Every running, waiting and ended computation of the open study.

    Signals
    -------
    expanded_changed
        The list was shown or hidden.
    opened
        Takes the key of a finished computation whose result the user wants to see.
    """

    expanded_changed = Signal(bool)
    opened = Signal(str)

    def __init__(self, workspace: Workspace, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("dock")
        self.workspace = workspace
        self.model = JobModel(self, outlook=outlook_of(workspace))
        self.queue = JobActions(workspace, self.model, self)
        self._study: object = None
        self._paused = self._unnamed = False
        self._build_header()
        self.table = JobTable(self.model, self)
        self.roster = Roster(self.model.stopwatch.now)
        self.crew = WorkerPanel(self.roster, self.model.stopwatch.now, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(self._header)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.crew, 1)
        self._timer = QTimer(self)
        self._timer.setInterval(FLUSH_MS)
        self._timer.timeout.connect(self._on_tick)
        self._connect()
        self.set_expanded(False)
        self._dress()
        self._show_summary()

    # ------------------------------------------------------------------------------------- public

    @property
    def expanded(self) -> bool:
        """Whether the list is shown."""
        return self.toggle.isChecked()

    @Slot()
    def _on_titles(self) -> None:
        space, self._unnamed = self.workspace, False
        titles = {entry.key: entry.title for entry in space.entries()}
        networks = [spec for _, spec in space.classifiers()]
        self.model.retitle(titles | titles_apart(space.runner.queued_specs(), networks, titles))

    @Slot(bool)
    def set_expanded(self, expanded: bool) -> None:
        """Show or hide the list."""
        self.toggle.setChecked(expanded)
        self._show_list()
        self.setMaximumHeight(UNBOUNDED if expanded else self._header.sizeHint().height())
        self._dress_toggle()
        self.expanded_changed.emit(expanded)

    @Slot()
    def _show_list(self) -> None:
        """Show the computations or who computes them; nothing while the list is hidden."""
        by_worker = self.workers.isChecked()
        self.table.setVisible(self.expanded and not by_worker)
        self.crew.setVisible(self.expanded and by_worker)
        self.crew.refresh()

    @Slot(bool)
    def _show_workers(self, shown: bool) -> None:
        if shown and not self.expanded:
            self.set_expanded(True)
        self._show_list()

    def show_details(self, job: Job) -> None:
        """Open a window with the details of why a computation failed."""
        text = "\n".join([f"{job.kind_label} {job.key}", *job.notices, "", job.details])
        TextDialog(job.title, job.message, text, self).show()

    # ----------------------------------------------------------------------------------- building

    def _build_header(self) -> None:
        self.toggle = QToolButton(self)
        self.toggle.setCheckable(True)
        self.toggle.setProperty("role", "plain")
        self.toggle.setAccessibleName("List of computations")
        self.toggle.setToolTip(with_key("Show or hide the list of computations", "dock"))
        self.summary = Elided(parent=self)
        self.bar = QProgressBar(self)
        self.bar.setTextVisible(False)
        self.bar.setMinimumWidth(40)  # the header must fit a window of 683 pixels
        self.bar.setMaximumWidth(260)
        self.workers = QToolButton(self)
        self.workers.setCheckable(True)
        self.workers.setProperty("role", "plain")
        self.workers.setAccessibleName("List of workers")
        self.workers.setToolTip("Show who computes what, or the list of computations again")
        self.pause = self._button("Pause", "Hold every computation")
        self.pause.setCheckable(True)
        self.cancel = self._button("Cancel all", "Stop everything that runs or waits")
        self.clear = self._button(CLEAR_FINISHED, "Take what has ended off this list; results stay")
        self._header = QHBoxLayout()
        self._header.setContentsMargins(8, 4, 8, 4)
        self._header.setSpacing(8)
        for widget in (self.toggle, self.workers, self.summary, self.bar):
            self._header.addWidget(widget)
        self._header.addStretch(1)
        for widget in (self.pause, self.cancel, self.clear):
            self._header.addWidget(widget)

    def _button(self, text: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setText(text)
        button.setToolTip(plain_tip(tip))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        return button

    def _connect(self) -> None:
        self.toggle.toggled.connect(self.set_expanded)
        self.workers.toggled.connect(self._show_workers)
        self.pause.toggled.connect(self._set_paused)
        self.cancel.clicked.connect(self._cancel_all)
        self.clear.clicked.connect(self._clear)
        self.table.clicked.connect(self._on_clicked)
        self.table.doubleClicked.connect(self._open)
        self.table.open_asked.connect(self._open)
        self.table.cancel_asked.connect(self._cancel_chosen)
        self.table.move_asked.connect(self._move_chosen)
        self.table.retry_asked.connect(self._retry_chosen)
        self.table.customContextMenuRequested.connect(self._show_menu)
        self.workspace.engine_event.connect(self._on_event)
        self.workspace.study_changed.connect(self._on_study)
        self.workspace.records_changed.connect(self._on_titles)
        self.workspace.unfinished.changed.connect(self._on_unfinished)
        theme.signals.changed.connect(self._dress)

    # -------------------------------------------------------------------------------------- slots

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        self.model.take(event)
        self.roster.take(event)
        if isinstance(event, WorkerNews):
            self._tell(event)
        self._unnamed |= isinstance(event, Queued)
        if not self._timer.isActive():
            self._timer.start()

    def _tell(self, news: WorkerNews) -> None:
        """Say what the user may have to do something about."""
        if news.state in TOLD:
            self.workspace.message.emit(in_window(news.text) + ".", news.state != "lost")

    @Slot()
    def _on_tick(self) -> None:
        self.model.flush()
        if self._unnamed:
            self._on_titles()
        if self.crew.isVisible():
            self.crew.refresh()
        self._show_summary()
        if not self.model.active and not self.model.unsorted:
            self._timer.stop()

    @Slot()
    def _on_study(self) -> None:
        if self.workspace.study is self._study:
            return
        self._study = self.workspace.study
        self._begin_roster()
        self.pause.setChecked(False)
        self.model.clear(only_ended=False)
        self.model.outlook.forget()
        self._on_unfinished()

    def _begin_roster(self) -> None:
        """List the slots of this window, unless workers compute: those come by and by."""
        slots = self.workspace.runner.slots
        if slots is None or self.workspace.runner.on_workers:
            self.roster.clear()
        else:
            self.roster.clear(slots.count, "CPU" if slots.device.type == "cpu" else "GPU")
        self.crew.refresh()

    @Slot()
    def _on_unfinished(self) -> None:
        self.model.set_unfinished(self.workspace.unfinished.found)
        self._show_summary()

    @Slot(bool)
    def _set_paused(self, paused: bool) -> None:
        self._paused = paused
        self.workspace.runner.set_paused(paused)
        watch = self.model.stopwatch
        (watch.hold if paused else watch.release)()
        self.pause.setText("Resume" if paused else "Pause")
        self._dress()
        self._show_summary()

    @Slot()
    def _cancel_all(self) -> None:
        self.workspace.runner.cancel()

    @Slot()
    def _cancel_chosen(self) -> None:
        self.workspace.runner.cancel([job.key for job in self.table.selected_jobs() if job.active])

    @Slot(str)
    def _move_chosen(self, where: QueueMove) -> None:
        self.queue.move(self.table.selected_jobs(), where)

    @Slot()
    def _retry_chosen(self) -> None:
        self.queue.retry(self.table.selected_jobs())

    def _cancel(self, job: Job) -> None:
        if job.active:
            self.workspace.runner.cancel(job.key)

    @Slot()
    def _clear(self) -> None:
        self.model.clear(only_ended=True)
        self._show_summary()

    @Slot(object)
    def _on_clicked(self, index: Index) -> None:
        if index.column() == ACTION:
            self._cancel(index.data(JOB))

    @Slot(object)
    def _open(self, index: Index) -> None:
        job = index.data(JOB) if index.isValid() else None
        if job is not None and job.state == "failed":
            self.show_details(job)
        elif job is not None and job.state == "finished":
            self.opened.emit(job.key)
            self.workspace.selected.emit(job.key)

    @Slot(QPoint)
    def _show_menu(self, place: QPoint) -> None:
        index = self.table.indexAt(place)
        if not index.isValid():
            return
        job = index.data(JOB)
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.queue.fill(menu, job, self.table.selected_jobs())
        if job.active:
            menu.addAction("Cancel", lambda: self._cancel(job))
        if job.state == "finished":
            menu.addAction("Show its result", lambda: self._open(index))
        if job.state == "failed":
            menu.addAction("Details…", lambda: self.show_details(job))
        clipboard = QGuiApplication.clipboard()
        menu.addAction("Copy its key", lambda: clipboard.setText(job.key))
        menu.popup(self.table.viewport().mapToGlobal(place))

    # -------------------------------------------------------------------------------------- looks

    def _show_summary(self) -> None:
        found = self.model.summary()
        self.bar.setVisible(found.total > 0)
        self.bar.setMaximum(max(1, found.total))
        self.bar.setValue(found.ended)
        self.summary.setText(self._summary_text(found))
        self.pause.setEnabled(self.model.active > 0 or self._paused)
        self.cancel.setEnabled(self.model.active > 0)
        states = self.model.tally()
        finished, others = states["finished"], states["failed"] + states["cancelled"]
        self.clear.setEnabled(finished + others > 0)
        self.clear.setText(CLEAR_FINISHED if finished or not others else CLEAR_OTHERS)

    def _summary_text(self, found: Summary) -> str:
        if not found.total:
            left = len(self.workspace.unfinished.found)
            return f"{left:,} unfinished" if left else "No computations"
        parts = [f"{found.done:,} of {found.total:,} done"]
        if found.failed:
            parts.append(f"{found.failed:,} failed")
        if found.cancelled:
            parts.append(f"{found.cancelled:,} cancelled")
        if self._paused:
            parts.append("paused")
        elif found.left is not None and found.ended < found.total:
            parts.append(f"about {duration(found.left)} left")
        return ", ".join(parts)

    @Slot()
    def _dress(self) -> None:
        self.pause.setIcon(icon("play" if self._paused else "pause"))
        self.cancel.setIcon(icon("cancel"))
        self.clear.setIcon(icon("clear"))
        self.workers.setIcon(icon("device"))
        self._dress_toggle()
        self.table.viewport().update()

    def _dress_toggle(self) -> None:
        self.toggle.setIcon(icon("collapse" if self.expanded else "expand"))


def outlook_of(workspace: Workspace) -> Outlook:
    """Return an estimator of the time left that uses the open study's queue and records."""
    runner = workspace.runner

    def slots() -> int:
        return runner.slots.count if runner.slots is not None else 0

    return Outlook(
        runner.spec,
        size=workspace.pace.size,
        waiting=runner.waiting,
        slots=slots,
        earlier=workspace.pace.rates,
        prepared=workspace.queueing.works.get,
        aside=lambda work, told: runner.ask(
            "outlook", lambda _: work(), told, lambda _: told(None)
        ),
    )
