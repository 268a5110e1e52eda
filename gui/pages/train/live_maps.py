"""Maps of the same images for every network on the Train page, epoch by epoch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.attribution.pictures import PERCENTILE, colour, picture, symmetric_limit
from engine.figures.charts import MapGridData
from engine.texts import percent
from gui.look import theme
from gui.look.icons import icon
from gui.look.plain import plain_tip
from gui.pages.train.runs import TrainingRun
from gui.widgets.elided_label import Heading
from gui.widgets.export.buttons import export_buttons
from gui.widgets.forms.number_boxes import DecimalBox
from gui.widgets.forms.number_edit import guard_wheel
from gui.widgets.forms.remembered import transient
from gui.widgets.images.image_view import pixels_of
from gui.widgets.images.map_grid import CLICK_SELECTS, MapGrid
from gui.widgets.label import Label

PLAY_MS = 400
LEAST_HEIGHT = 220  # pixels, of two networks below the images


class LiveMaps(QWidget):
    """A grid with a row for each network: its newest maps, or those of an earlier epoch.

    Each map is scaled by its own limits, as in the paper. Locking the colours fixes each network's
    limits at their present values, so that the strength of its maps can be compared across epochs.

    Signals
    -------
    hovered, clicked, continue_asked
        Carry the key of a network; ``hovered`` may carry "".
    image_clicked
        Takes the place, among the probe images, of the one that was clicked.
    restyled
        The drawing settings changed, so the maps must be drawn again.
    """

    hovered = Signal(str)
    clicked = Signal(str)
    image_clicked = Signal(int)
    continue_asked = Signal(str)
    restyled = Signal()

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.grid = MapGrid()
        self.images: NDArray[np.uint8] | None = None
        self._pointed = ""
        self._limits: dict[str, NDArray[np.float64]] = {}
        self._shown: dict[str, NDArray[np.float32]] = {}
        self._pictures: dict[str, NDArray[np.float32]] = {}
        self._step: float | None = None
        self._playing = QTimer(self)
        self._playing.setInterval(PLAY_MS)
        self._playing.timeout.connect(self._on_tick)
        self._build_tools()
        self._build_layout()
        self.grid.hints[""] = CLICK_SELECTS
        self.grid.hovered.connect(self._on_hovered)
        self.grid.clicked.connect(self._on_clicked)
        self.grid.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.grid.customContextMenuRequested.connect(self._show_menu)
        theme.signals.changed.connect(self._show_play)
        self._show_play()
        self._say_step()

    # ------------------------------------------------------------------------------------- public

    @property
    def step(self) -> float | None:
        """The epoch on the slider; None for the newest."""
        return self._step

    def draw(self, run: TrainingRun) -> None:
        """Draw a network's new maps, unless they are of other images than the grid's."""
        if run.mapped or run.images is None:
            return
        run.mapped = True
        if self.images is None:
            self.images = run.images
            self.grid.set_images([pixels_of(image) for image in run.images])
        found = run.maps_at(self._step)
        if found is None or not np.array_equal(self.images, run.images):
            return
        step, attributions = found
        self._shown[run.key] = attributions
        if self.lock.isChecked() and run.key not in self._limits:
            self._limits[run.key] = self._limits_of(attributions)
        pictures = picture(
            attributions, percentile=self.percentile.value(), limit=self._limits.get(run.key)
        )
        self._pictures[run.key] = pictures
        self.grid.set_row(
            run.key, run.title, list(colour(pictures)), note=_note(run, step),
            series=run.series,
        )  # fmt: skip

    def set_last_epoch(self, epoch: float) -> None:
        """Set the end of the slider to the newest epoch that has maps."""
        last = max(0, int(epoch))
        if last == self.epoch.maximum() and self.epoch.isEnabled() == (last > 0):
            return
        self.epoch.blockSignals(True)
        self.epoch.setMaximum(last)
        if self._step is None:
            self.epoch.setValue(last)
        self.epoch.blockSignals(False)
        for widget in (self.epoch, self.play):
            widget.setEnabled(last > 0)
        self._say_step()

    def remove(self, key: str) -> None:
        """Remove a network's row."""
        self.grid.remove_row(key)
        for known in (self._limits, self._shown, self._pictures):
            known.pop(key, None)

    def forget_images(self) -> None:
        """Remove everything, because the next maps may be of other images."""
        self.grid.clear()
        self.images = None
        for known in (self._limits, self._shown, self._pictures):
            known.clear()
        self._set_step(None)

    def figure(self) -> MapGridData:
        """Return the grid as a figure for a paper."""
        drawn = self.grid.figure("Maps in training", self._caption())
        count = len(drawn.images[0]) if drawn.images else 0
        return replace(drawn, values=tuple(self._values(key, count) for key in self.grid.rows()))

    # ----------------------------------------------------------------------------------- building

    def _build_tools(self) -> None:
        self.epoch = QSlider(Qt.Orientation.Horizontal)
        self.epoch.setRange(0, 0)
        self.epoch.setPageStep(1)
        self.epoch.setEnabled(False)
        self.epoch.setMinimumHeight(20)
        self.epoch.setToolTip("Show the maps as they were after an epoch")
        self.epoch.setAccessibleName("Epoch")
        transient(self.epoch)
        self.epoch.valueChanged.connect(self._on_epoch)
        self.play = QToolButton()
        self.play.setEnabled(False)
        self.play.clicked.connect(self._on_play)
        self.go_on = QPushButton("Continue from here…")
        self.go_on.setEnabled(False)
        self.when = Label()
        self.when.setProperty("role", "muted")
        metrics = self.when.fontMetrics()
        self.when.setMinimumWidth(metrics.horizontalAdvance(f"after epoch {888}"))
        self.percentile = DecimalBox()
        self.percentile.setRange(80.0, 100.0)
        self.percentile.setDecimals(1)
        self.percentile.setSingleStep(0.5)
        self.percentile.setValue(PERCENTILE)
        self.percentile.setSuffix(" %")
        self.percentile.setToolTip("Larger values are drawn in the strongest colour")
        guard_wheel(self.percentile)
        self.percentile.valueChanged.connect(self._fix_limits)
        self.lock = QCheckBox("Lock colours")
        self.lock.setToolTip(
            "Keep every network's present colour scale, so that growing maps look stronger"
        )
        self.lock.toggled.connect(self._fix_limits)

    def _build_layout(self) -> None:
        heading = Heading("Maps in training")
        top = QHBoxLayout()
        top.setSpacing(8)
        clip = Label("Clip at")
        clip.setBuddy(self.percentile)
        top.addWidget(heading, 1)
        for widget in (self.lock, clip, self.percentile, *self._exports()):
            top.addWidget(widget)
        below = QHBoxLayout()
        below.setSpacing(8)
        below.addWidget(self.play)
        below.addWidget(self.epoch, 1)
        below.addWidget(self.when)
        below.addWidget(self.go_on)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(self.grid, 1)
        self.setMinimumHeight(LEAST_HEIGHT)
        layout.addLayout(below)

    def _exports(self) -> list[QToolButton]:
        return export_buttons(self, self.figure, "training-maps")

    # ------------------------------------------------------------------------------------ private

    def _limits_of(self, attributions: NDArray[np.float32]) -> NDArray[np.float64]:
        return symmetric_limit(attributions, percentile=self.percentile.value())

    def _values(self, key: str, count: int) -> tuple[Any, ...]:
        pictures = self._pictures.get(key)
        return tuple(
            None if pictures is None or place >= len(pictures) else pictures[place]
            for place in range(count)
        )

    def _caption(self) -> str:
        scale = "locked scale" if self.lock.isChecked() else "one scale a map"
        return (
            f"{self.when.text()}; clipped at the {self.percentile.value():g} percentile; {scale}."
        )

    def _set_step(self, step: float | None) -> None:
        self._step = step
        self._say_step()
        self.restyled.emit()

    def _say_step(self) -> None:
        live = self._step is None
        text = "newest" if live else f"after epoch {self._step}"
        self.when.setText(text)

    @Slot(int)
    def _on_epoch(self, epoch: int) -> None:
        self._set_step(None if epoch == self.epoch.maximum() else epoch)

    @Slot()
    def _on_play(self) -> None:
        if self._playing.isActive():
            self._playing.stop()
        else:
            self.epoch.setValue(0)
            self._playing.start()
        self._show_play()

    @Slot()
    def _on_tick(self) -> None:
        """Go on by one epoch; stop at the newest."""
        self.epoch.setValue(self.epoch.value() + 1)
        if self.epoch.value() == self.epoch.maximum():
            self._playing.stop()
            self._show_play()

    @Slot()
    def _show_play(self) -> None:
        playing = self._playing.isActive()
        self.play.setIcon(icon("pause" if playing else "play"))
        words = "Stop" if playing else "Play the epochs"
        self.play.setToolTip(plain_tip(words))
        self.play.setAccessibleName(words)

    @Slot()
    def _fix_limits(self) -> None:
        """Fix the limits of the shown maps while the lock is checked; else release them."""
        locked = self._shown if self.lock.isChecked() else {}
        self._limits = {key: self._limits_of(shown) for key, shown in locked.items()}
        self.restyled.emit()

    @Slot(str, int)
    def _on_hovered(self, key: str, _: int) -> None:
        self._pointed = key
        self.hovered.emit(key)

    @Slot(QPoint)
    def _show_menu(self, place: QPoint) -> None:
        """Offer to train the network under the mouse or keyboard cursor for more epochs."""
        key = self._pointed
        if not key:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        words = "Continue with more epochs…"
        menu.addAction(words, lambda: self.continue_asked.emit(key))
        menu.popup(self.grid.viewport().mapToGlobal(place))

    @Slot(str, int)
    def _on_clicked(self, key: str, column: int) -> None:
        if key:
            self.clicked.emit(key)
        else:
            self.image_clicked.emit(column)


def _note(run: TrainingRun, step: float) -> str:
    """Return the text below a network's name: the epoch of its maps and its accuracies.

    Maps come within an epoch too, accuracies only at its end, so their epoch may be an earlier one.
    """
    if run.state in ("cancelled", "failed"):
        return f"{run.state}, epoch {_epoch(step + run.offset)}"
    text = f"epoch {_epoch(step + run.offset)}"
    found = [run.curves[name].last_until(step) for name in ("clean_accuracy", "robust_accuracy")]
    if None in found:
        return text
    (measured, clean), (_, robust) = (pair for pair in found if pair is not None)
    if measured == step:
        return f"{text}: {percent(clean, 0)} / {percent(robust, 0)}"
    # As long as a usual name at most, so that no number is elided.
    return f"{text}: {100 * clean:.0f}/{percent(robust, 0)} after {_epoch(measured + run.offset)}"


def _epoch(number: float) -> str:
    return f"{number:.0f}" if float(number).is_integer() else f"{number:.1f}"
