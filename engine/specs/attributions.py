"""Specs of attributions: a signed importance for every pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from engine.specs.fields import Form
from engine.specs.passes import FORWARD, TO_PIXELS
from engine.specs.schema import Spec, SpecError, param

if TYPE_CHECKING:
    from engine.specs.networks import NetworkSpec

DIGITS = 9  # to which a count is rounded before its ceiling, as (1 - 0.2) / 0.1 may exceed 8
CONVOLUTION = "needs a convolution beyond a patch embedding"
GREY = {"black": 0.0, "grey": 0.5, "white": 1.0}

FORM_HELP = (
    "released: of the float32 softmax, which is 0 or rounded where the network is certain; "
    "corrected: exact there too. Only for the log-probability"
)


GROUPS: dict[str, str] = {
    "gradient": "By gradients",
    "rule": "By rules for layers",
    "layer": "By features of a layer",
    "masking": "By hiding pixels",
}
"""Group of an attribution -> its heading in the window."""


@dataclass(frozen=True)
class Reference:
    """What the sum of a complete attribution is the difference to.

    Attributes
    ----------
    grey
        The constant image, in [0, 1], that the method counts as nothing. None: the drawn training
        images (:attr:`AttributionSpec.training_images`), over which the output is averaged.
    factor
        What the sum over all pixels and channels is multiplied by.
    """

    grey: float | None
    factor: float = 1.0


@dataclass(frozen=True, kw_only=True)
class AttributionSpec(Spec):
    """A signed importance for every pixel and channel of an image, for one class of it.

    Attributes
    ----------
    group
        The heading under which the window lists it, a key of :data:`GROUPS`.
    """

    group: ClassVar[str] = "gradient"

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

    @property
    def training_images(self) -> int:
        """How many training images the method compares an image with; 0 for most methods."""
        return 0

    def reference(self) -> Reference | None:
        """Return the reference of a method that shares out a difference of outputs; else None."""
        return None

    def check_network(self, network: NetworkSpec, where: str = "attribution") -> None:
        """Refuse a network that cannot be explained, as far as its spec tells."""

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
class NoisyGradients(AttributionSpec):
    """Gradients of noisy copies of the image, summed up in one way or another."""

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


@dataclass(frozen=True, kw_only=True)
class SmoothGrad(NoisyGradients, kind="smoothgrad", label="SmoothGrad"):
    """Mean gradient over noisy copies of the image. Source: Smilkov 2017, eq. 1."""


@dataclass(frozen=True, kw_only=True)
class SmoothGradSquared(NoisyGradients, kind="smoothgrad_squared", label="SmoothGrad squared"):
    """Mean squared gradient over noisy copies; has no sign. Source: Hooker 2019, section 4."""


@dataclass(frozen=True, kw_only=True)
class VarGrad(NoisyGradients, kind="vargrad", label="VarGrad"):
    """Variance of the gradient over noisy copies; has no sign. Source: Adebayo 2018."""


@dataclass(frozen=True, kw_only=True)
class ExpectedGradients(AttributionSpec, kind="expected_gradients", label="Expected gradients"):
    """Integrated Gradients averaged over baselines, at one random point of the way to each.

    The sum over a map is the explained quantity less its mean over the baselines, up to the error
    of the random points, which the completeness gap shows. Source: Erion 2021, eq. 3.
    """

    samples: int = param(50, low=1, high=1000, help="Baselines, and gradients an image")
    baseline: Literal["training", "black", "grey", "white"] = param(
        "training", help="training: that many training images, drawn once; or one constant image"
    )
    seed: int = param(0, low=0, help="Draws the training images, and a point of each way")

    @property
    def passes(self) -> float:
        """A gradient a sample, and finding the explained class."""
        return FORWARD + TO_PIXELS * self.samples

    @property
    def training_images(self) -> int:
        """One a sample, unless the baseline is a constant image."""
        return self.samples if self.baseline == "training" else 0

    def reference(self) -> Reference:
        """Return the baseline."""
        return Reference(None if self.baseline == "training" else GREY[self.baseline])


@dataclass(frozen=True, kw_only=True)
class DeepLift(AttributionSpec, kind="deeplift", label="DeepLIFT"):
    """Differences to a constant image, shared out layer by layer with the rescale rule.

    The sum over a map is the difference of the explained quantity between image and baseline. Only
    for networks of linear layers, activations and max pooling. Source: Shrikumar 2017, eq. 5.
    """

    group: ClassVar[str] = "rule"

    baseline: Literal["black", "grey", "white"] = param(
        "black", help="The constant image that counts as nothing"
    )

    def check_network(self, network: NetworkSpec, where: str = "attribution") -> None:
        if network.without_rule:
            raise SpecError(
                f"{where} is {self.label}, which has no rule for {network.without_rule}, and "
                f"{network.title} applies it; choose Integrated Gradients"
            )

    @property
    def passes(self) -> float:
        """A gradient through image and baseline together, and finding the explained class."""
        return FORWARD + 2 * TO_PIXELS

    def reference(self) -> Reference:
        """Return the baseline."""
        return Reference(GREY[self.baseline])


@dataclass(frozen=True, kw_only=True)
class GuidedBackpropagation(
    AttributionSpec, kind="guided_backpropagation", label="Guided back-propagation"
):
    """A negative control: the gradient without what any ReLU would pass back below zero.

    Its maps show edges and hardly change with the network's weights. Source: Springenberg 2015,
    figure 1; Adebayo 2018.
    """

    group: ClassVar[str] = "rule"

    def check_network(self, network: NetworkSpec, where: str = "attribution") -> None:
        if other := network.in_place_of_relu:
            raise SpecError(
                f"{where} is {self.label}, which needs a network with ReLU, and this one has "
                f"{other}; choose Gradient instead"
            )

    @property
    def passes(self) -> float:
        """One gradient."""
        return TO_PIXELS


@dataclass(frozen=True, kw_only=True)
class ClassActivation(AttributionSpec):
    """A map of one layer's features, enlarged to the image; at least 0, the same in each channel.

    A cell of the last layers of a network for small images covers 4 to 8 px.
    """

    group: ClassVar[str] = "layer"

    layer: str = param(
        "",
        help="Name of the layer, such as network.conv1; empty: the last convolution",
    )

    def check_network(self, network: NetworkSpec, where: str = "attribution") -> None:
        if not network.convolves:
            raise SpecError(
                f"{where} is {self.label}, which {CONVOLUTION}, and {network.title} has none; "
                "choose another method"
            )

    @property
    def passes(self) -> float:
        """One gradient."""
        return TO_PIXELS


@dataclass(frozen=True, kw_only=True)
class GradCam(ClassActivation, kind="gradcam", label="Grad-CAM"):
    """Features of a layer, weighted by their mean gradient. Source: Selvaraju 2017, eq. 1 and 2."""


@dataclass(frozen=True, kw_only=True)
class LayerCam(ClassActivation, kind="layercam", label="LayerCAM"):
    """Features of a layer, weighted by their positive gradient. Source: Jiang 2021, eq. 5 and 6."""


@dataclass(frozen=True, kw_only=True)
class OcclusionMap(AttributionSpec, kind="occlusion_map", label="Occlusion map"):
    """Loss of the explained quantity where a square window is covered, averaged over windows.

    A pixel has the mean over the windows that cover it; all channels are covered at once. Windows
    stand in parts of the image's sides, so that one setting serves images of every size.
    Source: Zeiler, Fergus 2014, section 4.2.
    """

    group: ClassVar[str] = "masking"

    window: float = param(
        0.2,
        above=0.0,
        high=1.0,
        unit="of a side",
        help="Size of the window, rounded up to whole pixels",
    )
    stride: float = param(
        0.1, low=0.01, high=1.0, unit="of a side", help="Step from one window to the next"
    )
    baseline: Literal["black", "grey", "white"] = param(
        "grey", help="The constant colour that covers"
    )

    def check(self) -> None:
        super().check()
        if self.stride > self.window:
            raise SpecError(
                f"stride is {self.stride:g}, must be at most window ({self.window:g}): pixels "
                "between windows would have no value"
            )

    @property
    def places(self) -> int:
        """Number of windows along a side; the last one ends at the border."""
        return math.ceil(round((1.0 - self.window) / self.stride, DIGITS)) + 1

    @property
    def passes(self) -> float:
        """An answer a window, and one for the whole image."""
        return FORWARD * (self.places**2 + 1)


@dataclass(frozen=True, kw_only=True)
class Rise(AttributionSpec, kind="rise", label="RISE"):
    """How much higher the class scores where a pixel is visible, over random coarse masks.

    The score is the probability where the log-probability is explained, and else the logit. It uses
    no gradient. Source: Petsiuk 2018, eq. 6, less the mean score, so that zero means no effect.
    """

    group: ClassVar[str] = "masking"

    masks: int = param(4000, low=2, high=100_000, help="Masks, the same for all images")
    grid: int = param(7, low=1, high=64, help="Cells along a side of a mask")
    probability: float = param(0.5, above=0.0, high=0.99, help="Probability that a cell is visible")
    baseline: Literal["black", "grey", "white"] = param(
        "black", help="The constant colour behind the mask"
    )
    seed: int = param(0, low=0, help="Draws the masks")

    @property
    def passes(self) -> float:
        """An answer a mask, and finding the explained class."""
        return FORWARD * (self.masks + 1)


OF_THE_PAPER = (Gradient, GradientXInput)
"""The two that the paper compares; the window lists them first."""
