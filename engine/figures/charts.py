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
from engine.texts import harmless

Style = Literal["solid", "dash", "dot", "dash_dot", "none"]
Symbol = Literal["", "circle", "square", "triangle", "diamond", "cross", "plus", "star"]
Floats = NDArray[np.float64]

# The window's series colours in light mode: hues of Okabe and Ito (2008), darkened so that a line
# in each is visible on white paper. A test checks that the two lists are equal.
SERIES = (
    "#0072b2", "#c94f00", "#00835f", "#b0538b", "#9a6a00", "#2a86b8", "#5d6570", "#4b3fa0",
)  # fmt: skip
# Further palettes of eight colours, distinguishable with common colour blindness and in print.
PALETTES: dict[str, tuple[str, ...]] = {
    "screen": SERIES,
    # Okabe and Ito 2008, in the order of SERIES; its yellow is too pale for a line on white.
    "okabe_ito": (
        "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000",
    ),
    # Paul Tol's "bright" and one of his "vibrant".
    "tol": (
        "#4477aa", "#ee6677", "#228833", "#aa3377", "#ccbb44", "#66ccee", "#bbbbbb", "#ee7733",
    ),
    # Without colour, dashes and marks distinguish the curves.
    "grey": (
        "#000000", "#5a5a5a", "#8c8c8c", "#2d2d2d", "#737373", "#a6a6a6", "#444444", "#999999",
    ),
}  # fmt: skip
DASHES: tuple[Style, ...] = ("solid", "dash", "dash_dot", "dot")
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

    def __post_init__(self) -> None:
        for field in ("x", "y", "low", "high"):
            object.__setattr__(self, field, _floats(getattr(self, field)))
        for field in ("y", "low", "high", "keys", "labels", "colours"):
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

    def __post_init__(self) -> None:
        widths = {len(row) for row in self.images}
        if len(widths) > 1:
            raise ValueError(f"rows of images have {sorted(widths)} pictures, must have one number")
        if self.row_titles and len(self.row_titles) != len(self.images):
            raise ValueError(
                f"row_titles has {len(self.row_titles)} texts, must have {len(self.images)}"
            )
        if self.column_titles and len(self.column_titles) not in widths:
            raise ValueError(
                f"column_titles has {len(self.column_titles)} texts, must have {self.columns}"
            )

    @property
    def columns(self) -> int:
        """Number of pictures in a row."""
        return len(self.images[0]) if self.images else 0


@dataclass(frozen=True, kw_only=True)
class FigureStyle:
    """Size, font and colours of a figure on paper, and which texts are drawn around it.

    Parameters
    ----------
    width_mm, height_mm
        Size of the whole figure; with a height of None, the content determines the height.
    font_size
        In points. Titles have this size, ticks are slightly smaller.
    dpi
        Dots per inch of a PNG.
    title, caption
        Whether to draw the title and the caption; papers mostly typeset these themselves.
    font
        Font family; DejaVu Sans is used if it is not installed.
    palette
        A key of :data:`PALETTES`, the eight colours of the series.
    transparent
        Whether the background is transparent instead of white.

    Raises
    ------
    FigureError
        If a value is out of range.
    """

    width_mm: float = 170.0
    height_mm: float | None = None
    font_size: float = 8.0
    dpi: float = 300.0
    title: bool = True
    caption: bool = False
    font: str = "DejaVu Sans"
    palette: str = "screen"
    transparent: bool = False

    def __post_init__(self) -> None:
        if self.palette not in PALETTES:
            known = ", ".join(PALETTES)
            raise FigureError(f"palette is {self.palette!r}, must be one of {known}")
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise FigureError(f"{name} is {value:g}, must be between {low:g} and {high:g}")


LIMITS = {
    "width_mm": (20.0, 1200.0),
    "height_mm": (10.0, 1200.0),
    "font_size": (3.0, 40.0),
    "dpi": (30.0, 1200.0),
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


def in_palette(panel: ChartData, palette: str) -> ChartData:
    """Return a chart in the colours of another palette; neutral colours stay unchanged."""
    if palette == "screen":
        return panel
    colours = dict(zip(SERIES, PALETTES[palette], strict=True))
    series = []
    for item in panel.series:
        style = item.style
        if palette == "grey" and style == "solid" and item.colour in SERIES:
            style = DASHES[SERIES.index(item.colour) % len(DASHES)]
        series.append(replace(item, colour=colours.get(item.colour, item.colour), style=style))
    regions = panel.regions
    if regions is not None and regions.colours:
        shown = tuple(colours.get(colour, colour) for colour in regions.colours)
        regions = replace(regions, colours=shown)
    return replace(panel, series=tuple(series), regions=regions)


def csv_text(data: Picture) -> str:
    """Return the numbers behind a picture as comma-separated values, one point per row.

    Lines that begin with "#" above the table hold the title and the caption.
    """
    rows = _map_rows(data) if isinstance(data, MapGridData) else _chart_rows(panels_of(data))
    return remarks(title_of(data)) + remarks(caption_of(data)) + csv_lines(rows)


def _chart_rows(panels: tuple[ChartData, ...]) -> Iterable[Sequence[object]]:
    yield ("panel", "series", "x", "y", "low", "high", "key", "x_label", "y_label", "value")
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
    yield ("row", "column", "y", "x", *named)
    for r, row in enumerate(data.values or data.images):
        for c, picture in enumerate(row):
            if picture is None:
                continue
            row_title = data.row_titles[r] if data.row_titles else r
            column_title = data.column_titles[c] if data.column_titles else c
            for y, x in np.ndindex(picture.shape[:2]):
                numbers = np.atleast_1d(picture[y, x])
                yield (row_title, column_title, y, x, *(format(v, ".9g") for v in numbers))
