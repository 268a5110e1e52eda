"""One network's plane through an image: a coloured background, the ball's edge, and two marks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from engine.figures.images.regions import Regions
from gui.look import theme
from gui.look.plain import plain_tip
from gui.widgets.images.image_view import image_from

LEFT, BELOW, BESIDE = 26, 18, 6
LEAST = 110
DOT, CROSS = 3.5, 4.5
HALO, HALO_OPACITY = 2.4, 0.6  # pixels that it is wider than what it lies under
DIMMED = 0.35
Describe = Callable[[float, float], str]


@dataclass(frozen=True, eq=False)
class Plane:
    """What is drawn.

    Attributes
    ----------
    regions
        The background, in eps.
    edge
        (m, 2), the ball's edge.
    attacked
        (2,), NaN where there is none.
    describe
        Words for a point of the plane.
    ink
        Colour of edge and marks; None for that of texts.
    """

    regions: Regions
    edge: NDArray[Any]
    attacked: NDArray[Any]
    describe: Describe
    ink: QColor | None = None


class SurfaceView(QWidget):
    """Draws a plane with equal scales, zero in the middle, and ticks in eps."""

    def __init__(self, name: str, parent: QWidget | None = None):
        super().__init__(parent)
        self.plane: Plane | None = None
        self.note = ""
        self.dimmed = False
        self.setAccessibleName(name)
        self.setMinimumSize(LEAST, LEAST)
        policy = QSizePolicy.Policy.Expanding
        self.setSizePolicy(policy, policy)
        theme.signals.changed.connect(self.update)

    def show_plane(self, plane: Plane | None, note: str = "") -> None:
        """Draw a plane, or a note in its place."""
        self.plane, self.note, self.dimmed = plane, note, False
        self.setToolTip(plain_tip(note))
        self.update()

    def set_dimmed(self) -> None:
        """Draw the plane faintly: it is out of date."""
        self.dimmed = True
        self.update()

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(200, 200)

    # ---------------------------------------------------------------------------------- geometry

    def field(self) -> QRectF:
        """Return the square in which the plane is drawn."""
        room = QRectF(self.rect()).adjusted(LEFT, BESIDE, -BESIDE, -BELOW)
        side = max(1.0, min(room.width(), room.height()))
        field = QRectF(0, 0, side, side)
        field.moveCenter(room.center())
        return field

    def point_of(self, along: float, across: float) -> QPointF:
        """Return where a point of the plane, in eps, is drawn."""
        field, (low, high) = self.field(), self._ends()
        return QPointF(
            field.left() + (along - low) / (high - low) * field.width(),
            field.bottom() - (across - low) / (high - low) * field.height(),
        )

    def place_at(self, position: QPointF) -> tuple[float, float] | None:
        """Return the point of the plane, in eps, at a point of the widget; None outside."""
        field, (low, high) = self.field(), self._ends()
        if self.plane is None or not field.contains(position):
            return None
        return (
            low + (position.x() - field.left()) / field.width() * (high - low),
            low + (field.bottom() - position.y()) / field.height() * (high - low),
        )

    def _ends(self) -> tuple[float, float]:
        return (-1.0, 1.0) if self.plane is None else self.plane.regions.extent

    # ---------------------------------------------------------------------------------- painting

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draw the background, the edge, the marks, and the numbers along the axes."""
        painter = QPainter(self)
        if self.plane is None:
            painter.setPen(theme.colour("muted"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(QRectF(self.rect()), int(flags), self.note or "…")
            painter.end()
            return
        field, regions = self.field(), self.plane.regions
        painter.fillRect(field, theme.colour("surface"))
        painter.setOpacity(regions.opacity * (DIMMED if self.dimmed else 1.0))
        # The first row is the lowest one.
        painter.drawImage(field, image_from(np.ascontiguousarray(regions.pixels()[::-1])))
        painter.setOpacity(DIMMED if self.dimmed else 1.0)
        painter.save()
        painter.setClipRect(field)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_marks(painter, self.plane)
        painter.restore()
        painter.setOpacity(1.0)
        painter.setPen(theme.colour("border"))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(field)
        self._paint_numbers(painter, field)
        painter.end()

    def _paint_marks(self, painter: QPainter, plane: Plane) -> None:
        """Draw the marks on a halo: a plane may be as dark, or as bright, as they are."""
        ink = plane.ink or theme.colour("text")
        halo = QColor("white" if ink.lightnessF() < 0.5 else "black")
        halo.setAlphaF(HALO_OPACITY)
        self._paint_in(painter, plane, halo, HALO)
        self._paint_in(painter, plane, ink, 0.0)

    def _paint_in(self, painter: QPainter, plane: Plane, ink: QColor, wider: float) -> None:
        painter.setPen(QPen(ink, 1.6 + wider))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        line = [self.point_of(float(x), float(y)) for x, y in plane.edge]
        painter.drawPolyline(QPolygonF(line))
        painter.setBrush(ink)
        painter.drawEllipse(self.point_of(0.0, 0.0), DOT, DOT)
        if np.isfinite(plane.attacked).all():
            at = self.point_of(float(plane.attacked[0]), float(plane.attacked[1]))
            painter.setPen(QPen(ink, 2.2 + wider))
            for turn in (1, -1):
                corner = QPointF(CROSS, turn * CROSS)
                painter.drawLine(at - corner, at + corner)

    def _paint_numbers(self, painter: QPainter, field: QRectF) -> None:
        font = self.font()
        font.setPointSizeF(font.pointSizeF() * 0.85)
        painter.setFont(font)
        painter.setPen(theme.colour("muted"))
        reach = float(self.plane.regions.axis[-1]) if self.plane is not None else 1.0
        for value in (-reach, -reach / 2, 0.0, reach / 2, reach):
            text = f"{value:g}".replace("-", "\N{MINUS SIGN}")
            at = self.point_of(value, value)
            painter.drawText(
                QRectF(at.x() - 24, field.bottom() + 1, 48, BELOW - 1),
                int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop),
                text,
            )
            painter.drawText(
                QRectF(field.left() - LEFT, at.y() - 10, LEFT - 4, 20),
                int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter),
                text,
            )

    def event(self, event: Any) -> bool:
        """Say what the network sees at the point under the mouse."""
        if isinstance(event, QHelpEvent) and self.plane is not None:
            found = self.place_at(QPointF(event.pos()))
            words = "" if found is None else self.plane.describe(*found)
            QToolTip.showText(event.globalPos(), plain_tip(words), self)
            return True
        return super().event(event)
