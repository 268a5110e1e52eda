"""The state of the session: the open study, the chosen images, and the runner."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from engine.data.cache import ImageCache
from engine.jobs.events import Ended
from engine.specs import ClassifierSpec, Gaussians2D, ImagesSpec
from engine.specs.schema import ORIGINS, Spec, SpecError
from engine.store.index import Entry
from engine.store.study import Study, StudyError, spec_of
from gui.look import settings
from gui.session.files.underway import Underway
from gui.session.runner import Runner
from gui.session.threads.event_flow import Listeners
from gui.session.threads.who_computes import workers_of

if TYPE_CHECKING:
    from engine.data.image_set import ImageSet


class State(QObject):
    """The open study, the chosen images and the runner, with signals for their changes.

    Signals
    -------
    study_left
        The open study is about to give its place to another one.
    study_changed
        Another study was opened, or the study's name or notes changed.
    images_changed
        Another set of images was chosen, or it finished loading.
    record_added
        Takes the :class:`Entry` of a record that was just stored.
    records_changed
        Records were retitled, annotated, deleted or restored, or the study was renamed.
    highlighted
        Takes the key of the classifier under the mouse in any view, or "".
    selected
        Takes the key of the record that the user clicked in any view.
    record_asked
        Takes the key of a record whose full details are to be shown.
    settings_asked
        Takes the spec of a record whose settings are wanted in the form of its page.
    image_asked
        Takes the number of the test image that the user clicked in any view.
    message
        One sentence for the user, and whether it is an error.

    Attributes
    ----------
    engine_event
        Listeners to every engine event (see :mod:`engine.jobs.events`), connected like a signal.
    """

    study_left = Signal()
    study_changed = Signal()
    images_changed = Signal()
    record_added = Signal(object)
    records_changed = Signal()
    highlighted = Signal(str)
    selected = Signal(str)
    record_asked = Signal(str)
    settings_asked = Signal(object)
    image_asked = Signal(int)
    message = Signal(str, bool)

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self.runner = Runner(self)
        self.underway = Underway(self.runner, self.message.emit, self)
        self.runner.engine_event.connect(self._on_event)
        self.runner.leaving.said.connect(lambda text: self.message.emit(text, False))
        self.engine_event = Listeners()
        self.study: Study | None = None
        self.images: ImagesSpec | None = None
        self.image_set: ImageSet | None = None
        self.asked_image: int | None = None
        self.image_cache = ImageCache(settings.cache_folder() / "images")
        self.image_cache.tidy()
        self._said_unused = False
        self._classifiers: list[tuple[Entry, ClassifierSpec]] = []
        self._classifiers_of: object = None

    def ask_image(self, index: int) -> None:
        """Lead to a test image; pages that are built later find it in ``asked_image``."""
        self.asked_image = index
        self.image_asked.emit(index)

    # -------------------------------------------------------------------------------------- study

    def open_study(self, path: Path, *, create: bool = False) -> bool:
        """Open or create a study and choose its newest images; report a failure.

        It waits for the drive; see :meth:`Importer.open_study` for one that may not answer.
        """
        try:
            self.show_study(Study(path, create=create))
        except StudyError as error:
            self.message.emit(str(error), True)
            return False
        return True

    def show_study(self, study: Study) -> None:
        """Make a study that was read the open one, and choose its newest images."""
        if self.study is not None:
            self.study_left.emit()
        self._open_runner(study)
        self.study = study
        self.runner.forget("images")
        self.images, self.image_set = None, None
        self.study_changed.emit()
        found = [spec for spec in map(spec_of, study.entries) if isinstance(spec, ImagesSpec)]
        # Prefer image sets to the 2-D lab's points, so that a user of images finds them again.
        found = [spec for spec in found if not isinstance(spec, Gaussians2D)] or found
        if found:
            self.choose_images(found[-1])
        else:
            self.images_changed.emit()

    def _open_runner(self, study: Study) -> None:
        """Run the study on the device of the settings, or on an available one."""
        try:
            cores = settings.cores("jobs"), settings.cores("threads")
            workers = workers_of(settings.workers())
            self.runner.open(study, settings.device(), *cores, workers=workers)
        except SpecError as error:
            self.message.emit(str(error), True)
            self.runner.open(study)
        slots = self.runner.slots
        if slots is not None and slots.unused_gpu and not self._said_unused:
            self._said_unused = True  # once, not with every study
            self.message.emit(f"Computing on the processor: {slots.unused_gpu}", True)

    def choose_images(self, spec: ImagesSpec, loaded: ImageSet | None = None) -> None:
        """Make these the current images; load them on a lane unless ``loaded`` is given."""
        self.runner.forget("images")
        self.asked_image = None if spec != self.images else self.asked_image
        self.images, self.image_set = spec, None
        if loaded is not None:
            self._take_images(spec, loaded)
        self.images_changed.emit()
        study = self.study
        if loaded is not None or study is None:
            return

        def work(control: Any) -> ImageSet:
            from engine.data.images import load

            cache = self.image_cache
            return load(spec, study.locate, check_cancelled=control.check, cache=cache)

        def done(image_set: ImageSet) -> None:
            self._take_images(spec, image_set)
            self.images_changed.emit()

        self.runner.ask("images", work, done, lambda text: self.message.emit(text, True))

    def _take_images(self, spec: ImagesSpec, image_set: ImageSet) -> None:
        self.image_set = image_set
        self.runner.share_images(spec, image_set)

    def entries(self, *kinds: str) -> list[Entry]:
        """Return the study's records of these kinds (without any: of all), oldest first."""
        if self.study is None:
            return []
        return [entry for entry in self.study.entries if not kinds or entry.kind in kinds]

    def classifiers(self) -> list[tuple[Entry, ClassifierSpec]]:
        """Return the networks of the study, oldest first, with their specs."""
        entries = self.entries("training", "imported")
        of = entries, tuple(ORIGINS)  # a plugin that is loaded explains more records
        if of != self._classifiers_of:
            pairs = [(entry, spec_of(entry)) for entry in entries]
            found = [(entry, spec) for entry, spec in pairs if isinstance(spec, ClassifierSpec)]
            self._classifiers_of, self._classifiers = of, found
        return self._classifiers

    # ---------------------------------------------------------------------------------- computing

    def run(self, specs: Iterable[Spec]) -> list[Spec]:
        """Compute and store what is missing for these specs; return what was queued."""
        try:
            queued = self.runner.run(specs)
        except ValueError as error:
            self.message.emit(str(error), True)
            return []
        if not queued:
            self.message.emit("Everything asked for is in the study already.", False)
        return queued

    def aside(self, work: Callable[[], None]) -> None:
        """Do on a lane what waits for the disk and nobody waits for; at once as the window closes.

        What was begun is brought to its end, one after the other.
        """
        if self.runner.takes_changes:
            self.runner.change(work, lambda _: None, lambda text: self.message.emit(text, True))
        else:
            work()

    @Slot(object)
    def _on_event(self, event: Any) -> None:
        self.engine_event.emit(event)
        if isinstance(event, Ended) and event.outcome == "finished" and self.study is not None:
            try:
                self.record_added.emit(self.study.entry(event.key))
            except StudyError:
                return  # the event comes from a study that has been closed
