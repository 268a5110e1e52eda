"""Line icons in the theme's colours, drawn from the SVG files of ``resources/icons``."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from gui.look import theme

FOLDER = theme.RESOURCES / "icons"
SIZES = (16, 24, 48)


def icon(name: str, colour: str = "text") -> QIcon:
    """Return a line icon by file name, in a named colour of the present mode.

    The icon does not follow a change of mode: call this again on ``theme.signals.changed``. A name
    without a file gives the icon of a sheet of paper.
    """
    return _drawn(name, theme.colour(colour).name())


def of_colour(picture: QPixmap) -> QIcon:
    """Return a picture as an icon that keeps its colours: Qt tints those of selected rows."""
    found = QIcon(picture)
    found.addPixmap(picture, QIcon.Mode.Selected)
    return found


def app_icon() -> QIcon:
    """Return the program's own icon: land between two seas."""
    return _drawn("isthmus", "")


@cache
def _drawn(name: str, stroke: str) -> QIcon:
    path = FOLDER / f"{name}.svg"
    text = (path if path.is_file() else FOLDER / "page.svg").read_text(encoding="utf-8")
    renderer = QSvgRenderer(QByteArray(text.replace("currentColor", stroke).encode()))
    found = QIcon()
    sizes = SIZES if stroke else (*SIZES, 64, 128, 256)
    for size in sizes:
        found.addPixmap(_pixmap(renderer, size))
    if stroke:
        dim = QSvgRenderer(QByteArray(_with_opacity(text, stroke).encode()))
        for size in sizes:
            found.addPixmap(_pixmap(dim, size), QIcon.Mode.Disabled)
    return found


def _with_opacity(text: str, stroke: str) -> str:
    return text.replace('stroke="currentColor"', f'stroke="{stroke}" opacity="0.4"', 1)


def _pixmap(renderer: QSvgRenderer, size: int) -> QPixmap:
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.render(painter, QRectF(0, 0, size, size))
    painter.end()
    return pixmap
