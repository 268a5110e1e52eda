"""What a study holds about one network, and how to measure what it does not hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from engine.figures.network_page.markup import Markup, element
from engine.plan.reproduce import plan_text
from engine.specs import ClassAccuracy, ClassifierSpec, SmallestEps
from engine.specs.measures import Measurement, MetricSpec, StrongAccuracy
from engine.specs.schema import Spec, SpecError
from engine.store.index import Entry
from engine.store.study import Record, Study, StudyError, spec_of
from engine.texts import percent
from engine.tradeoff.robustness import Robustness, robustness, wilson

S = TypeVar("S", bound=Spec)
IMAGES = 1000  # test images that a plan for a missing measurement asks for, if there are so many
L2_RADII = tuple(2.0**power for power in range(-4, 3))


@dataclass(frozen=True)
class Subject:
    """One network of a study, with its record read."""

    study: Study
    record: Record
    spec: ClassifierSpec

    @classmethod
    def of(cls, study: Study, key: str) -> Subject:
        """Read the network with this key.

        Raises
        ------
        StudyError
            If there is none, or its record cannot be read.
        """
        record = study.read(key)
        spec = spec_of(record.entry)
        if not isinstance(spec, ClassifierSpec):
            raise StudyError(
                f"record {record.entry.key} is {record.entry.title}, which is no network"
            )
        return cls(study, record, spec)

    @property
    def entry(self) -> Entry:
        """Its line in the index, with the user's title."""
        return self.record.entry

    @cached_property
    def robustness(self) -> Robustness:
        """What all attacks of the study left of its accuracy."""
        return robustness(self.study)[self.entry.key]

    @cached_property
    def images(self) -> Record | None:
        """The record of its images; None if the study has none."""
        try:
            return self.study.read(self.spec.images)
        except StudyError:
            return None

    @cached_property
    def classes(self) -> list[str]:
        """Names of its outputs, the images' classes first; empty if they are not known."""
        known = self.images.documents.get("classes", ()) if self.images is not None else ()
        return list(self.spec.output_names([str(name) for name in known]))

    def records_of(self, kind: type[S]) -> Iterator[tuple[Entry, S]]:
        """Yield the records of a kind that were made of this network, oldest first."""
        for entry in self.study.entries:
            spec = spec_of(entry) if entry.kind == kind.kind else None
            if isinstance(spec, kind) and getattr(spec, "classifier", None) == self.spec:
                yield entry, spec

    def records_of_metric(self, metric: type[MetricSpec]) -> Iterator[tuple[Entry, Measurement]]:
        """Yield the measurements of a metric of this network, oldest first."""
        for entry, spec in self.records_of(Measurement):
            if isinstance(spec.metric, metric):
                yield entry, spec

    def newest(self, metric: type[MetricSpec]) -> tuple[Record, Measurement] | None:
        """Return the measurement of a metric over the most images; of equals, the newest."""
        found = list(self.records_of_metric(metric))
        if not found:
            return None
        entry, spec = max(
            reversed(found), key=lambda pair: int(pair[0].numbers.get("test_images", 0))
        )
        return self.study.read(entry.key), spec


def missing(subject: Subject, metric: MetricSpec, what: str) -> Markup:
    """Say that something was not measured, and how to measure it."""
    known = subject.images.numbers.get("test_images") if subject.images is not None else None
    count = min(IMAGES, int(known)) if known else IMAGES
    spec = Measurement(classifier=subject.spec, metric=metric, test_images=count)
    how = (
        f"Not measured: {what}. In the window: page Attack, tab Metrics, metric "
        f"{metric.label}, Measure."
    )
    try:
        plan = plan_text(spec)
    except SpecError as error:
        return element("p", f"{how} A plan file cannot ask for it: {error}.", class_="missing")
    words = "Without the window: main.py run PLAN --study STUDY, with this plan as a .toml file"
    details = element("details", element("summary", words), element("pre", plan))
    return element("div", element("p", how), details, class_="missing")


def wanted(subject: Subject, kind: type[MetricSpec]) -> MetricSpec:
    """Return the metric to propose for a network, at the threat of its evaluation if it has one."""
    threat = subject.spec.evaluation
    attacked = threat.eps > 0 and threat.target is None
    if kind is StrongAccuracy:
        return StrongAccuracy(norm=threat.norm, eps=threat.eps) if attacked else StrongAccuracy()
    if kind is ClassAccuracy and attacked:
        return ClassAccuracy(attack=threat)
    if kind is SmallestEps and attacked:
        found = SmallestEps(attack=threat)
        return found.replace("eps", L2_RADII) if threat.norm == "l2" else found
    return kind()


def interval(right: int, count: int) -> str:
    """Return the 95 % Wilson interval of a share in percent."""
    low, high = wilson(right, count)
    return f"{100 * low:.1f} to {percent(high)}" if count else "–"
