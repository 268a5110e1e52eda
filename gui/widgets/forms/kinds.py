"""Tells forms that there are more kinds of specs to choose from than when they were built."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal


class Kinds(QObject):
    """What a file of the user declares comes after the forms that are open already.

    Signals
    -------
    grown
        Kinds were declared. None goes away while the window is open.
    """

    grown = Signal()


kinds = Kinds()
