"""The table model of the open study's computations, with progress and time left."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from engine.jobs.durations import clock, duration
from engine.jobs.events import Ended, Event, Notice, Progress, Queued, Scalars, Started
from engine.store.unfinished import Unfinished
from gui.look.plain import plain_tip
from gui.queue.job import Job, JobState, Stopwatch, progress_text, scalars_text
from gui.queue.job_outlook import Outlook

Index = QModelIndex | QPersistentModelIndex
JOB = Qt.ItemDataRole.UserRole
MANY = 2000  # rows; with all of them selected, sorting more takes most of a second
SORT_SECONDS = 1.0
TITLE, KIND, PROGRESS, ELAPSED, LEFT, ACTION = range(6)


@dataclass(frozen=True)
class Summary:
    """The whole queue in numbers; ``left`` is in seconds, or None if unknown.

    ``done`` counts what finished well: failed and cancelled ones are counted apart.
    """

    done: int
    total: int
    failed: int
    left: float | None
    cancelled: int = 0

    @property
    def ended(self) -> int:
        """How many do not run or wait any more."""
        return self.done + self.failed + self.cancelled


class JobModel(QAbstractTableModel):
    """A table model with a row per computation.

    Events change the data at once, but only :meth:`flush` notifies the views. Thousands of events
    thus cause a single update.

    Parameters
    ----------
    outlook
        Estimates the time left; by default one that knows only the kinds of computations.
    """

    def __init__(
        self,
        parent: QObject | None = None,
        stopwatch: Stopwatch | None = None,
        outlook: Outlook | None = None,
    ):
        super().__init__(parent)
        self.stopwatch = stopwatch or Stopwatch()
        self.outlook = outlook or Outlook()
        self._rows: list[Job] = []
        self._new: list[Job] = []
        self._jobs: dict[str, Job] = {}
        self._batch: set[str] = set()
        self._ended: dict[str, set[str]] = {"failed": set(), "cancelled": set()}  # of the batch
        self._going: dict[str, Job] = {}  # those that run or wait
        self._moved = False
        self._changed = False
        self._sorted = -math.inf

    # ------------------------------------------------------------------------------------- events

    def take(self, event: Event) -> None:
        """Update the data from an engine event; views are notified by :meth:`flush`."""
        if isinstance(event, Queued | Started):
            self._on_begin(event)
        job = self._jobs.get(event.key)
        if job is None:
            return
        self._changed = True
        if isinstance(event, Progress):
            self._on_progress(job, event)
        elif isinstance(event, Scalars):
            job.scalars = scalars_text(event)
        elif isinstance(event, Notice):
            job.notices.append(event.text)
        elif isinstance(event, Ended):
            self._on_end(job, event)

    def flush(self) -> None:
        """Notify the views of all changes since the last call."""
        if self._new:
            first = len(self._rows)
            self.beginInsertRows(QModelIndex(), first, first + len(self._new) - 1)
            self._rows += self._new
            self._new = []
            self.endInsertRows()
        if self._moved and self._may_sort():
            self._sort()
        if self._changed and self._rows:
            corner = self.index(len(self._rows) - 1, ACTION)
            self.dataChanged.emit(self.index(0, TITLE), corner)
        self._changed = False

    @property
    def unsorted(self) -> bool:
        """Whether :meth:`flush` has put off sorting: call it again, even if nothing happens."""
        return self._moved

    def reorder(self, keys: Sequence[str]) -> None:
        """Put the waiting computations into this order, the order of the queue."""
        jobs = [self._jobs[key] for key in keys if key in self._jobs]
        for job, number in zip(jobs, sorted(job.number for job in jobs), strict=True):
            job.number = number
        self._moved = True

    def retitle(self, titles: Mapping[str, str]) -> None:
        """Set the titles of computations to those of their records, a mapping key -> title."""
        named = [(job, title) for key, title in titles.items() if (job := self._jobs.get(key))]
        changed = [(job, title) for job, title in named if job.title != title]
        for job, title in changed:
            job.title = title
        if changed:
            self._changed = True
            self.flush()

    def set_unfinished(self, found: Sequence[Unfinished]) -> None:
        """List these below what runs or waits, in place of those listed before.

        What ended in this session keeps its own row.
        """
        wanted = {one.key: one for one in found}
        listed = [*self._rows, *self._new]
        kept = [job for job in listed if job.state != "unfinished" or job.key in wanted]
        self.beginResetModel()
        self._jobs = {job.key: job for job in kept}
        for one in found:
            job = self._jobs.get(one.key)
            if job is None:
                job = Job(one.key, one.kind, one.title, number=len(self._jobs), state="unfinished")
                self._jobs[one.key] = job
                kept.append(job)
            if job.state == "unfinished":
                job.message = one.progress
        self._rows, self._new = sorted(kept, key=Job.order), []
        self.endResetModel()

    def clear(self, *, only_ended: bool) -> None:
        """Remove what has finished from the list, or everything.

        Where nothing has finished, what failed or was cancelled is removed: the reason of a failure
        does not go together with the results.
        """
        gone = {"finished"} if self.finished else {"failed", "cancelled"}
        self.beginResetModel()
        stays = [job for job in [*self._rows, *self._new] if only_ended]
        kept = [job for job in stays if job.state not in gone]
        self._rows, self._new = kept, []
        self._jobs = {job.key: job for job in kept}
        self._batch &= set(self._jobs)
        for keys in self._ended.values():
            keys &= self._batch
        self._going = {job.key: job for job in kept if job.active}
        self.endResetModel()

    # -------------------------------------------------------------------------------------- state

    def at(self, rows: Iterable[int]) -> list[Job]:
        """Return the computations in these rows."""
        return [self._rows[row] for row in rows if row < len(self._rows)]

    def job(self, key: str) -> Job | None:
        """Return a computation by its key."""
        return self._jobs.get(key)

    @property
    def count(self) -> int:
        """The number of computations, including ended ones."""
        return len(self._jobs)

    @property
    def finished(self) -> int:
        """The number of computations that finished."""
        return self.tally()["finished"]

    def tally(self) -> Counter[JobState]:
        """Return the numbers of computations by state."""
        return Counter(job.state for job in self._jobs.values())

    @property
    def active(self) -> int:
        """The number of computations that are running or waiting."""
        return len(self._going)

    def summary(self) -> Summary:
        """Return the totals over everything queued since the queue was last empty."""
        left = self.outlook.left(self._going.values(), self.stopwatch.now())
        failed, cancelled = len(self._ended["failed"]), len(self._ended["cancelled"])
        done = len(self._batch) - len(self._going) - failed - cancelled
        return Summary(done, len(self._batch), failed, left, cancelled)

    # ---------------------------------------------------------------------------------- Qt's model

    def rowCount(self, parent: Index | None = None) -> int:
        """Return the number of computations that the views were notified of."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index | None = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else ACTION + 1

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return the name of a column."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole and section in (ELAPSED, LEFT):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.AccessibleTextRole and section == ACTION:
            return "Actions"
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        names = ("Computation", "Kind", "Progress", "Time", "Left", "")
        return names[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the text, tooltip or :class:`Job` of a cell."""
        job = self._rows[index.row()]
        if role == JOB:
            return job
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(job, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(self._tooltip(job, index.column()))
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() in (ELAPSED, LEFT):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    # ------------------------------------------------------------------------------------ private

    def _on_begin(self, event: Queued | Started) -> None:
        job = self._jobs.get(event.key)
        if job is None or not job.active:
            job = self._queue(event, job)
        if isinstance(event, Started):
            job.state = "running"
            job.started = job.phase_started = job.progressed = self.stopwatch.now()
        self._moved = True

    def _queue(self, event: Queued | Started, old: Job | None) -> Job:
        """Add a computation; one that ended before reuses its row."""
        if not self._going:
            self._batch.clear()
            for keys in self._ended.values():
                keys.clear()
            self.outlook.begin()
        job = Job(event.key, event.kind, event.title, number=len(self._jobs))
        if old is None:
            self._jobs[event.key] = job
            self._new.append(job)
        else:
            old.__dict__.update(job.__dict__)
            job = old
        self._batch.add(event.key)
        for keys in self._ended.values():
            keys.discard(event.key)
        self._going[event.key] = job
        return job

    def _on_progress(self, job: Job, event: Progress) -> None:
        if event.what != job.what or event.total != job.total or event.done < job.done:
            job.phase_started, job.phase_done = self.stopwatch.now(), event.done
        job.progressed = self.stopwatch.now()
        job.done, job.total, job.what = event.done, event.total, event.what

    def _on_end(self, job: Job, event: Ended) -> None:
        self._going.pop(job.key, None)
        began = job.state == "running"
        job.state, job.seconds = event.outcome, event.seconds
        job.message, job.details = event.message, event.details
        job.ended = self.stopwatch.now()
        if job.state in self._ended and job.key in self._batch:
            self._ended[job.state].add(job.key)
        if event.outcome == "finished" and began:
            self.outlook.learn(job)
        self._moved = True

    def _may_sort(self) -> bool:
        """Whether rows may be sorted now: thousands, at most once a second."""
        return len(self._rows) <= MANY or time.monotonic() - self._sorted >= SORT_SECONDS

    def _sort(self) -> None:
        self._moved, self._sorted = False, time.monotonic()
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        jobs = [self._rows[index.row()] for index in before]
        self._rows.sort(key=Job.order)
        if before:
            rows = {job.key: row for row, job in enumerate(self._rows)}
            after = [
                self.index(rows[job.key], index.column())
                for job, index in zip(jobs, before, strict=True)
            ]
            self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _text(self, job: Job, column: int) -> str:
        now = self.stopwatch.now()
        if column == TITLE:
            return job.title
        if column == KIND:
            return job.kind_label
        if column == PROGRESS:
            return self._state_text(job)
        if column == ELAPSED:
            elapsed = job.elapsed(now)
            return "" if elapsed is None else clock(elapsed)
        if column == LEFT:
            left = self.outlook.left_of(job, now)
            return "" if left is None else duration(left)
        return ""

    def _state_text(self, job: Job) -> str:
        if job.state == "running":
            steps = progress_text(job) if job.total else ""
            return " · ".join(part for part in (steps, job.scalars) if part) or "running"
        names = {
            "waiting": "waiting",
            "finished": "finished",
            "cancelled": "cancelled",
            "failed": "failed",
            "unfinished": "unfinished",
        }
        return f"{names[job.state]}: {job.message}" if job.message else names[job.state]

    def _tooltip(self, job: Job, column: int) -> str:
        if column == ACTION and job.active:
            return "Cancel this computation (Delete)"
        if job.state == "failed":
            return f"{job.message}\nDouble click: details"
        lines = [job.title, self._state_text(job), *job.notices]
        if job.state == "finished":
            lines.append("Double click: show its result")
        return "\n".join(lines)
