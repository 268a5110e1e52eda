"""What a grid of maps says once: the meaning of its colours, and the titles that rows share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.attribution import pictures
from engine.figures.charts import ColourBar

SIGNED_ENDS = ("\u22121", "0", "1")
OWN_SCALE = "Attribution, as a share of each map's largest"
CHANGE_SCALE = "Change, as a share of each one's largest"
COLOURS = 256


def bar_of_maps(
    colormap: str = "blue_white_red", label: str = OWN_SCALE, ends: Sequence[str] = SIGNED_ENDS
) -> ColourBar:
    """Return the colour bar of signed maps, from the most negative value to the most positive.

    Parameters
    ----------
    colormap
        A key of :data:`engine.attribution.colormaps.COLORMAPS`.
    """
    values = np.linspace(-1.0, 1.0, COLOURS, dtype=np.float32)[None]
    return ColourBar(pictures.colour(values, colormap)[0], tuple(ends), label)


@dataclass(frozen=True)
class Titles:
    """The titles of rows, without what they share.

    Attributes
    ----------
    title
        What all rows have in common, or "".
    rows
        The title of each row.
    groups
        What each row belongs to, as in :class:`~engine.figures.charts.MapGridData`; or empty.
    """

    title: str
    rows: tuple[str, ...]
    groups: tuple[str, ...] = ()


def one_title(pairs: Sequence[tuple[str, str]]) -> Titles:
    """Return titles for rows that have two names each, the first of which holds for several rows.

    A name that all rows share becomes the title. Where both differ, the first is that of a group.
    """
    outer, inner = (tuple(pair[place] for pair in pairs) for place in (0, 1))
    if len(set(outer)) == 1:
        return Titles(outer[0], inner)
    if len(set(inner)) == 1:
        return Titles(inner[0], outer)
    return Titles("", inner, outer)
