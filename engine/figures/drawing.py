"""Draw pictures for a paper: vector or pixel files of an exact size, without a display.

All drawing holds one lock, because matplotlib keeps global state; so figures may be drawn on any
thread. Fonts are embedded as outlines that editors can read (type 42), and the text of an SVG stays
text. The same data gives the same bytes.
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from engine.figures import chart_file
from engine.figures.charts import (
    FigureError,
    MapGridData,
    Picture,
    caption_of,
    csv_text,
    panels_of,
    readable,
    title_of,
)
from engine.figures.map_grids import draw_maps
from engine.figures.paper.cut_off import cut_off
from engine.figures.paper.letters import letters
from engine.figures.paper.panels import draw_panels
from engine.figures.paper.style import LIMITS, FigureStyle
from engine.figures.sizing import MM, caption_height, natural_height, thin_labels
from engine.fonts import OWN, families_for, texts_in
from engine.texts import wrapped

FORMATS = ("pdf", "svg", "png", "csv")
FILES = (*FORMATS, "h5")
Size = tuple[float, float]
MOST_PIXELS = 200e6
SMALLEST_AXES_MM = 3.0
COLOUR_BAR = "<colorbar>"  # what matplotlib calls the axes of one
MOST_TRIES, TALLER = 4, 1.2  # heights that are tried where the content determines it
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
_LOCK = threading.RLock()
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
        if style.height_mm is not None:
            return _composed(data, style, style.height_mm)
        return _as_high_as_needed(data, style)


def _as_high_as_needed(data: Picture, style: FigureStyle) -> Figure:
    """Return the figure in the least height of a few that has room for its texts."""
    height = natural_height(data, style)
    for _ in range(MOST_TRIES):
        with suppress(FigureError):  # the rules of thumb for texts gave too little room
            return _composed(data, style, height)
        # Higher than the page, in fewer columns, is better than no figure.
        style = replace(style, most_height_mm=None)
        height = max(TALLER * height, natural_height(data, style))
    return _composed(data, style, height)


def _composed(data: Picture, style: FigureStyle, height: float) -> Figure:
    """Return the figure of this height in mm; raise ``FigureError`` if its texts lack room."""
    figure = Figure(figsize=(style.width_mm * MM, height * MM))
    FigureCanvasAgg(figure)
    foot = caption_height(data, style) / height
    _draw_caption(figure, data, style, foot)
    if isinstance(data, MapGridData):
        engine = ConstrainedLayoutEngine(**TIGHT, rect=(0, foot, 1, 1 - foot))
        figure.set_layout_engine(engine)
        draw_maps(figure, data, style, foot * height)
    else:
        figure.set_layout_engine("constrained")
        draw_panels(_above(figure, foot), panels_of(data), style)
    _check_room(figure, style, height)
    # Every file, whatever its resolution, has the layout that was checked.
    figure.set_layout_engine("none")
    figure.draw_without_rendering()  # a legend has no place before
    thin_labels(figure)
    if cut_off(figure):
        raise FigureError(_too_small(style, height))
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
        draw_panels(place, panels_of(data), style)


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
    return _rendered(data, suffix, style or FigureStyle())[0]


def _rendered(data: Picture, suffix: str, style: FigureStyle) -> tuple[bytes, Size | None]:
    """Return the bytes of a file as :func:`render`, and the size of the figure if it has one."""
    if suffix not in FORMATS:
        raise FigureError(f"format is {suffix!r}, must be one of {', '.join(FORMATS)}")
    if suffix == "csv":
        return csv_text(data).encode(), None
    with settings(style.font_size, style.font, texts_in(readable(data))):
        figure = draw(data, style)
        return _file_of(figure, readable(data), suffix, style), size_of(figure)


def size_of(figure: Figure) -> Size:
    """Return width and height of a figure on paper, in mm."""
    width, height = (float(side) / MM for side in figure.get_size_inches())
    return width, height


@dataclass(frozen=True)
class Drawn:
    """A figure as the bytes of a file, and the same figure as pixels to look at.

    Attributes
    ----------
    file
        The bytes of the file.
    picture
        A PNG: the file itself, or what the file shows in fewer or more pixels.
    width_mm, height_mm
        Size on paper.
    """

    file: bytes
    picture: bytes
    width_mm: float
    height_mm: float


def drawn(data: Picture, suffix: str, style: FigureStyle, pixels: int) -> Drawn:
    """Draw a picture once, for a file and for a preview of ``pixels`` in width.

    Parameters
    ----------
    suffix
        One of pdf, svg, png.

    Raises
    ------
    FigureError
        As :func:`render`.
    """
    data = readable(data)
    with settings(style.font_size, style.font, texts_in(data)):
        figure = draw(data, style)
        width, height = size_of(figure)
        file = picture = _file_of(figure, data, suffix, style)
        if suffix != "png":
            dpi = float(np.clip(pixels / (width * MM), *LIMITS["dpi"]))
            picture = _file_of(figure, data, "png", replace(style, dpi=dpi))
        return Drawn(file, picture, width, height)


def _file_of(figure: Figure, data: Picture, suffix: str, style: FigureStyle) -> bytes:
    width, height = figure.get_size_inches()
    if suffix == "png" and width * height * style.dpi**2 > MOST_PIXELS:
        raise FigureError(
            f"dpi is {style.dpi:g}, too many for {style.width_mm:g} mm: "
            f"at most {MOST_PIXELS / 1e6:g} million pixels can be drawn"
        )
    out = io.BytesIO()
    figure.savefig(
        out,
        format=suffix,
        dpi=style.dpi,
        transparent=style.transparent,
        metadata=_metadata(data, suffix),
    )
    return out.getvalue()


def save_as(
    data: Picture,
    path: Path,
    style: FigureStyle | None = None,
    *,
    check: Callable[[], object] = lambda: None,
) -> Size | None:
    """Write a picture to a file; the suffix determines the format. Replaces an existing file.

    Returns width and height in mm of the figure on paper; None for a file of numbers. ``check`` is
    called once it is drawn, before the file is written; it may raise to stop.

    Raises
    ------
    FigureError
        If the suffix is none of pdf, svg, png, csv, h5, or the file cannot be written (see
        :mod:`engine.store.outputs`).
    """
    check_path(path)
    suffix = path.suffix.lower().removeprefix(".")
    if suffix == "h5":
        check()
        chart_file.write(data, path)
        return None
    content, size = _rendered(data, suffix, style or FigureStyle())
    check()
    write(content, path)
    return size


def write(content: bytes, path: Path) -> None:
    """Write the bytes of a figure, as :func:`save_as`."""
    check_path(path)
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
        too_small = min(box.width, box.height) < margin and ax.get_label() != COLOUR_BAR
        # If the layout engine finds no solution, texts extend beyond their panel.
        sticks_out = needed is not None and not (
            place.containsx(needed.x0)
            and place.containsx(needed.x1)
            and place.containsy(needed.y0)
            and place.containsy(needed.y1)
        )
        if too_small or sticks_out:
            raise FigureError(_too_small(style, height))


def _too_small(style: FigureStyle, height: float) -> str:
    return (
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
