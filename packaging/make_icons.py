"""Draws the program's icon in every form that a desktop asks for: python make_icons.py FOLDER.

All icons are drawn from ``resources/icons/isthmus.svg``; the results are not kept in the project.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DRAWING = ROOT / "resources" / "icons" / "isthmus.svg"
STUDY = ROOT / "resources" / "icons" / "isthmus-study.svg"
SIZES = (16, 24, 32, 48, 64, 128, 256, 512)
ICO_SIZES = (16, 24, 32, 48, 64, 128, 256)
ICNS_SIZE = 1024
SPLASH = (480, 270)
SPLASH_COLOURS = ("#f6f8f9", "#22313a")


def make(folder: Path) -> list[Path]:
    """Draw all icons into a folder, and return their paths."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtGui import QGuiApplication

    app = QGuiApplication.instance() or QGuiApplication([])
    folder.mkdir(parents=True, exist_ok=True)
    for name, drawing in (("isthmus", DRAWING), ("isthmus-study", STUDY)):
        shutil.copyfile(drawing, folder / f"{name}.svg")
        for size in SIZES:
            _drawn(drawing, size).save(str(folder / f"{name}-{size}.png"))
        _collection(drawing, folder / name)
    _splash().save(str(folder / "splash.png"))
    del app
    return sorted(folder.iterdir())


def _drawn(drawing: Path, size: int):
    """Return a drawing as a square QImage, ``size`` pixels wide, on a transparent background."""
    from PySide6.QtCore import Qt
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    image = QImage(size, size, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    QSvgRenderer(str(drawing)).render(painter)
    painter.end()
    return image


def _collection(drawing: Path, stem: Path) -> None:
    """Write the files that hold an icon in several sizes, for Windows and for macOS."""
    largest = _as_pillow(_drawn(drawing, ICNS_SIZE))
    largest.save(stem.with_suffix(".icns"))
    small = [_as_pillow(_drawn(drawing, size)) for size in ICO_SIZES]
    small[-1].save(
        stem.with_suffix(".ico"), sizes=[(s, s) for s in ICO_SIZES], append_images=small[:-1]
    )


def _as_pillow(image):
    from PIL import Image
    from PySide6.QtCore import QBuffer, QIODevice

    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return Image.open(io.BytesIO(bytes(buffer.data()))).convert("RGBA")


def _splash():
    """Return the picture that Windows shows while torch is loaded."""
    from PySide6.QtCore import QRect, Qt
    from PySide6.QtGui import QColor, QFont, QImage, QPainter

    ground, ink = map(QColor, SPLASH_COLOURS)
    image = QImage(*SPLASH, QImage.Format.Format_RGB32)
    image.fill(ground)
    painter = QPainter(image)
    painter.drawImage(SPLASH[0] // 2 - 64, 40, _drawn(DRAWING, 128))
    font = QFont()
    font.setPixelSize(32)
    painter.setFont(font)
    painter.setPen(ink)
    painter.drawText(QRect(0, 184, SPLASH[0], 48), Qt.AlignmentFlag.AlignCenter, "Isthmus")
    painter.end()
    return image


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python make_icons.py FOLDER")
    for path in make(Path(sys.argv[1])):
        print(path)
