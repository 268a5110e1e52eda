"""Collect a study's distances to the manifold in panels, and judge the claimed order in each.

Source: Kim, Seo, Jeon 2019, distance to the manifold.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.manifold.order import Distances, Floats, OrderStep, kernel_density, steps
from engine.manifold.seeds import NO_SEEDS, SeedOrder, seed_order
from engine.specs import ClassifierSpec, Imported, ManifoldDistance, Standard, Training
from engine.specs.attacks import group_in_words
from engine.specs.distinguish import leaves, networks_apart, told_apart
from engine.specs.variants import variant
from engine.store.index import Entry
from engine.store.study import Study, spec_of
from engine.texts import percent
from engine.tradeoff.inference import Order, order_of
from engine.tradeoff.points import NORM_NAMES

LEAST_EXPLAINED = 0.5
"""Least explained share of the variance for which distances to a generator are trusted."""

UNTRAINED = ("", "")
"""Stands for norm and loss where no network was trained against an attack."""

Pair = tuple[Entry, ManifoldDistance]


@dataclass(frozen=True, eq=False)
class Panel:
    """One panel of the paper's figure: the networks trained with one norm and loss.

    Attributes
    ----------
    title
        Such as "L2 xent"; :func:`names` gives names that also tell panels of equal title apart.
    norm, loss
        Norm and loss of the training attacks; "" if no network was trained against an attack.
    curves
        In the claimed order from near to far: clean images, then networks by decreasing training
        eps, then standard networks. Networks of unknown training come last.
    steps
        The comparisons of neighbours in the claimed order.
    variant
        Which of the released code's quirks the numbers were computed with.
    images, latent, test_images
        Title of the images, latent size and number of test images, for the caption.
    explained
        Share of the clean test images' variance that reconstructions explain; see
        :func:`engine.manifold.vae_gan.explained`.
    setting
        The spec fields that all of its records share, by dotted name.
    over_seeds
        What the seeds say about the order, those of panels that differ only in the generator's seed
        included.
    """

    title: str
    norm: str
    loss: str
    curves: tuple[Distances, ...]
    steps: tuple[OrderStep, ...]
    variant: str
    images: str
    latent: int
    test_images: int
    explained: float
    setting: Mapping[str, Any]
    over_seeds: SeedOrder = NO_SEEDS

    @property
    def trusted(self) -> bool:
        """Whether the generator explains enough variance for its distances to be meaningful."""
        return self.explained >= LEAST_EXPLAINED

    @property
    def order(self) -> Order:
        """Whether the whole claimed order holds over the test images, beyond chance."""
        if not self.trusted:
            return "undetermined"
        return order_of([(step.low, step.high) for step in self.steps])

    @property
    def holds(self) -> bool | None:
        """Whether the order holds, as :attr:`order`; None where it is undetermined."""
        return {"holds": True, "does not hold": False}.get(self.order)

    @property
    def verdict(self) -> str:
        """The verdict on the claimed order: test data < strong < ... < weak < standard."""
        if not self.trusted:
            held = percent(max(0.0, self.explained), 0)
            return (
                f"No verdict: the generator's reconstructions hold {held} of "
                f"the variance of clean test images, {percent(LEAST_EXPLAINED, 0)} are needed; "
                "train it longer, or with a larger reconstruction weight."
            )
        if not self.steps:
            return "No order to judge: fewer than two curves."
        count = len(self.steps)
        sure = "95 %" if count == 1 else f"95 % for all {count} steps at once"
        over = f"over {self.test_images:,} test images"
        if self.order == "holds":
            text = f"The order holds {over}: every step is larger than chance ({sure})."
        elif self.order == "does not hold":
            parts = "; ".join(
                f"{s.nearer} is farther than {s.farther}" for s in self.steps if s.side < 0
            )
            text = f"The order does not hold {over}: {parts}, by more than chance ({sure})."
        else:
            parts = "; ".join(
                f"{s.nearer} < {s.farther}" + ("" if s.difference > 0 else " (measured reversed)")
                for s in self.steps
                if s.side == 0
            )
            text = f"The order is undetermined {over}; not larger than chance ({sure}): {parts}."
        return f"{text} {self.over_seeds.sentence}"


def panels(study: Study) -> list[Panel]:
    """Return the panels of a study, one per norm and loss for each generator.

    Networks of different architectures, or trained against different kinds of attack, get separate
    panels. Standard and imported networks appear in every panel of their architecture.
    """
    clean: dict[tuple[str, ...], Pair] = {}
    sweeps: dict[tuple[str, ...], dict[tuple[str, ...], dict[str, Pair]]] = {}
    for entry, spec in _found(study):
        if spec.classifier is None:
            clean[_reference(spec)] = entry, spec
        else:
            known = sweeps.setdefault(_setting(spec), {})
            # If a network was measured twice with different seeds, the newer record replaces.
            known.setdefault(_sweep(spec), {})[spec.classifier.key] = entry, spec
    found, titles = [], _titles(study)
    for known in sweeps.values():
        plain = known.pop(UNTRAINED, {})
        for (norm, loss, *_), members in (known or {UNTRAINED: {}}).items():
            pairs = [*members.values(), *plain.values()]
            reference = clean.get(_reference(pairs[0][1]))
            if reference is not None:
                found.append(_panel(study, titles, norm, loss, reference, pairs))
    found.sort(key=lambda panel: (panel.norm != "l2", panel.loss != "xent"))
    return [replace(panel, over_seeds=seed_order(_alike(panel, found))) for panel in found]


def _alike(panel: Panel, listed: Sequence[Panel]) -> list[tuple[OrderStep, ...]]:
    """Return the steps of the trusted panels that differ from this one in the generator's seed."""

    def plain(other: Panel) -> tuple[Any, ...]:
        setting = {name: v for name, v in other.setting.items() if name != "generator.seed"}
        eps = {curve.eps for curve in other.curves if curve.eps is not None}
        return other.title, setting, eps

    return [o.steps for o in listed if o.trusted and plain(o) == plain(panel)]


def names(listed: Sequence[Panel]) -> list[str]:
    """Return a name for each panel: its title, plus the settings that tell equal titles apart."""
    return told_apart([panel.title for panel in listed], [panel.setting for panel in listed])


def titles(listed: Sequence[Panel]) -> list[str]:
    """Return the same names for readers, with the loss in words."""
    return list(map(group_in_words, names(listed)))


def _titles(study: Study) -> dict[str, str]:
    """Return the networks' names by key, those of the same images told apart."""
    of_images: dict[str, list[tuple[Entry, ClassifierSpec]]] = {}
    for entry in study.entries:
        spec = spec_of(entry) if entry.kind in (Training.kind, Imported.kind) else None
        if isinstance(spec, ClassifierSpec):
            of_images.setdefault(spec.images.key, []).append((entry, spec))
    found: dict[str, str] = {}
    for pairs in of_images.values():
        names = networks_apart([entry.title for entry, _ in pairs], [spec for _, spec in pairs])
        found.update((entry.key, name) for (entry, _), name in zip(pairs, names, strict=True))
    return found


def _found(study: Study) -> Iterator[Pair]:
    """Yield the distances of clean images and of networks whose training started from scratch."""
    for entry in study.entries:
        spec = spec_of(entry) if entry.kind == ManifoldDistance.kind else None
        if isinstance(spec, ManifoldDistance) and not _goes_on(spec.classifier):
            yield entry, spec


def _setting(spec: ManifoldDistance) -> tuple[str, ...]:
    """Return the settings that two records of networks must share to be in one panel."""
    network = "" if spec.classifier is None else spec.classifier.network.key
    return (*_reference(spec), spec.attack.key, spec.judged_by, network)


def _sweep(spec: ManifoldDistance) -> tuple[str, ...]:
    """Return the norm and loss of a record's panel, and the kinds of the scheme and its attack.

    Returns :data:`UNTRAINED` for networks that belong to every panel.
    """
    classifier = spec.classifier
    if not isinstance(classifier, Training) or classifier.scheme.threat is None:
        return UNTRAINED
    threat = classifier.scheme.threat
    loss = threat.loss.removesuffix("_capped") if spec.panel == "own" else spec.panel
    return threat.norm, loss, classifier.scheme.kind, threat.kind


def _reference(spec: ManifoldDistance) -> tuple[str, ...]:
    """Return the settings that a record must share with the clean images' record scaling it."""
    return spec.generator.key, spec.reconstruction, str(spec.test_images)


def _goes_on(classifier: ClassifierSpec | None) -> bool:
    """Whether the training continued from another network, so that it has no single eps."""
    return isinstance(classifier, Training) and classifier.start is not None


def training_eps(spec: ManifoldDistance) -> float | None:
    """Return the eps that the attacked network was trained with.

    0 for a standard network, -1 for clean images, None for imported weights and for networks that
    were trained neither on clean images alone nor against a ball (Gaussian noise, for example).
    """
    if spec.classifier is None:
        return -1.0
    if not isinstance(spec.classifier, Training):
        return None
    scheme = spec.classifier.scheme
    if scheme.threat is None:
        return 0.0 if isinstance(scheme, Standard) else None
    return scheme.threat.eps


def _order(pair: Pair) -> float:
    """Return a sort key for the claimed order; networks of unknown training come last."""
    eps = training_eps(pair[1])
    return math.inf if eps is None else -eps


def _panel(
    study: Study,
    titles: Mapping[str, str],
    norm: str,
    loss: str,
    reference: Pair,
    members: list[Pair],
) -> Panel:
    clean, _ = _measured(study, reference[0])
    low, high = float(clean.min()), float(clean.max())
    width = high - low if high > low else 1.0
    ordered = [reference, *sorted(members, key=_order)]
    curves = tuple(_distances(study, titles, *pair, low, width) for pair in ordered)
    first = members[0][1]
    explained = float(study.entry(first.generator.key).numbers.get("explained", 0.0))
    return Panel(
        title=f"{NORM_NAMES.get(norm, norm)} {loss}" if norm else "standard training",
        norm=norm,
        loss=loss,
        curves=curves,
        steps=tuple(steps(curves)),
        variant=variant(first),
        images=first.generator.images.title,
        latent=first.generator.latent,
        test_images=int(reference[0].numbers["test_images"]),
        explained=explained,
        setting=dict(leaves(_in_common(first))),
    )


def _in_common(spec: ManifoldDistance) -> dict[str, Any]:
    """Return the settings that a panel's records share, as nested dictionaries."""
    form = spec.as_dict()
    trained = form.pop("classifier")
    for name in ("baseline", "panel", "seed"):
        del form[name]
    sweep = dict(zip(("norm", "loss", "scheme", "against"), _sweep(spec), strict=False))
    return {**form, "network": trained["network"], "trained": sweep}


def _measured(study: Study, entry: Entry) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the distances of all test images, and which of them count."""
    arrays = study.read(entry.key).arrays
    counted = np.array(arrays["counted"], dtype=np.bool_)
    return np.array(arrays["distances"], dtype=np.float64), counted


def _distances(
    study: Study,
    titles: Mapping[str, str],
    entry: Entry,
    spec: ManifoldDistance,
    low: float,
    width: float,
) -> Distances:
    found, counted = _measured(study, entry)
    every = (found - low) / width
    values = every[counted]
    x, density = kernel_density(values)
    classifier = spec.classifier
    title = "test data" if classifier is None else study.title(classifier)
    return Distances(
        name=title if classifier is None else titles.get(classifier.key, title),
        key=entry.key,
        classifier="" if classifier is None else classifier.key,
        level=classifier.scheme.title if isinstance(classifier, Training) else title,
        eps=training_eps(spec),
        values=values,
        every=every,
        counted=counted,
        x=x,
        density=density,
        mode=float(x[density.argmax()]) if len(x) else math.nan,
        mean=float(values.mean()) if len(values) else math.nan,
        seed=classifier.seed if isinstance(classifier, Training) else None,
    )
