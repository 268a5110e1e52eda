"""How much work a computation is, and how long that takes: one model for every promise of time.

Work is counted in passes (:mod:`engine.specs.passes`), which specs say of themselves. Their seconds
are learned from computations that have finished, the most similar first: of the same kind, network
and images; else of another kind on the same network and images. Kinds whose work is not told from
their spec take as long as others of their kind did.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.specs import (
    AdversarialExamples,
    AttributionRanking,
    ImagesSpec,
    Imported,
    Interpretability,
    Maps,
    Measurement,
    NetworkSpec,
    Retraining,
    Training,
)
from engine.specs.passes import FORWARD
from engine.specs.schema import Spec, SpecError, from_dict
from engine.store.index import Entry

EPOCH_ATTACKED = 200  # images behind the robust accuracy after an epoch; see engine.training.train
UNKNOWN_SIZE = (10_000, 2_000)  # only the proportion matters: rates are learned per image set
REMEMBERED = 0.9  # of what is known, whenever more is learned: machines are busier at times
SHARED_BY = 10  # retrainings that one ranking serves: the paper has 5 fractions in 2 modes
RECENT = 300  # records from which rates are learned
COLLECTING = 0.05  # seconds, for what only reads other records

Size = Callable[[ImagesSpec], tuple[int, int] | None]
Likeness = tuple[str, ...]


@dataclass(frozen=True)
class Work:
    """What a computation has to do.

    Attributes
    ----------
    likenesses
        What its rate depends on, the most particular first.
    epochs
        0 where the work is not done in epochs.
    batches, between
        Passes in an epoch's batches, and after each epoch.
    after
        Passes at the end, or all of them without epochs.
    images
        Training images seen in an epoch; 0 where there are none.
    """

    likenesses: tuple[Likeness, ...]
    epochs: int = 0
    batches: float = 0.0
    between: float = 0.0
    after: float = 1.0
    images: int = 0

    @property
    def passes(self) -> float:
        """All of it."""
        return self.epochs * (self.batches + self.between) + self.after

    def done_at(self, epoch: float) -> float:
        """Return how many passes are done when so many epochs (fractional) were announced.

        The last batch of an epoch announces a whole number, before the network is evaluated.
        """
        evaluated = max(0, math.ceil(epoch) - 1)
        return min(self.passes, epoch * self.batches + evaluated * self.between)


def work_of(spec: Spec, size: Size = lambda images: None) -> Work:
    """Return the work of a spec.

    Parameters
    ----------
    size
        Numbers of training and test images of a set, None where they are not known yet.
    """
    count = COUNTS.get(spec.kind)
    return count(spec, size) if count is not None else Work(((spec.kind,),))


def _likenesses(kind: str, network: NetworkSpec, images: ImagesSpec) -> tuple[Likeness, ...]:
    return (kind, network.key, images.key), (network.key, images.key)


def _size_of(images: ImagesSpec, size: Size) -> tuple[int, int]:
    own = getattr(images, "train", None), getattr(images, "test", None)
    if isinstance(own[0], int) and isinstance(own[1], int):
        return own[0], own[1]
    return size(images) or UNKNOWN_SIZE


def _training(spec: Training, size: Size) -> Work:
    train, test = _size_of(spec.images, size)
    attacked = min(spec.evaluation_images, test)
    return Work(
        _likenesses(spec.kind, spec.network, spec.images),
        epochs=spec.epochs,
        batches=train * spec.scheme.passes,
        between=FORWARD * test + spec.evaluation.passes * min(EPOCH_ATTACKED, attacked),
        after=FORWARD * test + spec.evaluation.passes * attacked,
        images=train,
    )


def _imported(spec: Imported, size: Size) -> Work:
    _, test = _size_of(spec.images, size)
    passes = FORWARD * test + spec.evaluation.passes * min(spec.evaluation_images, test)
    return Work(_likenesses(spec.kind, spec.network, spec.images), after=passes)


def _retraining(spec: Retraining, size: Size) -> Work:
    ranking = spec.occlusion.ranking
    images = ranking.images  # type: ignore[attr-defined]
    train, test = _size_of(images, size)
    marked = ranking.attribution.passes if isinstance(ranking, AttributionRanking) else 0.0
    return Work(
        _likenesses(spec.kind, spec.network, images),
        epochs=spec.epochs,
        batches=float(train),
        after=FORWARD * test + marked * (train + test) / SHARED_BY,
        images=train,
    )


def _maps(spec: Maps, size: Size) -> Work:
    return _chosen(spec, len(spec.indices) * (FORWARD + spec.attribution.passes))


def _adversarial_examples(spec: AdversarialExamples, size: Size) -> Work:
    return _chosen(spec, len(spec.indices) * (FORWARD + spec.attack.passes))


def _measurement(spec: Measurement, size: Size) -> Work:
    _, test = _size_of(spec.classifier.images, size)
    return _chosen(spec, min(spec.test_images, test) * spec.metric.passes)


def _chosen(spec: Maps | AdversarialExamples | Measurement, passes: float) -> Work:
    network, images = spec.classifier.network, spec.classifier.images
    return Work(_likenesses(spec.kind, network, images), after=passes)


def _collecting(spec: Interpretability, size: Size) -> Work:
    return Work((("collecting",),))


COUNTS: Mapping[str, Callable[..., Work]] = {
    Training.kind: _training,
    Imported.kind: _imported,
    Retraining.kind: _retraining,
    Maps.kind: _maps,
    AdversarialExamples.kind: _adversarial_examples,
    Measurement.kind: _measurement,
    Interpretability.kind: _collecting,
}


@dataclass
class Rates:
    """Seconds per pass, as far as they are known.

    ``earlier`` is asked where nothing like a piece of work was measured: what older records took,
    maybe on another machine, or in another state of this one.
    """

    earlier: Rates | None = None
    _known: dict[Likeness, tuple[float, float]] = field(default_factory=dict)

    def learn(self, work: Work, seconds: float, passes: float | None = None) -> None:
        """Take up that so many passes (all of the work without any) took so long."""
        passes = work.passes if passes is None else passes
        if seconds <= 0 or passes <= 0:
            return
        for likeness in work.likenesses:
            before = self._known.get(likeness, (0.0, 0.0))
            self._known[likeness] = (
                REMEMBERED * before[0] + seconds,
                REMEMBERED * before[1] + passes,
            )

    def copy(self) -> Rates:
        """Return the same, to learn more without changing these."""
        return Rates(self.earlier, dict(self._known))

    def of(self, work: Work) -> float | None:
        """Return the seconds per pass of the most similar work that is known, or None."""
        for likeness in work.likenesses:
            if likeness in self._known:
                seconds, passes = self._known[likeness]
                return seconds / passes
        if work.likenesses[0] == ("collecting",):
            return COLLECTING
        return self.earlier.of(work) if self.earlier is not None else None

    def seconds(self, work: Work) -> float | None:
        """Return how long work takes, or None where nothing like it is known."""
        rate = self.of(work)
        return None if rate is None else rate * work.passes


def sizes_in(entries: Iterable[Entry]) -> dict[str, tuple[int, int]]:
    """Return the numbers of training and test images of a study's image sets, by key."""
    found = {}
    for entry in entries:
        train, test = (entry.numbers.get(name) for name in ("train_images", "test_images"))
        if isinstance(train, int) and isinstance(test, int):
            found[entry.key] = train, test
    return found


def rates_in(entries: Sequence[Entry]) -> Rates:
    """Return what the newest records of a study tell: how long each took."""
    sizes, rates = sizes_in(entries), Rates()
    for entry in entries[-RECENT:]:
        try:
            spec: Spec = from_dict(entry.spec)
        except SpecError:
            continue  # a record of a later version, whose kind is not known here
        rates.learn(work_of(spec, lambda images: sizes.get(images.key)), entry.seconds)
    return rates


def finish(
    running: Mapping[str, float],
    waiting: Sequence[tuple[str, float, frozenset[str]]],
    slots: int,
) -> float:
    """Return in how many seconds a queue is empty, played through as the scheduler would.

    Parameters
    ----------
    running
        Seconds left of each computation that runs, by key.
    waiting
        In the queue's order: key, seconds, and the keys of what must end before it starts; keys
        that neither run nor wait are taken as done.
    slots
        How many run at once, at least 1.
    """
    going = [(seconds, key) for key, seconds in running.items()]
    heapq.heapify(going)
    present = {key for key, _, _ in waiting} | set(running)
    needs = [len(needed & present) for _, _, needed in waiting]
    freed: dict[str, list[int]] = {}
    for place, (_, _, needed) in enumerate(waiting):
        for key in needed & present:
            freed.setdefault(key, []).append(place)
    ready = [place for place, count in enumerate(needs) if not count]
    clock = 0.0
    while going or ready:
        while ready and len(going) < slots:
            key, seconds, _ = waiting[heapq.heappop(ready)]
            heapq.heappush(going, (clock + seconds, key))
        clock, key = heapq.heappop(going)
        for place in freed.get(key, ()):
            needs[place] -= 1
            if not needs[place]:
                heapq.heappush(ready, place)
    return clock
