"""Which computations are done together as one, and how many of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.devices.precision import precision_of
from engine.jobs.context import Context
from engine.retraining import together as retrainings
from engine.specs import Retraining, Training
from engine.specs.schema import Spec
from engine.training.together import trainings
from engine.training.together.stack import Ended


@dataclass(frozen=True)
class Bundling:
    """A row of :data:`BUNDLED`.

    Attributes
    ----------
    alike
        ``(spec, spec) -> bool``: whether two can be computed together.
    compute
        ``(contexts, ended)``: computes them, and calls ``ended`` once with each context and its
        result, or the exception that ended it.
    widths
        Precision -> how many at once, where that was measured to be faster than one by one.
    """

    alike: Callable[[Any, Any], bool]
    compute: Callable[[Sequence[Context], Ended], None]
    widths: dict[str, int]


BUNDLED: dict[str, Bundling] = {
    Retraining.kind: Bundling(
        retrainings.alike,
        retrainings.retrain_together,
        {"tf32": 64, "bfloat16": 64},
    ),
    # Not measured yet. Attacks multiply in float32, in which a stack is many launches.
    Training.kind: Bundling(trainings.alike, trainings.train_all, {}),
}
"""Kind of spec -> how computations of it are done together."""


def most_together(spec: Spec, width: int) -> int:
    """Return how many computations like one are done together, of which the device allows width."""
    row = BUNDLED.get(spec.kind)
    return 1 if row is None else min(width, row.widths.get(precision_of(spec), 1))
