"""The room in a figure: sizes of panels, legends and captions, and which labels of points fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from engine.figures.charts import ChartData, MapGridData, Picture, Series, caption_of, panels_of
from engine.figures.paper import map_sizes
from engine.figures.paper.label_places import Box, Numbers, pieces, places
from engine.figures.paper.letters import LETTER, LINE, POINT_MM, letters
from engine.figures.paper.style import FigureStyle
from engine.texts import columns_of, wrapped

MM = 1 / 25.4
POINTS_PER_INCH = 72.0
SMALLEST_PANEL_MM = 50.0  # for letters of 8 points; smaller letters need less
TIGHTEST = 0.72  # as a share of it, where the page has no room for more rows
USUAL_SIZE = 8.0
AXIS_MM = 12.0  # approximate width of a vertical axis with its labels
PANEL_RATIO, SQUARE_RATIO, LOWEST_RATIO = 0.72, 0.95, 0.5
LEGEND_SIZE = 0.85  # of the size of the other letters
TICK_LETTERS = 5.5
APART = 3.0  # points between a mark and its label
LABEL = "point-label"
TALLEST_MM = 1200.0


@dataclass(frozen=True)
class Layout:
    """How panels are arranged: their rows and columns, height over width, and the height in mm."""

    rows: int
    columns: int
    ratio: float
    height_mm: float


def grid_of(count: int, width_mm: float, least_mm: float = SMALLEST_PANEL_MM) -> tuple[int, int]:
    """Return rows and columns for ``count`` panels: large enough to read, if possible no gaps."""
    most = max(1, min(count, 4, int(width_mm / least_mm)))
    even = [n for n in range(2, most + 1) if count % n == 0]
    columns = even[-1] if even else most
    return -(-count // columns), columns


def arranged(panels: Sequence[ChartData], style: FigureStyle) -> Layout:
    """Return the arrangement of panels: roomy, or as tight as the page asks for."""
    least = SMALLEST_PANEL_MM * style.font_size / USUAL_SIZE
    usual = SQUARE_RATIO if any(panel.equal_aspect for panel in panels) else PANEL_RATIO
    rows, columns = grid_of(len(panels), style.width_mm, least)
    found = [_layout(panels, style, rows, columns, usual)]
    if style.most_height_mm is None:
        return found[0]
    room = style.most_height_mm - caption_height(panels, style)
    most = max(columns, min(len(panels), int(style.width_mm / (TIGHTEST * least))))
    for more in range(columns, most + 1):
        rows = -(-len(panels) // more)
        found.append(_layout(panels, style, rows, more, usual))
        # The letters keep their size, so all that is too much is taken from the panels.
        width = style.width_mm / more
        ratio = usual - (found[-1].height_mm - room) / (rows * width)
        if LOWEST_RATIO <= ratio < usual:
            found.append(_layout(panels, style, rows, more, ratio))
    fitting = [one for one in found if one.height_mm <= room + 0.01]
    return fitting[0] if fitting else min(found, key=lambda one: one.height_mm)


def _layout(
    panels: Sequence[ChartData], style: FigureStyle, rows: int, columns: int, ratio: float
) -> Layout:
    line = style.font_size * POINT_MM * LINE
    width = style.width_mm / columns
    shared = shares_legend(panels)
    more = max(broken_lines(panel, width, style) for panel in panels)
    more += 0 if shared else max(legend_lines(panel, width, style) for panel in panels)
    below = legend_lines(panels[0], style.width_mm, style) if shared else 0
    return Layout(rows, columns, ratio, rows * (width * ratio + line * more) + line * below)


def natural_height(data: Picture, style: FigureStyle) -> float:
    """Return a height in mm that suits the content at the style's width."""
    if isinstance(data, MapGridData):
        height = map_sizes.natural_height(data, style, caption_height(data, style))
        # A row is never lower than a line of its title, however many there are.
        most = max(TALLEST_MM, 1.2 * style.font_size * POINT_MM * LINE * len(data.images))
    else:
        panels = panels_of(data)
        height = arranged(panels, style).height_mm + caption_height(data, style)
        most = TALLEST_MM
    return float(min(max(height, 25.0), most))


def caption_height(data: Picture, style: FigureStyle) -> float:
    """Return the height in mm of the wrapped caption; 0 without a caption."""
    text = caption_of(data) if style.caption else ""
    lines = len(wrapped(text, letters(style.width_mm, style.font_size)))
    return (lines + 0.5) * style.font_size * POINT_MM * LINE if lines else 0.0


def fitted(text: str, width_mm: float, style: FigureStyle) -> str:
    """Return a title, or the label of a horizontal axis, wrapped to fit a panel of this width."""
    room = letters(width_mm - AXIS_MM, style.font_size)
    return "\n".join("\n".join(wrapped(line, room)) for line in text.split("\n"))


def ticks_in(width_mm: float, style: FigureStyle) -> int:
    """Return how many intervals between ticks the horizontal axis of a panel has room for."""
    wide = TICK_LETTERS * style.font_size * POINT_MM * LETTER
    return int(np.clip((width_mm - AXIS_MM) / wide, 2, 9))


def broken_lines(panel: ChartData, width_mm: float, style: FigureStyle) -> int:
    """Return how many extra lines the wrapped title and axis label of a panel take."""
    texts = (panel.x_label, panel.title if style.title else "")
    return sum(fitted(text, width_mm, style).count("\n") for text in texts)


def shares_legend(panels: Sequence[ChartData]) -> bool:
    """Return whether one legend serves all panels."""
    looks = {
        tuple((item.name, item.colour, item.style, item.symbol) for item in panel.series)
        for panel in panels
    }
    return len(panels) > 1 and len(looks) == 1


def legend_columns(data: ChartData, width_mm: float, style: FigureStyle) -> tuple[int, int]:
    """Return the number of legend columns, and the number of letters at which names wrap."""
    names = [item.name for item in data.series if item.name]
    room = letters(width_mm - AXIS_MM, style.small(LEGEND_SIZE))
    longest = max(map(columns_of, names), default=1) + 5
    return max(1, min(room // longest, len(names))), max(room - 5, 8)


def legend_lines(data: ChartData, width_mm: float, style: FigureStyle) -> int:
    """Return how many lines of text the legend takes."""
    columns, wide = legend_columns(data, width_mm, style)
    names = [item.name for item in data.series if item.name]
    lines = sum(len(wrapped(name, wide)) for name in names)
    return -(-lines // columns)


# ------------------------------------------------------------------------------- labels of points


def add_labels(ax: Axes, item: Series, size: float) -> None:
    """Write the labels of a series; :func:`thin_labels` removes those without room."""
    for text, x, y in zip(item.labels, item.x, item.y, strict=False):
        if text:
            note = ax.annotate(
                "",
                (x, y),
                xytext=(APART, 0),
                textcoords="offset points",
                va="center",
                fontsize=size,
                gid=LABEL,
                annotation_clip=True,
            )
            note.set_text(text)
            note.set_parse_math(False)  # a name may hold dollar signs
            # Labels have the room that is left, they take none from the axes.
            note.set_in_layout(False)


def thin_labels(figure: Figure) -> None:
    """Put labels where they lie off lines, marks and each other; hide those without room."""
    gap = APART * figure.dpi / POINTS_PER_INCH
    for ax in figure.axes:
        notes = [
            text for text in ax.texts if isinstance(text, Annotation) and text.get_gid() == LABEL
        ]
        if not notes:
            continue
        sizes = [note.get_window_extent() for note in notes]
        found = places(
            ax.transData.transform([note.xy for note in notes]),
            [(size.width, size.height) for size in sizes],
            Box(*ax.get_window_extent().extents),
            gap,
            *_in_the_way(ax),
        )
        for note, lies in zip(notes, found, strict=True):
            note.set_visible(lies is not None)
            if lies is None:
                continue
            corner = np.array([lies.box.left, lies.box.low]) - ax.transData.transform(note.xy)
            across, up = corner * POINTS_PER_INCH / figure.dpi
            note.set_position((across, up))
            note.set_verticalalignment("bottom")
            if lies.on_line:
                ground = {"facecolor": ax.get_facecolor(), "edgecolor": "none", "pad": 0.5}
                note.set_bbox(ground)


def _in_the_way(ax: Axes) -> tuple[Numbers, Numbers]:
    """Return marks, (m, 2), and pieces of lines, (k, 4), of axes, in the figure's pixels."""
    marks, lines = [np.empty((0, 2))], [np.empty((0, 4))]
    for line in ax.lines:
        path = line.get_transform().transform(line.get_xydata())
        if line.get_marker() not in ("", "none", "None", None):
            marks.append(path)
        if line.get_linestyle() != "None":
            lines.append(pieces(*path.T))
    for drawn in ax.collections:
        if isinstance(drawn, LineCollection):
            paths = [drawn.get_transform().transform(path) for path in drawn.get_segments()]
            lines += [pieces(*path.T) for path in paths]
        elif isinstance(drawn, PathCollection):
            marks.append(drawn.get_offset_transform().transform(drawn.get_offsets()))
    return np.concatenate(marks), np.concatenate(lines)
