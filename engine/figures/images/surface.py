"""Charts of the plane through an image: decision regions and loss, one pair for each network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.figures.charts import INK, NEUTRAL, SERIES, ChartData, Series
from engine.figures.images.regions import Regions
from engine.store.study import Result

OPACITY = 0.55
SHADES = 64
TICKS = 4
# Bright to dark, so that the ball's edge is seen where the loss is low; ColorBrewer's YlOrBr.
RAMP = ("#fff8d5", "#fee391", "#fec44f", "#ec7014", "#993404", "#4d1a02")
OTHER = len(SERIES)
"""The place of all classes that have no colour of their own."""


@dataclass(frozen=True)
class Look:
    """What is drawn of each network.

    Attributes
    ----------
    regions, loss
        Whether to draw decision regions, and the loss.
    """

    regions: bool = True
    loss: bool = True


def slots_of(results: Iterable[Result], known: Mapping[int, int] | None = None) -> dict[int, int]:
    """Return the place of every class's colour in a list of colours, the same for all networks.

    The class whose loss is drawn comes first, then the others by the area that they have over all
    networks. Eight have a colour; further ones have the place :data:`OTHER`.

    Parameters
    ----------
    known
        Places that were given before: these classes keep them, so that no colour changes its
        meaning while a radius moves.
    """
    slots, areas = dict(known or {}), dict[int, int]()
    for result in results:
        slots.setdefault(int(result.numbers["label"]), len(slots))
        found, counts = np.unique(result.arrays["classes"], return_counts=True)
        for name, count in zip(found.tolist(), counts.tolist(), strict=True):
            areas[name] = areas.get(name, 0) + count
    for name in sorted(areas, key=lambda name: (-areas[name], name)):
        slots.setdefault(name, len(slots))
    return {name: min(place, OTHER) for name, place in slots.items()}


def loss_limit(results: Iterable[Result]) -> float:
    """Return the loss that is drawn darkest: the highest of all networks, at least above 0."""
    highest = [float(np.nanmax(_finite(result.arrays["loss"]))) for result in results]
    return max([*highest, 1e-6])


def class_regions(result: Result, slots: Mapping[int, int], colours: Sequence[str]) -> Regions:
    """Return the decision regions as a background.

    Parameters
    ----------
    slots
        As of :func:`slots_of`.
    colours
        Of the places, the last one for :data:`OTHER`.
    """
    classes = np.asarray(result.arrays["classes"])
    ordered = [colours[slots.get(name, OTHER)] for name in range(int(classes.max()) + 1)]
    return Regions(
        np.asarray(result.arrays["offsets"], dtype=np.float64),
        classes.astype(np.float64),
        tuple(ordered),
        (0.0, float(max(1, len(ordered) - 1))),
        OPACITY,
    )


def loss_regions(result: Result, limit: float) -> Regions:
    """Return the loss as a background, darkest at ``limit``."""
    return Regions(
        np.asarray(result.arrays["offsets"], dtype=np.float64),
        np.asarray(result.arrays["loss"], dtype=np.float64),
        ramp(SHADES),
        (0.0, limit),
    )


def ramp(count: int) -> tuple[str, ...]:
    """Return colours "#rrggbb" from the lowest loss to the highest."""
    anchors = np.array([list(bytes.fromhex(colour[1:])) for colour in RAMP], dtype=np.float64)
    places = np.linspace(0, len(anchors) - 1, count)
    channels = [np.interp(places, np.arange(len(anchors)), anchors[:, c]) for c in range(3)]
    return tuple("#" + bytes(row).hex() for row in np.rint(np.stack(channels, 1)).astype(np.uint8))


def surface_charts(
    results: Sequence[tuple[str, Result]], names: Sequence[str], caption: str, look: Look = Look()
) -> list[ChartData]:
    """Return the charts of a figure: the regions of every network, then their losses.

    Parameters
    ----------
    results
        Title of each network, and what :func:`engine.measures.around.surface.around` found.
    names
        Of the classes; classes without one are named by their number.
    caption
        Names the image and the attack.
    """
    found = [result for _, result in results]
    if not found:
        return []
    slots, limit = slots_of(found), loss_limit(found)
    legend = [*class_entries(slots, names), *loss_entries(limit)]
    colours = (*SERIES, NEUTRAL)
    backgrounds = []
    if look.regions:
        backgrounds += [(title, r, class_regions(r, slots, colours)) for title, r in results]
    if look.loss:
        backgrounds += [(f"{title}: loss", r, loss_regions(r, limit)) for title, r in results]
    return [_chart(title, r, drawn, legend, caption) for title, r, drawn in backgrounds]


def class_entries(slots: Mapping[int, int], names: Sequence[str]) -> list[tuple[str, str]]:
    """Return name and colour of every class that has a colour, and of the others together."""
    shown = sorted((place, name) for name, place in slots.items() if place < OTHER)
    entries = [
        (names[name] if name < len(names) else str(name), SERIES[place]) for place, name in shown
    ]
    others = sum(place == OTHER for place in slots.values())
    return [*entries, *([(f"{others} other classes", NEUTRAL)] if others else [])]


def loss_entries(limit: float) -> list[tuple[str, str]]:
    """Return a few losses as texts, and their colours."""
    colours = ramp(TICKS)
    values = np.linspace(0, limit, TICKS)
    return [(f"loss {value:.2g}", colour) for value, colour in zip(values, colours, strict=True)]


def _chart(
    title: str, result: Result, drawn: Regions, legend: Sequence[tuple[str, str]], caption: str
) -> ChartData:
    edge, attacked = (np.asarray(result.arrays[name]) for name in ("edge", "attacked"))
    zero, nowhere = np.zeros(1), np.array([np.nan])
    mark: dict[str, Any] = {"colour": INK, "style": "none"}
    swatches = (
        Series(name, nowhere, nowhere, colour=colour, style="none", symbol="square")
        for name, colour in legend
    )
    ends = drawn.extent
    return ChartData(
        series=(
            *swatches,
            Series("edge of the ball", edge[:, 0], edge[:, 1], colour=INK),
            Series("image", zero, zero, symbol="circle", **mark),
            Series("attacked", attacked[:1], attacked[1:], symbol="cross", **mark),
        ),
        title=title,
        x_label=f"along the {'attack' if np.isfinite(attacked).all() else 'gradient'}, in eps",
        y_label="random direction, in eps",
        caption=caption,
        x_range=ends,
        y_range=ends,
        regions=drawn,
        equal_aspect=True,
    )


def _finite(values: NDArray[np.floating]) -> NDArray[np.float64]:
    found = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(found), found, np.nan)
