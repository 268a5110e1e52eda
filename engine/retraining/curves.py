"""Retraining curves, complete or partial: accuracy against the fraction of pixels removed.

Source: Kim, Seo, Jeon 2019; Hooker 2019.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.specs import Interpretability
from engine.store.index import Entry
from engine.store.study import Study, StudyError

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """A retraining curve and its random baseline.

    Attributes
    ----------
    spec
        The interpretability spec that the curve belongs to.
    fractions
        (f,) fraction of pixels removed, increasing; includes 0 and 1 if these ends are known.
    mean, low, high
        (f,) mean, smallest and largest accuracy over the repeats, fractions in [0, 1].
    random_fractions, random_mean, random_low, random_high
        (g,) the same of the random baseline.
    values, random_values
        (repeats, f) and (repeats, g) single accuracies; NaN if not computed yet.
    score, score_std
        None until the record exists; the spread also needs at least two repeats.
    done, total
        Number of finished retrainings and of all retrainings, those of the baseline included.
    own
        How many finished retrainings belong to the curve itself, not to the baseline.
    """

    spec: Interpretability
    fractions: Floats
    values: Floats
    random_fractions: Floats
    random_values: Floats
    score: float | None
    score_std: float | None
    done: int
    total: int
    own: int

    @property
    def share(self) -> float:
        """Share of the retrainings that exist, in [0, 1]."""
        return self.done / self.total

    @property
    def mean(self) -> Floats:
        """Mean over the repeats that exist."""
        return np.asarray(np.nanmean(self.values, axis=0))

    @property
    def low(self) -> Floats:
        """Smallest of the repeats."""
        return np.asarray(np.nanmin(self.values, axis=0))

    @property
    def high(self) -> Floats:
        """Largest of the repeats."""
        return np.asarray(np.nanmax(self.values, axis=0))

    @property
    def random_mean(self) -> Floats:
        """Mean of the random baseline."""
        return np.asarray(np.nanmean(self.random_values, axis=0))

    @property
    def random_low(self) -> Floats:
        """Smallest of the random baseline's repeats."""
        return np.asarray(np.nanmin(self.random_values, axis=0))

    @property
    def random_high(self) -> Floats:
        """Largest of the random baseline's repeats."""
        return np.asarray(np.nanmax(self.random_values, axis=0))


@lru_cache(maxsize=8192)
def retraining_keys(
    spec: Interpretability, which: Literal["attribution", "random"]
) -> tuple[str, ...]:
    """Return the keys of the retrainings, fraction by fraction; cached, as hashing is slow."""
    return tuple(one.key for one in spec.retrainings(which))


def partial(
    study: Study, spec: Interpretability, known: Mapping[str, Entry] | None = None
) -> Curve:
    """Return the curve of the retrainings finished so far, without reading a file.

    The ends are the accuracy of the baseline network at 0 and chance at 1. An end is left out while
    the record that holds its value is missing.

    Parameters
    ----------
    known
        The study's entries by key, if the caller already has them.
    """
    if known is None:
        known = {entry.key: entry for entry in study.entries}
    finished = known.get(spec.key)
    values, done = _accuracies(spec, "attribution", known)
    random_values, random_done = _accuracies(spec, "random", known)
    start, end = _ends(spec, known)
    fractions, values = _with_ends(spec, values, start, end)
    random_fractions, random_values = _with_ends(spec, random_values, start, end)
    numbers = {} if finished is None else finished.numbers
    score, spread = (numbers.get(name) for name in ("score", "score_std"))
    total = 2 * len(spec.fractions) * spec.repeats
    return Curve(
        spec,
        fractions,
        values,
        random_fractions,
        random_values,
        None if score is None else float(score),
        None if spread is None else float(spread),
        done + random_done,
        total,
        done,
    )


def curve(study: Study, entry: Entry) -> Curve:
    """Return a finished curve from its Interpretability record alone.

    Raises
    ------
    StudyError
        If the record cannot be read, or is of another kind.
    """
    record = study.read(entry.key)
    spec = record.spec
    if not isinstance(spec, Interpretability):
        raise StudyError(f"record {entry.key} is of kind {entry.kind}, must be interpretability")
    start, end = (float(record.numbers[name]) for name in ("baseline_accuracy", "chance"))
    method, random = (
        _with_ends(spec, np.asarray(record.arrays[name], dtype=np.float64), start, end)
        for name in ("accuracy", "random_accuracy")
    )
    total = 2 * len(spec.fractions) * spec.repeats
    spread = record.numbers.get("score_std")
    return Curve(
        spec,
        *method,
        *random,
        score=float(record.numbers["score"]),
        score_std=None if spread is None else float(spread),
        done=total,
        total=total,
        own=total // 2,
    )


def _accuracies(
    spec: Interpretability, which: Literal["attribution", "random"], known: Mapping[str, Entry]
) -> tuple[Floats, int]:
    """Return accuracies (repeats, fractions), NaN if missing, and how many are not missing."""
    found = [known.get(key) for key in retraining_keys(spec, which)]
    values = [np.nan if one is None else float(one.numbers["accuracy"]) for one in found]
    shape = (len(spec.fractions), spec.repeats)
    return np.array(values).reshape(shape).T, sum(one is not None for one in found)


def _ends(spec: Interpretability, known: Mapping[str, Entry]) -> tuple[float | None, float | None]:
    baseline, images = known.get(spec.baseline.key), known.get(spec.classifier.images.key)
    classes = 0.0 if images is None else float(images.numbers.get("classes", 0))
    start = None if baseline is None else baseline.numbers.get("clean_accuracy")
    return None if start is None else float(start), 1.0 / classes if classes else None


def _with_ends(
    spec: Interpretability, values: Floats, start: float | None, end: float | None
) -> tuple[Floats, Floats]:
    """Return the fractions with at least one accuracy, plus the known ends, and accuracies."""
    known = np.isfinite(values).any(axis=0)
    fractions, columns = np.array(spec.fractions)[known], values[:, known]
    rows = (len(values), 1)
    if start is not None:
        fractions = np.concatenate([[0.0], fractions])
        columns = np.concatenate([np.full(rows, start), columns], axis=1)
    if end is not None:
        fractions = np.concatenate([fractions, [1.0]])
        columns = np.concatenate([columns, np.full(rows, end)], axis=1)
    return fractions, columns
