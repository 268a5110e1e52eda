"""The speed of this machine: the one source for all estimates of computing time.

Rates come, in order of preference, from records made since the program started, from batches timed
on this machine, and from older records, which may come from another machine.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from engine.memory import image_memory, in_words
from engine.plan.cost import Rates, Size, finish, rates_in, sizes_in, work_of
from engine.specs import ImagesSpec, Spec, Training
from engine.texts import percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gui.session.state import State

LARGE_BYTES = 1_000_000_000  # of pixels, from which their size is said beside the time
LARGE_WATCHING = 0.3  # share of the time, from which the measuring after epochs is said
MOST_TIMED = 256  # images in a timed batch: larger ones take longer and measure no better


class Pace:
    """Estimates rates from the open study's records and a few timed batches."""

    def __init__(self, state: State):
        self._state = state
        self._since = datetime.now(UTC).isoformat()
        self._timed = Rates()
        self._asked: set[tuple[str, str]] = set()
        self._known: tuple[object, int, Rates] | None = None

    def rates(self) -> Rates:
        """Return the seconds per pass, recomputed when the study gains or loses records."""
        entries = self._state.entries()
        study = self._state.study
        if self._known is None or self._known[:2] != (study, len(entries)):
            self._timed.earlier = rates_in([e for e in entries if e.created < self._since])
            now = rates_in([e for e in entries if e.created >= self._since])
            now.earlier = self._timed
            self._known = study, len(entries), now
        return self._known[2]

    def size(self, images: ImagesSpec) -> tuple[int, int] | None:
        """Return the numbers of training and test images of a set."""
        loaded = self._state.image_set
        if images == self._state.images and loaded is not None:
            return len(loaded.train_images), len(loaded.test_images)
        return sizes_in(self._state.entries(images.kind)).get(images.key)

    def seconds(self, specs: Iterable[Spec]) -> float | None:
        """Return the time for computations run in the device's parallel slots; None if unknown."""
        slots, rates, size = self._state.runner.slots, self.rates(), self._remembering()
        found = [(spec.key, rates.seconds(work_of(spec, size))) for spec in specs]
        waiting = [(key, value, frozenset[str]()) for key, value in found if value is not None]
        if not found or len(waiting) < len(found):
            return None
        return finish({}, waiting, slots.count if slots is not None else 1)

    def known_seconds(self, specs: Iterable[Spec]) -> float:
        """Return at least how long computations take: those of unknown length are left out."""
        wanted = list(specs)
        if not wanted:
            return 0.0
        slots, rates, size = self._state.runner.slots, self.rates(), self._remembering()
        found = [(spec.key, rates.seconds(work_of(spec, size))) for spec in wanted]
        waiting = [(key, value, frozenset[str]()) for key, value in found if value is not None]
        return finish({}, waiting, slots.count if slots is not None else 1)

    def needs(self, trainings: Sequence[Training]) -> str:
        """Return in words what trainings need beside their time, or "" if that is little.

        That is the memory of large images, and the share of the time in which the network is
        measured after its epochs, where it is large.
        """
        images, size, found = self._state.image_set, self._remembering(), []
        if trainings and images is not None and images.nbytes >= LARGE_BYTES:
            place = "memory" if images.nbytes <= image_memory() else "a file, beyond memory"
            found.append(f"images of {in_words(images.nbytes)} in {place}")
        works = [work_of(spec, size) for spec in trainings]
        whole = sum(work.passes for work in works)
        watching = sum(work.watching * work.passes for work in works) / max(whole, 1e-9)
        if watching >= LARGE_WATCHING:
            found.append(f"{percent(watching, 0)} of the time measuring after each epoch")
        return "; ".join(found)

    def time(self, spec: Training, done: Callable[[], None]) -> None:
        """Time a few batches of a training's network, once, then call ``done``.

        Nothing is timed while a computation runs, because it would slow the measurement down.
        """
        runner, images = self._state.runner, self._state.image_set
        asked = (spec.network.key, spec.images.key)
        if images is None or runner.slots is None or runner.busy or asked in self._asked:
            return
        self._asked.add(asked)
        shape, classes, threads = images.shape, images.class_count, runner.slots.threads

        def compute(_: Any, context: Any) -> float:
            from engine.plan.timing import seconds_per_pass

            return seconds_per_pass(
                spec.network,
                shape=shape,
                classes=classes,
                batch_size=min(spec.batch_size, MOST_TIMED),
                device=context.device,
                threads=threads,
                check_cancelled=context.check_cancelled,
            )

        def told(found: list[float]) -> None:
            self._timed.learn(work_of(spec), found[0], passes=1.0)
            done()

        runner.preview("pace", [spec], told, lambda _: None, compute=compute)

    def _remembering(self) -> Size:
        known: dict[str, tuple[int, int] | None] = {}

        def size(images: ImagesSpec) -> tuple[int, int] | None:
            if images.key not in known:
                known[images.key] = self.size(images)
            return known[images.key]

        return size
