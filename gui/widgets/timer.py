"""Timers. Keywords of Qt's constructors that begin with i do not work in a Turkish environment.

PySide looks for the setter of ``interval`` under its name with a large first letter, which the
Turkish language does not give it there: the window could not be opened at all.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer


def timer(parent: QObject, milliseconds: int, *, once: bool = False) -> QTimer:
    """Return a timer that is not started yet."""
    made = QTimer(parent)
    made.setInterval(milliseconds)
    made.setSingleShot(once)
    return made
