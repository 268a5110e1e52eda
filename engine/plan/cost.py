"""Estimate the work and the running time of a computation; every shown estimate comes from here.

Work is counted in passes (:mod:`engine.specs.passes`), which are derived from the spec. The seconds
per pass are learned from finished computations: from those of the same kind, network and images if
there are any, else from those of another kind on the same network and images. A kind whose passes
cannot be derived from its spec is estimated from the durations of earlier computations of that
kind.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.specs import (
    AdversarialExamples,
    AttributionRanking,
    Gradient,
    ImagesSpec,
    Imported,
    Interpretability,
    Maps,
    MaskTuning,
    Measurement,
    NetworkSpec,
    Retraining,
    StrongAccuracy,
    Training,
)
from engine.specs.passes import FORWARD, TO_PIXELS
from engine.specs.proposals import one_and_many_steps
from engine.specs.schema import Spec
from engine.store.index import Entry

PROBES = 8  # images behind the live maps; see engine.jobs.device_images
UNKNOWN_SIZE = (10_000, 2_000)  # only the proportion matters: rates are learned per image set
REMEMBERED = 0.9  # weight kept by earlier measurements at each new one: a machine's load varies
STANDING = 0.5  # share of images supposed to stand when an accuracy under strong attacks is due
SHARED_BY = 10  # retrainings that one ranking serves: the paper has 5 fractions in 2 modes
EXTRAPOLATED = 10  # times as much work as was measured is estimated from its own rate
RECENT = 300  # records from which rates are learned
COLLECTING = 0.05  # seconds for a computation that only reads other records

Size = Callable[[ImagesSpec], tuple[int, int] | None]
Likeness = tuple[str, ...]


@dataclass(frozen=True)
class Work:
    """The work of one computation.

    Attributes
    ----------
    likenesses
        Keys under which rates are learned and looked up, the most specific first.
    epochs
        Number of epochs; 0 if the work is not divided into epochs.
    batches, between
        Passes in the batches of an epoch, and passes after each epoch.
    after
        Passes after the last epoch; all passes if there are no epochs.
    images
        Training images seen in an epoch; 0 if there are none.
    """

    likenesses: tuple[Likeness, ...]
    epochs: int = 0
    batches: float = 0.0
    between: float = 0.0
    after: float = 1.0
    images: int = 0

    @property
    def watching(self) -> float:
        """The share of the work that goes into measuring after every epoch, in [0, 1]."""
        return self.epochs * self.between / self.passes if self.passes else 0.0

    @property
    def passes(self) -> float:
        """Total number of passes."""
        return self.epochs * (self.batches + self.between) + self.after

    def done_at(self, epoch: float) -> float:
        """Return how many passes are done when the reported progress is ``epoch`` (fractional).

        The last batch of an epoch reports a whole number, and the network is evaluated afterwards;
        so the evaluation of that epoch does not count yet.
        """
        evaluated = max(0, math.ceil(epoch) - 1)
        return min(self.passes, epoch * self.batches + evaluated * self.between)


def work_of(spec: Spec, size: Size = lambda images: None) -> Work:
    """Return the work of a spec.

    Parameters
    ----------
    size
        Returns the numbers of training and test images of a set, or None if they are not known yet.
    """
    count = COUNTS.get(spec.kind)
    return count(spec, size) if count is not None else Work(((spec.kind,),))


def _likenesses(kind: str, network: NetworkSpec, images: ImagesSpec) -> tuple[Likeness, ...]:
    return (kind, network.key, images.key), (network.key, images.key)


def _size_of(images: ImagesSpec, size: Size) -> tuple[int, int]:
    own = getattr(images, "train", None), getattr(images, "test", None)
    if isinstance(own[0], int) and isinstance(own[1], int):
        return round(own[0] * (1 - images.validation)), own[1]
    return size(images) or UNKNOWN_SIZE


def _training(spec: Training, size: Size) -> Work:
    train, test = _size_of(spec.images, size)
    held = _held(spec.images, train)
    attacks = {spec.evaluation, *(one_and_many_steps(spec.scheme.threat) or ())}
    watched = min(spec.epoch_images, spec.evaluation_images, held or test)
    after = _final(spec, test)
    if not held and min(spec.evaluation_images, test) == watched:
        # The last epoch's numbers serve as the final ones.
        after -= spec.evaluation.passes * watched
    return Work(
        _likenesses(spec.kind, spec.network, spec.images),
        epochs=spec.epochs,
        # The last layer alone learns at the cost of classifying the images.
        batches=train * (spec.scheme.passes - (TO_PIXELS if spec.frozen else 0.0)),
        between=FORWARD * (held or test)
        + watched * sum(attack.passes for attack in attacks)
        + PROBES * (spec.live_maps.passes - Gradient().passes),
        after=2 * after if held else after,  # the last weights, and the best ones
        images=train,
    )


def _final(spec: Training | Imported, test: int) -> float:
    """Return the passes of :func:`engine.training.evaluation.final_accuracies`."""
    attacked = min(spec.evaluation_images, test)
    return FORWARD * test + (spec.evaluation.passes + TO_PIXELS) * attacked


def _held(images: ImagesSpec, train: int) -> int:
    """Return the number of validation images beside so many training images.

    A validation folder has its own number, which is not known here.
    """
    return round(train * images.validation / (1 - images.validation))


def _imported(spec: Imported, size: Size) -> Work:
    _, test = _size_of(spec.images, size)
    return Work(_likenesses(spec.kind, spec.network, spec.images), after=_final(spec, test))


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


def _mask_tuning(spec: MaskTuning, size: Size) -> Work:
    images, network = spec.classifier.images, spec.classifier.network
    train, test = _size_of(images, size)
    return Work(
        _likenesses(spec.kind, network, images),
        epochs=spec.epochs,
        batches=float(train),
        after=2 * FORWARD * test,
        images=train,
    )


def _maps(spec: Maps, size: Size) -> Work:
    return _chosen(spec, len(spec.indices) * (FORWARD + spec.attribution.passes))


def _adversarial_examples(spec: AdversarialExamples, size: Size) -> Work:
    return _chosen(spec, len(spec.indices) * (FORWARD + spec.attack.passes))


def _measurement(spec: Measurement, size: Size) -> Work:
    _, test = _size_of(spec.classifier.images, size)
    passes = spec.metric.passes
    if isinstance(spec.metric, StrongAccuracy):
        fixed = spec.metric.passes_of_checks
        passes = fixed + STANDING * (passes - fixed)
    return _chosen(spec, min(spec.test_images, test) * passes)


def _chosen(spec: Maps | AdversarialExamples | Measurement, passes: float) -> Work:
    network, images = spec.classifier.network, spec.classifier.images
    return Work(_likenesses(spec.kind, network, images), after=passes)


def _collecting(spec: Interpretability, size: Size) -> Work:
    return Work((("collecting",),))


COUNTS: Mapping[str, Callable[..., Work]] = {
    Training.kind: _training,
    Imported.kind: _imported,
    Retraining.kind: _retraining,
    MaskTuning.kind: _mask_tuning,
    Maps.kind: _maps,
    AdversarialExamples.kind: _adversarial_examples,
    Measurement.kind: _measurement,
    Interpretability.kind: _collecting,
}


@dataclass
class Rates:
    """Measured seconds per pass.

    ``earlier`` holds the rates of older records and is used if no similar work was measured here.
    They are less reliable: the machine may have been another one, or under another load.
    """

    earlier: Rates | None = None
    _known: dict[Likeness, tuple[float, float]] = field(default_factory=dict)

    def learn(self, work: Work, seconds: float, passes: float | None = None) -> None:
        """Record that ``passes`` of the work (None: all of it) took ``seconds``."""
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
        """Return a copy that can learn more without changing the original."""
        return Rates(self.earlier, dict(self._known))

    def of(self, work: Work) -> float | None:
        """Return the seconds per pass of the most similar work that is known, or None.

        If far less of it is known, what every computation needs once weighs in its rate, and that
        of less similar work is taken where it is lower.
        """
        known = self._all_known(work)
        if not known:
            return COLLECTING if work.likenesses[0] == ("collecting",) else None
        seconds, passes = known[0]
        if passes * EXTRAPOLATED < work.passes:
            return min(seconds / passes for seconds, passes in known)
        return seconds / passes

    def _all_known(self, work: Work) -> list[tuple[float, float]]:
        """Return the seconds and passes of similar works, the most similar first."""
        own = [self._known[one] for one in work.likenesses if one in self._known]
        return own + (self.earlier._all_known(work) if self.earlier is not None else [])

    def seconds(self, work: Work) -> float | None:
        """Return the estimated seconds of the work, or None if no similar work was measured."""
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
    """Return the rates learned from the durations of a study's newest records."""
    sizes, rates = sizes_in(entries), Rates()
    for entry in entries[-RECENT:]:
        spec = entry.known_spec
        if spec is None:
            continue  # written by a later version, with a kind that this version does not know
        passes = entry.numbers.get("passes")  # an image's: attacks leave images that fell
        done = None if passes is None else float(passes) * int(entry.numbers["test_images"])
        rates.learn(work_of(spec, lambda images: sizes.get(images.key)), entry.seconds, done)
    return rates


def finish(
    running: Mapping[str, float],
    waiting: Sequence[tuple[str, float, frozenset[str]]],
    slots: int,
) -> float:
    """Return in how many seconds the queue will be empty, by simulating the scheduler.

    Parameters
    ----------
    running
        Seconds left of each running computation, by key.
    waiting
        The waiting computations in the queue's order: key, seconds, and the keys of those that must
        end first. Keys that neither run nor wait count as done.
    slots
        How many computations run at once, at least 1.
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
