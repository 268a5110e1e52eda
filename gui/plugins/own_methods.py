"""Loads the files with methods that the user allowed, and says what a study needs of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from engine.store.index import lacking
from gui.look import settings
from gui.session.state import State
from gui.widgets.forms.kinds import kinds

if TYPE_CHECKING:
    from engine.plugins import Plugin

WHERE = "Settings, Your own methods"


class OwnMethods(QObject):
    """The files with methods of the user. None runs unless the user named or allowed its content.

    Signals
    -------
    changed
        A file was loaded, could not be, or is allowed no more.
    asked
        Takes the path of an allowed file that has changed since: whether it may run is to be asked.
    """

    changed = Signal()
    asked = Signal(object)

    def __init__(self, state: State, named: Iterable[Path] = ()):
        super().__init__(state)
        self._state = state
        self._named = tuple(named)
        self._told: Path | None = None
        self._started = False
        self._loading: set[Path] = set()
        self.faults: dict[Path, str] = {}
        state.runner.ready.connect(self._start)
        state.study_changed.connect(self._tell_lacking)

    @property
    def files(self) -> list[Path]:
        """The files that are allowed or loaded."""
        found = [*settings.own_methods(), *(plugin.path for plugin in self.loaded())]
        return list(dict.fromkeys([*found, *self.faults]))

    def loaded(self) -> tuple[Plugin, ...]:
        """Return what is loaded; nothing before the engine is."""
        if not self._state.runner.loaded:
            return ()
        from engine.plugins import loaded

        return loaded()

    def words(self, path: Path) -> str:
        """Return what is known of a file: its methods, or why it is not loaded."""
        for plugin in self.loaded():
            if plugin.path == path:
                return plugin.title
        return self.faults.get(path) or f"{path.name}: not loaded"

    def allow(self, path: Path, digest: str) -> None:
        """Load a file whose content the user allowed, and remember both."""
        path = path.resolve()

        def remember(_: Plugin) -> None:
            settings.set_own_methods({**settings.own_methods(), path: digest})

        self._load(path, digest, remember)

    def withdraw(self, path: Path) -> None:
        """Run a file no more from the next start on."""
        settings.set_own_methods({p: d for p, d in settings.own_methods().items() if p != path})
        self.faults.pop(path, None)
        self.changed.emit()

    def _load(
        self, path: Path, digest: str | None, then: Callable[[Plugin], None] = lambda plugin: None
    ) -> None:
        """Load a file on a lane, because its code may take as long as it wants."""
        state = self._state

        def work(_: Any) -> Plugin:
            from engine.plugins import PluginError, load, loaded

            if any(plugin.path == path and plugin.origin.digest != digest for plugin in loaded()):
                raise PluginError(
                    f"{path.name} has changed since it was loaded: it is read again when Isthmus "
                    "is started the next time"
                )
            return load(path, digest)

        def done(plugin: Plugin) -> None:
            self.faults.pop(path, None)
            then(plugin)
            kinds.grown.emit()
            state.records_changed.emit()
            self._end(path)

        self._ask(path, work, done)

    def _ask(self, path: Path, work: Callable[[Any], Any], done: Callable[[Any], None]) -> None:
        """Work on a file on its lane; a sentence that it raises is what is known of the file."""

        def failed(sentence: str) -> None:
            self.faults[path] = sentence
            self._state.message.emit(sentence, True)
            self._end(path)

        self._loading.add(path)
        self._state.runner.ask(f"plugin {path}", work, done, failed)

    def _end(self, path: Path) -> None:
        """Note that a file is loaded, or will not be; with the last one, say what is lacking."""
        self._loading.discard(path)
        self.changed.emit()
        self._tell_lacking()

    @Slot()
    def _start(self) -> None:
        """Load what the command line names and what is allowed, if it is as it was."""
        if self._started:
            return
        self._started = True
        for path in self._named:
            self._load(path.resolve(), None)
        for path, digest in settings.own_methods().items():
            if path not in map(Path.resolve, self._named):
                self._compare(path, digest)

    def _compare(self, path: Path, digest: str) -> None:
        def work(_: Any) -> str:
            from engine.plugins import digest_of

            return digest_of(path)

        def done(found: str) -> None:
            if found == digest:
                self._load(path, digest)
            else:
                self.faults[path] = f"{path.name}: it has changed since it was allowed"
                self.asked.emit(path)
                self._end(path)

        self._ask(path, work, done)

    @Slot()
    def _tell_lacking(self) -> None:
        """Say once, when a study is opened, what its records need that is not loaded.

        Files that are still being loaded are waited for: they may be what it needs.
        """
        study = self._state.study
        if study is None or study.path == self._told or self._loading or not self._started:
            return
        self._told = study.path
        if words := lacking(study.entries):
            text = f"{words}. They are shown; {WHERE} loads what explains them."
            self._state.message.emit(text, False)
