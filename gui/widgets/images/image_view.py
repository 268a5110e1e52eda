"""A view of a picture with square pixels, and a camera that links several views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QGuiApplication,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolTip, QWidget

from gui.look.plain import plain_tip

MAX_ZOOM = 32.0
ZOOM_STEP = 1.25
DIMMED = 0.4
COPIED_SIDE = 512

Pixels = NDArray[np.uint8]


def pixels_of(image: NDArray[Any]) -> Pixels:
    """Return an image as RGB bytes.

    Parameters
    ----------
    image
        (C, H, W), uint8 or floats in [0, 1]. One channel is shown as grey, two as red and green,
        and of more than three only the first three.

    Returns
    -------
    uint8 (H, W, 3).
    """
    if image.dtype != np.uint8:
        image = np.rint(np.clip(np.nan_to_num(image), 0.0, 1.0) * 255.0).astype(np.uint8)
    channels, height, width = image.shape
    if channels == 1:
        image = np.repeat(image, 3, axis=0)
    elif channels == 2:
        image = np.concatenate([image, np.zeros((1, height, width), np.uint8)])
    return np.ascontiguousarray(image[:3].transpose(1, 2, 0))


def image_from(pixels: Pixels) -> QImage:
    """Return RGB bytes (H, W, 3) as an image that owns its memory."""
    height, width, _ = pixels.shape
    bytes_ = np.ascontiguousarray(pixels)
    return QImage(bytes_.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


class Camera(QObject):
    """The visible part of a picture, in fractions of its sides, shared by linked views."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self.zoom = 1.0
        self.centre = QPointF(0.5, 0.5)

    @property
    def window(self) -> QRectF:
        """The visible part."""
        side = 1.0 / self.zoom
        return QRectF(self.centre.x() - side / 2, self.centre.y() - side / 2, side, side)

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom by a factor, keeping the point ``at`` (default: the centre) in place."""
        at = self.centre if at is None else at
        zoom = min(max(self.zoom * factor, 1.0), MAX_ZOOM)
        shrink = self.zoom / zoom
        self._show(zoom, at + (self.centre - at) * shrink)

    def pan(self, by: QPointF) -> None:
        """Move the visible part by fractions of the picture's sides."""
        self._show(self.zoom, self.centre + by)

    @Slot()
    def reset(self) -> None:
        """Show the whole picture."""
        self._show(1.0, QPointF(0.5, 0.5))

    def _show(self, zoom: float, centre: QPointF) -> None:
        edge = 0.5 / zoom
        x = min(max(centre.x(), edge), 1.0 - edge)
        y = min(max(centre.y(), edge), 1.0 - edge)
        if zoom != self.zoom or QPointF(x, y) != self.centre:
            self.zoom, self.centre = zoom, QPointF(x, y)
            self.changed.emit()


class ImageView(QWidget):
    """Shows one picture as large as fits, without smoothing when magnified.

    The wheel, + and - zoom; dragging and the arrow keys pan; a double click or 0 shows all of it.

    Signals
    -------
    clicked
        The left button was pressed.
    pointed
        Takes whether the mouse is over the picture.
    shown
        Another picture, or none, is shown.
    enlarge_asked
        A double click or Return, if ``enlarges`` is set; the picture then stays as it is.

    Parameters
    ----------
    name
        Name of the picture, for screen readers, and shown if there is no picture.
    camera
        Pass the same camera to several views to link them.
    """

    clicked = Signal()
    pointed = Signal(bool)
    shown = Signal()
    enlarge_asked = Signal()

    def __init__(self, name: str = "", camera: Camera | None = None, parent: QWidget | None = None):
        super().__init__(parent)
        self.camera = camera or Camera(self)
        self.camera.changed.connect(self.update)
        self.describe: Callable[[int, int], str] | None = None
        self.enlarges = False
        self._image: QImage | None = None
        self._note = ""
        self._dimmed = False
        self._frame: QColor | None = None
        self._grip: QPointF | None = None
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(40, 40)
        policy = QSizePolicy.Policy.Expanding
        self.setSizePolicy(policy, policy)

    # ------------------------------------------------------------------------------- what it shows

    @property
    def image(self) -> QImage | None:
        """The picture, in its own pixels."""
        return self._image

    def set_pixels(self, pixels: Pixels | None) -> None:
        """Show RGB bytes (H, W, 3), or nothing."""
        self.set_picture(None if pixels is None else image_from(pixels))

    def set_picture(self, picture: QImage | None) -> None:
        """Show a picture, or nothing."""
        self._image, self._note, self._dimmed = picture, "", False
        self.update()
        self.shown.emit()

    def set_note(self, text: str) -> None:
        """Show a short text in place of the picture."""
        self._image, self._note = None, text
        self.update()
        self.shown.emit()

    @property
    def dimmed(self) -> bool:
        """Whether the picture is drawn faintly."""
        return self._dimmed

    def set_dimmed(self, dimmed: bool) -> None:
        """Draw the picture faintly while it is out of date."""
        if dimmed != self._dimmed:
            self._dimmed = dimmed
            self.update()

    def set_frame(self, colour: QColor | None) -> None:
        """Draw a frame around the picture, or none."""
        if colour != self._frame:
            self._frame = colour
            self.update()

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(140, 140)

    # ------------------------------------------------------------------------------------ geometry

    def _place(self) -> QRectF:
        """Return the largest rectangle of the picture's shape inside the widget."""
        area = QRectF(self.rect()).adjusted(2, 2, -2, -2)
        if self._image is None:
            return area
        size = QSize(self._image.width(), self._image.height()).toSizeF()
        size.scale(area.size(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRectF(QPointF(), size)
        place.moveCenter(area.center())
        return place

    def _fraction_at(self, position: QPointF) -> QPointF:
        """Return where in the picture a point of the widget is, in fractions of its sides."""
        place, window = self._place(), self.camera.window
        across = (position.x() - place.x()) / place.width()
        down = (position.y() - place.y()) / place.height()
        return QPointF(
            window.x() + across * window.width(),
            window.y() + down * window.height(),
        )

    def pixel_at(self, position: QPointF) -> tuple[int, int] | None:
        """Return row and column of the pixel at a point of the widget, or None outside."""
        if self._image is None or not self._place().contains(position):
            return None
        at = self._fraction_at(position)
        row = min(int(at.y() * self._image.height()), self._image.height() - 1)
        column = min(int(at.x() * self._image.width()), self._image.width() - 1)
        return row, column

    # -------------------------------------------------------------------------------------- events

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draw the visible part of the picture, its frame, or the note."""
        painter = QPainter(self)
        place = self._place()
        if self._image is None:
            painter.setPen(self.palette().placeholderText().color())
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(place, int(flags), self._note)
        else:
            self._draw_picture(painter, place, self._image)
        ring = self.palette().highlight().color() if self.hasFocus() else self._frame
        if ring is not None:
            painter.setPen(QPen(ring, 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(place)
        painter.end()

    def _draw_picture(self, painter: QPainter, place: QRectF, image: QImage) -> None:
        window = self.camera.window
        width, height = image.width(), image.height()
        seen = QRectF(
            window.x() * width,
            window.y() * height,
            window.width() * width,
            window.height() * height,
        )
        # Smooth only when shrinking, where several pixels fall on one point of the screen.
        smooth = seen.width() > place.width() * self.devicePixelRatioF()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.setOpacity(DIMMED if self._dimmed else 1.0)
        painter.drawImage(place, image, seen)
        painter.setOpacity(1.0)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom about the point under the mouse."""
        turns = event.angleDelta().y() / 120.0
        if self._image is None or turns == 0:
            event.ignore()
            return
        self.camera.zoom_by(ZOOM_STEP**turns, self._fraction_at(event.position()))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Start panning."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._grip = event.position()
            self.clicked.emit()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Pan while the button is held."""
        if self._grip is None:
            return
        place, moved = self._place(), event.position() - self._grip
        self._grip = event.position()
        side = 1.0 / self.camera.zoom
        self.camera.pan(
            QPointF(-moved.x() / place.width() * side, -moved.y() / place.height() * side)
        )

    def mouseReleaseEvent(self, _: QMouseEvent) -> None:
        """Stop panning."""
        self._grip = None

    def mouseDoubleClickEvent(self, _: QMouseEvent) -> None:
        """Show the whole picture, or ask to enlarge it."""
        if self.enlarges:
            self._ask_to_enlarge()
        else:
            self.camera.reset()

    def _ask_to_enlarge(self) -> None:
        if self._image is not None:
            self.enlarge_asked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Zoom and pan without a mouse."""
        step = 0.1 / self.camera.zoom
        moves = {
            Qt.Key.Key_Left: QPointF(-step, 0),
            Qt.Key.Key_Right: QPointF(step, 0),
            Qt.Key.Key_Up: QPointF(0, -step),
            Qt.Key.Key_Down: QPointF(0, step),
        }
        if event.key() in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.camera.zoom_by(ZOOM_STEP)
        elif event.key() == Qt.Key.Key_Minus:
            self.camera.zoom_by(1 / ZOOM_STEP)
        elif event.key() == Qt.Key.Key_0:
            self.camera.reset()
        elif self.enlarges and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._ask_to_enlarge()
        elif event.key() in moves and self.camera.zoom > 1:
            self.camera.pan(moves[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def enterEvent(self, event: Any) -> None:
        """Signal that the mouse is over the picture."""
        self.pointed.emit(True)
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Signal that the mouse left the picture."""
        self.pointed.emit(False)
        super().leaveEvent(event)

    def event(self, event: QEvent) -> bool:
        """Show the data of the pixel under the mouse as a tooltip."""
        if isinstance(event, QHelpEvent) and self.describe is not None:
            found = self.pixel_at(QPointF(event.pos()))
            if found is not None:
                QToolTip.showText(event.globalPos(), plain_tip(self.describe(*found)), self)
                return True
        return super().event(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer to copy the picture and to show all of it."""
        menu = QMenu(self)
        copy = menu.addAction("Copy picture", self.copy)
        copy.setEnabled(self._image is not None)
        if self.enlarges:
            menu.addAction("Fill the window, and back", self._ask_to_enlarge)
        menu.addAction("Show all of it", self.camera.reset)
        menu.exec(event.globalPos())

    @Slot()
    def copy(self) -> None:
        """Copy the whole picture to the clipboard, magnified so that it is visible when pasted."""
        if self._image is None:
            return
        larger = max(1, COPIED_SIDE // max(self._image.width(), self._image.height()))
        QGuiApplication.clipboard().setImage(self._image.scaled(self._image.size() * larger))
