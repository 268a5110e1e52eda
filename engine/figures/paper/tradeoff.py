"""The trade-off as a chart: a mark and a label a network, a line a sweep, standard ones apart.

The Trade-off page has the same marks and labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.figures.charts import INK, SYMBOLS, ChartData, Floats, Series, Symbol, series_colour
from engine.specs import Mode
from engine.specs.attacks import group_in_words
from engine.specs.schema import kind_label
from engine.texts import shortened
from engine.tradeoff import comparison
from engine.tradeoff.points import Abscissa, Group, NetworkPoint, describe

STANDARD: Symbol = "diamond"
MARKS = tuple(symbol for symbol in SYMBOLS if symbol != STANDARD)
COLOURS = 8
LONGEST = 24
X_LABELS: dict[Abscissa, str] = {
    "clean_accuracy": "Test accuracy",
    "strength": "Attack strength (eps / largest eps)",
}
TERMS = (
    "L-inf, L2: the norm of the attacks that networks were trained on, with eps beside each point; "
    "cross-entropy, margin: what these attacks raise."
)


def tradeoff_chart(found: Sequence[Group], mode: Mode, kind: str, x: Abscissa) -> ChartData:
    """Return one chart: points and fitted line of every group, correlations in the legend."""
    series: list[Series] = []
    for group, (colour, symbol) in zip(found, looks_of(found), strict=True):
        ends = line_ends(group)
        if ends is not None:
            series.append(Series("", *ends, colour=series_colour(colour)))
        own = [i for i, point in enumerate(group.points) if point.scheme != "standard"]
        if own:
            series.append(_points(group, own, legend_of(group), series_colour(colour), symbol))
    return ChartData(
        series=(*series, *_standard(found)),
        title=f"{mode.upper()}, {kind_label(kind)}",
        x_label=X_LABELS[x],
        y_label=f"{mode.upper()} score",
        caption=f"{comparison.CAPTION} {TERMS}",
    )


def looks_of(found: Sequence[Group]) -> list[tuple[int, Symbol]]:
    """Return colour and symbol of each group: one colour for a scheme and norm, whatever the rest.

    Groups of one colour differ in their symbols.
    """
    colours: dict[tuple[str, str], int] = {}
    counts: dict[int, int] = {}
    looks = []
    for group in found:
        member = next((p for p in reversed(group.points) if p.scheme != "standard"), None)
        what = ("standard", "") if member is None else (member.scheme, member.norm)
        colour = colours.setdefault(what, len(colours) % COLOURS)
        place = counts[colour] = counts.get(colour, -1) + 1
        looks.append((colour, MARKS[(colour + place) % len(MARKS)]))
    return looks


def legend_of(group: Group) -> str:
    """Return a group's name and correlations, with the loss of its attacks in words."""
    return name_of(group) + describe(group).removeprefix(group.name)


def name_of(group: Group) -> str:
    """Return a group's name, with the loss of its attacks in words."""
    return group_in_words(group.name)


def method_words(kind: str) -> str:
    """Return the name of a kind of attribution within a sentence."""
    label = kind_label(kind)
    return label[:1].lower() + label[1:]


def point_label(point: NetworkPoint) -> str:
    """Return what stands beside a network's point, such as the radius of its training."""
    return shortened(point.short, LONGEST)


def line_ends(group: Group) -> tuple[Floats, Floats] | None:
    """Return both ends of a group's fitted line, x (2,) and y (2,); None without a line."""
    fit = group.fit
    if fit is None or fit.slope is None or fit.intercept is None:
        return None
    x = np.array([group.x.min(), group.x.max()])
    return x, fit.intercept + fit.slope * x


def _standard(found: Sequence[Group]) -> list[Series]:
    """Return the standard networks, each once: every sweep of their images shares them."""
    seen: set[str] = set()
    series = []
    for group in found:
        own = [
            i
            for i, point in enumerate(group.points)
            if point.scheme == "standard" and point.key not in seen
        ]
        if own:
            name = "" if seen else "Standard"
            seen |= {group.points[i].key for i in own}
            series.append(_points(group, own, name, INK, STANDARD))
    return series


def _points(group: Group, own: list[int], name: str, colour: str, symbol: Symbol) -> Series:
    y, spread = group.y[own], group.spread[own]
    known = bool(np.isfinite(spread).any())
    points = [group.points[i] for i in own]
    return Series(
        name,
        group.x[own],
        y,
        y - spread if known else None,
        y + spread if known else None,
        colour=colour,
        style="none",
        symbol=symbol,
        keys=tuple(point.key for point in points),
        labels=tuple(map(point_label, points)),
    )
