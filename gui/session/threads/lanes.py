"""Lanes: threads that serve one request at a time, and on each channel only the newest.

The runner owns them, and hands their answers to the window.
"""

from __future__ import annotations

import threading
import traceback
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.jobs.context import Control


@dataclass
class Request:
    """Work on a channel, and what is called with its result or its error.

    What is to be ``kept`` is done also where the lane is stopped before its turn.
    """

    channel: str
    work: Callable[[Control], Any]
    done: Callable[[Any], None]
    failed: Callable[[str], None]
    control: Control | None = None
    stale: bool = False
    kept: bool = False


@dataclass
class Answer:
    """The result of a request, or one sentence on why there is none."""

    request: Request
    value: Any = None
    error: str = ""


@dataclass
class Lane:
    """One thread that serves the newest request of each channel, in order of arrival.

    A passing one ends when nothing waits any more.
    """

    name: str
    answers: SimpleQueue[Any]
    waiting: OrderedDict[str, Request] = field(default_factory=OrderedDict)
    current: Request | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)
    stopping: bool = False
    thread: threading.Thread | None = None
    passing: bool = False

    def ask(self, request: Request) -> None:
        """Serve a request in its turn; older ones on its channel become stale."""
        with self.changed:
            self._outdate(request.channel)
            if self.stopping:  # a timer may still ask while the window closes
                request.stale = True
                return
            self.waiting[request.channel] = request
            if self.thread is None:
                self.thread = threading.Thread(target=self._work, name=self.name, daemon=True)
                self.thread.start()
            self.changed.notify()

    @property
    def busy(self) -> bool:
        """Whether a request is waiting or being served."""
        with self.changed:
            return bool(self.waiting) or self.current is not None

    def forget(self, channel: str) -> None:
        """Make the requests on a channel stale."""
        with self.changed:
            self._outdate(channel)

    def stop(self, timeout: float) -> bool:
        """Cancel everything and wait for the thread; return whether it ended in time, in s."""
        self.begin_stop()
        if self.thread is None:
            return True
        self.thread.join(timeout)
        return not self.thread.is_alive()

    def begin_stop(self) -> None:
        """Cancel all but what is to be kept; the thread ends when that has ended."""
        with self.changed:
            self.stopping = True
            waiting = [channel for channel, one in self.waiting.items() if not one.kept]
            for channel in [*waiting, *([self.current.channel] if self.current else [])]:
                self._outdate(channel)
            self.changed.notify()

    def _outdate(self, channel: str) -> None:
        for request in (self.waiting.pop(channel, None), self.current):
            if request is not None and request.channel == channel:
                request.stale = True
                if request.control is not None:
                    request.control.cancel()

    def _work(self) -> None:
        from engine.jobs.context import Cancelled, Control

        while (request := self._next(Control)) is not None:
            answer = Answer(request)
            try:
                answer.value = request.work(request.control)  # type: ignore[arg-type]
            except Cancelled:
                request.stale = True
            except ValueError as error:
                answer.error = str(error)
            except Exception as error:
                traceback.print_exc()
                answer.error = f"{type(error).__name__}: {error}"
            # Queue the answer before clearing ``current``, so that a lane that is not busy has
            # delivered all its answers.
            self.answers.put(answer)
            with self.changed:
                self.current = None
            del request, answer  # the thread may wait for hours, and results can be large

    def _next(self, control: type[Control]) -> Request | None:
        with self.changed:
            while not self.waiting and not self.stopping and not self.passing:
                self.changed.wait()
            if not self.waiting:
                return None
            _, self.current = self.waiting.popitem(last=False)
            self.current.control = control()
            return self.current
