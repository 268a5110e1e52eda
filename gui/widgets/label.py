"""Labels that show every text as it is. No other module makes a QLabel; a test checks that."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QMessageBox,
    QWidget,
)

from engine.texts import harmless, one_line, shortened, unbroken

WIDEST = 640  # pixels that a label may ask for at least
LONGEST = 400  # letters of each text of a question, so that its buttons are on every screen
MOST_LINES = 8  # of a wrapped text that a page must have room for
QWIDGETSIZE_MAX = (1 << 24) - 1
CONTROLS = QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit


class Label(QLabel):
    """A label of plain text.

    QLabel guesses whether a text is markup, and reads the files that markup names.
    """

    def __init__(self, text: str = "", parent: QWidget | None = None, **options: Any):
        super().__init__(parent, **options)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)

    def setText(self, text: str) -> None:
        """Show a text; control characters in it are shown as escapes."""
        super().setText(unbroken(harmless(text)))

    def text(self) -> str:
        """Return the text, with the space before "%" that was given."""
        return super().text().replace("\u00a0%", " %")

    def setBuddy(self, buddy: QWidget) -> None:
        """Set the widget that this label stands beside, and name its controls after it.

        Qt names only the buddy itself, which may be a frame around the field that has the focus.
        """
        super().setBuddy(buddy)
        name_controls(buddy, self.text())

    def minimumSizeHint(self) -> QSize:
        """Return the minimum size of the text, but no width that no screen has room for.

        A wrapped text needs the height of its lines; QLabel would ask for one line only, and a
        page that has no more room would cut off the others.
        """
        least = super().minimumSizeHint().boundedTo(QSize(WIDEST, QWIDGETSIZE_MAX))
        if self.wordWrap() and self.testAttribute(Qt.WidgetAttribute.WA_Resized):
            most = self.fontMetrics().lineSpacing() * MOST_LINES
            least.setHeight(max(least.height(), min(most, self.heightForWidth(self.width()))))
        return least

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Ask for another height if the text wraps otherwise."""
        super().resizeEvent(event)
        if self.wordWrap() and event.size().width() != event.oldSize().width():
            self.updateGeometry()


def name_controls(widget: QWidget, name: str) -> None:
    """Give a widget and the fields in it a name for screen readers, where they have none."""
    for control in (widget, *widget.findChildren(QWidget)):
        inside = isinstance(control.parentWidget(), QAbstractSpinBox | QComboBox)
        named = isinstance(control, QAbstractButton) and bool(control.text())
        if isinstance(control, CONTROLS) and not (inside or named or control.accessibleName()):
            control.setAccessibleName(name)


class Links(QLabel):
    """A list of links, one a line.

    Signals
    -------
    followed
        Carries what the link stands for.
    """

    followed = Signal(str)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent, wordWrap=True)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        self.linkActivated.connect(self.followed)

    def set_lines(self, lines: Iterable[tuple[str, str]]) -> None:
        """Show lines: what the link stands for, "" for a line that is none, and the text."""
        shown = list(lines)
        linked = any(target for target, _ in shown)
        policy = Qt.FocusPolicy.StrongFocus if linked else Qt.FocusPolicy.ClickFocus
        self.setFocusPolicy(policy)  # Tab does not stop at a text without links
        self.setText("<br>".join(_link(target, text) for target, text in shown))


class Question(QMessageBox):
    """A question about what the user is about to do; all its texts are plain."""

    def __init__(self, title: str, text: str, detail: str, parent: QWidget | None = None):
        super().__init__(parent)
        self.setIcon(QMessageBox.Icon.Question)
        self.setWindowTitle(title)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(harmless(shortened(text, LONGEST)))
        self.setInformativeText(harmless(shortened(detail, LONGEST)))
        for label in self.findChildren(QLabel):
            label.setTextFormat(Qt.TextFormat.PlainText)

    def offer(self, yes: str, go_on: Callable[[], object]) -> None:
        """Open it with a button that goes on, and Cancel for Enter and Escape; blocks nobody."""
        agree = self.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
        stay = self.addButton(QMessageBox.StandardButton.Cancel)
        self.setDefaultButton(stay)
        self.setEscapeButton(stay)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.finished.connect(lambda _: go_on() if self.clickedButton() is agree else None)
        self.open()


def _link(target: str, text: str) -> str:
    shown = escape(shortened(one_line(text)))
    return f'<a href="{escape(target)}">{shown}</a>' if target else shown
