"""A grid of small pictures, drawn by a single widget so that frequent changes are fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QFontMetrics,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from engine.figures.charts import MapGridData
from gui.look import theme
from gui.look.plain import plain_tip
from gui.widgets.images.image_view import Pixels, image_from
from gui.widgets.images.map_grid_layout import GAP, MapGridLayout

CHIP = 4
CLICK_SELECTS = "A click on an image selects it for all pages, Ctrl adds it."
TEXT_GAP = 12
ARROWS = {
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
}


@dataclass
class _Line:
    """One row: its texts on the left, and its pictures as given and as drawn."""

    title: str
    note: str
    series: int | None
    pixels: list[Pixels]
    drawn: list[QImage]


class MapGrid(QAbstractScrollArea):
    """Rows of small pictures below a first row of images, with one column per image.

    Pictures are magnified by whole numbers, without smoothing; the grid scrolls if it does not
    fit. The arrow keys move between pictures, and Enter clicks the current one.

    Signals
    -------
    hovered, clicked
        Take the key of the row and the number of the column. The key of the row of images is "".
        If there is no picture under the mouse, hovered is emitted with "" and -1.

    Attributes
    ----------
    hints
        Key of a row -> what a click on its pictures does, for their tooltip.
    """

    hovered = Signal(str, int)
    clicked = Signal(str, int)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.first_title = "Image"
        self.hints: dict[str, str] = {}
        self._images: list[Pixels] = []
        self._lines: dict[str, _Line] = {"": _Line(self.first_title, "", None, [], [])}
        self._order: list[str] = []
        self._highlighted = ""
        self._under = ("", -1)
        self._current = (0, 0)
        self._layout = MapGridLayout()
        self._note_width = 0  # of the longest note so far
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setAccessibleName("Gradient maps")
        self.viewport().setMouseTracking(True)
        self.viewport().installEventFilter(self)
        theme.signals.changed.connect(self._recolour)

    # ------------------------------------------------------------------------------------ content

    def set_images(self, images: Sequence[Pixels]) -> None:
        """Set the first row to these images, uint8 (H, W, 3) each; [] removes the row."""
        self._images = list(images)
        line = self._lines[""]
        line.pixels, line.drawn = self._images, [image_from(image) for image in images]
        self._arrange()

    def set_row(
        self,
        key: str,
        title: str,
        pictures: Sequence[Pixels],
        *,
        note: str = "",
        series: int | None = None,
    ) -> None:
        """Add or update a row.

        Parameters
        ----------
        key
            Names the row; not "".
        pictures
            uint8 (H, W, 3) each, one per image; missing ones leave cells empty.
        note
            A short text below the title.
        series
            The number of its colour, for :func:`gui.look.theme.series`.
        """
        before = self._lines.get(key)
        wider = QFontMetrics(self.font()).horizontalAdvance(note) > self._note_width
        drawn = [image_from(picture) for picture in pictures]
        self._lines[key] = line = _Line(title, note, series, list(pictures), drawn)
        if key not in self._order:
            self._order.append(key)
        if wider or before is None or _shape(before) != _shape(line):
            self._arrange()
        else:
            self.viewport().update(self._band(1 + self._order.index(key)))

    def remove_row(self, key: str) -> None:
        """Remove a row, if it exists."""
        if key in self._order:
            self._order.remove(key)
            del self._lines[key]
            self._arrange()

    def clear(self) -> None:
        """Remove all rows and the images."""
        for key in self._order:
            del self._lines[key]
        self._order.clear()
        self.set_images([])

    def set_order(self, keys: Sequence[str]) -> None:
        """Put the rows with these keys first, in this order."""
        first = [key for key in keys if key in self._order]
        order = first + [key for key in self._order if key not in first]
        if order != self._order:
            self._order = order
            self.viewport().update()

    def rows(self) -> dict[str, tuple[str, list[Pixels]]]:
        """Return title and pictures by key, from top to bottom; the images have the key ""."""
        keys = ([""] if self._images else []) + self._order
        return {key: (self._lines[key].title, list(self._lines[key].pixels)) for key in keys}

    def figure(self, title: str, caption: str) -> MapGridData:
        """Return the grid as figure data for export; cells without a picture stay empty."""
        rows = self.rows().values()
        count = max((len(pictures) for _, pictures in rows), default=0)
        return MapGridData(
            images=tuple((*pictures, *[None] * (count - len(pictures))) for _, pictures in rows),
            row_titles=tuple(title for title, _ in rows),
            title=title,
            caption=caption,
        )

    def set_highlighted(self, key: str) -> None:
        """Highlight one row, or none with ""."""
        if key != self._highlighted:
            self._highlighted = key
            self.viewport().update()

    @property
    def highlighted(self) -> str:
        """The key of the highlighted row, or ""."""
        return self._highlighted

    # ----------------------------------------------------------------------------------- geometry

    @property
    def scale(self) -> float:
        """The magnification of the pictures: a whole number, or 1 over a whole number."""
        return self._layout.scale

    def cell(self, key: str, column: int) -> QRect:
        """Return where a picture is, in the viewport's coordinates."""
        return self._cell(0 if not key else 1 + self._order.index(key), column)

    def sizeHint(self) -> QSize:
        """Return a size that suits a few rows."""
        return QSize(480, 240)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Recompute the scale."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        lines = [self._lines[key] for key in ("", *self._order)]
        sides = [p.shape[:2] for line in lines for p in line.pixels]
        metrics = QFontMetrics(self.font())
        longest = max((metrics.horizontalAdvance(line.title) for line in lines), default=0)
        note = max((metrics.horizontalAdvance(line.note) for line in lines), default=0)
        # Notes that become shorter leave the pictures where they are.
        self._note_width = max(self._note_width, note) if self._order else 0
        self._layout = MapGridLayout.fitting(
            self.viewport().size(),
            picture=max(sides, default=(1, 1), key=lambda side: side[0] * side[1]),
            columns=max((len(line.pixels) for line in lines), default=0),
            rows=1 + len(self._order),
            line_height=metrics.height(),
            longest=longest + 2 * TEXT_GAP + GAP,
            note=self._note_width + 2 * TEXT_GAP + GAP if self._note_width else 0,
        )
        whole, view = self._layout.whole, self.viewport().size()
        for bar, length, page in (
            (self.horizontalScrollBar(), whole.width(), view.width()),
            (self.verticalScrollBar(), whole.height(), view.height()),
        ):
            bar.setRange(0, max(0, length - page))
            bar.setPageStep(page)
            bar.setSingleStep(max(8, self._layout.cell.height() // 2))
        self._move_to(*self._current)
        self.viewport().update()

    def _offset(self) -> QPoint:
        return QPoint(-self.horizontalScrollBar().value(), -self.verticalScrollBar().value())

    def _cell(self, row: int, column: int) -> QRect:
        return self._layout.place(row, column).translated(self._offset())

    def _band(self, row: int) -> QRect:
        return self._layout.band(row).translated(self._offset())

    def _at(self, where: QPoint) -> tuple[int, int]:
        """Return row and column at a point; the column is -1 if there is no picture."""
        row, column = self._layout.at(where - self._offset())
        if not 0 <= row <= len(self._order):
            return -1, -1
        known = len(self._lines[self._key(row)].drawn)
        return row, column if 0 <= column < known else -1

    def _key(self, row: int) -> str:
        return self._order[row - 1] if row > 0 else ""

    # ----------------------------------------------------------------------------------- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the visible rows."""
        painter = QPainter(self.viewport())
        if not self._images and not self._order:
            painter.setPen(theme.colour("muted"))
            place = self.viewport().rect()
            painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), "No maps yet")
        for row in range(0 if self._images else 1, 1 + len(self._order)):
            if self._band(row).intersects(event.rect()):
                self._paint_row(painter, row)
        if self.hasFocus() and self._layout.columns:
            painter.setPen(QPen(theme.colour("accent"), 2))
            painter.drawRect(self._cell(*self._current).adjusted(-1, -1, 0, 0))
        painter.end()

    def _paint_row(self, painter: QPainter, row: int) -> None:
        key = self._key(row)
        line = self._lines[key]
        if key and key == self._highlighted:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("selection"))
            painter.drawRoundedRect(self._band(row), 4, 4)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self.scale < 1)
        for column in range(self._layout.columns):
            place = self._cell(row, column)
            if column < len(line.drawn):
                painter.drawImage(place, line.drawn[column])
            else:
                painter.fillRect(place, theme.colour("raised"))
        self._paint_title(painter, line, self._layout.heading(row).translated(self._offset()))

    def _paint_title(self, painter: QPainter, line: _Line, place: QRect) -> None:
        metrics = QFontMetrics(self.font())
        if line.series is not None:
            chip = QRect(place.left(), place.top() + GAP, CHIP, place.height() - 2 * GAP)
            painter.fillRect(chip, theme.series(line.series))
        text = place.adjusted(0 if line.series is None else TEXT_GAP, 0, -TEXT_GAP, 0)
        texts = [(line.title, "text"), (line.note, "muted")]
        shown = [pair for pair in texts if pair[0]][: max(1, place.height() // metrics.height())]
        top = place.center().y() - len(shown) * metrics.height() // 2 + 1
        for place_in_text, (words, colour) in enumerate(shown):
            painter.setPen(theme.colour(colour))
            rect = QRect(text.left(), 0, text.width(), metrics.height())
            rect.moveTop(top + place_in_text * metrics.height())
            elided = metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, rect.width())
            painter.drawText(rect, int(Qt.AlignmentFlag.AlignVCenter), elided)

    # ----------------------------------------------------------------------------------- pointing

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Handle the mouse leaving, and tooltips with full texts."""
        if event.type() == QEvent.Type.Leave:
            self._point_at("", -1)
        elif isinstance(event, QHelpEvent):
            words = plain_tip(self._words_at(event.pos()))
            QToolTip.showText(event.globalPos(), words, self.viewport())
            return True
        return super().eventFilter(watched, event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Signal which picture is under the mouse."""
        row, column = self._at(event.position().toPoint())
        self._point_at(self._key(row) if row > 0 else "", column)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Make the picture under the mouse the current one, and click it."""
        row, column = self._at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and column >= 0:
            self._move_to(row, column)
            self.clicked.emit(self._key(row), column)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move over the pictures, or click the current one."""
        row, column = self._current
        key = Qt.Key(event.key())
        if key in ARROWS:
            down, right = ARROWS[key]
            self._move_to(row + down, column + right)
            self._show_current()
            self._point_at(self._key(self._current[0]), self._current[1])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            if self._layout.columns:
                self.clicked.emit(self._key(row), column)
        else:
            super().keyPressEvent(event)

    def _move_to(self, row: int, column: int) -> None:
        """Make this picture, or the nearest one, the current one."""
        first = 0 if self._images else min(1, len(self._order))
        row = min(max(row, first), len(self._order))
        self._current = row, min(max(column, 0), max(0, self._layout.columns - 1))
        self.viewport().update()

    def _show_current(self) -> None:
        place = self._layout.place(*self._current)
        for bar, start, end, page in (
            (self.horizontalScrollBar(), place.left(), place.right(), self.viewport().width()),
            (self.verticalScrollBar(), place.top(), place.bottom(), self.viewport().height()),
        ):
            bar.setValue(min(max(bar.value(), end + GAP - page), start - GAP))

    def _point_at(self, key: str, column: int) -> None:
        if (key, column) != self._under:
            self._under = (key, column)
            self.hovered.emit(key, column)

    def _words_at(self, where: QPoint) -> str:
        row, column = self._at(where)
        if row < 0:
            return ""
        line = self._lines[self._key(row)]
        hint = self.hints.get(self._key(row), "") if column >= 0 else ""
        return "\n".join(text for text in (line.title, line.note, hint) if text)

    @Slot()
    def _recolour(self) -> None:
        self.viewport().update()


def _shape(line: _Line) -> tuple[tuple[int, ...], ...]:
    return tuple(picture.shape for picture in line.pixels)
