"""What the tabs of the Attack page share that look around one image, live, for every network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from engine.specs import AdversarialExamples, AttackSpec
from gui.look.plain import plain_tip
from gui.pages.attack.form import AttackForm
from gui.pages.common.network_picker import NetworkPicker
from gui.pages.common.strip_images import StripImages
from gui.session.class_names import ClassNames
from gui.session.networks import Network
from gui.session.previews import LivePreviews
from gui.session.workspace import Workspace
from gui.widgets.chip import Chip
from gui.widgets.elided_label import Elided, ElidedLabel
from gui.widgets.images.image_strip import ImageStrip

PATIENCE_MS = 150


@dataclass(frozen=True)
class Parts:
    """What a page lends its tabs.

    Attributes
    ----------
    form
        Of the attack.
    picker, strip, images
        The networks, and the images to choose from.
    names
        Of the classes.
    """

    workspace: Workspace
    form: AttackForm
    picker: NetworkPicker
    strip: ImageStrip
    images: StripImages
    names: ClassNames


class ColumnHead(QWidget):
    """The colour and the title of a network, above its pictures."""

    def __init__(self, parent: QWidget):
        super().__init__(parent)
        self._chip = Chip(self)
        self._title = ElidedLabel(elide=Qt.TextElideMode.ElideMiddle)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self._chip)
        row.addWidget(self._title, 1)

    def show_network(self, title: str, series: int | None) -> None:
        """Show a title; without a series there is no dot."""
        self._chip.set_series(series)
        self._title.set_text(title)
        self._title.setToolTip(plain_tip(title))


class LiveTab(QWidget):
    """Asks for something about the chosen image of every chosen network, and draws the answers.

    Nothing is asked for while the tab is out of sight. An answer is drawn when those of all
    networks are there, because they have scales in common.

    Attributes
    ----------
    parts
        What the page lends.
    results
        The newest answers, by the key of the network.
    failures
        A sentence for each network that has none.
    """

    def __init__(self, parts: Parts, channel: str, parent: QWidget):
        super().__init__(parent)
        self.parts = parts
        self.results: dict[str, Any] = {}
        self.failures: dict[str, str] = {}
        self._stale = True
        self._image: object = None
        self.previews = LivePreviews(parts.workspace.runner, channel, self, patience_ms=PATIENCE_MS)
        self.previews.answered.connect(self._on_answer)
        self.previews.failed.connect(self._on_failure)
        self.previews.late.connect(self.dim)
        self.room = QVBoxLayout(self)
        self.room.setContentsMargins(0, 8, 0, 0)
        self.room.setSpacing(8)
        self.note = Elided()
        self.note.setProperty("role", "muted")
        parts.picker.changed.connect(self.ask)
        parts.strip.changed.connect(self.ask)
        parts.images.changed.connect(self.ask)
        parts.form.changed.connect(self.ask)
        parts.names.changed.connect(self.ask)
        parts.workspace.study_changed.connect(self._on_study)

    # --------------------------------------------------------------------- for the tabs to give

    def attack(self) -> AttackSpec | None:
        """Return the attack to ask for; None while a field is invalid."""
        raise NotImplementedError

    def compute(self) -> Callable[[Any, Any], Any]:
        """Return the function of spec and context that answers."""
        raise NotImplementedError

    def draw(self) -> None:
        """Draw the results and the failures."""
        raise NotImplementedError

    def dim(self) -> None:
        """Draw what is out of date faintly."""
        raise NotImplementedError

    def complete(self) -> None:
        """Take up that the answers of all networks are there."""

    # ----------------------------------------------------------------------------------- asking

    @property
    def networks(self) -> list[Network]:
        """The chosen networks."""
        return self.parts.picker.networks

    def specs(self) -> list[AdversarialExamples]:
        """Return one spec for each chosen network, with the chosen image."""
        attack = self.attack()
        if attack is None or self.parts.workspace.image_set is None:
            return []
        return [
            AdversarialExamples(
                classifier=network.spec,
                attack=attack,
                images=None if network.spec.images == images else images,
                indices=tuple(indices),
            )
            for images, indices, _ in self.parts.images.shown.by_set(self.parts.strip.chosen[:1])
            for network in self.networks
        ]

    @Slot()
    def ask(self) -> None:
        """Ask for the present settings, unless the tab is out of sight."""
        self._stale = not self.isVisible()
        if self._stale:
            return
        specs = self.specs()
        keys = {spec.classifier.key for spec in specs}
        image = [(spec.images, spec.indices) for spec in specs[:1]]
        if image != self._image:
            self._image = image
            self.forget_image()
        for known in (self.results, self.failures):
            for key in set(known) - keys:
                del known[key]
        self._start(specs)
        if not specs:
            self.draw()

    def _start(self, specs: list[AdversarialExamples]) -> None:
        self.previews.compute = self.compute()
        self.previews.ask(specs)

    def ask_again(self) -> None:
        """Ask for the same networks and image with what :meth:`compute` now returns."""
        self._start(self.specs())

    def forget_image(self) -> None:
        """Forget what belongs to the image that was chosen before."""

    def showEvent(self, event: QShowEvent) -> None:
        """Ask if something changed out of sight."""
        super().showEvent(event)
        if self._stale:
            self.ask()

    def hideEvent(self, event: Any) -> None:
        """Stop computing what nobody sees."""
        super().hideEvent(event)
        if self.previews.busy:
            self.previews.stop()
            self._stale = True

    @Slot(object, object)
    def _on_answer(self, spec: AdversarialExamples, result: Any) -> None:
        self.results[spec.classifier.key] = result
        self.failures.pop(spec.classifier.key, None)
        self._draw_when_complete()

    @Slot(object, str)
    def _on_failure(self, spec: AdversarialExamples, text: str) -> None:
        self.failures[spec.classifier.key] = text
        self.results.pop(spec.classifier.key, None)
        self._draw_when_complete()

    def _draw_when_complete(self) -> None:
        if not self.previews.busy:
            self.draw()
            self.complete()

    @Slot()
    def _on_study(self) -> None:
        self.previews.stop()
        self.results.clear()
        self.failures.clear()
        self.ask()

    # ------------------------------------------------------------------------------------ names

    def shown(self) -> list[tuple[Network, Any]]:
        """Return the chosen networks that have a result, with it."""
        return [(one, self.results[one.key]) for one in self.networks if one.key in self.results]

    def class_names(self, count: int = 0) -> list[str]:
        """Return the names of the first network's classes, at least ``count`` of them."""
        for network in self.networks[:1]:
            known = self.parts.names.of(network.spec.images)
            return self.parts.names.listed(network.spec, max(count, len(known)))
        return []

    def image_name(self) -> str:
        """Return what figures call the image."""
        images, chosen = self.parts.images.shown, self.parts.strip.chosen
        if not chosen:
            return "no image"
        return images.name(chosen[0]) if images.is_guest(chosen[0]) else f"test image {chosen[0]}"
