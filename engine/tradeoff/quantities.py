"""What a study knows of each network as one number, to be laid along an axis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.specs.schema import kind_label
from engine.tradeoff.metrics import Measured
from engine.tradeoff.points import MODES, NetworkPoint, attributions_in

BETTER = {
    "strong_accuracy": 1,
    "alignment": 1,
    "corrupted_accuracy": 1,
    "smallest_eps": 1,
}
"""Kind of a metric -> 1 if more is better, -1 if less is; others have no better direction here."""


@dataclass(frozen=True)
class Quantity:
    """One number of each network.

    Attributes
    ----------
    name
        Identifies it in a study, such as "roar/gradient".
    label
        Readable name, which is an axis label.
    better
        1 if more of it is better, -1 if less is, 0 if neither is.
    values
        Network's key -> value; networks without one are missing.
    """

    name: str
    label: str
    better: int
    values: Mapping[str, float]


def quantities(points: Sequence[NetworkPoint], measured: Iterable[Measured]) -> list[Quantity]:
    """Return what is known of these networks; quantities that none of them has are left out."""
    found = [
        Quantity("clean", "Test accuracy", 1, _known(points, "clean_accuracy")),
        Quantity(
            "robust",
            "Accuracy under attack",
            1,
            {p.key: p.lowest.accuracy for p in points if p.lowest is not None},
        ),
        *_scores(points),
        *_metrics({p.key for p in points}, measured),
        Quantity(
            "eps", "eps of the training", 0, {p.key: p.eps for p in points if p.known_strength}
        ),
    ]
    return [quantity for quantity in found if quantity.values]


def _known(points: Sequence[NetworkPoint], name: str) -> dict[str, float]:
    pairs = {p.key: getattr(p, name) for p in points}
    return {key: value for key, value in pairs.items() if value is not None}


def _scores(points: Sequence[NetworkPoint]) -> Iterable[Quantity]:
    for mode in MODES:
        for kind in attributions_in(points):
            values = {p.key: p.scores[mode][kind] for p in points if kind in p.scores.get(mode, {})}
            yield Quantity(f"{mode}/{kind}", f"{mode.upper()} score, {kind_label(kind)}", 1, values)
    for kind in attributions_in(points):
        values = {p.key: p.blurriness[kind] for p in points if kind in p.blurriness}
        yield Quantity(f"blurriness/{kind}", f"Blurriness, {kind_label(kind)}", 0, values)


def _metrics(keys: set[str], measured: Iterable[Measured]) -> Iterable[Quantity]:
    """Yield the measured metrics; of several measurements the one on the most images counts."""
    best: dict[str, dict[str, Measured]] = {}
    for one in measured:
        if one.value is None or one.classifier not in keys:
            continue
        known = best.setdefault(one.spec.metric.key, {})
        before = known.get(one.classifier)
        if before is None or one.test_images >= before.test_images:
            known[one.classifier] = one
    for name, found in best.items():
        metric = next(iter(found.values())).spec.metric
        values = {key: float(one.value) for key, one in found.items() if one.value is not None}
        yield Quantity(f"metric/{name}", metric.title, BETTER.get(metric.kind, 0), values)
