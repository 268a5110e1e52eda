"""Garbage collection on the GUI thread only.

Python runs its garbage collector on whichever thread happens to allocate. On a worker thread it
would destroy widgets and plot items there, which crashes Qt.
"""

from __future__ import annotations

import gc
import time

from PySide6.QtCore import QObject, QTimer, Slot

INTERVAL_MS = 200
# Thresholds, as in ``gc.set_threshold``: objects allocated and not freed since the last collection,
# and collections of one generation before the next older one is collected.
YOUNG_OBJECTS = 5000
YOUNGER = 10
# Little of what is made while the window starts is garbage, and visiting it took 0.1 s.
STARTING_OBJECTS = 2_000_000
# Of the time may go into visiting all objects, and into visiting those of the younger generations:
# with thousands of new jobs either takes a tenth of a second.
MOST_SHARE = 0.005
MOST_SHARE_YOUNG = 0.02


class Collector(QObject):
    """Replaces Python's automatic garbage collection until :meth:`stop` is called."""

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        gc.disable()
        self._settled = False
        self._due = 0.0  # when all objects may be visited again
        self._due_young = 0.0  # and the others
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    @Slot()
    def settle(self) -> None:
        """Exclude all present objects from future collections.

        A full collection would visit some 300,000 objects of the libraries, and freeze the window
        for a tenth of a second or more.
        """
        gc.freeze()
        self._settled = True

    @Slot()
    def look(self) -> None:
        """Collect the generations whose thresholds are reached."""
        young, middle, old = gc.get_count()
        begun = time.monotonic()
        few = YOUNG_OBJECTS if self._settled else STARTING_OBJECTS
        if young <= few or begun < self._due_young:
            return
        generation = 0 if middle < YOUNGER else 1 if old < YOUNGER else 2
        if generation == 2 and begun < self._due:
            generation = 1
        # Of the processor: on a busy machine the clock would put the next one off for minutes.
        spent = time.thread_time()
        gc.collect(generation)
        taken = time.thread_time() - spent
        if generation == 2:
            self._due = begun + taken / MOST_SHARE
        else:
            self._due_young = begun + taken / MOST_SHARE_YOUNG

    def stop(self) -> None:
        """Re-enable Python's own collection. Call this when no other thread is left."""
        self._timer.stop()
        gc.unfreeze()  # else some libraries report leaked objects at exit
        gc.enable()
