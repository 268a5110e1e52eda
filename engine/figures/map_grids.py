"""Draw grids of pictures, small and large.

Laying out axes takes longer the more there are, and more than in proportion: 3,000 of them do not
end in minutes. A large grid is therefore one image in one axes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from engine.figures.charts import EDGE, MapGridData
from engine.figures.paper.map_sizes import BAR_MM, NOTE_SIZE, GridTexts, texts_of
from engine.figures.paper.style import FigureStyle
from engine.texts import one_line, shortened

MM = 1 / 25.4
MOST_AXES = 400  # cells with axes of their own; laying these out takes about 5 s
GAP = 0.08  # between pictures, as a share of a picture's side
NOTE = 0.25  # additional gap for the texts under pictures
LONGEST = 40  # letters of a row's title


def draw_maps(
    figure: Figure | SubFigure, data: MapGridData, style: FigureStyle, below_mm: float = 0.0
) -> None:
    """Draw a grid: each picture in axes of its own, or a large grid as one image.

    A caption of the height ``below_mm`` takes its room from the pictures where a page has no more.
    """
    _draw_title(figure, data, style)
    if len(data.images) * data.columns > MOST_AXES:
        ax = figure.subplots()
        _draw_mosaic(ax, data, style)
        _draw_bar(figure, [ax], data, style)
        return
    axes: Any = figure.subplots(len(data.images), data.columns, squeeze=False)
    texts = texts_of(data, style, below_mm)
    for r, c in np.ndindex(axes.shape):
        ax, picture = axes[r, c], data.images[r][c]
        ax.set_xticks([])
        ax.set_yticks([])
        # Draw a thin edge: a map is white where its values are 0, like the paper.
        ax.spines[:].set(visible=picture is not None, color=EDGE, linewidth=0.4)
        if picture is not None:
            # Use nearest-neighbour interpolation: smoothing would show values that do not exist.
            ax.imshow(picture, interpolation="nearest", cmap="gray", vmin=0, vmax=255)
        _write_around(ax, r, c, texts, style)
    _draw_bar(figure, list(axes.reshape(-1)), data, style)


def _write_around(ax: Axes, r: int, c: int, texts: GridTexts, style: FigureStyle) -> None:
    size = style.font_size
    if texts.notes:
        ax.set_xlabel(texts.notes[r][c], fontsize=style.small(NOTE_SIZE), labelpad=1)
    if r == 0 and texts.columns:
        ax.set_title(texts.columns[c], fontsize=size, pad=2, rotation=90 * texts.upright)
    if c == 0 and texts.rows:
        small = style.small(NOTE_SIZE)
        ax.set_ylabel(texts.rows[r], rotation=0, ha="right", va="center", fontsize=small)
    if c == 0 and r in texts.headings:
        heading = ax.set_title(texts.headings[r], fontsize=size, pad=2, loc="left", style="italic")
        # It may be as wide as the row; its height alone takes room.
        heading.set_in_layout(r > 0)


def _draw_bar(
    figure: Figure | SubFigure, axes: list[Axes], data: MapGridData, style: FigureStyle
) -> None:
    """Draw the meaning of the colours below the grid."""
    bar = data.bar
    if bar is None:
        return
    colours = ScalarMappable(Normalize(0.0, 1.0), ListedColormap(bar.colours / 255.0))
    height = figure.bbox.height / figure.dpi / MM
    drawn = figure.colorbar(
        colours,
        ax=axes,
        location="bottom",
        fraction=BAR_MM / height,
        shrink=0.5,
        aspect=24,
        pad=0.01,
    )
    drawn.set_ticks(np.linspace(0.0, 1.0, len(bar.ends)).tolist(), labels=list(bar.ends))
    drawn.ax.tick_params(labelsize=style.small(NOTE_SIZE), length=1.5, pad=1)
    drawn.set_label(bar.label, fontsize=style.small(NOTE_SIZE), labelpad=1)
    drawn.outline.set(linewidth=0.4, edgecolor=EDGE)


def _draw_title(figure: Figure | SubFigure, data: MapGridData, style: FigureStyle) -> None:
    if style.title and data.title:
        figure.suptitle(data.title, fontsize=style.font_size)


def _draw_mosaic(ax: Axes, data: MapGridData, style: FigureStyle) -> None:
    """Draw all pictures into one axes; titles are the labels of its ticks."""
    height, width = _cell(data)
    across = width + max(1, round(GAP * width))
    down = height + max(1, round((GAP + (NOTE if data.notes else 0.0)) * height))
    whole = np.full((down * len(data.images), across * data.columns, 3), 255, dtype=np.uint8)
    for r, row in enumerate(data.images):
        for c, picture in enumerate(row):
            if picture is not None:
                place = whole[r * down : r * down + height, c * across : c * across + width]
                place[:] = _sized(picture, height, width)
    ax.imshow(whole, interpolation="nearest")
    ax.spines[:].set(color=EDGE, linewidth=0.4)
    ax.tick_params(length=0, pad=2)
    titles = [shortened(one_line(title), LONGEST) for title in data.row_titles]
    centres = np.arange(len(data.images)) * down + height / 2 - 0.5
    ax.set_yticks(centres if titles else [], titles)
    ax.xaxis.tick_top()
    middles = np.arange(data.columns) * across + width / 2 - 0.5
    ax.set_xticks(middles if data.column_titles else [], list(data.column_titles))
    size = style.small(NOTE_SIZE)
    for r, row_notes in enumerate(data.notes):
        for c, note in enumerate(row_notes):
            if note:
                text = ax.text(
                    middles[c], r * down + height, note, size=size, ha="center", va="top"
                )
                text.set_in_layout(False)


def _cell(data: MapGridData) -> tuple[int, int]:
    """Return height and width of the largest pictures."""
    shapes = [picture.shape for row in data.images for picture in row if picture is not None]
    return max(shape[0] for shape in shapes), max(shape[1] for shape in shapes)


def _sized(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Return a picture (h, w) or (h, w, 3) enlarged to a size by repeating pixels, with colours."""
    rows = np.arange(height) * picture.shape[0] // height
    columns = np.arange(width) * picture.shape[1] // width
    found = picture[rows][:, columns]
    return found if found.ndim == 3 else np.repeat(found[..., None], 3, axis=2)
