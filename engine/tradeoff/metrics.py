"""The measurements of a study: which network has which metric."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.specs import Measurement
from engine.store.study import Study, spec_of


@dataclass(frozen=True)
class Measured:
    """One measurement.

    Attributes
    ----------
    network, classifier, key
        The network's title and key, and the key of the measurement.
    spec
        What was measured.
    value
        The number that stands for it (see :class:`engine.specs.MetricSpec`), None without one.
    clean_accuracy
        Of the network, in [0, 1]; None where its record has none.
    test_images
        How many it was measured on.
    """

    network: str
    classifier: str
    key: str
    spec: Measurement
    value: float | None
    clean_accuracy: float | None
    test_images: int


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
        name = next((name for name in spec.metric.headline if name in entry.numbers), None)
        yield Measured(
            network=study.title(spec.classifier),
            classifier=spec.classifier.key,
            key=entry.key,
            spec=spec,
            value=None if name is None else float(entry.numbers[name]),
            clean_accuracy=accuracies.get(spec.classifier.key),
            test_images=int(entry.numbers.get("test_images", spec.test_images)),
        )
