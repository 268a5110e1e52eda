"""Bars of a network's class probabilities, before and after an image was changed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from engine.texts import percent
from gui.look import theme
from gui.look.plain import plain_tip

ALL_UP_TO = 10
TOP = 5
ROW = 15
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def softmax(logits: ArrayLike) -> NDArray[np.float64]:
    """Return probabilities (K,) for logits (K,)."""
    shifted = np.asarray(logits, dtype=np.float64)
    raised = np.exp(shifted - shifted.max())
    return np.asarray(raised / raised.sum())


def classes_shown(
    before: NDArray[np.float64], after: NDArray[np.float64], always: Sequence[int]
) -> list[int]:
    """Return which classes get a bar: all, or if there are many, the likeliest and given ones.

    Of many classes five are shown, by their larger probability, in the order of the classes.
    """
    count = len(after)
    if count <= ALL_UP_TO:
        return list(range(count))
    wanted = [label for label in dict.fromkeys(always) if 0 <= label < count]
    likely = np.argsort(-np.maximum(before, after), kind="stable")
    rest = [int(label) for label in likely if label not in wanted]
    return sorted([*wanted, *rest][:TOP])


class ClassBars(QWidget):
    """Two bars per class: a thin muted one for before, a full coloured one for after."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._before = self._after = np.zeros(0)
        self._names: list[str] = []
        self._true = -1
        self._target = -1
        self._colour = QColor()
        self.shown: list[int] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Class probabilities before and after")
        theme.signals.changed.connect(self.update)

    def show_classes(
        self,
        before: ArrayLike,
        after: ArrayLike,
        names: Sequence[str],
        *,
        true: int = -1,
        target: int = -1,
    ) -> None:
        """Draw probabilities (K,) before and after.

        Parameters
        ----------
        names
            Names of the classes; a class without a name is shown by its number.
        true, target
            The image's class and the attack's target class, -1 for none; both are marked.
        """
        self._before = np.asarray(before, dtype=np.float64)
        self._after = np.asarray(after, dtype=np.float64)
        self._names = list(names)
        self._true, self._target = true, target
        always = [true, target, int(self._after.argmax()), int(self._before.argmax())]
        rows = len(self.shown)
        self.shown = classes_shown(self._before, self._after, always)
        if rows != len(self.shown):
            self.updateGeometry()
        self.setAccessibleDescription("\n".join(self._line(label) for label in self.shown))
        self.update()

    def clear(self) -> None:
        """Draw nothing."""
        self.shown = []
        self.updateGeometry()
        self.update()

    def set_colour(self, colour: QColor) -> None:
        """Set the colour of the bars for after."""
        self._colour = colour
        self.update()

    def name_of(self, label: int) -> str:
        """Return the name of a class, or its number."""
        return self._names[label] if label < len(self._names) else str(label)

    def fitted_name(self, label: int) -> str:
        """Return the name of a class, elided in the middle to the available width."""
        return self._fitted(label, self._name_room())

    def sizeHint(self) -> QSize:
        """Return room for every row."""
        return QSize(140, self._row * max(len(self.shown), TOP) + 2)

    def minimumSizeHint(self) -> QSize:
        """Return the minimum size at which names and bars are legible."""
        return QSize(90, self.sizeHint().height())

    @property
    def _row(self) -> int:
        return max(ROW, self.fontMetrics().height())

    def _line(self, label: int) -> str:
        text = (
            f"{self.name_of(label)}: {percent(self._before[label])} before, "
            f"{percent(self._after[label])} after"
        )
        marks = [
            word
            for marked, word in ((self._true, "true"), (self._target, "target"))
            if marked == label
        ]
        return f"{text} ({', '.join(marks)})" if marks else text

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draw one row per class."""
        painter = QPainter(self)
        room = self._name_room()
        left = room + 16
        number = self.fontMetrics().horizontalAdvance("100 %") + 4
        for place, label in enumerate(self.shown):
            row = QRectF(0, place * self._row, self.width(), self._row)
            self._draw_name(painter, row, room, label)
            self._draw_bars(painter, row.adjusted(left, 0, -number, 0), label)
            painter.setPen(theme.colour("text" if self._wins(label) else "muted"))
            share = percent(self._after[label], 0)
            painter.drawText(row, int(RIGHT), share)
        painter.end()

    def _name_room(self) -> int:
        """Return the width of the longest name in bold, the font of the likeliest class."""
        font = self.font()
        font.setBold(True)
        metrics = QFontMetrics(font)
        widest = max((metrics.horizontalAdvance(self.name_of(n)) for n in self.shown), default=0)
        return min(widest + 2, self.width() * 2 // 5)

    def _fitted(self, label: int, room: int) -> str:
        metrics = QFontMetrics(self._font_of(label))
        return metrics.elidedText(self.name_of(label), Qt.TextElideMode.ElideMiddle, room)

    def _font_of(self, label: int) -> QFont:
        font = self.font()
        font.setBold(self._wins(label))
        return font

    def _wins(self, label: int) -> bool:
        return int(self._after.argmax()) == label

    def _draw_name(self, painter: QPainter, row: QRectF, room: int, label: int) -> None:
        mark = {self._target: "warning", self._true: "good"}.get(label)
        if mark is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour(mark))
            painter.drawEllipse(QRectF(1, row.center().y() - 3.5, 7, 7))
        painter.setPen(theme.colour("text"))
        painter.setFont(self._font_of(label))
        place = row.adjusted(12, 0, room + 12 - row.width(), 0)
        painter.drawText(place, int(LEFT), self._fitted(label, room))
        painter.setFont(self.font())

    def _draw_bars(self, painter: QPainter, area: QRectF, label: int) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        ground = area.adjusted(0, 2, 0, -2)
        painter.fillRect(ground, theme.colour("raised"))
        after = QRectF(
            ground.x(), ground.y(), ground.width() * self._after[label], ground.height() - 4
        )
        before = QRectF(ground.x(), ground.bottom() - 4, ground.width() * self._before[label], 4)
        painter.fillRect(after, self._colour)
        painter.fillRect(before, theme.colour("muted"))

    def event(self, event: QEvent) -> bool:
        """Show the exact numbers of the row under the mouse."""
        if isinstance(event, QHelpEvent) and self.shown:
            row = event.pos().y() // self._row
            if 0 <= row < len(self.shown):
                words = plain_tip(self._line(self.shown[row]))
                QToolTip.showText(event.globalPos(), words, self)
                return True
        return super().event(event)
