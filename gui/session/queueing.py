"""Queueing what pages and menus ask for, by thousands and for days.

Thousands of specs are named off the window's thread, and a question comes before work of more than
a day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from engine.jobs.durations import LONG
from engine.specs.schema import Spec
from gui.session.state import State

if TYPE_CHECKING:
    from engine.plan.cost import Work
    from engine.plan.forecast import Forecast
    from engine.plan.scheduler import Prepared
    from gui.session.pace import Pace

NAMED_AT_ONCE = 8  # more specs are named on a lane: each may require dozens
Confirm = Callable[[int, float, Callable[[], object]], object]


class Queueing:
    """Queues specs in the open study.

    Attributes
    ----------
    works
        The work of computations that were queued in large numbers, by key.
    confirm
        Called before work of more than a day is queued, with the number of computations, the
        seconds that they take, and a function that queues them. None: it is queued at once.
    """

    def __init__(self, state: State, pace: Pace):
        self._state, self._pace = state, pace
        self.works: dict[str, Work] = {}
        self.confirm: Confirm | None = None
        state.study_changed.connect(self._forget)

    def run(self, specs: Iterable[Spec]) -> list[Spec]:
        """Compute what is missing for these specs, and return what was queued.

        Nothing is queued yet, and nothing returned, while many are named on a lane or while a
        question waits for its answer.
        """
        asked = list(specs)
        runner = self._state.runner
        if runner.slots is not None and len(asked) > NAMED_AT_ONCE:
            self.run_many(lambda: asked)
            return []
        missing = self._missing(asked)
        seconds = self._pace.known_seconds(missing)
        if self.confirm is not None and seconds > LONG:
            self.confirm(len(missing), seconds, lambda: State.run(self._state, asked))
            return []
        return State.run(self._state, asked)

    def run_many(self, specs: Callable[[], Iterable[Spec]]) -> None:
        """Name what ``specs`` returns on a lane, and queue what is missing for it."""
        state, study = self._state, self._state.study

        def done(found: tuple[list[Prepared], Forecast]) -> None:
            prepared, forecast = found
            if state.study is not study:
                return
            self.works.update(forecast.works)
            if self.confirm is not None and (forecast.seconds or 0.0) > LONG:
                self.confirm(len(prepared), forecast.seconds or 0.0, lambda: self._add(prepared))
            else:
                self._add(prepared)

        def failed(text: str) -> None:
            state.message.emit(text, True)

        try:
            state.runner.prepare(specs, self._pace.rates(), self._pace.size, done, failed)
        except ValueError as error:
            failed(str(error))

    def _add(self, prepared: list[Prepared]) -> None:
        state = self._state

        def done(queued: list[Spec]) -> None:
            if not queued:
                state.message.emit("Everything asked for is in the study already.", False)

        def failed(text: str) -> None:
            state.message.emit(text, True)

        try:
            state.runner.run_prepared(prepared, done, failed)
        except ValueError as error:
            failed(str(error))

    def _missing(self, asked: list[Spec]) -> list[Spec]:
        study, runner = self._state.study, self._state.runner
        if study is None or runner.slots is None:
            return []
        from engine.plan.scheduler import missing

        return missing(asked, study)

    def _forget(self) -> None:
        self.works.clear()
