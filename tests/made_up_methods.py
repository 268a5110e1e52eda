"""Methods that no file of the program knows: one spec, one function and one row each.

A fixture registers them for a test and takes them away again. They prove that everything else
follows from the rows, so each is made to need what an ordinary method would not: the scheme takes
two steps a batch, moves the weights before each and restores them, and evaluates their average.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.attacks.table import ATTACKS
from engine.attribution.methods import gradient
from engine.attribution.table import ATTRIBUTIONS
from engine.figures.catalog import FIGURES, StudyFigure
from engine.figures.charts import ChartData, Series
from engine.measures.measure import METRICS
from engine.networks.architectures import ARCHITECTURES, Architecture, initialise_he
from engine.networks.gradients import as_unit, logits_of
from engine.specs import AttackSpec, AttributionSpec, MetricSpec, NetworkSpec
from engine.specs.attributions import Reference
from engine.specs.passes import FORWARD, TO_PIXELS
from engine.specs.schema import KINDS, forget_kind, param
from engine.specs.schemes.base import AttackedScheme
from engine.store.study import Result
from engine.training.schemes import SCHEMES, Scheme

TABLES = (ATTACKS, ATTRIBUTIONS, SCHEMES, ARCHITECTURES, METRICS, FIGURES)
KEPT = 0.5


def shift_attack(model, images, labels, *, norm, eps, objective, start, generator, on_step):
    """Brighten every image as far as the ball allows."""
    step = eps if norm == "linf" else eps / images[0].numel() ** 0.5
    if on_step is not None:
        on_step(0, torch.zeros(len(images), device=images.device))
    return (images + step).clamp(0, 1)


def doubled(model, images, labels=None, *, quantity, generator, times):
    """Twice the way from white, by the gradient in the middle of it."""
    middle = (images + 1) / 2
    return (images - 1) * gradient(model, middle, labels, quantity=quantity) * times / 2


def begin_average(state, *, attack, warmup):
    for name, tensor in state.model.state_dict().items():
        state.kept[name] = tensor.clone()


def averaged_step(state, images, labels, batch, *, attack, warmup):
    """Two steps a batch, each at weights that are moved up the loss first; averages the weights."""
    brighter = ATTACKS[attack.kind](
        state.model,
        images,
        labels,
        **batch.warmed_up(attack, warmup).parameters(),
        objective=None,
        start=None,
        generator=batch.generator,
        on_step=batch.on_step,
    )
    total = torch.zeros((), device=images.device)
    for _ in range(2):
        weights = [parameter.detach().clone() for parameter in state.model.parameters()]
        with torch.no_grad():
            for parameter in state.model.parameters():
                parameter.mul_(1.001)
        loss = functional.cross_entropy(state.model(brighter), labels)
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        with torch.no_grad():
            for parameter, weight in zip(state.model.parameters(), weights, strict=True):
                parameter.copy_(weight)
        state.optimizer.step()
        total += loss.detach() / 2
    for name, tensor in state.model.state_dict().items():
        state.kept[name].lerp_(tensor, 1 - KEPT)
    return total


def average(state, *, attack, warmup) -> nn.Module:
    network = copy.deepcopy(state.model)
    network.load_state_dict(state.kept)
    return network


def one_layer(spec, shape, classes) -> nn.Module:
    size = shape[0] * shape[1] * shape[2]
    return nn.Sequential(nn.Flatten(), nn.Linear(size, classes, device="meta"))


def certainty(model, images: Tensor, labels, spec, context) -> Result:
    values = logits_of(model, as_unit(images)).softmax(1).amax(1).cpu().numpy()
    return Result({"certainty": float(values.mean())}, {"certainty": values})


def line_of_records(study):
    count = np.arange(len(study.entries), dtype=np.float64)
    return ChartData((Series("records", count, count),), "Records", "record", "record")


@contextmanager
def registered() -> Iterator[None]:
    """Register the methods, and take them away again."""
    known, before = set(KINDS), [dict(table) for table in TABLES]
    try:
        _register()
        yield
    finally:
        for kind in set(KINDS) - known:
            forget_kind(kind)
        for table, content in zip(TABLES, before, strict=True):
            table.clear()
            table.update(content)


def _register() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Shift(AttackSpec, kind="made_up_attack", label="Made-up attack"):
        """Brightens the image. Source: made up, p. 1."""

        @property
        def passes(self) -> float:
            return 0.0

    @dataclass(frozen=True, kw_only=True)
    class Doubled(AttributionSpec, kind="made_up_attribution", label="Made-up attribution"):
        """Half the way from white, doubled. Source: made up, p. 2."""

        times: float = param(2.0, low=0.0, help="How often it counts")

        @property
        def passes(self) -> float:
            return TO_PIXELS

        def reference(self) -> Reference:
            return Reference(1.0, 2.0 / self.times)

    @dataclass(frozen=True, kw_only=True)
    class Averaged(AttackedScheme, kind="made_up_scheme", label="Made-up scheme"):
        """Two steps a batch at moved weights, averaged. Source: made up, p. 3."""

        @property
        def passes(self) -> float:
            return 2.0 + self.attack.passes

    @dataclass(frozen=True, kw_only=True)
    class OneLayer(NetworkSpec, kind="made_up_network", label="Made-up network"):
        """One linear layer. Source: made up, p. 4."""

    @dataclass(frozen=True, kw_only=True)
    class Certainty(MetricSpec, kind="made_up_metric", label="Made-up metric"):
        """Mean probability of the predicted class. Source: made up, p. 5."""

        headline: ClassVar[tuple[str, ...]] = ("certainty",)

        @property
        def passes(self) -> float:
            return FORWARD

    ATTACKS[Shift.kind] = shift_attack
    ATTRIBUTIONS[Doubled.kind] = doubled
    SCHEMES[Averaged.kind] = Scheme(averaged_step, begin_average, average)
    ARCHITECTURES[OneLayer.kind] = Architecture(one_layer, initialise_he, 4)
    METRICS[Certainty.kind] = certainty
    FIGURES["made_up_figure"] = StudyFigure(
        "made_up_figure", "A made-up figure", ("measurement",), line_of_records
    )
