"""Specs of optimisers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.specs.fields import Form
from engine.specs.schema import Spec, SpecError, param


@dataclass(frozen=True, kw_only=True)
class OptimizerSpec(Spec):
    """How weights follow the gradient."""

    learning_rate: float = param(1e-3, above=0.0, high=100.0)
    schedule: Literal["constant", "cosine", "step", "cyclic"] = param(
        "constant",
        help="cosine: to 0; step: /10 at 1/2 and 3/4 of the run; cyclic: 0 to the rate to 0",
    )
    weight_decay: float = param(0.0, low=0.0, high=10.0)


@dataclass(frozen=True, kw_only=True)
class Adam(OptimizerSpec, kind="adam", label="Adam"):
    """Adam with the usual moments. Source: Kingma, Ba 2015."""

    beta1: float = param(0.9, low=0.0, high=0.9999)
    beta2: float = param(0.999, low=0.0, high=0.99999)
    form: Form = param(
        "corrected",
        label="Adam's epsilon",
        help="corrected: added to the bias-corrected root of the second moment, as in its paper; "
        "released: to the uncorrected one, as in TensorFlow",
        faithful="released",
    )


@dataclass(frozen=True, kw_only=True)
class SGD(OptimizerSpec, kind="sgd", label="SGD"):
    """Stochastic gradient descent with momentum."""

    learning_rate: float = param(0.1, above=0.0, high=100.0)
    momentum: float = param(0.9, low=0.0, high=0.9999)
    nesterov: bool = param(False)

    def check(self) -> None:
        if self.nesterov and self.momentum == 0:
            raise SpecError("nesterov is true, must be false where momentum is 0")
