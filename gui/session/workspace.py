"""What the pages share: the state of the session, and the services that work on it."""

from __future__ import annotations

from PySide6.QtCore import QObject

from gui.session.edits import Edits
from gui.session.importer import Importer
from gui.session.pace import Pace
from gui.session.state import State


class Workspace(State):
    """The state, with the services that change it. Pages share nothing else.

    Attributes
    ----------
    importer
        Takes in what the user drops, pastes or chooses.
    pace
        Knows how long computations take here.
    edits
        Changes titles, notes and which records there are, and takes that back.
    """

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self.importer = Importer(self)
        self.pace = Pace(self)
        self.edits = Edits(self)
