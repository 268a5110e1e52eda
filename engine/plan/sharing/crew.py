"""The workers of a run: one connection to a scheduler, and what is known of each worker."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

from engine.devices.maker import libraries
from engine.jobs.events import Ended, Event, Started, WorkerNews
from engine.plan.sharing.cluster import GONE, POLL, SchedulerGone, Workers, connected, workers_of
from engine.plan.sharing.on_worker import (
    TOPIC,
    Order,
    Slot,
    about_worker,
    compute_bundle,
    forget,
    steer,
    title_of,
)
from engine.plan.sharing.relay import event_from, seconds_between

SILENT = 10.0  # seconds without an answer of the scheduler, after which it is gone
LOOK = 1.0  # seconds between two looks at who is there
Box = SimpleQueue[Event | None]


@dataclass
class Hand:
    """A worker, and the titles of what it computes, by key."""

    title: str
    address: str
    threads: int
    device: str = ""
    who: str = ""
    computing: dict[str, str] = field(default_factory=dict)


class Crew:
    """Workers that are reached when they are first needed, and followed until :meth:`close`.

    Parameters
    ----------
    workers
        Which ones.
    asked
        How they compute.
    emit
        Takes what happens to workers, on any thread.
    on_count
        Takes how many bundles they can compute at once.

    Attributes
    ----------
    shown
        Whether somebody looks at pictures of what is computed.
    """

    def __init__(
        self,
        workers: Workers,
        asked: Slot,
        emit: Callable[[Event], None],
        on_count: Callable[[int], None],
    ):
        self.workers = workers
        self.slot = workers.slot(asked)
        self.hands: dict[str, Hand] = {}  # by title
        self.run = uuid.uuid4().hex
        self.shown = False
        self._emit = emit
        self._on_count = on_count
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ready, self._closing = threading.Event(), threading.Event()
        self._client: Any = None
        self._gone = ""
        self._boxes: dict[str, Box] = {}
        self._refused: set[tuple[str, str]] = set()  # address, and SHA-256 of a file or ""

    # ------------------------------------------------------------------------------ from outside

    def connect(self) -> None:
        """Reach the workers, if that has not been done, or did not hold.

        Raises
        ------
        SchedulerGone
            If it cannot be done; the message is one sentence.
        """
        if self._closing.is_set():
            raise SchedulerGone("the study is being closed")
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._ready, self._gone = threading.Event(), ""
                self._thread = threading.Thread(target=self._hold, name="isthmus-workers")
                self._thread.start()
            ready = self._ready
        ready.wait()
        self.check()

    def check(self) -> None:
        """Raise :class:`SchedulerGone` if the scheduler does not answer any more."""
        if self._gone or self._client is None:
            raise SchedulerGone(self._gone or GONE)

    def give_up(self) -> None:
        """Let go of workers that have not been reached yet; :meth:`close` is to follow."""
        if self._client is None:
            self._closing.set()

    def close(self, timeout: float) -> None:
        """Let the workers go, or end those that were started here; wait so many seconds for it."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def hand_out(self, order: Order, box: Box) -> tuple[Any, set[str]]:
        """Give an order to whoever is free; return its future, and who may take it if not all.

        Parameters
        ----------
        box
            Takes the events of the order, and None when it has ended.

        Raises
        ------
        SchedulerGone
            If the scheduler does not answer any more.
        """
        self.check()
        refused = self._refusing(order)
        among = {hand.address for hand in self._known() if hand.address not in refused}
        only = {"workers": sorted(among), "allow_other_workers": False} if refused else {}
        self._boxes[order.name] = box
        try:
            future = self._client.submit(compute_bundle, order, pure=False, **only)
            future.add_done_callback(lambda _: box.put(None))
        except Exception as error:  # dask raises many kinds when a connection breaks
            raise SchedulerGone(GONE) from error
        return future, among if refused else set()

    def is_over(self, order: Order, future: Any) -> None:
        """Forget an order, and cancel what may be left of it."""
        self._boxes.pop(order.name, None)
        with suppress(Exception):  # the connection may be gone
            future.cancel(force=True)

    def steer(self, order: Order, cancelled: list[str], paused: bool) -> None:
        """Tell whoever computes an order what to cancel, and whether to pause the rest."""
        self.check()
        with suppress(Exception):  # a worker that cannot be told is lost, or its scheduler is
            self._client.run(steer, order.name, cancelled, paused, on_error="ignore")

    def refuse(self, address: str, order: Order, reason: str, *, wholly: bool = False) -> str:
        """Note that a worker cannot compute an order, or nothing; return that in a sentence."""
        title = next((hand.title for hand in self._known() if hand.address == address), address)
        sentence = (
            f"{title} {reason}; it computes nothing{'' if wholly else ' that needs the file'}"
        )
        digests = {""} if wholly else {digest for _, digest in order.plugins}
        with self._lock:
            new = {(address, digest) for digest in digests} - self._refused
            self._refused |= new
        if new:
            self._emit(WorkerNews("", title, "refused", sentence))
        return sentence

    def is_left(self, order: Order) -> bool:
        """Whether a worker is there that has not refused an order's files."""
        refused = self._refusing(order)
        return any(hand.address not in refused for hand in self._known())

    @property
    def addresses(self) -> set[str]:
        """The addresses of the workers that are there."""
        return {hand.address for hand in self._known()}

    @property
    def devices(self) -> list[str]:
        """What each worker that is there computes on; those that cannot compute are left out."""
        with self._lock:
            useless = {address for address, digest in self._refused if not digest}
        return [hand.device for hand in self._known() if hand.address not in useless]

    @property
    def pictures(self) -> float:
        """Seconds between two pictures of a computation; 0 if nobody looks at any."""
        computing = sum(hand.threads for hand in self._known()) * (self.slot.jobs or 1)
        return seconds_between(computing) if self.shown else 0.0

    def _known(self) -> list[Hand]:
        return [hand for hand in list(self.hands.values()) if hand.address]

    def _refusing(self, order: Order) -> set[str]:
        digests = {"", *(digest for _, digest in order.plugins)}
        with self._lock:
            return {address for address, digest in self._refused if digest in digests}

    # ------------------------------------------------------------------------------ the connection

    def _hold(self) -> None:
        """Hold the connection, and look who is there; on a thread of its own."""
        where = self.workers.scheduler
        count = self.workers.count
        many = "1 worker process is" if count == 1 else f"{count} worker processes are"
        text = f"connecting to {where}" if where else f"{many} starting on this machine"
        waiting = f"waiting for the workers of {where or 'this machine'}"
        self._say("", "starting", text)
        try:
            with connected(
                self.workers,
                self.slot.device,
                self._closing.is_set,
                lambda: self._say("", "waiting", waiting),
            ) as client:
                self._client = client
                client.subscribe_topic(TOPIC, self._take)
                self._look()
                self._ready.set()
                self._follow()
                self._let_go(client)
                self._say("", "ended", "left the workers" if where else "the workers were stopped")
        except ValueError as error:
            self._gone = str(error)
        except Exception as error:  # whatever dask raises while it starts
            self._gone = f"the workers cannot be used: {type(error).__name__}: {error}"
        finally:
            self._client = None
            self._drop()

    def _let_go(self, client: Any) -> None:
        """Let workers that stay give back the memory of this run's images."""
        if self.workers.scheduler:
            with suppress(Exception):  # one that is lost has given it back
                client.run(forget, self.run, on_error="ignore")

    def _drop(self) -> None:
        """Tell whoever waits that there are no workers any more."""
        if self._gone:
            self._say("", "gone", self._gone)
        self.hands.clear()
        with self._lock:
            self._refused.clear()
        self._ready.set()
        for box in list(self._boxes.values()):
            box.put(None)

    def _follow(self) -> None:
        answered = looked = time.monotonic()
        while not self._closing.wait(POLL):
            now = time.monotonic()
            if self._client.status == "running":
                answered = now
            elif now - answered > SILENT or self._client.status == "closed":
                raise SchedulerGone(GONE)
            if now - looked >= LOOK and answered == now:
                looked = now
                self._look()

    def _take(self, told: tuple[float, Mapping[str, Any]]) -> None:
        """Pass on what a worker says of an order of this run; on dask's thread."""
        box = self._boxes.get(told[1]["order"])
        if box is None:
            return
        event = event_from(told[1]["kind"], told[1]["fields"])
        address = told[1]["worker"]
        for hand in self._known():
            if hand.address == address:
                if isinstance(event, Started):
                    hand.computing[event.key] = event.title
                elif isinstance(event, Ended):
                    hand.computing.pop(event.key, None)
        box.put(event)

    # --------------------------------------------------------------------------------- who is there

    def _look(self) -> None:
        try:
            found = workers_of(self._client)
        except OSError:  # the connection has broken: whether it comes back is looked at elsewhere
            return
        for hand in self._known():
            if hand.address not in found:
                self._lose(hand, left=bool(found))
        new = sorted(found.keys() - self.addresses, key=lambda one: str(found[one]["name"]))
        about = self._about(new)
        for address in new:
            hand = Hand(title_of(found[address]["name"]), address, int(found[address]["nthreads"]))
            self._greet(hand, about.get(address))
        self._on_count(sum(hand.threads for hand in self._known()))

    def _about(self, addresses: list[str]) -> dict[str, Any]:
        if not addresses:
            return {}
        try:
            told: dict[str, Any] = self._client.run(
                about_worker, self.slot, workers=addresses, on_error="return"
            )
        except OSError:  # it went again
            return {}
        return told

    def _greet(self, hand: Hand, about: Any) -> None:
        """Take up a worker that came, or came back."""
        if about is None:
            return  # gone again, or not heard of: the next look tells
        again = hand.title in self.hands
        self.hands[hand.title] = hand
        if isinstance(about, BaseException):
            with self._lock:
                self._refused.add((hand.address, ""))
            reason = f"{hand.title} cannot compute here: {type(about).__name__}: {about}"
            self._say(hand.title, "refused", reason)
            return
        hand.device = about["device"]
        place = f" on {about['host']}" if self.workers.scheduler else ""
        hand.who = f"process {about['process']}{place}"
        verb = "is back" if again else "is ready"
        text = f"{hand.title} ({hand.who}) {verb} and computes on {hand.device}"
        self._say(hand.title, "back" if again else "ready", text, hand.device)
        own, found = libraries(), about.get("libraries", "an earlier version")
        if found != own:
            text = f"{hand.title} has {found}, this process {own}: its numbers may differ"
            self._say(hand.title, "differs", text, hand.device)

    def _lose(self, hand: Hand, *, left: bool) -> None:
        """Say that a worker does not answer any more, and what becomes of its work."""
        titles = list(hand.computing.values())
        shown = ", ".join(repr(title) for title in titles[:2])
        more = f" and {len(titles) - 2} more" if len(titles) > 2 else ""
        what = f" while it computed {shown}{more}" if titles else ""
        if not self.workers.scheduler:
            then = "it is started again, and its work goes on with whoever is free"
        elif left:
            then = "its work goes on with another worker" if titles else "others are there"
        else:
            then = "no worker is left, and the run waits for one"
        who = f"{hand.title} ({hand.who})" if hand.who else hand.title
        hand.address = ""
        hand.computing.clear()
        self._say(hand.title, "lost", f"{who} was lost{what}: {then}")

    def _say(self, name: str, state: Any, text: str, device: str = "") -> None:
        self._emit(WorkerNews("", name, state, text, device))
