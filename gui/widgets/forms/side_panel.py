"""The column of choices at the left of a page."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QGridLayout, QLayout, QSizePolicy, QVBoxLayout, QWidget

from gui.widgets.forms.form_area import FormArea
from gui.widgets.label import Label

WIDTH = 300


def labelled_rows(*rows: tuple[str, QWidget]) -> QGridLayout:
    """Return a grid with one widget per row and its label on the left."""
    grid = QGridLayout()
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(8)
    grid.setVerticalSpacing(4)
    grid.setColumnStretch(1, 1)
    for row, (text, widget) in enumerate(rows):
        label = Label(text)
        label.setBuddy(widget)
        grid.addWidget(label, row, 0)
        grid.addWidget(widget, row, 1)
    return grid


class SidePanel(QWidget):
    """A column of widgets with headings, which scrolls if the window is too low.

    Pinned widgets, such as the button that uses the choices, stay visible below the scroll area.
    """

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        inside = QWidget()
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(0, 0, 8, 0)
        self._column.setSpacing(8)
        self._whole = QVBoxLayout(self)
        self._whole.setContentsMargins(0, 0, 0, 0)
        self._whole.setSpacing(8)
        self._whole.addWidget(FormArea(inside), 1)
        self._leading = 0
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)

    def sizeHint(self) -> QSize:
        """Return the usual width, or what the widest row needs."""
        needed = super().sizeHint()
        return QSize(max(WIDTH, self.minimumSizeHint().width()), needed.height())

    def lead(self, widget: QWidget, heading: str) -> None:
        """Put a widget that scrolls by itself, such as a list, above the scroll area.

        It shares the height with the scroll area: inside, it would be a scroller in a scroller.
        """
        label = Label(heading)
        label.setProperty("role", "heading")
        self._whole.insertWidget(self._leading, label)
        self._whole.insertWidget(self._leading + 1, widget, 1)
        self._leading += 2
        self._column.setAlignment(Qt.AlignmentFlag.AlignTop)

    def add(self, part: QWidget | QLayout, heading: str = "", stretch: int = 0) -> None:
        """Append a widget or a layout to the column."""
        if heading:
            label = Label(heading)
            label.setProperty("role", "heading")
            self._column.addWidget(label)
        if isinstance(part, QLayout):
            self._column.addLayout(part, stretch)
        else:
            self._column.addWidget(part, stretch)

    def pin(self, widget: QWidget) -> None:
        """Add a widget below the scroll area."""
        self._whole.addWidget(widget)
