"""The window as it is, which also answers where its parts are, for the tests of whole jobs.

    python tests/gui/driver.py [PATH ...]

A line of JSON on standard input asks, a line on standard output answers. Nothing can be pressed,
typed or set in this way: that is left to the mouse and the keyboard of the display.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# This folder's package "queue" would hide the one of the standard library.
sys.path.remove(str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ["PYSIDE6_OPTION_LAZY"] = "0"  # as gui.app says it, which comes behind Qt here

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, QSocketNotifier, Qt, Slot
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QDialog,
    QLabel,
    QMainWindow,
    QMenu,
    QMenuBar,
    QScrollArea,
    QStyle,
    QStyleOptionSlider,
    QTabBar,
    QWidget,
)

import gui.app
from main import main

ROWS = 200


class Answers(QObject):
    """Answers questions about a window.

    look
        The value of a part, named with dots from "window", its present "page", the "dialog" in
        front, or the "popup" that is open: attributes, entries of lists and dicts, and what methods
        without arguments return.
    part
        Place [left, top, width, height] on the display of what is seen of a widget, and whether it
        is enabled.
    text
        The same of a button, an entry of a menu or a list, a tab or a label, by its whole text.
    handle
        Place of a slider's handle, and of the slider.
    scroll
        Place of the scrolled area around a widget, and by how many pixels the widget is out of it:
        above 0 where it is further down.
    dots
        Places [x, y] on the display of a chart's points that stand for records, by key.
    cell
        Place of the first row's picture of a grid of maps in a column, whose number is ``inside``.
    strays
        Parts that were shown as windows of their own, which flash up and take the keyboard.
    """

    def __init__(self, window: Any):
        super().__init__(window)
        self._window = window
        self._rest = b""
        self._strays: set[str] = set()
        QApplication.instance().installEventFilter(self)
        self._notifier = QSocketNotifier(sys.stdin.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._read)

    @Slot()
    def _read(self) -> None:
        found = os.read(sys.stdin.fileno(), 1 << 16)
        if not found:
            self._notifier.setEnabled(False)
        *lines, self._rest = (self._rest + found).split(b"\n")
        for line in lines:
            question, name, inside = json.loads(line)
            try:
                answer = getattr(self, question)(name, inside)
            except Exception as error:  # whoever asks waits for an answer
                answer = {"missing": f"{type(error).__name__}: {error}"}
            print(json.dumps(answer, default=_plain), flush=True)

    def look(self, name: str, _: str = "") -> Any:
        return {"value": self._resolve(name)}

    def part(self, name: str, _: str = "") -> Any:
        return seen(self._resolve(name))

    def text(self, text: str, inside: str) -> Any:
        tops = [self._resolve(inside)] if inside else _tops()
        for top in tops:
            for found in _texts(top, text):
                return found
        return {"missing": text}

    def handle(self, name: str, _: str = "") -> Any:
        slider = self._resolve(name)
        option = QStyleOptionSlider()
        slider.initStyleOption(option)
        part, control = QStyle.SubControl.SC_SliderHandle, QStyle.ComplexControl.CC_Slider
        place = slider.style().subControlRect(control, option, part, slider)
        return {**_at(slider, place), "enabled": slider.isEnabled()}

    def scroll(self, name: str, _: str = "") -> Any:
        widget = area = self._resolve(name)
        while area is not None and not isinstance(area, QScrollArea):
            area = area.parentWidget()
        if area is None:
            return {"missing": "it is not scrolled"}
        view = area.viewport()
        top = widget.mapTo(view, QPoint(0, 0)).y()
        below = max(0, top + min(widget.height(), view.height()) - view.height())
        return {**_at(view, view.rect()), "by": below or min(0, top)}

    def dots(self, name: str, _: str = "") -> Any:
        plot = self._resolve(name)
        view = plot.plot_item.getViewBox()
        found = {}
        for item in plot._items:
            for key, x, y in zip(item.keys or (), item.x, item.y, strict=False):
                scene = view.mapViewToScene(QPointF(float(x), float(y)))
                inside = plot._view.mapFromScene(scene)
                place = plot._view.viewport().mapToGlobal(inside)
                found[key] = [place.x(), place.y()]
        return {"value": found}

    def cell(self, name: str, inside: str) -> Any:
        grid = self._resolve(name)
        return {**_at(grid.viewport(), grid.cell("", int(inside))), "enabled": grid.isVisible()}

    def strays(self, *_: str) -> Any:
        return {"value": sorted(self._strays)}

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Show and watched.isWidgetType() and watched.isWindow():
            kind = watched.windowType()
            if kind == Qt.WindowType.Window and not isinstance(watched, QMainWindow):
                self._strays.add(f"{type(watched).__name__} {watched.objectName()}".strip())
        return False

    def _resolve(self, name: str) -> Any:
        first, *rest = name.split(".")
        found = {
            "window": lambda: self._window,
            "page": self._window.pages.page,
            "dialog": _dialog,
            "popup": QApplication.activePopupWidget,
        }[first]()
        for step in rest:
            if isinstance(found, dict):
                found = found[step]
            elif step.isdigit():
                found = found[int(step)]
            else:
                found = getattr(found, step)
            if callable(found) and not isinstance(found, QObject):
                found = found()
        return found


def seen(widget: QWidget) -> dict[str, Any]:
    """Return where a widget is to be seen, and whether it can be used."""
    if not widget.isVisible():
        return {"missing": "hidden"}
    return {**_at(widget, widget.visibleRegion().boundingRect()), "enabled": widget.isEnabled()}


def _at(widget: QWidget, place: QRect) -> dict[str, Any]:
    corner = widget.mapToGlobal(place.topLeft())
    return {"place": [corner.x(), corner.y(), place.width(), place.height()]}


def _tops() -> list[QWidget]:
    """Return the windows that can be used now: those in front first."""
    front = QApplication.activePopupWidget() or QApplication.activeModalWidget()
    if front is not None:
        return [front]
    return [widget for widget in QApplication.topLevelWidgets() if widget.isVisible()]


def _dialog() -> QWidget | None:
    """Return the dialog in front, also one that leaves the window to be used."""
    open_ones = (top for top in _tops() if isinstance(top, QDialog))
    return QApplication.activeModalWidget() or next(open_ones, None)


def _texts(top: QWidget, text: str) -> Iterator[dict[str, Any]]:
    """Yield what bears a text and is to be seen, what can be pressed before what cannot."""
    inside = [w for w in [top, *top.findChildren(QWidget)] if w.isVisible()]
    for widget in sorted(inside, key=lambda widget: isinstance(widget, QLabel)):
        if isinstance(widget, QAbstractButton | QLabel) and _plain_text(widget.text()) == text:
            yield seen(widget)
        elif isinstance(widget, QMenu | QMenuBar):
            for action in widget.actions():
                if _plain_text(action.text()) == text:
                    place = widget.actionGeometry(action)
                    yield {**_at(widget, place), "enabled": action.isEnabled()}
        elif isinstance(widget, QTabBar):
            for index in range(widget.count()):
                if _plain_text(widget.tabText(index)) == text:
                    yield {**_at(widget, widget.tabRect(index)), "enabled": widget.isEnabled()}
        elif isinstance(widget, QAbstractItemView):
            yield from _rows(widget, text)


def _rows(view: QAbstractItemView, text: str) -> Iterator[dict[str, Any]]:
    model = view.model()
    for row in range(min(model.rowCount() if model is not None else 0, ROWS)):
        index = model.index(row, 0, view.rootIndex())
        place = view.visualRect(index) & view.viewport().rect()
        if str(index.data()) == text and not place.isEmpty():
            yield {**_at(view.viewport(), place), "enabled": view.isEnabled()}


def _plain_text(text: str) -> str:
    return text.replace("&", "")


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _answering(make: Any) -> Any:
    def made(app: QApplication, paths: list[Path], plugins: list[Path]) -> Any:
        window = make(app, paths, plugins)
        Answers(window)
        return window

    return made


if __name__ == "__main__":
    gui.app.make_window = _answering(gui.app.make_window)
    sys.exit(main(sys.argv[1:]))
