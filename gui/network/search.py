"""Reads a weights file and measures its network on lanes, for the dialog."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from engine.specs import ImagesSpec, Imported, NetworkSpec
from gui.session.state import State
from gui.widgets.while_there import while_there

if TYPE_CHECKING:
    from engine.jobs.context import Control
    from engine.networks.opening.finding import Found, Opened
    from engine.store.study import Study
    from engine.training.deciding import Choice, Decision

FIND, MEASURE = "network/find", "network/measure"
POLL_MS = 200


class Search(QObject):
    """What is found in one weights file, for the images that are chosen.

    Signals
    -------
    found_changed
        The network was found, or could not be: see ``found`` and ``problem``.
    decided
        The table of accuracies was measured, or could not be: see ``decision`` and ``problem``.
    progressed
        Takes the share of the table that is measured, and the seconds left.
    """

    found_changed = Signal()
    decided = Signal()
    progressed = Signal(float, float)

    def __init__(self, path: Path, state: State, parent: QObject | None = None):
        super().__init__(parent)
        self.path = path
        self._state = state
        self._opened: Opened | None = None
        self._progress = (0.0, 0.0)
        self._start = 0.0
        self.found: Found | None = None
        self.decision: Decision | None = None
        self.problem = ""
        self.fault = ""  # why the network cannot take the images
        self.wished_side: int | None = None  # at which the images should be read, if larger
        self.few_tests = False  # whether the images hold back too few for tests
        self.remarks: list[str] = []
        self._poll = QTimer(self)
        self._poll.setInterval(POLL_MS)
        self._poll.timeout.connect(self._tell)

    @property
    def measuring(self) -> bool:
        """Whether the table of accuracies is being measured."""
        return self._poll.isActive()

    @property
    def holds_weights(self) -> bool:
        """Whether weights were read from the file, of whatever network."""
        return self._opened is not None

    def find(self, place: str | None = None, network: NetworkSpec | None = None) -> None:
        """Find the network anew, at a place in the file and of an architecture, if given."""
        self.stop()
        self.found, self.decision, self.problem, self.fault = None, None, "", ""
        self.wished_side, self.few_tests = None, False
        images, opened = self._state.image_set, self._opened

        def work(control: Control) -> tuple[Opened, Found, str, int | None, list[str]]:
            from engine.data.safety.apart import apart
            from engine.networks.opening.finding import find, open_file
            from engine.training.proposing import sentences, size_fault, wished_side

            # Kept at once: naming the network can help where it is not found, not where this fails.
            read = self._opened = opened or apart(lambda _: open_file(self.path), control.check)
            shape = images.shape if images is not None else None
            found = find(read, shape=shape, network=network, place=place, check=control.check)
            fault = size_fault(found, images) if images is not None else ""
            side = wished_side(found, images) if images is not None else None
            return read, found, fault, side, sentences(found, images, None)

        def done(answer: tuple[Opened, Found, str, int | None, list[str]]) -> None:
            from engine.training.proposing import has_few_tests

            self._opened, self.found, self.fault, self.wished_side, self.remarks = answer
            self.few_tests = images is not None and has_few_tests(images)
            self.found_changed.emit()

        done_while, fail_while = while_there(self, done), while_there(self, self._fail)
        self._state.runner.ask(FIND, work, done_while, fail_while, long=True)

    def measure(self) -> None:
        """Measure the accuracies of what was found on the chosen images."""
        found, images = self.found, self._state.image_set
        if found is None or images is None or self.fault:
            return
        self.stop()
        self.decision, self.problem = None, ""
        slots = self._state.runner.slots
        device = slots.device if slots is not None else "cpu"

        def work(control: Control) -> tuple[Decision, list[str]]:
            from engine.training.deciding import decide
            from engine.training.proposing import sentences

            decision = decide(
                found,
                images,
                device=device,
                progress=self._note,
                check_cancelled=control.check,
            )
            return decision, sentences(found, images, decision)

        def done(answer: tuple[Decision, list[str]]) -> None:
            self._poll.stop()
            self.decision, self.remarks = answer
            self.decided.emit()

        self._progress, self._start = (0.0, 0.0), time.monotonic()
        self._poll.start()
        done_while, fail_while = while_there(self, done), while_there(self, self._fail_measuring)
        self._state.runner.ask(MEASURE, work, done_while, fail_while, long=True)

    def stop(self) -> None:
        """Stop reading and measuring; what was found stays."""
        self._poll.stop()
        self._state.runner.forget(FIND)
        self._state.runner.forget(MEASURE)

    def spec_maker(self, choice: Choice, images: ImagesSpec) -> Callable[[str], Imported] | None:
        """Return a function from the file's digest to the spec of its import, for a lane.

        None if there is no network or there are no images any more.
        """
        found, image_set = self.found, self._state.image_set
        if found is None or image_set is None:
            return None

        def make(digest: str) -> Imported:
            from engine.training.proposing import imported

            return imported(found, choice, images, image_set, digest)

        return make

    def table_keeper(self, choice: Choice) -> Callable[[Study, Imported], None]:
        """Return a function that leaves the table of accuracies in a study for an import."""
        tried = self.decision.tried(choice) if self.decision is not None else []

        def keep(study: Study, spec: Imported) -> None:
            from engine.networks.opening.tried import keep_tried

            keep_tried(study, spec.key, tried)

        return keep

    def _note(self, done: float, total: float) -> None:
        """Store the progress. Runs on the lane's thread, so it must not touch anything else."""
        self._progress = (done, total)

    def _tell(self) -> None:
        done, total = self._progress
        if total:
            spent = time.monotonic() - self._start
            self.progressed.emit(done / total, spent * (total - done) / max(done, 1e-9))

    def _fail(self, text: str) -> None:
        self.problem = text
        self.found_changed.emit()

    def _fail_measuring(self, text: str) -> None:
        self._poll.stop()
        self.problem = text
        self.decided.emit()
