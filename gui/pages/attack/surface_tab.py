"""The tab that shows loss and decision regions around the chosen image, for every network."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QSizePolicy, QWidget

from engine.figures.charts import INK, ChartData
from engine.figures.images.surface import (
    OTHER,
    Look,
    class_regions,
    loss_limit,
    loss_regions,
    ramp,
    slots_of,
    surface_charts,
)
from engine.specs import AttackSpec
from engine.store.study import Result
from gui.look import theme
from gui.pages.attack.combos import combo
from gui.pages.attack.live_tab import ColumnHead, LiveTab, Parts
from gui.pages.attack.surface_view import Plane, SurfaceView
from gui.widgets.export.buttons import export_buttons
from gui.widgets.label import Label
from gui.widgets.plots.legend import Legend, LegendEntry

COLUMNS = 4
COARSE, FINE = 15, 61
REACHES = (1.0, 2.0, 4.0, 8.0)
HEADS, REGIONS, LOSSES = range(3)
WAYS = (("attack", "attack"), ("gradient", "gradient"))
LOOKS = (
    ("both", Look()),
    ("regions", Look(loss=False)),
    ("loss", Look(regions=False)),
)


class SurfaceTab(LiveTab):
    """Draws, for each network, the plane along its attack and along a random direction.

    A coarse grid follows the sliders; once they rest, a fine one takes its place. All networks have
    one scale of loss, and a class has one colour in all of them.
    """

    def __init__(self, parts: Parts, parent: QWidget):
        super().__init__(parts, "surface", parent)
        self._grid_points = COARSE
        self._slots: dict[int, int] = {}
        self._build_bar()
        self._build_planes()
        theme.signals.changed.connect(self.draw)

    # ----------------------------------------------------------------------------------- building

    def _build_bar(self) -> None:
        self.way = combo(
            "The direction to the right: from the image to the attacked one, or of the "
            "steepest rise of the loss",
            WAYS,
        )
        self.reach = combo(
            "How far the plane is drawn", [(f"{reach:g} eps", reach) for reach in REACHES]
        )
        self.reach.setCurrentIndex(REACHES.index(2.0))
        self.look = combo("Decision regions, the loss, or both, of each network", LOOKS)
        bar = QHBoxLayout()
        bar.setSpacing(6)  # with 8 the tab is wider than its room in a window of 1024 pixels
        for text, box in (("Along", self.way), ("up to", self.reach), ("Show", self.look)):
            label = Label(text)
            label.setBuddy(box)
            label.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
            bar.addWidget(label)
            bar.addWidget(box)
        bar.addWidget(self.note, 1)
        self._exports = export_buttons(self, self.figure, "around-the-image")
        for button in self._exports:
            button.setEnabled(False)
            bar.addWidget(button)
        self.room.addLayout(bar)
        for box in (self.way, self.reach):
            box.currentIndexChanged.connect(self.ask)
        self.look.currentIndexChanged.connect(self.draw)

    def _build_planes(self) -> None:
        self.legend = Legend(self)
        self.scale = LossScale(self)
        below = QHBoxLayout()
        below.setSpacing(16)
        below.addWidget(self.legend, 1)
        below.addWidget(self.scale)
        self._room = _Room(self)
        self._room.resized.connect(lambda: self._arrange(self.look.currentData()))
        grid = QGridLayout(self._room)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(0)  # a hidden column keeps its spacing; planes have margins
        grid.setVerticalSpacing(4)
        self.heads = [ColumnHead(self) for _ in range(COLUMNS)]
        self.regions = [SurfaceView("Decision regions", self) for _ in range(COLUMNS)]
        self.losses = [SurfaceView("Loss", self) for _ in range(COLUMNS)]
        for column in range(COLUMNS):
            grid.addWidget(self.heads[column], HEADS, 2 * column, 1, 2)
        self._planes = grid
        self._beside: bool | None = None
        self._stand(beside=False)
        self.room.addWidget(self._room, 1)
        self.room.addLayout(below)

    def _stand(self, *, beside: bool) -> None:
        """Put the loss of a network beside its decision regions, or below them."""
        if beside == self._beside:
            return
        self._beside, grid = beside, self._planes
        for column in range(COLUMNS):
            for view, row, place in (
                (self.regions[column], REGIONS, 2 * column),
                (self.losses[column], REGIONS if beside else LOSSES, 2 * column + beside),
            ):
                grid.removeWidget(view)
                grid.addWidget(view, row, place, 1, 1 if beside else 2)

    # ------------------------------------------------------------------------------------- asking

    def attack(self) -> AttackSpec | None:
        """Return the attack of the form."""
        return self.parts.form.spec()

    def compute(self) -> Callable[[Any, Any], Any]:
        """Return the computation of a plane with the present number of points."""
        return partial(
            _around,
            way=self.way.currentData(),
            reach=self.reach.currentData(),
            grid=self._grid_points,
        )

    @Slot()
    def ask(self) -> None:
        """Ask for a coarse plane; the fine one follows."""
        self._grid_points = COARSE
        super().ask()

    def complete(self) -> None:
        """Ask for the fine plane, if this was the coarse one."""
        if self._grid_points == COARSE and self.results:
            self._grid_points = FINE
            self.ask_again()

    def forget_image(self) -> None:
        """Give the classes of another image colours anew."""
        self._slots = {}

    # ------------------------------------------------------------------------------------ drawing

    @Slot()
    def draw(self) -> None:
        """Draw the planes of all networks with one scale and one set of colours."""
        shown = self.shown()
        results = [result for _, result in shown]
        self._slots = slots_of(results, self._slots)
        limit = loss_limit(results)
        look: Look = self.look.currentData()
        self._arrange(look)
        for column, network in enumerate(self.networks[:COLUMNS]):
            self.heads[column].show_network(network.title, self.parts.picker.series(network.key))
            result = self.results.get(network.key)
            failure = self.failures.get(network.key, "")
            for view, wanted in ((self.regions, look.regions), (self.losses, look.loss)):
                plane = None
                if result is not None and wanted:
                    plane = self._plane(result, limit, loss=view is self.losses)
                view[column].show_plane(plane, failure)
        self.legend.set_entries(self._entries(results) if results else [])
        self.scale.show_limit(limit if results and look.loss else None)
        self.note.setText(self._words(results))
        for button in self._exports:
            button.setEnabled(bool(results))

    def dim(self) -> None:
        """Draw the planes faintly."""
        for view in (*self.regions, *self.losses):
            view.set_dimmed()

    def _arrange(self, look: Look) -> None:
        """Show as many columns as there are networks, and the rows that are wanted."""
        count = len(self.networks[:COLUMNS])
        for column in range(COLUMNS):
            there = column < count
            self.heads[column].setVisible(there)
            self.regions[column].setVisible(there and look.regions)
            self.losses[column].setVisible(there and look.loss)
        width, height = self._room.width() / max(1, count), self._room.height()
        larger = min(width / 2, height) > min(width, height / 2)
        both = look.regions and look.loss
        self._stand(beside=both and larger)
        for place in range(2 * COLUMNS):
            self._planes.setColumnStretch(place, 1 if place < 2 * count else 0)
        self._planes.setRowStretch(REGIONS, int(look.regions or bool(self._beside)))
        self._planes.setRowStretch(LOSSES, int(look.loss and not self._beside))

    def _plane(self, result: Result, limit: float, *, loss: bool) -> Plane:
        if loss:
            drawn, ink = loss_regions(result, limit), QColor(INK)
        else:
            names = [theme.series(place).name() for place in range(OTHER)]
            colours = (*names, theme.colour("muted").name())
            drawn, ink = class_regions(result, self._slots, colours), None
        arrays = result.arrays
        return Plane(drawn, arrays["edge"], arrays["attacked"], partial(self._at, result), ink)

    def _at(self, result: Result, along: float, across: float) -> str:
        """Return what the network sees at a point of the plane, in words."""
        offsets = result.arrays["offsets"]
        row, column = (int(np.abs(offsets - value).argmin()) for value in (across, along))
        seen = int(result.arrays["classes"][row, column])
        loss = float(result.arrays["loss"][row, column])
        names = self.class_names(seen + 1)
        return (
            f"{names[seen]}, loss {loss:.3g}\nalong {offsets[column]:.2g} eps, across "
            f"{offsets[row]:.2g} eps"
        )

    def _entries(self, results: list[Result]) -> list[LegendEntry]:
        names = self.class_names(max(self._slots, default=0) + 1)
        none, text = Qt.PenStyle.NoPen, theme.colour("text")
        present = {int(name) for r in results for name in np.unique(r.arrays["classes"])}
        places = sorted((place, name) for name, place in self._slots.items() if name in present)
        entries = [
            LegendEntry(names[name], theme.series(place), none, "s")
            for place, name in places
            if place < OTHER
        ]
        others = sum(place == OTHER for place, _ in places)
        if others:
            entries.append(LegendEntry(f"{others} other classes", theme.colour("muted"), none, "s"))
        entries += [LegendEntry("edge of the ball", text), LegendEntry("image", text, none, "o")]
        if any(np.isfinite(result.arrays["attacked"]).all() for result in results):
            entries.append(LegendEntry("attacked", text, none, "x"))
        return entries

    def _words(self, results: list[Result]) -> str:
        if not results:
            return ""
        label = int(results[0].numbers["label"])
        return f"Loss of {self.class_names(label + 1)[label]}; upwards: a random direction"

    def figure(self) -> list[ChartData]:
        """Return the planes as charts of a figure."""
        attack = self.attack()
        title = "" if attack is None else attack.title
        caption = (
            f"Planes through {self.image_name()}, {title}: to the right the direction of the "
            f"{self.way.currentText()}, upwards a random one orthogonal to it; pixels clipped to "
            "[0, 1]. One scale of loss."
        )
        pairs = [(network.title, result) for network, result in self.shown()]
        names = self.class_names(max(self._slots, default=0) + 1)
        return surface_charts(pairs, names, caption, self.look.currentData())


class _Room(QWidget):
    """The place of the planes, which stand so that they are as large as it has room."""

    resized = Signal()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Say that there is another room."""
        super().resizeEvent(event)
        self.resized.emit()


class LossScale(QWidget):
    """A bar with the colours of the loss, from 0 to the highest."""

    WIDTH, BAR = 240, 100

    def __init__(self, parent: QWidget):
        super().__init__(parent)
        self.limit: float | None = None
        self.setFixedWidth(self.WIDTH)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.signals.changed.connect(self.update)

    def show_limit(self, limit: float | None) -> None:
        """Show the scale up to a loss, or none."""
        self.limit = limit
        self.setVisible(limit is not None)
        self.setAccessibleName("" if limit is None else f"Loss from 0 to {limit:.3g}")
        self.update()

    def sizeHint(self) -> QSize:
        """Return the height of a line of text."""
        return QSize(self.WIDTH, self.fontMetrics().height() + 4)

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draw the bar between its two ends."""
        if self.limit is None:
            return
        painter = QPainter(self)
        left = (self.width() - self.BAR) / 2
        bar = QRectF(left, 3, self.BAR, self.height() - 6)
        shades = QLinearGradient(bar.topLeft(), bar.topRight())
        colours = ramp(16)
        for place, colour in enumerate(colours):
            shades.setColorAt(place / (len(colours) - 1), QColor(colour))
        painter.fillRect(bar, shades)
        painter.setPen(theme.colour("border"))
        painter.drawRect(bar)
        painter.setPen(theme.colour("text"))
        middle = Qt.AlignmentFlag.AlignVCenter
        before = QRectF(0, 0, left - 6, self.height())
        painter.drawText(before, int(middle | Qt.AlignmentFlag.AlignRight), "loss 0")
        after = QRectF(bar.right() + 6, 0, left, self.height())
        painter.drawText(after, int(middle | Qt.AlignmentFlag.AlignLeft), f"{self.limit:.3g}")
        painter.end()


def _around(spec: Any, context: Any, **options: Any) -> Result:
    """Compute a plane; the import is slow, and is made where it keeps nobody waiting."""
    from engine.measures.around.surface import around

    return around(spec, context, **options)
