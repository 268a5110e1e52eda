"""Threads that read and decode, and that can be left behind.

A call of the operating system that waits for a drive cannot be interrupted, and decoding one image
takes up to seconds. Who cancels shall not wait for either. So the work runs on threads of its own,
which end by themselves once they find out, and which do not keep the process from ending.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from queue import SimpleQueue
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from engine.data.sources import Check, never

P = ParamSpec("P")
T = TypeVar("T")

# Seconds between two looks at whether the caller wants to cancel.
POLL = 0.05


class LeftBehind(Exception):
    """Nobody waits for this work any more."""


def apart(work: Callable[[Check], T], check: Check) -> T:
    """Return what ``work`` returns, running it on a thread that is left behind on cancelling.

    Parameters
    ----------
    work
        Takes a check to call regularly, which calls ``check`` and raises once the work is left
        behind.
    check
        Called about 20 times a second on the calling thread, whatever the work does, and on the
        other thread; may raise to cancel. An interrupt of the process cancels as well.
    """
    left = threading.Event()
    ended = threading.Event()
    answer: Future[T] = Future()

    def inner_check() -> None:
        if left.is_set():
            raise LeftBehind
        check()

    def run() -> None:
        try:
            answer.set_result(work(inner_check))
        except BaseException as error:
            answer.set_exception(error)
        finally:
            ended.set()

    threading.Thread(target=run, name="reading", daemon=True).start()
    try:
        while not ended.wait(POLL):
            check()
    except BaseException:
        left.set()
        raise
    return answer.result()


def left_behind_on_cancel(function: Callable[P, T]) -> Callable[P, T]:
    """Run a function that takes ``check_cancelled`` by :func:`apart`."""

    @functools.wraps(function)
    def wrapped(*arguments: P.args, **options: P.kwargs) -> T:
        given: Any = options.pop("check_cancelled", None) or never
        context = copy_context()  # where files without a name lie is the caller's choice

        def work(check: Check) -> T:
            options["check_cancelled"] = check
            return context.run(function, *arguments, **options)

        return apart(work, given)

    return wrapped


class Workers:
    """A few threads that call functions, in the order in which they are handed in."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()

    def __enter__(self) -> Workers:
        """Start the threads."""
        for _ in range(self._count):
            threading.Thread(target=self._work, name="decoding", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Let the threads end after what was handed in; do not wait for them."""
        for _ in range(self._count):
            self._calls.put(None)

    def submit(
        self, function: Callable[P, T], *arguments: P.args, **options: P.kwargs
    ) -> Future[T]:
        """Hand in one call; the future has its result."""
        answer: Future[T] = Future()

        def call() -> None:
            try:
                answer.set_result(function(*arguments, **options))
            except BaseException as error:
                answer.set_exception(error)

        self._calls.put(call)
        return answer

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
