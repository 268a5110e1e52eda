"""Looking for garbage on the window's own thread, and on no other.

Python collects on whichever thread happens to allocate. On a worker that would destroy widgets and
plot items there, which Qt answers with a crash.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer, Slot

INTERVAL_MS = 200
# Objects made and not freed since the last look, and younger collections since the last older one.
YOUNG_OBJECTS = 5000
YOUNGER = 10


class Collector(QObject):
    """Takes the place of Python's automatic collection for as long as it exists."""

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        gc.disable()
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    @Slot()
    def settle(self) -> None:
        """Leave alone, from now on, everything there is.

        A full collection would visit some 300,000 objects of the libraries, during which, for a
        tenth of a second or more, the window would stand still.
        """
        gc.freeze()

    @Slot()
    def look(self) -> None:
        """Collect as much as is due."""
        young, middle, old = gc.get_count()
        if young > YOUNG_OBJECTS:
            gc.collect(0 if middle < YOUNGER else 1 if old < YOUNGER else 2)

    def stop(self) -> None:
        """Give the work back to Python; call it once no other thread is left."""
        self._timer.stop()
        gc.unfreeze()  # or some libraries would complain of what is left of them
        gc.enable()
