"""One chart: curves and points in the theme's colours, with a legend, copying and exporting."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QToolTip, QVBoxLayout, QWidget

from engine.figures.charts import ChartData, Symbol
from gui.look import keys, theme
from gui.look.colours import Colour, on_screen
from gui.look.plain import plain_tip
from gui.widgets.elided_label import Heading
from gui.widgets.export.buttons import export_buttons
from gui.widgets.plots.legend import Legend, LegendEntry
from gui.widgets.plots.plot_items import SYMBOLS, PlotCurve, PlotItem, Scatter, label_axis
from gui.widgets.plots.point_labels import PointLabels, Wanted
from gui.widgets.plots.view_box import PlotViewBox

NEAR_PIXELS = 14.0
Kept = TypeVar("Kept", bound=PlotItem)
HOVER_HZ = 30
DEFAULT_HOVER = "{name}\n{x_label}: {x:.4g}\n{y_label}: {y:.4g}"


class Plot(QWidget):
    """A chart with a title, labelled axes, a legend above, and export for papers.

    Parameters
    ----------
    title, x_label, y_label
        Texts in the user's language.
    export_name
        The file name that the export dialog proposes, without suffix.

    Signals
    -------
    changed
        The drawn content changed.
    pointed
        Takes the key of the curve under the mouse, or "".
    clicked
        Takes the key of the curve that was clicked.
    """

    changed = Signal()
    pointed = Signal(str)
    clicked = Signal(str)

    def __init__(
        self,
        title: str,
        x_label: str,
        y_label: str,
        *,
        export_name: str,
        parent: QWidget | None = None,
    ):
        super().__init__(parent)
        self.title, self.x_label, self.y_label = title, x_label, y_label
        self.caption = ""
        self._items: list[PlotItem] = []
        self._under: tuple[Scatter, str] | None = None
        self._pointed = ""
        self._menu = QMenu(self)
        self._heading = Heading(title)
        self._legend = Legend(self)
        self._view = pg.PlotWidget(viewBox=PlotViewBox(self._menu))
        self._build_menu()
        self._build_view()
        self.labels = PointLabels(self._view, self._labelled, self)
        self._build_layout(export_name)
        self._on_redrawn()
        theme.signals.changed.connect(self._recolour)
        self._recolour()

    # ------------------------------------------------------------------------------------ content

    def curve(
        self,
        name: str,
        colour: Colour | None = None,
        *,
        style: Qt.PenStyle = Qt.PenStyle.SolidLine,
        symbol: Symbol | None = None,
        band: bool = False,
        hover: str = "",
        key: str = "",
    ) -> PlotCurve:
        """Add a curve and return its handle; it is empty until its ``set_data(x, y, low, high)``.

        Parameters
        ----------
        name
            Text in the legend; "" keeps the curve out of the legend.
        colour
            A series number or a name of :mod:`gui.look.theme` (both follow the theme), or any
            colour; None takes the next series colour.
        symbol
            Mark at each point: circle, square, triangle, diamond, cross, plus, star.
        band
            Shade between ``low`` and ``high``.
        hover
            Template of the text shown for the point under the mouse, with the placeholders {name},
            {point}, {x}, {y}, {x_label} and {y_label}.
        key
            Identifies the curve in the signals ``pointed`` and ``clicked``.
        """
        place = self._next_colour() if colour is None else colour
        plot = self._view.getPlotItem()
        return self._keep(PlotCurve(plot, name, place, symbol or "", hover, style, band, key))

    def scatter(
        self,
        name: str,
        colour: Colour | None = None,
        symbol: Symbol = "circle",
        *,
        hover: str = "",
    ) -> Scatter:
        """Add points and return their handle; see :meth:`curve`."""
        place = self._next_colour() if colour is None else colour
        return self._keep(Scatter(self._view.getPlotItem(), name, place, symbol, hover))

    def clear(self) -> None:
        """Remove every curve and all points."""
        for item in list(self._items):
            item.remove()

    def set_texts(
        self,
        *,
        title: str | None = None,
        x_label: str | None = None,
        y_label: str | None = None,
        caption: str | None = None,
    ) -> None:
        """Change the title, the labels, or the caption of exported figures."""
        given = {"title": title, "x_label": x_label, "y_label": y_label, "caption": caption}
        for name, text in given.items():
            if text is not None:
                setattr(self, name, text)
        self._heading.setText(self.title)
        self._label_axes()

    def set_ranges(
        self, x: tuple[float, float] | None = None, y: tuple[float, float] | None = None
    ) -> None:
        """Fix the ends of an axis; None lets it follow the data."""
        view = self._view.getViewBox()
        for name, ends in (("x", x), ("y", y)):
            if ends is None:
                view.enableAutoRange(axis=name)
            elif name == "x":
                view.setXRange(*ends, padding=0.02)
            else:
                view.setYRange(*ends, padding=0.02)

    def set_logarithmic(self, *, y: bool) -> None:
        """Make the y axis logarithmic or linear."""
        self._log_y.setChecked(y)

    def data(self) -> ChartData:
        """Return what is drawn as plain data, with the axis limits if the user changed them."""
        view = self._view.getViewBox()
        x_free, y_free = (bool(free) for free in view.state["autoRange"])
        x_range, y_range = view.viewRange()
        return ChartData(
            series=tuple(item.series() for item in self._items),
            title=self.title,
            x_label=self.x_label,
            y_label=self.y_label,
            caption=self.caption,
            x_log=self._log_x.isChecked(),
            y_log=self._log_y.isChecked(),
            x_range=None if x_free else _ends(x_range, self._log_x.isChecked()),
            y_range=None if y_free else _ends(y_range, self._log_y.isChecked()),
        )

    @property
    def plot_item(self) -> pg.PlotItem:
        """The pyqtgraph plot, for functions that this class does not wrap."""
        return self._view.getPlotItem()

    # ----------------------------------------------------------------------------------- building

    def _build_menu(self) -> None:
        self._view_all = self._menu.addAction("View all", self._show_all)
        self._view_all.setShortcut(keys.KEYS["view_all"])
        self._view_all.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self.addAction(self._view_all)
        self._menu.addSeparator()
        self._log_x = self._menu.addAction("Logarithmic x axis")
        self._log_y = self._menu.addAction("Logarithmic y axis")
        for action in (self._log_x, self._log_y):
            action.setCheckable(True)
            action.toggled.connect(self._set_logarithmic)

    def _build_view(self) -> None:
        plot = self._view.getPlotItem()
        plot.hideButtons()
        plot.showGrid(x=True, y=True, alpha=0.12)
        plot.getViewBox().setDefaultPadding(0.04)
        for name in ("left", "bottom"):
            plot.getAxis(name).enableAutoSIPrefix(False)
        self._label_axes()
        self._view.setMinimumSize(160, 120)
        scene = self._view.scene()
        self._moves = pg.SignalProxy(scene.sigMouseMoved, rateLimit=HOVER_HZ, slot=self._on_move)
        scene.sigMouseClicked.connect(self._on_click)
        self._view.viewport().installEventFilter(self)

    def _build_layout(self, export_name: str) -> None:
        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(self._heading, 1)
        view = QToolButton()
        view.setText("View")
        view.setToolTip("View all, logarithmic axes (also a right click on the chart)")
        view.setMenu(self._menu)
        view.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        for button in (view, *export_buttons(self, self.data, export_name)):
            top.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(self._legend)
        layout.addWidget(self._view, 1)

    # ------------------------------------------------------------------------------------ private

    def _keep(self, item: Kept) -> Kept:
        self._items.append(item)
        item.setParent(self)
        item.removed.connect(self._drop)
        item.redrawn.connect(self._on_redrawn)
        self._write_legend()
        return item

    @Slot()
    def _on_redrawn(self) -> None:
        """Write no numbers along axes without data: they would be invented."""
        empty = not any(np.isfinite(item.x).any() for item in self._items)
        for name in ("left", "bottom"):
            self._view.getPlotItem().getAxis(name).setStyle(showValues=not empty)
        self.labels.later()

    def _labelled(self) -> Wanted:
        for item in self._items:
            if item.labels:
                x, y = (
                    np.log10(values) if log.isChecked() else values
                    for values, log in ((item.x, self._log_x), (item.y, self._log_y))
                )
                yield item.labels, x, y, *self._pixels(item)

    @Slot(object)
    def _drop(self, item: PlotItem) -> None:
        self._items = [kept for kept in self._items if kept is not item]
        if self._under is not None and self._under[0] is item:
            self._under = None
        item.deleteLater()
        self._write_legend()
        self._on_redrawn()

    def _next_colour(self) -> int:
        taken = {item.colour for item in self._items if isinstance(item.colour, int)}
        return next(i for i in range(len(taken) + 1) if i not in taken)

    def _write_legend(self) -> None:
        entries = [
            LegendEntry(item.name, on_screen(item.colour), item.style, SYMBOLS[item.symbol] or "")
            for item in self._items
            if item.name
        ]
        self._legend.set_entries(entries)
        self.changed.emit()

    @Slot()
    def _recolour(self) -> None:
        self._view.setBackground(theme.colour("surface"))
        for name in ("left", "bottom"):
            axis = self._view.getPlotItem().getAxis(name)
            axis.setPen(pg.mkPen(theme.colour("border")))
            axis.setTextPen(pg.mkPen(theme.colour("muted")))
        self._label_axes()
        for item in self._items:
            item.paint()
        self.labels.later()
        self._write_legend()

    def _label_axes(self) -> None:
        for name, text in (("left", self.y_label), ("bottom", self.x_label)):
            label_axis(self._view.getPlotItem().getAxis(name), text, self.font())

    @Slot()
    def _show_all(self) -> None:
        self._view.getViewBox().enableAutoRange()

    @Slot()
    def _set_logarithmic(self) -> None:
        self._view.getPlotItem().setLogMode(x=self._log_x.isChecked(), y=self._log_y.isChecked())
        self._show_all()
        self.changed.emit()

    # ----------------------------------------------------------------------------------- pointing

    def nearest(self, where: QPointF) -> tuple[PlotItem, int] | None:
        """Return the point nearest to a scene position, at most 14 pixels away, or None."""
        best: tuple[PlotItem, int] | None = None
        closest = NEAR_PIXELS
        for item in self._items:
            x, y = self._pixels(item)
            distance = np.hypot(x - where.x(), y - where.y())
            distance[~np.isfinite(distance)] = np.inf
            # Prefer scatter points to a curve that passes through them.
            reach = closest if item.keys else closest - 2.0
            if len(distance) and distance.min() <= reach:
                index = int(distance.argmin())
                best, closest = (item, index), float(distance[index])
        return best

    def _pixels(self, item: PlotItem) -> tuple[np.ndarray, np.ndarray]:
        """Return the scene coordinates of an item's points."""
        view = self._view.getViewBox()
        box = view.mapRectToScene(view.boundingRect())
        (left, right), (bottom, top) = view.viewRange()
        with np.errstate(divide="ignore", invalid="ignore"):
            x = np.log10(item.x) if self._log_x.isChecked() else item.x
            y = np.log10(item.y) if self._log_y.isChecked() else item.y
        return (
            box.left() + (x - left) / (right - left) * box.width(),
            box.bottom() - (y - bottom) / (top - bottom) * box.height(),
        )

    @Slot(object)
    def _on_move(self, arguments: tuple[QPointF]) -> None:
        (where,) = arguments
        found = self.nearest(where)
        self._point_at(found)
        if found is None:
            QToolTip.hideText()
            return
        place = self._view.viewport().mapToGlobal(self._view.mapFromScene(where))
        QToolTip.showText(place, plain_tip(self.hover_text(*found)), self._view)

    def hover_text(self, item: PlotItem, index: int) -> str:
        """Return the text shown when the mouse is over a point."""
        return (item.hover or DEFAULT_HOVER).format(
            name=item.name,
            point=item.names[index] if item.names else item.name,
            x=float(item.x[index]),
            y=float(item.y[index]),
            x_label=self.x_label,
            y_label=self.y_label,
        )

    def _point_at(self, found: tuple[PlotItem, int] | None) -> None:
        key = found[0].key if found is not None and isinstance(found[0], PlotCurve) else ""
        if key != self._pointed:
            self._pointed = key
            self.pointed.emit(key)
        under = None
        if found is not None and isinstance(found[0], Scatter) and found[0].keys:
            under = (found[0], found[0].keys[found[1]])
        if under == self._under:
            return
        before, self._under = self._under, under
        if before is not None and (under is None or before[0] is not under[0]):
            before[0].hovered.emit("")
        if under is not None:
            under[0].hovered.emit(under[1])

    @Slot(object)
    def _on_click(self, event: Any) -> None:
        found = self.nearest(event.scenePos())
        if event.button() == Qt.MouseButton.LeftButton and found is not None:
            if found[0].keys:
                event.accept()
                found[0].clicked.emit(found[0].keys[found[1]])
            elif isinstance(found[0], PlotCurve) and found[0].key:
                event.accept()
                self.clicked.emit(found[0].key)

    def eventFilter(self, watched: Any, event: QEvent) -> bool:
        """Reset the hovered point when the mouse leaves, and keep the tooltip of a point shown."""
        if event.type() == QEvent.Type.ToolTip:
            return True  # the scene would show an empty tooltip, which hides ours
        if event.type() == QEvent.Type.Leave:
            self._point_at(None)
        return super().eventFilter(watched, event)


def _ends(range_: list[float], logarithmic: bool) -> tuple[float, float]:
    low, high = (10.0**end if logarithmic else end for end in range_)
    return float(low), float(high)
