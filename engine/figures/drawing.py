"""Draw pictures for a paper: vector or pixel files of an exact size, without a display.

All drawing holds one lock, because matplotlib keeps global state; so figures may be drawn on any
thread. Fonts are embedded as outlines that editors can read (type 42), and the text of an SVG stays
text. The same data gives the same bytes.
"""

from __future__ import annotations

import io
import logging
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import LogFormatter, MaxNLocator

from engine.figures import chart_file
from engine.figures.charts import (
    INK,
    NEUTRAL,
    PALETTES,
    ChartData,
    FigureError,
    FigureStyle,
    MapGridData,
    Picture,
    Series,
    caption_of,
    csv_text,
    in_palette,
    panels_of,
    readable,
    title_of,
)
from engine.figures.images.regions import draw_regions
from engine.figures.map_grids import draw_maps
from engine.figures.sizing import (
    MM,
    PANEL_RATIO,
    add_labels,
    caption_height,
    fitted,
    grid_of,
    legend_columns,
    letters,
    natural_height,
    shares_legend,
    thin_labels,
    ticks_in,
)
from engine.fonts import OWN, families_for, texts_in
from engine.texts import wrapped

FORMATS = ("pdf", "svg", "png", "csv")
FILES = (*FORMATS, "h5")
MOST_PIXELS = 200e6
TICK_STEPS = (1, 2, 2.5, 5, 10)
SMALLEST_AXES_MM = 3.0
LINE_STYLES = {"solid": "-", "dash": "--", "dot": ":", "dash_dot": "-.", "none": ""}
MARKS = {
    "": None,
    "circle": "o",
    "square": "s",
    "triangle": "^",
    "diamond": "D",
    "cross": "x",
    "plus": "+",
    "star": "*",
}
SETTINGS: dict[Any, Any] = {
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "isthmus",
    "axes.unicode_minus": True,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "text.parse_math": False,
}
# Layout of grids of maps: small gaps, as the shape of the maps is fixed.
TIGHT: dict[str, Any] = {
    "w_pad": 0.01,
    "h_pad": 0.01,
    "wspace": 0.01,
    "hspace": 0.01,
    "compress": True,
}
NAMED = "name: "  # before the name of a series, as matplotlib leaves names out that begin with _
_LOCK = threading.RLock()
# Silence warnings about a missing font: it is replaced, and the user need not do anything.
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
# Callers say in a sentence of their own which letters no font has.
warnings.filterwarnings("ignore", message="Glyph .* missing from")
# _check_room reports the same problem with a message that tells the user what to do.
warnings.filterwarnings("ignore", message="constrained_layout not applied")


def draw(data: Picture, style: FigureStyle | None = None) -> Figure:
    """Draw a picture as a figure in the given style.

    Raises
    ------
    FigureError
        If there is nothing to draw.
    """
    style, data = style or FigureStyle(), readable(data)
    with settings(style.font_size, style.font, texts_in(data)):
        panels = panels_of(data)
        if not panels and not (isinstance(data, MapGridData) and data.columns):
            raise FigureError("the figure is empty: there is nothing to draw")
        height = style.height_mm or natural_height(data, style)
        figure = Figure(figsize=(style.width_mm * MM, height * MM))
        FigureCanvasAgg(figure)
        foot = caption_height(data, style) / height
        _draw_caption(figure, data, style, foot)
        if isinstance(data, MapGridData):
            engine = ConstrainedLayoutEngine(**TIGHT, rect=(0, foot, 1, 1 - foot))
            figure.set_layout_engine(engine)
            draw_maps(figure, data, style)
        else:
            figure.set_layout_engine("constrained")
            _draw_panels(_above(figure, foot), panels, style)
        _check_room(figure, style, height)
        thin_labels(figure)
        return figure


@contextmanager
def settings(font_size: float, font: str = OWN, texts: Iterable[str] = ()) -> Iterator[None]:
    """Hold the lock on matplotlib and apply our settings while figures are composed.

    ``texts`` are those of the figures: fonts are found that have their letters.
    """
    with _LOCK, matplotlib.rc_context(SETTINGS | {"font.size": font_size}):
        use_fonts(texts, font)
        yield


def use_fonts(texts: Iterable[str], font: str = OWN) -> None:
    """Write texts from now on in fonts that have their letters; within :func:`settings`."""
    matplotlib.rcParams["font.family"] = list(families_for(texts, font))


def draw_into(place: SubFigure, data: Picture, style: FigureStyle) -> None:
    """Draw a picture, without caption, into a part of a figure with constrained layout."""
    data = readable(data)
    use_fonts(texts_in(data))
    if isinstance(data, MapGridData):
        draw_maps(place, data, style)
    else:
        _draw_panels(place, panels_of(data), style)


def render(data: Picture, suffix: str, style: FigureStyle | None = None) -> bytes:
    """Return a picture as the bytes of a file.

    Parameters
    ----------
    suffix
        One of pdf, svg, png, csv.

    Raises
    ------
    FigureError
        If the format is unknown, there is nothing to draw, or the figure has too many pixels.
    """
    style = style or FigureStyle()
    if suffix not in FORMATS:
        raise FigureError(f"format is {suffix!r}, must be one of {', '.join(FORMATS)}")
    if suffix == "csv":
        return csv_text(data).encode()
    out = io.BytesIO()
    with settings(style.font_size, style.font, texts_in(readable(data))):
        figure = draw(data, style)
        width, height = figure.get_size_inches()
        if suffix == "png" and width * height * style.dpi**2 > MOST_PIXELS:
            raise FigureError(
                f"dpi is {style.dpi:g}, too many for {style.width_mm:g} mm: "
                f"at most {MOST_PIXELS / 1e6:g} million pixels can be drawn"
            )
        figure.savefig(
            out,
            format=suffix,
            dpi=style.dpi,
            transparent=style.transparent,
            metadata=_metadata(readable(data), suffix),
        )
    return out.getvalue()


def save_as(data: Picture, path: Path, style: FigureStyle | None = None) -> None:
    """Write a picture to a file; the suffix determines the format. Replaces an existing file.

    Raises
    ------
    FigureError
        If the suffix is none of pdf, svg, png, csv, h5, or the file cannot be written (see
        :mod:`engine.store.outputs`).
    """
    check_path(path)
    suffix = path.suffix.lower().removeprefix(".")
    if suffix == "h5":
        chart_file.write(data, path)
        return
    content = render(data, suffix, style)
    with chart_file.new_figure_file(path) as temporary:
        temporary.write_bytes(content)


def check_path(path: Path) -> None:
    """Raise :class:`FigureError` if no figure may be written to this path."""
    chart_file.check_path(path, [f".{suffix}" for suffix in FILES])


def save(data: Picture, path: Path, **options: Any) -> None:
    """Write a picture to a file, with the fields of :class:`FigureStyle` as options."""
    save_as(data, path, FigureStyle(**options))


# ------------------------------------------------------------------------------------------- layout


def _draw_caption(figure: Figure, data: Picture, style: FigureStyle, foot: float) -> None:
    """Write the caption into the lowest part of the figure, a share ``foot`` of its height."""
    if foot:
        lines = wrapped(caption_of(data), letters(style.width_mm, style.font_size))
        text = figure.text(0.01, foot * 0.9, "\n".join(lines), fontsize=style.font_size, va="top")
        text.set_in_layout(False)


def _above(figure: Figure, foot: float) -> Figure | SubFigure:
    """Return the part of a figure above the caption, so that a legend does not overlap it."""
    if not foot:
        return figure
    parts: Any = figure.subfigures(2, 1, height_ratios=[1 - foot, foot], hspace=0)
    return cast(SubFigure, parts[0])


def _check_room(figure: Figure, style: FigureStyle, height: float) -> None:
    """Raise ``FigureError`` if the texts of a figure leave too little room for its content."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    margin = SMALLEST_AXES_MM * MM * figure.dpi
    for ax in figure.axes:
        box, needed, place = ax.get_window_extent(), ax.get_tightbbox(), ax.figure.bbox.padded(2)
        too_small = min(box.width, box.height) < margin
        # If the layout engine finds no solution, texts extend beyond their panel.
        sticks_out = needed is not None and not (
            place.containsx(needed.x0)
            and place.containsx(needed.x1)
            and place.containsy(needed.y0)
            and place.containsy(needed.y1)
        )
        if too_small or sticks_out:
            raise FigureError(
                f"the figure is {style.width_mm:g} x {height:.0f} mm, too small for its texts at "
                f"{style.font_size:g} pt: make it larger or the font smaller"
            )


def _metadata(data: Picture, suffix: str) -> dict[str, Any]:
    """Return the metadata of the file; without a date, so that equal figures give equal files."""
    title, caption = title_of(data), caption_of(data)
    if suffix == "pdf":
        found = {"Title": title, "Subject": caption, "Creator": "Isthmus", "CreationDate": None}
    elif suffix == "svg":
        found = {"Title": title, "Description": caption, "Creator": "Isthmus", "Date": None}
    else:
        found = {"Title": title, "Description": caption, "Software": "Isthmus"}
    return {name: value for name, value in found.items() if value or value is None}


# ------------------------------------------------------------------------------------------- charts


def _draw_panels(
    figure: Figure | SubFigure, panels: Sequence[ChartData], style: FigureStyle
) -> None:
    rows, columns = grid_of(len(panels), style.width_mm)
    places = figure.subfigures(rows, columns, squeeze=False).reshape(-1)
    width = style.width_mm / columns
    shared = shares_legend(panels)
    panels = [in_palette(panel, style.palette) for panel in panels]
    for place, panel in zip(places, panels, strict=False):
        ax = place.subplots()
        _draw_chart(ax, panel, width, style)
        if not shared:
            _draw_legend(place, ax, panel, width, style)
    if shared:
        _draw_legend(figure, places[0].axes[0], panels[0], style.width_mm, style)


def _draw_legend(
    place: Figure | SubFigure, ax: Axes, data: ChartData, width_mm: float, style: FigureStyle
) -> None:
    """Write the legend below the axes, so that it hides no point."""
    handles, names = ax.get_legend_handles_labels()
    columns, letters = legend_columns(data, width_mm, style)
    if names:
        shown = ["\n".join(wrapped(name.removeprefix(NAMED), letters)) for name in names]
        legend = place.legend(
            handles,
            [NAMED] * len(names),
            loc="outside lower center",
            ncols=columns,
            frameon=False,
            fontsize=style.font_size * 0.85,
            borderaxespad=0.1,
            handlelength=1.6,
            columnspacing=1.2,
            labelspacing=0.3,
        )
        for text, name in zip(legend.get_texts(), shown, strict=True):
            text.set_text(name)


def _draw_chart(ax: Axes, data: ChartData, width_mm: float, style: FigureStyle) -> None:
    if data.regions is not None:
        draw_regions(ax, data.regions, PALETTES[style.palette], INK)
    for item in data.series:
        _draw_series(ax, item, style)
    if data.segments is not None:
        for x0, y0, x1, y1 in data.segments:
            ax.plot([x0, x1], [y0, y1], color=NEUTRAL, linewidth=0.4, alpha=0.5, zorder=1.5)
    ax.set_xscale("log" if data.x_log else "linear")
    if not data.x_log:
        # Fix the number of ticks: the automatic one depends on the layout, which ticks change.
        ax.xaxis.set_major_locator(MaxNLocator(ticks_in(width_mm, style), steps=TICK_STEPS))
    ax.set_yscale("log" if data.y_log else "linear")
    for axis in [ax.xaxis] * data.x_log + [ax.yaxis] * data.y_log:
        axis.set_major_formatter(LogFormatter())  # matplotlib's own writes powers as markup
        axis.set_minor_formatter(LogFormatter(minor_thresholds=(2, 0.4)))
    if data.x_range:
        ax.set_xlim(data.x_range)
    if data.y_range:
        ax.set_ylim(data.y_range)
    if data.equal_aspect:
        ax.set_aspect("equal")
    ax.set_xlabel(fitted(data.x_label, width_mm, style))
    ax.set_ylabel(fitted(data.y_label, width_mm * PANEL_RATIO, style))
    if style.title and data.title:
        ax.set_title(fitted(data.title, width_mm, style), fontsize=style.font_size)
    if data.regions is None:
        ax.grid(True, linewidth=0.4, alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=style.font_size * 0.9, length=2.5)


def _draw_series(ax: Axes, item: Series, style: FigureStyle) -> None:
    size = style.font_size * (0.55 if item.style == "none" else 0.4)
    look: dict[str, Any] = {
        "color": item.colour,
        "linestyle": LINE_STYLES[item.style] or "none",
        "linewidth": 1.1,
        "marker": MARKS[item.symbol],
        "markersize": size * (1.5 if item.symbol == "star" else 1.0),
        "label": NAMED + item.name if item.name else "_",
    }
    if item.style == "none":
        look |= {"markeredgecolor": "white", "markeredgewidth": 0.3}
    if item.symbol in ("cross", "plus"):
        look |= {"markeredgecolor": item.colour, "markeredgewidth": 0.8}
    if item.colours:
        marks = {"label": look["label"], "marker": look["marker"], "s": size**2, "zorder": 2}
        ax.scatter(item.x, item.y, c=list(item.colours), **marks)
    else:
        ax.plot(item.x, item.y, **look)
    add_labels(ax, item, style.font_size)
    if item.low is None or item.high is None:
        return
    if item.style == "none":
        ax.vlines(item.x, item.low, item.high, color=item.colour, linewidth=0.6, alpha=0.6)
    elif len(item.x) > 1:
        ax.fill_between(item.x, item.low, item.high, color=item.colour, alpha=0.18, linewidth=0)


# --------------------------------------------------------------------------------------------- maps
