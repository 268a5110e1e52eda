"""The layout of a map grid: positions and sizes of its pictures and titles."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QSize

GAP = 4
SMALLEST_CELL = 56
LARGEST_CELL = 168
TITLE_SHARE = 0.24
TITLE_WIDTHS = (96, 210)


@dataclass(frozen=True)
class MapGridLayout:
    """Positions of titles and pictures, in the coordinates of the whole grid.

    Attributes
    ----------
    cell
        The size of every picture.
    scale
        The magnification from picture pixels to ``cell``.
    title_width, row_height
        The space at the left for titles, and the height of a row without the gap below.
    """

    cell: QSize = QSize(1, 1)
    scale: float = 1.0
    columns: int = 0
    rows: int = 0
    title_width: int = 0
    row_height: int = 1

    @classmethod
    def fitting(
        cls,
        view: QSize,
        *,
        picture: tuple[int, int],
        columns: int,
        rows: int,
        line_height: int,
        longest: int = 0,
        note: int = 0,
    ) -> MapGridLayout:
        """Return the layout of the largest pictures that fit into the view.

        The width determines the scale; rows that do not fit at a readable size scroll. Titles get
        the width that the pictures leave, at most what they need. Notes, which hold numbers, come
        before the pictures, up to the widest that titles may take from them.

        Parameters
        ----------
        picture
            Height and width of a picture in pixels.
        line_height
            Height of a line of text, the minimum height of a row.
        longest
            Width of the longest title.
        note
            Width of the longest note below a title.
        """
        height, width = picture
        least, most = TITLE_WIDTHS
        title = int(min(max(TITLE_SHARE * view.width(), least, note), most))
        wide = (view.width() - title - GAP) // max(1, columns) - GAP
        high = (view.height() - GAP) // max(1, rows) - GAP
        room = min(wide, max(high, SMALLEST_CELL), LARGEST_CELL)
        scale = _stepped(max(room, min(height, width) // 8), max(height, width))
        cell = QSize(max(1, int(width * scale)), max(1, int(height * scale)))
        left = view.width() - columns * (cell.width() + GAP) - GAP
        title = max(title, min(longest, left))
        return cls(cell, scale, columns, rows, title, max(cell.height(), line_height + 2))

    @property
    def whole(self) -> QSize:
        """The size of the grid."""
        width = self.title_width + self.columns * (self.cell.width() + GAP) + GAP
        return QSize(width, self.rows * (self.row_height + GAP) + GAP)

    def place(self, row: int, column: int) -> QRect:
        """Return where a picture is."""
        x = self.title_width + GAP + column * (self.cell.width() + GAP)
        y = GAP + row * (self.row_height + GAP) + (self.row_height - self.cell.height()) // 2
        return QRect(QPoint(x, y), self.cell)

    def heading(self, row: int) -> QRect:
        """Return where the title of a row is."""
        top = GAP + row * (self.row_height + GAP)
        return QRect(GAP, top, self.title_width - GAP, self.row_height)

    def band(self, row: int) -> QRect:
        """Return the whole row, with half the gaps around it."""
        top = GAP // 2 + row * (self.row_height + GAP)
        return QRect(0, top, self.whole.width(), self.row_height + GAP)

    def at(self, where: QPoint) -> tuple[int, int]:
        """Return row and column at a point; both may lie outside the grid."""
        row = (where.y() - GAP // 2) // (self.row_height + GAP)
        column = (where.x() - self.title_width - GAP) // (self.cell.width() + GAP)
        return row, column


def _stepped(room: int, side: int) -> float:
    """Return the largest scale that fits: a multiple of a half, or 1 over a whole number.

    With whole numbers alone, small pictures would shrink from 2 to 1 although 1.9 fits, and leave
    half of the panel empty.
    """
    if room >= side:
        return (2 * room // side) / 2
    return 1.0 / -(-side // max(1, room))
