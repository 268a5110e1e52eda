"""The images that a page with networks lists: the study's own, and those dropped on it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal, Slot

from engine.specs import FolderImages, ImagesSpec
from gui.pages.common.network_picker import NetworkPicker
from gui.session import file_dialogs
from gui.session.guests import ShownImages
from gui.session.workspace import Workspace
from gui.widgets.images.image_strip import ImageStrip
from gui.widgets.label import Label


class StripImages(QObject):
    """Fills a strip, lets images be added to it, and says how a chosen one was prepared.

    Signals
    -------
    changed
        The strip was filled again.
    arrived
        Takes the indices of images that were just added.

    Attributes
    ----------
    origin
        A line that says how the first chosen image was prepared; hidden for the study's own.
    """

    changed = Signal()
    arrived = Signal(list)

    def __init__(self, workspace: Workspace, picker: NetworkPicker, strip: ImageStrip):
        super().__init__(strip)
        self._workspace, self._picker, self._strip = workspace, picker, strip
        self.shown = ShownImages(None, None)
        # What was added last, and which images were chosen before that.
        self._before: tuple[ImagesSpec | None, tuple[int, ...]] = (None, ())
        self.origin = Label(wordWrap=True)
        self.origin.setProperty("role", "muted")
        self.origin.hide()
        tip = "Images to look at beside the study's own; dropping and pasting do the same"
        self.add = strip.offer_adding(tip)
        strip.add_asked.connect(self._ask_files)
        strip.changed.connect(self._say_origin)
        workspace.images_changed.connect(self.fill)
        workspace.guests.changed.connect(self.fill)
        workspace.guests.arrived.connect(self._on_arrived)
        workspace.selection.changed.connect(self._on_selection)
        workspace.openings.remember(self, lambda: strip.chosen, strip.choose)
        if workspace.selection.indices:
            self._on_selection()

    def like(self) -> ImagesSpec | None:
        """Return the images like which others are prepared: those of the first chosen network.

        None while there is no network, or its images are points of the plane.
        """
        networks, image_set = self._picker.networks, self._workspace.image_set
        if image_set is None or not networks or image_set.shape[0] not in (1, 3):
            return None
        return networks[0].spec.images

    @Slot()
    def fill(self) -> None:
        """Show the present images of the study and the guests."""
        gone, chosen = self._before
        if gone is not None and not self._workspace.guests.has(gone):
            self._before = None, ()  # the adding was undone: show what it replaced
        else:
            chosen = ()
        if self._workspace.image_set is not None:
            self.shown = shown = self._workspace.guests.shown
            self._strip.set_images(shown, shown.labels, shown.classes, shown.names)
            if chosen:
                self._strip.choose(chosen)
        self.changed.emit()

    @Slot()
    def _on_selection(self) -> None:
        """List the selected images only, and choose the first of them."""
        indices = self._workspace.selection.indices
        self._strip.narrow(indices or None)
        if indices:
            self._strip.lead_to(indices[: self._strip.most])

    def choose(self, spec: ImagesSpec | None, indices: Sequence[int]) -> None:
        """Choose images of a set by their numbers in it; None stands for the study's own."""
        self._strip.lead_to(self.shown.place_of(spec, indices))

    @Slot(object)
    def _on_arrived(self, spec: ImagesSpec) -> None:
        guests = [guest for guest in self.shown.guests if guest.spec == spec]
        self._before = spec, self._strip.chosen
        if guests:
            self.arrived.emit(self.shown.place_of(spec, range(len(guests[0]))))

    @Slot()
    def _say_origin(self) -> None:
        chosen = self._strip.chosen
        note = self.shown.note(chosen[0]) if chosen and chosen[0] < len(self.shown) else ""
        self.origin.setText(" ".join(filter(None, [note, self._others() if note else ""])))
        self.origin.setVisible(bool(note))

    def _others(self) -> str:
        """Say which chosen networks were trained on images that were prepared otherwise."""
        like = self.like()
        rule = _rule(like)
        others = [n.title for n in self._picker.networks if _rule(n.spec.images) != rule]
        return f"Otherwise than for {', '.join(others)}." if others else ""

    @Slot()
    def _ask_files(self) -> None:
        like = self.like()
        paths = file_dialogs.ask_image_files(self._strip.window())
        if paths and like is not None:
            self._workspace.guests.take(paths, like)


def _rule(images: ImagesSpec | None) -> tuple[object, ...]:
    """Return how files become images of a set; () of images that are no files."""
    if not isinstance(images, FolderImages):
        return ()
    return images.fit, images.bit_depth, images.black, images.white, images.beyond
