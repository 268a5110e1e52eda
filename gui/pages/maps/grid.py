"""Rows of images and columns of maps, which pan and zoom together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from gui.look import terms, theme
from gui.look.plain import plain_tip
from gui.widgets.chip import Chip
from gui.widgets.elided_label import ElidedLabel, ElidedLine
from gui.widgets.images.image_view import Camera, ImageView, Pixels

SMALLEST_CELL = 124
COMFORTABLE_CELL = 144
LARGEST_CELL = 420
NOTE_ROOM = 8  # around the text of a cell
ROWS_FIRST = 1000  # of the free height goes to rows, for each part that goes below them


@dataclass(frozen=True, eq=False)
class MapCell:
    """One picture and the text below it.

    Attributes
    ----------
    pixels
        uint8 (H, W, 3), or None for a cell that has no picture (yet).
    note
        The text below.
    missing
        The text shown in place of a missing picture.
    describe
        Returns a description of the pixel at a row and column.
    values
        The numbers behind the picture, (H, W), where it is a map.
    name
        Name of the picture in a figure.
    """

    pixels: Pixels | None = None
    note: str = ""
    missing: str = ""
    describe: Callable[[int, int], str] | None = None
    values: NDArray[np.float32] | None = None
    name: str = ""


@dataclass(frozen=True)
class MapHeading:
    """The head of a column.

    ``key`` is the network's key, or ""; ``series`` is the number of its colour, or None. ``full``
    is the text for tooltips and figures, if it differs from the two lines.
    """

    title: str
    method: str = ""
    key: str = ""
    series: int | None = None
    full: str = ""

    @property
    def words(self) -> str:
        """The full text of the heading."""
        return self.full or "\n".join(filter(None, [self.title, self.method]))


class _Name(ElidedLabel):
    """A name, on two lines where it does not fit on one."""

    def __init__(self) -> None:
        super().__init__(bold=True, elide=Qt.TextElideMode.ElideMiddle)
        self._name = ""

    def show_name(self, name: str) -> None:
        """Show a name."""
        self._name = name
        self._break()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break the name anew."""
        super().resizeEvent(event)
        self._break()

    def _break(self) -> None:
        font = self.font()
        font.setBold(True)
        advance = QFontMetrics(
            font
        ).horizontalAdvance  # rounded, where eliding counts parts of pixels
        lines = on_two_lines(self._name, self.width(), lambda text: advance(text) + 1)
        self.set_lines(*(ElidedLine(line, bold=True) for line in lines))
        self.set_room(len(lines))


def on_two_lines(text: str, room: int, width: Callable[[str], int]) -> tuple[str, ...]:
    """Return a text as one line if it fits, else broken at the space that leaves most room."""
    words = text.split(" ")
    if width(text) <= room or len(words) == 1:
        return (text,)
    breaks = range(1, len(words))
    halves = [(" ".join(words[:at]), " ".join(words[at:])) for at in breaks]
    return min(halves, key=lambda half: max(map(width, half)))


class _Head(QWidget):
    """Network and method, one above the other."""

    def __init__(self) -> None:
        super().__init__()
        self.title = _Name()
        self.method = ElidedLabel(colour="muted")
        self.chip = Chip(self)
        layout = QGridLayout(self)
        layout.setContentsMargins(2, 0, 2, 4)
        layout.setSpacing(4)
        layout.setVerticalSpacing(0)
        layout.addWidget(self.chip, 0, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.title, 0, 1)
        layout.addWidget(self.method, 1, 1)
        layout.setColumnStretch(1, 1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_heading(self, heading: MapHeading) -> None:
        """Show these texts."""
        self.chip.set_series(heading.series)
        self.title.show_name(heading.title)
        self.method.set_text(heading.method)
        self.setToolTip(plain_tip(heading.words))


class _CellView(QWidget):
    """A picture and the text below it."""

    def __init__(self, camera: Camera):
        super().__init__()
        self.view = ImageView("", camera)
        self.view.setMaximumHeight(LARGEST_CELL)  # as wide as the column, so that it is centred
        self.note = ElidedLabel(
            alignment=Qt.AlignmentFlag.AlignHCenter,
            colour="muted",
            elide=Qt.TextElideMode.ElideMiddle,  # how sure a network is stands behind the name
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 4)
        layout.setSpacing(2)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.note)

    def bound_height(self, side: int) -> None:
        """Allow a picture of this side, in pixels, and the text."""
        self.setMaximumHeight(side + self.note.minimumSizeHint().height() + NOTE_ROOM)

    def show_cell(self, cell: MapCell, name: str) -> None:
        """Show a picture and its text, or the text for a missing picture."""
        if cell.pixels is None:
            self.view.set_note(cell.missing)
        else:
            self.view.set_pixels(cell.pixels)
        self.view.describe = cell.describe
        self.view.setAccessibleName(name)
        self.view.setAccessibleDescription(cell.note)
        self.note.set_text(cell.note)
        self.note.setToolTip(terms.with_words(cell.note, cell.note))


class MapsGrid(QScrollArea):
    """Shows a table of pictures; all of them share one camera.

    Parameters
    ----------
    smallest
        Least side of a picture, in pixels of the screen.

    Signals
    -------
    pointed
        Carries the key of the network whose picture is under the mouse, or "".
    """

    pointed = Signal(str)

    def __init__(self, parent: QWidget | None = None, *, smallest: int = SMALLEST_CELL):
        super().__init__(parent)
        self._smallest = smallest
        self.camera = Camera(self)
        self.views: list[list[_CellView]] = []
        self._heads: list[_Head] = []
        self._headings: Sequence[MapHeading] = ()
        self._inside = QWidget()
        self._grid = QGridLayout(self._inside)
        self._grid.setContentsMargins(0, 0, 8, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(4)
        self.setProperty("role", "reading")
        self.setAccessibleName("Maps")
        self.setWidgetResizable(True)
        self.setWidget(self._inside)

    def show_table(self, headings: Sequence[MapHeading], rows: Sequence[Sequence[MapCell]]) -> None:
        """Draw the headings, and rows with one cell for each heading."""
        self._headings = headings
        self._resize(len(rows), len(headings))
        for head, heading in zip(self._heads, headings, strict=True):
            head.show_heading(heading)
        for views, cells in zip(self.views, rows, strict=True):
            for view, cell, heading in zip(views, cells, headings, strict=True):
                view.show_cell(cell, heading.words.replace("\n", " "))
        self._share_note_height()
        self._fit()

    def dim(self) -> None:
        """Draw every picture faintly: they are out of date."""
        for views in self.views:
            for view in views:
                view.view.set_dimmed(True)

    def highlight(self, key: str) -> None:
        """Frame the pictures of a network, and no others."""
        for views in self.views:
            for view, heading in zip(views, self._headings, strict=True):
                mine = bool(key) and heading.key == key and heading.series is not None
                view.view.set_frame(theme.series(heading.series or 0) if mine else None)

    # ------------------------------------------------------------------------------------- private

    def _resize(self, rows: int, columns: int) -> None:
        """Add or remove cells to match this number of rows and columns; reuse the others."""
        while len(self._heads) > columns:
            self._heads.pop().deleteLater()
        while len(self._heads) < columns:
            self._heads.append(_Head())
            place = len(self._heads) - 1  # a name of two lines may stand beside it
            self._grid.addWidget(self._heads[-1], 0, place, Qt.AlignmentFlag.AlignBottom)
        while len(self.views) > rows:
            _drop(self.views.pop())
        while len(self.views) < rows:
            self.views.append([])
        for row, views in enumerate(self.views):
            _drop(views[columns:])
            del views[columns:]
            while len(views) < columns:
                views.append(self._new_view(len(views)))
                self._grid.addWidget(views[-1], row + 1, len(views) - 1)
        for row in range(self._grid.rowCount()):
            self._grid.setRowStretch(row, ROWS_FIRST if 1 <= row <= rows else 0)
        # What is left when the rows are as high as they may be goes below them.
        self._grid.setRowStretch(rows + 1, 1)
        for column in range(self._grid.columnCount()):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)

    def _new_view(self, column: int) -> _CellView:
        view = _CellView(self.camera)
        # The pictures share one camera, so the Tab key stops at the first one only.
        first = column == 0 and not self.views[0]
        view.view.setFocusPolicy(Qt.FocusPolicy.StrongFocus if first else Qt.FocusPolicy.ClickFocus)
        view.view.pointed.connect(lambda inside: self._point(column, inside))
        return view

    def _point(self, column: int, inside: bool) -> None:
        self.pointed.emit(self._headings[column].key if inside else "")

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the pictures the size that the width allows."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Set the pictures' minimum side from the width, within fixed limits.

        The height needs no check, because the grid scrolls. A cell is no higher than its picture
        and its text, so that the text stays next to the picture.
        """
        columns = max(1, len(self._heads))
        width = self.viewport().width() // columns - self._grid.horizontalSpacing()
        side = min(max(width, self._smallest), COMFORTABLE_CELL)
        for views in self.views:
            for view in views:
                view.view.setMinimumSize(side, side)
                view.bound_height(min(max(width, side), LARGEST_CELL))

    def _share_note_height(self) -> None:
        """Give all texts of a row the same height, so that its pictures have the same size."""
        for views in self.views:
            lines = max((view.note.text.count("\n") + 1 for view in views), default=1)
            for view in views:
                view.note.set_room(lines)


def _drop(views: Sequence[_CellView]) -> None:
    for view in views:
        view.hide()
        view.deleteLater()
