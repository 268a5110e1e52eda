"""Who computes: threads of this window or workers of dask, what each does and has done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from engine.jobs.events import Ended, Event, Started, WorkerNews

LEAST_SECONDS = 5.0  # of computing, before a rate is told
THREAD = "isthmus-"  # begins the names of the scheduler's threads

RowState = Literal["here", "lost", "stopped"]


@dataclass
class Row:
    """One that computes.

    Attributes
    ----------
    computing
        Titles by key.
    ended
        How many computations ended here, by outcome.
    busy
        Seconds for which it computed, up to ``since``.
    losses
        How often it was lost.
    """

    title: str
    device: str
    state: RowState = "here"
    computing: dict[str, str] = field(default_factory=dict)
    ended: Counter[str] = field(default_factory=Counter)
    busy: float = 0.0
    since: float = 0.0
    losses: int = 0
    told: str = ""

    @property
    def doing(self) -> str:
        """What it does, in words."""
        if self.computing:
            first, *others = self.computing.values()
            return f"{first} and {len(others)} more" if others else first
        return {"here": "nothing at present", "lost": "lost", "stopped": "stopped"}[self.state]

    def rate(self, now: float) -> float | None:
        """Return how many computations a minute of its computing it finished; None if unknown."""
        busy = self.busy + (now - self.since if self.computing else 0.0)
        done = self.ended["finished"]
        return 60.0 * done / busy if done and busy >= LEAST_SECONDS else None


class Roster:
    """All that compute for the open study, from the events of computations and workers.

    Parameters
    ----------
    clock
        Seconds, which stop while the queue is paused.
    """

    def __init__(self, clock: Callable[[], float]):
        self._clock = clock
        self.rows: dict[str, Row] = {}
        self.news = ""
        self._at: dict[str, str] = {}  # the row of each key that is computed

    def clear(self, slots: int = 0, device: str = "") -> None:
        """Begin anew, with so many threads of this window, on a device."""
        self.news = ""
        self._at.clear()
        self.rows = {f"{THREAD}{slot}": Row(f"slot {slot + 1}", device) for slot in range(slots)}

    def take(self, event: Event) -> None:
        """Note what an event says of who computes."""
        if isinstance(event, Started) and event.where:
            self._begin(event)
        elif isinstance(event, Ended):
            self._end(event)
        elif isinstance(event, WorkerNews):
            self._hear(event)

    def _begin(self, event: Started) -> None:
        self._leave(event.key)
        row = self.rows.setdefault(event.where, Row(event.where, ""))
        if not row.computing:
            row.since = self._clock()
        row.computing[event.key] = event.title
        self._at[event.key] = event.where

    def _end(self, event: Ended) -> None:
        row = self._leave(event.key)
        if row is not None:
            row.ended[event.outcome] += 1

    def _leave(self, key: str) -> Row | None:
        """Take a computation from where it was computed."""
        row = self.rows.get(self._at.pop(key, ""))
        if row is not None and row.computing.pop(key, None) is not None and not row.computing:
            row.busy += self._clock() - row.since
        return row

    def _hear(self, news: WorkerNews) -> None:
        self.news = f"{news.text[:1].upper()}{news.text[1:]}."
        if not news.name:
            for row in self.rows.values() if news.state in ("ended", "gone") else ():
                self._empty(row)
                row.state = "stopped"
            return
        row = self.rows.setdefault(news.name, Row(news.name, news.device))
        row.told = news.text
        row.device = news.device or row.device
        if news.state == "lost":
            self._empty(row)
            row.state, row.losses = "lost", row.losses + 1
        else:
            row.state = "here"

    def _empty(self, row: Row) -> None:
        for key in list(row.computing):
            self._leave(key)
