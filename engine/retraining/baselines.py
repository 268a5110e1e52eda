"""Choose the trainings that serve as baselines of retrainings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.specs import ClassifierSpec, Training


def baselines_among(specs: Iterable[ClassifierSpec], images: object) -> list[Training]:
    """Return the standard networks on these images, lowest seed first."""
    found = [
        spec
        for spec in specs
        if isinstance(spec, Training) and spec.is_standard and spec.images == images
    ]
    return sorted(found, key=lambda spec: spec.seed)


def best_baseline(classifier: ClassifierSpec, candidates: Sequence[Training]) -> Training | None:
    """Return the standard network trained most like a classifier, or None without candidates.

    Among equally similar ones the first wins: with candidates sorted by seed, all classifiers of a
    sweep share one baseline.
    """

    def likeness(spec: Training) -> tuple[bool, ...]:
        alike = [spec.network == classifier.network]
        if isinstance(classifier, Training):
            names = ("epochs", "optimizer", "batch_size")
            alike += [getattr(spec, name) == getattr(classifier, name) for name in names]
        return tuple(alike)

    return max(candidates, key=likeness, default=None)
