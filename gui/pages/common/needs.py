"""What a page shows while there is nothing to show: what is missing, and the way there."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QStackedWidget

from gui.pages import DATA, TRAIN, Place
from gui.pages.common.network_picker import NetworkPicker
from gui.session.workspace import Workspace
from gui.widgets.empty_state import EmptyState


class NeedsNetwork(EmptyState):
    """Stands in a page's place, with a sentence, until there are images and a network.

    Signals
    -------
    go_to
        Takes the page where what is missing can be made.
    """

    go_to = Signal(object)

    def __init__(self, workspace: Workspace, picker: NetworkPicker):
        super().__init__()
        self._workspace = workspace
        self._picker = picker
        self._way: Place | None = None
        self._stack: QStackedWidget | None = None
        self.asked.connect(self._go)

    def guard(self, stack: QStackedWidget) -> None:
        """Choose from now on what a page's stack shows: this (0) or the page's content (1)."""
        self._stack = stack
        self.refresh()

    @property
    def met(self) -> bool:
        """Whether there is all that the page needs."""
        return self._workspace.image_set is not None and self._picker.available > 0

    @Slot()
    def refresh(self) -> None:
        """Look again at what there is."""
        workspace = self._workspace
        if workspace.images is None:
            self._say("Choose images first.", "Choose images", DATA)
        elif workspace.image_set is None:
            self._say("The images are being loaded.", "", None)
        else:
            text = "There is no network for these images yet: train one first."
            self._say(text, "Train a network", TRAIN)
        if self._stack is not None:
            self._stack.setCurrentIndex(1 if self.met else 0)

    def _say(self, text: str, lead: str, way: Place | None) -> None:
        self.say(text, lead)
        self._way = way

    @Slot()
    def _go(self) -> None:
        if self._way is not None:
            self.go_to.emit(self._way)
