"""Importing images, pasted pictures and weights files into the study, and opening other studies."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtGui import QImage

from engine.data.safety import patience
from engine.specs import ImagesSpec, Imported, StoredImages
from engine.store.study import SUFFIX, Study, StudyError
from gui.look import settings
from gui.session import dropping
from gui.session.drives import Drives
from gui.session.files import copies
from gui.session.files.packed import open_packed

if TYPE_CHECKING:
    from engine.data.image_set import ImageSet
    from engine.data.sources import Check
    from engine.jobs.context import Control
    from gui.session.state import State

CHANNEL = "ingest"
OPENING = "open study"
POLL_MS = 100
COPIED_AT_MOST = 1000


class Importer(QObject):
    """Reads what the user drops, pastes or chooses, and passes it to the state.

    Signals
    -------
    changed
        Reading began, advanced or ended: see ``name``, ``done`` and ``total``.
    started
        Reading of images began.
    failed
        They could not be read; what was there stays.
    weights_found
        Takes the path of a weights file whose network the user must name.
    plan_found
        Takes the path of a file that may be a plan.
    network_added
        Takes the spec of a network whose import was queued.
    """

    changed = Signal()
    started = Signal()
    failed = Signal()
    weights_found = Signal(object)
    plan_found = Signal(object)
    network_added = Signal(object)

    def __init__(self, state: State):
        super().__init__(state)
        self._state = state
        # Asks whether doubtful images are to be used: calls the second argument if so.
        self.confirm: Callable[[str, Callable[[], None]], None] = lambda _, go_on: go_on()
        self._waiting: list[Callable[[], object]] = []
        self.drives = Drives(state)
        # Called with images that were read from what the user gave: they replace the present ones.
        self.choose: Callable[[ImagesSpec, ImageSet], object] = state.choose_images
        self.add: Callable[[Imported], object] = lambda spec: state.run([spec])
        self._progress, self._patience = (0.0, 0.0), patience.Patience()
        self.name, self._looks = "", 0
        self._poll = QTimer(self)
        self._poll.setInterval(POLL_MS)
        self._poll.timeout.connect(self._tick)
        state.runner.ready.connect(self._on_ready)
        state.runner.broken.connect(self._on_broken)
        state.study_changed.connect(self.cancel)

    # ------------------------------------------------------------------------------------- state

    @property
    def busy(self) -> bool:
        """Whether images are being read."""
        return bool(self.name)

    @property
    def done(self) -> float:
        """How many files have been read."""
        return self._progress[0]

    @property
    def total(self) -> float:
        """How many files there are to read; 0 until they have been counted."""
        return self._progress[1]

    # ------------------------------------------------------------------------------------ taking

    def take(self, paths: list[Path]) -> None:
        """Handle each path by its kind: open studies, read images, ask about weights."""
        if not self._state.runner.loaded and any(map(dropping.may_be_images, paths)):
            self.started.emit()  # where reading is shown is also where to wait for it
        self.when_loaded(lambda: self._look_at(paths))

    def _look_at(self, paths: list[Path]) -> None:
        self._looks += 1
        work = partial(dropping.sort_paths, paths)
        self.drives.ask(f"look {self._looks}", paths[0].name, work, self._take_sorted)

    def _take_sorted(self, found: dropping.Sorted) -> None:
        for problem in found.problems:
            self._say(problem, error=True)
        if len(found.studies) + len(found.packed) > 1:
            self._say("Of several studies only the first was opened.")
        if found.studies:
            self.open_study(found.studies[0])
        elif found.packed:
            open_packed(self._state, found.packed[0], self.open_study)
        if found.images:
            self._read_together(found)
        for path in found.plans:
            self.plan_found.emit(path)
        for path in found.weights:
            self.take_weights(path)

    def take_weights(self, path: Path) -> None:
        """Ask about a weights file, whatever its suffix."""
        self.when_loaded(lambda: self.weights_found.emit(path))

    def read_folder(self, path: Path, options: dict[str, Any]) -> None:
        """Read images with options of :func:`engine.data.images.ingest`, such as their size."""
        self.when_loaded(lambda: self._read(path, options))

    def take_picture(self, picture: QImage) -> None:
        """Save a picture into the study's folder, and read it as if it had been dropped."""
        self.when_loaded(lambda: self._save_picture(picture))

    def open_study(self, path: Path, *, create: bool = False) -> None:
        """Open a study as soon as the engine is loaded and its drive answers.

        A study that is asked for meanwhile takes its place.
        """
        self.when_loaded(lambda: self._open_apart(path, create))

    def _open_apart(self, path: Path, create: bool) -> None:
        work = partial(Study, path, create=create)
        self.drives.ask(OPENING, path.name, work, self._state.show_study)

    def reread(self, spec: ImagesSpec) -> None:
        """Load images as their spec says, from the location the study has stored for them."""
        self.when_loaded(lambda: self._reread(spec))

    def use(self, spec: ImagesSpec) -> None:
        """Make these the current images, and queue their record so that it is stored."""
        self.when_loaded(lambda: self._use(spec))

    def add_weights(self, path: Path, make: Callable[[str], Imported], keep: dropping.Keep) -> None:
        """Queue an import; ``make`` returns its spec, ``keep`` leaves its table in the study."""

        def work(control: Control) -> Imported:
            from engine.data.safety.apart import apart
            from engine.training.proposing import digest_of

            return make(apart(lambda check: digest_of(path, check), control.check))

        def done(spec: Imported) -> None:
            self._add_imported(path, spec, keep)

        self._state.underway.ask(f"digest {path}", f"Reading {path.name}", work, done)

    @Slot()
    def cancel(self) -> None:
        """Stop reading images; the current images stay."""
        if self.busy:
            self._state.runner.forget(CHANNEL)
            self._say(f"Reading {self.name} was cancelled.")
            self._end()

    def create_study(self, name: str) -> bool:
        """Create a study in the user's documents and open it; return whether it succeeded."""
        path = dropping.free_path(settings.documents(), name, SUFFIX)
        if not self._state.open_study(path, create=True):
            return False
        self._say(f"Created the study {path.stem} in {path.parent}.")
        return True

    def when_loaded(self, action: Callable[[], object]) -> None:
        """Call this as soon as the engine is loaded."""
        if self._state.runner.loaded:
            action()
            return
        self._waiting.append(action)
        self._say("Loading the engine; this goes on in a moment.")

    def read(
        self,
        name: str,
        work: Callable[[Control], Any],
        done: Callable[[Any], object],
        *,
        seen: bool = True,
    ) -> None:
        """Read something on a lane, then call ``done`` with it; what was being read is given up.

        Parameters
        ----------
        name
            What is read, for the line that shows how far it is.
        work
            May call :meth:`note`.
        seen
            Whether it takes long enough to be shown.
        """
        self._progress, self._patience = (0.0, 0.0), patience.Patience()
        if seen:
            self.name = name
            self._poll.start()
            self.started.emit()
            self.changed.emit()

        def ended(found: Any) -> None:
            self._end()
            done(found)

        self._state.runner.ask(CHANNEL, work, ended, self._fail, long=True)

    def note(self, done: float, total: float, _: str = "") -> None:
        """Store the progress. Runs on the lane's thread, so it must not touch anything else."""
        self._progress = (done, total)

    # ----------------------------------------------------------------------------------- private

    @Slot()
    def _on_ready(self) -> None:
        waiting, self._waiting = self._waiting, []
        for action in waiting:
            action()

    @Slot(str)
    def _on_broken(self, text: str) -> None:
        self._waiting.clear()
        self._say(f"The engine cannot be loaded: {text}", error=True)

    def _use(self, spec: ImagesSpec) -> None:
        if self._study_called(spec.label.split(" (")[0]) is None:
            return
        if spec != self._state.images:
            self._reread(spec)
        self._state.run([spec])

    def _read_together(self, found: dropping.Sorted) -> None:
        """Read one folder, archive or file; copy several files into the study first."""
        paths, folders = found.images, found.folders
        if len(paths) == 1:
            self._read(paths[0], {} if folders else self._form_of_present()(paths[0]))
        elif folders:
            self._say("Drop one folder at a time, or the folder that holds them all.", error=True)
        elif len(paths) > COPIED_AT_MOST:
            text = "{count:,} files are too many to copy: drop their folder instead."
            self._say(text.format(count=len(paths)), error=True)
        elif study := self._study_called("Pictures"):
            place = study.path / "dropped" / found.name
            self._read_own(found.name, partial(copies.copied, paths, place))

    def _read(self, path: Path, options: dict[str, Any]) -> None:
        work = partial(self._ingested, path, options)
        self.read(path.name, work, lambda found: self._choose_after_asking(path, *found))

    def _ingested(
        self, path: Path, options: dict[str, Any], control: Control
    ) -> tuple[StoredImages, ImageSet]:
        """Read images; on a lane."""
        from engine.data.images import ingest

        return ingest(
            path,
            **{"validation": None, **options},  # None: propose a part
            progress=self.note,
            check_cancelled=control.check,
            cache=self._state.image_cache,
        )

    def _read_own(self, name: str, make: Callable[[Check], copies.Own]) -> None:
        """Read what ``make`` puts into the study."""
        form = self._form_of_present()

        def work(control: Control) -> tuple[Path, tuple[StoredImages, ImageSet]]:
            from engine.data.safety.apart import apart

            own = apart(make, control.check)
            return copies.read_own(own, lambda at: self._ingested(at, form(at), control))

        self.read(name, work, lambda found: self._choose_after_asking(found[0], *found[1]))

    def _reread(self, spec: ImagesSpec) -> None:
        study = self._state.study

        def work(control: Control) -> ImageSet:
            from engine.data.images import load

            locate = study.locate if study is not None else _nowhere
            return load(
                spec,
                locate,
                progress=self.note,
                check_cancelled=control.check,
                cache=self._state.image_cache,
            )

        self.read(spec.title, work, partial(self._state.choose_images, spec))

    @Slot()
    def _tick(self) -> None:
        if self._patience.is_lost(self._progress):
            self._say(patience.sentence(self.name))
        self.changed.emit()

    @Slot()
    def _end(self) -> None:
        self.name = ""
        self._poll.stop()
        self.changed.emit()

    def _fail(self, text: str) -> None:
        self._end()
        self.failed.emit()
        self._say(text, error=True)

    def _choose_after_asking(self, path: Path, spec: StoredImages, images: ImageSet) -> None:
        """Ask once before folders that do not look like classes become the study's images."""
        from engine.data.remarks import class_doubt

        known = getattr(self._state.images, "digest", "") == spec.digest
        doubt = "" if known else class_doubt(spec.name, images)
        if doubt:
            self.confirm(doubt, lambda: self._choose(path, spec, images))
        else:
            self._choose(path, spec, images)

    def _choose(self, path: Path, spec: StoredImages, images: ImageSet) -> None:
        study = self._study_called(spec.name)
        if study is None:
            return

        def placed(problem: str) -> None:
            if self._state.study is study:
                self._say(problem, error=True)
                self.choose(spec, images)
                self._say(dropping.summary(spec, images))

        work = partial(dropping.note_place, study, spec.digest, path)
        self.drives.ask(f"place {spec.digest}", path.name, work, placed)

    def _form_of_present(self) -> Callable[[Path], dict[str, Any]]:
        return partial(dropping.form_like, self._state.images, self._state.image_set)

    def _save_picture(self, picture: QImage) -> None:
        if study := self._study_called("Pictures"):
            self._read_own("picture", partial(copies.saved_picture, study, picture))

    def _study_called(self, name: str) -> Study | None:
        """Return the open study, or a new one of this name; None if it cannot be created."""
        if self._state.study is None:
            self.create_study(name)
        return self._state.study

    def _add_imported(self, path: Path, spec: Imported, keep: dropping.Keep) -> None:
        study = self._study_called(path.stem)
        if study is None:
            return

        def placed(problem: str) -> None:
            self._say(problem, error=True)
            if self._state.study is study and not problem:
                self.add(spec)
                self.network_added.emit(spec)

        work = partial(dropping.note_import, study, spec, path, keep)
        self.drives.ask(f"place {spec.digest}", path.name, work, placed)

    def _say(self, text: str, *, error: bool = False) -> None:
        if text:
            self._state.message.emit(text, error)


def _nowhere(digest: str) -> Path:
    raise StudyError(f"the files with content hash {digest[:12]} are not found: no study is open")
