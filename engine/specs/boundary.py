"""The spec of the 2-D lab."""

from __future__ import annotations

from dataclasses import dataclass

from engine.specs.attacks import PGD, AttackSpec
from engine.specs.classifiers import ClassifierSpec
from engine.specs.images import Gaussians2D
from engine.specs.schema import Spec, SpecError, param


@dataclass(frozen=True, kw_only=True)
class Boundary(Spec, kind="boundary", label="Decision boundary", recorded=True):
    """The decision boundary of a classifier of the plane, and attacks that cross it."""

    classifier: ClassifierSpec = param()
    attack: AttackSpec = param(PGD(norm="l2", eps=0.5, step_size=1.0, steps=40))
    grid: int = param(200, low=10, high=2000, help="Points along each side")
    attacked_points: int = param(50, low=1, help="Attacked test points that are kept")

    def check(self) -> None:
        if not isinstance(self.classifier.images, Gaussians2D):
            raise SpecError(
                f"classifier.images is {self.classifier.images.kind!r}, must be gaussians_2d"
            )

    @property
    def title(self) -> str:
        return f"Boundary of {self.classifier.title}"
