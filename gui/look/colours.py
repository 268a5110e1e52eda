"""Colours on the screen and on paper."""

from __future__ import annotations

from PySide6.QtGui import QColor

from engine.figures import charts
from gui.look import theme

Colour = QColor | str | int


def on_screen(colour: Colour) -> QColor:
    """Return a colour in the present mode."""
    if isinstance(colour, QColor):
        return colour
    return theme.series(colour) if isinstance(colour, int) else theme.colour(colour)


def on_paper(colour: Colour) -> str:
    """Return a colour as "#rrggbb" on white paper."""
    if isinstance(colour, QColor):
        return colour.name()
    return charts.series_colour(colour) if isinstance(colour, int) else theme.LIGHT[colour]
