"""What a worker does with computations that were started: compute, store, and say how it ended."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.devices.faults import why_lost
from engine.jobs.context import Cache, Cancelled, Context, Control, on_this_thread
from engine.jobs.events import Ended, Event, Started
from engine.plan.bundles import BUNDLED
from engine.plan.outcomes import explain
from engine.plan.slots import Slots, provenance
from engine.specs.schema import Spec
from engine.specs.variants import origins_in
from engine.store.checking import why_taken
from engine.store.study import Result, Study, StudyError

Computation = Callable[[Any, Context], Result]
Begun = tuple[Spec, Control]


@dataclass(frozen=True)
class _Clock:
    start: float
    together: int

    def share(self) -> float:
        """Return the seconds since the start, divided among those that are computed together."""
        return (time.monotonic() - self.start) / self.together


@dataclass(frozen=True)
class Runner:
    """Computes specs, alone or together, and writes their records into the study.

    ``lose`` is told why the device does not answer any more, before what failed by it ends.
    """

    study: Study
    slots: Slots
    emit: Callable[[Event], None]
    cache: Cache
    computations: Mapping[str, Computation]
    lose: Callable[[str], None]

    def run(self, begun: Sequence[Begun], end: Callable[[Ended], None]) -> None:
        """Compute one spec, or several that are computed together; call ``end`` once for each.

        Of several, each is said to have taken its share of the time: what they took adds up to what
        the device was busy, and estimates of other plans, which are sums, stay right.
        """
        clock = _Clock(time.monotonic(), len(begun))
        contexts: dict[str, Context] = {}
        for spec, control in begun:
            where = threading.current_thread().name
            self.emit(Started(spec.key, spec.kind, spec.title, where))
            context = Context(spec, self.study, self.slots.device, self.emit, control, self.cache)
            context.captures = self.slots.captures
            contexts[spec.key] = context

        def ended(context: Context, outcome: Result | BaseException) -> None:
            if contexts.pop(context.spec.key, None) is not None:
                end(self._stored(context, outcome, clock.share()))

        for context in tuple(contexts.values()):
            try:
                # Another process may have written this record meanwhile.
                if self.study.take_up(context.spec):
                    del contexts[context.spec.key]
                    end(Ended(context.spec.key, "finished", clock.share()))
                elif taken := why_taken(self.study.path, context.spec.kind, context.spec.key):
                    raise StudyError(taken)
                origins_in(context.spec)  # refuses what a plugin declared before it changed
            except BaseException as error:
                ended(context, error)
        left = tuple(contexts.values())
        try:
            if len(left) == 1:
                with on_this_thread(left[0].check_cancelled):
                    found = self.computations[left[0].spec.kind](left[0].spec, left[0])
                ended(left[0], found)
            elif left:
                BUNDLED[left[0].spec.kind].compute(left, ended)
        except BaseException as error:  # if this ended the worker, its jobs would stay "running"
            for context in tuple(contexts.values()):
                ended(context, error)

    def _stored(self, context: Context, outcome: Result | BaseException, seconds: float) -> Ended:
        """Write the record of a result; return how the computation ended."""
        spec = context.spec
        if isinstance(outcome, Result):
            try:
                made = provenance(self.slots, spec) | context.provenance
                self.study.write(spec, outcome, seconds=seconds, provenance=made)
            except BaseException as error:
                outcome = error
            else:
                return Ended(spec.key, "finished", seconds)
        if isinstance(outcome, Cancelled):
            return Ended(spec.key, "cancelled", seconds)
        if lost := why_lost(self.slots.device):
            self.lose(lost)  # it did not fail: on a device that answers it can be computed
            return Ended(spec.key, "cancelled", seconds, lost)
        details = "".join(traceback.format_exception(outcome))
        return Ended(spec.key, "failed", seconds, explain(outcome), details)
