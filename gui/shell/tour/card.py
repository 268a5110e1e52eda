"""The card of the guided tour, and the frame around its subject; both overlay the window."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.look import theme
from gui.widgets.label import Label

WIDTH = 380
MARGINS = 34  # left and right, with the card's border
GAP = 12
REACH = 4
ARROWS = {Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1, Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1}
ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
KEYS = {**ARROWS, **dict.fromkeys((*ENTER, Qt.Key.Key_Space), 1)}
VEIL = 50  # of 255: the dimmed part of the window stays readable


class Outline(QWidget):
    """Dims a window except for one framed rectangle. It ignores the mouse."""

    def __init__(self, window: QWidget):
        super().__init__(window)
        self.place = QRect()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        theme.signals.changed.connect(self.update)

    def show_around(self, place: QRect) -> None:
        """Frame a rectangle in window coordinates; an empty one removes veil and frame."""
        if place != self.place:
            self.place = place
            self.update()

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draw the veil and the frame."""
        if self.place.isEmpty():
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        hole = QPainterPath()
        hole.addRoundedRect(self.place, 6, 6)
        veil = QPainterPath()
        veil.addRect(self.rect())
        shade = theme.colour("text" if not theme.is_dark() else "background")
        shade.setAlpha(VEIL if not theme.is_dark() else 2 * VEIL)
        painter.fillPath(veil - hole, shade)
        painter.setPen(QPen(theme.colour("accent"), 2))
        painter.drawPath(hole)
        painter.end()


class TourCard(QFrame):
    """A step's heading and text, and buttons for the next step, the previous one, and closing.

    Arrow keys change the step while the card has the focus, Enter and Space lead on.

    Signals
    -------
    moved
        Takes 1 for the next step, -1 for the previous one.
    closed
        The user asked to end the tour.
    """

    moved = Signal(int)
    closed = Signal()

    def __init__(self, window: QWidget):
        super().__init__(window)
        self.setProperty("role", "card")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Guided tour")
        self.setFixedWidth(WIDTH)
        self.count = Label()
        self.count.setProperty("role", "muted")
        self.heading = Label(wordWrap=True)
        self.heading.setProperty("role", "heading")
        self.text = Label(wordWrap=True)
        self.close_button = QToolButton()
        self.close_button.setText("✕")
        self.close_button.setAutoRaise(True)
        self.close_button.setToolTip("Close the tour (Escape)")
        self.close_button.setAccessibleName("Close the tour")
        self.back = QPushButton("Back")
        self.next = QPushButton("Next")
        self.next.setProperty("role", "primary")
        self._build_layout()
        self.close_button.clicked.connect(self.closed)
        self.back.clicked.connect(self._go_back)
        self.next.clicked.connect(self._go_on)
        for button in (self.close_button, self.back, self.next):
            button.installEventFilter(self)

    def _build_layout(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.count, 1)
        top.addWidget(self.close_button)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(self.back)
        buttons.addWidget(self.next)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 8, 16, 12)
        layout.setSpacing(8)
        layout.addLayout(top)
        layout.addWidget(self.heading)
        layout.addWidget(self.text)
        layout.addLayout(buttons)

    def show_step(self, number: int, total: int, heading: str, text: str) -> None:
        """Show one step, counted from 1."""
        self.count.setText(f"Step {number} of {total}")
        self.heading.setText(heading)
        self.text.setText(text)
        self.back.setEnabled(number > 1)
        self.next.setText("Next" if number < total else "Done")
        self.setAccessibleDescription(f"{self.count.text()}. {heading}. {text}")
        for label in (self.heading, self.text):
            label.setMinimumHeight(0)  # else it needs as much as for the text before
            label.setFixedHeight(label.heightForWidth(WIDTH - MARGINS))
        self.adjustSize()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Change the step with arrow keys, Enter and Space."""
        if event.key() in KEYS:
            self.moved.emit(KEYS[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Change the step with arrow keys on a button too, which would move the focus instead.

        Enter presses the button, as Space does by itself.
        """
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in ARROWS:
                self.keyPressEvent(event)
                return True
            if event.key() in ENTER and isinstance(watched, QAbstractButton):
                watched.click()
                return True
        return super().eventFilter(watched, event)

    @Slot()
    def _go_on(self) -> None:
        self.moved.emit(1)

    @Slot()
    def _go_back(self) -> None:
        self.moved.emit(-1)


def beside(place: QRect, card: QSize, window: QRect) -> QPoint:
    """Return the position of a card: beside a place if it fits, else where it covers least of it.

    Sides are tried in this order: right, left, below, above. For an empty place, return the lower
    right corner of the window.
    """
    inside = window.adjusted(GAP, GAP, -GAP, -GAP)
    corner = QPoint(inside.right() - card.width(), inside.bottom() - card.height())
    if place.isEmpty():
        return corner
    top = min(max(place.top(), inside.top()), max(inside.top(), corner.y()))
    left = min(max(place.left(), inside.left()), max(inside.left(), corner.x()))
    for point in (
        QPoint(place.right() + GAP, top),
        QPoint(place.left() - GAP - card.width(), top),
        QPoint(left, place.bottom() + GAP),
        QPoint(left, place.top() - GAP - card.height()),
    ):
        if inside.contains(QRect(point, card)):
            return point
    return _least_covering(place, card, inside)


def _least_covering(place: QRect, card: QSize, inside: QRect) -> QPoint:
    """Return the position along the edges of a window at which a card covers least of a place."""
    right, bottom = inside.right() - card.width(), inside.bottom() - card.height()
    across = (inside.left(), place.left() - GAP - card.width(), place.right() + GAP, right)
    down = (bottom, place.bottom() + GAP, place.top() - GAP - card.height(), inside.top())
    points = [
        QPoint(min(max(x, inside.left()), right), min(max(y, inside.top()), bottom))
        for y in down
        for x in reversed(across)
    ]

    def covered(point: QPoint) -> int:
        common = QRect(point, card).intersected(place)
        return max(0, common.width()) * max(0, common.height())

    return min(points, key=covered)
