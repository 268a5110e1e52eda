"""What a record of accuracy by class holds, for the tab of mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.specs import AttackSpec, ClassAccuracy, Measurement
from engine.store.index import Entry
from engine.store.study import Study, StudyError, spec_of

MATRICES = {"As they are": "confusion", "Under attack": "attacked_confusion"}
PREDICTED = {"As they are": "predicted", "Under attack": "attacked_predicted"}


@dataclass(frozen=True)
class Mistakes:
    """What a record of accuracy by class holds, with the names of the classes."""

    measurement: Measurement
    attack: AttackSpec
    arrays: Any
    numbers: Any
    names: Sequence[str]


def newest(study: Study, key: str) -> Entry | None:
    """Return the newest accuracy by class of a network."""
    for entry in reversed(study.entries):
        spec = spec_of(entry) if entry.kind == Measurement.kind else None
        if (
            isinstance(spec, Measurement)
            and isinstance(spec.metric, ClassAccuracy)
            and spec.classifier.key == key
        ):
            return entry
    return None


def mistakes_in(study: Study, entry: Entry) -> Mistakes:
    """Read a record of accuracy by class.

    Raises
    ------
    StudyError
        If it cannot be read, or lacks a part.
    """
    record, spec = study.read(entry.key), spec_of(entry)
    if not isinstance(spec, Measurement) or not isinstance(spec.metric, ClassAccuracy):
        raise StudyError(f"record {entry.key} is no accuracy by class")
    needed = {*MATRICES.values(), "worst/images", "worst/labels", "worst/predicted"}
    lacking = sorted({*needed, "worst/indices"} - set(record.arrays))
    if lacking:
        raise StudyError(f"record {entry.key} lacks a part that its kind has: {lacking[0]}")
    try:
        classes = study.read(spec.classifier.images).documents.get("classes", ())
    except StudyError:
        classes = ()
    names = spec.classifier.output_names([str(name) for name in classes])
    return Mistakes(spec, spec.metric.attack, record.arrays, record.numbers, names)
