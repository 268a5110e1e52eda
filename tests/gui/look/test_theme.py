"""The colours can be told apart and read, in both modes, and follow the user's choice."""

import itertools

import pytest
from PySide6.QtGui import QColor, QIcon, QPalette, QPixmap
from PySide6.QtWidgets import QApplication, QWidget

from gui.look import theme
from gui.look.icons import of_colour


@pytest.fixture(autouse=True)
def as_before(qapp):
    yield
    if theme.is_dark():
        theme.apply(qapp, "light")


def luminance(colour: QColor) -> float:
    """Relative luminance. Source: WCAG 2.1."""
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (colour.redF(), colour.greenF(), colour.blueF())
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: QColor, other: QColor) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def as_seen_by_protanope(colour: QColor) -> tuple[float, float, float]:
    """Linear RGB as seen without long cones. Source: Vienot, Brettel, Mollon 1999, table 2."""
    red, green, blue = (part**2.2 for part in (colour.redF(), colour.greenF(), colour.blueF()))
    yellow = 0.11238 * red + 0.88762 * green
    return yellow, yellow, 0.00401 * red - 0.00401 * green + blue


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_that_texts_stand_out_from_every_ground(qapp, mode):
    theme.apply(qapp, mode)
    for name in ("text", "muted", "accent", "good", "warning", "bad"):
        for ground in ("background", "surface", "raised"):
            found = contrast(theme.colour(name), theme.colour(ground))
            assert found >= 4.5, f"{name} on {ground}"


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_that_texts_on_accent_and_selection_can_be_read(qapp, mode):
    theme.apply(qapp, mode)
    assert contrast(theme.colour("on_accent"), theme.colour("accent")) >= 4.5
    assert contrast(theme.colour("text"), theme.colour("selection")) >= 4.5


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_that_every_series_stands_out_from_the_ground_of_a_plot(qapp, mode):
    theme.apply(qapp, mode)
    for index in range(24):
        assert contrast(theme.series(index), theme.colour("surface")) >= 3.0


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_that_series_differ_for_a_reader_without_long_cones(qapp, mode):
    theme.apply(qapp, mode)
    seen = [as_seen_by_protanope(theme.series(index)) for index in range(8)]
    for one, other in itertools.combinations(seen, 2):
        assert sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5 > 0.04


def test_that_series_start_again_after_the_last(qapp):
    theme.apply(qapp, "light")
    assert theme.series(24) == theme.series(0)


def test_that_a_change_of_mode_is_announced_once_and_reaches_the_palette(qapp, qtbot):
    theme.apply(qapp, "light")
    heard, root = [], QWidget()
    qtbot.addWidget(root)
    theme.dress(root)
    theme.signals.changed.connect(lambda: heard.append(theme.is_dark()))
    theme.apply(qapp, "dark")
    theme.apply(qapp, "dark")
    assert heard == [True]
    ground = QApplication.palette().color(QPalette.ColorRole.Window)
    assert ground == theme.colour("background") == QColor(theme.DARK["background"])
    assert theme.DARK["accent"] in root.styleSheet()


def test_that_both_modes_name_the_same_colours():
    assert theme.LIGHT.keys() == theme.DARK.keys()
    assert len(theme.SERIES_LIGHT) == len(theme.SERIES_DARK)


def test_that_an_unknown_name_is_an_error():
    with pytest.raises(KeyError):
        theme.colour("ultraviolet")


def test_that_a_networks_colour_stays_in_a_selected_row(qapp):
    picture = QPixmap(8, 8)
    picture.fill(QColor("#d55e00"))
    shown = of_colour(picture).pixmap(8, 8, QIcon.Mode.Selected).toImage().pixelColor(4, 4)
    assert shown.name() == "#d55e00"
