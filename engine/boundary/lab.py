"""The networks of the 2-D lab, their recorded tilts, and the optimal straight boundary.

This module is cheap to call: it uses only specs, the index of a study and closed formulas.
:mod:`engine.boundary.plane` runs the networks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.data.gaussians import COVARIANCE, MEANS, angle_between, centroid_direction, unit_scale
from engine.specs import (
    PGD,
    Adversarial,
    Boundary,
    ClassifierSpec,
    Gaussians2D,
    PaperMLP,
    Standard,
    Training,
)
from engine.store.study import Study, spec_of
from engine.tradeoff.published import LinearOptimum

# The paper's step 2 in [-1, 1] units.
PAPER_STEP = 1.0
ANGLE_STEPS = 9001


@dataclass(frozen=True)
class Lab:
    """The settings of the lab: a standard network, and one for each training radius.

    With the default values, the networks are those of the preset ``paper-boundary``, so that both
    use the same records.

    Attributes
    ----------
    radii
        L2 radii of the training attacks, in [0, 1] units; by default half the paper's 0.25 and 0.5,
        which are in [-1, 1] units.
    steps
        Steps of the training attacks.
    """

    radii: tuple[float, ...] = (0.125, 0.25)
    seed: int = 0
    epochs: int = 10
    steps: int = 40

    def networks(self) -> tuple[Training, ...]:
        """Return the trainings, the standard one first."""
        attacks = [paper_attack(eps, self.steps) for eps in self.radii]
        schemes = [Standard(), *(Adversarial(attack=attack) for attack in attacks)]
        return tuple(
            Training(
                images=Gaussians2D(),
                network=PaperMLP(),
                scheme=scheme,
                epochs=self.epochs,
                seed=self.seed,
                evaluation=paper_attack(0.125, self.steps),
                evaluation_images=6000,
            )
            for scheme in schemes
        )


def paper_attack(eps: float, steps: int = 40) -> PGD:
    """Return an L2 attack with the paper's step; eps in [0, 1] units."""
    return PGD(norm="l2", eps=eps, step_size=PAPER_STEP, steps=steps)


def recorded(network: Training) -> Boundary:
    """Return the spec of the boundary record that the lab and the preset compute for a network."""
    return Boundary(classifier=network, attack=paper_attack(0.5))


def training_eps(spec: ClassifierSpec) -> float | None:
    """Return the L2 radius that a network was trained with, 0 for a standard one; else None.

    A network whose training continued from another one has no single radius.
    """
    if not isinstance(spec, Training) or spec.start is not None:
        return None
    threat = spec.scheme.threat
    if threat is None:
        return 0.0
    return threat.eps if threat.norm == "l2" else None


# ------------------------------------------------------------------------------------------- tilts


@dataclass(frozen=True)
class Tilt:
    """The tilts of networks that differ only in their seed.

    Attributes
    ----------
    eps
        The training radius, in [0, 1] units.
    angles
        One angle per network, in degrees.
    keys
        Keys of the networks.
    title
        Title of the first network, without its seed.
    """

    eps: float
    angles: tuple[float, ...]
    keys: tuple[str, ...]
    title: str

    @property
    def mean(self) -> float:
        """The mean angle in degrees."""
        return float(np.mean(self.angles))

    @property
    def spread(self) -> float:
        """The standard deviation of the angle over networks; NaN for a single network."""
        return float(np.std(self.angles, ddof=1)) if len(self.angles) > 1 else math.nan


def tilts(study: Study) -> list[Tilt]:
    """Return the tilts of a study's networks on 2-d points, by training, sorted by radius."""
    found: dict[str, dict[str, tuple[Training, float]]] = {}
    for entry in study.entries:
        spec = spec_of(entry) if entry.kind == Boundary.kind else None
        if not isinstance(spec, Boundary) or not isinstance(spec.classifier, Training):
            continue
        network = spec.classifier
        if training_eps(network) is not None:
            alike = network.replace("seed", 0).key
            angle = float(entry.numbers["angle_degrees"])
            # A network with boundary records for several attacks counts once.
            found.setdefault(alike, {})[network.key] = (network, angle)
    return sorted((_tilt(group) for group in found.values()), key=lambda tilt: tilt.eps)


def _tilt(group: Mapping[str, tuple[Training, float]]) -> Tilt:
    first, _ = next(iter(group.values()))
    name = f"{first.scheme.title}, {first.epochs} epochs"
    angles = tuple(angle for _, angle in group.values())
    return Tilt(training_eps(first) or 0.0, angles, tuple(group), name)


# -------------------------------------------------------------------------------- straight boundary


def best_linear(radii: Sequence[float], images: Gaussians2D) -> list[LinearOptimum]:
    """Return the optimal straight boundary through the centre for each radius.

    Let w be the unit normal, m a class mean and C the covariance. The margin left to the noise is
    w.m - eps, and the standard deviation of the noise along w is sqrt(w'Cw). The accuracy is the
    normal distribution function of their ratio. The best w is searched over angles 0.01 degrees
    apart.

    Parameters
    ----------
    radii
        L2 radii in the paper's [-1, 1] units, below half the distance of the means (0.515). For
        larger radii, no straight boundary has an accuracy above 0.5.
    images
        The images spec, which determines the scale to pixel units.
    """
    turns = np.linspace(-math.pi / 2, math.pi / 2, 2 * ANGLE_STEPS - 1)
    normals = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    covariance, mean = np.array(COVARIANCE), np.array(MEANS[0])
    noise = np.sqrt(np.einsum("ni,ij,nj->n", normals, covariance, normals))
    scale, found = unit_scale(images), []
    for eps in radii:
        ratio = (normals @ mean - eps / scale) / noise
        best = int(ratio.argmax())
        x, y = normals[best]
        angle = angle_between((float(x), float(y)), centroid_direction())
        accuracy = 0.5 * (1 + math.erf(float(ratio[best]) / math.sqrt(2)))
        found.append(LinearOptimum(float(eps), angle, accuracy))
    return found
