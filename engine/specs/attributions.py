"""Specs of attributions: a signed importance for every pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.specs.schema import Spec, SpecError, param


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
