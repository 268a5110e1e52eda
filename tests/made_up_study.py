"""Studies whose records were never computed: small, and with numbers that are known by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.specs import (
    PGD,
    VAEGAN,
    Adversarial,
    AdversarialExamples,
    Alignment,
    Boundary,
    GaussianNoise,
    Gaussians2D,
    Glyphs,
    GlyphTruth,
    Gradient,
    GradientXInput,
    Interpretability,
    ManifoldDistance,
    Maps,
    Measurement,
    PaperMLP,
    SmallCNN,
    Standard,
    StrokeMass,
    StrongAccuracy,
    TangentShare,
    Training,
)
from engine.store.study import Result, Study

IMAGES = Glyphs(train=100, test=40)
NETWORK = SmallCNN(width=4, hidden=8)
FRACTIONS = (0.2, 0.8)
SIDE = 8
PROVENANCE = {"device": "cpu"}


def add(study, spec, numbers, arrays=None, documents=None):
    """Store a result as if it had been computed; return its entry."""
    result = Result(numbers, arrays or {}, documents or {})
    return study.write(spec, result, seconds=1.0, provenance=PROVENANCE)


def network(norm="", eps=0.0, *, loss="xent", seed=0, images=IMAGES):
    """Return the spec of a standard network, or of one trained against a PGD attack."""
    attack = PGD(norm=norm or "linf", eps=eps, loss=loss)
    scheme = Adversarial(attack=attack) if norm else Standard()
    return Training(images=images, network=NETWORK, scheme=scheme, seed=seed, epochs=2)


def add_images(study, images=IMAGES):
    return add(study, images, {"classes": 10}, documents={"classes": list("0123456789")})


def add_network(study, spec, clean=0.9, robust=0.4, numbers=None):
    """Store a network with two epochs' curves and two probe images."""
    wave = np.sin(np.arange(SIDE * SIDE).reshape(SIDE, SIDE) / (2 + 100 * spec_eps(spec)))
    arrays = {
        "epochs/step": np.array([1.0, 2.0]),
        "epochs/clean_accuracy": np.array([clean - 0.1, clean]),
        "epochs/robust_accuracy": np.array([robust - 0.1, robust]),
        "probes/images": np.full((2, 1, SIDE, SIDE), 200, np.uint8),
        "probes/labels": np.array([3, 4]),
        "probes/attributions": np.tile(wave, (3, 2, 1, 1, 1)).astype(np.float32),
        "probes/steps": np.arange(3.0),
    }
    found = {"clean_accuracy": clean, "robust_accuracy": robust, **(numbers or {})}
    return add(study, spec, found, arrays)


def spec_eps(spec):
    return spec.scheme.threat.eps if spec.scheme.threat else 0.0


def scored(classifier, baseline, mode="roar", attribution=None, repeats=2):
    """Return the spec of a score."""
    return Interpretability(
        classifier=classifier,
        attribution=attribution or Gradient(),
        mode=mode,
        baseline=baseline,
        fractions=FRACTIONS,
        repeats=repeats,
    )


def add_score(study, spec, value, accuracy=None, random_accuracy=None):
    """Store a score with its curve: falling for the attribution, falling later at random."""
    shape = (spec.repeats, len(spec.fractions))
    accuracy = np.full(shape, 0.3) if accuracy is None else np.asarray(accuracy)
    random = np.full(shape, 0.7) if random_accuracy is None else np.asarray(random_accuracy)
    numbers = {"score": value, "score_std": 0.01, "baseline_accuracy": 0.9, "chance": 0.1}
    numbers["mean_accuracy"] = float(accuracy.mean())
    arrays = {
        "fractions": np.array(spec.fractions),
        "accuracy": accuracy,
        "random_accuracy": random,
    }
    return add(study, spec, numbers, arrays)


def add_retrainings(study, spec, which, values):
    """Store the first retrainings of a curve with these accuracies."""
    for one, value in zip(spec.retrainings(which), values, strict=False):
        add(study, one, {"accuracy": value})


def sweep(folder: Path, eps=(0.02, 0.04, 0.06, 0.08), norms=("linf", "l2"), images=IMAGES) -> Study:
    """Return a study of one standard network and a sweep in each norm, all of them scored.

    Clean accuracy falls by about a point per 0.01 of eps; the ROAR score rises as clean falls.
    """
    study = Study(folder / "sweep.isthmus", create=True)
    add_images(study, images)
    standard = network(images=images)
    add_network(study, standard, 0.9, 0.0)
    specs = [standard, *(network(norm, e, images=images) for norm in norms for e in eps)]
    for place, spec in enumerate(specs[1:]):
        loss = 1.0 if spec.scheme.threat.norm == "linf" else 0.8  # points of two groups differ
        add_network(study, spec, 0.9 - loss * spec_eps(spec), 0.1 * (1 + place % 5))
    for spec in specs:
        for mode in ("roar", "kar"):
            for attribution in (Gradient(), GradientXInput()):
                bend = 0.01 * ("x_input" in attribution.kind) + 0.002 * np.cos(200 * spec_eps(spec))
                sign = 1 if mode == "roar" else -0.3
                one = scored(spec, standard, mode, attribution)
                add_score(study, one, float(0.02 + sign * 0.5 * spec_eps(spec) + bend))
    return study


def add_maps(study, classifier, attribution=None, count=3):
    """Store maps of a wave."""
    spec = Maps(
        classifier=classifier, attribution=attribution or Gradient(), indices=tuple(range(count))
    )
    wave = np.sin(np.arange(SIDE)[:, None] / 2) * np.cos(np.arange(SIDE))
    arrays = {
        "images": np.tile(
            np.arange(SIDE * SIDE, dtype=np.uint8).reshape(SIDE, SIDE), (count, 1, 1, 1)
        ),
        "labels": np.arange(count),
        "predicted": np.arange(count),
        "attributions": np.tile(wave.astype(np.float32), (count, 1, 1, 1)),
    }
    return add(study, spec, {"images": count}, arrays)


def add_attack(study, classifier, count=3, attack=None):
    """Store attacked images: brighter by 10/255, each seen as the next class."""
    given = {} if attack is None else {"attack": attack}
    spec = AdversarialExamples(classifier=classifier, indices=tuple(range(count)), **given)
    images = np.full((count, 1, SIDE, SIDE), 100, np.uint8)
    logits = np.eye(10, dtype=np.float32)[np.arange(count)]
    arrays = {
        "images": images,
        "labels": np.arange(count),
        "adv_images": (images / 255.0 + 10 / 255.0).astype(np.float32),
        "clean_logits": logits,
        "adv_logits": np.roll(logits, 1, axis=1),
    }
    return add(study, spec, {"robust_accuracy": 0.0}, arrays)


def add_metric(study, classifier, metric=None, values=(0.2, 0.4, 0.9)):
    """Store a metric: one value an image, and their mean as its number."""
    spec = Measurement(classifier=classifier, metric=metric or Alignment(), test_images=len(values))
    name = spec.metric.headline[0]
    numbers = {name: float(np.mean(values)), "test_images": len(values)}
    return add(study, spec, numbers, {name: np.array(values, dtype=np.float32)})


def plane_network(eps=0.0, seed=0):
    """Return a network of the plane."""
    scheme = Adversarial(attack=PGD(norm="l2", eps=eps)) if eps else Standard()
    images = Gaussians2D(per_class=10)
    return Training(images=images, network=PaperMLP(), scheme=scheme, seed=seed)


def add_boundary(study, classifier, angle=30.0):
    """Store a vertical boundary at 0, class 0 at its left."""
    spec = Boundary(classifier=classifier, grid=10)
    axis = np.linspace(0, 1, 10)
    right = np.tile(axis - 0.5, (10, 1))
    points = np.array([[0.25, 0.5], [0.75, 0.5]], np.float32)
    arrays = {
        "grid_axis": axis,
        "grid_logits": np.stack([-right, right], -1),
        "points": points,
        "labels": np.array([0, 1]),
        "attacked_points": points,
        "adv_points": points[::-1].copy(),
        "normal": np.array([1.0, 0.0]),
    }
    return add(study, spec, {"angle_degrees": angle, "robust_accuracy": 0.5}, arrays)


GENERATOR = VAEGAN(images=IMAGES, epochs=2)


def add_generator(study, explained=0.8):
    """Store a generator whose two epochs of reconstructions are grey."""
    grey = np.full((2, 2, 1, SIDE, SIDE), 0.5, np.float32)
    arrays = {
        "curve/step": np.array([1.0, 2.0]),
        "curve/reconstruction": np.array([200.0, 100.0]),
        "probes/images": np.full((2, 1, SIDE, SIDE), 200, np.uint8),
        "probes/reconstructions": grey,
        "samples": grey[0],
    }
    numbers = {"reconstruction": 100.0, "explained": explained, "test_distance": 5.0}
    return add(study, GENERATOR, numbers, arrays)


def distances_of(classifier=None, **changes):
    """Return the spec of the clean images' distances, or of attacks on a network."""
    return ManifoldDistance(
        generator=GENERATOR, classifier=classifier, baseline=network(), test_images=40, **changes
    )


def add_distances(study, spec, distances, counted=None):
    """Store distances of 40 test images."""
    distances = np.asarray(distances, dtype=np.float32)
    counted = np.ones(len(distances), bool) if counted is None else np.asarray(counted)
    grey = np.full((2, 1, SIDE, SIDE), 0.5, np.float32)
    arrays = {
        "distances": distances,
        "counted": counted,
        "shown/images": grey,
        "shown/examples": grey,
        "shown/reconstructions": grey,
    }
    numbers = {
        "distance_mean": float(distances[counted].mean()),
        "counted": int(counted.sum()),
        "test_images": len(distances),
    }
    return add(study, spec, numbers, arrays)


def manifold(folder: Path, *, explained=0.8, swapped=False) -> Study:
    """Return a study in which stronger training brings attacks nearer, by 0.1 of the clean range.

    Clean distances are 0 ... 1; with ``swapped``, the two strongest networks change places.
    """
    study = Study(folder / "manifold.isthmus", create=True)
    add_images(study)
    add_generator(study, explained)
    clean = np.linspace(0, 1, 40)
    shifts = {0.04: 0.1, 0.02: 0.2, 0.01: 0.3, 0.0: 0.4}
    if swapped:
        shifts[0.04], shifts[0.02] = shifts[0.02], shifts[0.04]
    add_distances(study, distances_of(), clean)
    for eps, shift in shifts.items():
        classifier = network("l2" if eps else "", eps)
        add_network(study, classifier)
        add_distances(study, distances_of(classifier), clean + shift)
        numbers = {"known": 0.1 + eps, "known_baseline": 0.1, "estimated": 0.2}
        add(study, Measurement(classifier=classifier, metric=TangentShare()), numbers)
    return study


def cell(scheme, seed=0):
    """Return the spec of a network of a frontier, evaluated at L-inf 0.1."""
    return replace(network(seed=seed), scheme=scheme, evaluation=PGD(eps=0.1))


CELLS = (
    (Standard(), 0.1, 0.2),
    (GaussianNoise(sigma=0.3), 0.2, 0.3),
    (Adversarial(attack=PGD(eps=0.05)), 0.3, 0.4),
    (Adversarial(attack=PGD(eps=0.1)), 0.5, 0.6),
)
"""Schemes of a frontier with robust accuracy and third axis of the seed 0."""


def frontier(folder: Path, seeds=(0, 1, 2), cells=CELLS, clean=0.9) -> Study:
    """Return a study of standard training, of noise and of two PGD radii, each with some seeds.

    Clean accuracy is 0.9, robust accuracy 0.1, 0.2, 0.3 and 0.5, and the tangent share of the
    gradient 0.2, 0.3, 0.4 and 0.6, each plus a hundredth of the seed.
    """
    study = _cells(folder, seeds, cells, clean)
    for seed in seeds:
        for scheme, robust, share in cells:
            for attribution, more in ((Gradient(), 0.0), (GradientXInput(), 0.1)):
                numbers = {
                    "tangent_share": share + more + seed / 100,
                    "stroke_mass": 0.5,
                    "blurriness": 0.6 + (seed + robust) / 50,
                }
                truth = GlyphTruth(attribution=attribution)
                add(study, Measurement(classifier=cell(scheme, seed), metric=truth), numbers)
    return study


def frontier_elsewhere(folder: Path, ink=True, seeds=(0, 1, 2), cells=CELLS, clean=0.9) -> Study:
    """Return the same without exact tangents: ink mass instead, if there is ink, and scores.

    ROAR and matched ROAR are the third number of a cell; the maps were matched.
    """
    study = _cells(folder, seeds, cells, clean)
    for seed in seeds:
        standard = cell(Standard(), seed)
        for scheme, robust, third in cells:
            spec = cell(scheme, seed)
            if ink:
                mass = StrokeMass(attribution=Gradient())
                numbers = {"stroke_mass": third + seed / 100}
                add(study, Measurement(classifier=spec, metric=mass), numbers)
            for control in ("none", "matched"):
                score = replace(scored(spec, standard), control=control)
                blurriness = score.blurriness if control == "matched" else 0.6 + robust / 50
                numbers = {"score": third + seed / 100, "blurriness": blurriness}
                add(study, score, numbers)
    return study


def _cells(folder: Path, seeds, cells, clean) -> Study:
    """Return a study of the networks of a frontier, and their accuracy under strong attacks.

    ``clean`` is the clean accuracy, or a function of the scheme.
    """
    study = Study(folder / "frontier", create=True)
    add_images(study)
    for seed in seeds:
        for scheme, robust, _ in cells:
            spec = cell(scheme, seed)
            add_network(study, spec, clean(scheme) if callable(clean) else clean, robust=1.0)
            strong = StrongAccuracy(norm=spec.evaluation.norm, eps=spec.evaluation.eps)
            numbers = {"accuracy": robust + seed / 100, "test_images": 1000}
            add(study, Measurement(classifier=spec, metric=strong), numbers)
    return study
