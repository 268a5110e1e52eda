"""Densities of distances to the manifold, the verdict on their order, and a table of numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from engine.texts import one_line
from gui.look import theme
from gui.look.colours import Colour
from gui.look.icons import icon
from gui.pages.common.network_picker import NetworkPicker
from gui.pages.manifold.view import ManifoldContent, Numbers, PanelView, Tone
from gui.session.networks import Network
from gui.widgets.forms.number_edit import guard_wheel
from gui.widgets.label import Label
from gui.widgets.number_table import Cell, NumberTable, TableRow
from gui.widgets.plots.plot import Plot
from gui.widgets.plots.plot_items import PlotCurve
from gui.widgets.sentence import Sentence

if TYPE_CHECKING:
    from engine.manifold.order import Distances

CLEAN = "muted"
ICONS: dict[Tone, tuple[str, str]] = {
    "good": ("good", "good"),
    "warning": ("warning", "warning"),
    "error": ("error", "bad"),
}
ICON_SIDE = 20
ROW_HEIGHT = 24
SHARES = ("known", "known_baseline", "estimated", "estimated_baseline", "overlap")
HOVER = "{name}\n{x_label}: {x:.3f}\n{y_label}: {y:.2f}\n{point}"
PICKED = 30  # as many parts of the range of a curve as its images are picked by


class VerdictLine(QFrame):
    """A sentence coloured by its tone, and a mark that shows the tone without colour."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.setProperty("role", "card")
        self.tone: Tone = "warning"
        self._mark = Label()
        self.sentence = Sentence()
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        font = self.sentence.font()
        font.setBold(True)
        self.sentence.setFont(font)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(8)
        row.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.sentence, 1)
        theme.signals.changed.connect(self._paint_mark)

    def say(self, text: str, tone: Tone) -> None:
        """Show a sentence; "" hides the line."""
        self.setVisible(bool(text))
        self.tone = tone
        self.sentence.say(text, tone)
        self._paint_mark()

    @Slot()
    def _paint_mark(self) -> None:
        name, colour = ICONS[self.tone]
        self._mark.setPixmap(icon(name, colour).pixmap(QSize(ICON_SIDE, ICON_SIDE)))


class DistancesView(QWidget):
    """Shows one panel of a view: densities, verdict, and a table of the networks' numbers.

    Signals
    -------
    hovered
        Carries the key of the network under the mouse, or "".
    opened
        Carries the key of the network whose row was double-clicked.
    images_picked
        Takes the numbers of the test images near the point of a curve that was clicked, and what
        they have in common.
    """

    hovered = Signal(str)
    opened = Signal(str)
    images_picked = Signal(list, str)

    def __init__(self, picker: NetworkPicker, parent: QWidget | None = None):
        super().__init__(parent)
        self._picker = picker
        self._view = ManifoldContent()
        self._networks: list[Network] = []
        self._drawn: dict[str, PlotCurve] = {}
        self._build_parts()
        self._build_layout()
        self.plot.pointed.connect(self.hovered)
        self.table.hovered.connect(self.hovered)
        self.table.opened.connect(self.opened)
        self.panel.currentIndexChanged.connect(self._draw)

    # ------------------------------------------------------------------------------------- public

    def show_view(self, view: ManifoldContent, networks: Sequence[Network]) -> None:
        """Show the panels and shares of a view; keep the chosen panel if it still exists."""
        self._view, self._networks = view, list(networks)
        before = self.panel.currentText()
        self.panel.blockSignals(True)
        self.panel.clear()
        for panel in view.panels:
            self.panel.addItem(panel.name)
        self.panel.setCurrentIndex(max(0, self.panel.findText(before)) if view.panels else -1)
        self.panel.blockSignals(False)
        self.panel.setEnabled(len(view.panels) > 1)
        self.stack.setCurrentIndex(1 if view.panels or view.shares else 0)
        self._draw()

    def set_highlighted(self, key: str) -> None:
        """Draw the curve of one network thick and choose its row; for "", highlight none."""
        for name, curve in self._drawn.items():
            curve.set_strong(bool(key) and name == key)
        if key and not self.table.underMouse():
            self.table.choose(key)

    def say(self, text: str) -> None:
        """Set the sentence that is shown while there are no distances and shares."""
        self.sentence.setText(text)

    # ----------------------------------------------------------------------------------- building

    def _build_parts(self) -> None:
        self.panel = QComboBox()
        self.panel.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.panel.setToolTip("Norm and loss of the networks' adversarial training")
        guard_wheel(self.panel)
        self.detail = Label()
        self.detail.setProperty("role", "muted")
        self.plot = Plot(
            "Distance to the manifold",
            "Scaled distance to the reconstruction",
            "Density",
            export_name="manifold-distances",
        )
        self.verdict = VerdictLine()
        self.table = NumberTable("Networks")
        self.table.setToolTip(
            "Distances are scaled by the clean test images: 0 the nearest, 1 the farthest.\n"
            "Tangent: share of the loss gradient in the tangent space that is known; random: "
            "what a direction without preference has.\nEstimate: the same by the generator's "
            "decoder; overlap: how much of the known space the decoder's contains."
        )
        self.table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.sentence = Label(wordWrap=True)
        self.sentence.setProperty("role", "muted")
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)

    def _build_layout(self) -> None:
        label = Label("Training")
        label.setBuddy(self.panel)
        bar = QHBoxLayout()
        bar.setSpacing(8)
        for widget in (label, self.panel):
            bar.addWidget(widget)
        bar.addWidget(self.detail, 1)
        upper = QWidget()
        above = QVBoxLayout(upper)
        above.setContentsMargins(0, 0, 0, 0)
        above.setSpacing(8)
        above.addLayout(bar)
        above.addWidget(self.plot, 1)
        above.addWidget(self.verdict)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.addWidget(upper)
        split.addWidget(self.table)
        split.setSizes([300, 156])
        split.setStretchFactor(0, 1)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.sentence)
        self.stack.addWidget(split)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.stack)

    # ------------------------------------------------------------------------------------ drawing

    def _chosen(self) -> PanelView | None:
        place = self.panel.currentIndex()
        return self._view.panels[place] if 0 <= place < len(self._view.panels) else None

    @Slot()
    def _draw(self) -> None:
        panel = self._chosen()
        curves = () if panel is None else panel.curves
        colours = self._colours(curves)
        self.plot.clear()
        self._drawn = {
            curve.classifier: self._add(curve, colours[curve.classifier])
            for curve in curves
            if len(curve.x)
        }
        self.detail.setText("" if panel is None else panel.detail)
        self.verdict.say(*(("", "warning") if panel is None else (panel.verdict, panel.tone)))
        self.plot.set_texts(
            title="Distance to the manifold"
            if panel is None
            else "Distance to the manifold, {}".format(panel.name.split(" (")[0]),
            caption="" if panel is None else panel.caption,
        )
        self._fill_table(curves, colours)

    def _add(self, curve: Distances, colour: Colour) -> PlotCurve:
        style = Qt.PenStyle.SolidLine if curve.classifier else Qt.PenStyle.DashLine
        drawn: PlotCurve = self.plot.curve(
            curve.name, colour, style=style, hover=HOVER, key=curve.classifier
        )
        drawn.set_data(curve.x, curve.density)
        near, reach = images_near(curve)
        drawn.keys = tuple(map(str, range(len(near))))
        drawn.names = tuple(_count_words(len(found), reach) for found in near)

        def pick(key: str) -> None:
            place = int(key)
            if len(near[place]):
                words = f"at distance {curve.x[place]:.2f} ± {reach:.2f}, {one_line(curve.name)}"
                self.images_picked.emit(near[place].tolist(), words)

        drawn.clicked.connect(pick)
        return drawn

    def _colours(self, curves: Sequence[Distances]) -> dict[str, Colour]:
        """Return a colour for every curve: that of its network on every page."""
        found: dict[str, Colour] = {
            curve.classifier: self._picker.series(curve.classifier) for curve in curves
        }
        return found | {"": CLEAN}

    # -------------------------------------------------------------------------------------- table

    def _fill_table(self, curves: Sequence[Distances], colours: dict[str, Colour]) -> None:
        shares = self._view.shares
        names = [name for name in SHARES if any(name in found for found in shares.values())]
        headers = ["Network", "Mean", "Mode", "Counted"]
        headers += [self._heading(name) for name in names]
        rows = [
            TableRow(
                curve.classifier,
                (
                    Cell(curve.name, curve.name),
                    *_distance_cells(curve, "of {:,} test images"),
                    *_share_cells(shares.get(curve.classifier, {}), names),
                ),
                colours[curve.classifier],
            )
            for curve in curves
        ]
        drawn = {curve.classifier for curve in curves}
        rows += [
            TableRow(
                network.key,
                (
                    Cell(network.title, network.title),
                    *(Cell("–"),) * 3,
                    *_share_cells(shares[network.key], names),
                ),
                self._picker.series(network.key),
            )
            for network in self._networks
            if network.key not in drawn and network.key in shares
        ]
        self.table.set_rows(headers, rows)

    def _heading(self, name: str) -> str:
        return {
            "known": "Tangent",
            "known_baseline": "random",
            "estimated": "Estimate",
            "estimated_baseline": "random",
            "overlap": "Overlap",
        }[name]


def images_near(curve: Distances) -> tuple[list[NDArray[np.intp]], float]:
    """Return the numbers of the counted test images near each point of a curve, and how near."""
    reach = float(curve.x[-1] - curve.x[0]) / PICKED / 2
    counted = np.flatnonzero(curve.counted)
    values = curve.every[counted]
    return [counted[np.abs(values - x) <= reach] for x in curve.x], reach


def _count_words(count: int, reach: float) -> str:
    if not count:
        return f"No test image within ± {reach:.2f}"
    images = "1 test image" if count == 1 else f"{count:,} test images"
    return f"{images} within ± {reach:.2f}: a click selects {'it' if count == 1 else 'them'}"


def _distance_cells(curve: Distances, of: str) -> tuple[Cell, ...]:
    """Return the mean, the mode, and the number of distances that count."""
    mode = Cell("–") if math.isnan(curve.mode) else Cell(f"{curve.mode:.3f}", curve.mode)
    count = len(curve.values)
    counted = Cell(f"{count:,}", count, of.format(len(curve.every)))
    return Cell(f"{curve.mean:.3f}", curve.mean), mode, counted


def _share_cells(numbers: Numbers, names: Sequence[str]) -> list[Cell]:
    cells = []
    for name in names:
        value, spread = numbers.get(name), numbers.get(f"{name}_std")
        if value is None:
            cells.append(Cell("–"))
            continue
        tip = "" if spread is None else f"± {float(spread):.3f}"
        cells.append(Cell(f"{float(value):.3f}", float(value), tip))
    return cells
