"""The Train page: choose networks and a sweep of attacks, and watch them learn."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import ClassVar

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout

from engine.jobs.events import Ended, Event, Notice, Queued, Started
from engine.specs import FolderImages, Gaussians2D, Imported, Training
from engine.specs.proposals import proposals_for
from engine.store.index import Entry
from gui.pages import DATA, TRAIN, Place
from gui.pages.common.page import Page, as_widget
from gui.pages.common.record_images import select_probe
from gui.pages.common.record_settings import RecordSettings
from gui.pages.train.alarm_line import AlarmLine
from gui.pages.train.footer import TrainFooter
from gui.pages.train.form import TrainForm
from gui.pages.train.history import History
from gui.pages.train.live_curves import LiveCurves
from gui.pages.train.live_maps import LiveMaps
from gui.pages.train.obstacles import obstacle, readable_side
from gui.pages.train.replay import Replay, values_at
from gui.pages.train.results import Results
from gui.pages.train.runs import Runs, matches
from gui.widgets.keyed import PressKey
from gui.widgets.plots.sight import in_sight
from gui.widgets.scrolled import ScrolledArea

REDRAW_MS = 200
CONTINUE_MS = 10
DRAW_SECONDS = 0.015


class TrainPage(Page):
    """A form of trainings at the left; curves and gradient maps of the networks at the right.

    Signals
    -------
    go_to
        Carries the page on which the user can choose the missing images.
    """

    place: ClassVar[Place] = TRAIN
    go_to = Signal(object)

    def pieces(self) -> Iterator[None]:
        """Build the page, a part a step."""
        self.runs = Runs(self.workspace.colours.series)
        self.history = History(self.workspace, self.runs, self)
        self._first = 0
        self._recount = False
        self._proposed: tuple[int, int, int] | None = None
        self._before_images: dict[str, object] | None = None
        self.form = TrainForm(at_once=False)
        yield from self.form.pieces()
        yield
        self.footer = TrainFooter()
        self.alarms = AlarmLine()
        self.curves = LiveCurves()
        yield from self.curves.pieces()
        yield
        self.results = Results()
        self.maps = LiveMaps()
        yield
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._redraw)
        self._build_layout()
        yield
        parts = self.workspace, self.curves, self.maps
        self.replay = Replay(*parts, self.history.stored, self._run, self)
        self._connect()
        self._on_images()

    # ------------------------------------------------------------------------------------- public

    def trainings(self) -> list[Training]:
        """Return the form's trainings; an empty list while an input is missing or invalid."""
        images = self.workspace.images
        if images is None or self.obstacle():
            return []
        return self.form.trainings(images)

    def obstacle(self) -> str:
        """Return the sentence on why nothing can be trained now, or ""."""
        return obstacle(self.workspace, self.form.network.spec(), self.form.weights())

    # ----------------------------------------------------------------------------------- building

    def _build_layout(self) -> None:
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addWidget(self.form, 1)
        left.addWidget(self.footer)
        self.footer.setFixedWidth(self.form.width())
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.setChildrenCollapsible(False)
        self.split.setHandleWidth(12)
        self.split.addWidget(self.curves)
        self.split.addWidget(self.maps)
        self.split.setStretchFactor(0, 1)
        self.split.setStretchFactor(1, 1)
        self.split.setSizes([2600, 3000])
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addWidget(self.alarms)
        right.addWidget(self.split, 1)
        right.addWidget(self.results)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(16)
        layout.addLayout(left)
        layout.addWidget(ScrolledArea(as_widget(right)), 1)

    def _connect(self) -> None:
        workspace = self.workspace
        workspace.engine_event.connect(self._on_event)
        self.history.arrived.connect(self._schedule)
        self.history.renamed.connect(self._schedule)
        self.footer.go_on.clicked.connect(lambda: self.replay.ask(""))
        workspace.study_changed.connect(self._on_study)
        workspace.images_changed.connect(self._on_images)
        workspace.record_added.connect(self._on_record)
        workspace.records_changed.connect(self._on_records)
        workspace.highlighted.connect(self._on_highlighted)
        workspace.selected.connect(self._on_selected)
        RecordSettings(self, self.form.use, self.trainings)
        self.form.changed.connect(self._on_form)
        self.footer.train.clicked.connect(self._train)
        self.footer.go_to.connect(self.go_to)
        self.footer.read_at.connect(self._read_at)
        PressKey(self.footer.train, self)
        self.results.pointed.connect(workspace.selected)
        for view in (self.curves, self.maps, self.results):
            view.hovered.connect(workspace.highlighted)
        for view in (self.curves, self.maps):
            view.restyled.connect(self._restyle)
        self.maps.clicked.connect(workspace.selected)
        self.maps.image_clicked.connect(
            lambda column: select_probe(workspace, self.maps.images, column, self.title)
        )

    # -------------------------------------------------------------------------------------- slots

    @Slot()
    def _on_form(self) -> None:
        workspace = self.workspace
        obstacle = self.obstacle()
        wanted = self.trainings()
        study = workspace.study
        stored = sum(study.has(spec) for spec in wanted) if study is not None else 0
        going = sum(self._is_going(spec.key) for spec in wanted)
        lead = DATA if workspace.study is not None and workspace.images is None else None
        self.footer.show_state(
            fault=obstacle or self.form.error(),
            counts=self.form.counts(),
            total=len(wanted),
            stored=stored,
            going=going,
            lead=lead,
        )
        self.footer.offer_size(readable_side(workspace, self.form.network.spec()))
        self.footer.go_on.setEnabled(bool(self.history.stored()))
        self._show_time(wanted)

    def _show_time(self, wanted: list[Training]) -> None:
        """Show how long the missing trainings will take, timing a few batches if necessary."""
        workspace, study = self.workspace, self.workspace.study
        known = study.has if study is not None else lambda spec: True
        missing = [s for s in wanted if not known(s) and not self._is_going(s.key)]
        slots = workspace.runner.slots
        together = min(len(missing), slots.count) if slots is not None else 1
        seconds = workspace.pace.seconds([*missing, *self.form.checks(missing)])
        self.footer.show_time(seconds, together, workspace.pace.needs(missing))
        if missing and self.isVisible():
            workspace.pace.time(missing[0], self._on_form)

    def _is_going(self, key: str) -> bool:
        run = self.runs.get(key)
        return run is not None and run.state in ("waiting", "running")

    @Slot(int)
    def _read_at(self, side: int) -> None:
        """Read the image files again, at the side that the network takes."""
        images = self.workspace.images
        if isinstance(images, FolderImages):
            self.workspace.importer.reread(images.replace("image_size", side))

    @Slot()
    def _train(self) -> None:
        wanted = self.trainings()
        if wanted:
            self._run(wanted)
            self._on_form()

    def _run(self, trainings: Sequence[Training]) -> None:
        self.workspace.run([*trainings, *self.form.checks(trainings)])

    @Slot()
    def _on_study(self) -> None:
        self._forget()
        self._on_form()

    @Slot()
    def _on_images(self) -> None:
        """Propose settings for the new images, and show the networks trained on them."""
        images = self.workspace.image_set
        with QSignalBlocker(self.form):  # all that changes in it is shown at the end, once
            if images is not None:
                self.form.suit(images.shape)
            self._propose(None if images is None else images.shape)
            self._offer_starts()
        self.curves.name_part(images is not None and len(images.validation_images) > 0)
        self._drop_foreign()
        self.maps.setVisible(images is None or images.shape[1:] != (1, 1))
        self.history.read()
        self._on_form()

    def _propose(self, shape: tuple[int, int, int] | None) -> None:
        """Propose settings for an image shape; keep what the user chose before images existed."""
        if shape is None:
            self._before_images = self._before_images or self.form.proposable()
            return
        if shape != self._proposed:
            self._proposed = shape
            self.form.propose(proposals_for(shape), self._before_images)
        self._before_images = None

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if event.key not in self.runs and self._is_of_the_plane(event.key):
            return
        run = self.runs.take(event)
        if run is None:
            return
        if isinstance(event, Queued | Started):
            self.history.place(run, self.workspace.runner.spec(event.key))
            self._recount = True
        if isinstance(event, Notice):
            self.alarms.take(run, event)
        elif isinstance(event, Ended):
            self._recount = True
            if event.outcome == "failed":
                self.alarms.add(f"{run.title} failed: {event.message}")
        self._schedule()

    def _is_of_the_plane(self, key: str) -> bool:
        """Whether a training is one of the 2-D lab, which shows it, while images are open here."""
        spec = self.workspace.runner.spec(key)
        of_plane = isinstance(spec, Training) and isinstance(spec.images, Gaussians2D)
        return of_plane and not isinstance(self.workspace.images, Gaussians2D)

    @Slot(object)
    def _on_record(self, entry: Entry) -> None:
        if entry.kind in (Training.kind, Imported.kind):
            self._offer_starts()
            self.history.name()
        if entry.kind == Training.kind:
            self.history.renew(entry.key)
            self._on_form()
        self._schedule()  # a measurement may say more about how robust a network is

    @Slot()
    def _on_records(self) -> None:
        """Show no network that was deleted, and again one that was put back."""
        self._drop_foreign()
        self._offer_starts()
        self.history.read()

    @Slot(str)
    def _on_highlighted(self, key: str) -> None:
        shown = key if key in self.runs else ""
        self.curves.set_highlighted(shown)
        self.maps.grid.set_highlighted(shown)

    @Slot(str)
    def _on_selected(self, key: str) -> None:
        """Show an older network too, once it is asked for."""
        self.history.wish(key)

    # ------------------------------------------------------------------------------------ history

    @Slot()
    def _offer_starts(self) -> None:
        images = self.workspace.images
        self.form.start.set_networks([spec for _, spec in self.workspace.classifiers()], images)

    def _drop_foreign(self) -> None:
        """Remove the finished networks that were trained on other images, or deleted."""
        own = self.history.stored()
        for run in list(self.runs):
            if run.state == "finished" and run.key not in own:
                self._remove(run.key)
        if not any(run.shown for run in self.runs):
            self.maps.forget_images()

    def _forget(self) -> None:
        for run in list(self.runs):
            self._remove(run.key)
        self.history.forget()
        self.maps.forget_images()
        self.alarms.clear()

    def _remove(self, key: str) -> None:
        self.history.drop(key)
        self.curves.remove(key)
        self.maps.remove(key)

    # ------------------------------------------------------------------------------------ drawing

    def showEvent(self, event: QShowEvent) -> None:
        """Draw the data that arrived while the page was hidden."""
        super().showEvent(event)
        self.catch_up()

    def catch_up(self) -> None:
        """Draw the data that arrived out of sight."""
        self._schedule()

    @Slot()
    def _schedule(self) -> None:
        if in_sight(self) and not self._timer.isActive():
            self._timer.start(REDRAW_MS)

    @Slot()
    def _restyle(self) -> None:
        for run in self.runs:
            run.drawn = run.mapped = False
            if not matches(run.title, self.curves.filter.text()):
                self.curves.remove(run.key)
                self.maps.remove(run.key)
        self._schedule()

    @Slot()
    def _redraw(self) -> None:
        """Draw the networks that have new data, as many as the time budget of a tick allows."""
        if not in_sight(self):
            return
        if self._recount:
            self._recount = False
            self._on_form()
        space = self.workspace
        runs = [run for run in self.runs if matches(run.title, self.curves.filter.text())]
        # First those in training, whose maps would change out of sight below the others'.
        runs.sort(key=lambda run: not self._is_going(run.key))
        self.replay.show_runs(runs)
        if self.maps.step is None:
            self.results.show_runs(runs, space.entries(Training.kind), space.study)
        else:
            self.results.show_values(*values_at(runs, self.maps.step))
        stop = time.perf_counter() + DRAW_SECONDS
        for place in range(len(runs)):
            run = runs[(self._first + place) % len(runs)]
            self.curves.draw(run)
            if self.isVisible():  # else only copies of the curves are seen
                self.maps.draw(run)
            if time.perf_counter() > stop and place + 1 < len(runs):
                self._first = (self._first + place + 1) % len(runs)
                self._timer.start(CONTINUE_MS)
                break
        self.curves.set_order([run.key for run in self.runs])
        self.maps.grid.set_order([run.key for run in runs])
        self.maps.set_last_epoch(max((max(run.maps, default=0) for run in self.runs), default=0))
