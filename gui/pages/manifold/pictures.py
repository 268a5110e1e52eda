"""A generator's reconstructions and samples, live or by epoch, beside its loss."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QHBoxLayout,
    QSlider,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from engine.figures.charts import MapGridData
from gui.look.plain import plain_tip
from gui.pages.manifold.runs import GeneratorRun
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.export.buttons import export_buttons
from gui.widgets.forms.remembered import transient
from gui.widgets.images.image_view import Pixels, pixels_of
from gui.widgets.images.map_grid import CLICK_SELECTS, MapGrid
from gui.widgets.images.map_grid_layout import GAP, TITLE_SHARE
from gui.widgets.label import Label
from gui.widgets.plots.plot import Plot

MOST_POINTS = 1000
SLIDER_WIDTH = 96
# A row has as many pictures as fit at TIMES their size, but at least LEAST.
TIMES = 2
LEAST = 4
SAMPLES = "samples"


class GeneratorView(QWidget):
    """Probe images, their reconstructions and samples, and the reconstruction loss.

    Signals
    -------
    image_clicked
        Takes the place, among the probe images, of the one that was clicked.
    """

    image_clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._run: GeneratorRun | None = None
        self._epoch: int | None = None
        self._build_grid()
        self._build_loss()
        self._build_layout()
        self.show_run(None)

    # ------------------------------------------------------------------------------------- public

    def show_run(self, run: GeneratorRun | None) -> None:
        """Show a generator's newest pictures, or those after the epoch of the slider."""
        if run is not self._run:
            self._run, self._epoch = run, None
            self.grid.clear()
            self.curve.set_data([], [])
        self.title.set_text("" if run is None else run.title)
        self.title.setToolTip(plain_tip(self.title.text))
        self.when.setText(self._words())
        filled = run is not None and (run.images is not None or len(run.curve) > 0)
        self.stack.setCurrentIndex(1 if filled else 0)
        if run is not None:
            self._draw_loss(run)
            self._draw_pictures(run)
            self._fit_slider(run)

    def say(self, text: str) -> None:
        """Set the sentence that is shown while there is no generator to show."""
        self.sentence.setText(text)

    def figure(self) -> MapGridData:
        """Return the grid as a figure for a paper."""
        return self.grid.figure(
            self.title.text,
            (
                f"Test images, their reconstructions by the VAE-GAN ({self.when.text()}), and "
                "samples of it."
            ),
        )

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Redraw when the grid is resized, because its width sets the number of pictures."""
        if event.type() == QEvent.Type.Resize and self._run is not None:
            self._draw_pictures(self._run)
        return super().eventFilter(watched, event)

    # ----------------------------------------------------------------------------------- building

    def _build_grid(self) -> None:
        self.grid = MapGrid()
        self.grid.installEventFilter(self)
        self.grid.setAccessibleName("Reconstructions")
        self.grid.hints |= {"": CLICK_SELECTS, "made": CLICK_SELECTS}
        self.grid.clicked.connect(self._on_clicked)
        self.title = ElidedLabel(bold=True)
        self.when = Label()
        self.when.setProperty("role", "muted")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setPageStep(1)
        self.slider.setMinimumHeight(20)
        self.slider.setFixedWidth(SLIDER_WIDTH)
        self.slider.setAccessibleName("Epoch")
        transient(self.slider)
        self.slider.setToolTip("Show the reconstructions as they were after an epoch")
        self.slider.valueChanged.connect(self._on_epoch)

    def _build_loss(self) -> None:
        self.loss = Plot(
            "Loss",
            "epoch",
            "reconstruction loss",
            export_name="reconstruction-loss",
        )
        self.curve = self.loss.curve("", 0)

    def _build_layout(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.title, 1)
        top.addWidget(self.when)
        top.addWidget(self.slider)
        for button in export_buttons(self, self.figure, "reconstructions"):
            top.addWidget(button)
        pictures = QWidget()
        left = QVBoxLayout(pictures)
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(4)
        left.addLayout(top)
        left.addWidget(self.grid, 1)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(12)
        split.addWidget(pictures)
        split.addWidget(self.loss)
        split.setSizes([640, 320])
        split.setStretchFactor(0, 2)
        split.setStretchFactor(1, 1)
        self.sentence = Label(wordWrap=True)
        self.sentence.setProperty("role", "muted")
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.sentence)
        self.stack.addWidget(split)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.stack)

    # ------------------------------------------------------------------------------------ drawing

    def _draw_loss(self, run: GeneratorRun) -> None:
        steps, losses = run.curve.points()
        # Painting time grows with the number of points, so draw at most about MOST_POINTS of them.
        last_first = slice(None, None, -(1 + len(steps) // MOST_POINTS))
        self.curve.set_data(steps[last_first][::-1], losses[last_first][::-1])

    def _draw_pictures(self, run: GeneratorRun) -> None:
        found = run.at(self._epoch)
        if run.images is None or found is None:
            return
        rows = self.grid.rows()
        count = min(len(run.images), self._fitting(run.images.shape[-1]))
        if "" not in rows or len(rows[""][1]) != count:
            self.grid.set_images(_pixels(run.images[:count]))
        self.grid.set_row("made", "Reconstruction", _pixels(found[1][:count]))
        if run.samples is not None:
            self.grid.set_row(SAMPLES, "Sample", _pixels(run.samples[:count]))

    def _fitting(self, side: int) -> int:
        """Return how many pictures fit in a row at a readable size."""
        width = int((1 - TITLE_SHARE) * self.grid.width()) - GAP
        return max(LEAST, width // (TIMES * side + GAP))

    def _fit_slider(self, run: GeneratorRun) -> None:
        self.slider.blockSignals(True)
        self.slider.setRange(1, max(1, run.last_epoch))
        if self._epoch is None:
            self.slider.setValue(self.slider.maximum())
        self.slider.blockSignals(False)
        self.slider.setEnabled(run.last_epoch > 1)

    def _words(self) -> str:
        """Return the epoch and state of the pictures in words."""
        run = self._run
        found = None if run is None else run.at(self._epoch)
        if run is None or found is None:
            return "waiting" if run is not None and run.going else ""
        text = f"epoch {found[0]:.3g}"
        return f"{text}, in training" if run.state == "running" else text

    @Slot(str, int)
    def _on_clicked(self, key: str, column: int) -> None:
        if key != SAMPLES:
            self.image_clicked.emit(column)

    @property
    def images(self) -> NDArray[Any] | None:
        """The test images that are shown, (N, C, H, W); None without pictures."""
        return None if self._run is None else self._run.images

    @Slot(int)
    def _on_epoch(self, epoch: int) -> None:
        self._epoch = None if epoch == self.slider.maximum() else epoch
        if self._run is not None:
            self.when.setText(self._words())
            self._draw_pictures(self._run)


def _pixels(images: NDArray[Any]) -> list[Pixels]:
    return [pixels_of(image) for image in images]
