"""A record's settings in the form that makes such records: "use these settings"."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Slot

from engine.specs import ImagesSpec, Measurement, TangentShare
from engine.specs.schema import Spec
from gui.pages import ATTACK, BOUNDARY, DATA, MANIFOLD, MAPS, RETRAIN, TRAIN, Place

if TYPE_CHECKING:
    from gui.pages.common.page import Page

# Retrainings and tuned masks are no choice of any form: a score asks for them, and has its own.
PLACES = {
    "training": TRAIN,
    "adversarial_examples": ATTACK,
    "measurement": ATTACK,
    "maps": MAPS,
    "interpretability": RETRAIN,
    "vae_gan": MANIFOLD,
    "manifold_distance": MANIFOLD,
    "boundary": BOUNDARY,
}
LOST = "Some settings of the record have no field in this form: its Settings tab lists them all."


def place_for(spec: Spec | None) -> Place | None:
    """Return the page whose form can show a record's settings, or None."""
    if isinstance(spec, ImagesSpec):
        return DATA
    if isinstance(spec, Measurement) and isinstance(spec.metric, TangentShare):
        return MANIFOLD
    return None if spec is None else PLACES.get(spec.kind)


class RecordSettings(QObject):
    """Fills a page's form when settings of a record of its kinds are asked for.

    The record's images are chosen first, as proposals for other images replace settings; pages
    whose form does not depend on the chosen images leave these as they are.

    Parameters
    ----------
    fill
        Shows a spec in the form.
    made
        Returns what the form asks for; the user is told if the spec is not among it.
    """

    def __init__(
        self, page: Page, fill: Callable[[Any], object], made: Callable[[], list[Any]] | None = None
    ):
        super().__init__(page)
        self._workspace, self._place = page.workspace, page.place
        self._page, self._fill, self._made = page, fill, made
        self._spec: Spec | None = None
        self._workspace.settings_asked.connect(self._ask)
        self._workspace.images_changed.connect(self._show)
        self._workspace.guests.arrived.connect(self._show)

    @Slot(object)
    def _ask(self, spec: Spec) -> None:
        if place_for(spec) != self._place:
            return
        self._spec = spec
        if self._place in (DATA, BOUNDARY):
            self._use(spec)
            return
        images, own = _images_of(spec), _own_images(spec)
        added = images is not None and images != own and own == self._workspace.images
        if images is not None and own is not None and added:
            self._workspace.guests.bring(images)
        elif images is not None and images != self._workspace.images:
            self._workspace.choose_images(images)
        else:
            self._show()

    @Slot()
    def _show(self, *_: object) -> None:
        spec, workspace = self._spec, self._workspace
        if spec is None or workspace.image_set is None:
            return
        images = _images_of(spec)
        if workspace.images != images and not workspace.guests.has(images):
            return
        self._use(spec)

    def _use(self, spec: Spec) -> None:
        self._spec = None
        if self._page.memory is not None:
            self._page.memory.restore()  # else it would replace these settings right afterwards
        self._fill(spec)
        if self._made is not None and spec not in self._made():
            self._workspace.message.emit(LOST, False)


def _images_of(spec: Any) -> ImagesSpec | None:
    """Return the images that a record is of."""
    own = getattr(spec, "images", None)
    return own if isinstance(own, ImagesSpec) else _own_images(spec)


def _own_images(spec: Any) -> ImagesSpec | None:
    """Return the images that a record's network was trained on."""
    of = getattr(spec, "classifier", None) or getattr(spec, "generator", None)
    found = None if of is None else of.images
    return found if isinstance(found, ImagesSpec) else None
