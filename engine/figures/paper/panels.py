"""Draw charts side by side, with their legends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import LogFormatter, MaxNLocator

from engine.figures.charts import INK, NEUTRAL, ChartData, Series
from engine.figures.images.regions import draw_regions
from engine.figures.paper.colours import PALETTES
from engine.figures.paper.style import FigureStyle, in_palette
from engine.figures.sizing import (
    LEGEND_SIZE,
    add_labels,
    arranged,
    fitted,
    legend_columns,
    shares_legend,
    ticks_in,
)
from engine.texts import wrapped

TICK_SIZE, LABEL_SIZE = 0.9, 0.8  # of the size of the other letters
TICK_STEPS = (1, 2, 2.5, 5, 10)
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
NAMED = "name: "  # before the name of a series, as matplotlib leaves names out that begin with _


def draw_panels(
    figure: Figure | SubFigure, panels: Sequence[ChartData], style: FigureStyle
) -> None:
    """Draw charts side by side, each with its legend, or with one legend for all of them."""
    layout = arranged(panels, style)
    places = figure.subfigures(layout.rows, layout.columns, squeeze=False).reshape(-1)
    width = style.width_mm / layout.columns
    shared = shares_legend(panels)
    panels = [in_palette(panel, style.palette) for panel in panels]
    for place, panel in zip(places, panels, strict=False):
        ax = place.subplots()
        _draw_chart(ax, panel, width, style, layout.ratio)
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
            fontsize=style.small(LEGEND_SIZE),
            borderaxespad=0.1,
            handlelength=1.6,
            columnspacing=1.2,
            labelspacing=0.3,
        )
        for text, name in zip(legend.get_texts(), shown, strict=True):
            text.set_text(name)


def _draw_chart(
    ax: Axes, data: ChartData, width_mm: float, style: FigureStyle, ratio: float
) -> None:
    if data.regions is not None:
        draw_regions(ax, data.regions, PALETTES[style.palette], INK)
    for item in data.series:
        _draw_series(ax, item, style)
    for item in reversed(data.series):  # what is drawn on top is named first
        add_labels(ax, item, style.small(LABEL_SIZE))
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
    ax.set_ylabel(fitted(data.y_label, width_mm * ratio, style))
    if style.title and data.title:
        ax.set_title(fitted(data.title, width_mm, style), fontsize=style.font_size)
    if data.regions is None:
        ax.grid(True, linewidth=0.4, alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=style.small(TICK_SIZE), length=2.5)


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
    if item.low is None or item.high is None:
        return
    if item.style == "none":
        ax.vlines(item.x, item.low, item.high, color=item.colour, linewidth=0.6, alpha=0.6)
    elif len(item.x) > 1:
        ax.fill_between(item.x, item.low, item.high, color=item.colour, alpha=0.18, linewidth=0)
