"""Pages of A4 for a report: blocks of text, tables and pictures, one below the other.

Lengths are in mm. The height of a block is known before it is drawn. So blocks are distributed over
pages first, and pages are then drawn one at a time: a long report needs no more memory than a page.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from engine.figures.charts import EDGE, INK, NEUTRAL, MapGridData, Picture, caption_of, panels_of
from engine.figures.drawing import draw_into, settings, use_fonts
from engine.figures.paper.letters import LINE, POINT_MM, letters
from engine.figures.paper.style import FigureStyle
from engine.figures.sizing import MM, natural_height
from engine.program import VERSION
from engine.store.outputs import MADE_BY
from engine.texts import harmless, one_line, shortened, wrapped

PAGE = (210.0, 297.0)
MARGIN, HEAD, FOOT = 20.0, 18.0, 18.0
WIDTH = PAGE[0] - 2 * MARGIN
ROOM = PAGE[1] - HEAD - FOOT
TEXT, SMALL, TITLE, HEADING = 9.0, 7.5, 22.0, 13.0
GAP = 4.0
SINGLE = 115.0  # width of a chart that stands alone
BESIDE = 20.0  # kept free for the heading above a picture
BROAD = 0.62  # width of a bold letter in the font's own size
BETWEEN = 4.5
Rows = Sequence[Sequence[str]]
Draw = Callable[[SubFigure], None]


@dataclass(frozen=True)
class Block:
    """A part of a page, as wide as the text.

    Attributes
    ----------
    height
        In mm.
    leads
        Whether it stays on one page with the next block.
    has_axes
        Whether it draws axes, which matplotlib's layout engine must fit into the block.
    """

    height: float
    draw: Draw
    leads: bool = False
    has_axes: bool = False


def line_height(size: float) -> float:
    """Return the height of a line of text in points of this size."""
    return size * POINT_MM * LINE


# ------------------------------------------------------------------------------------------- blocks


def gap(height: float = GAP) -> Block:
    """Return an empty space."""
    return Block(height, lambda _: None)


def text_block(
    text: str, size: float = TEXT, *, colour: str = INK, bold: bool = False, leads: bool = False
) -> Block:
    """Return a paragraph; line breaks in the text are kept, long lines and words are wrapped."""
    room = letters(WIDTH * (0.94 if bold else 1.0), size)
    lines = [part for line in text.splitlines() for part in wrapped(line, room) or [""]]
    return _lines_block(lines, size, colour=colour, bold=bold, leads=leads)


def paragraphs(text: str, size: float = TEXT, *, colour: str = INK) -> Iterator[Block]:
    """Yield a text line by line, so that it may continue on the next page."""
    for line in text.splitlines():
        yield text_block(line or " ", size, colour=colour)


def heading(text: str) -> Block:
    """Return the heading of a section."""
    return text_block(text, HEADING, bold=True, leads=True)


def _lines_block(
    lines: Sequence[str], size: float, *, colour: str, bold: bool, leads: bool
) -> Block:
    step = line_height(size)
    height = max(1, len(lines)) * step + 1.0

    def draw(place: SubFigure) -> None:
        for number, line in enumerate(lines):
            y = 1 - (number + 0.5) * step / height
            _write(place, 0.0, y, line, size, colour, bold=bold)

    return Block(height, draw, leads)


def facts_block(facts: Sequence[tuple[str, str]]) -> Block:
    """Return a list of names with their values beside them."""
    left, step = 38.0, line_height(TEXT)
    broken = [(name, wrapped(text, letters(WIDTH - left, TEXT))) for name, text in facts]
    count = sum(max(1, len(lines)) for _, lines in broken)
    height = count * step + 1.0

    def draw(place: SubFigure) -> None:
        at = 0.5
        for name, lines in broken:
            _write(place, 0.0, 1 - at * step / height, name, TEXT, NEUTRAL)
            for number, line in enumerate(lines):
                y = 1 - (at + number) * step / height
                _write(place, left / WIDTH, y, line, TEXT, INK)
            at += max(1, len(lines))

    return Block(height, draw)


def table_blocks(rows: Rows, left: int = 1, size: float = SMALL) -> Iterator[Block]:
    """Yield a table, headings first, as one block per row; so it may continue on the next page.

    Parameters
    ----------
    left
        How many of the first columns are flush left; long texts in them are wrapped.
    """
    widths = _column_widths(rows, left, size)
    for number, row in enumerate(rows):
        yield _row_block(row, widths, left, size, is_head=number == 0)


def _column_widths(rows: Rows, left: int, size: float) -> list[float]:
    """Return widths in mm for the texts; text columns shrink first if the table is too wide."""
    letter = size * POINT_MM * BROAD
    # Headings and the left columns may be wrapped between words, numbers may not.
    words = [max(map(len, text.split(" ")), default=1) for text in rows[0]]
    longest = [max([word, *(len(row[i]) for row in rows[1:])]) for i, word in enumerate(words)]
    needed = [count * letter + BETWEEN for count in longest]
    most = [14 * letter] * len(needed)
    over = sum(needed) - WIDTH
    for index in range(left):
        if over > 0:
            less = min(over, max(0.0, needed[index] - most[index]))
            needed[index] -= less
            over -= less
    scale = min(1.0, WIDTH / sum(needed))
    return [width * scale for width in needed]


def _row_block(
    row: Sequence[str], widths: Sequence[float], left: int, size: float, *, is_head: bool
) -> Block:
    letter = size * POINT_MM * BROAD
    cells = [
        wrapped(text, max(4, int((width - BETWEEN + 2.0) / letter))) or [""]
        for text, width in zip(row, widths, strict=True)
    ]
    count, step = max(map(len, cells)), line_height(size)
    height = count * step + 1.4

    def draw(place: SubFigure) -> None:
        x = 0.0
        for index, (lines, width) in enumerate(zip(cells, widths, strict=True)):
            flush = index < left
            for number, line in enumerate(lines):
                y = 1 - ((number + 0.5) * step + 0.7) / height
                at = (x if flush else x + width) / WIDTH
                colour = NEUTRAL if is_head else INK
                _write(place, at, y, line, size, colour, bold=is_head, right=not flush)
            x += width
        _rule(place, 0.0, x / WIDTH, INK if is_head else EDGE)

    return Block(height, draw, leads=is_head)


def picture_blocks(data: Picture, settings_text: str = "") -> Iterator[Block]:
    """Yield a picture, and below it its caption and the settings behind it.

    A picture higher than a page is divided: charts between panels, grids between rows.
    """
    style = FigureStyle(width_mm=WIDTH, font_size=SMALL, title=True)
    caption = " ".join(part for part in (caption_of(data), settings_text) if part)
    below = text_block(caption, SMALL, colour=NEUTRAL) if caption else gap(0.0)
    room = ROOM - below.height - BESIDE
    parts = list(_parts(data, style, room))
    for part in parts:
        single = len(panels_of(part)) == 1
        own = replace(style, width_mm=SINGLE if single else WIDTH)
        draw = partial(_draw_part, data=part, style=own)
        height = min(natural_height(part, own), room)
        yield Block(height, draw, leads=part is parts[-1], has_axes=True)
    yield below


def _draw_part(place: SubFigure, data: Picture, style: FigureStyle) -> None:
    """Draw a picture at the left of a place, in the width of the style."""
    if style.width_mm < WIDTH:
        widths = [style.width_mm, WIDTH - style.width_mm]
        places: Any = place.subfigures(1, 2, width_ratios=widths, wspace=0)
        place = places[0]
    draw_into(place, data, style)


def _parts(data: Picture, style: FigureStyle, room: float) -> Iterator[Picture]:
    """Yield the whole picture, or parts of it that are at most ``room`` high."""
    if natural_height(data, style) <= room:
        yield data
        return
    if isinstance(data, MapGridData):
        yield from _row_parts(data, style, room)
        return
    panels = panels_of(data)
    # Use the fewest parts, of equal size: a last part with a single panel would be drawn too large.
    sizes = (-(-len(panels) // parts) for parts in range(1, len(panels) + 1))
    count = next((n for n in sizes if natural_height(panels[:n], style) <= room), 1)
    for start in range(0, len(panels), count):
        yield panels[start : start + count]


def _row_parts(data: MapGridData, style: FigureStyle, room: float) -> Iterator[MapGridData]:
    """Yield parts of a grid, a few rows each, and repeat the first row, the images, in each."""
    count = len(data.images)
    while count > 2 and natural_height(_rows_of(data, range(count)), style) > room:
        count -= 1
    for start in range(1, len(data.images), count - 1):
        wanted = range(start, min(start + count - 1, len(data.images)))
        yield _rows_of(data, (0, *wanted))


def _rows_of(data: MapGridData, wanted: Sequence[int]) -> MapGridData:
    def chosen(rows: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(rows[i] for i in wanted) if rows else ()

    return replace(
        data,
        images=chosen(data.images),
        row_titles=chosen(data.row_titles),
        notes=chosen(data.notes),
        values=chosen(data.values),
        groups=chosen(data.groups),
    )


# -------------------------------------------------------------------------------------------- pages


def paged(blocks: Sequence[Block]) -> list[list[Block]]:
    """Distribute the blocks over pages; a block that leads is never the last on a page."""
    pages: list[list[Block]] = [[]]
    room = ROOM
    start = 0
    while start < len(blocks):
        end = start + 1
        while end < len(blocks) and blocks[end - 1].leads:
            end += 1
        group = list(blocks[start:end])
        needed = sum(block.height for block in group)
        if needed > room and pages[-1]:
            pages.append([])
            room = ROOM
        pages[-1] += group
        room -= needed
        start = end
    return pages


def pdf_of(blocks: Sequence[Block], name: str, about: dict[str, Any]) -> bytes:
    """Return a PDF of the blocks, with page numbers and the name at the foot of every page.

    Parameters
    ----------
    about
        Metadata of the file: Title, Subject, ...
    """
    pages = paged(blocks)
    about = {"Creator": f"{MADE_BY} {VERSION}"} | about
    about = {key: harmless(text) if isinstance(text, str) else text for key, text in about.items()}
    out = io.BytesIO()
    with settings(SMALL), PdfPages(out, metadata=about) as pdf:
        for number, page in enumerate(pages, 1):
            pdf.savefig(_draw_page(page, name, f"{number} / {len(pages)}"))
    return out.getvalue()


def _draw_page(blocks: Sequence[Block], name: str, number: str) -> Figure:
    figure = Figure(figsize=(PAGE[0] * MM, PAGE[1] * MM), layout="constrained")
    if any(block.has_axes for block in blocks):
        _place(figure, blocks, has_axes=True)
        figure.draw_without_rendering()
    # The layout engine has a row of constraints for every block, and kiwisolver has ended the
    # process over the rows of a long table. Texts know their place without it.
    figure.set_layout_engine("none")
    _place(figure, blocks, has_axes=False)
    y = FOOT / 2 / PAGE[1]
    left, right = MARGIN / PAGE[0], 1 - MARGIN / PAGE[0]
    shown = shortened(one_line(name), 90)
    _write(figure, left, y, shown, SMALL, NEUTRAL)
    _write(figure, right, y, number, SMALL, NEUTRAL, right=True)
    return figure


def _place(figure: Figure, blocks: Sequence[Block], *, has_axes: bool) -> None:
    """Draw the blocks with axes, or those without, each in its own place on the page."""
    spaces, wanted = [HEAD], []
    for block in blocks:
        if block.has_axes is has_axes:
            wanted.append(block)
            spaces += [block.height, 0.0]
        else:
            spaces[-1] += block.height
    if not wanted:
        return
    spaces[-1] += max(PAGE[1] - sum(spaces), FOOT)
    columns: Any = figure.subfigures(1, 3, width_ratios=[MARGIN, WIDTH, MARGIN], wspace=0)
    heights = [max(height, 1e-3) for height in spaces]
    places: Any = columns[1].subfigures(len(heights), 1, height_ratios=heights, hspace=0)
    for place, block in zip(places[1::2], wanted, strict=True):
        block.draw(place)


def _write(
    place: Figure | SubFigure,
    x: float,
    y: float,
    text: str,
    size: float,
    colour: str,
    *,
    bold: bool = False,
    right: bool = False,
) -> None:
    text = harmless(text)
    use_fonts([text])
    made = place.text(
        x,
        y,
        text,
        fontsize=size,
        color=colour,
        va="center",
        ha="right" if right else "left",
        fontweight="bold" if bold else "normal",
    )
    made.set_in_layout(False)


def _rule(place: SubFigure, left: float, right: float, colour: str) -> None:
    line = Line2D([left, right], [0.0, 0.0], color=colour, linewidth=0.5)
    line.set_transform(place.transSubfigure)
    line.set_in_layout(False)
    place.add_artist(line)
