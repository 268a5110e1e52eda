"""What is open: a study, images, a runner. The services of the session work on it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from engine.data.cache import ImageCache
from engine.jobs.events import Ended
from engine.specs import ClassifierSpec, Gaussians2D, ImagesSpec
from engine.specs.schema import Spec, SpecError
from engine.store.index import Entry
from engine.store.study import Study, StudyError, spec_of
from gui.look import settings
from gui.session.runner import Runner

if TYPE_CHECKING:
    from engine.data.image_set import ImageSet


class State(QObject):
    """A study, images and a runner, and what is said when they change.

    Signals
    -------
    study_changed
        Another study was opened, or the study's name or notes changed.
    images_changed
        Another set of images was chosen, or it finished loading.
    record_added
        Takes the :class:`Entry` of a record that was just stored.
    records_changed
        Records got another title or note, were deleted or put back, or the study another name.
    highlighted
        Takes the key of the classifier under the mouse anywhere, or "".
    selected
        Takes the key of the record that the user clicked anywhere.
    record_asked
        Takes the key of a record that is to be shown with all that is known of it.
    engine_event
        Every engine event (see :mod:`engine.jobs.events`).
    message
        One sentence for the user, and whether it is an error.
    """

    study_changed = Signal()
    images_changed = Signal()
    record_added = Signal(object)
    records_changed = Signal()
    highlighted = Signal(str)
    selected = Signal(str)
    record_asked = Signal(str)
    engine_event = Signal(object)
    message = Signal(str, bool)

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self.runner = Runner(self)
        self.runner.engine_event.connect(self._on_event)
        self.study: Study | None = None
        self.images: ImagesSpec | None = None
        self.image_set: ImageSet | None = None
        self.image_cache = ImageCache(settings.cache_folder() / "images")

    # -------------------------------------------------------------------------------------- study

    def open_study(self, path: Path, *, create: bool = False) -> bool:
        """Open a study (or make one) and take up the images it was last about; say what failed."""
        try:
            study = Study(path, create=create)
            self._open_runner(study)
        except StudyError as error:
            self.message.emit(str(error), True)
            return False
        self.study = study
        self.runner.forget("images")
        self.images, self.image_set = None, None
        self.study_changed.emit()
        found = [spec for spec in map(spec_of, study.entries) if isinstance(spec, ImagesSpec)]
        # The points of the 2-D lab are its own: whoever works on images finds these again.
        found = [spec for spec in found if not isinstance(spec, Gaussians2D)] or found
        if found:
            self.choose_images(found[-1])
        else:
            self.images_changed.emit()
        return True

    def _open_runner(self, study: Study) -> None:
        """Compute the study where the user's settings say, or where that is possible."""
        try:
            self.runner.open(study, settings.device())
        except SpecError as error:
            self.message.emit(str(error), True)
            self.runner.open(study)

    def choose_images(self, spec: ImagesSpec, loaded: ImageSet | None = None) -> None:
        """Make these the current images; they are loaded on a lane unless given."""
        self.runner.forget("images")
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
        """Return the study's records of these kinds (of all kinds without any), oldest first."""
        if self.study is None:
            return []
        return [entry for entry in self.study.entries if not kinds or entry.kind in kinds]

    def classifiers(self) -> list[tuple[Entry, ClassifierSpec]]:
        """Return the networks of the study, oldest first, with their specs."""
        pairs = [(entry, spec_of(entry)) for entry in self.entries("training", "imported")]
        return [(entry, spec) for entry, spec in pairs if isinstance(spec, ClassifierSpec)]

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

    @Slot(object)
    def _on_event(self, event: Any) -> None:
        self.engine_event.emit(event)
        if isinstance(event, Ended) and event.outcome == "finished" and self.study is not None:
            try:
                self.record_added.emit(self.study.entry(event.key))
            except StudyError:
                return  # the event is of a study that was closed meanwhile
