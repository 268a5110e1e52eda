"""What every page of the window is."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtWidgets import QWidget

from gui.workspace import Workspace


class Page(QWidget):
    """One page of the navigation rail: a form that edits specs, and a view of events and records.

    A page keeps no state of the study: it draws what the workspace holds, whenever that changes.
    """

    title: ClassVar[str] = ""
    icon: ClassVar[str] = ""
    tip: ClassVar[str] = ""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None):
        super().__init__(parent)
        self.workspace = workspace
        self.setObjectName(f"page-{self.title.lower()}")
