"""The front: networks that no other one beats in everything, over three freely chosen axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from engine.figures.paper.tradeoff import point_label
from engine.tradeoff.front import dominated
from engine.tradeoff.points import NetworkPoint
from engine.tradeoff.quantities import Quantity
from gui.widgets.forms.elided_combo import ElidedCombo
from gui.widgets.forms.number_edit import guard_wheel
from gui.widgets.label import Label
from gui.widgets.plots.plot import Plot
from gui.widgets.plots.plot_items import Scatter

HOVER = "{point}\n{x_label}: {x:.3g}\n{y_label}: {y:.3g}"
FIRST = ("clean", "robust", "roar/gradient")
COLOURS = 0.3, 0.85  # part of the colour map that is seen on white and on black
MEANING = (
    "A network is beaten where another one is at least as good in all three and better in one. The "
    "errors of the numbers are not taken into account."
)


class FrontView(QWidget):
    """Networks over two quantities, coloured by a third one; those that are beaten are grey.

    Signals
    -------
    hovered, clicked
        Carry the key of a network; ``hovered`` may carry "".
    """

    hovered = Signal(str)
    clicked = Signal(str)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._points: Sequence[NetworkPoint] = ()
        self._quantities: list[Quantity] = []
        self.clouds: list[Scatter] = []
        self.plot = Plot("Front", "", "", export_name="front")
        self.said = Label(wordWrap=True)
        self.said.setProperty("role", "muted")
        self._build()

    def show_points(self, points: Sequence[NetworkPoint], found: Sequence[Quantity]) -> None:
        """Draw these networks by these quantities."""
        self._points, self._quantities = points, list(found)
        for combo, name in zip(self.axes, FIRST, strict=True):
            self._fill(combo, name)
        self.draw()

    def mark(self, key: str) -> None:
        """Draw a ring around a network's point; "" removes it."""
        for cloud in self.clouds:
            cloud.mark(key)

    # ----------------------------------------------------------------------------------- building

    def _build(self) -> None:
        self.axes = (ElidedCombo(), ElidedCombo(), ElidedCombo())
        bar = QHBoxLayout()
        bar.setSpacing(6)
        names = ("Across", "Upwards", "Colour")
        for combo, name in zip(self.axes, names, strict=True):
            combo.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            combo.setMinimumContentsLength(6)
            combo.setToolTip("A number of each network: what is measured, and what scores say")
            combo.setAccessibleName(name)
            guard_wheel(combo)
            combo.currentIndexChanged.connect(self.draw)
            label = Label(name)
            label.setBuddy(combo)
            bar.addWidget(label)
            bar.addWidget(combo, 1)
        self.labelled = QCheckBox("Labels")
        self.labelled.setChecked(True)
        self.labelled.setToolTip("Write the radius of the training beside each point")
        self.labelled.toggled.connect(self.draw)
        bar.addWidget(self.labelled)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(4)
        column.addLayout(bar)
        column.addWidget(self.plot, 1)
        column.addWidget(self.said)

    def _fill(self, combo: QComboBox, first: str) -> None:
        before = combo.currentData() or first
        combo.blockSignals(True)
        combo.clear()
        for quantity in self._quantities:
            combo.addItem(quantity.label, quantity.name)
        combo.setCurrentIndex(max(0, combo.findData(before)))
        combo.blockSignals(False)

    # ------------------------------------------------------------------------------------ drawing

    @Slot()
    def draw(self) -> None:
        """Draw the chart anew."""
        self.plot.clear()
        self.clouds = []
        chosen = self._chosen()
        if chosen is None:
            self.said.setText("")
            return
        keys = set.intersection(*(set(quantity.values) for quantity in chosen))
        points = [point for point in self._points if point.key in keys]
        values = np.array([[q.values[p.key] for q in chosen] for p in points]).reshape(-1, 3)
        beaten = dominated(values, [quantity.better for quantity in chosen])
        across, upwards, colour = chosen
        self._scatter("Beaten by another", points, values, beaten)
        self._scatter("", points, values, ~beaten)
        self._draw_scale(colour, values[:, 2][~beaten])
        sentence = self._sentence(chosen, len(points), int(beaten.sum()))
        self.said.setText(sentence)
        self.plot.set_texts(
            title=f"{upwards.label} against {across.label[:1].lower()}{across.label[1:]}",
            x_label=across.label,
            y_label=upwards.label,
            caption=f"Colour: {colour.label}. {sentence}",
        )

    def _chosen(self) -> tuple[Quantity, Quantity, Quantity] | None:
        known = {quantity.name: quantity for quantity in self._quantities}
        found = [known.get(combo.currentData()) for combo in self.axes]
        across, upwards, colour = found
        if across is None or upwards is None or colour is None:
            return None
        return across, upwards, colour

    def _scatter(
        self,
        name: str,
        points: Sequence[NetworkPoint],
        values: np.ndarray,
        chosen: np.ndarray,
    ) -> None:
        places = np.flatnonzero(chosen).tolist()
        if not places:
            return
        shown = [points[i] for i in places]
        coloured = not name
        cloud = self.plot.scatter(name, "muted", "circle" if coloured else "cross", hover=HOVER)
        third = values[:, 2]
        cloud.set_points(
            values[places, 0],
            values[places, 1],
            [point.key for point in shown],
            names=[f"{p.network}\n{self.axes[2].currentText()}: {third[i]:.3g}"
                   for p, i in zip(shown, places, strict=True)],
            labels=[point_label(point) for point in shown] if self.labelled.isChecked() else (),
            colours=scale(third[places], third[chosen]) if coloured else (),
        )  # fmt: skip
        cloud.hovered.connect(self.hovered)
        cloud.clicked.connect(self.clicked)
        self.clouds.append(cloud)

    def _draw_scale(self, quantity: Quantity, values: np.ndarray) -> None:
        """Write what the colours mean into the legend: the ends and the middle of the scale."""
        if not len(values):
            return
        ends = np.unique([values.min(), (values.min() + values.max()) / 2, values.max()])
        for value, colour in zip(ends, scale(ends, values), strict=True):
            self.plot.scatter(f"{quantity.label} {value:.3g}", colour).set_points([], [])

    def _sentence(self, chosen: Sequence[Quantity], count: int, beaten: int) -> str:
        undirected = [quantity.label for quantity in chosen if not quantity.better]
        text = f"On the front: {count - beaten} of {count} networks with all three numbers. "
        if len(undirected) == len(chosen):
            return text + "None of the three has a better direction: no network is beaten."
        if undirected:
            text += f"Not compared, as neither more nor less is better: {', '.join(undirected)}. "
        less = [quantity.label for quantity in chosen if quantity.better < 0]
        if less:
            text += f"Less is better: {', '.join(less)}. "
        return text + MEANING


def scale(values: np.ndarray, among: np.ndarray) -> list[QColor]:
    """Return a colour for each value, (n,), on a scale from the least to the largest of others."""
    low, high = COLOURS
    least, most = float(np.min(among)), float(np.max(among))
    share = (np.asarray(values) - least) / (most - least or 1.0)
    drawn = pg.colormap.get("viridis").map(low + (high - low) * share, mode="qcolor")
    return list(drawn)
