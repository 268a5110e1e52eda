"""A combo box for the network whose weights a training starts from."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QWidget

from engine.specs import ClassifierSpec
from engine.specs.classifiers import START_HELP
from engine.specs.distinguish import networks_apart
from engine.specs.schema import Spec
from gui.look.plain import plain_tip
from gui.widgets.forms.elided_combo import ElidedCombo
from gui.widgets.forms.number_edit import guard_wheel

SHORTEST = 12  # characters that the closed box has room for; the pop-up is as wide as its titles


class StartPicker(ElidedCombo):
    """Offers "From scratch", the finished networks of the present images, and then all others.

    A network of other images can be started from with a new last layer.

    Signals
    -------
    changed
        Another network is chosen.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._offered: list[ClassifierSpec] = []
        self._images: Spec | None = None
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(SHORTEST)
        self.setAccessibleName("Start from")
        guard_wheel(self)
        self._offer([])
        self.currentIndexChanged.connect(self._on_index)

    def network(self) -> ClassifierSpec | None:
        """Return the chosen network; None for a training from scratch."""
        place = self.currentIndex() - 1
        return self._offered[place] if place >= 0 else None

    def choose(self, network: ClassifierSpec | None) -> None:
        """Choose one of the offered networks; any other value chooses "From scratch"."""
        found = network in self._offered
        self.setCurrentIndex(1 + self._offered.index(network) if network and found else 0)

    def remembered(self) -> str:
        """Return the key of the chosen network, "" for none: titles change with other networks."""
        chosen = self.network()
        return "" if chosen is None else chosen.key

    def recall(self, key: str) -> None:
        """Choose the network of this key, if it is offered."""
        found = [spec for spec in self._offered if spec.key == key]
        if found or not key:
            self.choose(found[0] if found else None)

    def set_networks(self, networks: Sequence[ClassifierSpec], images: Spec | None = None) -> None:
        """Offer these networks, newest first; None for images: all are of the present ones.

        With other images than before the choice is "From scratch" again: nothing that the user
        chose for one set of images changes how networks of another one are trained.
        """
        if images != self._images:
            self._images = images
            self.setCurrentIndex(0)
            self._offered = []
            self.clear()
        newest = list(networks)[::-1]
        self._offer(sorted(newest, key=self._is_foreign))

    def _is_foreign(self, network: ClassifierSpec) -> bool:
        return self._images is not None and network.images != self._images

    def set_architecture(self, architecture: Spec | None) -> None:
        """Choose "From scratch" if the chosen network has another architecture.

        An architecture of None means that the form's is not valid yet; the choice then stays.
        """
        chosen = self.network()
        if chosen is not None and architecture is not None and chosen.network != architecture:
            self.setCurrentIndex(0)

    def _offer(self, offered: list[ClassifierSpec]) -> None:
        before = self.network()
        if offered == self._offered and self.count():
            return
        self.blockSignals(True)
        self.clear()
        self._offered = offered
        self.addItem("From scratch")
        several = len({spec.network for spec in offered}) > 1
        titles = [f"{s.title} ({s.network.title})" if several else s.title for s in offered]
        titles = [
            f"{title} of {spec.images.title}, with a new last layer" if foreign else title
            for title, spec, foreign in zip(
                titles, offered, map(self._is_foreign, offered), strict=True
            )
        ]
        self.addItems(networks_apart(titles, offered))
        self.choose(before)
        self.blockSignals(False)
        self.setEnabled(bool(offered))
        self._say()
        if self.network() != before:
            self.changed.emit()

    @Slot()
    def _on_index(self) -> None:
        self._say()
        self.changed.emit()

    def _say(self) -> None:
        chosen = self.network()
        none = "The study has no finished network yet"
        title = f"{chosen.title}\n" if chosen is not None else ""
        self.setToolTip(plain_tip(title + START_HELP if self._offered else none))
