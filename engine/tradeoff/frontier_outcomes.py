"""What counts as interpretability in a frontier, and where it is read: a row an outcome.

A row says which records hold the outcome. It is in a table if a network has it. Some rows may be
the third axis of the front, beside clean and robust accuracy: the first of them that is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engine.specs import (
    Alignment,
    AttributionSpec,
    FFidelity,
    GlyphTruth,
    Gradient,
    Interpretability,
    Measurement,
    MetricSpec,
    StrokeMass,
)
from engine.store.index import Entry

PLAIN = Gradient()
UNMATCHED = 0.01
"""By how much the blurriness of maps may differ from what they were to be matched to."""

CLEAN, ROBUST, BLURRINESS = "clean", "robust", "blurriness"
SHARE, STROKES, INK, MATCHED = "tangent share", "stroke mass", "ink mass", "matched ROAR"


@dataclass(frozen=True)
class Outcome:
    """One number of a network's maps.

    Attributes
    ----------
    name
        In tables.
    metric, number
        The metric that holds it, which names its attribution, and which of its numbers it is; None
        and "" for a score of retrainings.
    score
        Mode and control of the score of retrainings that holds it; () for none.
    caveat
        What it does not show as the third axis of the front; "" for what may not be that axis.
    matched
        Whether its maps were made equally blurred, so that blurriness is not given beside it.
    """

    name: str
    metric: type[MetricSpec] | None = None
    number: str = ""
    score: tuple[str, ...] = ()
    caveat: str = ""
    matched: bool = False

    @property
    def is_axis(self) -> bool:
        """Whether it may be the third axis of the front."""
        return bool(self.caveat)


OUTCOMES: tuple[Outcome, ...] = (
    Outcome(
        SHARE,
        GlyphTruth,
        "tangent_share",
        caveat="A map that multiplies by the image gains tangent share by that alone: the edges of "
        "the image itself have 0.9 and more.",
    ),
    Outcome(STROKES, GlyphTruth, "stroke_mass"),
    Outcome(
        INK,
        StrokeMass,
        "stroke_mass",
        caveat="A map that multiplies by the image gains ink mass by that alone, and empty places "
        "that tell one digit from another count against a map.",
    ),
    Outcome("ROAR", score=("roar", "none")),
    Outcome(
        MATCHED,
        score=("roar", "matched"),
        caveat="Matched ROAR is what networks lose that are trained anew, one a share and seed; it "
        "knows no truth about images.",
        matched=True,
    ),
    Outcome("DiffROAR", score=("kar", "reversed")),
    Outcome("F-Fidelity", FFidelity, "fidelity"),
    Outcome("alignment", Alignment, "cosine"),
)
"""The first choice first."""

GIVEN = (
    Outcome(BLURRINESS, GlyphTruth, "blurriness"),
    Outcome(BLURRINESS, score=("roar", "none")),
)
"""Where the blurriness of maps is read: of a score the number of that name. The first is kept."""

OF = {outcome.name: outcome for outcome in OUTCOMES}


def readings(
    entry: Entry, spec: Measurement | Interpretability
) -> Iterator[tuple[str, str, float]]:
    """Yield outcome, title of the attribution, and value of all that a record holds."""
    attribution = attribution_of(spec)
    if attribution is None or (attribution.title == PLAIN.title and attribution != PLAIN):
        return  # another gradient, such as that of a logit, has the same title
    for outcome in (*OUTCOMES, *GIVEN):
        value = _value(entry, spec, outcome)
        if value is not None:
            yield outcome.name, attribution.title, value


def attribution_of(spec: Measurement | Interpretability) -> AttributionSpec | None:
    """Return the method whose maps are judged; None if no maps are."""
    owner = spec if isinstance(spec, Interpretability) else spec.metric
    return getattr(owner, "attribution", None)


def _value(entry: Entry, spec: Measurement | Interpretability, outcome: Outcome) -> float | None:
    """Return the outcome in a record; None if it is not in it, NaN if it does not count."""
    numbers = entry.numbers
    if isinstance(spec, Measurement):
        name = outcome.number if type(spec.metric) is outcome.metric else None
    elif (spec.mode, spec.control) != outcome.score:
        name = None
    else:
        name = BLURRINESS if outcome in GIVEN else "score"
        if outcome.matched:
            reached = float(numbers.get(BLURRINESS, 0.0))
            if abs(reached - spec.blurriness) > UNMATCHED:
                return np.nan  # blur cannot be taken away, and not all maps can be made so blurry
    value = None if name is None else numbers.get(name)
    return float(value) if isinstance(value, int | float) else None
