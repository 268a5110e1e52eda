"""Messages of the window: errors above the page, which stay, and news at its bottom."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, QTimer, Slot
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from gui.look import theme
from gui.look.icons import icon
from gui.look.plain import plain_tip
from gui.shell.messages.log import MessageLog
from gui.widgets.label import Label
from gui.widgets.text_dialog import TextDialog

NEWS_MS = 12_000
KEPT_ERRORS = 50


class _Line(QWidget):
    """One line of text, elided if too long; a click, Enter or Space shows the whole text."""

    def __init__(self, colour: str, parent: QWidget | None = None):
        super().__init__(parent)
        self._colour = colour
        self.text = ""
        self.details = ""
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)

    def show_text(self, text: str, details: str = "") -> None:
        """Replace the text."""
        self.text, self.details = text, details
        self.setToolTip(plain_tip(text))
        self.setAccessibleName(text)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus if text else Qt.FocusPolicy.NoFocus)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the size of the whole text."""
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self.text) + 2, metrics.height() + 6)

    def minimumSizeHint(self) -> QSize:
        """Return a minimum size that allows any width."""
        return QSize(0, self.sizeHint().height())

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draw the text, elided to the width."""
        painter = QPainter(self)
        painter.setPen(theme.colour(self._colour))
        text = self.fontMetrics().elidedText(self.text, Qt.TextElideMode.ElideRight, self.width())
        font = self.font()
        font.setUnderline(self.hasFocus())
        painter.setFont(font)
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignVCenter), text)
        painter.end()

    def mousePressEvent(self, _: QMouseEvent) -> None:
        """Show the whole text in a window."""
        self._show_whole()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Show the whole text in a window."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._show_whole()
        else:
            super().keyPressEvent(event)

    def _show_whole(self) -> None:
        if self.text:
            TextDialog("Message", self.text, self.details, self.window()).show()


class MessageBar(QFrame):
    """Shows errors above the page; each stays until it is dismissed. It is hidden without any.

    News, of which a new one replaces the old, appear in ``news_line``, which the status bar shows:
    a line that comes and goes above the page would move what the user is pointing at.
    """

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("messageBar")
        self._errors: list[tuple[str, str]] = []
        self.log = MessageLog(self)
        self._icon = Label(parent=self)
        self._error = _Line("bad", self)
        self._count = Label(parent=self)
        self._count.setProperty("role", "muted")
        self.dismiss = QToolButton(self)
        self.dismiss.setToolTip("Dismiss this error (Escape)")
        self.dismiss.setAccessibleName("Dismiss this error")
        self.news_line = _Line("muted", self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 4, 8, 4)
        layout.setSpacing(8)
        layout.addWidget(self._icon)
        for widget in (self._error, self._count):
            layout.addWidget(widget)
        layout.addStretch(1)
        layout.addWidget(self.dismiss)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._forget_news)
        self.dismiss.clicked.connect(self.dismiss_error)
        theme.signals.changed.connect(self._dress)
        self._dress()
        self._show_error()

    @property
    def errors(self) -> list[str]:
        """The errors not dismissed yet, starting with the one that is shown."""
        return [text for text, _ in self._errors]

    @property
    def news(self) -> str:
        """The news that are shown."""
        return self.news_line.text

    @Slot(str, bool)
    def say(self, text: str, is_error: bool) -> None:
        """Show a sentence."""
        if is_error:
            self.add_error(text)
        else:
            self.log.add(text)
            self.news_line.show_text(text)
            self._timer.start(NEWS_MS)

    def add_error(self, text: str, details: str = "") -> None:
        """Show an error in front of earlier ones; an error is never listed twice.

        News that something goes on are taken away: it has most likely ended with the error.
        """
        if self.news.endswith("…"):
            self._forget_news()
        self.log.add(text, details, is_error=True)
        kept = [known for known in self._errors if known[0] != text]
        self._errors = [(text, details), *kept][:KEPT_ERRORS]
        self._show_error()

    @Slot()
    def dismiss_error(self) -> None:
        """Remove the error that is shown, and show the one before it."""
        self._errors = self._errors[1:]
        self._show_error()

    @Slot()
    def _forget_news(self) -> None:
        self.news_line.show_text("")

    def _show_error(self) -> None:
        self.setVisible(bool(self._errors))
        self._error.show_text(*(self._errors[0] if self._errors else ("", "")))
        others = len(self._errors) - 1
        self._count.setVisible(others > 0)
        self._count.setText(f"and {others} more")

    @Slot()
    def _dress(self) -> None:
        self._icon.setPixmap(icon("error", "bad").pixmap(16, 16))
        self.dismiss.setIcon(icon("cancel", "muted"))
        self.update()
