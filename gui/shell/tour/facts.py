"""The numbers that the guided tour shows, taken from the records of a study."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.boundary import lab
from engine.specs import AdversarialExamples, AttackSpec, Measurement
from engine.store.index import Entry
from engine.store.study import Study, spec_of
from engine.tradeoff import points as tradeoff_points
from engine.tradeoff.correlation import correlation
from engine.tradeoff.inference import Limits, judge
from engine.tradeoff.points import NetworkPoint

GRADIENT = "gradient"
NORMAL = 1.96  # standard errors of a mean that hold 95 %


Mean = tuple[float, float]


@dataclass(frozen=True)
class Example:
    """An attack on one test image.

    Attributes
    ----------
    index
        Number of the test image.
    attack
        The attack that was recorded.
    falls, holds
        Whether the standard network changes its answer, and whether the robust one keeps its own.
    """

    index: int
    attack: AttackSpec
    falls: bool
    holds: bool


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
    cosines, tangent
        Key of a network -> cosine between its gradient and the image, and the share of its gradient
        in the tangent space; of each the mean over images, and half the width of its 95 % interval.
    example
        The image and the attack that show the difference best; None before attacks are recorded.
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
    cosines: dict[str, Mean] = field(default_factory=dict)
    tangent: dict[str, Mean] = field(default_factory=dict)
    example: Example | None = None
    tilt: tuple[float, float] | None = None
    fit: tuple[float, int] | None = None
    limits: Limits = None


def facts_of(study: Study) -> Facts:
    """Read the index of a study, and of its records the attacks on the two networks."""
    entries = study.entries
    points = tradeoff_points.networks(study)
    standard, robust = _pair(points)
    fooled, cosines, tangent = _measured(entries)
    correlated = _fit([p for p in points if standard and p.images == standard.images])
    return Facts(
        images=_images(entries, standard),
        standard=standard,
        robust=robust,
        fooled=fooled,
        cosines=cosines,
        tangent=tangent,
        example=_example(study, standard, robust),
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
) -> tuple[dict[str, tuple[float, int, int]], dict[str, Mean], dict[str, Mean]]:
    """Return attacks, cosines and tangent shares by network, the newest record of each."""
    fooled: dict[str, tuple[float, int, int]] = {}
    cosines: dict[str, Mean] = {}
    tangent: dict[str, Mean] = {}
    for entry in entries:
        if entry.kind not in (AdversarialExamples.kind, Measurement.kind):
            continue
        spec, numbers = spec_of(entry), entry.numbers
        if isinstance(spec, AdversarialExamples) and "success_rate" in numbers:
            count = len(spec.indices)
            fallen = round(count * float(numbers["success_rate"]))
            fooled[spec.classifier.key] = spec.attack.eps, fallen, count
        elif isinstance(spec, Measurement):
            for found, name in ((cosines, "cosine"), (tangent, "known")):
                if name in numbers:
                    found[spec.classifier.key] = _mean(numbers, name)
    return fooled, cosines, tangent


def _mean(numbers: Mapping[str, Any], name: str) -> Mean:
    """Return a mean and half the width of its 95 % interval, which is normal for so many images."""
    count = max(1, int(numbers.get("test_images", 1)))
    return float(numbers[name]), NORMAL * float(numbers.get(f"{name}_std", 0)) / math.sqrt(count)


def _example(
    study: Study, standard: NetworkPoint | None, robust: NetworkPoint | None
) -> Example | None:
    """Return the first image that is right at both networks, falls at one and holds at the other.

    Without such an image it is the first that falls; without attacks on both networks it is None.
    """
    if standard is None or robust is None:
        return None
    found = {}
    for entry in study.entries:
        spec = spec_of(entry) if entry.kind == AdversarialExamples.kind else None
        if isinstance(spec, AdversarialExamples) and spec.attack.target is None:
            found[spec.classifier.key] = entry.key, spec
    if standard.key not in found or robust.key not in found:
        return None
    (plain_key, plain), (robust_key, other) = found[standard.key], found[robust.key]
    if (plain.attack, plain.indices, plain.images) != (other.attack, other.indices, other.images):
        return None
    before, after = _answers(study, plain_key), _answers(study, robust_key)
    if before is None or after is None:
        return None
    falls, holds = before[0] != before[1], after[0] == after[1]
    wanted = np.where(falls & holds, 2, falls)
    place = int(np.argmax(wanted))
    return Example(plain.indices[place], plain.attack, bool(falls[place]), bool(holds[place]))


def _answers(study: Study, key: str) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """Return the classes that a network gives images before and after an attack, (N,) each."""
    arrays = study.read(key).arrays
    names = ("clean_logits", "adv_logits")
    if not all(name in arrays for name in names):
        return None
    before, after = (np.asarray(arrays[name]).argmax(1) for name in names)
    return before, after


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
