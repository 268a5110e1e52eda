"""A record's curves and pictures, if it has any."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QVBoxLayout, QWidget

from engine.figures.charts import ChartData, MapGridData
from gui.pages.common.record_images import record_chart
from gui.widgets.export.buttons import export_buttons
from gui.widgets.images.map_grid import CLICK_SELECTS, MapGrid
from gui.widgets.label import Label
from gui.widgets.plots.plain_chart import show_chart
from gui.widgets.plots.plot import Plot

MOST_CHARTS = 2
CHART_HEIGHT, GAP = 280, 12
WIDE = 680  # width from which two charts fit side by side, with pictures at three times their size
ROW_HEIGHTS = (62, 92)
EMPTY = MapGridData(())


class RecordPictures(QWidget):
    """Draws the charts and pictures of :func:`engine.figures.record_pictures.pictures_of`.

    Signals
    -------
    images_picked
        Takes the places, among the record's images, of those that a clicked point stands for, and
        what the point says of them.
    picture_clicked
        Takes row and column of a picture.
    """

    images_picked = Signal(list, str)
    picture_clicked = Signal(int, int)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._grid_data = EMPTY
        # Create the plots once and reuse them, because each deleted plot leaks some memory.
        self.plots = [
            Plot("", "", "", export_name="record", name=record_chart(place))
            for place in range(MOST_CHARTS)
        ]
        self.grid = MapGrid()
        self.grid.setAccessibleName("Pictures of the record")
        self.grid.clicked.connect(
            lambda key, column: self.picture_clicked.emit(int(key or 0), column)
        )
        self.words = Label(wordWrap=True)
        self.words.setProperty("role", "muted")
        self._build_layout()
        self.show_nothing("")

    def _build_layout(self) -> None:
        self._charts = QWidget()
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self._charts)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(GAP)
        for plot in self.plots:
            plot.setFixedHeight(CHART_HEIGHT)
            self._row.addWidget(plot, 1)
        self._pictures = QWidget()
        bar = QHBoxLayout()
        bar.setSpacing(4)
        self._caption = Label(wordWrap=True)
        self._caption.setProperty("role", "muted")
        bar.addWidget(self._caption, 1)
        for button in export_buttons(self, self.figure, "record"):
            bar.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        below = QVBoxLayout(self._pictures)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(4)
        below.addLayout(bar)
        below.addWidget(self.grid)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        for part in (self.words, self._pictures, self._charts):
            column.addWidget(part)
        column.addStretch(1)

    def figure(self) -> MapGridData:
        """Return the pictures as a figure for a paper."""
        return self._grid_data

    def show_nothing(self, words: str) -> None:
        """Show a sentence instead of pictures."""
        self.words.setText(words)
        self.words.setVisible(bool(words))
        for plot in self.plots:
            plot.clear()
            plot.hide()
        self._charts.hide()
        self._grid_data = EMPTY
        self.grid.clear()
        self._pictures.hide()

    def show_pictures(
        self, charts: tuple[ChartData, ...], grid: MapGridData | None, key: str = ""
    ) -> None:
        """Show rows of pictures, and below them charts, of the record with a key."""
        self.show_nothing("")
        for plot, chart in zip(self.plots, charts, strict=False):
            plot.subject = key
            show_chart(plot, chart, self.images_picked.emit)
            plot.show()
        self._charts.setVisible(bool(charts))
        if grid is not None:
            self._grid_data = grid
            self._caption.setText(f"{grid.caption} {CLICK_SELECTS}".strip())
            self._fill(grid)
            self._pictures.show()
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Stack the charts vertically if the width is small."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Fix the heights of charts and pictures, which the layout would squeeze or stretch."""
        wide = self.width() >= WIDE
        direction = QBoxLayout.Direction
        self._row.setDirection(direction.LeftToRight if wide else direction.TopToBottom)
        shown = sum(not plot.isHidden() for plot in self.plots)
        below = 1 if wide else max(1, shown)
        self._charts.setFixedHeight(below * (CHART_HEIGHT + GAP) - GAP)
        self.grid.setFixedHeight(max(1, len(self._grid_data.images)) * ROW_HEIGHTS[wide] + 4)

    def _fill(self, grid: MapGridData) -> None:
        for place, (title, row) in enumerate(zip(grid.row_titles, grid.images, strict=True)):
            pictures = [picture for picture in row if picture is not None]
            if place == 0:
                self.grid.set_images(pictures)
            else:
                self.grid.set_row(str(place), title.capitalize(), pictures)
