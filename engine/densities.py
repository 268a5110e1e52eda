"""Distances to the manifold, put side by side: densities, modes, and whether the order holds.

Source: Kim, Seo, Jeon 2019, distance to the manifold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.stats import gaussian_kde

from engine.index import Entry
from engine.specs import ClassifierSpec, ManifoldDistance, Training
from engine.study import Study, spec_of
from engine.tradeoff import NORM_NAMES
from engine.variants import variant

Floats = NDArray[np.float64]

BANDWIDTH = 0.25
"""The factor of the kernel density estimate. Source: Kim, Seo, Jeon 2019."""

LEAST_EXPLAINED = 0.5
"""Below this share of the variance a generator knows too little for distances to mean anything."""

GRID = 400
BOOTSTRAPS = 1000


@dataclass(frozen=True, eq=False)
class Distances:
    """The scaled distances of one network's attacks, or of the clean test images.

    Attributes
    ----------
    name, key
        Readable name, and the record they come from.
    classifier
        Key of the attacked network; "" for the clean images.
    eps
        Of its training, in [0, 1] units; 0 for a standard network, -1 for the clean images.
    values
        (n,) distances that count, min-max scaled by the clean test images.
    every, counted
        (N,) the same of all test images, in their order, and which of them count.
    x, density
        (400,) kernel density curve; empty where the values do not vary.
    mode
        Where the density is largest; NaN without one.
    mean
        Of the values.
    """

    name: str
    key: str
    classifier: str
    eps: float
    values: Floats
    every: Floats
    counted: NDArray[np.bool_]
    x: Floats
    density: Floats
    mode: float
    mean: float


@dataclass(frozen=True)
class Step:
    """Two neighbours of the claimed order, and whether they stand as claimed.

    Attributes
    ----------
    nearer, farther
        Names: the claim is that the first lies closer to the manifold.
    difference, low, high
        Difference of their mean scaled distances, with its 95 % bootstrap interval over test
        images: both networks see the same ones, so that hard images count in both.
    """

    nearer: str
    farther: str
    difference: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        """Whether the difference has the claimed sign."""
        return self.difference > 0

    @property
    def clear(self) -> bool:
        """Whether the whole interval has it."""
        return self.low > 0


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture of the paper: a norm and a loss.

    Attributes
    ----------
    title
        Such as "L2 xent".
    norm, loss
        Of the trainings.
    curves
        Clean images first, then by falling training eps, the standard network last: the claimed
        order from near to far.
    steps
        The claim, neighbour by neighbour.
    variant
        Which of the released code's quirks its numbers were computed with.
    images, latent, test_images
        What was looked at, for the caption.
    explained
        Share of the clean test images' variance that reconstructions hold; see
        :func:`engine.vae_gan.explained`.
    """

    title: str
    norm: str
    loss: str
    curves: tuple[Distances, ...]
    steps: tuple[Step, ...]
    variant: str
    images: str
    latent: int
    test_images: int
    explained: float

    @property
    def trusted(self) -> bool:
        """Whether the generator knows enough of the images for a distance to it to say anything."""
        return self.explained >= LEAST_EXPLAINED

    @property
    def holds(self) -> bool:
        """Whether the whole claimed order came out, with a generator that can be trusted."""
        return self.trusted and bool(self.steps) and all(step.holds for step in self.steps)

    @property
    def verdict(self) -> str:
        """One sentence on the claimed order: test data < strong < ... < weak < standard."""
        if not self.trusted:
            held = 100 * max(0.0, self.explained)
            return (
                f"No verdict: the generator's reconstructions hold {held:.0f} % of "
                f"the variance of clean test images, {100 * LEAST_EXPLAINED:.0f} % are needed; "
                "train it longer, or with a larger reconstruction weight."
            )
        wrong = [step for step in self.steps if not step.holds]
        unclear = [step for step in self.steps if step.holds and not step.clear]
        if not self.steps:
            return "No order to judge: fewer than two curves."
        if wrong:
            parts = "; ".join(f"{s.nearer} is not nearer than {s.farther}" for s in wrong)
            return f"The order does not hold: {parts}."
        if unclear:
            parts = "; ".join(f"{s.nearer} < {s.farther}" for s in unclear)
            return f"The order holds, but not beyond chance everywhere: {parts}."
        return "The order holds: every step is larger than chance (95 %)."


def panels(study: Study) -> list[Panel]:
    """Return a panel per norm and loss of each generator that the study has distances for."""
    known: dict[tuple[str, ...], list[tuple[Entry, ManifoldDistance]]] = {}
    clean: dict[tuple[str, ...], tuple[Entry, ManifoldDistance]] = {}
    standard: list[tuple[Entry, ManifoldDistance]] = []
    for entry in study.entries:
        spec = spec_of(entry) if entry.kind == ManifoldDistance.kind else None
        if not isinstance(spec, ManifoldDistance) or _goes_on(spec.classifier):
            continue
        threat = _threat(spec.classifier)
        if spec.classifier is None:
            clean[_reference(spec)] = entry, spec
        elif threat is None:
            standard.append((entry, spec))
        else:
            loss = threat[1] if spec.panel == "own" else spec.panel
            group = (*_setting(spec), threat[0], loss)
            known.setdefault(group, []).append((entry, spec))
    found = []
    for group, members in known.items():
        reference = clean.get(_reference(members[0][1]))
        plain = [pair for pair in standard if _setting(pair[1]) == group[:-2]]
        if reference is not None:
            found.append(_panel(study, group[-2], group[-1], reference, members, plain))
    return sorted(found, key=lambda panel: (panel.norm != "l2", panel.loss != "xent"))


def _setting(spec: ManifoldDistance) -> tuple[str, ...]:
    """Return what must be equal for two records to share a panel."""
    return (
        spec.generator.key,
        spec.attack.key,
        spec.judged_by,
        spec.reconstruction,
        str(spec.test_images),
    )


def _reference(spec: ManifoldDistance) -> tuple[str, ...]:
    """Return what the clean images' record shares with those it is the scale of."""
    return spec.generator.key, spec.reconstruction, str(spec.test_images)


def _goes_on(classifier: ClassifierSpec | None) -> bool:
    """Whether a network was trained on from another one: its strength is not a single one."""
    return isinstance(classifier, Training) and classifier.start is not None


def _threat(classifier: ClassifierSpec | None) -> tuple[str, str, float] | None:
    if not isinstance(classifier, Training) or classifier.scheme.threat is None:
        return None
    threat = classifier.scheme.threat
    return threat.norm, threat.loss.removesuffix("_capped"), threat.eps


def _panel(
    study: Study,
    norm: str,
    loss: str,
    reference: tuple[Entry, ManifoldDistance],
    members: list[tuple[Entry, ManifoldDistance]],
    plain: list[tuple[Entry, ManifoldDistance]],
) -> Panel:
    clean, _ = _measured(study, reference[0])
    low, high = float(clean.min()), float(clean.max())
    width = high - low if high > low else 1.0
    ordered = [reference, *sorted(members, key=lambda pair: -training_eps(pair[1])), *plain]
    curves = tuple(_distances(study, *pair, low, width) for pair in ordered)
    first = members[0][1]
    explained = float(study.entry(first.generator.key).numbers.get("explained", 0.0))
    return Panel(
        title=f"{NORM_NAMES.get(norm, norm)} {loss}",
        norm=norm,
        loss=loss,
        curves=curves,
        steps=tuple(steps(curves)),
        variant=variant(first),
        images=first.generator.images.title,
        latent=first.generator.latent,
        test_images=int(reference[0].numbers["test_images"]),
        explained=explained,
    )


def training_eps(spec: ManifoldDistance) -> float:
    """Return the eps that the attacked network was trained with; 0 for a standard one."""
    threat = _threat(spec.classifier)
    return 0.0 if threat is None else threat[2]


def _measured(study: Study, entry: Entry) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the distances of all test images, and which of them count."""
    arrays = study.read(entry.key).arrays
    counted = np.array(arrays["counted"], dtype=np.bool_)
    return np.array(arrays["distances"], dtype=np.float64), counted


def _distances(
    study: Study, entry: Entry, spec: ManifoldDistance, low: float, width: float
) -> Distances:
    found, counted = _measured(study, entry)
    every = (found - low) / width
    values = every[counted]
    x, density = kernel_density(values)
    return Distances(
        name="test data" if spec.classifier is None else study.title(spec.classifier),
        key=entry.key,
        classifier="" if spec.classifier is None else spec.classifier.key,
        eps=-1.0 if spec.classifier is None else training_eps(spec),
        values=values,
        every=every,
        counted=counted,
        x=x,
        density=density,
        mode=float(x[density.argmax()]) if len(x) else math.nan,
        mean=float(values.mean()),
    )


def kernel_density(values: Floats) -> tuple[Floats, Floats]:
    """Return a Gaussian kernel density (x, density) with the paper's bandwidth factor.

    Both are empty for fewer than two different values. The curve reaches three bandwidths beyond
    the values.
    """
    if len(values) < 2 or values.std() <= 1e-12 * max(1.0, float(np.abs(values).max())):
        return np.zeros(0), np.zeros(0)
    reach = 3 * BANDWIDTH * float(values.std(ddof=1))
    x: Floats = np.linspace(values.min() - reach, values.max() + reach, GRID)
    density = np.asarray(gaussian_kde(values, bw_method=BANDWIDTH)(x), dtype=np.float64)
    return x, density


def steps(curves: Sequence[Distances]) -> list[Step]:
    """Return the neighbours of an order from near to far; the intervals are seeded.

    Raises
    ------
    ValueError
        If the curves are not of the same test images.
    """
    sizes = {len(curve.every) for curve in curves}
    if len(sizes) > 1:
        raise ValueError(f"curves have {sorted(sizes)} images, must have one number")
    if len(curves) < 2:
        return []
    (size,) = sizes
    drawn = np.random.default_rng(0).multinomial(size, np.full(size, 1 / size), BOOTSTRAPS)
    means = [_resampled_means(curve, drawn.astype(np.float64)) for curve in curves]
    found = []
    for (nearer, a), (farther, b) in pairwise(zip(curves, means, strict=True)):
        low, high = np.nanpercentile(b - a, [2.5, 97.5])
        difference = farther.mean - nearer.mean
        found.append(Step(nearer.name, farther.name, difference, float(low), float(high)))
    return found


def _resampled_means(curve: Distances, drawn: Floats) -> Floats:
    """Return the mean of the counted distances in every resample (BOOTSTRAPS, N) of the images."""
    weight: Floats = curve.counted.astype(np.float64)
    total: Floats = drawn @ (weight * curve.every)
    return np.divide(total, drawn @ weight)
