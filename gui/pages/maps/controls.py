"""The choices of the Maps page: the explained class, how maps are drawn, and differences."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from engine.attribution import pictures
from engine.specs import AttributionSpec
from gui.look import settings
from gui.look.plain import plain_tip
from gui.pages.maps.columns import Drawing
from gui.widgets.forms.elided_combo import ElidedCombo
from gui.widgets.forms.number_boxes import DecimalBox
from gui.widgets.forms.number_edit import guard_wheel
from gui.widgets.forms.side_panel import labelled_rows
from gui.widgets.images.colormap_choice import fill_colormaps

NONE, CHOSEN, TO_FIRST = "none", "chosen", "first"
PREDICTED, TRUE = "predicted", "true"


class ClassChoice(QWidget):
    """Chooses the class, and the quantity of that class, that every map explains.

    Signals
    -------
    changed
        The class or the quantity changed.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.label = _combo("The class whose score the maps explain")
        self.quantity = _combo(
            "Log-probability: minus the loss, as in the paper; logit: the class alone"
        )
        self.quantity.addItem("log-probability", "log_probability")
        self.quantity.addItem("logit", "logit")
        self._fill(())
        _column(self, labelled_rows(("Class", self.label), ("Its", self.quantity)))
        for combo in (self.label, self.quantity):
            combo.currentIndexChanged.connect(self.changed)

    def applied(self, spec: AttributionSpec) -> AttributionSpec:
        """Return a copy of an attribution spec that explains the chosen class and quantity."""
        chosen = self.label.currentData()
        numbered = isinstance(chosen, int)
        return (
            spec.replace("target", None)
            .replace("explained", PREDICTED if numbered else chosen)
            .replace("target", chosen if numbered else None)
            .replace("quantity", self.quantity.currentData())
        )

    def use(self, spec: AttributionSpec) -> None:
        """Show the class and the quantity that an attribution explains."""
        values = spec.parameters()
        target = values.get("target")
        wanted = values.get("explained") if target is None else target
        self.label.setCurrentIndex(max(0, self.label.findData(wanted)))
        self.quantity.setCurrentIndex(max(0, self.quantity.findData(values.get("quantity"))))

    def set_classes(self, names: Sequence[str]) -> None:
        """Offer these classes; keep the chosen one if it still exists."""
        before = self.label.currentData()
        if [self.label.itemText(row) for row in range(2, self.label.count())] == list(names):
            return
        self.label.blockSignals(True)
        self._fill(names)
        self.label.setCurrentIndex(max(0, self.label.findData(before)))
        self.label.blockSignals(False)
        if self.label.currentData() != before:
            self.changed.emit()

    def _fill(self, names: Sequence[str]) -> None:
        self.label.clear()
        self.label.addItem("the predicted one", PREDICTED)
        self.label.addItem("the true one", TRUE)
        for number, name in enumerate(names):
            self.label.addItem(name, number)


class DrawingChoice(QWidget):
    """Chooses the percentile at which maps are clipped, their colours and their scale.

    Signals
    -------
    changed
        The drawing settings changed.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.percentile = DecimalBox(decimals=1, singleStep=0.5, suffix=" %")
        self.percentile.setRange(50.0, 100.0)
        self.percentile.setValue(pictures.PERCENTILE)
        self.percentile.setToolTip("Values beyond this percentile are clipped")
        guard_wheel(self.percentile)
        self.colormap = _combo("Colours from the most negative to the most positive value")
        fill_colormaps(self.colormap)
        self.colormap.setCurrentIndex(max(0, self.colormap.findData(settings.colormap())))
        self.scale = _combo("The value that is drawn strongest; zero is always neutral")
        self.scale.addItem("for each picture", False)
        self.scale.addItem("one for a column", True)
        _column(
            self,
            labelled_rows(
                ("Clip at", self.percentile),
                ("Colours", self.colormap),
                ("Scale", self.scale),
            ),
        )
        self.percentile.valueChanged.connect(self.changed)
        for combo in (self.colormap, self.scale):
            combo.currentIndexChanged.connect(self.changed)

    @property
    def drawing(self) -> Drawing:
        """How the maps are to be drawn."""
        return Drawing(
            self.percentile.value(), self.colormap.currentData(), self.scale.currentData()
        )


class DifferenceChoice(QWidget):
    """Chooses the columns whose differences are shown.

    Signals
    -------
    changed
        The choice of differences changed.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.mode = _combo("Maps subtracted from one another, in columns of their own")
        self.mode.addItem("none", NONE)
        self.mode.addItem("of two columns", CHOSEN)
        self.mode.addItem("each minus the first", TO_FIRST)
        self.first, self.second = (_combo("Two columns to compare") for _ in range(2))
        self._pair = QWidget()
        _column(self._pair, labelled_rows(("Of", self.first), ("minus", self.second)))
        _column(self, labelled_rows(("Show", self.mode)), self._pair)
        self._show_pair()
        self.mode.currentIndexChanged.connect(self._show_pair)
        for combo in (self.mode, self.first, self.second):
            combo.currentIndexChanged.connect(self.changed)

    def offer(self, names: Sequence[str]) -> None:
        """Offer these columns; keep the chosen ones if they still exist, else choose the first."""
        for place, combo in enumerate((self.first, self.second)):
            before = combo.currentText()
            combo.blockSignals(True)
            combo.clear()
            combo.addItems(list(names))
            found = combo.findText(before)
            combo.setCurrentIndex(found if found >= 0 else min(place, len(names) - 1))
            combo.blockSignals(False)

    def pairs(self, methods: Sequence[str]) -> list[tuple[int, int]]:
        """Return the pairs of columns to subtract: minuend and subtrahend.

        Parameters
        ----------
        methods
            Method of each column, ordered by network. "Each minus the first" subtracts the first
            network's map of the same method; with a single network it subtracts the first method.
        """
        mode, count = self.mode.currentData(), len(methods)
        if mode == TO_FIRST:
            firsts = [(place, methods.index(method)) for place, method in enumerate(methods)]
            found = [(place, first) for place, first in firsts if place != first]
            return found or [(place, 0) for place in range(1, count)]
        pair = self.first.currentIndex(), self.second.currentIndex()
        if mode == NONE or not 0 <= min(pair) <= max(pair) < count or pair[0] == pair[1]:
            return []
        return [pair]

    @Slot()
    def _show_pair(self) -> None:
        self._pair.setVisible(self.mode.currentData() == CHOSEN)


def _combo(tip: str) -> QComboBox:
    combo = ElidedCombo()
    combo.setToolTip(plain_tip(tip))
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    guard_wheel(combo)
    return combo


def _column(widget: QWidget, *parts: object) -> None:
    layout = QVBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    for part in parts:
        if isinstance(part, QWidget):
            layout.addWidget(part)
        else:
            layout.addLayout(part)  # type: ignore[arg-type]
