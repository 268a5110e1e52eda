"""What the training schemes are for, as small trainings on a CPU.

    python -m tests.benchmarks.schemes collapse|mnist|awp|trades|aligned [--seeds 0 1 2]

Prints, per scheme, each seed's accuracies on 400 test images, and mean +- standard deviation over
seeds. The images are Glyphs, for mnist 4,000 of MNIST, for AWP 300 of CIFAR-10 (JPEG), as nothing
overfits on Glyphs.
docs/benchmarks.md holds the results.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import numpy as np
import torch

from engine import specs
from engine.data.images import data_folder, ingest
from engine.plan.scheduler import Scheduler, Slots
from engine.specs.attacks import scaled_step
from engine.store.study import Study

COLLAPSE_EPS = 0.2
MNIST = data_folder() / "mnist"
EPS = 0.1
IMAGES = specs.Glyphs(train=2000, test=400)
CIFAR = data_folder() / "cifar10-images.tar.gz"
CIFAR_EPS = 4 / 255
AVERAGED = 3  # epochs of which best and last are the mean, since 200 images scatter by 3 points


def training(scheme: specs.SchemeSpec, eps: float, **changes: object) -> specs.Training:
    """Return a training as the window proposes it for Glyphs, evaluated by PGD-10 at an eps."""
    values: dict[str, object] = {
        "images": IMAGES,
        "network": specs.SmallCNN(),
        "optimizer": specs.Adam(learning_rate=2e-3),
        "epochs": 8,
        "batch_size": 50,
        "evaluation": specs.PGD(eps=eps, steps=10, step_size=scaled_step(eps, 10)),
        "evaluation_images": 400,
        "epoch_images": 400,
        **changes,
    }
    return specs.Training(scheme=scheme, **values)  # type: ignore[arg-type]


def collapse() -> dict[str, specs.Training]:
    """Return one-step schemes at an eps at which Fast-AT collapses, and PGD-7."""
    ball = {"eps": COLLAPSE_EPS, "warmup": 2.0}
    attack = specs.PGD(eps=COLLAPSE_EPS, steps=7, step_size=scaled_step(COLLAPSE_EPS, 7))
    schemes = [
        specs.FastAT(**ball),
        specs.NoisyFGSM(**ball),
        specs.NoisyFGSM(**ball, noise=1.0),
        specs.GradAlign(**ball, weight=50.0),
        specs.GradAlign(**ball, weight=1.0),
        specs.GradAlign(**ball, weight=10.0),
        specs.FreeAT(**ball, replays=4),
        specs.Adversarial(attack=attack, warmup=2.0),
    ]
    named = {f"{scheme.title} {_own(scheme)}": scheme for scheme in schemes}
    return {name: training(scheme, COLLAPSE_EPS) for name, scheme in named.items()}


def collapse_on_mnist() -> dict[str, specs.Training]:
    """Return one-step schemes on MNIST, where FGSM and, at the larger eps, Fast-AT collapse."""
    images, _ = ingest(MNIST, max_train=4000, max_test=400)
    cosine = {"eps": 0.3, "warmup": 2.0}
    constant = {"eps": 0.35, "warmup": 2.0}
    schemes = [
        specs.GradAlign(**cosine, weight=0.0),
        specs.GradAlign(**cosine, weight=2.0),
        specs.FastAT(**cosine, stride=2.0),
        specs.NoisyFGSM(**cosine, noise=1.0),
        specs.FastAT(**constant, stride=2.0),
        specs.GradAlign(**constant, weight=1.0),
        specs.NoisyFGSM(**constant, noise=1.0),
    ]
    return {
        scheme.title: training(
            scheme,
            scheme.eps,
            images=images,
            network=specs.SmallCNN(width=16),
            optimizer=specs.Adam(
                learning_rate=5e-3, schedule="cosine" if scheme.eps == 0.3 else "constant"
            ),
            epoch_images=100,
        )
        for scheme in schemes
    }


def awp() -> dict[str, specs.Training]:
    """Return PGD-3 with and without AWP on few images, which it learns by heart."""
    images, _ = ingest(CIFAR, max_train=300, max_test=400)
    attack = specs.PGD(eps=CIFAR_EPS, steps=3, step_size=scaled_step(CIFAR_EPS, 3))
    return {
        f"AWP {share:g}": training(
            specs.Adversarial(attack=attack, warmup=5.0, awp=share),
            CIFAR_EPS,
            images=images,
            epochs=25,
            batch_size=25,
            evaluation=specs.PGD(eps=CIFAR_EPS, steps=5, step_size=scaled_step(CIFAR_EPS, 5)),
            epoch_images=200,
        )
        for share in (0.0, 0.005, 0.01)
    }


def aligned() -> dict[str, specs.Training]:
    """Return schemes that turn gradients to a target and attack nothing, and standard training."""
    schemes = (specs.Standard(), specs.EdgeGradients(), specs.AlignedGradients())
    return {
        f"{scheme.title}, {activation}": training(
            scheme, EPS, network=specs.SmallCNN(activation=activation)
        )
        for scheme in schemes
        for activation in ("relu", "silu")
    }


def trades() -> dict[str, specs.Training]:
    """Return TRADES at rising beta."""
    attack = specs.PGD(eps=EPS, steps=5, step_size=scaled_step(EPS, 5))
    return {
        f"beta {beta:g}": training(specs.TRADES(attack=attack, warmup=2.0, beta=beta), EPS)
        for beta in (0.3, 1.0, 3.0, 10.0)
    }


CASES = {
    "collapse": collapse,
    "mnist": collapse_on_mnist,
    "awp": awp,
    "trades": trades,
    "aligned": aligned,
}


def _own(scheme: specs.SchemeSpec) -> str:
    return f"noise {scheme.noise:g}" if isinstance(scheme, specs.NoisyFGSM) else ""


def measured(spec: specs.Training, study: Study) -> dict[str, float]:
    """Train a network; return its accuracies, and the gap of its best and last epochs."""
    scheduler = Scheduler(study, Slots(torch.device("cpu"), 1, 1), lambda event: None)
    scheduler.add([spec])
    scheduler.wait(3600)
    scheduler.stop(10)
    record = study.read(spec)
    robust = record.arrays["epochs/robust_accuracy"]
    means = np.convolve(robust, np.ones(AVERAGED) / AVERAGED, "valid")
    found = {
        "clean": float(record.numbers["clean_accuracy"]),
        "robust": float(record.numbers["robust_accuracy"]),
        "best - last": float(means.max() - means[-1]),
    }
    if "epochs/one_step_accuracy" in record.arrays:
        found["one step"] = float(record.arrays["epochs/one_step_accuracy"][-1])
    return found


def main() -> None:
    """Run one case."""
    parser = argparse.ArgumentParser()
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        study = Study(Path(folder) / "study", create=True)
        for name, spec in CASES[given.case]().items():
            if isinstance(spec.images, specs.StoredImages):
                study.set_location(spec.images.digest, MNIST if given.case == "mnist" else CIFAR)
            rows = [measured(spec.replace("seed", seed), study) for seed in given.seeds]
            parts = []
            for number in rows[0]:
                values = [100 * row[number] for row in rows]
                each = " ".join(f"{value:.0f}" for value in values)
                spread = statistics.stdev(values) if len(values) > 1 else 0.0
                parts.append(f"{number} {statistics.mean(values):.1f} +- {spread:.1f} ({each})")
            print(f"{name}: {'; '.join(parts)}", flush=True)


if __name__ == "__main__":
    main()
