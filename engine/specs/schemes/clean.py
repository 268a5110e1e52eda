"""Schemes without an attack: noise, and terms on the gradient of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.specs.passes import TO_PIXELS
from engine.specs.schema import param
from engine.specs.schemes.base import THROUGH_GRADIENT, SchemeSpec


@dataclass(frozen=True, kw_only=True)
class GaussianNoise(SchemeSpec, kind="gaussian_noise", label="Gaussian noise"):
    """Cross-entropy on images plus Gaussian noise, newly drawn at every step and not clipped.

    It smooths gradients without an attack: the control of "robust gradients are only smooth".
    Source: Cohen 2019, section 3.3; Kaur 2019.
    """

    sigma: float = param(
        0.25, low=0.0, high=10.0, unit="pixel", help="Standard deviation: 0 is standard training"
    )

    @property
    def passes(self) -> float:
        """One step on one image."""
        return 1.0

    @property
    def title(self) -> str:
        return f"Gaussian noise {self.sigma:g}"


@dataclass(frozen=True, kw_only=True)
class GradientPenalty(SchemeSpec, kind="gradient_penalty", label="Gradient penalty"):
    """Clean cross-entropy plus the mean size of its gradient with respect to an image.

    To first order the L1 size times eps is what an L-inf attack of that eps adds to the loss. The
    mean is over images, so the weight does not depend on the batch size: Ross's lambda, for the
    gradient of the mean loss of n images, is 2 n times this weight. Source: Ross, Doshi-Velez
    2018 (squared L2); Rodriguez-Munoz 2024 (L1, which needs smooth activations).
    """

    size: Literal["l1", "l2_squared"] = param(
        "l1", help="Of the gradient of one image: the sum of |entries|, or that of their squares"
    )
    weight: float = param(0.1, low=0.0, high=1e6, help="0 is standard training")

    @property
    def passes(self) -> float:
        """Forwards, back to the pixels, and back to the weights through both."""
        return TO_PIXELS + THROUGH_GRADIENT

    @property
    def title(self) -> str:
        name = "L1" if self.size == "l1" else "squared L2"
        return f"Gradient penalty {self.weight:g} {name}"


@dataclass(frozen=True, kw_only=True)
class EdgeGradients(SchemeSpec, kind="edge_gradients", label="Edge gradients"):
    """Clean cross-entropy plus a weight times 1 - cos of a logit's gradient and the image's edges.

    The logit is drawn from the network's own answer. Edges are the lengths of Sobel gradients over
    all channels, of the blurred image, blurred again. The cosine is that of each image; the
    released code compares a whole batch by squared differences at unit length, which are twice
    1 - cos, so its weights are half of these: they rise from 1 to 10 in its 100 epochs. Nothing
    is asked of the gradient's length. Source: Rodriguez-Munoz 2024, edge gradients, and the code
    released with it.
    """

    weight: float = param(2.0, low=0.0, high=1e6, help="0 is standard training")
    compared: Literal["signed", "size"] = param(
        "signed",
        help="signed: every channel of the gradient; size: the largest |entry| over channels",
    )
    sigma: float = param(
        1.0, low=0.0, high=10.0, unit="px", help="Deviation of the blur in front of and behind it"
    )
    temperature: float = param(
        0.5, above=0.0, high=100.0, help="Of the draw of the logit: near 0 it is the predicted one"
    )

    @property
    def passes(self) -> float:
        """Forwards, back to the pixels, and back to the weights through both."""
        return TO_PIXELS + THROUGH_GRADIENT

    @property
    def title(self) -> str:
        return f"Edge gradients {self.weight:g}" + (" size" if self.compared == "size" else "")


@dataclass(frozen=True, kw_only=True)
class AlignedGradients(SchemeSpec, kind="aligned_gradients", label="Aligned gradients (PAG)"):
    """Clean cross-entropy plus a weight times 1 - cos of log p_j's gradients and target gradients.

    The target of class j at x is r_j - x, towards a representative of the class: the mean of its
    training images, one of them, or the nearest of some. The representative itself does not count.
    The released code has ten classes an image and the weight 10 times 1.5; its targets from a
    diffusion model are not here. Source: Ganz 2023, section 4, and the code released with it.
    """

    weight: float = param(2.0, low=0.0, high=1e6, help="0 is standard training")
    target: Literal["class_mean", "one_image", "nearest"] = param(
        "class_mean", help="What represents a class, drawn once a training from its images"
    )
    candidates: int = param(
        50,
        low=1,
        high=10_000,
        only=("target", "nearest"),
        help="Training images of each class among which is the nearest",
    )
    classes: int = param(
        1, low=1, high=10_000, help="Drawn anew for each image and step; at most all there are"
    )

    @property
    def passes(self) -> float:
        """A step on the images, and one through the gradient of each class."""
        return 1.0 + self.classes * (TO_PIXELS + THROUGH_GRADIENT)

    @property
    def title(self) -> str:
        words = {"class_mean": "mean", "one_image": "one image", "nearest": "nearest"}
        return f"PAG {self.weight:g}, {words[self.target]}"
