"""What the Retrain page shows: curves as far as they are known, and how many are still missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.curves import Curve, curve, partial, retraining_keys
from engine.specs import Interpretability
from engine.study import Study
from engine.tradeoff import networks

Place = tuple[str, str, str]


@dataclass(frozen=True, eq=False)
class View:
    """What was found in the study.

    Attributes
    ----------
    curves
        By key of the classifier, mode, and kind of attribution.
    others
        The places whose curve was computed with other settings than the form's.
    total, present
        How many retrainings are asked for, and how many of them the study has.
    scores, scored
        The same of the scores.
    """

    curves: dict[Place, Curve]
    others: frozenset[Place]
    total: int
    present: int
    scores: int
    scored: int


def place_of(spec: Interpretability) -> Place:
    """Return where a score stands in the table."""
    return spec.classifier.key, spec.mode, spec.attribution.kind


def collect(
    study: Study,
    asked: Sequence[Interpretability],
    shown: Sequence[Interpretability],
    finished: dict[str, Curve],
    check: Callable[[], None],
) -> View:
    """Look for everything that is shown; runs on a lane.

    A score that the study has under other settings than the form's is shown until more retrainings
    than it took are there under the form's.

    Parameters
    ----------
    asked
        What pressing Compute would compute.
    shown
        One spec for every place of the table.
    finished
        Curves that were read before, by key of their record; more are added.
    check
        Raises once nobody waits for the answer any more.
    """
    known = {entry.key: entry for entry in study.entries}
    stored = {
        (point.key, mode, kind): key
        for point in networks(study)
        for mode, found in point.curves.items()
        for kind, key in found.items()
    }
    curves: dict[Place, Curve] = {}
    others: set[Place] = set()
    for spec in shown:
        check()
        found = partial(study, spec, known)
        other = stored.get(place_of(spec))
        if found.score is None and other is not None:
            if other not in finished:
                finished[other] = curve(study, known[other])
            if finished[other].own >= found.own:
                found = finished[other]
                others.add(place_of(spec))
        curves[place_of(spec)] = found
    keys: set[str] = set()
    for spec in asked:
        check()
        keys.update(*(retraining_keys(spec, which) for which in ("attribution", "random")))
    return View(
        curves,
        frozenset(others),
        total=len(keys),
        present=sum(key in known for key in keys),
        scores=len(asked),
        scored=sum(spec.key in known for spec in asked),
    )


def work(
    study: Study,
    asked: Sequence[Interpretability],
    shown: Sequence[Interpretability],
    finished: dict[str, Curve],
) -> Callable[[Any], View]:
    """Return :func:`collect` as a piece of work for a lane."""
    return lambda control: collect(study, asked, shown, finished, control.check)
