"""Taking a picture out of the window: as a file for a paper, or onto the clipboard.

A picture is never grabbed from the screen: its data are drawn anew, in the size that was asked for.
Drawing happens on the reading lane, since loading the drawing library alone takes a while.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QMimeData, QObject, Qt, Slot
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QToolButton, QWidget
from shiboken6 import isValid

from engine.figures.charts import FigureStyle, Picture

MakeData = Callable[[], Picture]
COPY_DPI = 200.0


class ExportButton(QToolButton):
    """A button that knows what it exports, so that a whole page can be exported at once."""

    def __init__(self, parent: QWidget, make_data: MakeData):
        super().__init__(parent)
        self.make_data = make_data


def export_button(parent: QWidget, make_data: MakeData, name: str) -> QToolButton:
    """Return a button that opens the export dialog.

    Parameters
    ----------
    make_data
        Returns what is to be drawn, when the button is pressed.
    name
        The proposed file name, without suffix.
    """
    button = ExportButton(parent, make_data)
    button.setText("Export…")
    button.setToolTip("Save this picture as PDF, SVG or PNG, or its data as CSV or HDF5")
    button.setProperty("exports", getattr(parent, "title", "") or name)

    @Slot()
    def ask() -> None:
        from gui.widgets.export.dialog import ExportDialog

        dialog = ExportDialog(make_data(), name, parent)
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


def export_buttons(parent: QWidget, make_data: MakeData, name: str) -> list[QToolButton]:
    """Return both buttons, in the order in which they stand."""
    return [copy_button(parent, make_data), export_button(parent, make_data, name)]


def copy(widget: QWidget, data: Picture, style: FigureStyle | None = None) -> None:
    """Put a picture and its data on the clipboard, as soon as they are drawn."""
    style = style or FigureStyle(dpi=COPY_DPI)

    def work(_: Any) -> dict[str, bytes]:
        from engine.figures.drawing import FORMATS, render

        return {suffix: render(data, suffix, style) for suffix in FORMATS}

    def done(answer: dict[str, bytes]) -> None:
        mime = QMimeData()
        mime.setImageData(QImage.fromData(answer["png"]))
        mime.setData("image/svg+xml", answer["svg"])
        mime.setData("application/pdf", answer["pdf"])
        mime.setText(answer["csv"].decode())
        QGuiApplication.clipboard().setMimeData(mime)
        say(widget, "The picture and its data are on the clipboard.")

    ask(widget, "copy picture", work, done, lambda text: say(widget, text, error=True))


def ask(
    widget: QObject,
    channel: str,
    work: Callable[[Any], Any],
    done: Callable[[Any], None],
    failed: Callable[[str], None],
) -> None:
    """Do some work on the lane of the page that ``widget`` stands on; without a page, at once.

    Neither ``done`` nor ``failed`` is called once the widget is gone.
    """
    workspace = _workspace_of(widget)
    if workspace is not None:

        def while_open(callback: Callable[[Any], None]) -> Callable[[Any], None]:
            return lambda answer: callback(answer) if isValid(widget) else None

        workspace.runner.ask(channel, work, while_open(done), while_open(failed))
        return
    try:
        answer = work(None)
    except ValueError as error:
        failed(str(error))
    else:
        done(answer)


def say(widget: QObject, text: str, *, error: bool = False) -> None:
    """Tell the user one sentence, where the window shows such sentences."""
    workspace = _workspace_of(widget)
    if workspace is not None:
        workspace.message.emit(text, error)


def _workspace_of(widget: QObject | None) -> Any:
    while widget is not None:
        workspace = getattr(widget, "workspace", None)
        if workspace is not None:
            return workspace
        widget = widget.parent()
    return None
