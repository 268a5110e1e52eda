"""Every kind of computation, run by the program's own queue on the device and on the CPU."""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from engine import specs
from engine.jobs.events import Ended, Event
from engine.plan.computations import COMPUTATIONS
from engine.plan.scheduler import Scheduler
from engine.plan.slots import Slots, slots_on
from engine.specs.schema import Spec
from engine.store.study import Record, Study
from engine.training.capture import obstacle
from tests.device.report import Report

SECTION = "kinds"
SHARES = 0.05  # by which a share of images may differ: a few of them lie at the boundary
MEASURED = 0.1  # of other numbers' size
TRAINED = 0.15  # by which accuracies of networks that were trained on each may differ
DRAWN = {  # of random starts and changes, of which a device draws others
    "iterates_low": 0.2,
    "iterates_high": 0.2,
    "misled_share": 0.1,
}
FIRST_LOSS = 0.05  # of the first point of a training's curve

IMAGES = specs.Glyphs(train=400, test=100)
PLANE = specs.Gaussians2D()
SMALL = specs.SmallCNN(width=4, hidden=16)
EVALUATION = specs.PGD(eps=0.1, step_size=0.05, steps=3)
THREAT = specs.PGD(eps=0.1, step_size=0.05, steps=2, random_start=True)


def training(**changes: object) -> specs.Training:
    """Return a training of a few seconds."""
    fields = {
        "images": IMAGES,
        "network": SMALL,
        "evaluation": EVALUATION,
        "evaluation_images": 50,
        "epochs": 3,
        "batch_size": 40,
        **changes,
    }
    return specs.Training(**fields)  # type: ignore[arg-type]


STANDARD = training(optimizer=specs.Adam(learning_rate=3e-3))
PLANAR = training(images=PLANE, network=specs.PaperMLP())
GENERATOR = specs.VAEGAN(images=IMAGES, width=0.125, epochs=2, batch_size=50)
SCHEMES = {
    "gaussian_noise": specs.GaussianNoise(),
    "gradient_penalty": specs.GradientPenalty(),
    "adversarial": specs.Adversarial(attack=THREAT),
    "adversarial awp": specs.Adversarial(attack=THREAT, awp=0.005),
    "trades": specs.TRADES(attack=THREAT),
    "mart": specs.MART(attack=THREAT),
    "free_at": specs.FreeAT(eps=0.05),
    "fast_at": specs.FastAT(eps=0.05),
    "n_fgsm": specs.NoisyFGSM(eps=0.05),
    "grad_align": specs.GradAlign(eps=0.05),
    "edge_gradients": specs.EdgeGradients(),
    "aligned_gradients": specs.AlignedGradients(),
}
VARIANTS = {
    "sgd cosine": {"optimizer": specs.SGD(learning_rate=0.05, schedule="cosine")},
    "released adam": {"optimizer": specs.Adam(form="released")},
    "augmented": {"augmentation": specs.Augmentation(padding=2, operations=1)},
    "averaged": {"averaging": 0.9},
    "smoothed": {"label_smoothing": 0.1},
    "other layers": {"network": specs.CifarResNet()},
}
METRICS: dict[str, specs.MetricSpec] = {
    "robust_accuracy": specs.RobustAccuracy(attack=EVALUATION, eps=(0.0, 0.05, 0.1)),
    "strong_accuracy": specs.StrongAccuracy(eps=0.05),
    "attack_check": specs.AttackCheck(attack=EVALUATION, restarts=2),
    "alignment": specs.Alignment(),
    "class_accuracy": specs.ClassAccuracy(attack=EVALUATION),
    "corrupted_accuracy": specs.CorruptedAccuracy(),
    "smallest_eps": specs.SmallestEps(attack=EVALUATION, eps=(0.05, 0.1, 0.2)),
    "tangent_share": specs.TangentShare(generator=GENERATOR),
}
PARENTS: list[Spec] = [IMAGES, PLANE, STANDARD, PLANAR, GENERATOR]


def children(weights: Path, digest: str) -> dict[str, Spec]:
    """Return what is computed from the same weights on both: it must agree closely."""
    return {
        "imported": specs.Imported(images=IMAGES, network=SMALL, evaluation=EVALUATION,
                                   evaluation_images=50, name=weights.name, digest=digest),
        "maps": specs.Maps(classifier=STANDARD, attribution=specs.SmoothGrad()),
        "adversarial_examples": specs.AdversarialExamples(classifier=STANDARD, attack=EVALUATION),
        "boundary": specs.Boundary(classifier=PLANAR, grid=40),
        "manifold_distance": specs.ManifoldDistance(
            generator=GENERATOR, classifier=STANDARD, test_images=50,
            attack=specs.PGD(norm="l2", eps=2.0, step_size=0.5, steps=5)),
        **{f"measurement {name}": specs.Measurement(classifier=STANDARD, metric=metric,
                                                    test_images=50)
           for name, metric in METRICS.items()},
    }  # fmt: skip


def trained() -> dict[str, Spec]:
    """Return what learns on both: it agrees in its first losses, and roughly in what it learned."""
    score = specs.Interpretability(
        classifier=STANDARD, attribution=specs.Gradient(), baseline=STANDARD,
        fractions=(0.5,), repeats=1)  # fmt: skip
    return {
        **{f"training {name}": training(scheme=scheme) for name, scheme in SCHEMES.items()},
        **{f"training {name}": training(**changes) for name, changes in VARIANTS.items()},
        "vae_gan": GENERATOR.replace("seed", 1),
        **{f"retraining {one.occlusion.ranking.kind}": one
           for which in ("random", "attribution") for one in score.retrainings(which)},
        "interpretability": score,
        "mask_tuning": specs.MaskTuning(classifier=STANDARD),
    }  # fmt: skip


def check(report: Report, device: str, home: Path, share: float) -> None:
    """Compute all on the CPU and on the device, and compare record by record."""
    studies = {place: Study(home / f"kinds-{place}", create=True) for place in ("cpu", "device")}
    failed = run(studies["cpu"], PARENTS, "cpu", lambda: report.left(share))
    if failed:
        report.add(SECTION, "parents on the CPU", False, error="; ".join(failed.values())[:300])
        return
    weights, digest = _exported(studies["cpu"], home)
    for study in studies.values():
        study.set_location(digest, weights)
    wanted = {**children(weights, digest), **trained()}
    _hand_over(studies["cpu"], studies["device"])
    for place, where in (("cpu", "cpu"), ("device", device)):
        failed = run(studies[place], wanted.values(), where, lambda: report.left(share))
        for name, spec in wanted.items():
            if (text := failed.get(spec.key)) is not None:
                report.add(SECTION, f"{name} on the {place}", False, error=text[:300])
    for name, spec in wanted.items():
        if not all(study.has(spec) for study in studies.values()):
            report.add(SECTION, name, left_out="not computed on both")
            continue
        report.attempt(
            SECTION, name, lambda n=name, s=spec: _compare(report, n, s, studies, n in trained())
        )
    kinds = {spec.kind for spec in (*PARENTS, *wanted.values())}
    missing = set(COMPUTATIONS) - kinds - {"folder", "idx"}
    report.add(SECTION, "kinds without a row", not missing, missing=" ".join(sorted(missing)))


def run(
    study: Study, wanted: Iterable[Spec], device: str, left: Callable[[], float]
) -> dict[str, str]:
    """Compute what the study lacks until no time is left; return the failures by key."""
    return run_on(study, wanted, slots_on(device), left)


def run_on(
    study: Study, wanted: Iterable[Spec], slots: Slots, left: Callable[[], float]
) -> dict[str, str]:
    """Do as :func:`run` on given slots."""
    events: list[Event] = []
    scheduler = Scheduler(study, slots, events.append)
    scheduler.add(wanted)
    scheduler.wait(max(1.0, left()))
    scheduler.stop(30)
    ended = [event for event in events if isinstance(event, Ended)]
    return {event.key: event.message for event in ended if event.outcome == "failed"}


def _exported(study: Study, home: Path) -> tuple[Path, str]:
    """Write the standard network's weights as a file of the user's; return it and its digest."""
    record, path = study.read(STANDARD), home / "weights.pt"
    state = {name.removeprefix("weights/"): torch.from_numpy(np.array(array))
             for name, array in record.arrays.items() if name.startswith("weights/")}  # fmt: skip
    torch.save(state, path)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def _hand_over(source: Study, target: Study) -> None:
    """Give the device's study the CPU's networks, so that what is measured is the device."""
    for spec in PARENTS:
        place = Path("records") / spec.kind / f"{spec.key}.h5"
        (target.path / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source.path / place, target.path / place)
        target.take_up(spec)


def _compare(
    report: Report, name: str, spec: Spec, studies: dict[str, Study], learned: bool
) -> None:
    """Add a row: how many tolerances the worst number is apart, and which one it is."""
    ours, theirs = studies["device"].read(spec), studies["cpu"].read(spec)
    rows = _learned(ours, theirs) if learned else _measured(ours, theirs)
    worst, at = max(rows, default=(0.0, "nothing to compare"))
    infinite = sorted(name for name in _infinite(ours) - _infinite(theirs))
    row = {"not_finite": " ".join(infinite)} if infinite else {}
    row["way"] = str(ours.provenance.get("way"))
    report.add(SECTION, name, worst <= 1 and not infinite, tolerances_apart=worst, at=at, **row)


def _measured(ours: Record, theirs: Record) -> list[tuple[float, str]]:
    found = []
    for field, value in theirs.entry.numbers.items():
        if isinstance(value, float | int):
            one, two = float(ours.entry.numbers[field]), float(value)
            size = max(abs(one), abs(two))
            tolerance = DRAWN.get(field, SHARES if size <= 1 else MEASURED * size)
            found.append((_apart(one, two, tolerance), field))
    infinite = _infinite(ours) | _infinite(theirs)
    for field, values in theirs.arrays.items():
        if values.dtype.kind == "f" and values.size and field not in infinite:
            one, two = (np.asarray(a, dtype=np.float64) for a in (ours.arrays[field], values))
            length = float(np.linalg.norm(two))
            found.append((float(np.linalg.norm(one - two)) / (MEASURED * length + 1e-9), field))
    return found


def _learned(ours: Record, theirs: Record) -> list[tuple[float, str]]:
    """Compare the first loss of every curve, and the accuracies at the end."""
    found = []
    for field, values in theirs.arrays.items():
        if field.startswith("curve/") and not field.endswith("step") and len(values):
            one, two = float(ours.arrays[field][0]), float(values[0])
            found.append((_apart(one, two, FIRST_LOSS * abs(two)), f"first {field}"))
    for field in ("accuracy", "clean_accuracy", "robust_accuracy", "mean_accuracy"):
        if field in theirs.entry.numbers:
            one, two = (float(record.entry.numbers[field]) for record in (ours, theirs))
            found.append((_apart(one, two, TRAINED), field))
    return found


def _apart(found: float, expected: float, tolerance: float) -> float:
    """Return how many tolerances two numbers are apart; NaN in both counts as equal."""
    if math.isnan(found) and math.isnan(expected):
        return 0.0
    apart = abs(found - expected) / max(tolerance, 1e-12)
    return math.inf if math.isnan(apart) else apart


def _infinite(record: Record) -> set[str]:
    """Return the names of the arrays that hold NaN or infinity."""
    floats = ((n, a) for n, a in record.arrays.items() if a.dtype.kind == "f")
    return {name for name, array in floats if not np.isfinite(array).all()}


def check_captured(report: Report, device: str, home: Path, share: float) -> None:
    """Compare captured steps with eager ones on the device: with equal kernels, equal bits.

    What can be captured must have been. A CPU captures nothing.
    """
    if device == "cpu":
        report.add("captured", "all", left_out="a CPU captures nothing")
        return
    found = {}
    wanted = {name: spec for name, spec in trained().items() if isinstance(spec, specs.Training)}
    for captures in (True, False):
        study = Study(home / f"captured-{captures}", create=True)
        slots = replace(slots_on(device), captures=captures)
        failed = run_on(study, [IMAGES, *wanted.values()], slots, lambda: report.left(share))
        for key, text in failed.items():
            report.add("captured", key, False, error=text[:300])
        found[captures] = study
    for name, spec in wanted.items():
        if not all(study.has(spec) for study in found.values()):
            report.add("captured", name, left_out="not computed in both ways")
            continue
        captured, eager = found[True].read(spec), found[False].read(spec)
        first = {field: (captured.arrays[field][0], eager.arrays[field][0])
                 for field in eager.arrays if field == "curve/loss"}  # fmt: skip
        close = all(abs(a - b) <= FIRST_LOSS * abs(b) for a, b in first.values())
        same = all(np.array_equal(a, captured.arrays[n], equal_nan=True)
                   for n, a in eager.arrays.items())  # fmt: skip
        way, reason = str(captured.provenance["way"]), obstacle(spec)
        good = close and (way == "captured" or bool(reason))
        report.add("captured", name, good, way=way, same_bits=same, reason=reason)
