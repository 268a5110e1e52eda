"""Specs of optimisers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.specs.fields import Form
from engine.specs.schema import Spec, SpecError, param

Schedule = Literal["constant", "cosine", "step", "cyclic", "one_cycle"]


@dataclass(frozen=True, kw_only=True)
class OptimizerSpec(Spec):
    """How weights follow the gradient."""

    learning_rate: float = param(1e-3, above=0.0, high=100.0)
    schedule: Schedule = param(
        "constant",
        help="cosine: to 0; step: lower at each milestone; cyclic: 0 to the rate to 0; one_cycle: "
        "from 1/25 of the rate to it at 3/10 of the run, then to almost 0, along cosines",
    )
    weight_decay: float = param(0.0, low=0.0, high=10.0)
    rate_warmup: float = param(
        0.0,
        low=0.0,
        high=10_000.0,
        label="rate warm-up",
        unit="epochs",
        help="The learning rate grows from 1/100 of itself over so many epochs",
    )
    milestones: tuple[float, ...] = param(
        (0.5, 0.75),
        above=0.0,
        high=1.0,
        only=("schedule", "step"),
        help="Shares of the run after which the learning rate is lowered",
    )
    rate_drop: float = param(
        0.1,
        above=0.0,
        high=1.0,
        label="drop",
        only=("schedule", "step"),
        help="Factor on the learning rate at each milestone",
    )

    def check(self) -> None:
        if self.rate_warmup and self.schedule in ("cyclic", "one_cycle"):
            raise SpecError(
                f"rate_warmup is {self.rate_warmup:g}, must be 0 where schedule is "
                f"{self.schedule}, which has a warm-up of its own"
            )


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
        super().check()
        if self.nesterov and self.momentum == 0:
            raise SpecError("nesterov is true, must be false where momentum is 0")
