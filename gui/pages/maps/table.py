"""The table of the Maps page: images as rows, columns of maps, and the same as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.attribution import pictures
from engine.figures.charts import MapGridData
from engine.figures.paper.maps import Titles, bar_of_maps, one_title
from gui.look.settings import COLORMAP
from gui.pages.maps.columns import Difference, Drawing, MapColumn, MapValues, difference
from gui.pages.maps.grid import MapCell, MapHeading
from gui.widgets.images.image_view import pixels_of


@dataclass(frozen=True, eq=False)
class Table:
    """The headings and cells that the grid draws.

    Attributes
    ----------
    headings
        One for each column; the first is that of the images.
    rows
        One for each image, with a cell for each heading.
    """

    headings: list[MapHeading]
    rows: list[list[MapCell]]


def build(
    images: NDArray[Any],
    names: Sequence[str],
    columns: Sequence[MapColumn],
    drawing: Drawing,
    pairs: Sequence[tuple[int, int]] = (),
) -> Table:
    """Return the table of some images.

    Parameters
    ----------
    images
        (N, C, H, W), uint8 or floats in [0, 1].
    names
        The text below each image.
    columns
        Maps of these images; columns without arrays are drawn empty.
    drawing
        How maps are drawn.
    pairs
        Pairs of columns, minuend and subtrahend; each pair adds a column with its difference.
    """
    headings = [MapHeading("Image")]
    rows = [
        [MapCell(pixels_of(image), name, name=name)]
        for image, name in zip(images, names, strict=True)
    ]
    drawn = [column.values(drawing) for column in columns]
    for column, values in zip(columns, drawn, strict=True):
        headings.append(MapHeading(column.title, column.method, column.key, column.series))
        for row, cells in enumerate(rows):
            cells.append(_map_cell(column, values, row, drawing))
    for first, second in pairs:
        headings.append(_difference_heading(columns[first], columns[second]))
        found = _difference_cells(drawn[first], drawn[second], len(rows), drawing)
        for cells, cell in zip(rows, found, strict=True):
            cells.append(cell)
    return Table(headings, rows)


def figure_of(table: Table, caption: str, drawing: Drawing) -> MapGridData:
    """Return the table as a figure, laid out as in the paper: a network's maps are a row.

    What all rows share is its title, and what several rows share is written above them.
    """
    columns = list(zip(*table.rows, strict=True))
    first, *maps = table.headings
    titles = one_title([_names_of(heading) for heading in maps]) if maps else Titles("Maps", ())
    scale = "column" if drawing.shared else "map"
    label = f"Attribution, as a share of the largest of each {scale}"
    return MapGridData(
        images=tuple(tuple(cell.pixels for cell in column) for column in columns),
        row_titles=(first.words, *titles.rows),
        column_titles=tuple(row[0].name for row in table.rows),
        title=titles.title or "Maps",
        caption=caption,
        notes=tuple(
            tuple("" if place == 0 else cell.note for cell in column)
            for place, column in enumerate(columns)
        ),
        values=tuple(tuple(cell.values for cell in column) for column in columns),
        groups=("", *titles.groups) if titles.groups else (),
        bar=bar_of_maps(drawing.colormap, label) if maps else None,
    )


def _names_of(heading: MapHeading) -> tuple[str, str]:
    """Return the network and the method of a column; of a difference, that it is one and which."""
    if heading.full:
        kind, _, which = heading.full.partition("\n")
        return kind, which
    return heading.title, heading.method


def _map_cell(
    column: MapColumn,
    values: MapValues | None,
    row: int,
    drawing: Drawing,
) -> MapCell:
    if values is None:
        return MapCell(missing=column.failure or "…")
    note = column.note(row)
    if not column.drawable(row):
        return MapCell(note=note, missing="no finite values")

    def describe(y: int, x: int) -> str:
        return f"row {y}, column {x}: {column.raw(row, y, x)}"

    pixels = pictures.colour(values[row], drawing.colormap)
    return MapCell(pixels, note, describe=describe, values=values[row])


def _difference_heading(first: MapColumn, second: MapColumn) -> MapHeading:
    """Return a short heading, whose colour stands for the first network."""
    alike = first.method == second.method
    return MapHeading(
        f"minus {second.title}",
        first.method if alike else f"{first.method} − {second.method}",
        series=first.series,
        full="Difference" + f"\n{first.name} − {second.name}",
    )


def _difference_cells(
    first: MapValues | None, second: MapValues | None, count: int, drawing: Drawing
) -> list[MapCell]:
    if first is None or second is None:
        return [MapCell(missing="…") for _ in range(count)]
    found = difference(first, second, drawing.percentile)
    colours = drawing.colormap if drawing.colormap != "grey" else COLORMAP
    return [
        MapCell(
            pictures.colour(found.values[row], colours),
            _difference_note(found, row),
            values=found.values[row],
        )
        for row in range(count)
    ]


def _difference_note(found: Difference, row: int) -> str:
    lines = [f"full colour ±{found.limit[row]:.2f}"]
    if np.isfinite(found.spearman[row]):
        lines.insert(0, f"Spearman {found.spearman[row]:+.2f}")
    return "\n".join(lines)
