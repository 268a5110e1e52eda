"""The networks that were trained before: read from the study, and named apart from each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from engine.specs import Training
from engine.specs.distinguish import networks_apart
from engine.specs.schema import Spec
from gui.pages.train.runs import Arrays, Runs, TrainingRun, histories
from gui.session.workspace import Workspace

MOST_STORED = 12


class History(QObject):
    """Reads the curves and maps of the newest and of the requested networks on a lane.

    Signals
    -------
    arrived
        Curves of older networks were read.
    renamed
        A network has another name.
    """

    arrived = Signal()
    renamed = Signal()

    def __init__(self, workspace: Workspace, runs: Runs, parent: QObject):
        super().__init__(parent)
        self._workspace, self._runs = workspace, runs
        self._specs: dict[str, Training] = {}
        self._read: set[str] = set()
        self._wished: list[str] = []

    def stored(self) -> dict[str, Training]:
        """Return the networks trained on the present images, by key, oldest first."""
        images = self._workspace.images
        return {
            entry.key: spec
            for entry, spec in self._workspace.classifiers()
            if isinstance(spec, Training) and spec.images == images
        }

    def place(self, run: TrainingRun, spec: Spec | None) -> None:
        """Set the first epoch of a network's curves, and name it.

        The curves of a continued training begin where the earlier training ended.
        """
        if isinstance(spec, Training):
            run.offset = spec.earlier_epochs
            self._specs[run.key] = spec
            self.name()

    @Slot()
    def name(self) -> None:
        """Give every network the name that it has on the other pages.

        A network in training is told apart from those, which keep their names until it is stored.
        """
        listed = self._workspace.networks.usable()
        titles = {network.key: network.title for network in listed}
        going = {key: spec for key, spec in self._specs.items() if key not in titles}
        if going:
            names = networks_apart(
                [*(one.entry.title for one in listed), *(spec.title for spec in going.values())],
                [*(one.spec for one in listed), *going.values()],
            )
            titles.update(zip(going, names[len(listed) :], strict=True))
        for run in self._runs:
            if run.title != titles.get(run.key, run.title):
                run.title = titles[run.key]
                run.drawn = run.mapped = False
                self.renamed.emit()

    def wish(self, key: str) -> None:
        """Read a network too that is not among the newest."""
        if key not in self._runs and key in self.stored():
            self._wished.append(key)
            self.read()

    def renew(self, key: str) -> None:
        """Read a network again, whose record was just stored."""
        self._read.discard(key)
        self.read()

    @Slot()
    def read(self) -> None:
        """Read what is missing; with other images, networks may have other names."""
        self.name()
        study = self._workspace.study
        stored, shown = self.stored(), {run.key for run in self._runs}
        newest = list(stored)[-MOST_STORED:]
        wanted = [key for key in stored if key in newest or key in shown or key in self._wished]
        keys = [key for key in wanted if key not in self._read]
        if study is None or not keys:
            # A pending read is of other images.
            self._workspace.runner.forget("train-history")
            return

        def work(control: Any) -> dict[str, Arrays]:
            return histories(study, keys, control)

        def done(found: dict[str, Arrays]) -> None:
            self._show(stored, found)

        self._workspace.runner.ask("train-history", work, done, self._on_unreadable)

    def drop(self, key: str) -> None:
        """Forget one network."""
        self._runs.remove(key)
        self._specs.pop(key, None)
        self._read.discard(key)

    def forget(self) -> None:
        """Forget what was read and asked for."""
        self._read.clear()
        self._wished.clear()

    def _show(self, stored: Mapping[str, Training], found: Mapping[str, Arrays]) -> None:
        for key, arrays in found.items():
            self._read.add(key)
            run = self._runs.add(key, stored[key].title)
            self.place(run, stored[key])
            run.take_record(arrays)
        self.arrived.emit()

    def _on_unreadable(self, text: str) -> None:
        self._workspace.message.emit(text, True)
