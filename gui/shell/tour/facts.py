"""The numbers that the guided tour shows, taken from the records of a study."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from engine.boundary import lab
from engine.specs import AdversarialExamples, Maps, Measurement
from engine.store.index import Entry
from engine.store.study import Study, spec_of
from engine.tradeoff import points as tradeoff_points
from engine.tradeoff.correlation import correlation
from engine.tradeoff.inference import Limits, judge
from engine.tradeoff.points import NetworkPoint

GRADIENT = "gradient"


@dataclass(frozen=True)
class Facts:
    """Results of a study that illustrate the paper's argument; None or empty where missing.

    Attributes
    ----------
    images
        Title of the images, and the numbers of training images, test images and classes.
    standard, robust
        A network of standard training, and the one trained against the strongest attack among
        those on the same images and against the same norm.
    fooled
        Key of a network -> eps in [0, 1] units, how many attacked images changed its answer, and of
        how many.
    blurriness, tangent
        Key of a network -> blurriness of its gradient maps; their share in the tangent space.
    tilt
        Degrees between the boundary of the standard network of the plane and the line through the
        centres, and the same for the one trained with the largest eps.
    fit
        Correlation of accuracy and ROAR score over the networks, and their number.
    limits
        The 95 % interval of that correlation; None where the design has none.
    """

    images: tuple[str, int, int, int] | None = None
    standard: NetworkPoint | None = None
    robust: NetworkPoint | None = None
    fooled: dict[str, tuple[float, int, int]] = field(default_factory=dict)
    blurriness: dict[str, float] = field(default_factory=dict)
    tangent: dict[str, float] = field(default_factory=dict)
    tilt: tuple[float, float] | None = None
    fit: tuple[float, int] | None = None
    limits: Limits = None


def facts_of(study: Study) -> Facts:
    """Read the index of a study; no record is opened."""
    entries = study.entries
    points = tradeoff_points.networks(study)
    standard, robust = _pair(points)
    fooled, blurriness, tangent = _measured(entries)
    correlated = _fit([p for p in points if standard and p.images == standard.images])
    return Facts(
        images=_images(entries, standard),
        standard=standard,
        robust=robust,
        fooled=fooled,
        blurriness={key: share for key, share in blurriness.items() if math.isfinite(share)},
        tangent=tangent,
        tilt=_tilt(study),
        fit=None if correlated is None else correlated[:2],
        limits=None if correlated is None else correlated[2],
    )


def _pair(points: Iterable[NetworkPoint]) -> tuple[NetworkPoint | None, NetworkPoint | None]:
    """Return a standard network and the strongest partner; those with scores take precedence."""
    listed = list(points)
    plain = [p for p in listed if p.scheme == "standard"]
    partners = {p.key: [q for q in listed if q.eps > 0 and q.images == p.images] for p in plain}
    plain.sort(key=lambda p: (bool(p.scores), len(partners[p.key])), reverse=True)
    if not plain:
        return None, None
    others = sorted(partners[plain[0].key], key=lambda q: (bool(q.scores), q.norm == "linf", q.eps))
    return plain[0], others[-1] if others else None


def _images(
    entries: Iterable[Entry], standard: NetworkPoint | None
) -> tuple[str, int, int, int] | None:
    names = ("train_images", "test_images", "classes")
    found = [entry for entry in entries if all(name in entry.numbers for name in names)]
    own = [entry for entry in found if standard is not None and entry.key == standard.images]
    for entry in [*own, *found]:
        train, test, classes = (int(entry.numbers[name]) for name in names)
        return entry.title, train, test, classes
    return None


def _measured(
    entries: Iterable[Entry],
) -> tuple[dict[str, tuple[float, int, int]], dict[str, float], dict[str, float]]:
    """Return attacks, blurriness and tangent shares by network, the newest record of each."""
    fooled: dict[str, tuple[float, int, int]] = {}
    blurriness: dict[str, float] = {}
    tangent: dict[str, float] = {}
    for entry in entries:
        if entry.kind not in (AdversarialExamples.kind, Maps.kind, Measurement.kind):
            continue
        spec, numbers = spec_of(entry), entry.numbers
        if isinstance(spec, AdversarialExamples) and "success_rate" in numbers:
            count = len(spec.indices)
            fallen = round(count * float(numbers["success_rate"]))
            fooled[spec.classifier.key] = spec.attack.eps, fallen, count
        elif isinstance(spec, Maps) and spec.attribution.kind == GRADIENT:
            blurriness[spec.classifier.key] = float(numbers.get("blurriness", math.nan))
        elif isinstance(spec, Measurement) and "known" in numbers:
            tangent[spec.classifier.key] = float(numbers["known"])
    return fooled, blurriness, tangent


def _tilt(study: Study) -> tuple[float, float] | None:
    found = lab.tilts(study)
    if len(found) < 2 or found[0].eps != 0:
        return None
    return found[0].mean, found[-1].mean


def _fit(points: list[NetworkPoint]) -> tuple[float, int, Limits] | None:
    known = [p for p in points if p.clean_accuracy is not None and GRADIENT in _roar(p)]
    if len(known) < 3:
        return None
    x = np.array([float(p.clean_accuracy or 0) for p in known])
    y = np.array([_roar(p)[GRADIENT] for p in known])
    found = correlation(x, y)
    one = len({p.seed for p in known}) == 1
    limits = judge(x, y, np.zeros(len(x)), np.arange(len(x))).interval if one else None
    return None if found is None else (found, len(x), limits)


def _roar(point: NetworkPoint) -> dict[str, float]:
    return point.scores.get("roar", {})
