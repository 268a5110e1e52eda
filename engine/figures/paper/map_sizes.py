"""The room in a grid of maps: the side of a picture, and the texts around pictures as they fit."""

from __future__ import annotations

from dataclasses import dataclass

from engine.figures.charts import MapGridData
from engine.figures.paper.letters import breaks_words, in_lines, letters, line_mm, width_of
from engine.figures.paper.style import FigureStyle
from engine.texts import shortened

LARGEST_MAP_MM, SMALLEST_MAP_MM = 30.0, 3.0
GAP_MM = 0.6
NOTE_SIZE = 0.8  # of the size of the other letters
TITLE_LETTERS = (12, 16, 20, 24)  # widths of the titles of rows, the first that fits is taken
TITLE_LINES, NOTE_LINES, COLUMN_LINES = 4, 3, 2
UPRIGHT_LETTERS = 20
BAR_MM = 1.8  # height of a colour bar


@dataclass(frozen=True)
class GridTexts:
    """The texts of a grid, broken and shortened to their room.

    Attributes
    ----------
    rows, columns, notes, headings
        As in :class:`~engine.figures.charts.MapGridData`.
    upright
        Whether the titles of columns are written upwards, as they are wider than a picture.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    notes: tuple[tuple[str, ...], ...]
    headings: dict[int, str]
    upright: bool


def natural_height(data: MapGridData, style: FigureStyle, below_mm: float = 0.0) -> float:
    """Return a height in mm that suits a grid at the style's width, with a caption below it."""
    cell, _ = _fitting(data, style, below_mm)
    pictures = sum(_row_mm(data, style, cell, row) for row in range(len(data.images)))
    return pictures + _around_mm(data, style, cell) + below_mm


def texts_of(data: MapGridData, style: FigureStyle, below_mm: float = 0.0) -> GridTexts:
    """Return the texts of a grid as they fit beside and below its pictures."""
    cell, titles = _fitting(data, style, below_mm)
    upright = _is_upright(data, style, cell)
    room = letters(cell, style.font_size, 3)
    small = letters(cell, style.small(NOTE_SIZE), 3)
    return GridTexts(
        titles,
        tuple(
            shortened(title, UPRIGHT_LETTERS) if upright else in_lines(title, room, COLUMN_LINES)
            for title in data.column_titles
        ),
        tuple(tuple(in_lines(note, small, NOTE_LINES) for note in row) for row in data.notes),
        data.headings,
        upright,
    )


def bar_mm(data: MapGridData, style: FigureStyle) -> float:
    """Return the height in mm of the colour bar with its texts; 0 without one."""
    if data.bar is None:
        return 0.0
    return BAR_MM + (2 + data.bar.label.count("\n")) * line_mm(style.font_size) + 2.0


def _fitting(
    data: MapGridData, style: FigureStyle, below_mm: float
) -> tuple[float, tuple[str, ...]]:
    """Return the width of a picture in mm, and the titles of rows, none higher than its row."""
    size = style.small(NOTE_SIZE)
    cell, titles = 0.0, tuple(data.row_titles)
    for wide in TITLE_LETTERS:
        whole = [in_lines(title, wide, TITLE_LINES) for title in data.row_titles]
        beside = max((width_of(title, size) for title in whole), default=0.0)
        cell = _cell_mm(data, style, beside, below_mm)
        lines = max(1, int((cell * _ratio(data) + GAP_MM) / line_mm(size)))
        titles = tuple(in_lines(title, wide, lines) for title in data.row_titles)
        if titles == tuple(whole) and not any(
            breaks_words(title, wide, lines) for title in data.row_titles
        ):
            break
    return cell, titles


def _cell_mm(data: MapGridData, style: FigureStyle, beside_mm: float, below_mm: float) -> float:
    """Return the width of a picture: what the width of the figure leaves, and the page's height."""
    cell = min((style.width_mm - beside_mm - 1.0) / data.columns - GAP_MM, LARGEST_MAP_MM)
    cell = max(cell, SMALLEST_MAP_MM)
    if style.most_height_mm is not None:
        rows = len(data.images)
        room = style.most_height_mm - below_mm - _around_mm(data, style, cell)
        texts = sum(_row_mm(data, style, 0.0, row) for row in range(rows))
        cell = min(cell, max((room - texts) / rows / _ratio(data), SMALLEST_MAP_MM))
    return cell


def _row_mm(data: MapGridData, style: FigureStyle, cell: float, row: int) -> float:
    small = line_mm(style.small(NOTE_SIZE))
    room = letters(cell or LARGEST_MAP_MM / 3, style.small(NOTE_SIZE), 3)
    notes = data.notes[row] if data.notes else ()
    lines = max((in_lines(n, room, NOTE_LINES).count("\n") + 1 for n in notes if n), default=0)
    heading = line_mm(style.font_size) * 1.2 if row in data.headings else 0.0
    return cell * _ratio(data) + GAP_MM + lines * small + heading


def _around_mm(data: MapGridData, style: FigureStyle, cell: float) -> float:
    """Return the height of the titles above a grid, and of the colour bar below it."""
    line = line_mm(style.font_size)
    above = 1.3 * line if style.title and data.title else 0.0
    if _is_upright(data, style, cell):
        short = [shortened(title, UPRIGHT_LETTERS) for title in data.column_titles]
        above += max(width_of(title, style.font_size) for title in short) + 1.0
    elif data.column_titles:
        room = letters(cell, style.font_size, 3)
        texts = [in_lines(title, room, COLUMN_LINES) for title in data.column_titles]
        above += line * (1 + max(text.count("\n") for text in texts))
    return above + bar_mm(data, style) + 1.0


def _is_upright(data: MapGridData, style: FigureStyle, cell: float) -> bool:
    room = letters(cell, style.font_size, 3)
    return any(breaks_words(title, room, COLUMN_LINES) for title in data.column_titles)


def _ratio(data: MapGridData) -> float:
    first = next((p for row in data.images for p in row if p is not None), None)
    return 1.0 if first is None else first.shape[0] / first.shape[1]
