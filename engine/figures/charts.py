"""The data of pictures, independent of how they are drawn: plain arrays, names and colours.

The window's plots and the exported figures use the same data, so that a curve has the same name,
order and colour on the screen and on paper.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.figures.cells import csv_lines, remarks
from engine.figures.images.regions import Regions
from engine.figures.paper.colours import SERIES
from engine.store.outputs import CHART_COLUMNS, MAP_COLUMNS
from engine.texts import harmless

Style = Literal["solid", "dash", "dot", "dash_dot", "none"]
Symbol = Literal["", "circle", "square", "triangle", "diamond", "cross", "plus", "star"]
Floats = NDArray[np.float64]
Images = tuple[int, ...]

NEUTRAL, INK, EDGE = "#5d6570", "#1b2530", "#c4ccd4"
SYMBOLS: tuple[Symbol, ...] = ("circle", "square", "triangle", "diamond", "cross", "plus", "star")


def series_colour(index: int) -> str:
    """Return the colour of the index-th series on paper; colours repeat after eight series."""
    return SERIES[index % len(SERIES)]


class FigureError(ValueError):
    """A figure that cannot be drawn or written; one sentence for the user."""


def _floats(values: ArrayLike | None) -> Floats | None:
    return None if values is None else np.array(values, dtype=np.float64).reshape(-1)


@dataclass(frozen=True, eq=False)
class Series:
    """One curve or cloud of points.

    Parameters
    ----------
    name
        Text in the legend; "" keeps the series out of the legend.
    x, y
        (n,) numbers. A point with a non-finite coordinate is not drawn.
    low, high
        (n,) limits of a band around a curve, or of a bar at each point; None without a spread.
    colour
        "#rrggbb".
    style
        Line style between the points; "none" draws no line.
    symbol
        The mark at each point; "" for none.
    keys
        An identifier of each point, such as a record's key; empty or (n,).
    labels
        A short name beside each point, "" for none; empty or (n,).
    colours
        "#rrggbb" of each point, in place of the one colour; empty or (n,).
    images
        For each point that counts images: their places among the record's images; empty or (n,).

    Raises
    ------
    ValueError
        If the arrays differ in length.
    """

    name: str
    x: Floats
    y: Floats
    low: Floats | None = None
    high: Floats | None = None
    colour: str = SERIES[0]
    style: Style = "solid"
    symbol: Symbol = ""
    keys: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    images: tuple[Images, ...] = ()

    def __post_init__(self) -> None:
        for field in ("x", "y", "low", "high"):
            object.__setattr__(self, field, _floats(getattr(self, field)))
        for field in ("y", "low", "high", "keys", "labels", "colours", "images"):
            values = getattr(self, field)
            absent = values is None or (isinstance(values, tuple) and not values)
            if not absent and len(values) != len(self.x):
                raise ValueError(
                    f"{field} of {self.name!r} has {len(values)} values, must have {len(self.x)}"
                )


@dataclass(frozen=True, eq=False)
class ChartData:
    """One chart: axes with labels, and the series and shapes in it.

    Parameters
    ----------
    series
        Drawn in this order.
    title, x_label, y_label
        Texts; the caption explains the chart in a sentence or two.
    x_log, y_log
        Whether an axis is logarithmic.
    x_range, y_range
        Ends of an axis; None fits it to the data.
    regions
        A background: shades of two sides with the boundary between them, classes, or a ramp.
    segments
        (m, 4) straight lines x0, y0, x1, y1, such as from a point to its attacked version.
    equal_aspect
        Whether one unit has the same length along both axes.
    """

    series: tuple[Series, ...] = ()
    title: str = ""
    x_label: str = ""
    y_label: str = ""
    caption: str = ""
    x_log: bool = False
    y_log: bool = False
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    regions: Regions | None = None
    segments: Floats | None = None
    equal_aspect: bool = False


@dataclass(frozen=True, eq=False)
class ColourBar:
    """What the colours of maps mean.

    Parameters
    ----------
    colours
        (n, 3) uint8, the lowest value first.
    ends
        Texts at equal distances along it, from its first colour to its last.
    label
        What is coloured, and by which scale.
    """

    colours: NDArray[np.uint8]
    ends: tuple[str, ...]
    label: str


@dataclass(frozen=True, eq=False)
class MapGridData:
    """Rows and columns of small pictures.

    Parameters
    ----------
    images
        Row by row, uint8 (h, w, 3) pictures; None leaves a cell empty.
    row_titles, column_titles
        One text each, or empty.
    notes
        Row by row, a short text under each picture; or empty.
    values
        Row by row, the numbers behind each picture, (h, w), for the data table; or empty.
    groups
        What each row belongs to, written once above the first of several in succession; "" for
        nothing; or empty.
    bar
        The meaning of the colours; None where they need no explanation.

    Raises
    ------
    ValueError
        If the rows differ in length, or the number of titles does not fit.
    """

    images: tuple[tuple[NDArray[np.uint8] | None, ...], ...]
    row_titles: tuple[str, ...] = ()
    column_titles: tuple[str, ...] = ()
    title: str = ""
    caption: str = ""
    notes: tuple[tuple[str, ...], ...] = ()
    values: tuple[tuple[NDArray[np.floating] | None, ...], ...] = ()
    groups: tuple[str, ...] = ()
    bar: ColourBar | None = None

    def __post_init__(self) -> None:
        widths = {len(row) for row in self.images}
        if len(widths) > 1:
            raise ValueError(f"rows of images have {sorted(widths)} pictures, must have one number")
        for name in ("row_titles", "groups"):
            texts = getattr(self, name)
            if texts and len(texts) != len(self.images):
                raise ValueError(f"{name} has {len(texts)} texts, must have {len(self.images)}")
        if self.column_titles and len(self.column_titles) not in widths:
            raise ValueError(
                f"column_titles has {len(self.column_titles)} texts, must have {self.columns}"
            )

    @property
    def columns(self) -> int:
        """Number of pictures in a row."""
        return len(self.images[0]) if self.images else 0

    @property
    def headings(self) -> dict[int, str]:
        """The rows that a group begins with, and its name."""
        before = ("", *self.groups)
        return {
            row: group for row, group in enumerate(self.groups) if group and group != before[row]
        }


Picture = ChartData | MapGridData | Sequence[ChartData]


def panels_of(data: Picture) -> tuple[ChartData, ...]:
    """Return the charts of a picture; empty for a grid of maps."""
    if isinstance(data, MapGridData):
        return ()
    return (data,) if isinstance(data, ChartData) else tuple(data)


def title_of(data: Picture) -> str:
    """Return a picture's title; with several charts, the title of the first."""
    if isinstance(data, ChartData | MapGridData):
        return data.title
    return data[0].title if data else ""


def caption_of(data: Picture) -> str:
    """Return a picture's caption; with several charts, all different captions in order."""
    if isinstance(data, ChartData | MapGridData):
        return data.caption
    return " ".join(dict.fromkeys(panel.caption for panel in data if panel.caption))


def with_caption(data: Picture, text: str) -> Picture:
    """Return a copy of the picture with another caption."""
    if isinstance(data, ChartData | MapGridData):
        return replace(data, caption=text)
    return [replace(panel, caption=text) for panel in data]


def readable(data: Picture) -> Picture:
    """Return a picture whose texts have no control characters, which no file of a figure holds."""
    if isinstance(data, MapGridData):
        return replace(
            data,
            title=harmless(data.title),
            caption=harmless(data.caption),
            row_titles=tuple(map(harmless, data.row_titles)),
            column_titles=tuple(map(harmless, data.column_titles)),
            notes=tuple(tuple(map(harmless, row)) for row in data.notes),
            groups=tuple(map(harmless, data.groups)),
            bar=data.bar and replace(data.bar, label=harmless(data.bar.label)),
        )
    if isinstance(data, ChartData):
        return _readable(data)
    return [_readable(panel) for panel in data]


def _readable(data: ChartData) -> ChartData:
    return replace(
        data,
        title=harmless(data.title),
        caption=harmless(data.caption),
        x_label=harmless(data.x_label),
        y_label=harmless(data.y_label),
        series=tuple(replace(item, name=harmless(item.name)) for item in data.series),
    )


def csv_text(data: Picture) -> str:
    """Return the numbers behind a picture as comma-separated values, one point per row.

    Lines that begin with "#" above the table hold the title and the caption.
    """
    rows = _map_rows(data) if isinstance(data, MapGridData) else _chart_rows(panels_of(data))
    return remarks(title_of(data)) + remarks(caption_of(data)) + csv_lines(rows)


def _chart_rows(panels: tuple[ChartData, ...]) -> Iterable[Sequence[object]]:
    yield CHART_COLUMNS
    for panel in panels:
        labels = (panel.x_label, panel.y_label)
        for item in panel.series:
            for i, (x, y) in enumerate(zip(item.x, item.y, strict=True)):
                low = "" if item.low is None else _number(item.low[i])
                high = "" if item.high is None else _number(item.high[i])
                key = item.keys[i] if item.keys else ""
                named = (panel.title, item.name)
                yield (*named, _number(x), _number(y), low, high, key, *labels, "")
        if panel.regions is not None:
            axis, values = panel.regions.axis, panel.regions.values
            for r, c in np.ndindex(values.shape):
                at = (_number(float(axis[c])), _number(float(axis[r])))
                value = _number(float(values[r, c]))
                yield (panel.title, "regions", *at, "", "", "", *labels, value)


def _number(value: float) -> str:
    return format(float(value), ".9g") if np.isfinite(value) else ""


def _map_rows(data: MapGridData) -> Iterable[Sequence[object]]:
    named = ("value",) if data.values else ("red", "green", "blue")
    yield (*MAP_COLUMNS, *named)
    for r, row in enumerate(data.values or data.images):
        for c, picture in enumerate(row):
            if picture is None:
                continue
            group = data.groups[r] if data.groups else ""
            row_title = data.row_titles[r] if data.row_titles else r
            row_title = f"{group}, {row_title}" if group else row_title
            column_title = data.column_titles[c] if data.column_titles else c
            for y, x in np.ndindex(picture.shape[:2]):
                numbers = np.atleast_1d(picture[y, x])
                yield (row_title, column_title, y, x, *(format(v, ".9g") for v in numbers))
