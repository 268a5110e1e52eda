"""Loss and accuracy of the networks on the Train page, drawn as they come in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QSlider, QVBoxLayout, QWidget

from gui.look.plain import plain_tip
from gui.pages.train.results import NO_CHOICE
from gui.pages.train.runs import TrainingRun, smoothed
from gui.widgets.label import Label
from gui.widgets.plots.plot import Plot
from gui.widgets.plots.plot_items import PlotCurve
from gui.widgets.search_field import SearchField

SMOOTHEST = 100
TOP = 1.03  # so that a curve at 100 % and its marks are drawn whole in a low chart
SMOOTH_AT_FIRST = 5
MOST_LIVE_POINTS = 500


@dataclass
class _Curves:
    loss: PlotCurve
    clean: PlotCurve
    robust: PlotCurve


class LiveCurves(QWidget):
    """Two charts below one legend: the loss in training, and the accuracies after each epoch.

    Signals
    -------
    hovered
        Carries the key of the network whose curve is under the mouse, or "".
    restyled
        The drawing settings changed, so the curves must be drawn again.
    """

    hovered = Signal(str)
    restyled = Signal()

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.loss = Plot(
            "Training loss",
            "epoch",
            "loss",
            export_name="training-loss",
            legend=False,
        )

    def pieces(self) -> Iterator[None]:
        """Build the rest, so that the window can answer in between."""
        yield
        self.accuracy = Plot(
            "Test accuracy",
            "epoch",
            "accuracy",
            export_name="training-accuracy",
        )
        self.accuracy.set_ranges(y=(0.0, TOP))
        self._dashed: PlotCurve | None = None  # without points: what dashes mean, in the legend
        self._curves: dict[str, _Curves] = {}
        self._build()
        for plot in (self.loss, self.accuracy):
            plot.pointed.connect(self.hovered)

    def name_part(self, validation: bool) -> None:
        """Say in the chart whether the accuracies are of validation images or of test images."""
        part = "Validation accuracy" if validation else "Test accuracy"
        self.accuracy.set_texts(
            title=part,
            caption="" if validation else f"{NO_CHOICE}.",
        )
        self.accuracy.setToolTip(plain_tip("" if validation else NO_CHOICE))

    def draw(self, run: TrainingRun) -> None:
        """Redraw a network's curves if they have new points."""
        if run.drawn or not any(len(curve) for curve in run.curves.values()):
            return
        curves = self._curves.get(run.key) or self._make(run)
        self._name(curves, run.title)
        steps, losses = run.curves["loss"].points()
        steps = steps + run.offset
        losses = smoothed(losses, self.smoothing.value())
        # Painting time grows with the number of points, so thin the points of a live curve. A
        # finished curve is painted once, with all of them.
        apart = 1 if run.state == "finished" else 1 + len(steps) // MOST_LIVE_POINTS
        last_first = slice(None, None, -apart)
        curves.loss.set_data(steps[last_first][::-1], losses[last_first][::-1])
        for name, drawn in (("clean_accuracy", curves.clean), ("robust_accuracy", curves.robust)):
            epochs, shares = run.curves[name].points()
            drawn.set_data(epochs + run.offset, shares)
        run.drawn = True

    def remove(self, key: str) -> None:
        """Remove a network's curves from the charts."""
        curves = self._curves.pop(key, None)
        if curves is not None:
            for curve in (curves.loss, curves.clean, curves.robust):
                curve.remove()
        if not self._curves and self._dashed is not None:
            self._dashed.remove()
            self._dashed = None

    def set_order(self, keys: Sequence[str]) -> None:
        """Name the networks in this order: one that a filter hid comes back to its place."""
        for plot in (self.loss, self.accuracy):
            plot.set_order(keys)

    def set_highlighted(self, key: str) -> None:
        """Draw the curves of one network thick, or of none for ""."""
        for other, curves in self._curves.items():
            for curve in (curves.loss, curves.clean, curves.robust):
                curve.set_strong(other == key)

    # ------------------------------------------------------------------------------------ private

    def _build(self) -> None:
        self.logarithmic = QCheckBox("Logarithmic")
        self.logarithmic.setToolTip("Draw the loss on a logarithmic axis")
        self.logarithmic.toggled.connect(self._on_logarithmic)
        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.smoothing.setRange(1, SMOOTHEST)
        self.smoothing.setValue(SMOOTH_AT_FIRST)
        self.smoothing.setMaximumWidth(160)
        self.smoothing.setMinimumWidth(72)
        self.smoothing.setMinimumHeight(20)
        self.smoothing.setToolTip("Every point is the mean of so many before it")
        self.smoothing.setAccessibleName("Smoothing")
        self.smoothing.valueChanged.connect(self._on_smoothing)
        label = Label("Smoothing")
        label.setBuddy(self.smoothing)
        label.setProperty("role", "muted")
        row = QHBoxLayout()
        row.setSpacing(8)
        for widget in (label, self.smoothing, self.logarithmic):
            row.addWidget(widget)
        self.filter = SearchField("Filter networks")
        self.filter.setToolTip(
            plain_tip("Words of the title; * stands for any letters, -word leaves out")
        )
        self.filter.textChanged.connect(self.restyled)
        row.addWidget(self.filter, 1)
        charts = QHBoxLayout()
        charts.setSpacing(16)
        charts.addWidget(self.loss, 1)
        charts.addWidget(self.accuracy, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        # One legend for both: in half the width each would need several rows for the same names.
        layout.addWidget(self.accuracy.take_legend())
        layout.addLayout(charts, 1)
        layout.addLayout(row)  # below both, so that their axes lie on one line

    def _make(self, run: TrainingRun) -> _Curves:
        if self._dashed is None:
            dash = Qt.PenStyle.DashLine
            self._dashed = self.accuracy.curve(
                "under attack", "muted", style=dash, symbol="diamond"
            )
        curves = _Curves(
            loss=self.loss.curve(run.title, run.series, key=run.key),
            clean=self.accuracy.curve(run.title, run.series, symbol="circle", key=run.key),
            robust=self.accuracy.curve(
                "",
                run.series,
                style=Qt.PenStyle.DashLine,
                symbol="diamond",  # after one epoch there is no dash by which to tell it
                key=run.key,
            ),
        )
        self._curves[run.key] = curves
        return curves

    def _name(self, curves: _Curves, title: str) -> None:
        curves.loss.rename(title, curves.loss.hover)
        curves.clean.rename(title, curves.clean.hover)
        attacked = title.replace("{", "{{").replace("}", "}}")
        curves.robust.rename("", f"{attacked}, attacked" + "\n{x_label}: {x:g}\n{y_percent}")

    @Slot(bool)
    def _on_logarithmic(self, logarithmic: bool) -> None:
        self.loss.set_logarithmic(y=logarithmic)

    @Slot()
    def _on_smoothing(self) -> None:
        self.restyled.emit()
