"""Whether AWP narrows the gap of best and last, where robust overfitting is strong and fast.

    python -m tests.benchmarks.robust_overfitting [--seeds 1 2 3] [--awp 0.01] [--cold]

Each seed draws 500 training and 400 test images of MNIST, another label for 30 % of the former, and
trains the small CNN on them with PGD-3 for 5 epochs. From this network it goes on for 30, once
without AWP and once with each share; ``--cold`` trains both from the first batch on instead. Prints
every run, and the paired differences with their t intervals. docs/benchmarks.md holds the results.
"""

from __future__ import annotations

import argparse
import gzip
import statistics
import tempfile
from pathlib import Path

import numpy as np
import torch
from scipy import stats

from engine import specs
from engine.data.images import ingest
from engine.specs.attacks import scaled_step
from engine.store.study import Study
from tests.benchmarks.schemes import EPS, MNIST, measured, training

WRONG = 0.3  # share of the training images whose label is another
EPOCHS, FIRST_EPOCHS = 30, 5  # the attack grows to its eps in the latter
LABELS_AT = 8  # bytes before the labels in a file of MNIST


def wrongly_labelled(folder: Path, seed: int) -> Path:
    """Write MNIST to a folder, a share of the training images with another, random label."""
    folder.mkdir()
    generator = np.random.default_rng(seed)
    for file in MNIST.iterdir():
        content = bytearray(gzip.decompress(file.read_bytes()))
        if file.name.startswith("train-labels"):
            labels = np.frombuffer(content, np.uint8, offset=LABELS_AT)
            chosen = generator.random(len(labels)) < WRONG
            moved = (labels[chosen] + generator.integers(1, 10, chosen.sum())) % 10
            labels[chosen] = moved
        (folder / file.stem).write_bytes(content)
    return folder


def run_of(images: specs.StoredImages, awp: float, seed: int, cold: bool) -> specs.Training:
    """Return PGD-3 at eps 0.1 with a share of AWP, evaluated by PGD-5 on all test images."""
    attack = specs.PGD(eps=EPS, steps=3, step_size=scaled_step(EPS, 3))
    first = training(
        specs.Adversarial(attack=attack, warmup=float(FIRST_EPOCHS), awp=awp if cold else 0.0),
        EPS,
        images=images,
        epochs=FIRST_EPOCHS,
        seed=seed,
        evaluation=specs.PGD(eps=EPS, steps=5, step_size=scaled_step(EPS, 5)),
    )
    if cold:
        return first.replace("epochs", FIRST_EPOCHS + EPOCHS)
    onward = first.continued(EPOCHS)
    return onward.replace("scheme", onward.scheme.replace("awp", awp))


def interval(differences: list[float]) -> str:
    """Return the mean of paired differences, with its 95 % t interval and the test's p."""
    count = len(differences)
    mean, spread = statistics.mean(differences), statistics.stdev(differences)
    half = float(stats.t.ppf(0.975, count - 1)) * spread / count**0.5
    p = float(stats.ttest_1samp(differences, 0.0).pvalue)
    return f"{mean:+.1f}, 95 % {mean - half:+.1f} to {mean + half:+.1f}, p {p:.2g}, n {count}"


def main() -> None:
    """Train the pairs and compare them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(1, 8)))
    parser.add_argument("--awp", type=float, nargs="+", default=[0.01])
    parser.add_argument("--cold", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    shares = [0.0, *given.awp]
    rows: dict[float, list[dict[str, float]]] = {share: [] for share in shares}
    with tempfile.TemporaryDirectory() as folder:
        study = Study(Path(folder) / "study", create=True)
        for seed in given.seeds:
            place = wrongly_labelled(Path(folder) / f"mnist-{seed}", seed)
            images, _ = ingest(place, max_train=500, max_test=400, split_seed=seed)
            study.set_location(images.digest, place)
            for share in shares:
                found = measured(run_of(images, share, seed, given.cold), study)
                rows[share].append(found)
                numbers = ", ".join(f"{name} {100 * value:.1f}" for name, value in found.items())
                print(f"seed {seed}, AWP {share:g}: {numbers}", flush=True)
    for share in given.awp:
        for name in rows[0.0][0]:
            pairs = zip(rows[share], rows[0.0], strict=True)
            differences = [100 * (one[name] - plain[name]) for one, plain in pairs]
            print(f"AWP {share:g} less none, {name}: {interval(differences)}")


if __name__ == "__main__":
    main()
