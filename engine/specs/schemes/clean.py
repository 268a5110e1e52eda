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
