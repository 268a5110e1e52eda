"""The Attack page: an attack on one image, for several networks, updated as sliders move."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from engine.figures.charts import MapGridData
from engine.specs import AdversarialExamples, AttackSpec, ImagesSpec
from engine.specs.schema import Spec
from gui.pages import ATTACK, Place
from gui.pages.attack.accuracy_curves import AccuracyCurves
from gui.pages.attack.by_class import ByClassTab
from gui.pages.attack.column import ADVERSARIAL, BELOW, HEADER, MAGNIFICATIONS, AttackColumn
from gui.pages.attack.combos import combo, row_of
from gui.pages.attack.form import AttackForm, threat_of
from gui.pages.attack.image_tabs import ImageTabs
from gui.pages.attack.live_tab import Parts
from gui.pages.attack.metrics import MetricsTab
from gui.pages.attack.record import show_record
from gui.pages.attack.saving import figure_of, write_png
from gui.pages.attack.smallest import SmallestOrder
from gui.pages.common.needs import NeedsNetwork
from gui.pages.common.network_picker import NetworkPicker
from gui.pages.common.page import Page
from gui.pages.common.record_settings import RecordSettings
from gui.pages.common.strip_images import StripImages
from gui.session.class_names import ClassNames
from gui.session.files.figure_files import folder_of, remember
from gui.session.previews import LivePreviews
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.export.buttons import export_buttons
from gui.widgets.filling_area import FillingArea
from gui.widgets.forms.form_row import error_label, say
from gui.widgets.forms.side_panel import SidePanel
from gui.widgets.images.image_strip import ImageStrip
from gui.widgets.images.image_view import Camera, ImageView, pixels_of
from gui.widgets.images.large_view import LargeView
from gui.widgets.keyed import PressKey
from gui.widgets.plots.plot import Plot
from gui.widgets.plots.plot_items import PlotCurve
from gui.widgets.plots.sight import in_sight
from gui.widgets.save_file import ask_save
from gui.widgets.timer import timer

COLUMNS = 4
TRACE_DELAY_MS = 120
LEAST_SIDE = 128  # pixels of a picture


class AttackPage(Page):
    """Shows an attack's effect on one image, for up to four networks side by side.

    Signals
    -------
    go_to
        Carries the page on which the user can make what is missing.
    """

    place: ClassVar[Place] = ATTACK
    go_to = Signal(object)

    def pieces(self) -> Iterator[None]:
        """Build the page, a part a step."""
        self._previews = LivePreviews(self.workspace.runner, "attack", self)
        self._names = ClassNames(self.workspace, self)
        self._stale, self._curves = True, list[PlotCurve]()
        self._traced: list[tuple[str, int]] = []
        # Painting the chart takes longer than painting all pictures together.
        self._trace_timer = timer(self, TRACE_DELAY_MS, once=True)
        self._trace_timer.timeout.connect(self._draw_trace)
        for build in (self._build_side, self._build_view, self._build_tabs, self._build_image_tabs):
            build()
            yield
        yield from self._build_measured()
        self._build_layout()
        self._connect()
        self.images.fill()

    # ------------------------------------------------------------------------------------ building

    def _build_side(self) -> None:
        self.picker = NetworkPicker(self.workspace, COLUMNS)
        self.form = AttackForm()
        self.fault = error_label(self)
        self.keep = QPushButton("Save adversarial examples")
        self.keep.setToolTip("Keep this attack of this image as records of the study")
        self._side = SidePanel()
        self._side.lead(self.picker, "Networks")
        self._side.add(self.form, "Attack")
        self._side.add(self.fault)
        self._side.pin(self.keep)

    def _build_view(self) -> None:
        self.strip = ImageStrip()
        self.images = StripImages(self.workspace, self.picker, self.strip)
        self.camera = Camera(self)
        # The pictures share one camera, so the Tab key stops at this one only.
        self.original = ImageView("Original image", self.camera)
        self.original.enlarges = True
        self._heading = ElidedLabel("Original", bold=True)
        self.trace = Plot("Loss", "Step", "Loss", export_name="attack-loss")
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(4)
        self._grid.addWidget(self._heading, HEADER, 0)
        self._grid.addWidget(self.original, ADVERSARIAL, 0)
        self._grid.addWidget(FillingArea(self.trace), BELOW, 0)
        self._grid.setRowStretch(ADVERSARIAL, 3)
        self._grid.setRowStretch(BELOW, 1)
        self.columns = [AttackColumn(self.camera, self) for _ in range(COLUMNS)]
        for place, column in enumerate(self.columns):
            column.place(self._grid, place + 1)
            column.set_visible(False)
        self._grid.setColumnMinimumWidth(0, 240)
        self._grid.setRowMinimumHeight(ADVERSARIAL, LEAST_SIDE)
        self._grid.setRowMinimumHeight(BELOW, LEAST_SIDE)

    def _build_tabs(self) -> None:
        tip = "How many times as strong the perturbation is drawn"
        self.magnify = combo(tip, [(f"x {times}", times) for times in MAGNIFICATIONS])
        self.magnify.setCurrentIndex(MAGNIFICATIONS.index(10))
        bar = row_of("Perturbation", self.magnify)
        self._exports = export_buttons(self, self.figure, "adversarial-examples")
        for button in self._exports:
            button.setEnabled(False)
            bar.addWidget(button)
        self.one = QWidget()
        layout = QVBoxLayout(self.one)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(bar)
        layout.addLayout(self._grid, 1)
        self.tabs = QTabWidget()
        self.tabs.addTab(self.one, "One image")

    def _build_image_tabs(self) -> None:
        lent = (self.form, self.picker, self.strip, self.images, self._names)
        self.image_tabs = ImageTabs(self.tabs, self.one, Parts(self.workspace, *lent), self)

    def _build_measured(self) -> Iterator[None]:
        self.curves = AccuracyCurves(self.workspace, self.form, self.picker, self)
        yield
        self.metrics = MetricsTab(self.workspace, self.picker, self)
        self.metrics.opened.connect(self.workspace.record_asked)
        self.tabs.addTab(self.curves, "Accuracy against eps")
        self.tabs.addTab(self.metrics, "Metrics")
        yield
        self.by_class = ByClassTab(self.workspace, self.form, self.picker, self)
        self.by_class.image_asked.connect(self._show_image)
        self.tabs.addTab(self.by_class, "By class")
        SmallestOrder(self.workspace, self.picker, self.strip)

    def _build_layout(self) -> None:
        self.needs = NeedsNetwork(self.workspace, self.picker)
        self.needs.go_to.connect(self.go_to)
        self.frame(self.needs, self._side, self.tabs)
        self.needs.guard(self.stack)

    def _connect(self) -> None:
        self.images.changed.connect(self._networks_changed)
        self.images.arrived.connect(self._on_arrived)
        self.workspace.highlighted.connect(self._highlight)
        self.workspace.study_changed.connect(self.form.forget_choice)
        self.picker.changed.connect(self._networks_changed)
        self.strip.changed.connect(self._image_chosen)
        self.form.changed.connect(self.ask)
        self.keep.clicked.connect(self._keep)
        self.magnify.currentIndexChanged.connect(self._magnify)
        self._previews.answered.connect(self._answered)
        self._previews.failed.connect(self._failed)
        self._previews.late.connect(self._dim)
        self._names.changed.connect(self.ask)
        for column in self.columns:
            column.pointed.connect(self.workspace.highlighted)
            column.save_asked.connect(self._save_asked)
            column.enlarge_asked.connect(self._enlarge)
        self.original.enlarge_asked.connect(self._enlarge)
        self.metrics.used.connect(partial(self.tabs.setCurrentWidget, self.metrics))
        lent = self.picker, self.form, self.images, self.metrics
        measures = [tab.measure for tab in (self.curves, self.metrics, self.by_class)]
        PressKey(self.keep, self, before=measures)
        RecordSettings(self, partial(show_record, *lent))

    # -------------------------------------------------------------------------- images and networks

    def guests_like(self) -> ImagesSpec | None:
        """Return the images of the first chosen network: dropped ones are prepared like them."""
        return self.images.like()

    def demonstrate(self, networks: list[str], example: Any) -> None:
        """Show an attack on these networks: that of the example, on its image."""
        self.tabs.setCurrentIndex(0)
        self.picker.choose_these(networks)
        if example is not None:
            self.strip.lead_to([example.index])
            self.form.set_spec(example.attack)

    @Slot(list)
    def _on_arrived(self, indices: list[int]) -> None:
        """Show the first of the images that were just added."""
        self.tabs.setCurrentIndex(0)
        self.strip.lead_to(indices[:1])

    @Slot()
    def _networks_changed(self) -> None:
        networks = self.picker.networks
        for place, column in enumerate(self.columns):
            column.set_visible(place < len(networks))
            self._grid.setColumnStretch(place + 1, 2 if place < len(networks) else 0)
            if place < len(networks):
                network = networks[place]
                column.set_network(network.key, network.title, self.picker.series(network.key))
        self._grid.setColumnStretch(0, 2)
        self.needs.refresh()
        threat = threat_of([network.spec for network in networks])
        if threat is not None:
            self.form.follow(threat.norm, threat.eps)
        self._image_chosen()

    @Slot()
    def _image_chosen(self) -> None:
        images, chosen = self.images.shown, self.strip.chosen
        if chosen and chosen[0] < len(images):
            self.original.set_pixels(pixels_of(images[chosen[0]]))
            name = images.name(chosen[0])
            self._heading.set_text(f"Original: {name}" if name else "Original")
        self.ask()

    # ---------------------------------------------------------------------------------- previewing

    def specs(self, attack: AttackSpec) -> list[Spec]:
        """Return one spec for each chosen network, with the chosen image."""
        if self.workspace.image_set is None:
            return []
        return [
            AdversarialExamples(
                classifier=network.spec,
                attack=attack,
                images=None if network.spec.images == images else images,
                indices=tuple(indices),
            )
            for images, indices, _ in self.images.shown.by_set(self.strip.chosen)
            for network in self.picker.networks
        ]

    @Slot()
    def ask(self) -> None:
        """Request the pictures for the present settings, unless the page is out of sight."""
        self._stale = not in_sight(self)
        attack = self.form.spec()
        self.keep.setEnabled(attack is not None and bool(self.picker.networks))
        if self.fault.text() != self.form.error():
            say(self.fault, self.form.error())
        if attack is None or self._stale:
            return
        self._previews.ask(self.specs(attack))

    def showEvent(self, event: QShowEvent) -> None:
        """Request the pictures if something changed out of sight."""
        super().showEvent(event)
        self.catch_up()

    def catch_up(self) -> None:
        """Request the pictures if something changed out of sight."""
        if self._stale:
            self.ask()

    @Slot(object, object)
    def _answered(self, spec: AdversarialExamples, result: Any) -> None:
        count = len(result.arrays["clean_logits"][0])
        names = self._names.listed(spec.classifier, count)
        for column in self._columns_of(spec):
            column.show_result(spec, result, names)
            if column is self.columns[0]:
                self.form.set_classes(names)
        self._trace_soon()

    @Slot(object, str)
    def _failed(self, spec: AdversarialExamples, text: str) -> None:
        for column in self._columns_of(spec):
            column.show_failure(text)
        self._trace_soon()

    def _columns_of(self, spec: AdversarialExamples) -> list[AttackColumn]:
        """Return the columns of a result's network; none if it is not chosen any more."""
        count = len(self.picker.networks)
        return [column for column in self.columns[:count] if column.key == spec.classifier.key]

    @Slot()
    def _dim(self) -> None:
        for column in self.columns:
            column.set_dimmed(True)

    def _shown(self) -> list[AttackColumn]:
        """Return the columns that hold a result."""
        count = len(self.picker.networks)
        return [column for column in self.columns[:count] if column.result is not None]

    def _trace_soon(self) -> None:
        if not self._trace_timer.isActive():
            self._trace_timer.start()

    @Slot()
    def _draw_trace(self) -> None:
        """Draw the loss at every step; create new curves only if the networks changed."""
        shown = self._shown()
        for button in self._exports:
            button.setEnabled(bool(shown))
        wanted = [(column.title, self.picker.series(column.key)) for column in shown]
        if wanted != self._traced:
            self._traced = wanted
            self.trace.clear()
            self._curves = [self.trace.curve(title, series) for title, series in wanted]
        for column, curve in zip(shown, self._curves, strict=True):
            loss = column.result.arrays["loss_trace"][:, 0]
            curve.set_data(np.arange(1, len(loss) + 1), loss)

    @Slot()
    def _magnify(self) -> None:
        for column in self.columns:
            column.set_magnification(self.magnify.currentData())

    @Slot()
    def _enlarge(self) -> None:
        """Let the original or an adversarial image fill the window."""
        source = self.sender()
        column = source if isinstance(source, AttackColumn) else None
        large = LargeView(self.original if column is None else column.adversarial, self.window())
        large.say(self._heading.text if column is None else f"Attack on {column.title}")

    @Slot(str, int, object)
    def _show_image(self, key: str, index: int, attack: AttackSpec) -> None:
        """Show what an attack makes of one image; the page Maps shows it too, for this network."""
        self.workspace.selected.emit(key)
        self.strip.lead_to([index])
        self.form.set_spec(attack)
        self.workspace.ask_image(index)
        self.tabs.setCurrentIndex(0)

    @Slot(str)
    def _highlight(self, key: str) -> None:
        for column in self.columns:
            column.set_highlighted(bool(key) and column.key == key)

    # -------------------------------------------------------------------------------------- saving

    @Slot()
    def _keep(self) -> None:
        attack = self.form.spec()
        if attack is not None:
            self.workspace.run(self.specs(attack))

    @Slot()
    def _save_asked(self) -> None:
        column = self.sender()
        if not isinstance(column, AttackColumn) or column.result is None:
            return
        name = f"adversarial-{column.index}.png"
        start = str(folder_of(self.workspace) / name)
        path = ask_save(self, "Save the adversarial image", start, "PNG (*.png)", (".png",))
        if path is not None:
            self.save_png(column, path)

    def save_png(self, column: AttackColumn, path: Path) -> None:
        """Write a column's adversarial image as a PNG, and report the effect of rounding."""
        try:
            text = write_png(column, path)
        except ValueError as error:
            self.workspace.message.emit(str(error), True)
            return
        remember(self.workspace, path.parent)
        self.workspace.message.emit(text, False)

    def figure(self) -> MapGridData:
        """Return the pictures as rows of a figure."""
        chosen = self.strip.chosen[0] if self.strip.chosen else 0
        images = self.images.shown
        name = images.name(chosen) if images.is_guest(chosen) else f"test image {chosen}"
        return figure_of(self._shown(), self.magnify.currentData(), name)
