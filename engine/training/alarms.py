"""Alarms: detect failures of a training from its curves, after every epoch.

Every alarm depends only on the curves so far, so a resumed training raises the same alarms.
Accuracies are measured on n images: a difference counts only above twice its standard error, a slow
fall only above what the largest of many such differences is by chance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from engine.specs import AttackSpec, Training
from engine.texts import percent

Values = NDArray[np.float64]

COLLAPSE = 0.5  # of the best robust accuracy, lost from one epoch to the next
ONCE_ROBUST = 0.2  # least best robust accuracy from which a collapse is reported
HIDDEN = (
    1 / 3
)  # of the accuracy under one step, which many steps of an honest network leave at least
FEWEST_STEPS = 3  # of an attack in training that kept small networks from collapsing
ONE_STEP, MANY_STEP = "one_step_accuracy", "many_step_accuracy"
WINDOW = 3  # epochs over which accuracies are averaged to detect a slow change
FALSE_ALARMS = 0.05  # of trainings on a plateau
NORMAL_MEDIAN = 0.6745  # median distance of a normal value from its mean, in standard deviations
UNLEARNED_LOSS = 0.98  # of the loss of uniform guessing
PATIENCE = 2.0  # epochs after the warm-up before "not learning" is reported
LEARNED = 0.95  # least share of the training images that are known to be right in overfitting
GAP = 0.15  # of accuracy, by which other images fall behind the training images in overfitting


@dataclass(frozen=True)
class Curves:
    """The curves of a training up to the end of an epoch.

    Attributes
    ----------
    loss
        Float (E,), mean training loss of each epoch.
    clean, robust
        Float (E,), accuracies on validation (else test) images after each epoch, in [0, 1].
    robust_images
        Number of images behind each robust accuracy.
    one_step, many_step
        Float (E,), accuracies of the same images under one step and under many steps as large as
        the attack in training; NaN where they were not measured.
    selects
        Whether the weights of the best epoch are stored too: the accuracies are of validation
        images.
    clean_images, train_images
        Number of images behind each clean accuracy, and of training images; 0 if unknown.
    """

    loss: Values
    clean: Values
    robust: Values
    robust_images: int
    one_step: Values
    many_step: Values
    selects: bool = False
    clean_images: int = 0
    train_images: int = 0

    @classmethod
    def of(
        cls,
        history: Mapping[str, Sequence[float]],
        *,
        selects: bool = False,
        clean_images: int = 0,
        train_images: int = 0,
    ) -> Curves:
        """Return the curves of a ``TrainingState.history`` (:mod:`engine.training.loop`)."""
        steps, losses = (np.asarray(history[f"curve__{name}"]) for name in ("step", "loss"))
        clean, robust, counts = (
            np.asarray(history[f"epochs__{name}"])
            for name in ("clean_accuracy", "robust_accuracy", "robust_images")
        )
        # A point's step is the end of the interval it averages: epoch e has those in (e - 1, e].
        epochs = np.ceil(steps - 1e-9)
        loss = np.array([losses[epochs == e].mean() for e in range(1, len(clean) + 1)])
        unknown = np.full(len(clean), np.nan)
        one, many = (
            np.asarray(history.get(f"epochs__{name}", unknown)) for name in (ONE_STEP, MANY_STEP)
        )
        return cls(
            loss, clean, robust, int(counts[-1]), one, many, selects, clean_images, train_images
        )

    def before(self) -> Curves:
        """Return the curves as they were one epoch earlier."""
        names = ("loss", "clean", "robust", "one_step", "many_step")
        return replace(self, **{name: getattr(self, name)[:-1] for name in names})

    def __len__(self) -> int:
        return len(self.clean)


def catastrophic_overfitting(spec: Training, curves: Curves, classes: int) -> str:
    """Detect that the network resists only the attack that it is trained with.

    Either it resists one step and not many, maybe from the first epochs on; or its robustness was
    lost within one epoch while the training loss did not rise.
    Source: Wong, Rice, Kolter 2020, section 5; Andriushchenko, Flammarion 2020, section 3.
    """
    if spec.scheme.threat is None:
        return ""
    found = _hidden(spec, curves) or _lost(curves)
    return f"catastrophic overfitting: {found}; {_cure(spec.scheme.threat)}" if found else ""


def _hidden(spec: Training, curves: Curves) -> str:
    """Say that one step is resisted and many are not; "" if they are, or during the warm-up."""
    if len(curves) <= _warmup(spec):
        return ""
    one, many = float(curves.one_step[-1]), float(curves.many_step[-1])
    # Without a measurement both are NaN, and no comparison holds.
    if not (many < HIDDEN * one and one - many > _noise(one, many, curves.robust_images)):
        return ""
    return (
        f"{percent(one, 0)} of the images resist one step of the attack's size, but only "
        f"{percent(many, 0)} resist many (n = {curves.robust_images})"
    )


def _lost(curves: Curves) -> str:
    """Say that robustness was lost in the newest epoch while the loss did not rise, or ""."""
    if len(curves) < 2:
        return ""
    before, now = float(curves.robust[:-1].max()), float(curves.robust[-1])
    fell = now < COLLAPSE * before and before - now > _noise(before, now, curves.robust_images)
    if before < ONCE_ROBUST or not fell or curves.loss[-1] > curves.loss[-2]:
        return ""
    return (
        f"the robust accuracy fell from {percent(before, 0)} to {percent(now, 0)} "
        f"(n = {curves.robust_images}) while the training loss did not rise"
    )


def _cure(threat: AttackSpec) -> str:
    steps = getattr(threat, "steps", 1)
    if steps < FEWEST_STEPS:
        return f"train with PGD of at least {FEWEST_STEPS} steps, or with a smaller eps"
    return f"train with more than {steps} attack steps, or with a smaller eps"


def robust_overfitting(spec: Training, curves: Curves, classes: int) -> str:
    """Detect that the robust accuracy has fallen from its best while the training loss falls.

    Means of three epochs are compared because single epochs vary by more than the sampling error.
    The best is chosen among all that came before, and is looked for again after each epoch: the
    fall has to be larger than the largest of so many comparisons of equal means. A training that
    only scatters around a plateau raises it in at most 5 %, see ``test_alarms.py``.
    Source: Rice, Wong, Kolter 2020.
    """
    if spec.scheme.threat is None or len(curves) < 2 * WINDOW:
        return ""
    means = np.convolve(curves.robust, np.full(WINDOW, 1 / WINDOW), mode="valid")
    earlier = means[:-WINDOW]
    best = int(earlier.argmax())
    top, now = float(earlier[best]), float(means[-1])
    fell = top - now > _largest_by_chance(curves, top)
    if not fell or curves.loss[-1] >= curves.loss[best + WINDOW - 1]:
        return ""
    return (
        f"robust overfitting: the robust accuracy was {percent(top, 0)} in epochs {best + 1} to "
        f"{best + WINDOW} and is {percent(now, 0)} in the last {WINDOW} "
        f"(n = {curves.robust_images}) while the training loss still falls; {_kept(curves)}"
    )


def _largest_by_chance(curves: Curves, best: float) -> float:
    """Return how far two means of :data:`WINDOW` epochs on a plateau differ by chance, in 95 %.

    An epoch scatters as much as the sample of images says, or more: by what neighbouring epochs
    differ, in the median, so that the epochs in which the network learns count little.
    """
    certain = 1 - FALSE_ALARMS / (len(curves) ** 2 / 2)  # so many pairs of means were compared
    sampling = math.sqrt(best * (1 - best) / max(1, curves.robust_images))
    apart = float(np.median(np.abs(np.diff(curves.robust))))
    scatter = apart / NORMAL_MEDIAN / math.sqrt(2)
    # The one is known, the other one is estimated from as many differences.
    epoch = max(ndtri(certain) * sampling, stdtrit(len(curves) - 1, certain) * scatter)
    return float(epoch) * math.sqrt(2 / WINDOW)


def _kept(curves: Curves) -> str:
    if curves.selects:
        epoch = 1 + int(curves.robust.argmax())
        return f"the weights of epoch {epoch}, the best so far, are stored beside the last"
    return "with a validation part of the images, the weights of the best epoch are stored too"


def not_learning(spec: Training, curves: Curves, classes: int) -> str:
    """Detect that the training loss is still about that of uniform guessing."""
    guess = math.log(classes)
    if len(curves) < _warmup(spec) + PATIENCE or curves.loss[-1] < UNLEARNED_LOSS * guess:
        return ""
    cure = "a warm-up or a smaller eps" if spec.scheme.threat else "another learning rate"
    return (
        f"not learning: the training loss of epoch {len(curves)} is "
        f"{curves.loss[-1]:.2f}, that of guessing among {classes} classes {guess:.2f}; try {cure}"
    )


def overfitting(spec: Training, curves: Curves, classes: int) -> str:
    """Detect that nearly all training images are right and many of the other images are not.

    A wrong answer costs a cross-entropy of at least ln 2, and what schemes add to the cross-entropy
    is not negative, so the mean loss bounds from below how many training images were right in the
    epoch, as they came: augmented, or attacked.
    """
    if not len(curves) or not curves.clean_images:
        return ""
    right = 1 - float(curves.loss[-1]) / ((1 - spec.label_smoothing) * math.log(2))
    clean = float(curves.clean[-1])
    behind = right - clean
    noise = 2 * math.sqrt(clean * (1 - clean) / curves.clean_images)
    if right < LEARNED or behind < GAP or behind <= noise:
        return ""
    part = "validation" if curves.selects else "test"
    return (
        f"overfitting: at least {percent(right, 0)} of the {curves.train_images:,} training images "
        f"were right in epoch {len(curves)} (loss {curves.loss[-1]:.2g}), of "
        f"{curves.clean_images:,} {part} images {percent(clean, 0)}; "
        "try more images, augmentation or fewer epochs"
    )


ALARMS: dict[str, Callable[[Training, Curves, int], str]] = {
    "catastrophic overfitting": catastrophic_overfitting,
    "robust overfitting": robust_overfitting,
    "not learning": not_learning,
    "overfitting": overfitting,
}
ENDING = ("not learning", "overfitting")
"""Alarms that are over once they do not hold; those on lost robustness also stop holding when only
the loss rises."""


def ended_alarms(spec: Training, curves: Curves, classes: int) -> list[tuple[str, str]]:
    """Return name and sentence of each alarm that held one epoch ago and is over now."""
    earlier = curves.before()
    if not len(earlier):
        return []
    now = (
        f"epoch {len(curves)}: loss {curves.loss[-1]:.2g}, accuracy {percent(curves.clean[-1], 0)}"
    )
    return [
        (name, f"no longer {name} ({now})")
        for name in ENDING
        if ALARMS[name](spec, earlier, classes) and not ALARMS[name](spec, curves, classes)
    ]


def named_alarms(spec: Training, curves: Curves, classes: int) -> list[tuple[str, str]]:
    """Return name and sentence of each alarm raised at the newest epoch, not at the one before."""
    earlier = curves.before()
    return [
        (name, sentence)
        for name, alarm in ALARMS.items()
        if (sentence := alarm(spec, curves, classes))
        and not (len(earlier) and alarm(spec, earlier, classes))
    ]


def new_alarms(spec: Training, curves: Curves, classes: int) -> list[str]:
    """Return the sentences of :func:`named_alarms`."""
    return [sentence for _, sentence in named_alarms(spec, curves, classes)]


def _warmup(spec: Training) -> float:
    return float(getattr(spec.scheme, "warmup", 0.0))


def _noise(first: float, second: float, count: int) -> float:
    """Return twice the standard error of the difference of two shares of ``count`` images."""
    return 2 * math.sqrt((first * (1 - first) + second * (1 - second)) / max(1, count))
