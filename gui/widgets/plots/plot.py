"""One chart: curves and points in the theme's colours, with a legend, copying and exporting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QVBoxLayout, QWidget

from engine.figures.charts import ChartData, Symbol
from engine.texts import percent
from gui.look import keys, theme
from gui.look.colours import Colour, on_screen
from gui.widgets.elided_label import Heading
from gui.widgets.export.buttons import export_buttons
from gui.widgets.plots.canvas import Canvas
from gui.widgets.plots.legend import Legend, LegendEntry
from gui.widgets.plots.pinning import pin_action
from gui.widgets.plots.plot_items import SYMBOLS, PlotCurve, PlotItem, Scatter
from gui.widgets.plots.pointing import Pointing

Kept = TypeVar("Kept", bound=PlotItem)
DEFAULT_HOVER = "{name}\n{x_label}: {x:.4g}\n{y_label}: {y:.4g}"


class Plot(QWidget):
    """A chart with a title, labelled axes, a legend above, export for papers, and a pin.

    Parameters
    ----------
    title, x_label, y_label
        Texts in the user's language.
    export_name
        The file name that the export dialog proposes, without suffix.
    name
        Tells the charts of a page apart; the ``export_name`` if there is none.
    legend
        Whether it is shown; exported figures and copies have one in any case.

    Signals
    -------
    changed
        The drawn content changed.
    drawn
        Anything that is seen changed: points, texts, axes, what is highlighted.
    pointed
        Takes the key of the curve under the mouse, or "".
    clicked
        Takes the key of the curve that was clicked.

    Attributes
    ----------
    export_name
        What the export dialog proposes now.
    subject
        Key of the record that the chart is of; "" while it follows what its page shows.
    places
        Where upright lines mark the horizontal axis.
    head
        The row of the title and the buttons.
    """

    changed = Signal()
    drawn = Signal()
    pointed = Signal(str)
    clicked = Signal(str)

    def __init__(
        self,
        title: str,
        x_label: str,
        y_label: str,
        *,
        export_name: str,
        name: str = "",
        legend: bool = True,
        parent: QWidget | None = None,
    ):
        super().__init__(parent)
        self.title, self.x_label, self.y_label = title, x_label, y_label
        self.caption = ""
        self.subject = ""
        self.export_name = export_name
        self.places: tuple[float, ...] = ()
        self.setProperty("chart", name or export_name)
        self._menu = QMenu(self)
        self._heading = Heading(title)
        self._legend = Legend(self)
        self._with_legend = legend
        self._view = Canvas(self._menu)
        self._items = self._view.drawn
        self.labels = self._view.labels
        self._pointing = Pointing(self._view, self.hover_text, self)
        self._pointing.pointed.connect(self.pointed)
        self._pointing.clicked.connect(self.clicked)
        self._build_menu()
        self._build_layout()
        self._on_redrawn()
        self.changed.connect(self.drawn)
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
            {point}, {x}, {y}, {x_percent}, {y_percent}, {x_label} and {y_label}.
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

    def set_order(self, keys: Sequence[str]) -> None:
        """Draw and name the curves in the order of their keys; what has no key comes first."""
        places = {key: place for place, key in enumerate(keys)}
        ordered = sorted(self._items, key=lambda item: places.get(item.key, -1))
        if ordered != self._items:
            self._items[:] = ordered
            self._write_legend()

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
        self._make_room()
        self._label_axes()
        self.drawn.emit()

    def set_ranges(
        self, x: tuple[float, float] | None = None, y: tuple[float, float] | None = None
    ) -> None:
        """Fix the ends of an axis; None lets it follow the data."""
        for axis, ends in (("x", x), ("y", y)):
            self._view.fix(axis, ends)
        self.drawn.emit()

    def set_logarithmic(self, *, x: bool | None = None, y: bool | None = None) -> None:
        """Make axes logarithmic or linear; None leaves one as it is."""
        for action, wanted in ((self._log_x, x), (self._log_y, y)):
            if wanted is not None:
                action.setChecked(wanted)

    def mark_places(self, places: tuple[float, ...]) -> None:
        """Note where a :class:`gui.widgets.plots.marker.Marker` has drawn lines."""
        if places != self.places:
            self.places = places
            self.drawn.emit()

    def data(self) -> ChartData:
        """Return what is drawn as plain data, with the axis limits if the user changed them."""
        x_range, y_range = self._view.ranges()
        return ChartData(
            series=tuple(item.series() for item in self._items),
            title=self.title,
            x_label=self.x_label,
            y_label=self.y_label,
            caption=self.caption,
            x_log=self._view.x_log,
            y_log=self._view.y_log,
            x_range=x_range,
            y_range=y_range,
        )

    def take_legend(self) -> Legend:
        """Return the legend, to be placed elsewhere, such as above several charts."""
        self._column.removeWidget(self._legend)
        return self._legend

    @property
    def canvas(self) -> Canvas:
        """What the curves are drawn on."""
        return self._view

    @property
    def plot_item(self) -> pg.PlotItem:
        """The pyqtgraph plot, for functions that this class does not wrap."""
        return self._view.getPlotItem()

    # ----------------------------------------------------------------------------------- building

    def _build_menu(self) -> None:
        self._view_all = self._menu.addAction("View all", self._view.show_all)
        self._view_all.setShortcut(keys.KEYS["view_all"])
        self._view_all.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self.addAction(self._view_all)
        self._menu.addSeparator()
        self._log_x = self._menu.addAction("Logarithmic x axis")
        self._log_y = self._menu.addAction("Logarithmic y axis")
        for action in (self._log_x, self._log_y):
            action.setCheckable(True)
            action.toggled.connect(self._set_logarithmic)
        self._menu.addSeparator()
        self.pin = pin_action(self, self._menu)

    def _build_layout(self) -> None:
        self.head = QHBoxLayout()
        self.head.setSpacing(4)
        self.head.addWidget(self._heading, 1)
        view = QToolButton()
        view.setText("View")
        view.setToolTip("View all, logarithmic axes, pin (also a right click on the chart)")
        view.setMenu(self._menu)
        view.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._copy, export = export_buttons(self, self.data, lambda: self.export_name)
        for button in (view, self._copy, export):
            self.head.addWidget(button)
        in_menu = self._menu.addAction("Copy", self._copy.click)
        in_menu.setVisible(False)
        self._menu.aboutToShow.connect(lambda: in_menu.setVisible(self._copy.isHidden()))
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._column.addLayout(self.head)
        self._column.addWidget(self._legend)
        self._column.addWidget(self._view, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the new width between the title and the buttons beside it."""
        super().resizeEvent(event)
        self._make_room()

    # ------------------------------------------------------------------------------------ private

    def _make_room(self) -> None:
        """Hide the button that copies where it would cut the title; View has it then."""
        needed = self._heading.fontMetrics().horizontalAdvance(self.title)
        for place in range(1, self.head.count()):
            item = self.head.itemAt(place)
            part = None if item is None else item.widget()
            if part is not None and (part is self._copy or not part.isHidden()):
                needed += part.sizeHint().width() + self.head.spacing()
        self._copy.setVisible(needed <= self.width())

    def _keep(self, item: Kept) -> Kept:
        self._items.append(item)
        item.setParent(self)
        item.removed.connect(self._drop)
        item.renamed.connect(self._write_legend)
        item.redrawn.connect(self._on_redrawn)
        item.restyled.connect(self.drawn)
        self._write_legend()
        return item

    @Slot()
    def _on_redrawn(self) -> None:
        self._view.show_numbers()
        self.drawn.emit()

    @Slot(object)
    def _drop(self, item: PlotItem) -> None:
        self._items[:] = [kept for kept in self._items if kept is not item]
        self._pointing.forget(item)
        item.deleteLater()
        self._write_legend()
        self._on_redrawn()

    def _next_colour(self) -> int:
        taken = {item.colour for item in self._items if isinstance(item.colour, int)}
        return next(i for i in range(len(taken) + 1) if i not in taken)

    @Slot()
    def _write_legend(self) -> None:
        entries = (
            []
            if not self._with_legend
            else [
                LegendEntry(
                    item.name, on_screen(item.colour), item.style, SYMBOLS[item.symbol] or ""
                )
                for item in self._items
                if item.name
            ]
        )
        self._legend.set_entries(entries)
        self.changed.emit()

    @Slot()
    def _recolour(self) -> None:
        self._view.recolour()
        self._label_axes()
        self._write_legend()

    def _label_axes(self) -> None:
        self._view.label_axes(self.x_label, self.y_label)
        self._view.setAccessibleName(self.title or f"{self.y_label} against {self.x_label}")

    @Slot()
    def _set_logarithmic(self) -> None:
        self._view.set_logarithmic(x=self._log_x.isChecked(), y=self._log_y.isChecked())
        self.changed.emit()

    # ----------------------------------------------------------------------------------- pointing

    def hover_text(self, item: PlotItem, index: int) -> str:
        """Return the text shown when the mouse is over a point."""
        x, y = float(item.x[index]), float(item.y[index])
        return (item.hover or DEFAULT_HOVER).format(
            name=item.name,
            point=item.names[index] if item.names else item.name,
            x=x,
            y=y,
            x_percent=percent(x, None),
            y_percent=percent(y, None),
            x_label=self.x_label,
            y_label=self.y_label,
        )
