"""Specs of attacks, training schemes and classifiers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from engine.specs.images import ImagesSpec, NetworkSpec
from engine.specs.schema import Spec, SpecError, fields_of, param, shown

Norm = Literal["linf", "l2"]
Loss = Literal["xent", "cw", "cw_capped"]
Order = Literal["shuffled", "file"]
START_HELP = (
    "A network of the same architecture and images whose weights this training begins with; its "
    "optimiser begins afresh. Empty: from scratch"
)
ORDER_HELP = "shuffled: anew each epoch, seeded; file: as they lie in the files"


def strength(norm: str, eps: float) -> str:
    """Say how large a norm ball is, in the units of its field: /255 for linf, plain for l2."""
    return f"L-inf {eps * 255:.3g}/255" if norm == "linf" else f"L2 {eps:.3g}"


@dataclass(frozen=True, kw_only=True)
class AttackSpec(Spec):
    """A way to change images inside a norm ball so that the network errs."""

    norm: Norm = param("linf")
    eps: float = param(8 / 255, low=0.0, high=64.0, unit="pixel", help="Radius of the ball")
    loss: Loss = param(
        "xent",
        help="xent: cross-entropy; cw: margin max_other - z_true; cw_capped: the same, at most 500",
    )
    target: int | None = param(None, low=0, help="Class to move towards; empty: away from the true")

    @property
    def title(self) -> str:
        loss = "" if self.loss == "xent" else f" {self.loss}"
        return f"{strength(self.norm, self.eps)} {self.label}{loss}"

    def scaled(self, factor: float) -> AttackSpec:
        """Return the attack with its lengths (eps and step size) multiplied."""
        lengths = (field.name for field in fields_of(type(self)) if field.unit == "pixel")
        return replace(self, **{name: getattr(self, name) * factor for name in lengths})


@dataclass(frozen=True, kw_only=True)
class FGSM(AttackSpec, kind="fgsm", label="FGSM"):
    """One step of length eps along the (signed or normalised) gradient. Source: Goodfellow 2015."""


@dataclass(frozen=True, kw_only=True)
class PGD(AttackSpec, kind="pgd", label="PGD"):
    """Iterated gradient ascent with projection. Source: Madry 2018; Kim, Seo, Jeon 2019."""

    step_size: float = param(2 / 255, above=0.0, high=64.0, unit="pixel", help="Length of one step")
    steps: int = param(10, low=1, high=10_000)
    random_start: bool = param(False, help="Start at a random point of the ball")
    restarts: int = param(1, low=1, high=1000, help="Keep, per image, the worst of so many runs")

    def check(self) -> None:
        if self.restarts > 1 and not self.random_start:
            raise SpecError(
                f"restarts is {self.restarts}, must be 1 without random_start: "
                "every run would be the same"
            )

    @property
    def title(self) -> str:
        loss = "" if self.loss == "xent" else f" {self.loss}"
        return f"{strength(self.norm, self.eps)} PGD-{self.steps}{loss}"


@dataclass(frozen=True, kw_only=True)
class OptimizerSpec(Spec):
    """How weights follow the gradient."""

    learning_rate: float = param(1e-3, above=0.0, high=100.0)
    schedule: Literal["constant", "cosine", "step", "cyclic"] = param(
        "constant",
        help="cosine: to 0; step: /10 at 1/2 and 3/4 of the run; cyclic: 0 to the rate to 0",
    )
    weight_decay: float = param(0.0, low=0.0, high=10.0)


@dataclass(frozen=True, kw_only=True)
class Adam(OptimizerSpec, kind="adam", label="Adam"):
    """Adam with the usual moments. Source: Kingma, Ba 2015."""

    beta1: float = param(0.9, low=0.0, high=0.9999)
    beta2: float = param(0.999, low=0.0, high=0.99999)


@dataclass(frozen=True, kw_only=True)
class SGD(OptimizerSpec, kind="sgd", label="SGD"):
    """Stochastic gradient descent with momentum."""

    learning_rate: float = param(0.1, above=0.0, high=100.0)
    momentum: float = param(0.9, low=0.0, high=0.9999)
    nesterov: bool = param(False)

    def check(self) -> None:
        if self.nesterov and self.momentum == 0:
            raise SpecError("nesterov is true, must be false where momentum is 0")


@dataclass(frozen=True, kw_only=True)
class SchemeSpec(Spec):
    """What one training step does with a batch."""

    @property
    def threat(self) -> AttackSpec | None:
        """The attack trained against, or None."""
        return None


@dataclass(frozen=True, kw_only=True)
class Standard(SchemeSpec, kind="standard", label="Standard"):
    """Cross-entropy on clean images."""

    @property
    def title(self) -> str:
        return "Standard"


@dataclass(frozen=True, kw_only=True)
class Adversarial(SchemeSpec, kind="adversarial", label="Adversarial"):
    """Every batch is replaced by its attacked version, same labels. Source: Madry 2018, eq. 2.1."""

    attack: AttackSpec = param(PGD(), label="attack")
    warmup: float = param(
        0.0,
        low=0.0,
        label="warm-up epochs",
        help="eps and step grow from 0 over so many epochs, where training else stays at chance",
    )

    @property
    def threat(self) -> AttackSpec:
        return self.attack

    @property
    def title(self) -> str:
        return self.attack.title


@dataclass(frozen=True, kw_only=True)
class ClassifierSpec(Spec, recorded=True):
    """A network with weights, and how its accuracy is measured."""

    images: ImagesSpec = param()
    network: NetworkSpec = param()
    evaluation: AttackSpec = param(PGD(), help="The attack behind the robust accuracy")
    evaluation_images: int = param(
        1000, low=1, label="attacked test images", help="Robust accuracy is taken over so many"
    )


@dataclass(frozen=True, kw_only=True)
class Training(ClassifierSpec, kind="training", label="Training"):
    """A network trained from scratch, or on from the weights of another."""

    scheme: SchemeSpec = param(Standard())
    optimizer: OptimizerSpec = param(Adam())
    epochs: int = param(5, low=1, high=10_000)
    batch_size: int = param(100, low=1, high=65_536)
    seed: int = param(0, low=0)
    order: Order = param("shuffled", label="order of images", help=ORDER_HELP, faithful="file")
    start: ClassifierSpec | None = param(None, label="start from", help=START_HELP)

    def check(self) -> None:
        if self.start is None:
            return
        for name in ("network", "images"):
            found, needed = getattr(self.start, name), getattr(self, name)
            if found != needed:
                raise SpecError(
                    f"start.{name} must be the {name} of the training that goes on from it, "
                    f"but its {_differing(found, needed)}"
                )

    @property
    def is_standard(self) -> bool:
        """Whether it learned from clean images only, from its first batch on."""
        return self.scheme.threat is None and self.start is None

    def continued(self, epochs: int) -> Training:
        """Return the training that goes on from this one, alike, without another warm-up."""
        scheme = self.scheme
        if any(item.name == "warmup" for item in fields_of(type(scheme))):
            scheme = scheme.replace("warmup", 0.0)
        return replace(self, start=self, epochs=epochs, scheme=scheme)

    @property
    def earlier_epochs(self) -> int:
        """How many epochs its weights were trained for before it began; 0 from scratch."""
        start = self.start
        return start.earlier_epochs + start.epochs if isinstance(start, Training) else 0

    @property
    def title(self) -> str:
        own, start = f"{self.scheme.title}, seed {self.seed}", self.start
        if start is None:
            return own
        more = f"{self.epochs} epoch" + ("s" if self.epochs > 1 else "")
        alike = isinstance(start, Training) and (start.scheme.title, start.seed) == (
            self.scheme.title,
            self.seed,
        )
        return f"{start.title}, +{more}" if alike else f"{own}, {more} on {start.title}"


def _differing(found: Spec, needed: Spec) -> str:
    """Name the first field in which two specs differ."""
    if found.kind != needed.kind:
        return f"kind is {found.kind}, not {needed.kind}"
    names = (item.name for item in fields_of(type(found)))
    name = next(name for name in names if getattr(found, name) != getattr(needed, name))
    return f"{name} is {shown(getattr(found, name))}, not {shown(getattr(needed, name))}"


@dataclass(frozen=True, kw_only=True)
class Imported(ClassifierSpec, kind="imported", label="Imported weights"):
    """A network whose weights come from the user's own file."""

    name: str = param(help="The name of the weights file")
    digest: str = param(help="SHA-256 of the weights file")

    @property
    def title(self) -> str:
        return self.name
