"""The navigation rail on the left of the window, with one exclusive button per page."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QFrame, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from gui.look import theme
from gui.look.icons import icon
from gui.look.keys import page_key, with_key
from gui.pages import Place
from gui.widgets.scrolled import ScrolledArea

WIDTH = 92
LOOKS = ("roomy", "tight", "icons")  # of the buttons, from high to low


class Rail(QFrame):
    """Lets the user choose a page, with the mouse, the arrow keys, or Ctrl and its number.

    In a low window the buttons leave their titles out, which the tooltips give; if they are still
    too high, they scroll.

    Signals
    -------
    chosen
        Takes the index of the page.
    """

    chosen = Signal(int)

    def __init__(self, pages: tuple[Place, ...], parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("rail")
        self.setFixedWidth(WIDTH)
        self._pages = pages
        self._group = QButtonGroup(self)
        self._buttons: list[QToolButton] = []
        inside = QWidget()
        self._layout = QVBoxLayout(inside)
        self._layout.setContentsMargins(0, 8, 0, 8)
        self._layout.setSpacing(2)
        self._area = ScrolledArea(inside)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._area)
        for index, page in enumerate(pages):
            self._add(index, page)
        self._layout.addStretch(1)
        self._group.idToggled.connect(self._on_toggled)
        theme.signals.changed.connect(self._dress)
        self._dress()

    @property
    def current(self) -> int:
        """The index of the page whose button is down; -1 at first."""
        return self._group.checkedId()

    def choose(self, index: int) -> None:
        """Press the button of a page."""
        self._group.button(index).setChecked(True)

    def has_focus(self) -> bool:
        """Whether the user is moving along the rail with the keyboard."""
        return any(button.hasFocus() for button in self._group.buttons())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Take the roomiest look that fits the height, else the smallest."""
        for look in LOOKS:
            self._take_look(look)
            self._layout.invalidate()
            if self._layout.minimumSize().height() <= self.height():
                break
        super().resizeEvent(event)

    def _take_look(self, look: str) -> None:
        if look == self.property("look"):
            return
        self.setProperty("look", look)
        style = Qt.ToolButtonStyle.ToolButtonTextUnderIcon
        if look == "icons":
            style = Qt.ToolButtonStyle.ToolButtonIconOnly
        for button in self._buttons:
            button.setToolButtonStyle(style)
            # The style sheet reads the property when it polishes a button only.
            button.style().unpolish(button)
            button.style().polish(button)
            button.updateGeometry()

    def _add(self, index: int, page: Place) -> None:
        button = QToolButton(self)
        button.setText(page.title)
        button.setToolTip(with_key(page.tip, page_key(index)))
        button.setAccessibleName(page.title)
        button.setCheckable(True)
        button.setIconSize(QSize(22, 22))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._group.addButton(button, index)
        self._buttons.append(button)
        self._layout.addWidget(button)

    @Slot(int, bool)
    def _on_toggled(self, index: int, down: bool) -> None:
        self._dress()
        if down:
            self._area.ensureWidgetVisible(self._group.button(index))
            self.chosen.emit(index)

    @Slot()
    def _dress(self) -> None:
        for index, page in enumerate(self._pages):
            button = self._group.button(index)
            button.setIcon(icon(page.icon, "accent" if button.isChecked() else "muted"))
