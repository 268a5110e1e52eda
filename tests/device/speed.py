"""How fast the device computes what a figure consists of, and how much of it is used.

A row of retrainings is computed by the program's own queue, as a plan is. Times are of the wall;
every row says how often it was measured, and its median and range.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from engine import specs
from engine.data.images import ingest
from engine.networks.memory import keep_freed_memory
from engine.store.study import Study
from engine.training.batch import BatchContext
from engine.training.loop import TrainingState, make_optimizer
from engine.training.schemes import SCHEMES
from tests.benchmarks.attack_speed import LIBRARIES
from tests.device import queued
from tests.device.report import Report
from tests.device.tensors import built, some
from tests.device.usage import Usage

SECTION = "speed"
REPEATS = 5
STEPS = 10


def check(
    report: Report,
    device: torch.device,
    study: Study,
    images: specs.ImagesSpec,
    few: specs.ImagesSpec,
    share: float,
) -> None:
    """Add rows of attacks, steps of adversarial training, and retrainings, ours and the peers'."""
    keep_freed_memory()
    for batch in (100, 1000):
        for library in LIBRARIES:
            name = f"attack, {library}, batch {batch}"
            if report.left(share) > 0:
                report.attempt(
                    SECTION, name, lambda n=library, b=batch: _attack(report, device, n, b)
                )
    report.attempt(SECTION, "adversarial steps", lambda: _adversarial(report, device))
    queued.check(report, device, study, images, few, share)


def _seconds(work: Callable[[], object], device: torch.device, repeats: int) -> list[float]:
    """Return sorted seconds of some runs, after one that warms up."""
    taken = []
    for turn in range(repeats + 1):
        begun = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        if turn:
            taken.append(time.perf_counter() - begun)
    return sorted(taken)


def _row(taken: list[float], images: int) -> dict[str, float]:
    return {
        "images_a_second": images / statistics.median(taken),
        "ms": 1e3 * statistics.median(taken),
        "ms_least": 1e3 * taken[0],
        "ms_most": 1e3 * taken[-1],
        "n": len(taken),
    }


def _attack(report: Report, device: torch.device, library: str, batch: int) -> None:
    name = f"attack, {library}, batch {batch}"
    if library != "isthmus" and importlib.util.find_spec(library) is None:
        report.add(SECTION, name, left_out="not on this machine")
        return
    model = built(specs.PaperCifarCNN(), device)
    images, labels = (tensor.to(device) for tensor in some(batch))
    steps = STEPS if device.type == "cuda" else 2
    spec = specs.PGD(eps=8 / 255, step_size=2 / 255, steps=steps)
    repeats = REPEATS if device.type == "cuda" else 2
    work = LIBRARIES[library]
    with Usage(device) as usage:
        taken = _seconds(lambda: work(model, images, labels, spec), device, repeats)
    report.add(SECTION, name, steps=steps, **_row(taken, batch * steps), **usage.row())


def _adversarial(report: Report, device: torch.device) -> None:
    """Time the program's own step of adversarial training at the paper's batch."""
    model = built(specs.PaperCifarCNN(), device).train()
    images, labels = (tensor.to(device) for tensor in some(100))
    steps = STEPS if device.type == "cuda" else 2
    scheme = specs.Adversarial(attack=specs.PGD(norm="l2", eps=0.2, step_size=1.0, steps=steps))
    state = TrainingState(model, make_optimizer(specs.Adam(), model), {})
    batch = BatchContext(1.0, torch.Generator(device).manual_seed(0), lambda *_: None)

    def step() -> None:
        SCHEMES["adversarial"].step(state, images, labels, batch, **scheme.parameters())

    with Usage(device) as usage:
        taken = _seconds(step, device, 20 if device.type == "cuda" else 2)
    report.add(SECTION, f"adversarial steps, PGD-{steps}, batch 100", **_row(taken, 100),
               **usage.row())  # fmt: skip


def ingested(archive: Path, study: Study, **options: int) -> specs.StoredImages:
    """Read images of an archive, and note in the study where it lies."""
    spec, _ = ingest(archive, **options)
    study.set_location(spec.digest, archive)
    return spec
