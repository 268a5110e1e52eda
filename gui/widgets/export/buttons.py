"""The buttons beside a picture: Export and Copy."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QToolButton, QWidget

from gui.widgets.export.actions import MakeData, copy
from gui.widgets.export.dialog import ExportDialog


class ExportButton(QToolButton):
    """A button that can also return its picture, so that a whole page can be exported at once."""

    def __init__(self, parent: QWidget, make_data: MakeData):
        super().__init__(parent)
        self.make_data = make_data


def export_button(
    parent: QWidget, make_data: MakeData, name: str | Callable[[], str]
) -> QToolButton:
    """Return a button that opens the export dialog.

    Parameters
    ----------
    make_data
        Called when the button is pressed; returns the data to draw.
    name
        The proposed file name, without suffix, or what returns it.
    """

    def said() -> str:
        return name if isinstance(name, str) else name()

    button = ExportButton(parent, make_data)
    button.setText("Export…")
    button.setToolTip("Save this picture as PDF, SVG or PNG, or its data as CSV or HDF5")
    button.setProperty("exports", getattr(parent, "title", "") or said())

    @Slot()
    def ask() -> None:
        dialog = ExportDialog(make_data(), said(), parent)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    button.clicked.connect(ask)
    return button


def copy_button(parent: QWidget, make_data: MakeData) -> QToolButton:
    """Return a button that copies the picture (PNG, SVG, PDF) and its data (text)."""
    button = QToolButton(parent)
    button.setText("Copy")
    button.setToolTip("Copy this picture, and its data as a table")
    button.clicked.connect(Slot()(lambda: copy(parent, make_data())))
    return button


def export_buttons(
    parent: QWidget, make_data: MakeData, name: str | Callable[[], str]
) -> list[QToolButton]:
    """Return both buttons, in the order in which to place them."""
    return [copy_button(parent, make_data), export_button(parent, make_data, name)]
