"""The Maps page: attribution methods and networks side by side, for chosen images."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QTabWidget, QVBoxLayout, QWidget

from engine.figures.charts import MapGridData
from engine.specs import AttributionSpec, Gradient, ImagesSpec, Maps
from engine.specs.attributions import GROUPS, OF_THE_PAPER
from engine.specs.schema import SpecError
from gui.pages import MAPS, Place
from gui.pages.common.needs import NeedsNetwork
from gui.pages.common.network_picker import NetworkPicker
from gui.pages.common.page import Page
from gui.pages.common.record_settings import RecordSettings
from gui.pages.common.strip_images import StripImages
from gui.pages.maps.columns import MapColumn, joined
from gui.pages.maps.controls import ClassChoice, DifferenceChoice, DrawingChoice
from gui.pages.maps.film_tab import FilmTab
from gui.pages.maps.grid import MapsGrid
from gui.pages.maps.table import Table, build, figure_of
from gui.session.class_names import ClassNames
from gui.session.networks import Network
from gui.session.previews import LivePreviews
from gui.widgets.elided_label import Elided
from gui.widgets.export.buttons import export_buttons
from gui.widgets.forms.method_picker import MethodPicker
from gui.widgets.forms.side_panel import SidePanel
from gui.widgets.images.image_strip import ImageStrip
from gui.widgets.keyed import PressKey

MOST_IMAGES = 8
MOST_NETWORKS = 4
AT_FIRST = 4
KEPT = 64
# Fields that the page sets for all methods at once.
CLASS_FIELDS = ("explained", "target", "quantity")


class MapsPage(Page):
    """Shows the maps of up to eight images: a column for every network and every method.

    Signals
    -------
    go_to
        Carries the page on which the user can make what is missing.
    """

    place: ClassVar[Place] = MAPS

    go_to = Signal(object)

    def pieces(self) -> Iterator[None]:
        """Build the page, a part a step."""
        self._previews = LivePreviews(self.workspace.runner, "maps", self)
        self._names = ClassNames(self.workspace, self)
        self._results: OrderedDict[str, Any] = OrderedDict()
        self._failures: dict[str, str] = {}
        self._stale = True
        self._partial = False
        self._table = Table([], [])
        self._build_side()
        self._build_view()
        yield
        self._build_layout()
        self._connect()
        self.images.fill()

    # ------------------------------------------------------------------------------------ building

    def _build_side(self) -> None:
        self.picker = NetworkPicker(self.workspace, MOST_NETWORKS, at_first=3)
        self.methods = MethodPicker(
            AttributionSpec, exclude=CLASS_FIELDS, groups=GROUPS, usual=OF_THE_PAPER
        )
        self.explained = ClassChoice()
        self.drawing = DrawingChoice()
        self.difference = DifferenceChoice()
        self.keep = QPushButton("Keep in study")
        self.keep.setToolTip("Store these maps as records of the study")
        self._side = SidePanel()
        self._side.lead(self.picker, "Networks")
        self._side.add(self.methods, "Methods")
        self._side.add(self.explained, "Explained")
        self._side.add(self.drawing, "Drawing")
        self._side.add(self.difference, "Difference")
        self._side.pin(self.keep)

    def _build_view(self) -> None:
        self.strip = ImageStrip(MOST_IMAGES)
        self.images = StripImages(self.workspace, self.picker, self.strip)
        self.grid = MapsGrid()
        self.hint = Elided(
            "The wheel zooms every picture, dragging moves them, a double click shows all."
        )
        self.hint.setProperty("role", "muted")
        self._exports = export_buttons(self, self.figure, "maps")

    def _build_layout(self) -> None:
        bar = QHBoxLayout()
        bar.addWidget(self.hint)
        bar.addStretch(1)
        for button in self._exports:
            bar.addWidget(button)
        self.table = QWidget()
        view = QVBoxLayout(self.table)
        view.setContentsMargins(0, 8, 0, 0)
        view.setSpacing(8)
        view.addWidget(self.strip)
        view.addWidget(self.images.origin)
        view.addLayout(bar)
        view.addWidget(self.grid, 1)
        self.film = FilmTab(self.workspace, self.picker, self.drawing, self._names, self)
        self.tabs = QTabWidget()
        self.tabs.addTab(self.table, "Methods")
        self.tabs.addTab(self.film, "Over epochs")
        self.needs = NeedsNetwork(self.workspace, self.picker)
        self.needs.go_to.connect(self.go_to)
        self.frame(self.needs, self._side, self.tabs)
        self.needs.guard(self.stack)

    def _connect(self) -> None:
        self.images.changed.connect(self._images_changed)
        self.images.arrived.connect(self._on_arrived)
        self.workspace.image_asked.connect(self._on_image_asked)
        self.workspace.study_changed.connect(self._forget)
        self.workspace.highlighted.connect(self.grid.highlight)
        self.grid.pointed.connect(self.workspace.highlighted)
        choices = (self.picker, self.methods, self.strip, self.explained)
        for choice in choices:
            choice.changed.connect(self.ask)
        for look in (self.drawing, self.difference):
            look.changed.connect(self.draw)
        self.keep.clicked.connect(self._keep)
        self._previews.answered.connect(self._take)
        self._previews.failed.connect(self._fail)
        self._previews.late.connect(self._be_late)
        self._names.changed.connect(self.ask)
        PressKey(self.keep, self)
        RecordSettings(self, self._use)

    # ---------------------------------------------------------------------------- images and maps

    def guests_like(self) -> ImagesSpec | None:
        """Return the images of the first chosen network: dropped ones are prepared like them."""
        return self.images.like()

    def demonstrate(self, networks: list[str], example: Any) -> None:
        """Show gradients of these networks, and the image of the example first."""
        self.tabs.setCurrentIndex(0)
        self.picker.choose_these(networks)
        self.methods.choose_only(Gradient())
        if example is not None:
            self._on_image_asked(example.index)

    @Slot()
    def _images_changed(self) -> None:
        if self.workspace.image_set is not None:
            if len(self.strip.chosen) <= 1:
                self.strip.choose_one_each(AT_FIRST)
            if self.workspace.asked_image is not None:
                self._on_image_asked(self.workspace.asked_image)
        self.ask()

    @Slot(list)
    def _on_arrived(self, indices: list[int]) -> None:
        """Show the images that were just added above those that were chosen before."""
        self.strip.lead_to([*indices[:MOST_IMAGES], *self.strip.chosen])

    def _use(self, spec: Maps) -> None:
        """Show the network, method, class and images of a record."""
        self.picker.choose_only(spec.classifier.key)
        self.methods.choose_only(spec.attribution)
        self.explained.use(spec.attribution)
        self.images.choose(spec.images, spec.indices)

    @Slot(int)
    def _on_image_asked(self, index: int) -> None:
        """Put the image first that another page leads to; its map is then the first one here."""
        self.strip.choose([index, *self.strip.chosen])

    @Slot()
    def _forget(self) -> None:
        self._results.clear()
        self._failures.clear()

    def specs(self) -> list[Maps]:
        """Return the specs of the columns, ordered by network, then by method.

        A column whose images belong to several sets has a spec for each of these.
        """
        return [spec for wanted in self._wanted() for spec, _ in wanted.parts]

    def _wanted(self) -> list[_Wanted]:
        """Return what stands in each column."""
        if self.workspace.image_set is None:
            return []
        sets = self.images.shown.by_set(self.strip.chosen)
        found = []
        for network in self.picker.networks:
            for method in self.methods.chosen:
                if isinstance(method, AttributionSpec) and sets:
                    method = self.explained.applied(method)
                    found.append(_Wanted.of(network, method, sets))
        return found

    @Slot()
    def ask(self) -> None:
        """Request the maps that are not loaded yet, unless the page is hidden."""
        self.needs.refresh()
        self._stale, self._partial = not self.isVisible(), False
        self._offer_choices()
        self.keep.setEnabled(bool(self.specs()))
        if self._stale:
            return
        unknown = [spec for spec in self.specs() if spec.key not in self._results]
        study = self.workspace.study
        stored = [spec for spec in unknown if study is not None and study.has(spec)]
        for spec in stored:
            self._read(spec)
        self._failures.clear()
        self._previews.ask([spec for spec in unknown if spec not in stored])
        if not unknown:
            self.draw()

    def showEvent(self, event: QShowEvent) -> None:
        """Request the maps if something changed while the page was hidden."""
        super().showEvent(event)
        if self._stale:
            self.ask()

    def _read(self, spec: Maps) -> None:
        """Read maps that the study already holds, on a lane."""
        study = self.workspace.study
        if study is None:
            return

        def work(_: Any) -> Any:
            return study.read(spec)

        done, failed = partial(self._take, spec), partial(self._fail, spec)
        self.workspace.runner.ask(f"maps/{spec.key}", work, done, failed)

    @Slot(object, object)
    def _take(self, spec: Maps, result: Any) -> None:
        self._results[spec.key] = result.arrays
        while len(self._results) > KEPT:
            self._results.popitem(last=False)
        self._draw_when_complete()

    @Slot(object, str)
    def _fail(self, spec: Maps, text: str) -> None:
        self._failures[spec.key] = text
        self._draw_when_complete()

    def _draw_when_complete(self) -> None:
        """Draw once all columns have arrived, to avoid the flicker of a slowly filling table.

        If the columns take long, draw each one as it arrives.
        """
        known = self._results.keys() | self._failures.keys()
        if self._partial or all(spec.key in known for spec in self.specs()):
            self.draw()

    @Slot()
    def _be_late(self) -> None:
        self._partial = True
        self.grid.dim()

    # ------------------------------------------------------------------------------------- drawing

    def columns(self) -> list[MapColumn]:
        """Return the columns; those whose maps have not arrived are empty."""
        columns = []
        for network, method, parts, fault in self._wanted():
            found = [(self._results.get(spec.key, {}), rows) for spec, rows in parts]
            failures = (fault, *(self._failures.get(spec.key, "") for spec, _ in parts))
            columns.append(
                MapColumn(
                    key=network.key,
                    title=network.title,
                    method=method.title,
                    series=self.picker.series(network.key),
                    classes=tuple(self._names.of_outputs(network.spec)),
                    arrays=joined(found),
                    failure=next(filter(None, failures), ""),
                )
            )
        return columns

    @Slot()
    def draw(self) -> None:
        """Draw the maps that have arrived, with the present settings."""
        images, chosen = self.images.shown, list(self.strip.chosen)
        columns = self.columns()
        known = any(column.arrays or column.failure for column in columns)
        if self.workspace.image_set is None or not chosen or (columns and not known):
            return
        self._table = build(
            np.stack([images[index] for index in chosen]),
            [self._name(index) for index in chosen],
            columns,
            self.drawing.drawing,
            self.difference.pairs([column.method for column in columns]),
        )
        self.grid.show_table(self._table.headings, self._table.rows)
        for button in self._exports:
            button.setEnabled(known)

    def _name(self, index: int) -> str:
        """Return the text below an image: its class and number, or the name of its file."""
        name = self.images.shown.name(index)
        if self.images.shown.is_guest(index):
            return name
        return f"{name} (image {index})" if name else f"image {index}"

    def _offer_choices(self) -> None:
        """Offer the present columns for differences, and the first network's classes."""
        self.explained.blockSignals(True)  # the caller requests the maps right afterwards
        networks = self.picker.networks
        names = self._names.of(networks[0].spec.images) if networks else ()
        self.explained.set_classes(names)
        self.explained.blockSignals(False)
        self.difference.offer([column.name for column in self.columns()])

    @Slot()
    def _keep(self) -> None:
        self.workspace.run(self.specs())

    def figure(self) -> MapGridData:
        """Return the table as a figure for a paper."""
        drawing = self.drawing.drawing
        caption = "Clipped at the {:g} percentile; {}.".format(
            drawing.percentile,
            "one scale for every row" if drawing.shared else "one scale a map",
        )
        return figure_of(self._table, caption, drawing)


class _Wanted(NamedTuple):
    """A column: the specs with the rows that they fill, or why the method cannot explain it."""

    network: Network
    method: AttributionSpec
    parts: list[tuple[Maps, list[int]]]
    fault: str

    @classmethod
    def of(
        cls,
        network: Network,
        method: AttributionSpec,
        sets: Iterable[tuple[ImagesSpec, list[int], list[int]]],
    ) -> _Wanted:
        """Return the column of a network and a method, with images of these sets."""
        try:
            parts = [
                (_maps(network, method, images, indices), rows) for images, indices, rows in sets
            ]
        except SpecError as error:
            return cls(network, method, [], str(error))
        return cls(network, method, parts, "")


def _maps(
    network: Network, method: AttributionSpec, images: ImagesSpec, indices: list[int]
) -> Maps:
    return Maps(
        classifier=network.spec,
        attribution=method,
        images=None if network.spec.images == images else images,
        indices=tuple(indices),
    )
