"""How robust each network of a study is: the lowest accuracy that any attack left, and its verdict.

The accuracy that a training or an import measures by itself comes from one attack, often the one
that the network was trained against. What stands beside the clean accuracy everywhere is the lowest
one of all attacks in the study at the same threat, with the name of that attack.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from scipy.special import ndtri

from engine.specs import (
    AttackCheck,
    AttackSpec,
    ClassifierSpec,
    Imported,
    Measurement,
    RobustAccuracy,
    Spec,
    StrongAccuracy,
    Training,
)
from engine.store.index import Entry
from engine.store.study import Study, spec_of
from engine.texts import percent
from engine.tradeoff.verdicts import CHECKS, SIGNS, Finding, Numbers, findings

Verdict = Literal["ok", "doubtful", "unchecked"]

LEAST_IMAGES = 100
"""Measurements on fewer images count only if the network's own accuracy is over as few."""

OF_THE_CARD = {
    "attack_accuracy": "{}",
    "restart_accuracy": "{}, restarts",
    "cw_accuracy": "{}, margin loss",
    "targeted_accuracy": "targeted margin",
    "one_step_accuracy": "FGSM",
    "random_accuracy": "random noise",
}
UNCHECKED = (
    "Not yet checked: only the attack named in the network's own settings was made. Measure its "
    "accuracy under strong attacks. (suspected)"
)

NOT_ATTACKED = (
    "Not attacked: eps of the network's evaluation is 0, so that its robust accuracy is the clean "
    "one. Evaluate it at an eps above 0."
)


@dataclass(frozen=True)
class Left:
    """What one attack left of a network's accuracy.

    Attributes
    ----------
    accuracy
        In [0, 1].
    attack
        Readable name of the attack, without the threat.
    images
        Number of test images that it was made on.
    """

    accuracy: float
    attack: str
    images: int

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95 % Wilson interval."""
        return wilson(round(self.accuracy * self.images), self.images)


@dataclass(frozen=True)
class Robustness:
    """What a study knows about one network at the threat of its evaluation.

    Attributes
    ----------
    own
        What the evaluation attack of the network's spec left; None if its record has no accuracy.
    strong
        The lowest of what the other attacks at this threat left; None if there is none.
    verdict
        "unchecked" without a measurement under strong attacks; "doubtful" if a check failed,
        "ok" if all passed.
    findings
        Sentences: failed checks, each with its number, then what else there is to know.
    threat
        Norm and radius at which all of this holds, such as "L-inf 8/255".
    """

    own: Left | None
    strong: Left | None
    verdict: Verdict
    findings: tuple[str, ...]
    threat: str = ""

    def attack_of(self, left: Left) -> str:
        """Return the readable name of an attack with its norm and radius."""
        return f"{self.threat} {left.attack}".strip()

    @property
    def lowest(self) -> Left | None:
        """The number to show beside the clean accuracy."""
        known = [left for left in (self.strong, self.own) if left is not None]
        return min(known, key=lambda left: left.accuracy, default=None)


def wilson(successes: int, count: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share; (0, 1) of nothing. Source: Wilson 1927.

    With the bits of ``scipy.stats.binomtest``, a package that takes a second to import.
    """
    if not count:
        return 0.0, 1.0
    share, z = successes / count, float(ndtri(0.975))
    room = 2 * (count + z**2)
    centre = (2 * count * share + z**2) / room
    reach = z / room * math.sqrt(4 * count * share * (1 - share) + z**2)
    low = centre - reach if successes else 0.0
    high = centre + reach if successes < count else 1.0
    return low, high


def robustness(study: Study) -> dict[str, Robustness]:
    """Return what a study knows about each of its classifiers, by the classifier's key."""
    networks: list[tuple[Entry, ClassifierSpec]] = []
    measured: dict[str, list[tuple[Entry, Measurement]]] = {}
    for entry in study.entries:
        if entry.kind in (Training.kind, Imported.kind):
            spec = spec_of(entry)
            if isinstance(spec, ClassifierSpec):
                networks.append((entry, spec))
        elif entry.kind == Measurement.kind:
            spec = spec_of(entry)
            if isinstance(spec, Measurement):
                measured.setdefault(spec.classifier.key, []).append((entry, spec))
    return {
        entry.key: _of_network(entry.numbers, spec.evaluation, measured.get(entry.key, []))
        for entry, spec in networks
    }


def _of_network(
    numbers: Numbers, threat: AttackSpec, measured: list[tuple[Entry, Measurement]]
) -> Robustness:
    own = None
    if "robust_accuracy" in numbers:
        own = Left(
            float(numbers["robust_accuracy"]), named(threat), int(numbers.get("robust_images", 0))
        )
    lefts, failed = [], [f for f in findings(numbers, SIGNS) if not f.passed]
    enough = min(LEAST_IMAGES, own.images) if own is not None else 0
    checked = False
    for entry, spec in measured:
        lefts += list(_lefts(entry, spec, threat))
        if _is_at(spec, threat):
            failed += [f for f in measured_findings(entry, spec) if not f.passed]
            of_attacks = isinstance(spec.metric, StrongAccuracy)
            checked |= of_attacks and _images_of(entry, spec) >= enough
    counted = [left for left in lefts if left.images >= enough]
    strong = min(counted, key=lambda left: left.accuracy, default=None)
    sentences = list(dict.fromkeys(map(sentence, failed)))
    verdict: Verdict = "doubtful" if failed else "ok" if checked else "unchecked"
    if not checked:
        sentences.append(UNCHECKED if threat.eps else NOT_ATTACKED)
    words = (*sentences, *_overestimate(own, strong))
    return Robustness(own, strong, verdict, words, threat.ball)


def attacked_network(spec: Spec | None) -> ClassifierSpec | None:
    """Return the network whose accuracy under attack a spec measures or shows; None of others."""
    asked = spec.metric if isinstance(spec, Measurement) else spec
    if not isinstance(asked, StrongAccuracy) and not hasattr(asked, "attack"):
        return None
    network = getattr(spec, "classifier", None)
    return network if isinstance(network, ClassifierSpec) else None


def measured_findings(entry: Entry, measurement: Measurement) -> list[Finding]:
    """Return what a record under strong attacks or a report card says about its attacks."""
    if isinstance(measurement.metric, StrongAccuracy):
        return findings(entry.numbers, SIGNS)
    return findings(entry.numbers, CHECKS) if isinstance(measurement.metric, AttackCheck) else []


def sentence(finding: Finding) -> str:
    """Return a finding with its number, and of a failed check how certain it is."""
    text = f"{finding.name.capitalize()}: {finding.shown}. {finding.sentence}"
    return text if finding.passed else f"{text} ({finding.certainty})"


def _overestimate(own: Left | None, strong: Left | None) -> Iterator[str]:
    """Say that the own attack left more than the interval of the lowest accuracy allows."""
    if own is None or strong is None or own.accuracy <= strong.interval[1]:
        return
    yield (
        f"{own.attack} leaves {percent(own.accuracy)} and {strong.attack} "
        f"{percent(strong.accuracy)} (n = {strong.images:,}): report the lower one. (measured)"
    )


def _lefts(entry: Entry, measurement: Measurement, threat: AttackSpec) -> Iterator[Left]:
    """Yield what a measurement's attacks left at a threat, but for the threat's own attack."""
    numbers, metric = entry.numbers, measurement.metric
    images = _images_of(entry, measurement)
    if isinstance(metric, StrongAccuracy) and _is_at(measurement, threat):
        yield Left(float(numbers["accuracy"]), metric.name, images)
    elif isinstance(metric, AttackCheck) and _is_at(measurement, threat):
        for number, name in OF_THE_CARD.items():
            if number in numbers and not (name == "{}" and metric.attack == threat):
                value = float(numbers[number])
                yield Left(value, name.format(named(metric.attack)), images)
    elif isinstance(metric, RobustAccuracy) and metric.attack.target is None:
        for eps in metric.eps:
            attack, number = metric.attack_at(eps), f"accuracy_at_{eps:.4g}"
            if _same_ball(attack, threat) and attack != threat and number in numbers:
                yield Left(float(numbers[number]), named(attack), images)


def _images_of(entry: Entry, measurement: Measurement) -> int:
    return int(entry.numbers.get("test_images", measurement.test_images))


def _is_at(measurement: Measurement, threat: AttackSpec) -> bool:
    metric = measurement.metric
    if isinstance(metric, StrongAccuracy):
        return metric.norm == threat.norm and math.isclose(metric.eps, threat.eps, rel_tol=1e-6)
    return isinstance(metric, AttackCheck) and _same_ball(metric.attack, threat)


def _same_ball(attack: AttackSpec, threat: AttackSpec) -> bool:
    return attack.norm == threat.norm and math.isclose(attack.eps, threat.eps, rel_tol=1e-6)


def named(attack: AttackSpec) -> str:
    """Return the name of an attack without its threat, such as "PGD-10 margin"."""
    return attack.title.removeprefix(attack.ball).strip()


def as_json(found: Robustness | None) -> dict[str, Any]:
    """Return the fields of a network in ``show --json``; their names must not change."""
    strong = found.strong if found is not None else None
    interval = strong.interval if strong is not None else None
    return {
        "strong_accuracy": strong.accuracy if strong is not None else None,
        "strong_interval": None if interval is None else list(interval),
        "strong_attack": strong.attack if strong is not None else None,
        "strong_images": strong.images if strong is not None else None,
        "verdict": found.verdict if found is not None else "unchecked",
        "findings": list(found.findings) if found is not None else [],
    }
