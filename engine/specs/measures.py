"""Specs of what is asked of a classifier: attributions, retrainings, scores, measurements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.specs.classifiers import (
    ORDER_HELP,
    PGD,
    Adam,
    AttackSpec,
    ClassifierSpec,
    OptimizerSpec,
    Order,
    Training,
)
from engine.specs.images import Gaussians2D, ImagesSpec, NetworkSpec
from engine.specs.schema import Spec, SpecError, param

Mode = Literal["roar", "kar"]
Control = Literal["none", "blurred", "sobel", "mask_only"]
CONTROL_BLUR = 2.0
"""Standard deviation, in pixels, of the control "blurred"."""

PAPER_FRACTIONS = (0.1, 0.3, 0.5, 0.7, 0.9)


@dataclass(frozen=True, kw_only=True)
class AttributionSpec(Spec):
    """A signed importance for every pixel and channel of an image, for one class of it."""

    explained: Literal["predicted", "true"] = param(
        "predicted",
        label="class",
        help="predicted: the one the network says, as in the paper; true: the image's label, and "
        "the predicted one where it has none",
    )
    target: int | None = param(
        None, low=0, label="chosen class", help="Number of a class to explain in their place"
    )
    quantity: Literal["log_probability", "logit"] = param(
        "log_probability",
        label="of its",
        help="log_probability: minus the cross-entropy, as in the paper; logit: the class alone, "
        "whatever the others say",
    )

    def check(self) -> None:
        if self.target is not None and self.explained == "true":
            raise SpecError(f"target is {self.target}, must be empty where explained is 'true'")

    @property
    def title(self) -> str:
        parts = {"true": ["true class"], "predicted": []}[self.explained]
        parts += [] if self.target is None else [f"class {self.target}"]
        parts += ["logit"] if self.quantity == "logit" else []
        return self.label + (f" ({', '.join(parts)})" if parts else "")

    def check_unlabelled(self, where: str) -> None:
        """Refuse the true class: pixels of test images chosen by it would tell their label."""
        if self.explained == "true":
            raise SpecError(
                f"{where}.explained is 'true', must be 'predicted': pixels removed from test "
                "images by their true class would tell it"
            )


@dataclass(frozen=True, kw_only=True)
class Gradient(AttributionSpec, kind="gradient", label="Gradient"):
    """Gradient of the negative cross-entropy of the predicted label. Source: Simonyan 2014."""


@dataclass(frozen=True, kw_only=True)
class GradientXInput(AttributionSpec, kind="gradient_x_input", label="Gradient x input"):
    """The same gradient times the image. Source: Shrikumar 2017; Kim, Seo, Jeon 2019."""

    input_range: Literal["signed", "unit"] = param(
        "signed", help="signed: the image in [-1, 1] as in the paper; unit: in [0, 1]"
    )


@dataclass(frozen=True, kw_only=True)
class RankingSpec(Spec):
    """An order of every image's pixels from most to least important."""


@dataclass(frozen=True, kw_only=True)
class AttributionRanking(RankingSpec, kind="attribution_ranking"):
    """By the channel sum of the absolute attribution; ties split by seeded noise."""

    classifier: ClassifierSpec = param()
    attribution: AttributionSpec = param()
    seed: int = param(0, low=0)
    blur: float = param(
        0.0,
        low=0.0,
        high=64.0,
        unit="px",
        help="Standard deviation of a Gaussian filter over the map; 0: the map as it is",
    )

    def check(self) -> None:
        self.attribution.check_unlabelled("attribution")

    @property
    def images(self) -> ImagesSpec:
        """The images that are ranked."""
        return self.classifier.images

    @property
    def title(self) -> str:
        blurred = "blurred " if self.blur else ""
        return f"{blurred}{self.attribution.title} of {self.classifier.title}"


@dataclass(frozen=True, kw_only=True)
class SobelRanking(RankingSpec, kind="sobel_ranking"):
    """By the strength of the image's own edges: a control that knows no network.

    Source: Hooker 2019, which uses Sobel edges as a baseline.
    """

    images: ImagesSpec = param()
    seed: int = param(0, low=0)

    @property
    def title(self) -> str:
        return "Sobel edges"


@dataclass(frozen=True, kw_only=True)
class RandomRanking(RankingSpec, kind="random_ranking"):
    """A random order: the baseline."""

    images: ImagesSpec = param()
    seed: int = param(0, low=0)

    @property
    def title(self) -> str:
        return "random"


@dataclass(frozen=True, kw_only=True)
class Occlusion(Spec, kind="occlusion"):
    """Pixels replaced by the training set's channel mean, in training and test images alike.

    roar removes the most important, kar keeps the most important and removes the rest.
    Source: Hooker 2019; Kim, Seo, Jeon 2019.
    """

    ranking: RankingSpec = param()
    mode: Mode = param("roar")
    fraction_removed: float = param(0.5, low=0.0, high=1.0)
    content: Literal["image", "mask"] = param(
        "image", help="mask: the removed pixels as 1 on 0, to see what their shape alone tells"
    )


@dataclass(frozen=True, kw_only=True)
class Retraining(Spec, kind="retraining", recorded=True):
    """A fresh network trained, standard, on occluded images."""

    occlusion: Occlusion = param()
    network: NetworkSpec = param()
    optimizer: OptimizerSpec = param(Adam())
    epochs: int = param(5, low=1, high=10_000)
    batch_size: int = param(100, low=1, high=65_536)
    seed: int = param(0, low=0)
    order: Order = param("shuffled", label="order of images", help=ORDER_HELP, faithful="file")

    @property
    def title(self) -> str:
        occlusion = self.occlusion
        share = f"{100 * occlusion.fraction_removed:.3g} %"
        if occlusion.content == "mask":
            share += ", mask only"
        return f"{occlusion.mode.upper()} {share}, {occlusion.ranking.title}, repeat {self.seed}"


@dataclass(frozen=True, kw_only=True)
class Interpretability(Spec, kind="interpretability", recorded=True):
    """ROAR or KAR score of one attribution of one classifier.

    The network, optimiser, epochs and batch size of the retrainings, and the end points of the
    curves, are those of ``baseline``. Source: Kim, Seo, Jeon 2019.
    """

    classifier: ClassifierSpec = param()
    attribution: AttributionSpec = param()
    mode: Mode = param("roar")
    baseline: Training = param(help="The standard network whose accuracy ends the curves")
    fractions: tuple[float, ...] = param(PAPER_FRACTIONS, above=0.0, high=0.999)
    repeats: int = param(3, low=1, high=100)
    seed: int = param(0, low=0)
    control: Control = param(
        "none",
        help="none: the score itself; blurred: of the same map, blurred; sobel: of image edges; "
        "mask_only: of networks that see only which pixels are removed",
    )
    random_baseline: Literal["shared", "own"] = param(
        "shared", help="shared: one random curve for all networks, as in the paper; own: each its"
    )

    def check(self) -> None:
        if not self.fractions or list(self.fractions) != sorted(set(self.fractions)):
            raise SpecError(f"fractions is {list(self.fractions)}, must be a rising list")
        if not self.baseline.is_standard:
            raise SpecError(
                f"baseline is {self.baseline.title!r}, must be a standard training from scratch"
            )
        if self.baseline.images != self.classifier.images:
            raise SpecError("baseline is trained on other images than classifier")
        self.attribution.check_unlabelled("attribution")

    @property
    def title(self) -> str:
        what = "score" if self.control == "none" else f"control {self.control.replace('_', ' ')}"
        return f"{self.mode.upper()} {what}, {self.attribution.title} of {self.classifier.title}"

    def retrainings(self, ranking: Literal["attribution", "random"]) -> tuple[Retraining, ...]:
        """Return the retrainings of the curve or of its random baseline, fraction by fraction."""
        return tuple(
            self._retraining(ranking, fraction, self.seed + repeat)
            for fraction in self.fractions
            for repeat in range(self.repeats)
        )

    def _retraining(self, ranking: str, fraction: float, seed: int) -> Retraining:
        random = ranking == "random"
        base = self.baseline
        masked = self.control == "mask_only" and not random
        return Retraining(
            occlusion=Occlusion(
                ranking=self._random(seed) if random else self._order(),
                mode=self.mode,
                fraction_removed=fraction,
                content="mask" if masked else "image",
            ),
            network=base.network,
            optimizer=base.optimizer,
            epochs=base.epochs,
            batch_size=base.batch_size,
            seed=seed,
            order=base.order,
        )

    def _random(self, seed: int) -> RankingSpec:
        if self.random_baseline == "own":
            seed += int(self.classifier.key[:7], 16)  # another draw for every network
        return RandomRanking(images=self.classifier.images, seed=seed)

    def _order(self) -> RankingSpec:
        if self.control == "sobel":
            return SobelRanking(images=self.classifier.images)
        blur = CONTROL_BLUR if self.control == "blurred" else 0.0
        return AttributionRanking(
            classifier=self.classifier, attribution=self.attribution, blur=blur
        )

    def requires(self) -> tuple[Spec, ...]:
        curves = (*self.retrainings("random"), *self.retrainings("attribution"))
        return (self.classifier, self.baseline, *curves)


@dataclass(frozen=True, kw_only=True)
class Maps(Spec, kind="maps", label="Maps", recorded=True):
    """One attribution of chosen test images of one classifier."""

    classifier: ClassifierSpec = param()
    attribution: AttributionSpec = param(Gradient())
    images: ImagesSpec | None = param(None, help="Other images than the classifier's own")
    indices: tuple[int, ...] = param(tuple(range(8)), low=0, help="Which test images")

    @property
    def title(self) -> str:
        return f"{self.attribution.title} maps of {self.classifier.title}"


@dataclass(frozen=True, kw_only=True)
class AdversarialExamples(Spec, kind="adversarial_examples", recorded=True):
    """Attacked versions of chosen test images of one classifier."""

    classifier: ClassifierSpec = param()
    attack: AttackSpec = param(PGD())
    images: ImagesSpec | None = param(None, help="Other images than the classifier's own")
    indices: tuple[int, ...] = param(tuple(range(8)), low=0, help="Which test images")
    seed: int = param(0, low=0)

    @property
    def title(self) -> str:
        return f"{self.attack.title} on {self.classifier.title}"


@dataclass(frozen=True, kw_only=True)
class MetricSpec(Spec):
    """A number, or a curve, that describes a classifier."""


@dataclass(frozen=True, kw_only=True)
class RobustAccuracy(MetricSpec, kind="robust_accuracy", label="Robust accuracy"):
    """Accuracy under an attack, at several radii."""

    attack: AttackSpec = param(PGD())
    eps: tuple[float, ...] = param((0.0, 2 / 255, 4 / 255, 8 / 255), low=0.0, unit="pixel")

    def check(self) -> None:
        if not self.attack.eps or not self.eps:
            name, value = ("attack.eps", 0) if self.eps else ("eps", [])
            raise SpecError(f"{name} is {value}, must not be empty or 0: it sets the scale")

    def attack_at(self, eps: float) -> AttackSpec:
        """Return the attack with another radius, its step size scaled alike."""
        scaled = self.attack.scaled(max(eps, 1e-9) / self.attack.eps)
        return scaled.replace("eps", eps)


@dataclass(frozen=True, kw_only=True)
class AttackCheck(MetricSpec, kind="attack_check", label="Report card of the attack"):
    """Signs that an accuracy under attack is the attack's failure, not the network's strength.

    Source: Athalye, Carlini, Wagner 2018; Carlini et al. 2019, evaluating robustness.
    """

    attack: AttackSpec = param(PGD())
    restarts: int = param(5, low=1, high=100, help="Random starts of the attack, the worst counts")

    def check(self) -> None:
        if not self.attack.eps or self.attack.target is not None:
            name, value = ("eps", 0) if not self.attack.eps else ("target", self.attack.target)
            wanted = "above 0" if name == "eps" else "empty: only errors of any kind are compared"
            raise SpecError(f"attack.{name} is {value}, must be {wanted}")


@dataclass(frozen=True, kw_only=True)
class Alignment(MetricSpec, kind="alignment", label="Gradient alignment"):
    """|<x, g>| / ||g|| and its cosine, g the gradient of the winning logit. Source: Etmann 2019."""


@dataclass(frozen=True, kw_only=True)
class Measurement(Spec, kind="measurement", recorded=True):
    """One metric of one classifier on its first test images."""

    classifier: ClassifierSpec = param()
    metric: MetricSpec = param(RobustAccuracy())
    test_images: int = param(1000, low=1)
    seed: int = param(0, low=0)

    @property
    def title(self) -> str:
        return f"{self.metric.title} of {self.classifier.title}"


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
