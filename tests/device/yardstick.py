"""A CIFAR-10 training by the program and by a plain loop that does the same steps, in pairs."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import torch

from engine.jobs.context import Cache
from engine.store.study import Study
from tests.benchmarks.airbench_style import SIZES, Pair, asked, pair_of, summary
from tests.device.report import Report
from tests.device.speed import ingested
from tests.device.usage import Usage

SECTION = "yardstick"
PAIRS = 3
IMAGES = {"cpu": {"max_train": 300, "max_test": 100}, "cuda": {}}
WARM = {"max_train": 2_000, "max_test": 500}
MOST_APART = 0.02
"""Of the mean accuracies on a GPU; a processor trains too short for them to mean anything."""


def check(report: Report, device: torch.device, archive: Path, home: Path, share: float) -> None:
    """Add a row of as many pairs as there is time for."""
    size, cache = SIZES[device.type], Cache()
    study = Study(home / "yardstick", create=True)
    if device.type == "cuda":  # kernels are chosen and memory is taken the first time
        warm = ingested(archive, study, **WARM)
        pair_of(asked(warm, 0, replace(size, epochs=1)), study, device, cache)
    images = ingested(archive, study, **IMAGES[device.type])
    pairs: list[Pair] = []
    with Usage(device) as usage:
        longest = 0.0
        for seed in range(PAIRS):
            if report.left(share) < longest:
                break
            begun = time.perf_counter()
            pairs.append(pair_of(asked(images, seed, size), study, device, cache))
            longest = max(longest, time.perf_counter() - begun)
    name = f"{asked(images, 0, size).network.title}, {size.epochs} epochs, {size.precision}"
    if not pairs:
        report.add(SECTION, name, left_out="no time left for it")
        return
    found = summary(pairs)
    close = abs(found["accuracy_apart"]) <= MOST_APART if device.type == "cuda" else None
    report.add(SECTION, name, close, **found, **usage.row())
