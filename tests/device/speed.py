"""How fast the device computes what a figure consists of, and how much of it is used.

A row of retrainings is computed by the program's own queue, as a plan is. Times are of the wall;
every row says how often it was measured, and its median and range.
"""

from __future__ import annotations

import importlib.util
import statistics
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from engine import specs
from engine.data.images import ingest
from engine.jobs.context import Context
from engine.networks.memory import keep_freed_memory
from engine.plan.scheduler import Scheduler
from engine.plan.slots import Slots, slots_on
from engine.retraining.rankings import ranking
from engine.store.study import Study
from engine.training.batch import BatchContext
from engine.training.loop import TrainingState, make_optimizer
from engine.training.schemes import SCHEMES
from tests.benchmarks.attack_speed import LIBRARIES
from tests.benchmarks.retraining_speed import port
from tests.device.report import Report
from tests.device.tensors import built, some

SECTION = "speed"
FIGURE = 4890 * 20 * 50_000  # image-steps of the paper's retrainings
REPEATS = 5
STEPS = 10
SIZES = {"cpu": (300, 1), "cuda": (5000, 20)}  # images, epochs
WARM_UP_EPOCHS = 2
SAMPLE_SECONDS = 0.5


class Usage:
    """Samples the device's utilisation and memory while something runs, if nvidia-smi is there."""

    def __init__(self, device: torch.device):
        self._stop, self._seen = threading.Event(), list[tuple[float, float]]()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._cuda = device.type == "cuda"

    def __enter__(self) -> Usage:
        if self._cuda:
            torch.cuda.reset_peak_memory_stats()
            self._thread.start()
        self._begun = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        wall, processors = (
            now - then
            for now, then in zip(
                (time.perf_counter(), time.process_time()), self._begun, strict=True
            )
        )
        self.cores = processors / max(wall, 1e-9)
        self._stop.set()
        if self._cuda:
            self._thread.join(5)

    def row(self) -> dict[str, float]:
        """Return mean utilisation in percent, peak memory in GB, and the processor cores used."""
        found = {"cores_used": self.cores}
        if self._cuda:
            found["peak_gb"] = torch.cuda.max_memory_allocated() / 1e9
        if self._seen:
            found["gpu_percent"] = statistics.mean(percent for percent, _ in self._seen)
            found["device_gb"] = max(memory for _, memory in self._seen) / 1e3
        return found

    def _sample(self) -> None:
        asked = ["nvidia-smi", "--query-gpu=utilization.gpu,memory.used",
                 "--format=csv,noheader,nounits"]  # fmt: skip
        while not self._stop.wait(SAMPLE_SECONDS):
            try:
                said = subprocess.run(asked, capture_output=True, text=True, timeout=5)
                percent, memory = said.stdout.splitlines()[0].split(",")
                self._seen.append((float(percent), float(memory)))
            except (OSError, ValueError, IndexError, subprocess.TimeoutExpired):
                return


def check(
    report: Report, device: torch.device, study: Study, images: specs.ImagesSpec, share: float
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
    kind = "cuda" if device.type == "cuda" else "cpu"
    count, epochs = SIZES[kind]
    wanted = _Retrainings(images, epochs)
    report.attempt(SECTION, "retrainings, plain port",
                   lambda: _port(report, device, study, wanted, count))  # fmt: skip
    for way, precision, slots in ways(device.type):
        name = f"retrainings, {way}, {slots.count} at once, {precision}"
        if report.left(share) < 0:
            report.add(SECTION, name, left_out="no time left for it")
            continue
        report.attempt(
            SECTION,
            name,
            lambda n=name, s=slots, p=precision: _queued(report, n, s, study, wanted, p, count),
        )


def ways(device: str) -> list[tuple[str, str, Slots]]:
    """Return the ways in which the queue can compute steps: name, precision and slots.

    What matters most comes first, because the time may not be enough for all.
    """
    if device != "cuda":
        alone = [slots_on(device, count) for count in (1, 2)]
        return [("eager", "float32", replace(slots, captures=False)) for slots in alone]
    found = []
    for precision in ("bfloat16", "tf32", "float32"):
        for jobs, width in ((1, 64), (4, 1), (1, 1)):
            slots = replace(slots_on(device, jobs), width=width)
            found.append((f"stacked {width}" if width > 1 else "captured", precision, slots))
    eager = replace(slots_on(device, 1), width=1, captures=False)
    more = [("stacked 64", "bfloat16", replace(slots_on(device, 2), width=64)),
            ("stacked 32", "bfloat16", replace(slots_on(device, 1), width=32)),
            ("captured", "bfloat16", replace(slots_on(device, 8), width=1)),
            ("eager", "float32", eager)]  # fmt: skip
    return [*found, *more]


class _Retrainings:
    """Retrainings of the paper's network, each another one."""

    def __init__(self, images: specs.ImagesSpec, epochs: int):
        self._occlusion = specs.Occlusion(ranking=specs.RandomRanking(images=images))
        self.epochs, self._seed = epochs, 0

    def more(
        self, count: int, precision: str = "float32", epochs: int | None = None
    ) -> list[specs.Retraining]:
        """Return so many that were not returned before."""
        self._seed += count
        return [
            specs.Retraining(
                occlusion=self._occlusion,
                network=specs.PaperCifarCNN(),
                epochs=epochs or self.epochs,
                seed=seed,
                precision=precision,
            )
            for seed in range(self._seed - count, self._seed)
        ]


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


def _port(
    report: Report, device: torch.device, study: Study, wanted: _Retrainings, count: int
) -> None:
    """Retrain as the released code does; its ranking is made before the time is taken."""
    (spec,) = wanted.more(1)
    context = Context(spec, study, device, lambda event: None)
    ranking(spec.occlusion.ranking, context)  # also loads the images
    begun = time.perf_counter()
    port(spec, context)
    if device.type == "cuda":
        torch.cuda.synchronize()
    _projected(report, "retrainings, plain port", time.perf_counter() - begun,
               count * wanted.epochs, 1, {})  # fmt: skip


def _queued(
    report: Report,
    name: str,
    slots: Slots,
    study: Study,
    wanted: _Retrainings,
    precision: str,
    count: int,
) -> None:
    scheduler = Scheduler(study, slots, lambda event: None)
    try:
        each = slots.count * slots.width
        # Loads the images, and lets cuDNN and the allocator find what they need.
        scheduler.add(wanted.more(each, precision, min(WARM_UP_EPOCHS, wanted.epochs)))
        scheduler.wait()
        before = scheduler.outcomes["finished"]
        with Usage(slots.device) as usage:
            begun = time.perf_counter()
            scheduler.add(wanted.more(each, precision))
            scheduler.wait()
            taken = time.perf_counter() - begun
        done = scheduler.outcomes["finished"] - before
    finally:
        scheduler.stop()
    if done < each:
        report.add(SECTION, name, False, error=f"{each - done} of {each} retrainings failed")
        return
    _projected(report, name, taken, each * count * wanted.epochs, each, usage.row())


def _projected(
    report: Report, name: str, seconds: float, work: float, n: int, usage: dict[str, float]
) -> None:
    """Add image-steps a second, and what they mean for the figure; its images are 50,000."""
    rate = work / seconds
    report.add(SECTION, name, image_steps_a_second=rate, retrainings_a_minute=60 * rate / 1e6,
               figure_hours=FIGURE / rate / 3600, n=n, seconds=seconds, **usage)  # fmt: skip


def ingested(archive: Path, study: Study, **options: int) -> specs.StoredImages:
    """Read images of an archive, and note in the study where it lies."""
    spec, _ = ingest(archive, **options)
    study.set_location(spec.digest, archive)
    return spec
