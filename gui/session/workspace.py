"""The object that all pages share: the session's state and the services that change it."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject

from engine.specs.schema import Spec
from gui.session.colours import NetworkColours
from gui.session.edits import Edits
from gui.session.files.openings import Openings
from gui.session.files.plans import Plans
from gui.session.guests import Guests
from gui.session.importer import Importer
from gui.session.letters import Letters
from gui.session.networks import Networks
from gui.session.pace import Pace
from gui.session.picks.pins import Pins
from gui.session.picks.selection import ImageSelection
from gui.session.queueing import Queueing
from gui.session.state import State
from gui.session.unfinished import UnfinishedWork
from gui.session.watching import Watching


class Workspace(State):
    """The state, with the services that change it. Pages share nothing else.

    Attributes
    ----------
    colours
        Numbers the networks, so that each has one colour on every page.
    networks
        Lists the networks that can be used with the current images.
    importer
        Imports what the user drops, pastes or chooses.
    plans
        Computes experiments that files describe.
    guests
        The images that were dropped on pages which show some beside the study's own.
    pace
        Estimates how long computations take on this machine.
    queueing
        Queues what is asked for, and asks first if it is long.
    watching
        Takes up what other windows and commands do to the study.
    unfinished
        Tells what was asked for and has no result, resumes and discards it.
    letters
        Says which letters of names no font has.
    selection
        The images that were picked in a gallery or a table, for all pages.
    pins
        The charts that are shown together on a page of their own.
    edits
        Changes titles and notes, opens networks, deletes records, and undoes that.
    openings
        Opens the study that was open before, with what was selected in it, for undo.
    """

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self.colours = NetworkColours(self)
        self.networks = Networks(self)
        self.importer = Importer(self)
        self.plans = Plans(self, self.importer)
        self.guests = Guests(self)
        self.pace = Pace(self)
        self.queueing = Queueing(self, self.pace)
        self.edits = Edits(self)
        self.importer.choose = self.edits.choose_images
        self.importer.add = self.edits.add_network
        self.guests.step = self.edits.step
        self.watching = Watching(self)
        self.unfinished = UnfinishedWork(self, self.queueing)
        self.letters = Letters(self)
        self.selection = ImageSelection(self)
        self.pins = Pins(self)
        self.openings = Openings(self, self.edits, self.importer)
        self.openings.remember(self.selection, self.selection.kept, self.selection.show_kept)

    def run(self, specs: Iterable[Spec]) -> list[Spec]:
        """Compute and store what is missing for these specs; see :class:`Queueing`."""
        return self.queueing.run(specs)
