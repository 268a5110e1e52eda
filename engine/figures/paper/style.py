"""The style of a figure on paper: its size, font and colours."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.figures.charts import ChartData, FigureError, Style
from engine.figures.paper.colours import PALETTES, SERIES

DASHES: tuple[Style, ...] = ("solid", "dash", "dash_dot", "dot")
LIMITS = {
    "width_mm": (20.0, 1200.0),
    "height_mm": (10.0, 1200.0),
    "font_size": (3.0, 40.0),
    "dpi": (30.0, 1200.0),
    "least_size": (0.0, 40.0),
    "most_height_mm": (20.0, 1200.0),
}


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
    least_size
        No text is smaller, in points; 0 for no limit.
    most_height_mm
        Height of a page, which an automatic height keeps to where the content can; None for any.
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
    least_size: float = 0.0
    most_height_mm: float | None = None

    def __post_init__(self) -> None:
        if self.palette not in PALETTES:
            known = ", ".join(PALETTES)
            raise FigureError(f"palette is {self.palette!r}, must be one of {known}")
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise FigureError(f"{name} is {value:g}, must be between {low:g} and {high:g}")

    def small(self, share: float) -> float:
        """Return the size in points of a text that is smaller than the others."""
        return max(share * self.font_size, min(self.least_size, self.font_size))


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
