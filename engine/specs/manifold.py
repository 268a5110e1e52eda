"""Specs of the image manifold: a generator that approximates it, distances to it, its tangents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from engine.specs.attacks import PGD, AttackSpec
from engine.specs.attributions import AttributionSpec, Gradient
from engine.specs.classifiers import ORDER_HELP, ClassifierSpec, Order, Training
from engine.specs.fields import Form
from engine.specs.images import ImagesSpec
from engine.specs.measures import MetricSpec
from engine.specs.passes import TO_PIXELS
from engine.specs.schema import Spec, SpecError, param


@dataclass(frozen=True, kw_only=True)
class VAEGAN(Spec, kind="vae_gan", label="VAE-GAN", recorded=True):
    """A variational autoencoder whose decoder is also a GAN's generator.

    Its defaults are the paper's for MNIST. Source: Larsen 2016; Kim, Seo, Jeon 2019, table of the
    approximated manifold.
    """

    images: ImagesSpec = param()
    architecture: Literal["mnist", "cifar"] = param(
        "mnist", help="mnist: 28x28; cifar: 32x32, its discriminator spectrally normalised"
    )
    width: float = param(
        1.0, above=0.0, high=4.0, help="Channels as a multiple of the paper's; below 1: lite"
    )
    latent: int = param(10, low=1, high=4096, label="latent size")
    reconstruction_weight: float = param(5e-3, low=0.0, help="lambda of the decoder's loss")
    learning_rate: float = param(5e-4, above=0.0, high=1.0)
    beta1: float = param(0.5, low=0.0, high=0.999)
    discriminator_steps: int = param(1, low=1, high=100)
    epochs: int = param(30, low=1, high=10_000)
    batch_size: int = param(100, low=2, high=65_536)
    seed: int = param(0, low=0)
    order: Order = param("shuffled", label="order of images", help=ORDER_HELP, faithful="file")
    form: Form = param(
        "corrected",
        label="VAE-GAN layers and steps",
        help="released: batch norm after the activation (epsilon 1e-3, momentum 0.99, statistics "
        "moved in a part's own steps only); the cifar decoder begins with a linear layer; its "
        "discriminator divides convolutions by max(sigma of the convolution, 1); 1e-8 in the "
        "logarithms of the GAN; TensorFlow's Adam; round(images / batch size) batches",
        faithful="released",
    )

    @property
    def title(self) -> str:
        return f"VAE-GAN of {self.images.title}, latent {self.latent}"


@dataclass(frozen=True, kw_only=True)
class ManifoldDistance(Spec, kind="manifold_distance", label="Manifold distance", recorded=True):
    """Distances of test images, clean or attacked, to their VAE-GAN reconstructions.

    Source: Kim, Seo, Jeon 2019, distance to the manifold.
    """

    generator: VAEGAN = param()
    classifier: ClassifierSpec | None = param(
        None, help="The network that is attacked; empty: the clean test images"
    )
    baseline: Training | None = param(None, help="The standard network, where it is the judge")
    attack: AttackSpec = param(PGD(norm="l2", eps=6.0, step_size=1.0, steps=40))
    test_images: int = param(1000, low=2)
    judged_by: Literal["own", "standard"] = param(
        "own",
        label="which network judges",
        faithful="standard",
        help="Which network's prediction an attack must change to count: the attacked one's own, "
        "or always the standard one's",
    )
    reconstruction: Literal["mean", "sampled"] = param(
        "mean", faithful="sampled", help="Whether the latent's mean is decoded, or a draw of it"
    )
    panel: Literal["own", "xent", "cw"] = param(
        "own",
        help="Under which training loss it is shown; the released Fashion-MNIST L2 panel of the "
        "cross-entropy shows the networks trained with the margin",
    )
    seed: int = param(0, low=0)

    def check(self) -> None:
        if self.classifier is None:
            return
        if self.classifier.images != self.generator.images:
            raise SpecError("classifier is trained on other images than generator")
        if self.judged_by == "standard" and self.baseline is None:
            raise SpecError("baseline is missing: judged_by is 'standard', which needs one")
        if self.baseline is not None and self.baseline.scheme.threat is not None:
            raise SpecError(f"baseline is {self.baseline.title!r}, must be a standard training")

    @property
    def judge(self) -> ClassifierSpec | None:
        """The network whose changed prediction makes an attack count; None for clean images."""
        if self.classifier is None:
            return None
        return self.baseline if self.judged_by == "standard" else self.classifier

    def requires(self) -> tuple[Spec, ...]:
        parents = (self.generator, self.classifier, self.judge)
        return tuple(dict.fromkeys(spec for spec in parents if spec is not None))

    @property
    def title(self) -> str:
        if self.classifier is None:
            return "Distance to the manifold, clean test images"
        return f"Distance to the manifold, {self.attack.title} on {self.classifier.title}"


@dataclass(frozen=True, kw_only=True)
class TangentShare(MetricSpec, kind="tangent_share", label="Share in the tangent space"):
    """Which share of a loss gradient's length lies in the tangent space of the image manifold.

    On Glyphs the tangent space is known exactly; elsewhere, and beside it, the generator's decoder
    gives an estimate. Source: Bordt 2023; Srinivas 2023 for the decoder's Jacobian.
    """

    generator: VAEGAN | None = param(None, help="Estimates the tangent space; empty: Glyphs only")

    headline: ClassVar[tuple[str, ...]] = ("known", "estimated")
    baselines: ClassVar[tuple[str, ...]] = ("baseline",)
    caveat: ClassVar[str] = (
        "It does not show that a gradient is right, only that it points to where images of this "
        "kind lie; and the space of a generator is an estimate."
    )

    @property
    def passes(self) -> float:
        """One gradient; and with a generator a gradient by every latent."""
        return TO_PIXELS * (1 + (self.generator.latent if self.generator is not None else 0))

    @property
    def title(self) -> str:
        how = "" if self.generator is None else f", {self.generator.title}"
        return f"{self.label}{how}"


@dataclass(frozen=True, kw_only=True)
class GlyphTruth(MetricSpec, kind="glyph_truth", label="Truth of maps on Glyphs"):
    """Tangent share and stroke mass of maps in one; for new plans take these two scores instead.

    The share of the map's length in the exact tangent space, and the share of its absolute sum on
    pixels that hold ink. `map_tangent_share` and `stroke_mass` measure the same and have intervals
    and baselines in every table; this one stays for the presets and records of the experiment.
    Source: Bordt 2023, fraction in tangent space; relevance mass accuracy of Arras 2022, whose
    ground truth is the ink here.
    """

    headline: ClassVar[tuple[str, ...]] = ("tangent_share",)
    caveat: ClassVar[str] = (
        "It does not show that the network uses what the map marks: edges that know no network "
        "have a high share, and so has a map that multiplies by the image."
    )

    attribution: AttributionSpec = param(Gradient())

    def check(self) -> None:
        self.attribution.check_unlabelled("attribution")

    @property
    def passes(self) -> float:
        """The map."""
        return self.attribution.passes

    @property
    def title(self) -> str:
        return f"{self.label}, {self.attribution.title}"
