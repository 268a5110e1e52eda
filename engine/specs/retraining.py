"""Specs of ROAR, KAR and F-Fidelity: rankings, removal of pixels, retraining, scores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import ClassVar, Literal

from engine.specs.attributions import AttributionSpec, Gradient
from engine.specs.classifiers import ORDER_HELP, ClassifierSpec, Order, Precision, Training
from engine.specs.fields import Form
from engine.specs.images import ImagesSpec
from engine.specs.measures import MetricSpec
from engine.specs.networks import NetworkSpec
from engine.specs.optimizers import Adam, OptimizerSpec
from engine.specs.passes import FORWARD
from engine.specs.schema import Spec, SpecError, param
from engine.texts import percent

Mode = Literal["roar", "kar"]
ScoreControl = Literal["none", "blurred", "sobel", "mask_only", "matched", "reversed"]
PRECISION_HELP = (
    "Of products while networks are retrained; all but float32 need a CUDA device. tf32: 10 bits "
    "of mantissa, in the maps that rank pixels too; bfloat16: mixed precision in the steps of the "
    "optimiser, while maps and accuracies stay in float32"
)
CONTROL_BLUR = 2.0
"""Standard deviation, in pixels, of the control "blurred"."""

MATCHED_BLURRINESS = 0.8
"""Blurriness of the control "matched": above that of most gradients, as blur can only be added."""

PAPER_FRACTIONS = (0.1, 0.3, 0.5, 0.7, 0.9)


@dataclass(frozen=True, kw_only=True)
class RankingSpec(Spec):
    """An order of every image's pixels from most to least important."""


@dataclass(frozen=True, kw_only=True)
class AttributionRanking(RankingSpec, kind="attribution_ranking"):
    """By the channel sum of the absolute attribution; equal ones in a seeded random order."""

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
    form: Form = param(
        "corrected",
        label="ties",
        help="corrected: equal pixels in random order; released: noise of up to 1e-8 is added to "
        "all, which also reorders attributions of that size",
        faithful="released",
    )
    blurriness: float = param(
        0.0,
        low=0.0,
        high=0.999,
        help="Maps are blurred, all by one width, until their mean blurriness is this; 0: not. "
        "Maps that are blurrier as they are stay so",
    )

    def check(self) -> None:
        self.attribution.check_network(self.classifier.network)
        self.attribution.check_unlabelled("attribution")
        if self.blur and self.blurriness:
            raise SpecError(
                f"blurriness is {self.blurriness:g}, must be 0 where blur is {self.blur:g}: one "
                "of them sets the width"
            )

    @property
    def images(self) -> ImagesSpec:
        """The images that are ranked."""
        return self.classifier.images

    @cached_property
    def title(self) -> str:
        blurred = "blurred " if self.blur else ""
        if self.blurriness:
            blurred = f"to {self.blurriness:g} blurred "
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
    form: Form = param(
        "corrected",
        label="random masks",
        help="corrected: the exact share of every image's pixels; released: each pixel by its own "
        "draw, so that the share is met on average, and anew for every share",
        faithful="released",
    )

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
    form: Form = param(
        "corrected",
        label="threshold and fill",
        help="corrected: round(share * pixels) are removed, the same mean in both parts; released: "
        "those strictly beyond the percentile of the attribution, and the mean of test images is "
        "truncated to whole grey levels",
        faithful="released",
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
    precision: Precision = param("float32", help=PRECISION_HELP)

    @property
    def title(self) -> str:
        occlusion = self.occlusion
        share = percent(occlusion.fraction_removed, None)
        if occlusion.content == "mask":
            share += ", mask only"
        return f"{occlusion.mode.upper()} {share}, {occlusion.ranking.title}, repeat {self.seed}"


def _curve(
    first: Retraining, rankings: tuple[RankingSpec, ...], fractions: tuple[float, ...]
) -> tuple[Retraining, ...]:
    """Return retrainings like the first, fraction by fraction; each repeat has a ranking.

    Those of one ranking share its removal, because a plan has thousands of retrainings.
    """
    found = []
    for fraction in fractions:
        removals: dict[str, Occlusion] = {}
        for repeat, ranking in enumerate(rankings):
            if ranking.key not in removals:
                removals[ranking.key] = replace(
                    first.occlusion, ranking=ranking, fraction_removed=fraction
                )
            found.append(replace(first, occlusion=removals[ranking.key], seed=first.seed + repeat))
    return tuple(found)


_shared_curve = lru_cache(maxsize=64)(_curve)


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
    control: ScoreControl = param(
        "none",
        help="none: the score itself; blurred: of the same map, blurred; sobel: of image edges; "
        "mask_only: of networks that see only which pixels are removed; matched: of the map "
        "blurred to one blurriness for all networks; reversed: against keeping the least important "
        "pixels instead of random ones (DiffROAR, kar only)",
    )
    blurriness: float = param(
        MATCHED_BLURRINESS,
        above=0.0,
        high=0.999,
        help="What the maps are blurred to; above what they have as they are",
        only=("control", "matched"),
    )
    random_baseline: Literal["shared", "own"] = param(
        "shared", help="shared: one random curve for all networks, as in the paper; own: each its"
    )
    form: Form = param(
        "corrected",
        label="ties, masks and fill",
        help="released: as the fields form of the rankings and of the removal say; the repeats of "
        "the random curve share one mask a share",
        faithful="released",
    )
    precision: Precision = param("float32", help=PRECISION_HELP)

    def check(self) -> None:
        if not self.fractions or list(self.fractions) != sorted(set(self.fractions)):
            raise SpecError(f"fractions is {list(self.fractions)}, must be a rising list")
        if not self.baseline.is_standard:
            raise SpecError(
                f"baseline is {self.baseline.title!r}, must be a standard training from scratch"
            )
        if self.baseline.images != self.classifier.images:
            raise SpecError("baseline is trained on other images than classifier")
        if self.control == "reversed" and self.mode != "kar":
            raise SpecError(
                f"mode is {self.mode}, must be kar where control is 'reversed': it compares what "
                "is kept"
            )
        self.attribution.check_network(self.classifier.network)
        self.attribution.check_unlabelled("attribution")

    @property
    def title(self) -> str:
        what = "score" if self.control == "none" else f"control {self.control.replace('_', ' ')}"
        score = f"{self.mode.upper()} {what}" if self.control != "reversed" else "DiffROAR"
        return f"{score}, {self.attribution.title} of {self.classifier.title}"

    def retrainings(self, ranking: Literal["attribution", "random"]) -> tuple[Retraining, ...]:
        """Return the retrainings of the curve or of its random baseline, fraction by fraction.

        Of the control "reversed" the baseline removes the most important pixels, as many as the
        curve removes of the least important ones.
        """
        base, other = self.baseline, ranking == "random"
        removes_most = other and self.control == "reversed"
        random = other and not removes_most
        masked = self.control == "mask_only" and not random
        seeds = range(self.seed, self.seed + self.repeats)
        order = None if random else self._order()
        rankings = tuple(order or self._random(seed) for seed in seeds)
        first = Retraining(
            occlusion=Occlusion(
                ranking=rankings[0],
                mode="roar" if removes_most else self.mode,
                content="mask" if masked else "image",
                form=self.form,
            ),
            network=base.network,
            optimizer=base.optimizer,
            epochs=base.epochs,
            batch_size=base.batch_size,
            seed=self.seed,
            order=base.order,
            precision=self.precision,
        )
        # The networks of a plan share those that know no network; others are asked for once.
        curve = _curve if isinstance(order, AttributionRanking) else _shared_curve
        return curve(first, rankings, self.fractions)

    def _random(self, seed: int) -> RankingSpec:
        if self.form == "released":
            seed = self.seed  # the repeats share their masks
        if self.random_baseline == "own":
            seed += int(self.classifier.key[:7], 16)  # another draw for every network
        return RandomRanking(images=self.classifier.images, seed=seed, form=self.form)

    def _order(self) -> RankingSpec:
        if self.control == "sobel":
            return SobelRanking(images=self.classifier.images)
        return AttributionRanking(
            classifier=self.classifier,
            attribution=self.attribution,
            blur=CONTROL_BLUR if self.control == "blurred" else 0.0,
            blurriness=self.blurriness if self.control == "matched" else 0.0,
            form=self.form,
        )

    def requires(self) -> tuple[Spec, ...]:
        curves = (*self.retrainings("random"), *self.retrainings("attribution"))
        return (self.classifier, self.baseline, *curves)


@dataclass(frozen=True, kw_only=True)
class MaskTuning(Spec, kind="mask_tuning", label="Tuning on masked images", recorded=True):
    """A network trained on, on images of which a random share of the pixels is replaced.

    Every image loses a share of its own, uniform between 0 and ``fraction``, to the training set's
    channel mean. So the network knows such images before it judges maps by them, whatever the map.
    Source: Zheng 2025, F-Fidelity.
    """

    classifier: ClassifierSpec = param()
    fraction: float = param(0.1, above=0.0, high=1.0, help="Largest share of the pixels replaced")
    optimizer: OptimizerSpec = param(Adam())
    epochs: int = param(1, low=1, high=10_000)
    batch_size: int = param(100, low=1, high=65_536)
    seed: int = param(0, low=0)
    order: Order = param("shuffled", label="order of images", help=ORDER_HELP)

    @property
    def title(self) -> str:
        return (
            f"Tuned on images masked up to {percent(self.fraction, None)}, {self.classifier.title}"
        )


@dataclass(frozen=True, kw_only=True)
class FFidelity(MetricSpec, kind="f_fidelity", label="F-Fidelity"):
    """How much more accuracy is lost by dropping marked pixels than by dropping the others.

    The judge is the network itself after one tuning on random masks, which serves all attributions.
    Of the ``share`` of pixels that a map marks most, each is dropped with a probability of
    min(probability, fraction / share), and of the others with min(probability, fraction / (1 -
    share)): so no more than ``fraction`` of the image is dropped, as in the tuning. The score is
    the mean over shares of the loss by dropping marked pixels less that by dropping others, less
    the same of a random map. Source: Zheng 2025, F-Fidelity, FFid+ and FFid-; derived anew, as the
    example of its code compares a share with a number of pixels.
    """

    headline: ClassVar[tuple[str, ...]] = ("fidelity",)
    caveat: ClassVar[str] = (
        "It does not show that a map is true of the network as it is: a tuned copy judges, and a "
        "coarse map loses "
        "whole regions."
    )

    attribution: AttributionSpec = param(Gradient())
    shares: tuple[float, ...] = param(
        (0.1, 0.3, 0.5, 0.7),
        above=0.0,
        high=0.999,
        help="Shares of the pixels that count as marked",
    )
    probability: float = param(0.5, above=0.0, high=1.0, help="With which a pixel is dropped")
    fraction: float = param(0.1, above=0.0, high=1.0, help="At most so much of an image is dropped")
    samples: int = param(50, low=1, high=10_000, help="Random droppings of each image")
    epochs: int = param(1, low=1, high=10_000, label="epochs of tuning")

    def check(self) -> None:
        if not self.shares:
            raise SpecError("shares is [], must hold at least one share")
        self.attribution.check_unlabelled("attribution")

    def tuning(self, classifier: ClassifierSpec) -> MaskTuning:
        """Return the tuning of the judge: with the seed, rate and batches of the training."""
        own = classifier if isinstance(classifier, Training) else None
        return MaskTuning(
            classifier=classifier,
            fraction=self.fraction,
            epochs=self.epochs,
            optimizer=Adam() if own is None else own.optimizer,
            batch_size=100 if own is None else own.batch_size,
            seed=0 if own is None else own.seed,
        )

    def needs(self, classifier: ClassifierSpec) -> tuple[Spec, ...]:
        return (self.tuning(classifier),)

    @property
    def passes(self) -> float:
        """The map, and verdicts on droppings by it, by a random map and by edges."""
        droppings = 3 * 2 * len(self.shares) * self.samples
        return self.attribution.passes + FORWARD * (1 + droppings)

    @property
    def title(self) -> str:
        return f"{self.label}, {self.attribution.title}"
