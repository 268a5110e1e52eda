"""Default proposals for an image shape: network, attacks, epochs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.specs import (
    FGSM,
    PGD,
    Adam,
    AttackSpec,
    ClassifierSpec,
    Measurement,
    MetricSpec,
    NetworkSpec,
    OptimizerSpec,
    PaperCifarCNN,
    PaperMLP,
    ResNet18,
    RobustAccuracy,
    SmallCNN,
    StrongAccuracy,
)
from engine.specs.attacks import DIGITS, scaled_step
from engine.specs.measures import Level

LARGEST_FOR_PLAIN_CNN = 64

# Share of the training images that is held out for validation, where that gives numbers of images
# that separate epochs (the standard error of 200 images is at most 3.5 points) without waste.
PART = 0.1
LARGEST_PART = 0.2
FEWEST_HELD, MOST_HELD = 100, 5_000
FEWEST_TO_SHARE = 100

# The paper's step sizes, the same for every radius; halved, because its pixels span [-1, 1].
PAPER_STEPS = {"linf": 0.01, "l2": 1.0}


@dataclass(frozen=True)
class Proposals:
    """The proposals for images of one shape.

    Attributes
    ----------
    radii
        Attack radii by norm, in [0, 1] units.
    norms
        The norms that are selected by default.
    warmup
        Epochs over which attacks grow to their full strength.
    scaled
        Whether the step size is proportional to eps; otherwise it is the paper's step size.
    """

    network: NetworkSpec = SmallCNN()
    optimizer: OptimizerSpec = Adam()
    epochs: int = 10
    batch_size: int = 100
    radii: Mapping[str, tuple[float, ...]] = field(
        default_factory=lambda: {"linf": (2 / 255, 4 / 255, 8 / 255), "l2": (0.25, 0.5, 1.0)}
    )
    norms: tuple[str, ...] = ("linf",)
    steps: int = 7
    warmup: float = 0.0
    scaled: bool = True


def proposals_for(shape: tuple[int, int, int]) -> Proposals:
    """Return the proposals for images (channels, height, width)."""
    channels, height, width = shape
    if height == width == 1:
        # The paper's points of the plane; its L2 radii 0.25 and 0.5 are lengths in [-1, 1].
        return Proposals(
            network=PaperMLP(),
            radii={"linf": (0.05, 0.1), "l2": (0.125, 0.25)},
            norms=("l2",),
            steps=40,
            scaled=False,
        )
    if channels == 1:
        # With few small images, this learning rate and batch size reach in one minute what others
        # need many for. Without warmup, strong attacks would keep a small network at chance.
        return Proposals(
            network=SmallCNN(),
            optimizer=Adam(learning_rate=2e-3),
            epochs=6,
            batch_size=50,
            radii={"linf": (0.05, 0.1, 0.2), "l2": (0.5, 1.0, 2.0)},
            warmup=2.0,
        )
    if max(height, width) <= LARGEST_FOR_PLAIN_CNN:
        return Proposals(network=PaperCifarCNN(), epochs=20)
    return Proposals(network=ResNet18(), epochs=20)


def validation_for(train: int) -> float:
    """Return the share of so many training images that is proposed for validation.

    A tenth; up to a fifth where a tenth is fewer than 100 images, and less where it is more than
    5,000. Nothing of fewer than 100 images: a part of them could not select an epoch.
    """
    if train < FEWEST_TO_SHARE:
        return 0.0
    share = min(max(PART, FEWEST_HELD / train), LARGEST_PART, MOST_HELD / train)
    return float(f"{share:.{DIGITS}g}")


def evaluation_at(norm: str, eps: float) -> AttackSpec:
    """Return the attack used to evaluate all networks of a sweep: PGD-10."""
    steps = 10
    return PGD(norm=norm, eps=eps, steps=steps, step_size=scaled_step(eps, steps))  # type: ignore[arg-type]


def one_and_many_steps(threat: AttackSpec | None) -> tuple[AttackSpec, AttackSpec] | None:
    """Return an attack of one step and one of many steps, as large as the one trained against.

    A network that resists the first and not the second has learned to hide the gradient. None
    without an attack, or with one of eps 0.
    """
    if threat is None or threat.eps == 0:
        return None
    return FGSM(norm=threat.norm, eps=threat.eps), evaluation_at(threat.norm, threat.eps)


def middle(balls: list[tuple[str, float]]) -> tuple[str, float]:
    """Return the first norm and the middle one of its radii."""
    norm = balls[0][0]
    radii = sorted(eps for other, eps in balls if other == norm)
    return norm, radii[len(radii) // 2]


def strong_check(spec: ClassifierSpec, level: Level = "quick") -> Measurement | None:
    """Return the measurement under strong attacks at the threat of a network's evaluation.

    It takes as many test images as the evaluation; None for an evaluation at eps 0.
    """
    ball = spec.evaluation
    if not ball.eps:
        return None
    metric = StrongAccuracy(norm=ball.norm, eps=ball.eps, level=level)
    return Measurement(classifier=spec, metric=metric, test_images=spec.evaluation_images)


def metric_for(metric: MetricSpec, networks: Iterable[ClassifierSpec]) -> MetricSpec:
    """Return a metric at the threat of the networks' evaluation: that of the first which has one.

    At another radius, a measurement says nothing about the robust accuracy that is told of them.
    """
    ball = next((network.evaluation for network in networks if network.evaluation.eps), None)
    names = metric.parameters()
    if ball is None:
        return metric
    if "attack" in names:
        metric = metric.replace("attack", ball)
    elif {"norm", "eps"} <= names.keys():
        metric = metric.replace("norm", ball.norm).replace("eps", ball.eps)
    if isinstance(metric, RobustAccuracy):
        metric = metric.replace("eps", tuple(share * ball.eps for share in (0.0, 0.25, 0.5, 1.0)))
    return metric
