"""List the measurements of a study, by network and metric."""

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
        The spec of the measurement.
    value
        Its headline number (see :class:`engine.specs.MetricSpec`); None if it has none.
    clean_accuracy
        Clean accuracy of the network, in [0, 1]; None if its record has none.
    test_images
        Number of test images it was measured on.
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
