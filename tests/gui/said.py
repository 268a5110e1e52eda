"""The texts that a user sees: those of labels, buttons, tables, charts, combos and tooltips."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QComboBox,
    QGroupBox,
    QLabel,
    QLineEdit,
    QListView,
    QTabWidget,
    QTreeView,
    QWidget,
)

from engine.figures.charts import panels_of
from gui.pages import PAGES, WELCOME
from gui.widgets.export.buttons import ExportButton
from gui.widgets.plots.plot import Plot

T = TypeVar("T", bound=QWidget)
ROLES = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole)


def wait(milliseconds: int) -> None:
    """Let the window work for a while."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def texts_of(widget: QWidget, *, tips: bool = False) -> list[str]:
    """Return the texts of all parts of a widget, those of tables, combos and charts too.

    Parameters
    ----------
    tips
        Whether to return tooltips and accessible names as well.
    """
    return [text for text in _texts(widget, tips, lambda _: True) if text]


def seen_texts_of(widget: QWidget) -> list[str]:
    """Return the same of those parts only that are not hidden, without tooltips of parts."""
    return [text for text in _texts(widget, False, lambda part: part.isVisibleTo(widget)) if text]


def _texts(widget: QWidget, tips: bool, shown: Callable[[QWidget], bool]) -> Iterator[str]:
    def parts(kind: type[T]) -> list[T]:
        return [part for part in widget.findChildren(kind) if shown(part)]

    found = [label.text() for label in parts(QLabel)]
    found += [button.text() for button in parts(QAbstractButton)]
    found += [box.title() for box in parts(QGroupBox)]
    for edit in parts(QLineEdit):
        found.append(edit.placeholderText())
    for combo in parts(QComboBox):
        found += [combo.itemText(row) for row in range(combo.count())]
    for tabs in parts(QTabWidget):
        found += [tabs.tabText(row) for row in range(tabs.count())]
    for plot in parts(Plot):
        found += chart_texts(plot.data())
    for view in parts(QAbstractItemView):
        if not isinstance(view.parent(), QComboBox):
            found += list(_cells(view))
    if tips:
        for part in (widget, *widget.findChildren(QWidget)):
            found += [part.toolTip(), part.accessibleName(), part.accessibleDescription()]
    yield from found


def exported_texts(widget: QWidget) -> list[str]:
    """Return the texts of the figures that the export buttons of a widget would draw."""
    found = []
    for button in widget.findChildren(ExportButton):
        try:
            data = button.make_data()
        except ValueError:  # there is nothing to draw yet
            continue
        for part in panels_of(data) or [data]:
            found += chart_texts(part)
    return [text for text in found if text]


def chart_texts(data: object) -> list[str]:
    """Return title, caption, axes, legend and labels of a chart, or the texts of a grid of maps."""
    names = ("title", "caption", "x_label", "y_label")
    found = [str(getattr(data, name, "")) for name in names]
    for series in getattr(data, "series", ()):
        found += [series.name, *series.labels]
    for name in ("row_titles", "column_titles", "groups"):
        found += list(getattr(data, name, ()))
    for row in getattr(data, "notes", ()):
        found += list(row)
    return [text for text in found if text]


def pages_on(qtbot, workspace, only=()) -> Iterator[tuple[str, QWidget]]:
    """Show every page, and yield its title with the page once it has drawn itself."""
    for place in PAGES:
        if place is WELCOME or (only and place.title not in only):
            continue
        page = place.load()(workspace)
        qtbot.addWidget(page)
        page.resize(1366, 768)
        page.show()
        wait(400)
        yield place.title, page


def each_tab(page: QWidget) -> Iterator[None]:
    """Yield once for the page as it is, and once for each of its tabs."""
    yield
    for tabs in page.findChildren(QTabWidget):
        for tab in range(tabs.count()):
            tabs.setCurrentIndex(tab)
            wait(200)
            yield


def _cells(view: QAbstractItemView) -> Iterator[str]:
    model = view.model()
    if model is None:
        return
    columns = 1 if isinstance(view, QListView) else model.columnCount()
    heads = [] if isinstance(view, QListView | QTreeView) else range(columns)
    for column in heads:
        for role in ROLES:
            text = model.headerData(column, Qt.Orientation.Horizontal, role)
            yield text if isinstance(text, str) else ""
    for row in range(model.rowCount()):
        for column in range(columns):
            for role in ROLES:
                text = model.index(row, column).data(role)
                yield text if isinstance(text, str) else ""
