"""Exporting a picture to a file or to the clipboard.

A picture is not captured from the screen but drawn anew from its data, in the requested size.
Loading the drawing library takes a while, so the work is passed to the :class:`ExportHost` that
contains the widget: the host has access to worker threads, and widgets do not.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from PySide6.QtCore import QMimeData, QObject, QStandardPaths
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QWidget

from engine.figures.charts import Picture
from engine.figures.paper.style import FigureStyle
from gui.widgets.while_there import while_there

MakeData = Callable[[], Picture]
COPY_DPI = 200.0


@runtime_checkable
class ExportHost(Protocol):
    """A widget, such as a page, that runs work for the widgets in it and shows their messages."""

    def export_work(
        self,
        channel: str,
        work: Callable[[Any], Any],
        done: Callable[[Any], None],
        failed: Callable[[str], None],
    ) -> None:
        """Run work off the GUI thread; a newer request on the same channel replaces it."""

    def export_said(self, text: str, error: bool) -> None:
        """Show the user one sentence in the window's message bar."""

    def export_folder(self) -> Path:
        """Return the folder to propose for a file."""

    def export_went_to(self, folder: Path) -> None:
        """Remember the folder of a file that was written."""


def copy(widget: QWidget, data: Picture, style: FigureStyle | None = None) -> None:
    """Draw a picture, then put it and its data on the clipboard."""
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
    """Run work through the host of ``widget``; without a host, run it synchronously.

    Neither ``done`` nor ``failed`` is called after the widget was deleted.
    """
    host = _host_of(widget)
    if host is not None:
        host.export_work(channel, work, while_there(widget, done), while_there(widget, failed))
        return
    try:
        answer = work(None)
    except ValueError as error:
        failed(str(error))
    else:
        done(answer)


def say(widget: QObject, text: str, *, error: bool = False) -> None:
    """Show one sentence through the host of ``widget``; do nothing without a host."""
    host = _host_of(widget)
    if host is not None:
        host.export_said(text, error)


def folder_of(widget: QObject) -> Path:
    """Return the folder that the host of ``widget`` proposes; without a host, the documents."""
    host = _host_of(widget)
    if host is not None:
        return host.export_folder()
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation))


def went_to(widget: QObject, folder: Path) -> None:
    """Tell the host of ``widget`` where a file was written; do nothing without a host."""
    host = _host_of(widget)
    if host is not None:
        host.export_went_to(folder)


def _host_of(widget: QObject | None) -> ExportHost | None:
    while widget is not None:
        if isinstance(widget, ExportHost):
            return widget
        widget = widget.parent()
    return None
