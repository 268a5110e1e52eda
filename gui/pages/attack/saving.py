"""Pictures of the Attack page as files: one adversarial image, or a figure of all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray
from PySide6.QtGui import QImage, QImageWriter

from engine.figures.charts import MapGridData
from engine.store.outputs import MADE_BY, OutputError, output
from gui.pages.attack.column import AttackColumn, perturbation_pixels
from gui.widgets.images.image_view import pixels_of


def write_png(column: AttackColumn, path: Path) -> str:
    """Write a column's adversarial image as an 8-bit PNG.

    Returns
    -------
    A sentence on the effect of rounding to 8 bits.

    Raises
    ------
    ValueError
        If the file cannot be written.
    """
    image = column.result.arrays["adv_images"][0]
    pixels = pixels_of(image)
    height, width, _ = pixels.shape
    picture = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    if len(image) == 1:
        picture = picture.convertToFormat(QImage.Format.Format_Grayscale8)
    picture.setText("Software", MADE_BY)
    encoded = QBuffer()
    QImageWriter(encoded, QByteArray(b"PNG")).write(picture)
    try:
        with output(path) as temporary:
            temporary.write_bytes(encoded.data().data())
    except OutputError as error:
        raise ValueError(f"{error}.") from error
    except OSError as error:
        raise ValueError(f"{path} cannot be written: {error.strerror}.") from error
    return (
        f"Saved {path.name}. {column.title} says: {column.verdict_text}; of the file, "
        f"which has 8 bits: {column.rounded_verdict_text}."
    )


def figure_of(columns: Sequence[AttackColumn], magnification: int, name: str) -> MapGridData:
    """Return the pictures as rows of a figure: adversarial images above their perturbations.

    Parameters
    ----------
    columns
        Those that hold a result.
    magnification
        How many times as strong the perturbations are drawn.
    name
        What the caption calls the image.
    """
    if not columns:
        return MapGridData(images=())
    first = columns[0].result.arrays
    pictures = [pixels_of(first["images"][0])]
    pictures += [pixels_of(column.result.arrays["adv_images"][0]) for column in columns]
    changes = [perturbation_pixels(column.delta, column.magnification) for column in columns]
    return MapGridData(
        images=(tuple(pictures), (None, *changes)),
        row_titles=("image", f"perturbation x {magnification}"),
        column_titles=("original", *(column.title for column in columns)),
        title="Adversarial examples",
        caption=f"{columns[0].attack.title}, {name}.",
        notes=(("", *(column.verdict_text for column in columns)), ("",) * len(pictures)),
    )
