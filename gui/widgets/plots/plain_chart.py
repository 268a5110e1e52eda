"""Plain data of a chart, drawn into a plot."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt

from engine.figures.charts import ChartData, Series
from engine.figures.images.regions import Regions
from engine.figures.paper.colours import SERIES
from gui.widgets.plots.plot import DEFAULT_HOVER, Plot
from gui.widgets.plots.plot_items import PlotItem

STYLES = {
    "solid": Qt.PenStyle.SolidLine,
    "dash": Qt.PenStyle.DashLine,
    "dot": Qt.PenStyle.DotLine,
    "dash_dot": Qt.PenStyle.DashDotLine,
    "none": Qt.PenStyle.NoPen,
}
HOVER = f"{DEFAULT_HOVER}\nA click selects these images"


def show_chart(plot: Plot, chart: ChartData, picked: Callable[[list[int], str], object]) -> None:
    """Draw plain data into a plot, in the theme's colours; a point may lead to its images."""
    plot.clear()
    plot.set_texts(
        title=chart.title, x_label=chart.x_label, y_label=chart.y_label, caption=chart.caption
    )
    for number, line in enumerate(_boundary(chart.regions)):
        plot.curve("decision boundary" if number == 0 else "", "text").set_data(*line)
    for item in chart.series:
        # Map a paper colour to the screen colour by its index: both palettes have the same order.
        known = item.colour in SERIES
        colour = SERIES.index(item.colour) if known else "muted"
        if item.style == "none":
            hover = HOVER if item.images else ""
            cloud = plot.scatter(item.name, colour, item.symbol or "circle", hover=hover)
            cloud.set_points(item.x, item.y, item.keys, low=item.low, high=item.high)
            _lead_to_images(cloud, item, chart.x_label, picked)
            continue
        curve = plot.curve(
            item.name,
            colour,
            style=STYLES[item.style],
            symbol=item.symbol or None,
            band=item.low is not None,
            hover=HOVER if item.images else "",
        )
        curve.set_data(item.x, item.y, item.low, item.high)
        _lead_to_images(curve, item, chart.x_label, picked)
    plot.set_ranges(chart.x_range, chart.y_range)


def _lead_to_images(
    drawn: PlotItem, item: Series, label: str, picked: Callable[[list[int], str], object]
) -> None:
    """Let a click on a point that counts images name these."""
    if not item.images:
        return
    drawn.keys = tuple(map(str, range(len(item.images))))

    def lead(key: str) -> None:
        place = int(key)
        if item.images[place]:
            picked(list(item.images[place]), f"{label}: {item.x[place]:.3g}")

    drawn.clicked.connect(lead)


def _boundary(regions: Regions | None) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return where the values are 0, as lines of x and y."""
    if regions is None:
        return []
    places = np.arange(len(regions.axis))
    found = []
    for line in pg.functions.isocurve(regions.values.T, 0.0, connected=True):
        # In isocurve coordinates, the centre of pixel i is at i + 0.5.
        x, y = (
            np.interp(np.asarray(part) - 0.5, places, regions.axis)
            for part in zip(*line, strict=True)
        )
        found.append((x, y))
    return found
