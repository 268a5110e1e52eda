"""The trade-off: one point per network, and groups of points with fitted lines and correlations.

Source: Kim, Seo, Jeon 2019, ROAR and KAR scores and their correlations.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.specs import ClassifierSpec, Imported, Interpretability, Mode, Training
from engine.specs.distinguish import data_apart, networks_apart
from engine.specs.variants import variant
from engine.store.index import Entry
from engine.store.study import Study, spec_of
from engine.tradeoff.correlation import LineFit, fit
from engine.tradeoff.inference import Judged, Limits, judge
from engine.tradeoff.published import same_images
from engine.tradeoff.robustness import Left, Robustness, robustness
from engine.tradeoff.robustness import as_json as robustness_json

Abscissa = Literal["clean_accuracy", "strength"]
Floats = NDArray[np.float64]

MODES: tuple[Mode, ...] = ("roar", "kar")
NORM_NAMES = {"linf": "L-inf", "l2": "L2"}


@dataclass(frozen=True)
class NetworkPoint:
    """One classifier of a study, with all its values that the trade-off uses.

    Attributes
    ----------
    network, key
        Readable name, see :func:`engine.specs.distinguish.networks_apart`, and record key.
    scheme
        Kind of its training scheme, or "imported".
    norm, eps, loss, attack
        Training threat: norm, radius in [0, 1] units, loss, and kind of the attack; "", 0, "" and
        "" for a network that was not trained against an attack.
    seed
        Seed of the training; None for imported weights.
    clean_accuracy, robust_accuracy
        In [0, 1]; None if the record has none.
    short
        What stands beside its point: strength or scheme of the training, or the weights' name.
    images, architecture
        Keys of the images and of the architecture.
    data
        What these two are among the study's networks, in words; "" if all have the same.
    scores, spreads
        Mode -> kind of attribution -> score, and its standard deviation over repeats.
    retrainings
        Mode -> kind of attribution -> retrainings a point of the curve; the spread of a score is
        unknown where it is 1.
    curves
        Mode -> kind of attribution -> key of the record that the score comes from.
    controls
        Mode -> kind of attribution -> control -> its score; for "mask_only", the mean accuracy of
        networks that see only the mask of removed pixels.
    blurriness
        Kind of attribution -> blurriness of its maps, in [0, 1].
    variant
        "corrected", "faithful", or in which respects the computation is faithful.
    robustness
        What all attacks of the study left of its accuracy, and whether that is to be trusted.
    like_published
        Whether its accuracies are on the images of the published networks.
    known_strength
        Whether ``eps`` says against which radius its weights were trained; not of imported weights,
        nor of weights trained on from others with another threat.
    """

    network: str
    key: str
    scheme: str
    norm: str
    eps: float
    loss: str
    seed: int | None
    clean_accuracy: float | None
    robust_accuracy: float | None
    images: str
    architecture: str
    attack: str = ""
    short: str = ""
    data: str = ""
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    spreads: dict[str, dict[str, float]] = field(default_factory=dict)
    retrainings: dict[str, dict[str, int]] = field(default_factory=dict)
    curves: dict[str, dict[str, str]] = field(default_factory=dict)
    controls: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    blurriness: dict[str, float] = field(default_factory=dict)
    variant: str = ""
    robustness: Robustness | None = None
    known_strength: bool = True
    like_published: bool = False

    @property
    def lowest(self) -> Left | None:
        """The lowest accuracy that any attack left at the threat of the evaluation."""
        return self.robustness.lowest if self.robustness is not None else None


def networks(study: Study) -> list[NetworkPoint]:
    """Return the study's networks, oldest first, with their computed scores.

    If a network has several scores for one mode and attribution, the one from the most retrainings
    counts; among equals the one with the attribution's default settings, then the newest.
    """
    pairs: list[tuple[Entry, ClassifierSpec]] = []
    scores: dict[str, list[tuple[Entry, Interpretability]]] = {}
    for entry in study.entries:
        if entry.kind == Interpretability.kind:
            spec = spec_of(entry)
            if isinstance(spec, Interpretability) and "score" in entry.numbers:
                scores.setdefault(spec.classifier.key, []).append((entry, spec))
        elif entry.kind in (Training.kind, Imported.kind):
            spec = spec_of(entry)
            if isinstance(spec, ClassifierSpec):
                pairs.append((entry, spec))
    names = networks_apart([entry.title for entry, _ in pairs], [spec for _, spec in pairs])
    data = data_apart([spec for _, spec in pairs])
    known = robustness(study)
    found = [
        _point(*pair, name, words, known)
        for pair, name, words in zip(pairs, names, data, strict=True)
    ]
    for point in found:
        _add_scores(point, scores.get(point.key, []))
    return found


def _point(
    entry: Entry, spec: ClassifierSpec, name: str, data: str, known: Mapping[str, Robustness]
) -> NetworkPoint:
    threat = spec.scheme.threat if isinstance(spec, Training) else None
    clean, robust = (entry.numbers.get(name) for name in ("clean_accuracy", "robust_accuracy"))
    return NetworkPoint(
        network=name,
        key=entry.key,
        scheme=spec.scheme.kind if isinstance(spec, Training) else Imported.kind,
        norm=threat.norm if threat else "",
        eps=threat.eps if threat else 0.0,
        loss=threat.loss if threat else "",
        seed=spec.seed if isinstance(spec, Training) else None,
        clean_accuracy=None if clean is None else float(clean),
        robust_accuracy=None if robust is None else float(robust),
        images=spec.images.key,
        architecture=spec.network.key,
        attack=threat.kind if threat else "",
        short=spec.scheme.short_title if isinstance(spec, Training) else name,
        data=data,
        variant=variant(spec),
        robustness=known.get(entry.key),
        known_strength=_knows_strength(spec),
        like_published=same_images(spec.images),
    )


def _knows_strength(spec: ClassifierSpec) -> bool:
    """Return whether all trainings behind the weights are known and had this threat, or none."""
    threat = spec.scheme.threat if isinstance(spec, Training) else None
    earlier: ClassifierSpec | None = spec
    while isinstance(earlier, Training):
        if earlier.scheme.threat not in (threat, None):
            return False
        earlier = earlier.start
    return earlier is None


def _add_scores(point: NetworkPoint, pairs: list[tuple[Entry, Interpretability]]) -> None:
    def rank(pair: tuple[Entry, Interpretability]) -> tuple[int, bool]:
        spec = pair[1]
        plain = spec.attribution == type(spec.attribution)()
        return len(spec.fractions) * spec.repeats, plain

    for entry, spec in sorted(pairs, key=rank):
        kind = spec.attribution.kind
        if spec.control != "none":
            controls = point.controls.setdefault(spec.mode, {}).setdefault(kind, {})
            number = "mean_accuracy" if spec.control == "mask_only" else "score"
            controls[spec.control] = float(entry.numbers[number])
            continue
        if "blurriness" in entry.numbers:
            point.blurriness[kind] = float(entry.numbers["blurriness"])
        point.scores.setdefault(spec.mode, {})[kind] = float(entry.numbers["score"])
        point.curves.setdefault(spec.mode, {})[kind] = entry.key
        point.retrainings.setdefault(spec.mode, {})[kind] = spec.repeats
        spreads = point.spreads.setdefault(spec.mode, {})
        spreads.pop(kind, None)
        if "score_std" in entry.numbers:
            spreads[kind] = float(entry.numbers["score_std"])


def as_json(point: NetworkPoint) -> dict[str, Any]:
    """Return a network in the form that ``show --json`` prints; its names must not change."""
    return {
        "network": point.network,
        "key": point.key,
        "scheme": point.scheme,
        "norm": point.norm,
        "eps": point.eps,
        "loss": point.loss,
        "seed": point.seed,
        "clean_accuracy": point.clean_accuracy,
        "robust_accuracy": point.robust_accuracy,
        **robustness_json(point.robustness),
        "images": point.images,
        "scores": {mode: dict(point.scores.get(mode, {})) for mode in MODES},
        "score_std": {mode: dict(point.spreads.get(mode, {})) for mode in MODES},
        "retrainings": {mode: dict(point.retrainings.get(mode, {})) for mode in MODES},
        "controls": {mode: point.controls.get(mode, {}) for mode in MODES},
        "blurriness": dict(point.blurriness),
        "variant": point.variant,
    }


def attributions_in(points: Iterable[NetworkPoint]) -> list[str]:
    """Return the kinds of attribution that have scores; the two gradient kinds come first."""
    kinds = {kind for point in points for found in point.scores.values() for kind in found}
    first = [kind for kind in ("gradient", "gradient_x_input") if kind in kinds]
    return [*first, *sorted(kinds - set(first))]


# ------------------------------------------------------------------------------------------- groups


@dataclass(frozen=True, eq=False)
class Group:
    """Networks that differ only in how strongly they were trained against one kind of attack.

    Attributes
    ----------
    name
        Norm and loss, such as "L-inf xent", plus what distinguishes it from the other groups.
    points
        Its networks by increasing eps. Standard networks belong to every group with the same images
        and architecture.
    x, y, spread
        (n,) abscissa, score, and the score's standard deviation (NaN if unknown).
    fit
        Fit to these points; None if they are no sweep (imported or only standard networks).
    seeds
        (n,) seed of each network's training; -1 for imported weights.
    judged
        What the points say about their correlation; None without a fit.
    """

    name: str
    points: tuple[NetworkPoint, ...]
    x: Floats
    y: Floats
    spread: Floats
    fit: LineFit | None
    seeds: NDArray[np.int_]
    judged: Judged | None

    @property
    def levels(self) -> Floats:
        """(n,) eps of each network."""
        return np.array([point.eps for point in self.points], dtype=np.float64)


def groups(
    points: Iterable[NetworkPoint],
    mode: Mode,
    attribution: str,
    x: Abscissa = "clean_accuracy",
) -> list[Group]:
    """Return the networks with a score, by norm and loss.

    Networks of different images, architectures, attacks or variants are groups of their own. A
    sweep shares the standard networks of its own variant, and all of them if there are none.

    Parameters
    ----------
    x
        "clean_accuracy", or "strength": eps over the largest eps of the group, in [0, 1]. Networks
        whose strength is unknown are left out of it.
    """
    scored = [
        p
        for p in points
        if attribution in p.scores.get(mode, {})
        and (p.known_strength if x == "strength" else p.clean_accuracy is not None)
    ]
    sweeps: dict[tuple[str, ...], list[NetworkPoint]] = {}
    for point in scored:
        if point.norm:
            sweeps.setdefault(_sweep_of(point), []).append(point)
    found = []
    used: set[str] = set()
    data: dict[tuple[str, ...], str] = {_data_of(point): point.data for point in scored}
    for sweep, members in sorted(sweeps.items(), key=lambda item: _order(item[0])):
        standard = [p for p in scored if p.scheme == "standard" and _data_of(p) == sweep[:2]]
        plain = [p for p in standard if p.variant == members[0].variant] or standard
        used |= {p.key for p in (*plain, *members)}
        name = _name_of(sweep, list(sweeps), data)
        found.append(_group(name, [*plain, *members], mode, attribution, x, fitted=True))
    for scheme in dict.fromkeys(p.scheme for p in scored if p.key not in used):
        rest = [p for p in scored if p.key not in used and p.scheme == scheme]
        found.append(
            _group(scheme.replace("_", " ").capitalize(), rest, mode, attribution, x, fitted=False)
        )
    return found


def _data_of(point: NetworkPoint) -> tuple[str, str]:
    return point.images, point.architecture


def _sweep_of(point: NetworkPoint) -> tuple[str, ...]:
    return (*_data_of(point), point.scheme, point.attack, point.variant, point.norm, point.loss)


def _order(sweep: tuple[str, ...]) -> tuple[Any, ...]:
    """Order groups as the paper does: L2 before L-inf, cross-entropy before the margin loss."""
    *rest, norm, loss = sweep
    return (*rest, norm != "l2", norm, loss != "xent", loss)


def _name_of(
    sweep: tuple[str, ...], sweeps: list[tuple[str, ...]], data: Mapping[tuple[str, ...], str]
) -> str:
    """Return norm and loss with the settings that differ between the study's groups."""
    *_, scheme, attack, variant, norm, loss = sweep
    parts = []
    if len({other[2] for other in sweeps}) > 1:
        parts.append(scheme)
    if len({other[3] for other in sweeps}) > 1:
        parts.append(attack)
    if len({other[4] for other in sweeps}) > 1:
        parts.append(variant)
    name = " ".join([*parts, NORM_NAMES.get(norm, norm), loss])
    return f"{name} ({data[sweep[:2]]})" if len({other[:2] for other in sweeps}) > 1 else name


def _group(
    name: str,
    members: list[NetworkPoint],
    mode: Mode,
    attribution: str,
    x: Abscissa,
    *,
    fitted: bool,
) -> Group:
    members = sorted(members, key=lambda point: point.eps)
    largest = max((point.eps for point in members), default=0.0)
    at = np.array(
        [
            (point.eps / largest if largest else 0.0) if x == "strength" else point.clean_accuracy
            for point in members
        ],
        dtype=np.float64,
    )
    y = np.array([point.scores[mode][attribution] for point in members], dtype=np.float64)
    spread = [point.spreads.get(mode, {}).get(attribution, math.nan) for point in members]
    seeds = np.array([-1 if point.seed is None else point.seed for point in members], dtype=int)
    found = fit(at, y) if fitted else None
    judged = judge(at, y, seeds, [point.eps for point in members]) if fitted else None
    spreads = np.array(spread, dtype=np.float64)
    return Group(name, tuple(members), at, y, spreads, found, seeds, judged)


def describe(group: Group) -> str:
    """Return the legend text of a group: its name, its correlations, and their interval.

    With several seeds, the interval is of the correlation within seeds.
    """
    found, judged = group.fit, group.judged
    if found is None or judged is None:
        return group.name
    one = judged.seeds == 1 and not judged.left_out
    words = [
        _words("r", found.pearson, judged.interval if one else None),
        _words("ρ", found.spearman),
        f"n\u00a0=\u00a0{found.n}",
    ]
    if not one:
        seeds = "1 seed" if judged.seeds == 1 else f"{judged.seeds} seeds"
        words.append(_words(f"within {seeds} r", judged.within, judged.interval))
    return ", ".join([group.name, *filter(None, words)])


def _words(symbol: str, value: float | None, limits: Limits = None) -> str:
    if value is None:
        return ""
    text = f"{symbol} = {value:.2f}"
    if limits is not None:
        text += f" [{limits[0]:.2f}, {limits[1]:.2f}]"
    # Hard spaces: a line that is too long is broken between the correlations.
    return text.replace("-", "−").replace(" ", "\u00a0")
