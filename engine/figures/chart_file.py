"""Write the numbers behind a picture to HDF5: arrays per series, and a document of the texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from engine.figures.charts import (
    ChartData,
    FigureError,
    MapGridData,
    Picture,
    caption_of,
    panels_of,
    title_of,
)
from engine.store import hdf5
from engine.store.hdf5 import Array, Content
from engine.store.outputs import FIGURE_DATA, OutputError, check, output

SUFFIX = ".h5"


def content_of(data: Picture) -> Content:
    """Return a picture's numbers and texts.

    Arrays are named ``panel_1/series_1/x`` (and ``y``, ``low``, ``high``), ``panel_1/regions`` and
    ``panel_1/axis``, or ``row_1/column_1/rgb`` and ``.../values``. The document ``figure`` has all
    titles and labels, and the keys of the records behind the points.
    """
    texts: dict[str, Any] = {"title": title_of(data), "caption": caption_of(data)}
    arrays: dict[str, Array] = {}
    if isinstance(data, MapGridData):
        texts |= {"rows": list(data.row_titles), "columns": list(data.column_titles)}
        texts["notes"] = [list(row) for row in data.notes]
        texts["groups"] = list(data.groups)
        texts["colours"] = "" if data.bar is None else data.bar.label
        arrays = _grid_arrays(data)
    else:
        texts["panels"] = []
        for number, panel in enumerate(panels_of(data), 1):
            texts["panels"].append(_panel_texts(panel))
            arrays |= _panel_arrays(panel, f"panel_{number}")
    return Content({"figure": texts}, arrays)


def write(data: Picture, path: Path) -> None:
    """Write a picture's numbers to an HDF5 file; an older one is replaced at once.

    Raises
    ------
    FigureError
        If it cannot be written.
    """
    with new_figure_file(path, FIGURE_DATA) as temporary:
        hdf5.write(temporary, content_of(data))


@contextmanager
def new_figure_file(path: Path, kind: str = "", what: str = "figure") -> Iterator[Path]:
    """Yield a temporary path to write a figure to, as :func:`engine.store.outputs.output` does.

    Raises
    ------
    FigureError
        If it may not be written there or cannot be; ``what`` names it in the message.
    """
    try:
        with output(path, kind) as temporary:
            yield temporary
    except OutputError as error:
        raise FigureError(str(error)) from error
    except OSError as error:
        raise FigureError(f"{what} {path} cannot be written: {error.strerror or error}") from error


def check_path(path: Path, endings: Sequence[str]) -> None:
    """Refuse a path for a figure before the figure is drawn.

    Raises
    ------
    FigureError
        If it has none of these endings, or as :func:`new_figure_file`.
    """
    ending = path.suffix.lower()
    if ending not in endings:
        which = "in " if len(endings) == 1 else "in one of "
        raise FigureError(f"file is {path.name!r}, must end {which}{', '.join(endings)}")
    try:
        check(path, FIGURE_DATA if ending == SUFFIX else "")
    except OutputError as error:
        raise FigureError(str(error)) from error


def _panel_texts(panel: ChartData) -> dict[str, Any]:
    return {
        "title": panel.title,
        "x_label": panel.x_label,
        "y_label": panel.y_label,
        "series": [{"name": item.name, "keys": list(item.keys)} for item in panel.series],
    }


def _panel_arrays(panel: ChartData, name: str) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for number, item in enumerate(panel.series, 1):
        for part in ("x", "y", "low", "high"):
            values = getattr(item, part)
            if values is not None:
                found[f"{name}/series_{number}/{part}"] = values
    if panel.regions is not None:
        found[f"{name}/axis"] = panel.regions.axis
        found[f"{name}/regions"] = panel.regions.values
    if panel.segments is not None:
        found[f"{name}/segments"] = panel.segments
    return found


def _grid_arrays(data: MapGridData) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for part, rows in (("rgb", data.images), ("values", data.values)):
        for r, row in enumerate(rows, 1):
            for c, picture in enumerate(row, 1):
                if picture is not None:
                    found[f"row_{r}/column_{c}/{part}"] = np.asarray(picture)
    return found
