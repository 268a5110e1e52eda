"""The frontier of a study: ways to train, each with several seeds, and all that was measured.

Cells are trainings that differ in nothing but the seed. A table of cells and seeds is what
docs/experiment.md analyses; :mod:`engine.tradeoff.resampling` has the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.specs import (
    FFidelity,
    GlyphTruth,
    Gradient,
    Interpretability,
    Measurement,
    Training,
)
from engine.store.index import Entry
from engine.store.study import Study, spec_of
from engine.tradeoff.robustness import Robustness, robustness

Floats = NDArray[np.float64]

LEAST_LEARNED = 0.5
"""Clean accuracy below which a network did not learn; its cell is left out."""
UNMATCHED = 0.01
"""By how much the blurriness of maps may differ from what they were to be matched to."""

CLEAN, ROBUST, SHARE, BLURRINESS = "clean", "robust", "tangent share", "blurriness"
MATCHED = "matched ROAR"
OUTCOMES = (SHARE, "stroke mass", "ROAR", MATCHED, "DiffROAR", "F-Fidelity")
"""What counts as interpretability, the first choice first."""
AXES = (CLEAN, ROBUST, SHARE)
NORMS = {"linf": "L-inf", "l2": "L2"}
NAMED = {("roar", "none"): "ROAR", ("roar", "matched"): MATCHED, ("kar", "reversed"): "DiffROAR"}


@dataclass(frozen=True)
class Cell:
    """One way to train.

    Attributes
    ----------
    spec
        The training, with the seed 0.
    """

    spec: Training

    @property
    def activation(self) -> str:
        """Its activation; "" of networks that have no choice of one."""
        return str(getattr(self.spec.network, "activation", ""))

    @property
    def scheme(self) -> str:
        """Its scheme without the strength: cells of one scheme are no independent points."""
        scheme = self.spec.scheme
        threat = scheme.threat
        norm = "" if threat is None else f" {NORMS.get(threat.norm, threat.norm)}"
        averaged = ", averaged weights" if self.spec.averaging else ""
        return f"{scheme.label}{norm}{averaged}"

    @property
    def name(self) -> str:
        """Its scheme, strength and activation."""
        averaged = f", averaged {self.spec.averaging:g}" if self.spec.averaging else ""
        activation = f", {self.activation}" if self.activation else ""
        return f"{self.spec.scheme.title}{averaged}{activation}"


@dataclass(frozen=True, eq=False)
class Frontier:
    """The cells of one set of images and one network, with the seeds that all of them have.

    Attributes
    ----------
    seeds
        (S,) rising.
    cells
        (K,) those that learned and whose networks have all of clean and robust accuracy.
    values
        Outcome -> (S, K); NaN where it is not measured.
    maps
        Attribution -> outcome of maps -> (S, K); the first is the plain gradient.
    keys
        (S, K) keys of the networks.
    doubtful
        (K,) how many of a cell's networks have a doubtful robust accuracy.
    left_out
        Sentences on cells that do not count, and why.
    """

    seeds: tuple[int, ...]
    cells: tuple[Cell, ...]
    values: Mapping[str, Floats]
    maps: Mapping[str, Mapping[str, Floats]]
    keys: tuple[tuple[str, ...], ...]
    doubtful: tuple[int, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def schemes(self) -> tuple[str, ...]:
        """(K,) the scheme of every cell."""
        return tuple(cell.scheme for cell in self.cells)

    def whole(self, *names: str) -> list[int]:
        """Return the places of the cells that have all these outcomes with every seed."""
        tables = [self.values[name] for name in names if name in self.values]
        if len(tables) < len(names):
            return []
        known = np.isfinite(np.stack(tables)).all((0, 1))
        return [int(place) for place in np.flatnonzero(known)]

    def dummies(self, places: Sequence[int]) -> list[Floats]:
        """Return a column (K,) for every activation but the first, 1 where a cell has it."""
        found = [self.cells[place].activation for place in places]
        kinds = list(dict.fromkeys(found))[1:]
        return [np.array([one == kind for one in found], dtype=np.float64) for kind in kinds]


@dataclass
class _Measures:
    """What a study holds about one network, by outcome; and of maps by attribution."""

    values: dict[str, float] = field(default_factory=dict)
    maps: dict[str, dict[str, float]] = field(default_factory=dict)
    doubtful: bool = False


def frontiers(study: Study) -> list[Frontier]:
    """Return a frontier for every set of images and network with truth of maps and seeds.

    A study without :class:`~engine.specs.GlyphTruth` has none.
    """
    trainings: dict[str, Training] = {}
    measures: dict[str, _Measures] = {}
    for entry in study.entries:
        spec = spec_of(entry)
        if isinstance(spec, Training) and spec.start is None:
            trainings[entry.key] = spec
            _note(measures, entry.key, CLEAN, entry.numbers.get("clean_accuracy"))
        elif isinstance(spec, Measurement):
            _note_measurement(measures, entry, spec)
        elif isinstance(spec, Interpretability):
            _note_score(measures, entry, spec)
    known = robustness(study)
    for key in trainings:
        _note_robust(measures, key, known.get(key))
    groups: dict[tuple[str, str], list[str]] = {}
    for key, training in trainings.items():
        groups.setdefault(_group_of(training), []).append(key)
    found = [_frontier(keys, trainings, measures) for keys in groups.values()]
    return [one for one in found if one is not None]


def _group_of(spec: Training) -> tuple[str, str]:
    """Return what two cells of a table have in common: images, evaluation, and network."""
    network: Any = spec.network
    if hasattr(network, "activation"):
        network = replace(network, activation="relu")
    return spec.images.key, f"{network.key} {spec.evaluation.key}"


def _note(measures: dict[str, _Measures], key: str, name: str, value: object) -> None:
    if isinstance(value, int | float):
        measures.setdefault(key, _Measures()).values[name] = float(value)


def _note_measurement(measures: dict[str, _Measures], entry: Entry, spec: Measurement) -> None:
    metric, key = spec.metric, spec.classifier.key
    if isinstance(metric, GlyphTruth):
        numbers = entry.numbers
        found = {
            SHARE: float(numbers["tangent_share"]),
            "stroke mass": float(numbers["stroke_mass"]),
            BLURRINESS: float(numbers.get("blurriness", np.nan)),
        }
        one = measures.setdefault(key, _Measures())
        one.maps[metric.attribution.title] = found
        if metric.attribution == Gradient():
            one.values.update(found)
    elif isinstance(metric, FFidelity) and metric.attribution == Gradient():
        _note(measures, key, "F-Fidelity", entry.numbers.get("fidelity"))


def _note_score(measures: dict[str, _Measures], entry: Entry, spec: Interpretability) -> None:
    name = NAMED.get((spec.mode, spec.control))
    if name is None or spec.attribution != Gradient():
        return
    value = entry.numbers.get("score")
    reached = float(entry.numbers.get("blurriness", 0.0))
    if spec.control == "matched" and abs(reached - spec.blurriness) > UNMATCHED:
        value = np.nan  # blur cannot be taken away, and not all maps can be made so blurry
    _note(measures, spec.classifier.key, name, value)


def _note_robust(measures: dict[str, _Measures], key: str, found: Robustness | None) -> None:
    if found is None or found.strong is None:
        return
    _note(measures, key, ROBUST, found.strong.accuracy)
    measures[key].doubtful = found.verdict == "doubtful"


def _frontier(
    keys: Sequence[str], trainings: Mapping[str, Training], measures: Mapping[str, _Measures]
) -> Frontier | None:
    """Return the table of one group; None without two cells whose maps have a known truth."""
    by_cell: dict[Training, dict[int, str]] = {}
    for key in keys:
        spec = trainings[key]
        by_cell.setdefault(replace(spec, seed=0), {})[spec.seed] = key
    if not any(SHARE in measures[key].values for key in keys if key in measures):
        return None
    seeds = tuple(sorted({trainings[key].seed for key in keys}))
    kept: list[tuple[Cell, tuple[str, ...]]] = []
    left_out = []
    for spec, of_seed in by_cell.items():
        cell = Cell(spec)
        reason = _missing(of_seed, seeds, measures)
        if reason:
            left_out.append(f"{cell.name}: {reason}")
        else:
            kept.append((cell, tuple(of_seed[seed] for seed in seeds)))
    if len(kept) < 2:
        return None
    table = tuple(zip(*(keys for _, keys in kept), strict=True))
    found = [[measures[key] for key in row] for row in table]
    return Frontier(
        seeds=seeds,
        cells=tuple(cell for cell, _ in kept),
        values=_tables([[one.values for one in row] for row in found]),
        maps=_maps(found),
        keys=table,
        doubtful=tuple(sum(row[place].doubtful for row in found) for place in range(len(kept))),
        left_out=tuple(left_out),
    )


def _missing(
    of_seed: Mapping[int, str], seeds: Iterable[int], measures: Mapping[str, _Measures]
) -> str:
    """Return why a cell does not count, or ""."""
    missing = [seed for seed in seeds if seed not in of_seed]
    if missing:
        return f"no network of seed {', '.join(map(str, missing))}"
    values = [measures.get(key, _Measures()).values for key in of_seed.values()]
    clean = [one[CLEAN] for one in values if CLEAN in one]
    if clean and min(clean) < LEAST_LEARNED:
        return f"a network did not learn: {min(clean):.1%} clean accuracy"
    for name in AXES:
        count = sum(np.isfinite(one.get(name, np.nan)) for one in values)
        if count < len(values):
            return f"{name} is measured of {count} of {len(values)} networks"
    return ""


def _tables(found: Sequence[Sequence[Mapping[str, float]]]) -> dict[str, Floats]:
    names = (CLEAN, ROBUST, BLURRINESS, *OUTCOMES)
    tables = {
        name: np.array([[one.get(name, np.nan) for one in row] for row in found]) for name in names
    }
    return {name: table for name, table in tables.items() if np.isfinite(table).any()}


def _maps(found: Sequence[Sequence[_Measures]]) -> dict[str, dict[str, Floats]]:
    titles = {title for row in found for one in row for title in one.maps}
    own = Gradient().title
    order = sorted(titles, key=lambda title: (title != own, title))
    names = (SHARE, "stroke mass", BLURRINESS)
    return {
        title: {
            name: np.array(
                [[one.maps.get(title, {}).get(name, np.nan) for one in r] for r in found]
            )
            for name in names
        }
        for title in order
    }
