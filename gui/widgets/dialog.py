"""The base class of all dialogs: none is larger than the screen. A test checks that."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLayout, QVBoxLayout, QWidget

from gui.widgets.scrolled import ScrolledArea

FRAME = QSize(8, 40)  # pixels that a desktop's frame and title bar take


class Dialog(QDialog):
    """A dialog whose content scrolls if the screen is too small; its buttons never scroll away.

    A dialog builds a layout as any other. When it is first shown, that layout moves into a scroll
    area, and the button box below it.
    """

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._area: ScrolledArea | None = None
        self._inner: QLayout | None = None

    def room(self) -> QSize:
        """Return the size that the screen has for a dialog."""
        return self.screen().availableSize() - FRAME

    def setVisible(self, visible: bool) -> None:
        """Show the dialog in a size that the screen has room for, or hide it."""
        layout = self.layout()
        if visible and self._area is None and layout is not None:
            self._move_into_area(layout)
            for box in self.findChildren(QDialogButtonBox):
                for button in box.buttons():
                    button.setIcon(QIcon())  # the desktop's; no other button has one of these
        super().setVisible(visible)
        if visible:
            self._grow()

    def _move_into_area(self, layout: QLayout) -> None:
        focused = self.focusWidget()
        sized = self.testAttribute(Qt.WidgetAttribute.WA_Resized)
        wanted = self.size() if sized else self.sizeHint()
        margins = layout.contentsMargins()
        content = QWidget()
        content.setLayout(layout)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        self._area, self._inner = ScrolledArea(content), layout
        outer.addWidget(self._area, 1)
        foot = QVBoxLayout()
        if self._move_buttons(layout, foot):
            layout.setContentsMargins(margins.left(), margins.top(), margins.right(), 0)
            foot.setContentsMargins(margins.left(), 12, margins.right(), margins.bottom())
            outer.addLayout(foot)
        if focused is not None:
            focused.setFocus()
        self._area.needs_changed.connect(self._grow)
        self.resize(wanted.boundedTo(self.room()))

    def _move_buttons(self, layout: QLayout, foot: QVBoxLayout) -> bool:
        """Move the button box, or the last row if that holds it; return whether there is one."""
        buttons = self.findChild(QDialogButtonBox)
        if buttons is None:
            return False
        last = layout.itemAt(layout.count() - 1)
        row = last.layout() if last is not None else None
        if row is not None and row.indexOf(buttons) >= 0:
            layout.removeItem(row)
            foot.addLayout(row)
        else:
            foot.addWidget(buttons)
        return True

    @Slot()
    def _grow(self) -> None:
        """Grow to what the content needs, as far as the screen has room, and stay on the screen."""
        area, inner, outer = self._area, self._inner, self.layout()
        if area is None or inner is None or outer is None:
            return
        area.updateGeometry()  # its least size follows what it needs, and the layout remembers it
        needs = area.needs()
        if inner.hasHeightForWidth():
            width = max(self.width(), needs.width())
            needs.setHeight(max(needs.height(), inner.heightForWidth(width)))
        wanted = needs + outer.minimumSize() - area.minimumSizeHint()
        if wanted.height() > self.room().height():  # else it is scrolled sideways too
            wanted += QSize(area.verticalScrollBar().sizeHint().width(), 0)
        self.resize(self.size().expandedTo(wanted).boundedTo(self.room()))
        place, room = self.frameGeometry(), self.screen().availableGeometry()
        over = place.bottomRight() - room.bottomRight()
        if self.isVisible() and (over.x() > 0 or over.y() > 0):
            self.move(
                max(room.x(), self.x() - max(over.x(), 0)),
                max(room.y(), self.y() - max(over.y(), 0)),
            )
