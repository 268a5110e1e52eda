"""Ctrl-C in the commands: the first stops in one line, the second ends the process at once.

Python runs the handler of a signal on the main thread, between two of its own instructions. While
that thread is inside a library (drawing, reading a file), nothing would happen, so a thread of its
own counts the signals and ends the process at the second one.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING

from engine.program import INTERRUPTED

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

STOPPED = "isthmus: stopped"
AGAIN = 0.05  # seconds


def interruptible(command: Callable[[], int]) -> int:
    """Run a command and return its exit code; 130, after one line, if Ctrl-C stopped it."""
    if threading.current_thread() is not threading.main_thread():
        return command()
    with _counted() as count:
        try:
            return command()
        except KeyboardInterrupt:
            pass
        except Exception:
            if not count():  # a library may turn the interrupt into an error of its own
                raise
        print(STOPPED, file=sys.stderr)
        return INTERRUPTED


@contextmanager
def _counted() -> Iterator[Callable[[], int]]:
    """Count the interrupts meanwhile, and end the process at the second one."""
    seen = 0
    incoming, outgoing = os.pipe()
    os.set_blocking(outgoing, False)

    def watch() -> None:
        nonlocal seen
        while numbers := os.read(incoming, 64):
            seen += numbers.count(signal.SIGINT)
            if seen > 1:
                os._exit(INTERRUPTED)
        os.close(incoming)

    def stop(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    def swallowed(found: UnraisableHookArgs) -> None:
        """Interrupt again, a moment later, if Python dropped the interrupt in a finaliser."""
        nonlocal seen
        if found.exc_type is not KeyboardInterrupt:
            hook(found)
            return
        seen -= 1  # it will be counted again
        threading.Timer(AGAIN, _thread.interrupt_main).start()

    hook, sys.unraisablehook = sys.unraisablehook, swallowed
    before = signal.signal(signal.SIGINT, stop)
    woken = signal.set_wakeup_fd(outgoing, warn_on_full_buffer=False)
    threading.Thread(target=watch, name="isthmus-interrupts", daemon=True).start()
    try:
        yield lambda: seen
    finally:
        signal.set_wakeup_fd(woken)
        signal.signal(signal.SIGINT, before)
        sys.unraisablehook = hook
        os.close(outgoing)


def end(code: int) -> int:
    """Return the exit code, or end here: threads that still work would delay an interrupt."""
    if code == INTERRUPTED:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    return code
