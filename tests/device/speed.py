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
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from engine import specs
from engine.data.images import ingest
from engine.devices.precision import kernels
from engine.jobs.context import Context
from engine.jobs.events import Progress
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
RETRAININGS = 4890  # of the paper's figure
FIGURE = RETRAININGS * 20 * 50_000  # image-steps of them
REPEATS = 5
STEPS = 10
IMAGES = {"cpu": 300, "cuda": 10_000}
EPOCHS = {"cpu": 3, "cuda": 20, "stacked": 3}
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
    wanted, count = _Retrainings(images), IMAGES[kind]
    report.attempt(SECTION, "retrainings, plain port",
                   lambda: _port(report, device, study, wanted, count))  # fmt: skip
    for way, precision, slots in ways(device.type):
        name = f"retrainings, {way}, {slots.count} at once, {precision}, {kernels()}"
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

    def row(width: int, jobs: int, precision: str) -> tuple[str, str, Slots]:
        way = f"stacked {width}" if width > 1 else "captured"
        return way, precision, replace(slots_on(device, jobs), width=width)

    eager = replace(slots_on(device, 1), width=1, captures=False)
    return [
        row(64, 1, "bfloat16"),
        row(1, 8, "bfloat16"),
        row(64, 1, "float32"),
        row(1, 4, "float32"),
        row(64, 1, "tf32"),
        row(1, 4, "tf32"),
        row(1, 8, "tf32"),
        row(64, 2, "bfloat16"),
        row(1, 4, "bfloat16"),
        row(128, 1, "bfloat16"),
        row(1, 1, "bfloat16"),
        row(1, 8, "float32"),
        ("eager", "float32", eager),
    ]


class _Retrainings:
    """Retrainings of the paper's network, each another one."""

    def __init__(self, images: specs.ImagesSpec):
        self._occlusion = specs.Occlusion(ranking=specs.RandomRanking(images=images))
        self._seed = 0

    def more(self, count: int, epochs: int, precision: str = "float32") -> list[specs.Retraining]:
        """Return so many that were not returned before."""
        self._seed += count
        return [
            specs.Retraining(
                occlusion=self._occlusion,
                network=specs.PaperCifarCNN(),
                epochs=epochs,
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
    (spec,) = wanted.more(1, 1)
    context = Context(spec, study, device, lambda event: None)
    ranking(spec.occlusion.ranking, context)  # also loads the images
    begun = time.perf_counter()
    port(spec, context)
    if device.type == "cuda":
        torch.cuda.synchronize()
    seconds = time.perf_counter() - begun
    _projected(report, "retrainings, plain port", count / seconds, 0.0, n=1, seconds=seconds)


class _Clock:
    """Notes when the computations of a queue were how far, to tell steps from what is beside them.

    The first tenth of each is left out, in which steps are captured and memory is allocated.
    """

    def __init__(self) -> None:
        self._seen: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def __call__(self, event: object) -> None:
        if isinstance(event, Progress) and event.what == "epochs":
            if event.done >= 0.1 * event.total:
                self._seen[event.key].append((time.perf_counter(), event.done))

    def epochs_a_second(self) -> float:
        """Return how many epochs all of them together do in a second."""
        return sum(
            (seen[-1][1] - seen[0][1]) / (seen[-1][0] - seen[0][0])
            for seen in self._seen.values()
            if seen[-1][0] > seen[0][0]
        )


def _queued(
    report: Report,
    name: str,
    slots: Slots,
    study: Study,
    wanted: _Retrainings,
    precision: str,
    count: int,
) -> None:
    """Compute as many at once as there is room for, once."""
    each, clock = slots.count * slots.width, _Clock()
    epochs = EPOCHS["stacked" if slots.width > 1 else slots.device.type]
    ranking_of = wanted.more(1, epochs)[0].occlusion.ranking
    scheduler = Scheduler(study, slots, clock)
    try:
        context = Context(ranking_of, study, slots.device, clock, cache=scheduler.cache)
        ranking(ranking_of, context)  # also loads the images, which the queue shares
        with Usage(slots.device) as usage:
            begun = time.perf_counter()
            asked = scheduler.add(wanted.more(each, epochs, precision))
            scheduler.wait()
            seconds = time.perf_counter() - begun
        lost = each - scheduler.outcomes["finished"]
    finally:
        scheduler.stop()
    if lost:
        report.add(SECTION, name, False, error=f"{lost} of {len(asked)} failed")
        return
    rate = count * clock.epochs_a_second()
    beside = max(0.0, seconds - each * epochs * count / rate) / each
    _projected(report, name, rate, beside, n=each, seconds=seconds, **usage.row())


def _projected(report: Report, name: str, rate: float, beside: float, **row: float) -> None:
    """Add image-steps a second, and what they mean for the figure; its images are 50,000.

    ``beside`` is the seconds of each retraining beside its steps.
    """
    seconds = FIGURE / rate + RETRAININGS * beside
    report.add(SECTION, name, image_steps_a_second=rate, seconds_beside=beside,
               retrainings_a_minute=60 * RETRAININGS / seconds, figure_hours=seconds / 3600,
               **row)  # fmt: skip


def ingested(archive: Path, study: Study, **options: int) -> specs.StoredImages:
    """Read images of an archive, and note in the study where it lies."""
    spec, _ = ingest(archive, **options)
    study.set_location(spec.digest, archive)
    return spec
