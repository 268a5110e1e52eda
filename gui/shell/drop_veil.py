"""The overlay shown while something is dragged over the window."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from gui.look import theme

MARGIN = 12
RADIUS = 12


class DropVeil(QWidget):
    """Covers its parent and says that files can be dropped. It ignores the mouse."""

    def __init__(self, parent: QWidget):
        super().__init__(parent)
        self._under = parent
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        parent.installEventFilter(self)
        self.hide()

    def show_over(self) -> None:
        """Cover the parent."""
        self.setGeometry(self._under.rect())
        self.raise_()
        self.show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the parent's size."""
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self.setGeometry(self._under.rect())
        return False

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draw a tinted background, a dashed frame and one sentence."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = theme.colour("selection")
        ground.setAlphaF(0.85)
        painter.fillRect(self.rect(), ground)
        painter.setPen(QPen(theme.colour("accent"), 2, Qt.PenStyle.DashLine))
        frame = QRectF(self.rect()).adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
        painter.drawRoundedRect(frame, RADIUS, RADIUS)
        font = painter.font()
        font.setPointSizeF(font.pointSizeF() * 1.6)
        painter.setFont(font)
        painter.setPen(theme.colour("text"))
        words = "Drop images, archives, weights or a study"
        painter.drawText(frame, int(Qt.AlignmentFlag.AlignCenter), words)
        painter.end()
