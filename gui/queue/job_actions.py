"""Actions on chosen computations other than cancelling: move, retry, continue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from engine.plan.retry import again, batch_field
from engine.specs import Training
from engine.specs.schema import Spec
from engine.store.study import spec_of
from gui.look.keys import native
from gui.queue.continuing import ContinueDialog
from gui.queue.job import Job
from gui.queue.job_model import JobModel
from gui.queue.retry import RetryDialog
from gui.queue.unfinished import ask_to_discard
from gui.session.queueing import NAMED_AT_ONCE
from gui.session.workspace import Workspace

if TYPE_CHECKING:
    from engine.plan.scheduler import QueueMove

ENDED = ("failed", "cancelled", "unfinished")


class JobActions(QObject):
    """Moves, retries and continues computations in the queue of a workspace."""

    def __init__(self, workspace: Workspace, model: JobModel, owner: QWidget):
        super().__init__(owner)
        self._workspace, self._model, self._owner = workspace, model, owner

    @Slot(object, str)
    def move(self, jobs: Sequence[Job], where: QueueMove) -> None:
        """Move those of these computations that are waiting."""
        runner = self._workspace.runner
        runner.reorder([job.key for job in jobs if job.state == "waiting"], where)
        self._model.reorder([key for key, _ in runner.waiting()])
        self._model.flush()

    @Slot(object)
    def retry(self, jobs: Sequence[Job]) -> None:
        """Requeue the failed or cancelled ones, and the dependants dropped with them."""
        left = {one.key: one.spec for one in self._workspace.unfinished.found}
        specs = [
            left.get(job.key) if job.state == "unfinished" else self._spec(job)
            for job in jobs
            if job.state in ENDED
        ]
        failed = [spec for spec in specs if spec is not None]
        if not failed:
            return
        dropped = self._dropped()
        if len(failed) + len(dropped) > NAMED_AT_ONCE:
            self._workspace.queueing.run_many(lambda: again(failed, dropped))
        else:
            self._workspace.run(again(failed, dropped))

    def retry_with(self, job: Job) -> None:
        """Ask for another batch size, and queue the computation with it."""
        spec = self._spec(job)
        if spec is None:
            return
        dialog = RetryDialog(spec, self._dropped(), self._owner)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._workspace.run(dialog.specs()))
        dialog.open()

    def go_on(self, job: Job) -> None:
        """Ask for how many more epochs to train a network, and queue that training."""
        dialog = ContinueDialog(self._workspace, job.key, self._owner)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._workspace.run(dialog.specs()))
        dialog.open()

    def fill(self, menu: QMenu, job: Job, chosen: Sequence[Job]) -> None:
        """Fill a menu with actions on ``job``, or on all of ``chosen`` if it is among them."""
        jobs = chosen if job in chosen else [job]
        if any(each.state == "waiting" for each in jobs):
            self._fill_moves(menu, jobs)
        if any(self._can_retry(each) for each in jobs):
            words = "Resume" if job.state == "unfinished" else "Retry"
            self._add(menu, words, "retry").triggered.connect(lambda: self.retry(jobs))
        spec = self._spec(job)
        if self._can_retry(job) and spec is not None and batch_field(spec) is not None:
            words = "Retry with another batch size…"
            menu.addAction(words, lambda: self.retry_with(job))
        if job.state == "unfinished":
            keys = [each.key for each in jobs if each.state == "unfinished"]
            work = self._workspace.unfinished
            menu.addAction("Discard…", lambda: ask_to_discard(work, keys, self._owner))
        if job.state == "finished" and job.kind == Training.kind:
            menu.addAction("Continue with more epochs…", lambda: self.go_on(job))

    # ------------------------------------------------------------------------------------ private

    def _fill_moves(self, menu: QMenu, jobs: Sequence[Job]) -> None:
        places: tuple[tuple[QueueMove, str], ...] = (
            ("top", "Move to the top"),
            ("up", "Move up"),
            ("down", "Move down"),
            ("bottom", "Move to the bottom"),
        )
        for where, words in places:
            action = self._add(menu, words, where)
            action.triggered.connect(lambda _=False, where=where: self.move(jobs, where))
        menu.addSeparator()

    def _add(self, menu: QMenu, words: str, key: str) -> QAction:
        """Add a menu entry that shows its shortcut; the table handles the keys itself."""
        return menu.addAction(f"{words}\t{native(key)}")

    def _can_retry(self, job: Job) -> bool:
        return job.state in ENDED and self._spec(job) is not None

    def _spec(self, job: Job) -> Spec | None:
        if job.state == "unfinished":
            left = self._workspace.unfinished.found
            return next((one.spec for one in left if one.key == job.key), None)
        found = self._workspace.runner.spec(job.key)
        if found is None and self._workspace.study is not None and job.state == "finished":
            found = spec_of(self._workspace.study.entry(job.key))
        return found

    def _dropped(self) -> list[Spec]:
        """Return the specs that ended only because a dependency did not finish."""
        found = []
        for spec in self._workspace.runner.queued_specs():
            job = self._model.job(spec.key)
            if job is not None and job.dropped:
                found.append(spec)
        return found
