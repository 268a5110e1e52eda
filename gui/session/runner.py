"""The only interface between the window and the engine's threads.

Computations run on the scheduler's workers. They put their events into a queue, which a timer here
empties 20 times a second. Reading records, importing images and computing previews each have a
lane: a thread that serves one request at a time, and on each channel only the newest request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from gui.session.threads.event_flow import EventFlow, all_of
from gui.session.threads.lanes import Answer, Lane, Request
from gui.session.threads.leaving import Leaving, Tap
from gui.session.threads.libraries import load_without_lock

if TYPE_CHECKING:
    from engine.data.image_set import ImageSet
    from engine.jobs.context import Context, Control
    from engine.plan.cost import Rates, Size
    from engine.plan.forecast import Forecast
    from engine.plan.scheduler import Prepared, QueueMove, Scheduler
    from engine.plan.sharing.cluster import Workers
    from engine.plan.slots import Slots
    from engine.specs import ImagesSpec
    from engine.specs.schema import Spec
    from engine.store.asked import Asked
    from engine.store.study import Study

DRAIN_INTERVAL_MS = 50
ANSWER_INTERVAL_MS = 4
STOP_SECONDS = 5.0


class Runner(QObject):
    """Runs plans, previews and reads for the window, and brings their answers to the GUI thread.

    Signals
    -------
    engine_event
        Every engine event, in order, except that each tick passes on only the newest progress,
        probe maps and snapshot of a computation.
    ready
        The engine is loaded: computations can start.
    broken
        The engine cannot be loaded; takes one sentence.
    """

    engine_event = Signal(object)
    ready = Signal()
    broken = Signal(str)

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self._events = EventFlow()
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        self._reading = Lane("isthmus-reading", self._answers)
        self._importing = Lane("isthmus-importing", self._answers)
        self._previewing = Lane("isthmus-preview", self._answers)
        self._preparing = Lane("isthmus-preparing", self._answers)
        lanes = self._reading, self._importing, self._previewing, self._preparing
        self._lanes: tuple[Lane, ...] = lanes
        self._scheduler: Scheduler | None = None
        self._tap = Tap(self._events.put)
        self.leaving = Leaving(self)
        self._specs: dict[str, Spec] = {}
        self._asked = 0
        self.loaded = False
        self.on_workers = False
        self._timer = QTimer(self)
        self._timer.setInterval(DRAIN_INTERVAL_MS)
        self._timer.timeout.connect(self._drain)
        self._timer.start()
        # Answers have a faster timer: a preview that follows the mouse must not wait 50 ms.
        self._answer_timer = QTimer(self)
        self._answer_timer.setInterval(ANSWER_INTERVAL_MS)
        self._answer_timer.timeout.connect(self._drain_answers)

    # ------------------------------------------------------------------------------- computations

    def load_engine(self) -> None:
        """Import torch and the engine on a lane, so that the window appears before they load."""

        def work(_: Control) -> None:
            import engine.plan.scheduler  # noqa: F401

        load_without_lock()

        self.ask("engine", work, self._on_loaded, self.broken.emit)

    def open(
        self, study: Study, device: str = "auto", *cores: int | None, workers: Workers | None = None
    ) -> None:
        """Run plans in this study from now on, on :func:`~engine.plan.slots.slots_on`.

        What the study before computes is cancelled; nobody waits for its end.
        """
        from engine.plan.slots import slots_on
        from gui.session.threads.who_computes import scheduler_of

        slots = slots_on(device, *cores)
        before, self._scheduler = self._scheduler, None
        if before is not None:
            self._pass(self.leaving.leave(before, self._tap))
        self._specs.clear()
        self.on_workers = workers is not None
        self._tap = Tap(self._events.put)
        self._scheduler = scheduler_of(study, slots, self._tap, workers, (device, *cores))

    def prepare(
        self,
        specs: Callable[[], Iterable[Spec]],
        rates: Rates,
        size: Size,
        done: Callable[[tuple[list[Prepared], Forecast]], None],
        failed: Callable[[str], None],
    ) -> None:
        """Name and estimate on a lane what is missing for specs; see :meth:`run_prepared`."""
        scheduler = self._open_scheduler()
        self._asked += 1  # a channel each: a newer request does not replace an older one

        def work(control: Control) -> tuple[list[Prepared], Forecast]:
            from engine.plan.forecast import forecast

            found = scheduler.prepare(specs(), control.check)
            missing = [one.spec for one in found]
            return found, forecast(missing, scheduler.slots, rates, size, check=control.check)

        self._preparing.ask(Request(f"prepare {self._asked}", work, done, failed))
        self._answer_timer.start()

    def _open_scheduler(self) -> Scheduler:
        if self._scheduler is None:
            raise ValueError("no study is open: open or create one first")
        return self._scheduler

    def run(self, specs: Iterable[Spec]) -> list[Spec]:
        """Queue what is missing for these specs, and return it."""
        queued = self._open_scheduler().add(specs)
        self._specs.update((spec.key, spec) for spec in queued)
        return queued

    def run_prepared(
        self,
        prepared: Sequence[Prepared],
        done: Callable[[list[Spec]], None],
        failed: Callable[[str], None],
    ) -> None:
        """Queue on a lane what :meth:`prepare` answered; ``done`` gets what was queued."""
        scheduler = self._open_scheduler()
        self._asked += 1
        # Before any event: whoever gets one may ask for the spec.
        self._specs.update((one.spec.key, one.spec) for one in prepared)

        def work(_: Control) -> list[Spec]:
            return scheduler.add_prepared(prepared)

        self._preparing.ask(Request(f"queue {self._asked}", work, done, failed))
        self._answer_timer.start()

    def spec(self, key: str) -> Spec | None:
        """Return a spec that was queued since the study was opened, by its key."""
        return self._specs.get(key)

    def queued_specs(self) -> list[Spec]:
        """Return every spec that was queued since the study was opened, in order."""
        return list(self._specs.values())

    def waiting(self) -> list[tuple[str, frozenset[str]]]:
        """Return the waiting computations in order, each with the keys it depends on."""
        return self._scheduler.waiting() if self._scheduler is not None else []

    def reorder(self, keys: Iterable[str], where: QueueMove) -> None:
        """Move waiting computations in the queue."""
        if self._scheduler is not None:
            self._scheduler.reorder(keys, where)

    def share_images(self, spec: ImagesSpec, images: ImageSet) -> None:
        """Let computations use images that are already in memory."""
        if self._scheduler is not None:
            from engine.jobs.device_images import share_images

            share_images(self._scheduler.cache, spec, images)

    def cancel(self, key: str | Iterable[str] | None = None) -> None:
        """Cancel one computation, several, or all."""
        if self._scheduler is not None:
            self._scheduler.cancel(key)

    def set_paused(self, paused: bool) -> None:
        """Pause or resume all computations."""
        if self._scheduler is not None:
            (self._scheduler.pause if paused else self._scheduler.resume)()

    @property
    def busy(self) -> bool:
        """Whether any computation runs or waits."""
        return self._scheduler is not None and self._scheduler.busy

    @property
    def pending(self) -> list[Spec]:
        """The specs that are running or waiting in the open study."""
        return self._scheduler.pending if self._scheduler is not None else []

    @property
    def asked(self) -> Asked | None:
        """The list of what was queued in the open study."""
        return self._scheduler.asked if self._scheduler is not None else None

    @property
    def slots(self) -> Slots | None:
        """The device that computes the open study, and how many computations run at once."""
        return self._scheduler.slots if self._scheduler is not None else None

    @property
    def workers(self) -> list[str] | None:
        """The devices of the workers that are there, one each; None: this window computes."""
        return getattr(self._scheduler, "devices", [])[:] if self.on_workers else None

    # ------------------------------------------------------------------------ reads and previews

    def ask(
        self,
        channel: str,
        work: Callable[[Control], Any],
        done: Callable[[Any], None],
        failed: Callable[[str], None],
        *,
        long: bool = False,
    ) -> None:
        """Call ``work`` on a lane, then ``done`` or ``failed`` on the GUI thread.

        Parameters
        ----------
        channel
            A newer request on the same channel makes this one stale: neither callback is called.
        work
            Called with a control whose ``check()`` raises once the request is stale.
        done, failed
            Called with the result, or with an error message of one sentence.
        long
            The work may take minutes; it gets a lane of its own, so that short reads do not wait.
        """
        lane = self._importing if long else self._reading
        lane.ask(Request(channel, work, done, failed))
        self._answer_timer.start()

    def change(
        self,
        work: Callable[[], Any],
        done: Callable[[Any], None],
        failed: Callable[[str], None],
    ) -> None:
        """Change the open study on a lane, one change after the other and each to its end."""
        self._asked += 1
        request = Request(f"change {self._asked}", lambda _: work(), done, failed, kept=True)
        self._preparing.ask(request)
        self._answer_timer.start()

    def ask_apart(
        self,
        channel: str,
        work: Callable[[Callable[[], None]], Any],
        done: Callable[[Any], None],
        failed: Callable[[str], None],
    ) -> None:
        """Call ``work`` as :meth:`ask` does, where nothing else waits for it.

        It is for what asks about a path of the user's, whose drive may never answer: when it is
        forgotten, or the window closes, the thread that waits for the drive is left behind.
        ``work`` takes a check, which raises from then on.
        """
        from engine.data.safety.apart import apart

        def guarded(control: Control) -> Any:
            return apart(work, control.check)

        self._pass(Request(channel, guarded, done, failed))

    def _pass(self, request: Request) -> None:
        """Serve a request on a lane of its own."""
        self._lanes = tuple(lane for lane in self._lanes if not lane.passing or lane.busy)
        lane = Lane("isthmus-path", self._answers, passing=True)
        self._lanes += (lane,)
        lane.ask(request)
        self._answer_timer.start()

    def forget(self, channel: str) -> None:
        """Cancel the requests on a channel; neither callback is called."""
        for lane in self._lanes:
            lane.forget(channel)
        self._answer_timer.start()

    def preview(
        self,
        channel: str,
        specs: Iterable[Spec],
        done: Callable[[Any], None],
        failed: Callable[[str], None],
        *,
        compute: Callable[[Any, Context], Any] | None = None,
    ) -> None:
        """Compute specs without storing them; ``done`` gets the list of their results.

        Their classifiers must be in the open study. A newer request on the same channel replaces
        this one. If given, ``compute`` is called instead of computing the record.
        """
        wanted = list(specs)
        scheduler = self._scheduler
        if scheduler is None:
            failed("no study is open: open or create one first")
            return

        def work(control: Control) -> list[Any]:
            from engine.plan import scheduler as plan_scheduler

            function = compute or plan_scheduler.compute
            return [
                function(spec, self._preview_context(scheduler, spec, control)) for spec in wanted
            ]

        self._previewing.ask(Request(channel, work, done, failed))
        self._answer_timer.start()

    def _preview_context(self, found: Scheduler, spec: Spec, control: Control) -> Context:
        from engine.jobs.context import Context

        return Context(spec, found.study, found.slots.device, _ignore, control, found.cache)

    def cancel_all(self) -> None:
        """Cancel computations, previews and reads for good; :meth:`shutdown` is to follow."""
        self.cancel()
        for lane in self._lanes:
            lane.begin_stop()

    @property
    def takes_changes(self) -> bool:
        """Whether :meth:`change` still does anything; once the window closes, it does not."""
        return not self._preparing.stopping

    @property
    def quiet(self) -> bool:
        """Whether nothing is computed, read or written."""
        return not self.busy and not any(lane.busy for lane in self._lanes)

    @property
    def running_titles(self) -> list[str]:
        """The titles of the computations that are running or waiting."""
        return [spec.title for spec in self.pending]

    @property
    def served(self) -> list[str]:
        """The channels whose requests are being served."""
        return [request.channel for lane in self._lanes if (request := lane.current) is not None]

    def shutdown(self) -> bool:
        """Stop all threads; return whether they ended in time."""
        self._timer.stop()
        self._answer_timer.stop()
        end = time.monotonic() + STOP_SECONDS
        for lane in self._lanes:
            lane.begin_stop()
        scheduler, self._scheduler = self._scheduler, None
        ended = [scheduler is None or scheduler.stop(STOP_SECONDS)]
        ended.append(self.leaving.finish(max(0.0, end - time.monotonic())))
        return all([*ended, *(lane.stop(max(0.0, end - time.monotonic())) for lane in self._lanes)])

    # ------------------------------------------------------------------------------------ private

    def _on_loaded(self, _: None) -> None:
        self.loaded = True
        self.ready.emit()

    @Slot()
    def _drain(self) -> None:
        for event in self._events.turn():
            self.engine_event.emit(event)
        if self._events.more:
            QTimer.singleShot(0, self, self._drain)

    @Slot()
    def _drain_answers(self) -> None:
        if not any(lane.busy for lane in self._lanes):
            self._answer_timer.stop()
        for answer in all_of(self._answers):
            if answer.request.stale:
                continue
            if answer.error:
                answer.request.failed(answer.error)
            else:
                answer.request.done(answer.value)


def _ignore(_: object) -> None:
    """Discard the argument: an event of a preview."""
