"""The Boundary page: the 2-D lab, which updates as the radius of the attack changes.

How it works. Each network of the lab is described by a training spec, and the study stores its
record. Everything drawn comes from one function, :func:`engine.boundary.plane.look`, applied to a
network and the shown attack; the result is computed on the preview lane and never stored. The
network's weights come from the record or, during training, from the newest
:class:`~engine.jobs.events.Snapshot`. The page handles a slider move and a training step alike: it
calls the function again.

Changing a training radius, the seed or the epochs queues the boundary records that the study does
not have, like any other plan. The records are the same as those of the preset ``paper-boundary``,
so neither repeats the other's work. The page stops a training that it started if the form no longer
asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from engine.boundary.lab import Lab, recorded, training_eps
from engine.figures.charts import ChartData
from engine.jobs.events import Ended, Event, Queued
from engine.specs import Boundary, Gaussians2D, Training
from engine.specs.schema import Spec
from engine.store.index import Entry
from gui.look import theme
from gui.pages import BOUNDARY, Place
from gui.pages.boundary.controls import BoundaryControls
from gui.pages.boundary.panel import BoundaryPanel
from gui.pages.boundary.tilt import TiltPlot
from gui.pages.boundary.view import legend_entries
from gui.pages.common.page import Page
from gui.pages.common.record_settings import RecordSettings
from gui.widgets.empty_state import EmptyState
from gui.widgets.export.buttons import export_buttons
from gui.widgets.filling_area import FillingArea
from gui.widgets.keyed import PressKey
from gui.widgets.plots.legend import Legend
from gui.widgets.plots.sight import feeds
from gui.widgets.timer import timer

RETRAIN_MS = 600
TILTS_MS = 250
LOWER = 190
STUDY_NAME = "boundary-lab"


class BoundaryPage(Page):
    """Three networks of the plane side by side, and the tilt of their boundaries below."""

    place: ClassVar[Place] = BOUNDARY

    def pieces(self) -> Iterator[None]:
        """Build the page, a part a step."""
        self._begun = False
        self._going: dict[str, bool] = {}
        self._due = timer(self, RETRAIN_MS, once=True)
        self._due.timeout.connect(self.train)
        # Limit how often the chart is redrawn: it is large, and only a few of its dots move.
        self._tilts_due = timer(self, TILTS_MS, once=True)
        yield from self._build_parts()
        self._build_layout()
        yield
        self._connect()
        self._on_study()

    # ------------------------------------------------------------------------------------- public

    def lab(self) -> Lab:
        """Return the lab with the chosen training radii, seed and epochs."""
        radii = [panel.radius for panel in self.panels]
        return self.controls.lab(tuple(radius for radius in radii if radius is not None))

    def missing(self) -> list[Spec]:
        """Return the records of the wanted networks that the study does not have."""
        study = self.workspace.study
        wanted = [recorded(network) for network in self.lab().networks()]
        return [spec for spec in wanted if study is not None and not study.has(spec)]

    @Slot()
    def train(self) -> None:
        """Queue the missing records; stop jobs started here that are not needed any more."""
        self._due.stop()
        missing = self.missing()
        wanted = {need.key for spec in missing for need in (spec, *spec.requires())}
        for key in [key for key, own in self._going.items() if own and key not in wanted]:
            self.workspace.runner.cancel(key)
        new = [spec for spec in missing if spec.key not in self._going]
        if new:
            self._begun = True
            for spec in self.workspace.run(new):
                self._going[spec.key] = True
        self._show_state()

    def form_restored(self) -> None:
        """Train nothing: what was asked for in an earlier session may have been stopped there."""
        self._due.stop()

    def use(self, spec: Boundary) -> None:
        """Show the attack and the network of a record; train nothing until it is asked for."""
        network, radius = spec.classifier, training_eps(spec.classifier)
        if isinstance(network, Training):
            self.controls.set_training(network.seed, network.epochs)
        if radius and radius not in [panel.radius for panel in self.panels]:
            self.panels[1].set_radius(radius)
        self.controls.use_attack(spec.attack)
        self._show_state()

    @Slot()
    def begin(self) -> None:
        """Create a study and choose images if there are none, then train the three networks."""
        workspace = self.workspace
        if not workspace.runner.loaded:
            workspace.message.emit("Loading the engine; this goes on in a moment.", False)
            workspace.runner.ready.connect(self.begin, Qt.ConnectionType.SingleShotConnection)
            return
        if workspace.study is None and not workspace.importer.create_study(STUDY_NAME):
            return
        if workspace.images is None:
            workspace.choose_images(Gaussians2D())
        self._begun = True
        self.train()

    def figure(self) -> list[ChartData]:
        """Return the planes as charts of one figure."""
        charts = [panel.chart() for panel in self.panels]
        return [chart for chart in charts if chart is not None]

    # ----------------------------------------------------------------------------------- building

    def _build_parts(self) -> Iterator[None]:
        self.controls = BoundaryControls()
        self.panels: list[BoundaryPanel] = []
        for place, radius in enumerate((None, *Lab().radii)):
            yield
            self.panels.append(BoundaryPanel(self.workspace, place, radius))
        yield
        self.legend = Legend(self)
        self.tilts = TiltPlot(self.workspace)
        yield from self.tilts.pieces()
        feeds(self.tilts.plot, self.panels)
        yield
        self.empty = EmptyState()
        self.empty.say(
            (
                "Two classes of points in the plane, and three networks: a standard one, and two "
                "that are trained against attacks. Their boundaries turn as you watch, and the "
                "attacks follow the slider.\nTraining takes about a minute; the results are "
                "kept in a study."
            ),
            "Run the lab",
        )
        self._exports = export_buttons(self, self.figure, "boundaries")
        self._name_legend()
        yield

    def _build_layout(self) -> None:
        bar = QHBoxLayout()
        bar.setSpacing(8)
        bar.addWidget(self.controls.eps, 1)
        for button in self._exports:
            bar.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        planes = QHBoxLayout()
        planes.setSpacing(12)
        for panel in self.panels:
            planes.addWidget(panel, 1)
        lower = FillingArea(self.tilts)
        lower.setMinimumHeight(LOWER)
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addLayout(bar)
        column.addLayout(planes, 3)
        column.addWidget(self.legend)
        column.addWidget(lower, 2)
        self.frame(self.empty, self.controls, column)

    def _connect(self) -> None:
        workspace = self.workspace
        workspace.study_changed.connect(self._on_study)
        workspace.record_added.connect(self._on_record)
        workspace.engine_event.connect(self._on_event)
        self._tilts_due.timeout.connect(self._draw_tilts)
        self.empty.asked.connect(self.begin)
        self.controls.attack_changed.connect(self._on_attack)
        self.controls.training_changed.connect(self._on_wish)
        self.controls.train_asked.connect(self._on_button)
        self.controls.paper_asked.connect(self._on_paper)
        theme.signals.changed.connect(self._name_legend)
        PressKey(self.controls.train, self)
        RecordSettings(self, self.use)
        for panel in self.panels:
            panel.radius_changed.connect(self._on_wish)
            panel.looked.connect(self._on_looked)

    # -------------------------------------------------------------------------------------- slots

    @Slot()
    def _on_study(self) -> None:
        self._due.stop()
        self._begun = False
        self._going.clear()
        for panel in self.panels:
            panel.forget()
        self._draw_tilts()
        self._show_state()
        self.tilts.refresh()

    @Slot(object)
    def _on_record(self, entry: Entry) -> None:
        if entry.kind in ("training", "boundary"):
            self._show_state()
        if entry.kind == "boundary":
            self.tilts.refresh()

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        for panel in self.panels:
            if panel.training is not None and panel.training.key == event.key:
                panel.take(event)
        known = len(self._going)
        if isinstance(event, Queued) and event.kind in ("training", "boundary"):
            self._going.setdefault(event.key, False)
        elif isinstance(event, Ended):
            self._going.pop(event.key, None)
        if len(self._going) != known:
            self._show_button()

    @Slot()
    def _on_attack(self) -> None:
        attack = self.controls.attack()
        for panel in self.panels:
            panel.set_attack(attack)

    @Slot()
    def _on_wish(self) -> None:
        """Show the state of the newly chosen networks; train the missing ones after a delay."""
        self._show_state()
        self._due.start()

    @Slot()
    def _on_button(self) -> None:
        if not self._wanted_going():
            self.train()
            return
        self._due.stop()
        for key in self._wanted_going():
            self.workspace.runner.cancel(key)

    @Slot()
    def _on_paper(self) -> None:
        for panel, radius in zip(self.panels[1:], Lab().radii, strict=True):
            panel.set_radius(radius)
        self.controls.set_training(Lab().seed, Lab().epochs)
        self._on_wish()

    @Slot()
    def _on_looked(self) -> None:
        for button in self._exports:
            button.setEnabled(True)
        if not self._tilts_due.isActive():
            self._tilts_due.start()

    @Slot()
    def _draw_tilts(self) -> None:
        self.tilts.show_lab(self.panels)

    def showEvent(self, event: QShowEvent) -> None:
        """Update the page, because events may have arrived while it was hidden."""
        super().showEvent(event)
        self.catch_up()

    def catch_up(self) -> None:
        """Show what arrived out of sight."""
        self._show_state()

    # -------------------------------------------------------------------------------------- state

    def _show_state(self) -> None:
        """Give each panel its network; show the lab once a network is stored or was requested."""
        study = self.workspace.study
        networks = self.lab().networks()
        stored = [study is not None and study.has(network) for network in networks]
        self.stack.setCurrentIndex(1 if self._begun or any(stored) else 0)
        if self.stack.currentIndex() == 1:
            self._begun = True
            self._show_data(networks[0].images)
            for panel, network, there in zip(self.panels, networks, stored, strict=True):
                panel.set_training(network, there)
            self._on_attack()
        for button in self._exports:
            button.setEnabled(any(panel.result is not None for panel in self.panels))
        self._show_button()

    def _wanted_going(self) -> list[str]:
        """Return the keys of the running and waiting jobs of the wanted networks."""
        needed = {n.key for n in self.lab().networks()} | {spec.key for spec in self.missing()}
        return [key for key in self._going if key in needed]

    def _show_button(self) -> None:
        self.controls.show_state(going=bool(self._wanted_going()), missing=len(self.missing()))

    def _show_data(self, images: Any) -> None:
        """Sample the data points on a lane, and show them on the planes that have none yet."""
        if all(panel.view.filled for panel in self.panels):
            return

        def work(_: Any) -> tuple[np.ndarray, np.ndarray]:
            from engine.data.gaussians import draw_points

            found = draw_points(images)
            return found.test_images.reshape(-1, 2), np.asarray(found.test_labels)

        self.workspace.runner.ask("boundary points", work, self._take_points, self._say)

    def _take_points(self, found: tuple[np.ndarray, np.ndarray]) -> None:
        for panel in self.panels:
            if not panel.view.filled:
                panel.view.show_points(*found)

    def _say(self, text: str) -> None:
        self.workspace.message.emit(text, True)

    @Slot()
    def _name_legend(self) -> None:
        names = {
            "0": "right class",
            "1": "left class",
            "line": "decision boundary",
            "attack": "attacked point",
            "along": "line through the centroids",
            "away": "mean normal",
        }
        self.legend.set_entries(legend_entries(names))
