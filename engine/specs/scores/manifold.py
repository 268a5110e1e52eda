"""Specs of scores that know, or estimate, what in an image belongs to it: strokes and tangents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.specs.classifiers import ClassifierSpec
from engine.specs.images import Glyphs, IdxImages, ImagesSpec
from engine.specs.manifold import VAEGAN
from engine.specs.measures import MetricSpec
from engine.specs.passes import FORWARD, TO_PIXELS
from engine.specs.schema import SpecError, param
from engine.specs.scores.base import ScoreSpec

GENERATOR_HELP = "Estimates the tangent space; empty: the known one, on Glyphs only"

WAYS = ("on", "off", "whole")
"""Changes along the manifold, off it, and along a random direction that is not divided."""


def check_space(generator: VAEGAN | None, images: ImagesSpec) -> None:
    """Check that the tangent space of these images is known, or estimated by their generator."""
    if generator is None and not isinstance(images, Glyphs):
        raise SpecError("metric.generator is missing: the tangent space is known on Glyphs only")
    if generator is not None and generator.images != images:
        raise SpecError("metric.generator is trained on other images than classifier")


@dataclass(frozen=True, kw_only=True)
class StrokeMass(ScoreSpec, kind="stroke_mass", label="Stroke mass"):
    """Which share of a map lies on the strokes of a digit, which Glyphs and MNIST files show.

    Absolute values, summed over channels, of the pixels at least half covered with ink, over the
    sum of all; and, as "stroke_ranks", which share of as many of the largest values lies there.
    Ink is white on black: half covered is half as bright as full ink, which Glyphs know exactly and
    which is white in MNIST files. Source: Arras 2022, relevance mass and rank accuracy.
    """

    headline: ClassVar[tuple[str, ...]] = ("stroke_mass",)
    caveat: ClassVar[str] = (
        "It does not show that a map is right: the empty places that tell an 8 from a 3 lie beside "
        "the strokes, and edges that know no network may score higher."
    )

    def check_classifier(self, classifier: ClassifierSpec) -> None:
        if not isinstance(classifier.images, Glyphs | IdxImages):
            raise SpecError(
                f"classifier.images are {classifier.images.title!r}, must be Glyphs or MNIST "
                "files: of other images the strokes are not known"
            )

    @property
    def passes(self) -> float:
        """The map, and its class."""
        return FORWARD + self.attribution.passes


@dataclass(frozen=True, kw_only=True)
class MapTangentShare(ScoreSpec, kind="map_tangent_share", label="Tangent share of maps"):
    """Which share of a map's length lies in the tangent space of the image manifold.

    The known space on Glyphs, or that of a generator's decoder. A map that is a gradient times a
    difference to a constant image is divided by that difference first. Source: Bordt 2023.
    """

    headline: ClassVar[tuple[str, ...]] = ("map_tangent_share",)
    caveat: ClassVar[str] = (
        "It does not show that a map is right, only that it points to where images of this kind "
        "lie, where edges that know no network lie too; and a generator's space is an estimate."
    )

    generator: VAEGAN | None = param(None, help=GENERATOR_HELP)

    def check_classifier(self, classifier: ClassifierSpec) -> None:
        check_space(self.generator, classifier.images)

    @property
    def title(self) -> str:
        how = "" if self.generator is None else f", {self.generator.title}"
        return f"Tangent share of {self.method} maps{how}"

    @property
    def passes(self) -> float:
        """The map, its class, and with a generator a gradient by every latent."""
        latent = 0 if self.generator is None else self.generator.latent
        return FORWARD + self.attribution.passes + TO_PIXELS * latent


@dataclass(frozen=True, kw_only=True)
class ManifoldSensitivity(
    MetricSpec, kind="manifold_sensitivity", label="Off-manifold sensitivity"
):
    """How much of a network's sensitivity is to changes that leave the image manifold.

    A random direction is divided into its parts in and across the tangent space, both are made
    equally long, and the change of the probabilities is summed over classes. The number is
    off / (on + off), each a mean over directions and radii: 0.5 if both matter alike, lower for
    a network that ignores what leaves the manifold. Changed images may leave [0, 1].
    Source: Srinivas 2023, section 4.
    """

    headline: ClassVar[tuple[str, ...]] = ("off_share",)
    baselines: ClassVar[tuple[str, ...]] = ("whole",)
    caveat: ClassVar[str] = (
        "It does not show robustness to an attack, only to random directions: of these the worst "
        "is far from the worst of all, and on a curved manifold a long tangent leaves it."
    )

    generator: VAEGAN | None = param(None, help=GENERATOR_HELP)
    radii: tuple[float, ...] = param(
        (0.5, 1.0, 2.0), above=0.0, unit="pixel", help="Euclidean lengths of the changes"
    )
    samples: int = param(10, low=1, high=10_000, help="Random directions an image")

    def check(self) -> None:
        if not self.radii:
            raise SpecError("radii is [], must hold at least one length")
        if list(self.radii) != sorted(set(self.radii)):
            raise SpecError(f"radii is {list(self.radii)}, must rise from one to the next")

    def check_classifier(self, classifier: ClassifierSpec) -> None:
        check_space(self.generator, classifier.images)

    @property
    def passes(self) -> float:
        """An answer to each of three changes a direction and radius, and to the image."""
        latent = 0 if self.generator is None else self.generator.latent
        return FORWARD * (1 + 3 * len(self.radii) * self.samples) + TO_PIXELS * latent
