"""How many image-steps a second the program's own queue does, in every way that it has.

A row computes what fits at once, and is judged by the progress that each computation reports: so
steps are told from what a computation needs beside them, which weighs more here than in a figure
of 50,000 images.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, replace

import torch

from engine import specs
from engine.jobs.context import Context
from engine.jobs.device_images import device_images
from engine.jobs.events import Progress
from engine.plan.scheduler import Scheduler
from engine.plan.slots import Slots, slots_on
from engine.retraining.rankings import ranking
from engine.store.study import Study
from engine.training.capture import WARM_UP
from tests.benchmarks.retraining_speed import port
from tests.device.report import Report
from tests.device.stacked import all_together
from tests.device.usage import Usage

SECTION = "speed"
IMAGES = {"cpu": 300, "cuda": 10_000}
FEW = {"cpu": 300, "cuda": 3_000}
"""Training images of a retraining's epoch, and of an adversarial training's."""
PAYS = 1.3
"""So much faster a stack must be than captured steps to be the way that is taken."""
FULL = 20 * 50_000  # image-steps of a training of the paper's figure
RETRAININGS, TRAININGS = 4890, 80  # of the figure; the trainings are adversarial, by 40 steps


def check(
    report: Report,
    device: torch.device,
    study: Study,
    images: specs.ImagesSpec,
    few: specs.ImagesSpec,
    share: float,
) -> None:
    """Add rows of retrainings on the images, and of adversarial trainings on the few."""
    kind = "cuda" if device.type == "cuda" else "cpu"
    retrainings, adversarial = _Retrainings(images, kind), _Adversarial(few, kind)
    report.attempt(SECTION, "retrainings, plain port",
                   lambda: _port(report, device, study, retrainings))  # fmt: skip
    rates: Rates = defaultdict(float)
    for row in _rows(kind, retrainings, adversarial):
        if report.left(share) < 0:
            report.add(SECTION, row.name, left_out="no time left for it")
            continue

        def timed(row: Row = row) -> None:
            place = row.what.name, row.precision, row.way.split()[0]
            rates[place] = max(rates[place], _queued(report, study, row))

        report.attempt(SECTION, row.name, timed)
    _verdicts(report, rates)


@dataclass(frozen=True)
class Row:
    """What is timed: how many epochs of what, in which way and precision, on which slots."""

    what: _Retrainings | _Adversarial
    way: str
    precision: str
    slots: Slots
    epochs: int

    @property
    def name(self) -> str:
        """Its name in the report."""
        return f"{self.what.name}, {self.way}, {self.slots.count} at once, {self.precision}"


Rates = dict[tuple[str, str, str], float]
"""What, precision and way -> the most image-steps a second."""


def _verdicts(report: Report, rates: Rates) -> None:
    """Say for each precision whether a stack pays: it shall be 1.3 times the best other row."""
    for what, precision in sorted({(what, precision) for what, precision, _ in rates}):
        stacked = rates.get((what, precision, "stacked"), 0.0)
        way = "captured" if (what, precision, "captured") in rates else "eager"
        other = rates.get((what, precision, way), 0.0)
        if stacked and other:
            report.add(SECTION, f"{what}, stacked over {way}, {precision}",
                       times=stacked / other, pays=stacked / other >= PAYS)  # fmt: skip


def _rows(device: str, retrainings: _Retrainings, adversarial: _Adversarial) -> list[Row]:
    """Return what to time: what matters most first, as the time may not be enough for all."""
    if device != "cuda":
        one, two = (replace(slots_on(device, count), captures=False) for count in (1, 2))
        eager = ((retrainings, one), (retrainings, two), (adversarial, two))
        rows = [Row(what, "eager", "float32", slots, 3) for what, slots in eager]
        return [*rows, Row(adversarial, "stacked 2", "float32", replace(one, width=2), 3)]

    def row(width: int, jobs: int, precision: str) -> Row:
        return Row(retrainings, *_on(device, width, jobs, precision), 3 if width > 1 else 20)

    def attacked(width: int, jobs: int, precision: str) -> Row:
        return Row(adversarial, *_on(device, width, jobs, precision), 1)

    eager = replace(slots_on(device, 1), width=1, captures=False)
    return [
        attacked(1, 4, "float32"),
        attacked(16, 1, "float32"),
        attacked(1, 8, "float32"),
        attacked(1, 4, "tf32"),
        attacked(16, 1, "tf32"),
        attacked(1, 4, "bfloat16"),
        attacked(16, 1, "bfloat16"),
        row(1, 8, "bfloat16"),
        row(64, 1, "bfloat16"),
        row(1, 4, "float32"),
        row(64, 1, "float32"),
        attacked(64, 1, "tf32"),
        attacked(64, 1, "float32"),
        attacked(1, 8, "tf32"),
        row(64, 1, "tf32"),
        row(1, 4, "tf32"),
        row(1, 8, "tf32"),
        row(64, 2, "bfloat16"),
        row(1, 4, "bfloat16"),
        row(128, 1, "bfloat16"),
        row(1, 1, "bfloat16"),
        row(1, 8, "float32"),
        Row(retrainings, "eager", "float32", eager, 20),
    ]


def _on(device: str, width: int, jobs: int, precision: str) -> tuple[str, str, Slots]:
    way = f"stacked {width}" if width > 1 else "captured"
    return way, precision, replace(slots_on(device, jobs), width=width)


class _Retrainings:
    """Retrainings of the paper's network, each another one."""

    name, total = "retrainings", RETRAININGS

    def __init__(self, images: specs.ImagesSpec, kind: str):
        self.count = IMAGES[kind]
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
        self.count = FEW[kind]
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


def _port(report: Report, device: torch.device, study: Study, wanted: _Retrainings) -> None:
    """Retrain as the released code does; its ranking is made before the time is taken."""
    (spec,) = wanted.more(1, 1)
    context = Context(spec, study, device, lambda event: None)
    ranking(spec.occlusion.ranking, context)  # also loads the images
    begun = time.perf_counter()
    port(spec, context)
    if device.type == "cuda":
        torch.cuda.synchronize()
    seconds = time.perf_counter() - begun
    _projected(report, "retrainings, plain port", RETRAININGS, wanted.count / seconds, 0.0,
               n=1, seconds=seconds)  # fmt: skip


class _Clock:
    """Notes when the computations of a queue were how far, to tell steps from what is beside them.

    The first tenth of each is left out, and at least its first six steps: before them steps are
    captured and memory is allocated.

    Parameters
    ----------
    steps
        Of an epoch.
    """

    def __init__(self, steps: float) -> None:
        self._begun = (WARM_UP + 3) / steps
        self._seen: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def __call__(self, event: object) -> None:
        if not isinstance(event, Progress) or event.what != "epochs":
            return
        if event.done >= max(0.1 * event.total, min(self._begun, 0.5 * event.total)):
            self._seen[event.key].append((time.perf_counter(), event.done))

    def epochs_a_second(self) -> float:
        """Return how many epochs all of them together do in a second."""
        return sum(
            (seen[-1][1] - seen[0][1]) / (seen[-1][0] - seen[0][0])
            for seen in self._seen.values()
            if seen[-1][0] > seen[0][0]
        )


def _queued(report: Report, study: Study, row: Row) -> float:
    """Compute as many at once as there is room for, once; return image-steps a second."""
    slots, what = row.slots, row.what
    wanted = what.more(slots.count * slots.width, row.epochs, row.precision)
    each, clock = len(wanted), _Clock(what.count / wanted[0].batch_size)
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
            with all_together():
                scheduler.add(wanted)
                scheduler.wait()
            seconds = time.perf_counter() - begun
        lost = sum(not study.has(spec) for spec in wanted)
    finally:
        scheduler.stop()
    if lost:
        report.add(SECTION, row.name, False, error=f"{lost} of {each} failed")
        return 0.0
    rate = what.count * clock.epochs_a_second()
    beside = max(0.0, seconds - each * wanted[0].epochs * what.count / rate) / each
    made = study.read(wanted[0]).provenance
    _projected(report, row.name, what.total, rate, beside, n=each, seconds=seconds, way=made["way"],
               width=made.get("width", 1), **usage.row())  # fmt: skip
    return rate


def _projected(
    report: Report, name: str, total: int, rate: float, beside: float, **row: object
) -> None:
    """Add image-steps a second, and what they mean for ``total`` trainings of the figure.

    ``beside`` is the seconds of each training beside its steps.
    """
    seconds = total * (FULL / rate + beside)
    report.add(SECTION, name, image_steps_a_second=rate, seconds_beside=beside,
               trainings_a_minute=60 * total / seconds, figure_hours=seconds / 3600,
               **row)  # fmt: skip
