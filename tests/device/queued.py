"""How many image-steps a second the program's own queue does, in every way that it has.

A row computes what fits at once, and is judged by the progress that each computation reports: so
steps are told from what a computation needs beside them, which weighs more here than in a figure
of 50,000 images.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import replace

import torch

from engine import specs
from engine.jobs.context import Context
from engine.jobs.device_images import device_images
from engine.jobs.events import Progress
from engine.plan.scheduler import Scheduler
from engine.plan.slots import Slots, slots_on
from engine.retraining.rankings import ranking
from engine.store.study import Study
from tests.benchmarks.retraining_speed import port
from tests.device.report import Report
from tests.device.stacked import float32_together
from tests.device.usage import Usage

SECTION = "speed"
IMAGES = {"cpu": 300, "cuda": 10_000}
FULL = 20 * 50_000  # image-steps of a training of the paper's figure
RETRAININGS, TRAININGS = 4890, 80  # of the figure; the trainings are adversarial, by 40 steps


def check(
    report: Report, device: torch.device, study: Study, images: specs.ImagesSpec, share: float
) -> None:
    """Add rows of retrainings and of adversarial trainings."""
    kind = "cuda" if device.type == "cuda" else "cpu"
    count = IMAGES[kind]
    retrainings = _Retrainings(images)
    report.attempt(SECTION, "retrainings, plain port",
                   lambda: _port(report, device, study, retrainings, count))  # fmt: skip
    for what, way, precision, slots, epochs in _rows(kind, retrainings, _Adversarial(images, kind)):
        name = f"{what.name}, {way}, {slots.count} at once, {precision}"
        if report.left(share) < 0:
            report.add(SECTION, name, left_out="no time left for it")
            continue
        wanted = what.more(slots.count * slots.width, epochs, precision)
        report.attempt(
            SECTION,
            name,
            lambda n=name, s=slots, w=wanted, t=what.total: _queued(
                report, n, s, study, w, count, t
            ),
        )


Row = tuple["_Retrainings | _Adversarial", str, str, Slots, int]


def _rows(device: str, retrainings: _Retrainings, adversarial: _Adversarial) -> list[Row]:
    """Return what to time: what matters most first, as the time may not be enough for all."""
    if device != "cuda":
        one, two = (replace(slots_on(device, count), captures=False) for count in (1, 2))
        eager = ((retrainings, one), (retrainings, two), (adversarial, two))
        return [(what, "eager", "float32", slots, 3) for what, slots in eager]

    def row(width: int, jobs: int, precision: str) -> Row:
        way = f"stacked {width}" if width > 1 else "captured"
        slots = replace(slots_on(device, jobs), width=width)
        return retrainings, way, precision, slots, 3 if width > 1 else 20

    eager = replace(slots_on(device, 1), width=1, captures=False)
    return [
        row(64, 1, "bfloat16"),
        row(1, 8, "bfloat16"),
        row(64, 1, "float32"),
        row(1, 4, "float32"),
        (adversarial, "captured", "float32", replace(slots_on(device, 4), width=1), 1),
        row(64, 1, "tf32"),
        row(1, 4, "tf32"),
        (adversarial, "captured", "tf32", replace(slots_on(device, 8), width=1), 1),
        row(1, 8, "tf32"),
        row(64, 2, "bfloat16"),
        row(1, 4, "bfloat16"),
        row(128, 1, "bfloat16"),
        row(1, 1, "bfloat16"),
        row(1, 8, "float32"),
        (retrainings, "eager", "float32", eager, 20),
    ]


class _Retrainings:
    """Retrainings of the paper's network, each another one."""

    name, total = "retrainings", RETRAININGS

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
                precision=precision,  # type: ignore[arg-type]
            )
            for seed in range(self._seed - count, self._seed)
        ]


class _Adversarial:
    """Adversarial trainings of the paper's network, by 40 steps on a GPU; each another one."""

    name, total = "adversarial trainings", TRAININGS

    def __init__(self, images: specs.ImagesSpec, kind: str):
        attack = specs.PGD(norm="l2", eps=0.2, step_size=1.0, steps=40 if kind == "cuda" else 2)
        self._images, self._scheme, self._seed = images, specs.Adversarial(attack=attack), 0

    def more(self, count: int, epochs: int, precision: str = "float32") -> list[specs.Training]:
        """Return so many that were not returned before; their evaluation is as short as can be."""
        self._seed += count
        return [
            specs.Training(
                images=self._images,
                network=specs.PaperCifarCNN(),
                scheme=self._scheme,
                evaluation=specs.FGSM(eps=0.01),
                evaluation_images=100,
                epoch_images=100,
                epochs=epochs,
                seed=seed,
                precision=precision,  # type: ignore[arg-type]
            )
            for seed in range(self._seed - count, self._seed)
        ]


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
    _projected(report, "retrainings, plain port", RETRAININGS, count / seconds, 0.0,
               n=1, seconds=seconds)  # fmt: skip


class _Clock:
    """Notes when the computations of a queue were how far, to tell steps from what is beside them.

    The first tenth of each is left out, in which steps are captured and memory is allocated.
    """

    def __init__(self) -> None:
        self._seen: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def __call__(self, event: object) -> None:
        if not isinstance(event, Progress) or event.what != "epochs":
            return
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
    wanted: list[specs.Retraining] | list[specs.Training],
    count: int,
    total: int,
) -> None:
    """Compute as many at once as there is room for, once."""
    each, clock = len(wanted), _Clock()
    scheduler = Scheduler(study, slots, clock)
    try:
        context = Context(wanted[0], study, slots.device, clock, cache=scheduler.cache)
        if isinstance(wanted[0], specs.Retraining):
            ranking(
                wanted[0].occlusion.ranking, context
            )  # loads the images too; the queue shares both
        else:
            device_images(context, wanted[0].images)
        with Usage(slots.device) as usage:
            begun = time.perf_counter()
            with float32_together():
                scheduler.add(wanted)
                scheduler.wait()
            seconds = time.perf_counter() - begun
        lost = sum(not study.has(spec) for spec in wanted)
    finally:
        scheduler.stop()
    if lost:
        report.add(SECTION, name, False, error=f"{lost} of {each} failed")
        return
    rate = count * clock.epochs_a_second()
    beside = max(0.0, seconds - each * wanted[0].epochs * count / rate) / each
    _projected(report, name, total, rate, beside, n=each, seconds=seconds, **usage.row())


def _projected(
    report: Report, name: str, total: int, rate: float, beside: float, **row: float
) -> None:
    """Add image-steps a second, and what they mean for ``total`` trainings of the figure.

    ``beside`` is the seconds of each training beside its steps.
    """
    seconds = total * (FULL / rate + beside)
    report.add(SECTION, name, image_steps_a_second=rate, seconds_beside=beside,
               trainings_a_minute=60 * total / seconds, figure_hours=seconds / 3600,
               **row)  # fmt: skip
