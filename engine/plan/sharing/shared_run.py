"""Compute a share of a plan in a study on which other processes work at the same time.

The study's folder is all that the processes have in common. Each one claims what it begins
(:mod:`engine.store.claims`), so nothing is computed twice, also where two bear the same number.
What another one writes is found by looking into the folder now and then.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine.jobs.context import Cache, Context
from engine.jobs.events import Ended, Event, Notice, Queued
from engine.plan.computations import COMPUTATIONS
from engine.plan.scheduler import Scheduler
from engine.plan.sharing.share import Share
from engine.plan.sharing.waiting import Waiting
from engine.plan.slots import Slots
from engine.store.asked import line_of
from engine.store.checking import all_taken
from engine.store.claims import Claims
from engine.store.presence import Presence
from engine.store.study import Result, Study

POLL = 2.0  # seconds between two looks at what the others do
AHEAD = 1  # claimed before a slot is free: a claim on a network drive takes a moment
MOST_DEATHS = 5  # of processes, before a computation is left out: it may be what ends them


class SharedRun:
    """Computes a share on the slots of this process.

    Parameters
    ----------
    study
        The study that all processes write to.
    slots
        Device and number of computations side by side.
    share
        What to compute.
    emit
        Called with every event, from any thread.
    take_over
        Seconds after which this process computes what it needs of a shard that is not at work.
    cache
        Values shared with other runs.
    computations
        Kind of spec -> function; replaced in tests.
    clock
        Seconds.
    """

    def __init__(
        self,
        study: Study,
        slots: Slots,
        share: Share,
        emit: Callable[[Event], None],
        *,
        presence: Presence,
        take_over: float,
        cache: Cache | None = None,
        computations: Mapping[str, Callable[[Any, Context], Result]] = COMPUTATIONS,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.study = study
        self.share = share
        self.outcomes: Counter[str] = Counter()
        self._emit = emit
        self._presence = presence
        self._claims = Claims(presence, clock)
        self._clock = clock
        self._news = threading.Event()
        self._ends: deque[Ended] = deque()
        self._queued: set[str] = set()
        self._contested: set[str] = set()
        self._given_up: set[str] = set()
        self._next_look = clock()
        self._stopped = False
        self._open = share.open_in(study)
        self._children: dict[str, list[str]] = {}
        for key, needs in self._open.items():
            for parent in needs:
                self._children.setdefault(parent, []).append(key)
        self._mine = {key for key in self._open if share.is_mine(key)}
        self._waiting = Waiting(share, presence, self._claims, self._say, take_over, clock)
        self.scheduler = Scheduler(study, slots, self._take_event, computations, cache=cache)
        self.scheduler.asked.add(
            line_of(share.specs[key]) for key in self._open if key in self._mine
        )
        if share.shard.count == 1:  # whoever starts a whole plan again wants all of it tried
            self._claims.tidy()
        self._claims.look()
        # What failed in a run that is over is tried again.
        self._old = {key: claim for key in self._open if (claim := self._claims.on(key))}

    @property
    def left(self) -> int:
        """How many computations of the own share have no result."""
        return len(self._mine)

    @property
    def gone(self) -> str:
        """Why nothing more can be computed here, as the device was lost; else ""."""
        return self.scheduler.gone

    @property
    def finished(self) -> bool:
        """Whether nothing of the own share is left, or it was stopped."""
        return not self._queued and (self._stopped or not self._mine)

    def run(
        self,
        stopped: Callable[[], bool] = lambda: False,
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        """Compute until the own share is done.

        ``stopped`` says whether to give up, ``is_over`` then whether to wait no longer for what
        still computes.
        """
        try:
            self._waiting.greet()
            self._refuse_taken()
            while not self.finished:
                if (stopped() or self.gone) and not self._stopped:
                    self._stopped = True
                    self.scheduler.cancel()
                self.step()
                if stopped() and is_over():
                    break
                if not self.finished:
                    self._news.wait(0.2 if self._queued else min(POLL, 0.5))
                    self._news.clear()
        finally:
            self.scheduler.stop()
            self._take_ends()
            self._claims.close()

    def give_up(self, keys: Iterable[str]) -> None:
        """Cancel some computations, which nothing else here needs; on any thread."""
        self._given_up = self._given_up | set(keys)
        self._news.set()

    def step(self) -> None:
        """Take up what happened, and begin what can begin."""
        self._presence.beat()
        self._drop_given_up()
        self._take_ends()
        if self._clock() >= self._next_look:
            self._next_look = self._clock() + POLL
            self._contested.clear()
            self._claims.look()
            self._take_up()
            self._give_up_lost()
            self._waiting.watch(self._open)
            if self._presence.me.shards > 1:
                self._waiting.tell_strangers()
        if not self._stopped:
            self._begin()
            if not self._queued and self._mine:
                self._waiting.tell(list(self._ready()))
            else:
                self._waiting.is_over()

    # --------------------------------------------------------------------------------- what ended

    def _take_event(self, event: Event) -> None:
        """Pass an event on; on any thread."""
        self._emit(event)
        if isinstance(event, Ended):
            self._ends.append(event)
            self._news.set()

    def _drop_given_up(self) -> None:
        for key in self._given_up & self._open.keys():
            if key in self._queued:
                self.scheduler.cancel(key)
            else:
                self._finish(key)
                self._emit(Ended(key, "cancelled"))

    def _take_ends(self) -> None:
        while self._ends:
            ended = self._ends.popleft()
            self._queued.discard(ended.key)
            self.outcomes[ended.outcome] += 1
            if ended.outcome == "finished":
                self._claims.end(ended.key, "done")
                self._finish(ended.key)
            elif ended.outcome == "failed":
                self._claims.end(ended.key, "failed", ended.message)
                self._fail(ended.key)
            else:
                self._claims.release(ended.key)
                if ended.key in self._given_up:
                    self._finish(ended.key)

    def _finish(self, key: str) -> None:
        self._open.pop(key, None)
        self._mine.discard(key)
        for child in self._children.get(key, ()):
            if child in self._open:
                self._open[child].discard(key)

    def _fail(self, key: str) -> None:
        """Take a failed computation out, with all that needs it; count what is of the own share."""
        failed = [key]
        while failed:
            key = failed.pop()
            self._open.pop(key, None)
            self._mine.discard(key)
            reason = f"it needs {self.share.specs[key].title!r}, which failed"
            for child in self._children.get(key, ()):
                if child in self._open and child not in failed:
                    failed.append(child)
                    if child in self._mine:
                        self._fail_unbegun(child, reason)

    def _take_up(self) -> None:
        """Adopt records that others wrote; take out what failed elsewhere."""
        for path in self._record_files(self._open.keys() - self._queued):
            with suppress(OSError, ValueError):  # damaged: it is computed anew
                self.study.adopt(path)
                self._finish(path.stem)
        for key in [key for key in self._open if key not in self._queued]:
            if key not in self._open:  # it needs one of those before
                continue
            claim = self._claims.on(key)
            if claim is not None and claim.state == "failed" and claim != self._old.get(key):
                self._failed_elsewhere(key, claim.message)
            elif self._claims.deaths(key) >= MOST_DEATHS:
                self._failed_elsewhere(
                    key,
                    f"{MOST_DEATHS} processes ended while they computed it; it is left out. The "
                    "same command tries it again once no other process works on the study",
                )

    def _record_files(self, keys: Iterable[str]) -> Iterator[Path]:
        """Yield the records of these keys that are there, by listing: see Presence.others."""
        names: dict[str, set[str]] = {}
        for key in keys:
            names.setdefault(self.share.specs[key].kind, set()).add(f"{key}.h5")
        for kind, wanted in names.items():
            folder = self.study.path / "records" / kind
            with suppress(OSError):  # no record of this kind yet
                yield from [folder / name for name in os.listdir(folder) if name in wanted]

    def _failed_elsewhere(self, key: str, message: str) -> None:
        self._fail_unbegun(key, message)
        self._fail(key)

    def _fail_unbegun(self, key: str, message: str) -> None:
        """Tell of a failure of what nobody queued here, by its title."""
        spec = self.share.specs[key]
        self.outcomes["failed"] += 1
        self._emit(Queued(key, spec.kind, spec.title))
        self._emit(Ended(key, "failed", 0.0, message))

    def _refuse_taken(self) -> None:
        """Fail what cannot be written, before anything is computed for it."""
        missing = self.share.missing_in(self.study)
        places = ((self.share.specs[key].kind, key) for key in missing)
        refused = all_taken(self.study.path, places)
        needless = self.share.needless(self.study, refused) & self._open.keys() if refused else ()
        for key, why in refused.items():
            if key in self._mine:
                self._fail_unbegun(key, why)
            self._fail(key)
        if needless:
            many = "1 computation" if len(needless) == 1 else f"{len(needless)} computations"
            self._say(f"left out: {many} that only what cannot be written needs")
            self.give_up(needless)

    def _give_up_lost(self) -> None:
        """Cancel what another process took over because this one seemed to be dead."""
        for key in self._queued:
            if not self._claims.is_mine(key):
                self.scheduler.cancel(key)

    # -------------------------------------------------------------------------------- what begins

    def _ready(self) -> Iterator[str]:
        """Yield what needs nothing any more and does not run here: the own first, then others'.

        Others' come last first, because their own process begins with the first.
        """
        ready = [key for key, needs in self._open.items() if not needs and key not in self._queued]
        yield from (key for key in ready if key in self._mine)
        yield from (key for key in reversed(ready) if key not in self._mine)

    def _begin(self) -> None:
        slots = self.scheduler.slots
        free = slots.count * slots.width + AHEAD - len(self._queued)
        for key in self._ready() if free > 0 else ():
            if free <= 0:
                return
            if key in self._contested or not self._is_free(key):
                continue
            if key not in self._mine and not self._waiting.may_take(key, idle=not self._queued):
                continue
            died = self._claims.on(key) if self._claims.deaths(key) else None
            if not self._claims.take(key):
                self._contested.add(key)
            elif self.study.take_up(self.share.specs[key]):
                self._claims.end(key, "done")
                self._finish(key)
            else:
                if died is not None:
                    self._waiting.tell_death(key, died.by)
                self._queued.add(key)
                self.scheduler.add([self.share.specs[key]])
                free -= 1

    def _is_free(self, key: str) -> bool:
        """Whether nobody computes this, or has computed it."""
        claim = self._claims.on(key)
        if claim is None or claim.state == "failed":
            return True
        if claim.state == "done":  # its record will be seen, unless somebody deleted it
            return self._presence.is_overdue(f"{key} is done by {claim.by}", 0)
        return not self._claims.is_held(key)

    def _say(self, text: str) -> None:
        self._emit(Notice("", text))
