"""The line below the form of the images: how much memory they take, before they are read."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QWidget

from engine import memory
from engine.specs import FolderImages, ImagesSpec
from gui.session.workspace import Workspace
from gui.widgets.forms.spec_form import SpecForm
from gui.widgets.label import Label

TIP = (
    "Pixels take a byte each. Sets larger than the share in the settings stay in a file on the "
    "disk, from which they are read as they are used"
)


class SizeLine(Label):
    """Says what the form's image size means in bytes, for the present files or for one image."""

    def __init__(self, workspace: Workspace, form: SpecForm, parent: QWidget | None = None):
        super().__init__("", parent)
        self._workspace, self._form = workspace, form
        self.setProperty("role", "muted")
        self.setWordWrap(True)
        self.setToolTip(TIP)
        form.changed.connect(self.refresh)
        workspace.images_changed.connect(self.refresh)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Show the size for the form's present values; nothing where files do not set it."""
        spec = self._form.spec()
        self.setVisible(isinstance(spec, FolderImages))
        if isinstance(spec, FolderImages):
            self.setText(needed(spec, self._count(spec), memory.image_memory()))

    def _count(self, spec: ImagesSpec) -> int:
        """Return how many images were read with the same limits; 0 if that is not known."""
        present, images = self._workspace.images, self._workspace.image_set
        limits = ("name", "digest", "max_train", "max_test")
        if images is None or not isinstance(present, FolderImages):
            return 0
        if any(getattr(present, name) != getattr(spec, name) for name in limits):
            return 0
        parts = (images.train_images, images.test_images, images.validation_images)
        return sum(map(len, parts))


def needed(spec: FolderImages, count: int, allowed: int) -> str:
    """Return in words what images need.

    Parameters
    ----------
    count
        Number of images, or 0 if it is not known.
    allowed
        Bytes that a set may take in memory.
    """
    each = spec.image_size**2 * (1 if spec.channels == "grey" else 3)
    side, most = f"{spec.image_size} × {spec.image_size} px", memory.in_words(allowed)
    if not count:
        return f"{allowed // each:,} images of {side} fit into the {most} that images may take"
    size = f"{count:,} images of {side} take {memory.in_words(each * count)}"
    if each * count <= allowed:
        return f"{size} of memory"
    return f"{size}: more than the {most} they may take in memory, so they are kept on the disk"
