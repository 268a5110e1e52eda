"""Specs of attacks, training schemes and classifiers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from engine.specs.attacks import PGD, AttackSpec
from engine.specs.attributions import AttributionSpec, Gradient
from engine.specs.images import ImagesSpec
from engine.specs.networks import NetworkSpec
from engine.specs.optimizers import Adam, OptimizerSpec
from engine.specs.schema import Spec, SpecError, fields_of, param, shown
from engine.specs.schemes.augmentation import Augmentation
from engine.specs.schemes.base import SchemeSpec, Standard

Order = Literal["shuffled", "file"]
Weights = Literal["last", "best"]
StartHead = Literal["same", "replaced"]
Precision = Literal["float32", "tf32", "bfloat16"]
START_HELP = (
    "A network of the same architecture whose weights this training begins with; its optimiser "
    "begins afresh. On other images its last layer is drawn anew. Empty: from scratch"
)
HEAD_HELP = (
    "same: all weights of the start, which must have the same images; replaced: the last layer is "
    "drawn anew, so that images and classes may be others"
)
FROZEN_HELP = "Only the last layer learns; all other weights and batch statistics stay as they are"
AVERAGE_HELP = (
    "Share of the averaged weights that each step keeps, less in the first steps; the averaged "
    "network is evaluated and stored. 0: none; usual is 0.995 to 0.9999"
)
PRECISION_HELP = (
    "Of products while it is trained; all but float32 need a CUDA device. tf32: 10 bits of "
    "mantissa, in its attacks, evaluation and maps too; bfloat16: mixed precision in the steps of "
    "the optimiser, while attacks, evaluation and maps stay in float32"
)
WEIGHTS_HELP = (
    "last: of the last epoch; best: of the epoch with the highest robust accuracy on the "
    "validation images, clean accuracy for standard training. The record keeps both"
)
EPOCH_IMAGES_HELP = (
    "Robust accuracy after each epoch is taken over so many; where few images are trained on, that "
    "can take longer than the training. At most as many as at the end"
)
ORDER_HELP = "shuffled: anew each epoch, seeded; file: as they lie in the files"
LIVE_MAPS_HELP = (
    "Computed of a few test images while the network trains, and kept of every epoch. Costly ones "
    "are computed less often, so that they take at most about a tenth of the time between epochs"
)
ENTRY_HELP = (
    "Under which keys of the file, joined by dots, the weights are. Empty: averaged ones (EMA) if "
    "there are any, else the first"
)
NORMALIZER_HELP = (
    "file: as the file says, if it holds a normaliser; network: as the network's normalization "
    "says, whatever the file holds"
)
OUTPUTS_HELP = "Of the network in the file. Empty: as many as the images have classes"
CLASSES_HELP = (
    "Which output of the file stands for each class of the images, in their order. Empty: they are "
    "in the same order"
)


@dataclass(frozen=True, kw_only=True)
class ClassifierSpec(Spec, recorded=True):
    """A network with weights, and how its accuracy is measured."""

    images: ImagesSpec = param()
    network: NetworkSpec = param()
    evaluation: AttackSpec = param(PGD(), help="The attack behind the robust accuracy")
    evaluation_images: int = param(
        1000, low=1, label="attacked test images", help="Robust accuracy is taken over so many"
    )

    def output_names(self, classes: Sequence[str]) -> tuple[str, ...]:
        """Return what the outputs are called, the images' classes first.

        Parameters
        ----------
        classes
            Names of the images' classes; () if they are not known, which gives ().
        """
        return tuple(classes)


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
    weights: Weights = param("last", help=WEIGHTS_HELP)
    epoch_images: int = param(
        200, low=1, high=10_000, label="attacked after each epoch", help=EPOCH_IMAGES_HELP
    )
    start_head: StartHead = param("same", label="last layer of the start", help=HEAD_HELP)
    frozen: bool = param(False, label="train the last layer only", help=FROZEN_HELP)
    augmentation: Augmentation | None = param(None, help="Random changes of every training image")
    averaging: float = param(
        0.0, low=0.0, high=0.999999, label="average of weights", help=AVERAGE_HELP
    )
    label_smoothing: float = param(
        0.0, low=0.0, high=0.999, help="Share of each label that is spread evenly over all classes"
    )
    precision: Precision = param("float32", help=PRECISION_HELP)

    live_maps: AttributionSpec = param(Gradient(), label="live maps", help=LIVE_MAPS_HELP)

    def check(self) -> None:
        self.live_maps.check_network(self.network, "live_maps")
        if self.weights == "best" and not self.images.validation:
            raise SpecError(
                "weights is 'best', which needs validation images to choose by: "
                "images.validation is 0, must be above 0"
            )
        if self.start is None:
            for name, value in (("start_head", "same"), ("frozen", False)):
                if getattr(self, name) != value:
                    raise SpecError(
                        f"{name} is {shown(getattr(self, name))}, must be {shown(value)} where "
                        "start is empty"
                    )
            return
        replaced = self.start_head == "replaced"
        for name in ("network",) if replaced else ("network", "images"):
            found, needed = getattr(self.start, name), getattr(self, name)
            if found != needed:
                raise SpecError(
                    f"start.{name} must be the {name} of the training that goes on from it, "
                    f"but its {_differing(found, needed)}"
                )
        outputs = self.start.outputs if isinstance(self.start, Imported) else None
        if outputs is not None and not replaced:
            raise SpecError(
                f"start.outputs is {outputs}, must be as many as the images have classes for a "
                "training to go on from it, unless start_head is replaced"
            )

    @property
    def is_standard(self) -> bool:
        """Whether it learned from clean images and their labels only, from its first batch on."""
        return isinstance(self.scheme, Standard) and self.start is None

    def continued(self, epochs: int) -> Training:
        """Return the training that goes on from this one, alike, without another warm-up."""
        scheme = self.scheme
        if any(item.name == "warmup" for item in fields_of(type(scheme))):
            scheme = scheme.replace("warmup", 0.0)
        return replace(self, start=self, start_head="same", epochs=epochs, scheme=scheme)

    @property
    def earlier_epochs(self) -> int:
        """How many epochs its weights were trained for before it began; 0 from scratch."""
        start = self.start
        return start.earlier_epochs + start.epochs if isinstance(start, Training) else 0

    @cached_property  # thousands of retrainings name it
    def title(self) -> str:
        own, start = f"{self.scheme.title}, seed {self.seed}", self.start
        best = ", best epoch" if self.weights == "best" else ""
        maps = "" if self.live_maps == Gradient() else f", {self.live_maps.title} maps"
        if start is None:
            return own + best + maps
        more = f"{self.epochs} epoch" + ("s" if self.epochs > 1 else "")
        alike = isinstance(start, Training) and (start.scheme.title, start.seed) == (
            self.scheme.title,
            self.seed,
        )
        title = f"{start.title}, +{more}" if alike else f"{own}, {more} on {start.title}"
        return title + best + maps


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
    entry: str = param("", label="entry of the file", help=ENTRY_HELP)
    normalizer: Literal["file", "network"] = param("file", help=NORMALIZER_HELP)
    outputs: int | None = param(None, low=2, high=1_000_000, help=OUTPUTS_HELP)
    class_order: tuple[int, ...] = param((), low=0, label="order of classes", help=CLASSES_HELP)

    def check(self) -> None:
        given = self.class_order
        if len(set(given)) != len(given):
            raise SpecError(f"class_order is {shown(given)}, must name every output once")
        if self.outputs is not None and given and max(given) >= self.outputs:
            raise SpecError(
                f"class_order is {shown(given)}, must be below the {self.outputs} outputs"
            )

    def output_names(self, classes: Sequence[str]) -> tuple[str, ...]:
        """Return the classes' names, then those of outputs that stand for no class of the images.

        These are called by their number in the file: the bare number where the classes are called
        so, too.
        """
        if self.outputs is None or not classes:
            return tuple(classes)
        order = self.class_order or tuple(range(len(classes)))
        numbered = all(
            name.isdecimal() and int(name) == number
            for name, number in zip(classes, order, strict=False)
        )
        rest = sorted(set(range(self.outputs)) - set(order))
        return (*classes, *(f"{number}" if numbered else f"output {number}" for number in rest))

    @property
    def title(self) -> str:
        return self.name
