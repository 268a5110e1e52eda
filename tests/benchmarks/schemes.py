"""What the training schemes are for, as small trainings on a CPU: collapse, AWP, TRADES' beta.

    python -m tests.benchmarks.schemes collapse|awp|trades [--seeds 0 1 2]

Prints, per scheme, each seed's accuracies on 400 test images of Glyphs, and mean +- standard
deviation over seeds. docs/benchmarks.md holds the results.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import torch

from engine import specs
from engine.plan.scheduler import Scheduler, Slots
from engine.specs.attacks import scaled_step
from engine.store.study import Study

COLLAPSE_EPS = 0.2
EPS = 0.1
IMAGES = specs.Glyphs(train=2000, test=400)
FEW = specs.Glyphs(train=300, test=400)


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


def awp() -> dict[str, specs.Training]:
    """Return PGD-5 with and without AWP on few images for many epochs, where it may overfit."""
    attack = specs.PGD(eps=EPS, steps=5, step_size=scaled_step(EPS, 5))
    return {
        f"AWP {share:g}": training(
            specs.Adversarial(attack=attack, warmup=2.0, awp=share), EPS, images=FEW, epochs=60
        )
        for share in (0.0, 0.01, 0.03)
    }


def trades() -> dict[str, specs.Training]:
    """Return TRADES at rising beta."""
    attack = specs.PGD(eps=EPS, steps=5, step_size=scaled_step(EPS, 5))
    return {
        f"beta {beta:g}": training(specs.TRADES(attack=attack, warmup=2.0, beta=beta), EPS)
        for beta in (0.3, 1.0, 3.0, 10.0)
    }


CASES = {"collapse": collapse, "awp": awp, "trades": trades}


def _own(scheme: specs.SchemeSpec) -> str:
    return f"noise {scheme.noise:g}" if isinstance(scheme, specs.NoisyFGSM) else ""


def _measured(spec: specs.Training, folder: Path) -> dict[str, float]:
    study = Study(folder / spec.key, create=True)
    scheduler = Scheduler(study, Slots(torch.device("cpu"), 1, 1), lambda event: None)
    scheduler.add([spec])
    scheduler.wait(3600)
    scheduler.stop(10)
    record = study.read(spec)
    robust = record.arrays["epochs/robust_accuracy"]
    found = {
        "clean": float(record.numbers["clean_accuracy"]),
        "robust": float(record.numbers["robust_accuracy"]),
        "best - last": float(robust.max() - robust[-3:].mean()),
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
        for name, spec in CASES[given.case]().items():
            rows = [_measured(spec.replace("seed", seed), Path(folder)) for seed in given.seeds]
            parts = []
            for number in rows[0]:
                values = [100 * row[number] for row in rows]
                each = " ".join(f"{value:.0f}" for value in values)
                spread = statistics.stdev(values) if len(values) > 1 else 0.0
                parts.append(f"{number} {statistics.mean(values):.1f} +- {spread:.1f} ({each})")
            print(f"{name}: {'; '.join(parts)}", flush=True)


if __name__ == "__main__":
    main()
