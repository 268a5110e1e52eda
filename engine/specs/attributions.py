"""Specs of attributions: a signed importance for every pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.specs.fields import Form
from engine.specs.passes import FORWARD, TO_PIXELS
from engine.specs.schema import Spec, SpecError, param

GREY = {"black": 0.0, "grey": 0.5, "white": 1.0}

FORM_HELP = (
    "released: of the float32 softmax, which is 0 or rounded where the network is certain; "
    "corrected: exact there too. Only for log_probability"
)


@dataclass(frozen=True)
class Reference:
    """What the sum of a complete attribution is the difference to.

    Attributes
    ----------
    grey
        The constant image, in [0, 1], that the method counts as nothing.
    factor
        What the sum over all pixels and channels is multiplied by.
    """

    grey: float
    factor: float = 1.0


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

    @property
    def passes(self) -> float:
        """The work for one image, see :mod:`engine.specs.passes`."""
        raise NotImplementedError(f"{type(self).__name__} does not say its passes")

    def reference(self) -> Reference | None:
        """Return the reference of a method that shares out a difference of outputs; else None."""
        return None

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

    form: Form = param("corrected", label="gradient formula", help=FORM_HELP, faithful="released")

    @property
    def passes(self) -> float:
        """One gradient."""
        return TO_PIXELS


@dataclass(frozen=True, kw_only=True)
class GradientXInput(AttributionSpec, kind="gradient_x_input", label="Gradient x input"):
    """The same gradient times the image. Source: Shrikumar 2017; Kim, Seo, Jeon 2019."""

    input_range: Literal["signed", "unit"] = param(
        "signed", help="signed: the image in [-1, 1] as in the paper; unit: in [0, 1]"
    )
    form: Form = param("corrected", label="gradient formula", help=FORM_HELP, faithful="released")

    @property
    def passes(self) -> float:
        """One gradient."""
        return TO_PIXELS

    def reference(self) -> Reference:
        """Return mid-grey in the paper's units, in which the gradient is half of ours; or black."""
        return Reference(0.5, 0.5) if self.input_range == "signed" else Reference(0.0)


@dataclass(frozen=True, kw_only=True)
class IntegratedGradients(
    AttributionSpec, kind="integrated_gradients", label="Integrated Gradients"
):
    """Mean gradient on the way from a constant image, times the way.

    The sum over a map is the difference of the explained quantity between image and baseline, up to
    the error of the quadrature, which the completeness gap shows.
    Source: Sundararajan, Taly, Yan 2017, eq. 1.
    """

    steps: int = param(32, low=1, high=1000, help="Gradients on the way; fewer leave a larger gap")
    baseline: Literal["black", "grey", "white"] = param(
        "black", help="The constant image that counts as nothing"
    )

    @property
    def passes(self) -> float:
        """A gradient a step, and finding the explained class."""
        return FORWARD + TO_PIXELS * self.steps

    def reference(self) -> Reference:
        """Return the baseline."""
        return Reference(GREY[self.baseline])


@dataclass(frozen=True, kw_only=True)
class SmoothGrad(AttributionSpec, kind="smoothgrad", label="SmoothGrad"):
    """Mean gradient over noisy copies of the image. Source: Smilkov 2017, eq. 1."""

    samples: int = param(25, low=1, high=1000, help="Noisy copies an image")
    noise: float = param(
        0.15,
        low=0.0,
        high=1.0,
        unit="pixel",
        help="Standard deviation of the Gaussian noise, of the range of pixels",
    )
    seed: int = param(0, low=0, help="Draws the noise, anew for every image and copy")

    @property
    def passes(self) -> float:
        """A gradient a copy, and finding the explained class."""
        return FORWARD + TO_PIXELS * self.samples
