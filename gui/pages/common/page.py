"""What every page of the window is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from PySide6.QtWidgets import QHBoxLayout, QLayout, QStackedWidget, QVBoxLayout, QWidget

from gui.pages import Place
from gui.session.workspace import Workspace


class Page(QWidget):
    """One page of the navigation rail: a form that edits specs, and a view of events and records.

    A page keeps no state of the study: it draws what the workspace holds, whenever that changes.
    """

    place: ClassVar[Place]

    def __init__(self, workspace: Workspace, parent: QWidget | None = None):
        super().__init__(parent)
        self.workspace = workspace
        self.setObjectName(f"page-{self.title.lower()}")

    @property
    def title(self) -> str:
        """What the rail calls it."""
        return self.place.title

    def export_work(
        self,
        channel: str,
        work: Callable[[Any], Any],
        done: Callable[[Any], None],
        failed: Callable[[str], None],
    ) -> None:
        """Do some work for the pictures of the page, see :mod:`gui.widgets.export.actions`."""
        self.workspace.runner.ask(channel, work, done, failed)

    def export_said(self, text: str, error: bool) -> None:
        """Tell the user what came of an export."""
        self.workspace.message.emit(text, error)

    def frame(self, empty: QWidget, left: QWidget | QLayout, right: QWidget | QLayout) -> None:
        """Lay the page out: two parts side by side, or ``empty`` in their place.

        ``self.stack`` shows ``empty`` at index 0 and the parts at 1. Of the parts, the one that is
        a layout takes the room there is; of two widgets the right one.
        """
        content = QWidget()
        row = QHBoxLayout(content)
        row.setContentsMargins(16, 12, 16, 12)
        row.setSpacing(16)
        wide = left if isinstance(left, QLayout) else right
        for part in (left, right):
            stretch = int(part is wide)
            if isinstance(part, QLayout):
                row.addLayout(part, stretch)
            else:
                row.addWidget(part, stretch)
        self.stack = QStackedWidget()
        self.stack.addWidget(empty)
        self.stack.addWidget(content)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.stack)
