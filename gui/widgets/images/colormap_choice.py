"""The choice of a colour map."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox

from engine.attribution.colormaps import COLORMAPS


def fill_colormaps(combo: QComboBox) -> None:
    """Fill a combo box with the readable names of the colour maps."""
    words = {
        "blue_white_red": "blue, white, red (paper's)",
        "blue_orange": "blue, orange (even steps)",
        "purple_green": "purple, green",
        "grey": "grey",
    }
    for name in COLORMAPS:
        combo.addItem(words.get(name, name.replace("_", ", ")), name)
