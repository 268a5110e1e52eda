"""The files that ``methods --template`` writes: a method of each family that runs as it is."""

from __future__ import annotations

ATTRIBUTION = '''\
"""An attribution of my own. Try it: main.py methods attributions --plugin THIS_FILE"""

from dataclasses import dataclass

from torch.nn import functional

from engine.attribution.methods import gradient
from engine.attribution.table import ATTRIBUTIONS
from engine.specs.attributions import AttributionSpec
from engine.specs.passes import TO_PIXELS
from engine.specs.schema import param


# The spec: what can be set, once for plans, forms, keys and records. The docstring's first sentence
# is shown in the forms; "Source: ..." at its end is listed too.
@dataclass(frozen=True, kw_only=True)
class BlurredGradient(AttributionSpec, kind="blurred_gradient", label="Blurred gradient"):
    """Gradient of the explained quantity, averaged over a small square. Source: mine."""

    side: int = param(3, low=1, high=31, unit="px", help="Side of the square; odd")

    @property
    def passes(self) -> float:
        """The work for one image: TO_PIXELS a gradient, FORWARD (there too) an answer."""
        return TO_PIXELS

    @property
    def title(self) -> str:
        """What lists and figures call it: the label, and what tells two settings apart."""
        return f"{super().title}, {self.side} px"


# The function: the network, images (N, C, H, W) in [0, 1] and the classes to explain; by name a
# random generator and the fields of the spec, except explained, target and seed. It returns signed
# values of the images' shape, and must not change the network or the images.
def blurred_gradient(model, images, labels=None, *, generator, quantity, side):
    """Return the gradient, blurred; see the spec."""
    found = gradient(model, images, labels, quantity=quantity)
    return functional.avg_pool2d(
        found, side, stride=1, padding=side // 2, count_include_pad=False
    )[..., : images.shape[2], : images.shape[3]]


# The row.
ATTRIBUTIONS[BlurredGradient.kind] = blurred_gradient
'''

ATTACK = '''\
"""An attack of my own. Try it: main.py methods attacks --plugin THIS_FILE"""

from dataclasses import dataclass

import torch

from engine.attacks.losses import xent
from engine.attacks.norms import norms
from engine.attacks.table import ATTACKS
from engine.networks.gradients import logits_of
from engine.specs.attacks import AttackSpec
from engine.specs.passes import FORWARD
from engine.specs.schema import param


# The spec: what can be set, once for plans, forms, keys and records; norm and eps are there. The
# docstring's first sentence is shown in the forms; "Source: ..." at its end is listed too.
@dataclass(frozen=True, kw_only=True)
class RandomCorners(AttackSpec, kind="random_corners", label="Random corners"):
    """Keeps the worst of several random images on the border of the ball. Source: mine."""

    uses_gradient = False

    tries: int = param(20, low=1, high=10_000, label="random images", help="The worst one counts")

    @property
    def step_count(self) -> int:
        """How often on_step is called."""
        return self.tries

    @property
    def passes(self) -> float:
        """The work for one image: FORWARD an answer, TO_PIXELS a gradient."""
        return FORWARD * self.tries


# The function: the network, images (N, C, H, W) in [0, 1] and their classes; by name the fields of
# the spec, and: objective, what to maximise in place of the cross-entropy; start, where to begin;
# generator, from which alone it draws; on_step, to be called once a step with the losses (N,). It
# returns images inside the ball and in [0, 1].
def random_corners(
    model, images, labels, *, norm, eps, tries, objective, start, generator, on_step
):
    """Return the worst of the random images; see the spec."""
    worst = images.clone()
    highest = torch.full((len(images),), -torch.inf, device=images.device, dtype=images.dtype)
    for step in range(tries):
        delta = torch.randn(
            images.shape, generator=generator, device=images.device, dtype=images.dtype
        )
        if norm == "linf":
            delta = eps * delta.sign()
        else:
            delta = eps * delta / norms(delta, norm).clamp_min(1e-12).view(-1, 1, 1, 1)
        tried = (images + delta).clamp(0, 1)
        logits = logits_of(model, tried)
        if objective is not None:
            losses = objective.loss(logits, objective.against)
        else:
            losses = xent(logits, labels)
        better = losses > highest
        worst[better], highest[better] = tried[better], losses[better]
        if on_step is not None:
            on_step(step, losses)
    return worst


# The row.
ATTACKS[RandomCorners.kind] = random_corners
'''

SCHEME = '''\
"""A training scheme of my own. Try it: main.py methods schemes --plugin THIS_FILE"""

from dataclasses import dataclass

from engine.attacks.table import attack as attacked
from engine.specs.schema import param
from engine.specs.schemes.base import AttackedScheme
from engine.training.loop import descend
from engine.training.schemes import SCHEMES, Scheme


# The spec: what can be set, once for plans, forms, keys and records; attack and warmup are there. A
# scheme without an attack stands below SchemeSpec, and says its passes. The docstring's first
# sentence is shown in the forms; "Source: ..." at its end is listed too.
@dataclass(frozen=True, kw_only=True)
class HalfAndHalf(AttackedScheme, kind="half_and_half", label="Half and half"):
    """Cross-entropy on clean and on attacked images, in a given proportion. Source: mine."""

    clean: float = param(0.5, low=0.0, high=1.0, help="Share of the clean images' loss")

    @property
    def passes(self) -> float:
        """The work for one image in one epoch: 1.0 is a step of training on it."""
        return 2.0 + self.attack.passes

    @property
    def title(self) -> str:
        """What lists call the scheme."""
        return f"{self.label}, {self.attack.title}"


# The function: one batch. The state has the network and its optimiser, batch the generator and the
# epoch; by name the fields of the spec. It takes its steps itself and returns the mean loss.
def half_and_half_step(state, images, labels, batch, *, attack, warmup, clean):
    """Take one step; see the spec."""
    adv_images = attacked(
        state.model,
        images,
        labels,
        batch.warmed_up(attack, warmup),
        generator=batch.generator,
        on_step=batch.on_step,
    )
    clean_loss = batch.loss(batch.logits(state.model, images), labels)
    adv_loss = batch.loss(batch.logits(state.model, adv_images), labels)
    return descend(state, clean * clean_loss + (1 - clean) * adv_loss)


# The row. Scheme(step, begin, evaluated) has two more functions for schemes that keep something
# from batch to batch, see docs/architecture.md.
SCHEMES[HalfAndHalf.kind] = Scheme(half_and_half_step)
'''

METRIC = '''\
"""A metric of a network of my own. Try it: main.py methods metrics --plugin THIS_FILE"""

from dataclasses import dataclass
from typing import ClassVar

import torch

from engine.measures.measure import METRICS
from engine.networks.gradients import as_unit, logits_of
from engine.specs.measures import MetricSpec
from engine.specs.passes import FORWARD
from engine.specs.schema import param
from engine.store.study import Result


# The spec: what can be set, once for plans, forms, keys and records. The docstring's first sentence
# is shown in the forms; "Source: ..." at its end is listed too.
@dataclass(frozen=True, kw_only=True)
class Overconfidence(MetricSpec, kind="overconfidence", label="Overconfidence"):
    """Mean probability of the predicted class, less the accuracy. Source: mine."""

    headline: ClassVar[tuple[str, ...]] = ("overconfidence",)  # the number shown in tables

    temperature: float = param(1.0, above=0.0, high=100.0, help="Divides the logits")

    @property
    def passes(self) -> float:
        """The work for one image: FORWARD an answer, TO_PIXELS a gradient."""
        return FORWARD


# The function: the network, test images (N, C, H, W), uint8 or in [0, 1], their labels, the spec,
# and a context that knows device, random generators and whether the user cancelled.
def overconfidence(model, images, labels, spec, context):
    """Return the number, and what it is the mean of; see the spec."""
    found = []
    for pixels in torch.split(images, 500):
        context.check_cancelled()
        logits = logits_of(model, as_unit(pixels)) / spec.temperature
        found.append(logits.softmax(1).max(1))
    probability = torch.cat([one.values for one in found]).cpu()
    right = (torch.cat([one.indices for one in found]) == labels).float().cpu()
    return Result(
        {
            "overconfidence": float(probability.mean() - right.mean()),
            "accuracy": float(right.mean()),
        },
        {"probability": probability.numpy(), "right": right.numpy()},
    )


# The row.
METRICS[Overconfidence.kind] = overconfidence
'''

TEMPLATES = {
    "attribution": ATTRIBUTION,
    "attack": ATTACK,
    "scheme": SCHEME,
    "metric": METRIC,
}
"""Name of a template -> its text."""
