"""The empty state of a page that needs a network: what is missing, and a link to make it."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QStackedWidget

from gui.pages import DATA, TRAIN, Place
from gui.pages.common.network_picker import NetworkPicker
from gui.session.workspace import Workspace
from gui.widgets.empty_state import EmptyState


class NeedsNetwork(EmptyState):
    """Replaces a page's content with a sentence until there are images and a network.

    Signals
    -------
    go_to
        Carries the page on which the user can choose images or train a network.
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
        """Switch a page's stack from now on: index 0, this widget, or 1, the page's content."""
        self._stack = stack
        self.refresh()

    @property
    def met(self) -> bool:
        """Whether the images are loaded and at least one network can be chosen."""
        return self._workspace.image_set is not None and self._picker.available > 0

    @Slot()
    def refresh(self) -> None:
        """Check again what is missing, and show the sentence or the page's content."""
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
