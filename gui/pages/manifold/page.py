"""The Manifold page: a generator of images, and distances of attacked images to its manifold.

The form trains a generator, which the page shows live: reconstructions of fixed test images and
samples from fixed draws as the weights change. Everything else is read from the study's records on
a lane: the densities of distances, the verdict on their order, and the shares of loss gradients in
the tangent space.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QSplitter

from engine.jobs.events import Ended, Event, Started
from engine.specs import VAEGAN
from engine.store.index import Entry
from engine.store.study import Study
from gui.pages import DATA, MANIFOLD, Place
from gui.pages.common.record_images import are_open, select_probe
from gui.pages.common.record_settings import RecordSettings
from gui.pages.common.refresh import RefreshedPage
from gui.pages.manifold.distances import DistancesView
from gui.pages.manifold.form import ManifoldForm
from gui.pages.manifold.pictures import GeneratorView
from gui.pages.manifold.runs import GeneratorRun, GeneratorRuns
from gui.pages.manifold.view import ManifoldContent, collect
from gui.widgets.empty_state import EmptyState
from gui.widgets.keyed import PressKey
from gui.widgets.plots.sight import in_sight
from gui.widgets.timer import timer

REDRAW_MS = 100
NETWORKS = ("training", "imported")
MEASURED = ("manifold_distance", "measurement")


class ManifoldPage(RefreshedPage):
    """A form of a generator and of measurements at the left; their results at the right.

    Signals
    -------
    go_to
        Carries the page on which the user can choose the missing images.
    """

    place: ClassVar[Place] = MANIFOLD
    refresh_ms: ClassVar[int] = 400

    go_to = Signal(object)

    def pieces(self) -> Iterator[None]:
        """Build the page, a part a step."""
        yield from super().pieces()
        self.runs = GeneratorRuns()
        self._followed = ""
        self._read_keys: set[str] = set()
        self._reading = False
        self._redraw = timer(self, REDRAW_MS, once=True)
        self._redraw.timeout.connect(self._draw_run)
        self.form = ManifoldForm(self.workspace)
        yield
        self.generator = GeneratorView()
        yield
        self.distances = DistancesView(self.form.picker)
        yield
        self._build_layout()
        yield
        self._connect()
        self._on_images()

    # ------------------------------------------------------------------------------------- public

    def read(self, study: Study) -> None:
        """Request the chosen generator's pictures, distances and shares."""
        images, generator = self.workspace.images, self.form.generator()
        if images is None:
            return
        wanted = generator is not None and generator.key not in self._read_keys
        self._reading = True

        def work(_: Any) -> ManifoldContent:
            return collect(study, images, generator, with_history=wanted)

        def done(view: ManifoldContent) -> None:
            self._take(view, generator)

        self.workspace.runner.ask("manifold", work, done, self._on_unreadable)

    # ----------------------------------------------------------------------------------- building

    def _build_layout(self) -> None:
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(12)
        split.addWidget(self.generator)
        split.addWidget(self.distances)
        split.setSizes([218, 460])
        split.setStretchFactor(0, 1)
        split.setStretchFactor(1, 2)
        self.empty = EmptyState()
        self.empty.say("Choose images first.", "Choose images")
        self.frame(self.empty, self.form, split)

    def _connect(self) -> None:
        workspace = self.workspace
        workspace.study_changed.connect(self._on_study)
        workspace.images_changed.connect(self._on_images)
        workspace.record_added.connect(self._on_record)
        workspace.engine_event.connect(self._on_event)
        workspace.highlighted.connect(self.distances.set_highlighted)
        self.form.changed.connect(self._on_form)
        self.form.generator_changed.connect(self._on_generator)
        self.form.train_asked.connect(self._train)
        self.form.measure_asked.connect(self._measure)
        self.form.picker.changed.connect(self._soon)
        self.distances.hovered.connect(workspace.highlighted)
        self.distances.opened.connect(self._open)
        self.distances.images_picked.connect(self._pick)
        self.generator.image_clicked.connect(self._pick_probe)
        self.empty.asked.connect(self._lead)
        PressKey(self.form.measure, self)
        RecordSettings(self, self.form.use, self.form.makes)

    # -------------------------------------------------------------------------------------- slots

    @Slot()
    def _on_study(self) -> None:
        self.runs.clear()
        self._read_keys.clear()
        self._followed = ""
        self._on_images()

    @Slot()
    def _on_images(self) -> None:
        self.stack.setCurrentIndex(0 if self.workspace.images is None else 1)
        self.form.refresh()
        self.distances.show_view(ManifoldContent(), [])
        self._on_generator()

    @Slot(object)
    def _on_record(self, entry: Entry) -> None:
        if entry.kind == VAEGAN.kind:
            self._read_keys.discard(entry.key)
            self._followed = ""
        if entry.kind in (VAEGAN.kind, *NETWORKS):
            self.form.refresh()
        if entry.kind in (VAEGAN.kind, *NETWORKS, *MEASURED):
            self._on_form()
            self._soon()

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        run = self.runs.take(event)
        if run is None:
            return
        if isinstance(event, Started):
            self._followed = run.key
        if isinstance(event, Started | Ended):
            self._on_form()
        if in_sight(self) and not self._redraw.isActive():
            self._redraw.start()

    @Slot()
    def _on_form(self) -> None:
        """Show what pressing the buttons would compute."""
        study, own = self.workspace.study, self.form.vae_gan()
        problem = self.form.problem()
        self._say_distances()
        run = None if own is None else self.runs.get(own.key)
        stored = study is not None and own is not None and study.has(own)
        self.form.own.show_state(stored=stored, going=run is not None and run.going)
        self.form.show_state(problem or self._summary(), problem=bool(problem))

    @Slot()
    def _on_generator(self) -> None:
        """Show the newly chosen generator instead of the one in training."""
        self._followed = ""
        self._soon()
        self._on_form()
        self._draw_run()

    @Slot()
    def _train(self) -> None:
        generator = self.form.vae_gan()
        if generator is not None:
            self.workspace.run([generator])
            self._on_form()

    @Slot()
    def _measure(self) -> None:
        self.workspace.run(self.form.specs())
        self._on_form()

    def _on_unreadable(self, text: str) -> None:
        self._reading = False
        self._say_distances()
        self._draw_run()
        self._unreadable(text)

    @Slot(str)
    def _open(self, key: str) -> None:
        if key:
            self.workspace.selected.emit(key)
            self.workspace.record_asked.emit(key)

    @Slot(list, str)
    def _pick(self, numbers: list[int], words: str) -> None:
        """Select the images near a point of a density, for all pages."""
        generator = self.form.generator()
        if generator is not None and are_open(self.workspace, generator.images):
            self.workspace.selection.choose(numbers, words)

    @Slot(int)
    def _pick_probe(self, column: int) -> None:
        select_probe(self.workspace, self.generator.images, column, self.title)

    @Slot()
    def _lead(self) -> None:
        self.go_to.emit(DATA)

    # ------------------------------------------------------------------------------------ showing

    def _summary(self) -> str:
        study = self.workspace.study
        asked = self.form.specs()
        missing = sum(study is None or not study.has(spec) for spec in asked)
        text = f"Measurements: {len(asked):,}, "
        if not missing:
            return text + "all in the study already."
        return text + f"{missing:,} missing."

    def _take(self, view: ManifoldContent, generator: VAEGAN | None) -> None:
        self._reading = False
        if generator is not None and view.history is not None:
            self._read_keys.add(generator.key)
            self.runs.add(generator.key, generator.title).take_record(view.history)
        self.distances.show_view(view, self.form.networks)
        self._say_distances()
        self._draw_run()

    def _shown_run(self) -> GeneratorRun | None:
        """Return the generator whose training the page follows, or else the chosen one."""
        generator = self.form.generator()
        key = self._followed or ("" if generator is None else generator.key)
        return self.runs.get(key)

    @Slot()
    def _draw_run(self) -> None:
        run = self._shown_run()
        waits = run is not None and run.going
        self.generator.say("The generator waits for its turn." if waits else self._hint())
        self.generator.show_run(run)

    def _hint(self) -> str:
        """Return the sentence to show while there are no pictures."""
        if self._waits_for_study():
            return "Reading what the study has of this generator…"
        return self.form.own.error() or (
            "Train a generator to see what it makes of test images, and what it makes up: how far "
            "an image is from its reconstruction stands for its distance to the manifold."
        )

    def _waits_for_study(self) -> bool:
        """Return whether the chosen generator has a record that is not read yet."""
        study, generator = self.workspace.study, self.form.generator()
        stored = study is not None and generator is not None and study.has(generator)
        return stored and (self._stale or self._reading)

    def _say_distances(self) -> None:
        """Show what is needed to get distances."""
        if self._waits_for_study():
            text = ""
        elif self.form.picker.available:
            text = (
                "No distances to this generator's manifold yet: choose a standard network and "
                "adversarially trained ones, and press Measure."
            )
        else:
            text = (
                "Distances are taken of attacks on networks, and there is none for these images "
                "yet: train a standard one and adversarial ones on the page Train."
            )
        self.distances.say(text)
