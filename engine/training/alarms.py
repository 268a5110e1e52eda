"""Alarms: detect failures of a training from its curves, after every epoch.

Every alarm depends only on the curves so far, so a resumed training raises the same alarms.
Accuracies are measured on n images: a difference counts only above twice its standard error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.specs import Training
from engine.specs.schemes import AttackedScheme

Values = NDArray[np.float64]

COLLAPSE = 0.5  # of the best robust accuracy, lost from one epoch to the next
ONCE_ROBUST = 0.2  # least best robust accuracy from which a collapse is reported
WINDOW = 3  # epochs over which accuracies are averaged to detect a slow change
UNLEARNED_LOSS = 0.98  # of the loss of uniform guessing
PATIENCE = 2.0  # epochs after the warm-up before "not learning" is reported


@dataclass(frozen=True)
class Curves:
    """The curves of a training up to the end of an epoch.

    Attributes
    ----------
    loss
        Float (E,), mean training loss of each epoch.
    clean, robust
        Float (E,), test accuracies after each epoch, in [0, 1].
    robust_images
        Number of test images behind each robust accuracy.
    """

    loss: Values
    clean: Values
    robust: Values
    robust_images: int

    @classmethod
    def of(cls, history: Mapping[str, Sequence[float]]) -> Curves:
        """Return the curves of a ``TrainingState.history`` (:mod:`engine.training.loop`)."""
        steps, losses = (np.asarray(history[f"curve__{name}"]) for name in ("step", "loss"))
        clean, robust, counts = (
            np.asarray(history[f"epochs__{name}"])
            for name in ("clean_accuracy", "robust_accuracy", "robust_images")
        )
        # A point's step is the end of the interval it averages: epoch e has those in (e - 1, e].
        epochs = np.ceil(steps - 1e-9)
        loss = np.array([losses[epochs == e].mean() for e in range(1, len(clean) + 1)])
        return cls(loss, clean, robust, int(counts[-1]))

    def before(self) -> Curves:
        """Return the curves as they were one epoch earlier."""
        return Curves(self.loss[:-1], self.clean[:-1], self.robust[:-1], self.robust_images)

    def __len__(self) -> int:
        return len(self.clean)


def catastrophic_overfitting(spec: Training, curves: Curves, classes: int) -> str:
    """Detect that robustness was lost within one epoch while the training loss did not rise.

    The network then resists only the attack that it is trained with.
    Source: Wong, Rice, Kolter 2020, section 5.
    """
    if spec.scheme.threat is None or len(curves) < 2:
        return ""
    before, now = float(curves.robust[:-1].max()), float(curves.robust[-1])
    fell = now < COLLAPSE * before and before - now > _noise(before, now, curves.robust_images)
    if before < ONCE_ROBUST or not fell or curves.loss[-1] > curves.loss[-2]:
        return ""
    return (
        f"catastrophic overfitting: the robust accuracy fell from {before:.0%} to {now:.0%} "
        f"(n = {curves.robust_images}) while the training loss did not rise; "
        "train with more attack steps or a smaller eps"
    )


def robust_overfitting(spec: Training, curves: Curves, classes: int) -> str:
    """Detect that the robust accuracy has fallen from its best while the training loss falls.

    Means of three epochs are compared because single epochs vary by more than the sampling error.
    Source: Rice, Wong, Kolter 2020.
    """
    if spec.scheme.threat is None or len(curves) < 2 * WINDOW:
        return ""
    means = np.convolve(curves.robust, np.full(WINDOW, 1 / WINDOW), mode="valid")
    earlier = means[:-WINDOW]
    best = int(earlier.argmax())
    top, now = float(earlier[best]), float(means[-1])
    fell = top - now > _noise(top, now, curves.robust_images)
    if not fell or curves.loss[-1] >= curves.loss[best + WINDOW - 1]:
        return ""
    return (
        f"robust overfitting: the robust accuracy was {top:.0%} in epochs {best + 1} to "
        f"{best + WINDOW} and is {now:.0%} in the last {WINDOW} (n = {curves.robust_images}) "
        "while the training loss still falls; fewer epochs give a more robust network"
    )


def not_learning(spec: Training, curves: Curves, classes: int) -> str:
    """Detect that the training loss is still about that of uniform guessing."""
    warmup = spec.scheme.warmup if isinstance(spec.scheme, AttackedScheme) else 0.0
    guess = math.log(classes)
    if len(curves) < warmup + PATIENCE or curves.loss[-1] < UNLEARNED_LOSS * guess:
        return ""
    cure = "a warm-up or a smaller eps" if spec.scheme.threat else "another learning rate"
    return (
        f"not learning: the training loss of epoch {len(curves)} is "
        f"{curves.loss[-1]:.2f}, that of guessing among {classes} classes {guess:.2f}; try {cure}"
    )


ALARMS: dict[str, Callable[[Training, Curves, int], str]] = {
    "catastrophic overfitting": catastrophic_overfitting,
    "robust overfitting": robust_overfitting,
    "not learning": not_learning,
}


def new_alarms(spec: Training, curves: Curves, classes: int) -> list[str]:
    """Return a sentence for each alarm raised at the newest epoch but not at the one before."""
    earlier = curves.before()
    return [
        sentence
        for alarm in ALARMS.values()
        if (sentence := alarm(spec, curves, classes))
        and not (len(earlier) and alarm(spec, earlier, classes))
    ]


def _noise(first: float, second: float, count: int) -> float:
    """Return twice the standard error of the difference of two shares of ``count`` images."""
    return 2 * math.sqrt((first * (1 - first) + second * (1 - second)) / max(1, count))
