"""The empty state of a page that needs a network: what is missing, and a link to make it."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QStackedWidget

from gui.pages import DATA, TRAIN, Place
from gui.pages.common.network_picker import NetworkPicker
from gui.session import file_dialogs
from gui.session.workspace import Workspace
from gui.widgets.empty_state import EmptyState

OPEN = "Open a network…"


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
        self.other_asked.connect(self._open)

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
            text = "Choose images first, or open a network of yours and the images it was made for."
            self._say(text, "Choose images", DATA, OPEN)
        elif workspace.image_set is None:
            self._say("The images are being loaded.", "", None)
        else:
            text = (
                "There is no network for these images yet: train one, or open a file with weights "
                "of your own, such as a .pt or .safetensors file. It can also be dropped here."
            )
            self._say(text, "Train a network", TRAIN, OPEN)
        if self._stack is not None:
            self._stack.setCurrentIndex(1 if self.met else 0)

    def _say(self, text: str, lead: str, way: Place | None, other: str = "") -> None:
        self.say(text, lead, other)
        self._way = way

    @Slot()
    def _open(self) -> None:
        file_dialogs.open_network(self.window(), self._workspace.importer)

    @Slot()
    def _go(self) -> None:
        if self._way is not None:
            self.go_to.emit(self._way)
