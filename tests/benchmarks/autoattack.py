"""Our attacks against pyautoattack's: the same verdicts per image, and in what time.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.autoattack [ROW ...] [--images 250] [--again]
    python -m tests.benchmarks.autoattack --device cuda --minutes 8 --out FILE.json

Without a row, all of ROWS, the most telling first. The networks are the MNIST one published with
TRADES and the CIFAR-10 ResNet-18 in pyautoattack's wheel, the images test images of the data folder
(CIFAR-10: the JPEG copy) or of the paths given. An image's verdict is whether it stands against the
row's attacks in turn, each on those that the earlier ones left; images that are wrong as they are
fall for both. Both are given the same batches. They take turns, a part of the images at a time, and
every part's line sums up all that came before, so that a run that is stopped has said what it
found. ``--again`` lets the peer make every part's attacks with another seed too: how often it
agrees with itself is the most that can be asked. ``paired.py`` has the rules of the verdicts.

It needs torch, numpy, scipy, h5py, pillow and safetensors beside the project's source and
pyautoattack, and of this nothing but its code if its weights are given by ``--wheel-weights``.
"""

from __future__ import annotations

import argparse
import math
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from engine import specs
from engine.attacks.losses import stands, xent
from engine.attacks.table import attack
from engine.devices.precision import switch_to
from engine.jobs.context import Context
from engine.measures.strong import STANDS, strong_accuracy
from engine.networks.gradients import input_gradients, logits_of
from engine.store.study import Study
from engine.training.evaluation import BATCH
from tests.benchmarks.autoattack_inputs import Places, network_and_images
from tests.benchmarks.autoattack_report import Clock, Found, Outcomes, OutOfTime, compared, said

NORMS = {"linf": "Linf", "l2": "L2"}
STRONG = ("apgd-ce", "apgd-t")
ALL = (*STRONG, "fab-t", "square")
LEVELS = {STRONG: "strong", ALL: "autoattack"}
IMAGES = 1000
PARTS = {"mnist": 500, "cifar": 250}  # images for which the two take turns on a GPU


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes
    ----------
    seconds
        What both take together on an H200, for all images: an estimate from the number of steps,
        never measured. It decides what is begun when time is short.
    on_cpu
        Number of images where there is no GPU.
    """

    network: str
    norm: specs.Norm
    eps: float
    attacks: tuple[str, ...]
    seconds: float
    on_cpu: int


ROWS = {
    "cascade-mnist": Row("mnist", "linf", 0.34, ALL, 100, 500),
    "cascade-cifar": Row("cifar", "linf", 0.75 / 255, ALL, 190, 20),
    "ce-mnist": Row("mnist", "linf", 0.34, ("apgd-ce",), 3, 1000),
    "t-mnist": Row("mnist", "linf", 0.34, ("apgd-t",), 20, 500),
    "ce-cifar": Row("cifar", "linf", 0.75 / 255, ("apgd-ce",), 15, 40),
    "t-cifar": Row("cifar", "linf", 0.75 / 255, ("apgd-t",), 50, 20),
    "fab-mnist": Row("mnist", "linf", 0.34, ("fab-t",), 70, 250),
    "fab-cifar": Row("cifar", "linf", 0.75 / 255, ("fab-t",), 80, 20),
    "square-mnist": Row("mnist", "linf", 0.34, ("square",), 100, 250),
    "square-cifar": Row("cifar", "linf", 0.75 / 255, ("square",), 150, 20),
    "cascade-mnist-l2": Row("mnist", "l2", 1.6, ALL, 130, 500),
    "ce-mnist-l2": Row("mnist", "l2", 2.4, ("apgd-ce",), 3, 1000),
    "cascade-cifar-l2": Row("cifar", "l2", 0.1, ALL, 200, 20),
    "cascade-mnist-0.3": Row("mnist", "linf", 0.3, ALL, 190, 200),
    "strong-cifar": Row("cifar", "linf", 0.75 / 255, STRONG, 60, 20),
}


def ours(model: nn.Module, images: Tensor, labels: Tensor, row: Row) -> Tensor:
    """Return whether each image stands against our attacks; as the program judges it."""
    level = LEVELS.get(row.attacks)
    if level is None:
        return by_one_attack(model, images, labels, one_attack(row))
    spec = specs.StrongAccuracy(norm=row.norm, eps=row.eps, level=level)
    with tempfile.TemporaryDirectory() as folder:
        study = Study(Path(folder) / "made.isthmus", create=True)
        context = Context(spec, study, images.device, lambda event: None)
        result = strong_accuracy(model, images, labels, spec, context)
    return torch.from_numpy(result.arrays["broken_by"] == STANDS)


def one_attack(row: Row) -> specs.AttackSpec:
    """Return the single attack of a row, at the settings that the level "autoattack" has."""
    every = specs.StrongAccuracy(norm=row.norm, eps=row.eps, level="autoattack").attacks
    return every[ALL.index(row.attacks[0])]


def by_one_attack(
    model: nn.Module, images: Tensor, labels: Tensor, spec: specs.AttackSpec
) -> Tensor:
    """Return whether each image stands; those that are wrong as they are do not."""
    standing = stands(logits_of(model, images), labels)
    # Starts are drawn on the CPU, as the peer draws them: then they are the same numbers. Square
    # draws in every query, and does so where the images are, as the program does it.
    place = images.device if spec.kind == "square" else torch.device("cpu")
    for rows in standing.nonzero().flatten().split(BATCH):
        generator = torch.Generator(place).manual_seed(0)
        adv_images = attack(model, images[rows], labels[rows], spec, generator=generator)
        standing[rows] = stands(logits_of(model, adv_images), labels[rows])
    return standing


def theirs(model: nn.Module, images: Tensor, labels: Tensor, row: Row, *, seed: int = 0) -> Tensor:
    """Return whether each image stands against the peer's attacks, at its standard settings."""
    from pyautoattack import AutoAttack

    peer = AutoAttack(
        model,
        norm=NORMS[row.norm],
        eps=row.eps,
        version="custom",
        attacks=list(row.attacks),
        device=images.device,
    )
    peer.seed = seed
    peer.apgd.n_restarts = peer.fab.n_restarts = 1
    peer.apgd_targeted.n_target_classes = peer.fab.n_target_classes = 9
    adv_images, _ = peer.run_standard_evaluation(images, labels, batch_size=BATCH)
    return stands(logits_of(model, adv_images), labels)


@dataclass
class Comparison:
    """All rows on one device, until the time is over."""

    places: Places
    device: torch.device
    images: int | None
    part: int | None
    clock: Clock
    outcomes: Outcomes
    again: bool = False

    def __post_init__(self) -> None:
        self._pace = dict.fromkeys(PARTS, 1.0)  # measured over estimated seconds so far
        self._read: dict[tuple[str, int], tuple[nn.Module, Tensor, Tensor]] = {}

    def row(self, name: str, row: Row) -> None:
        """Compare one row, and say after every part what all images so far gave."""
        if self.clock.left() < 0:
            self.outcomes.tell(name, state="left out, no time left")
            self.outcomes.say(f"{name}: left out, no time left")
            return
        model, images, labels, parts = self._inputs(row)
        estimate = row.seconds * self._pace[row.network] * len(images) / IMAGES
        self.outcomes.say(f"{name}: {row}; {len(images)} images in {len(parts)} parts")
        self.outcomes.tell(name, row=asdict(row), state="running")
        our, their, again = Found(), Found(), Found() if self.again else None
        last = estimate / len(parts) if self.device.type == "cuda" else 0.0
        state = "whole"
        for part in parts:
            if self.clock.left() < last:
                state = f"stopped, {last:.0f} s needed, {self.clock.left():.0f} s left"
                break
            given = model, images[part], labels[part], row
            turns = [(our, partial(ours, *given)), (their, partial(theirs, *given))]
            if again is not None:
                turns.append((again, partial(theirs, *given, seed=1)))
            state = self._in_turn(model, turns)
            if state != "whole":
                break
            last = sum(one.wall[-1] for one, _ in turns)
            found = compared(our, their, self.device, again)
            self.outcomes.tell(name, **found)
            self.outcomes.say(said(found))
        self.outcomes.tell(name, state=state)
        if state != "whole":
            self.outcomes.say(f"  {name}: {state}")
        if our.wall:
            done = len(our.standing) / len(images)
            took = sum(our.wall) + sum(their.wall)
            self._pace[row.network] *= took / (estimate * done)

    def _inputs(self, row: Row) -> tuple[nn.Module, Tensor, Tensor, list[slice]]:
        """Return the network, images and labels of a row, and the parts to compare them in."""
        cuda = self.device.type == "cuda"
        count = self.images or (IMAGES if cuda else row.on_cpu)
        length = self.part or min(PARTS[row.network] if cuda else BATCH, math.ceil(count / 2))
        if (row.network, count) not in self._read:
            model, images, labels = network_and_images(row.network, count, self.places, self.device)
            if cuda:  # kernels are loaded and chosen at the first use
                for _ in range(3):
                    input_gradients(model, images[:BATCH], labels[:BATCH], xent)
            self._read[row.network, count] = model, images, labels
        inputs = self._read[row.network, count]
        return *inputs, [slice(start, start + length) for start in range(0, count, length)]

    def _in_turn(self, model: nn.Module, turns: list[tuple[Found, Callable[[], Tensor]]]) -> str:
        """Let each do a part; return "whole", or why the last could not end it."""
        done = len(turns[0][0].wall)
        try:
            with self.clock.guarding(model):
                for found, work in turns:
                    found.add(work, self.device)
        except OutOfTime:
            for found, _ in turns:
                found.cut(done)
            return f"stopped at the end of the time in part {done + 1}"
        return "whole"


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """Return what the command line says; a wrong one ends the program with a sentence."""
    usual = Places.in_data_folder()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--images", type=int, help="instead of each row's own number")
    parser.add_argument("--part", type=int, help="images for which the two take turns")
    parser.add_argument("--again", action="store_true", help="the peer with another seed too")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--minutes", type=float, help="after which it stops; default: no limit")
    parser.add_argument("--out", type=Path, help="JSON file, whole at any time")
    parser.add_argument("--precision", default="ieee", choices=["ieee", "tf32"], help="on a GPU")
    parser.add_argument("--mnist-checkpoint", type=Path, default=usual.mnist_checkpoint)
    parser.add_argument("--mnist", type=Path, default=usual.mnist, help="folder of t10k-* files")
    parser.add_argument("--cifar", type=Path, default=usual.cifar, help=".tar.gz of images")
    parser.add_argument("--wheel-weights", type=Path, help="default: pyautoattack's own")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.rows if name not in ROWS]:
        parser.error(f"{unknown[0]!r} is no row, must be one of {', '.join(ROWS)}")
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device is cuda, but torch finds no CUDA device here")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Compare the rows that the command line names, or all; return 1 if one failed, else 0."""
    options = parsed(arguments)
    clock = Clock(options.minutes)
    if options.device == "cpu":
        torch.set_num_threads(1)
    switch_to(options.precision)
    device = torch.device(options.device)
    outcomes = Outcomes(
        options.out,
        torch=torch.__version__,
        python=platform.python_version(),
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu, 1 thread",
        precision=options.precision,
        date=time.strftime("%Y-%m-%d"),
        wheel_weights=options.wheel_weights.name if options.wheel_weights else "the wheel's",
    )
    places = Places(options.mnist_checkpoint, options.mnist, options.cifar, options.wheel_weights)
    comparison = Comparison(
        places, device, options.images, options.part, clock, outcomes, options.again
    )
    names, failed = options.rows or list(ROWS), 0
    for name in names:
        try:
            comparison.row(name, ROWS[name])
        except OutOfTime:
            outcomes.say(f"{name}: the time is over")
        except Exception as error:  # a row that fails must not cost the others their time
            failed += 1
            outcomes.tell(name, state=f"failed: {type(error).__name__}: {error}")
            outcomes.say(f"{name} failed: {type(error).__name__}: {error}")
    outcomes.end(f"ended; {failed} of {len(names)} rows failed")
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
