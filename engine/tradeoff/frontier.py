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

from engine.specs import Interpretability, Measurement, Training
from engine.store.index import Entry
from engine.store.study import Study, spec_of
from engine.texts import percent
from engine.tradeoff.frontier_outcomes import (
    BLURRINESS,
    CLEAN,
    OUTCOMES,
    PLAIN,
    ROBUST,
    readings,
)
from engine.tradeoff.robustness import Robustness, robustness

Floats = NDArray[np.float64]

LEAST_LEARNED = 0.5
"""Share of the best clean accuracy below which a network did not learn; its cell is left out."""
NORMS = {"linf": "L-inf", "l2": "L2"}


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
    axis
        The outcome that is the third axis of the front.
    cells
        (K,) those that learned and whose networks have both accuracies and the third axis.
    values
        Outcome -> (S, K); NaN where it is not measured.
    maps
        Attribution -> outcome -> (S, K); the first is the plain gradient.
    keys
        (S, K) keys of the networks.
    doubtful
        (K,) how many of a cell's networks have a doubtful robust accuracy.
    left_out
        Sentences on cells that do not count, and why.
    """

    seeds: tuple[int, ...]
    axis: str
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
    """What a study holds about one network: accuracies, and outcomes of maps by attribution."""

    accuracies: dict[str, float] = field(default_factory=dict)
    maps: dict[str, dict[str, float]] = field(default_factory=dict)
    doubtful: bool = False

    @property
    def values(self) -> dict[str, float]:
        """Accuracies, and outcomes of the plain gradient."""
        return {**self.maps.get(PLAIN.title, {}), **self.accuracies}


def frontiers(study: Study) -> list[Frontier]:
    """Return a frontier for every set of images and network with a third axis and several cells.

    A study in which nothing is measured that may be the third axis has none; see
    :data:`~engine.tradeoff.frontier_outcomes.OUTCOMES`.
    """
    trainings: dict[str, Training] = {}
    measures: dict[str, _Measures] = {}
    for entry in study.entries:
        spec = spec_of(entry)
        if isinstance(spec, Training) and spec.start is None:
            trainings[entry.key] = spec
            clean = entry.numbers.get("clean_accuracy")
            if isinstance(clean, int | float):
                measures.setdefault(entry.key, _Measures()).accuracies[CLEAN] = float(clean)
        elif isinstance(spec, Measurement | Interpretability):
            _note_maps(measures, entry, spec)
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


def _note_maps(
    measures: dict[str, _Measures], entry: Entry, spec: Measurement | Interpretability
) -> None:
    """Note what a record holds about the maps of its network."""
    for outcome, title, value in readings(entry, spec):
        one = measures.setdefault(spec.classifier.key, _Measures())
        found = one.maps.setdefault(title, {})
        if outcome == BLURRINESS and isinstance(spec, Interpretability):
            found.setdefault(outcome, value)  # a metric of maps has it of more images
        else:
            found[outcome] = value


def _note_robust(measures: dict[str, _Measures], key: str, found: Robustness | None) -> None:
    if found is None or found.strong is None:
        return
    one = measures.setdefault(key, _Measures())
    one.accuracies[ROBUST] = found.strong.accuracy
    one.doubtful = found.verdict == "doubtful"


def _axis(found: Sequence[Mapping[str, float]]) -> str | None:
    """Return the outcome that is the third axis: the first that may be and that a network has."""
    names = (one.name for one in OUTCOMES if one.is_axis)
    return next((name for name in names if any(name in values for values in found)), None)


def _frontier(
    keys: Sequence[str], trainings: Mapping[str, Training], measures: Mapping[str, _Measures]
) -> Frontier | None:
    """Return the table of one group; None without a third axis, or without two cells."""
    by_cell: dict[Training, dict[int, str]] = {}
    for key in keys:
        spec = trainings[key]
        by_cell.setdefault(replace(spec, seed=0), {})[spec.seed] = key
    values = {key: measures[key].values if key in measures else {} for key in keys}
    axis = _axis(list(values.values()))
    if axis is None:
        return None
    best = max((one[CLEAN] for one in values.values() if CLEAN in one), default=0.0)
    seeds = tuple(sorted({trainings[key].seed for key in keys}))
    kept: list[tuple[Cell, tuple[str, ...]]] = []
    left_out = []
    for spec, of_seed in by_cell.items():
        cell = Cell(spec)
        of_cell = [values[key] for key in of_seed.values()]
        reason = _missing(set(seeds) - set(of_seed), of_cell, axis, LEAST_LEARNED * best)
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
        axis=axis,
        cells=tuple(cell for cell, _ in kept),
        values=_tables([[values[key] for key in row] for row in table]),
        maps=_maps(found),
        keys=table,
        doubtful=tuple(sum(row[place].doubtful for row in found) for place in range(len(kept))),
        left_out=tuple(left_out),
    )


def _missing(
    seeds: Iterable[int], values: Sequence[Mapping[str, float]], axis: str, least: float
) -> str:
    """Return why a cell does not count, or "".

    Parameters
    ----------
    seeds
        Those that it has no network of.
    values
        What is known of its networks.
    least
        Clean accuracy below which a network did not learn.
    """
    if lacking := sorted(seeds):
        return f"no network of seed {', '.join(map(str, lacking))}"
    clean = [one[CLEAN] for one in values if CLEAN in one]
    if clean and min(clean) < least:
        return f"a network did not learn: {percent(min(clean))} clean accuracy"
    for name in (CLEAN, ROBUST, axis):
        count = sum(np.isfinite(one.get(name, np.nan)) for one in values)
        if count < len(values):
            return f"{name} is measured of {count} of {len(values)} networks"
    return ""


def _tables(found: Sequence[Sequence[Mapping[str, float]]]) -> dict[str, Floats]:
    """Return the outcomes that some network has, as tables (S, K); NaN where one lacks it."""
    names = (CLEAN, ROBUST, BLURRINESS, *(one.name for one in OUTCOMES))
    tables = {
        name: np.array([[one.get(name, np.nan) for one in row] for row in found]) for name in names
    }
    return {name: table for name, table in tables.items() if np.isfinite(table).any()}


def _maps(found: Sequence[Sequence[_Measures]]) -> dict[str, dict[str, Floats]]:
    """Return the outcomes of every attribution, as tables (S, K); the plain gradient first."""
    titles = {title for row in found for one in row for title in one.maps}
    order = sorted(titles, key=lambda title: (title != PLAIN.title, title))
    return {
        title: _tables([[one.maps.get(title, {}) for one in row] for row in found])
        for title in order
    }
