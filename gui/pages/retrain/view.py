"""The data of the Retrain page: curves as far as computed, and counts of missing retrainings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.retraining.curves import Curve, curve, partial, retraining_keys
from engine.specs import Interpretability
from engine.store.index import Entry
from engine.store.study import Study, spec_of
from engine.tradeoff.points import NetworkPoint, networks

SCORE = "none"
CurvePlace = tuple[str, str, str, str]
"""Key of the classifier, mode, kind of attribution, and control ("none": the score itself)."""


@dataclass(frozen=True, eq=False)
class RetrainContent:
    """The curves, counts and blurriness read from the study.

    Attributes
    ----------
    curves
        By place.
    others
        The places whose curve was computed with other settings than the form's.
    total, present
        Number of retrainings that the form asks for, and how many of them the study has.
    scores, scored
        Number of scores that the form asks for, and number of scores and controls that the study
        has.
    controls
        Number of controls that the form asks for.
    blurriness
        How coarse the maps are, in [0, 1], by key of the classifier and kind of attribution.
    """

    curves: dict[CurvePlace, Curve]
    others: frozenset[CurvePlace]
    total: int
    present: int
    scores: int
    scored: int
    controls: int = 0
    blurriness: dict[tuple[str, str], float] = field(default_factory=dict)


def curve_place(spec: Interpretability) -> CurvePlace:
    """Return the place of a score in the table."""
    return spec.classifier.key, spec.mode, spec.attribution.kind, spec.control


def collect(
    study: Study,
    asked: Sequence[Interpretability],
    shown: Sequence[Interpretability],
    finished: dict[str, Curve],
    check: Callable[[], None],
) -> RetrainContent:
    """Read everything that the page shows; runs on a lane.

    A score that the study holds with other settings than the form's is shown until the study has
    more retrainings with the form's settings than that score took. Stored controls are shown even
    if the form does not ask for them.

    Parameters
    ----------
    asked
        The specs that Compute would compute.
    shown
        One spec for every place of the table.
    finished
        Cache of curves by key of their record; newly read ones are added.
    check
        Raises if the result is no longer wanted.
    """
    known = {entry.key: entry for entry in study.entries}
    points = networks(study)
    stored = _stored(known.values(), points)
    wanted: dict[CurvePlace, Interpretability | None] = {curve_place(spec): spec for spec in shown}
    chosen = {place[0] for place in wanted}
    wanted |= {place: None for place in stored if place[0] in chosen and place not in wanted}
    curves: dict[CurvePlace, Curve] = {}
    others: set[CurvePlace] = set()
    for place, spec in wanted.items():
        check()
        found = None if spec is None else partial(study, spec, known)
        other = stored.get(place)
        if other is not None and (found is None or found.score is None or not found.own):
            if other not in finished:
                finished[other] = curve(study, known[other])
            if found is None or finished[other].own >= found.own:
                found = finished[other]
                others |= {place} if spec is None or spec.key != other else set()
        if found is not None:
            curves[place] = found
    keys: set[str] = set()
    for spec in asked:
        check()
        keys.update(*(retraining_keys(spec, which) for which in ("attribution", "random")))
    return RetrainContent(
        curves,
        frozenset(others),
        total=len(keys),
        present=sum(key in known for key in keys),
        scores=sum(spec.control == SCORE for spec in asked),
        scored=sum(spec.key in known for spec in asked),
        controls=sum(spec.control != SCORE for spec in asked),
        blurriness={(p.key, kind): value for p in points for kind, value in p.blurriness.items()},
    )


def _stored(entries: Any, points: Sequence[NetworkPoint]) -> Mapping[CurvePlace, str]:
    """Return the record of each score and control; for a control the newest of several."""
    found: dict[CurvePlace, str] = {
        (point.key, mode, kind, SCORE): key
        for point in points
        for mode, scores in point.curves.items()
        for kind, key in scores.items()
    }
    for entry in entries:
        if _is_control(entry):
            spec = spec_of(entry)
            if isinstance(spec, Interpretability):
                found[curve_place(spec)] = entry.key
    return found


def _is_control(entry: Entry) -> bool:
    """Return whether an entry is a control's record, without building its spec."""
    of_kind = entry.kind == Interpretability.kind and "score" in entry.numbers
    return of_kind and entry.spec.get("control", SCORE) != SCORE


def work(
    study: Study,
    asked: Sequence[Interpretability],
    shown: Sequence[Interpretability],
    finished: dict[str, Curve],
) -> Callable[[Any], RetrainContent]:
    """Return :func:`collect` as a piece of work for a lane."""
    return lambda control: collect(study, asked, shown, finished, control.check)
