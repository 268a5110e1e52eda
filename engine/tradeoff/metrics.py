"""List the measurements of a study, by network and metric."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.specs import Measurement, MetricSpec
from engine.specs.scores.base import BASELINES
from engine.store.index import Entry
from engine.store.study import Study, spec_of

Numbers = Mapping[str, Any]


@dataclass(frozen=True)
class Measured:
    """One measurement.

    Attributes
    ----------
    network, classifier, key
        The network's title and key, and the key of the measurement.
    spec
        The spec of the measurement.
    value
        Its headline number (see :class:`engine.specs.MetricSpec`); None if it has none.
    clean_accuracy
        Clean accuracy of the network, in [0, 1]; None if its record has none.
    test_images
        Number of test images it was measured on.
    low, high
        Limits of the value's 95 % interval over the images; None if it has none.
    beside
        The same number of its baselines, by their names in words.
    """

    network: str
    classifier: str
    key: str
    spec: Measurement
    value: float | None
    clean_accuracy: float | None
    test_images: int
    low: float | None = None
    high: float | None = None
    beside: dict[str, float] = field(default_factory=dict)

    @property
    def metric(self) -> MetricSpec:
        """The metric that was measured."""
        return self.spec.metric


def measured_in(study: Study) -> Iterator[Measured]:
    """Yield the measurements of a study, oldest first."""
    accuracies = {
        entry.key: float(entry.numbers["clean_accuracy"])
        for entry in study.entries
        if "clean_accuracy" in entry.numbers
    }
    for entry in study.entries:
        spec = spec_of(entry) if entry.kind == Measurement.kind else None
        if not isinstance(spec, Measurement):
            continue
        yield measured(
            entry, spec, study.title(spec.classifier), accuracies.get(spec.classifier.key)
        )


def measured(
    entry: Entry, spec: Measurement, network: str = "", clean_accuracy: float | None = None
) -> Measured:
    """Return the measurement of an entry; the network's title and accuracy where they are known."""
    name = next((name for name in spec.metric.headline if name in entry.numbers), None)
    return Measured(
        network=network,
        classifier=spec.classifier.key,
        key=entry.key,
        spec=spec,
        value=None if name is None else float(entry.numbers[name]),
        clean_accuracy=clean_accuracy,
        test_images=int(entry.numbers.get("test_images", spec.test_images)),
        **_around(entry.numbers, name, spec.metric),
    )


def _around(numbers: Numbers, name: str | None, metric: MetricSpec) -> dict[str, Any]:
    """Return the interval of a headline number and the baselines beside it."""

    def number(ending: str) -> float | None:
        found = numbers.get(f"{name}_{ending}")
        return None if found is None else float(found)

    beside = {BASELINES.get(which, which): number(which) for which in metric.baselines}
    return {
        "low": number("low"),
        "high": number("high"),
        "beside": {words: value for words, value in beside.items() if value is not None},
    }


def limits_text(found: Measured) -> str:
    """Return the interval of a measurement as "0.100 to 0.200"; "" if it has none."""
    if found.low is None or found.high is None:
        return ""
    return f"{_three(found.low)} to {_three(found.high)}"


def _three(value: float) -> str:
    """Return a number with three digits, zeros too: 0.39 beside 0.331 is written 0.390."""
    return f"{value:#.3g}".removesuffix(".")


def beside_text(found: Measured) -> str:
    """Return the baselines of a measurement as "random map 0.100, ..."; "" if there are none."""
    return ", ".join(f"{words} {_three(value)}" for words, value in found.beside.items())


def caveats(found: Iterable[Measured]) -> list[str]:
    """Return what the metrics of these measurements do not show, one line a metric."""
    known = [one.metric for one in found if one.value is not None and one.metric.caveat]
    return list(dict.fromkeys(f"{metric.label}: {metric.caveat}" for metric in known))
