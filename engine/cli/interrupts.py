"""Ctrl-C in the commands: the first stops in one line, the second ends the process at once.

SIGTERM, which `kill`, `timeout` and the systems of clusters send, and SIGHUP, the end of the
terminal, are the same with exit codes of their own. Python runs the handler of a signal on the main
thread, between two of its own instructions. While that thread is inside a library (drawing, reading
a file), nothing would happen, so a thread of its own counts the signals and ends the process at the
second one.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING

from engine.cli.stopping import SAME, SIGNALLED, code_of, heard_signals
from engine.program import INTERRUPTED

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

STOPPED = "isthmus: stopped"
AGAIN = 0.05  # seconds


class _Count:
    """The signals that asked this process to stop.

    Attributes
    ----------
    seen
        How many there were; those within :data:`SAME` of another are one.
    first
        The number of the first; None before it.
    raised
        Whether the main thread was interrupted. The thread that counts may hear of the signal
        later than that.
    """

    def __init__(self) -> None:
        self.seen = 0
        self.raised = False
        self.first: int | None = None
        self._last = 0.0

    def add(self, number: int) -> None:
        """Count a signal; end the process if it is the second one."""
        now = time.monotonic()
        if self.seen and now - self._last < SAME:
            return
        self.seen, self._last = self.seen + 1, now
        self.first = self.first or number
        if self.seen > 1:
            os._exit(code_of(self.first))


def interruptible(command: Callable[[], int]) -> int:
    """Run a command and return its exit code; after one line, 128 + the signal if one stopped it.

    That is 130 for Ctrl-C, 143 for SIGTERM and 129 for SIGHUP.
    """
    if threading.current_thread() is not threading.main_thread():
        return command()
    with _counted() as count:
        code = _stopped_or_done(command, count)
    return code_of(count.first) if code == INTERRUPTED else code


def _stopped_or_done(command: Callable[[], int], count: _Count) -> int:
    try:
        return command()
    except KeyboardInterrupt:
        pass
    except Exception:
        # A library, or Python while it makes a class, may turn the interrupt into another error.
        if not count.raised:
            raise
    with suppress(OSError):  # the terminal has ended
        print(STOPPED, file=sys.stderr, flush=True)
    return INTERRUPTED


@contextmanager
def _counted() -> Iterator[_Count]:
    """Count the signals meanwhile, and end the process at the second one."""
    count = _Count()
    incoming, outgoing = os.pipe()
    os.set_blocking(outgoing, False)

    def watch() -> None:
        while numbers := os.read(incoming, 64):
            for number in numbers:
                if number in handlers:
                    count.add(number)
        os.close(incoming)

    def stop(_: int, __: FrameType | None) -> None:
        if not count.raised:  # one that is sent twice would else interrupt the cleaning up
            count.raised = True
            raise KeyboardInterrupt

    def swallowed(found: UnraisableHookArgs) -> None:
        """Interrupt again, a moment later, if Python dropped the interrupt in a finaliser."""
        if found.exc_type is not KeyboardInterrupt:
            hook(found)
            return
        count.seen -= 1  # it will be counted again
        count.raised = False
        threading.Timer(AGAIN, _thread.interrupt_main).start()

    hook, sys.unraisablehook = sys.unraisablehook, swallowed
    handlers = {number: signal.signal(number, stop) for number in heard_signals()}
    woken = signal.set_wakeup_fd(outgoing, warn_on_full_buffer=False)
    watcher = threading.Thread(target=watch, name="isthmus-interrupts", daemon=True)
    watcher.start()
    try:
        yield count
    finally:
        signal.set_wakeup_fd(woken)
        for number, before in handlers.items():
            signal.signal(number, before)
        sys.unraisablehook = hook
        os.close(outgoing)
        watcher.join()  # which counts what came last


def end(code: int) -> int:
    """Return the exit code, or end here: threads that still work would delay an interrupt."""
    if code > SIGNALLED:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    return code
