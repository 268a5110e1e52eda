"""Our attacks against pyautoattack's: the same verdicts per image, and in what time.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.autoattack [ROW ...] [--images 250] [--again]

Without a row, all of ROWS. The networks are the MNIST one published with TRADES and the CIFAR-10
ResNet-18 in pyautoattack's wheel, the images the first test images of the data folder (CIFAR-10:
the JPEG copy). An image's verdict is whether it stands against the row's attacks in turn, each on
those that the earlier ones left; images that are wrong as they are fall for both. The two take
turns, a part of the images at a time, and every part's line sums up all that came before, so that a
run that is stopped has said what it found. ``--again`` lets the peer make its attacks with another
seed too: how often it agrees with itself is the most that can be asked.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from engine import specs
from engine.attacks.losses import stands
from engine.attacks.table import attack
from engine.data.images import data_folder, ingest, load
from engine.jobs.context import Context
from engine.measures.strong import STANDS, strong_accuracy
from engine.networks.gradients import logits_of
from engine.store.study import Study
from tests.peers.published_networks import trades_network, wheel_network

SAME = 0.995  # of the images must have the same verdict
ABOVE = 0.005  # of the images, that our robust accuracy may be above the peer's
TIME = 0.5  # of the peer's, at most
NORMS = {"linf": "Linf", "l2": "L2"}
STRONG = ("apgd-ce", "apgd-t")
ALL = (*STRONG, "fab-t", "square")
LEVELS = {STRONG: "strong", ALL: "autoattack"}


@dataclass(frozen=True)
class Row:
    """One comparison: which network, which ball, which attacks, how many images at a time."""

    network: str
    norm: specs.Norm
    eps: float
    attacks: tuple[str, ...]
    images: int = 1000
    part: int = 250


ROWS = {
    "ce-0.34": Row("mnist", "linf", 0.34, ("apgd-ce",)),
    "cascade-0.34": Row("mnist", "linf", 0.34, ALL),
    "cascade-0.3": Row("mnist", "linf", 0.3, ALL, images=200, part=100),
    "ce-l2": Row("mnist", "l2", 2.4, ("apgd-ce",)),
    "cascade-l2": Row("mnist", "l2", 1.6, ALL, images=500),
    "t-0.34": Row("mnist", "linf", 0.34, ("apgd-t",), images=500),
    "fab-0.34": Row("mnist", "linf", 0.34, ("fab-t",), images=250, part=125),
    "square-0.34": Row("mnist", "linf", 0.34, ("square",), images=250, part=125),
    "ce-cifar": Row("cifar", "linf", 0.5 / 255, ("apgd-ce",), images=40, part=10),
    "strong-cifar": Row("cifar", "linf", 0.5 / 255, STRONG, images=20, part=10),
}


@dataclass
class Found:
    """What one of the two found so far: a verdict per image, and seconds per part."""

    verdicts: list[Tensor] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    @property
    def standing(self) -> Tensor:
        """Whether each image stands, (N,) bool."""
        return torch.cat(self.verdicts)

    def add(self, work: Callable[[], Tensor]) -> None:
        """Time one part; ``work`` returns whether each of its images stands."""
        started = time.perf_counter(), time.process_time()
        self.verdicts.append(work())
        self.wall.append(time.perf_counter() - started[0])
        self.processor.append(time.process_time() - started[1])


def ours(model: nn.Module, images: Tensor, labels: Tensor, row: Row) -> Tensor:
    """Return whether each image stands against our attacks; as the program judges it."""
    level = LEVELS.get(row.attacks)
    if level is None:
        return by_one_attack(model, images, labels, one_attack(row))
    spec = specs.StrongAccuracy(norm=row.norm, eps=row.eps, level=level)
    with tempfile.TemporaryDirectory() as folder:
        study = Study(Path(folder) / "made.isthmus", create=True)
        context = Context(spec, study, torch.device("cpu"), lambda event: None)
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
    right = stands(logits_of(model, images), labels)
    generator = torch.Generator().manual_seed(0)
    adv_images = attack(model, images[right], labels[right], spec, generator=generator)
    standing = right.clone()
    standing[right] = stands(logits_of(model, adv_images), labels[right])
    return standing


def theirs(model: nn.Module, images: Tensor, labels: Tensor, row: Row, *, seed: int = 0) -> Tensor:
    """Return whether each image stands against the peer's attacks, at its standard settings."""
    from pyautoattack import AutoAttack

    peer = AutoAttack(
        model, norm=NORMS[row.norm], eps=row.eps, version="custom", attacks=list(row.attacks)
    )
    peer.seed = seed
    peer.apgd.n_restarts = peer.fab.n_restarts = 1
    peer.apgd_targeted.n_target_classes = peer.fab.n_target_classes = 9
    adv_images, _ = peer.run_standard_evaluation(images, labels, batch_size=row.part)
    return stands(logits_of(model, adv_images), labels)


def network_and_images(name: str, count: int) -> tuple[nn.Module, Tensor, Tensor]:
    """Return a network, its first test images (N, C, H, W) in [0, 1], and their labels."""
    if name == "mnist":
        model = trades_network(data_folder() / "checkpoints" / "trades-mnist-smallcnn.pt")
        path, place = data_folder() / "mnist", slice(0, count)
    else:
        model = wheel_network()
        # A folder's images come class by class; these are spread evenly over all of them.
        path, place = data_folder() / "cifar10-images.tar.gz", slice(0, None, 10_000 // count)
    spec, _ = ingest(path)
    found = load(spec, lambda digest: path)
    images = torch.from_numpy(found.test_images[place].copy()).float() / 255
    return model, images[:count], torch.from_numpy(found.test_labels[place].copy()).long()[:count]


def compare(name: str, row: Row, *, again: bool) -> None:
    """Print a row's comparison, after every part for all images so far."""
    print(f"{name}: {row}", flush=True)
    model, images, labels = network_and_images(row.network, row.images)
    our, their, other = Found(), Found(), Found()
    for start in range(0, len(images), row.part):
        part = images[start : start + row.part], labels[start : start + row.part]
        our.add(lambda part=part: ours(model, *part, row))
        their.add(lambda part=part: theirs(model, *part, row))
        if again:
            other.add(lambda part=part: theirs(model, *part, row, seed=1))
        print(said(our, their), flush=True)
        if again:
            print(f"    the peer and itself: {share(their, other):.2%} the same", flush=True)


def share(one: Found, other: Found) -> float:
    """Return the share of images that have the same verdict."""
    return float((one.standing == other.standing).float().mean())


def said(our: Found, their: Found) -> str:
    """Return the comparison of all images so far, and whether the goals are met."""
    accuracy, peers = (float(found.standing.float().mean()) for found in (our, their))
    same = share(our, their)
    ratios = [a / b for a, b in zip(our.processor, their.processor, strict=True)]
    ratio = statistics.median(ratios)
    goals = (same >= SAME, accuracy - peers <= ABOVE, ratio <= TIME)
    verdicts = ", ".join("met" if goal else "not met" for goal in goals)
    return (
        f"  n={len(our.standing)}: {same:.2%} the same; standing {accuracy:.2%} and {peers:.2%}; "
        f"processor {sum(our.processor):.1f} and {sum(their.processor):.1f} s, "
        f"wall {sum(our.wall):.1f} and {sum(their.wall):.1f} s; "
        f"ratio {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}, n={len(ratios)} parts); "
        f"same, not above, half the time: {verdicts}"
    )


def main() -> None:
    """Compare the rows that the command line names, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--images", type=int, help="instead of each row's own number")
    parser.add_argument("--again", action="store_true", help="the peer with another seed too")
    options = parser.parse_args()
    if unknown := [name for name in options.rows if name not in ROWS]:
        parser.error(f"{unknown[0]!r} is no row, must be one of {', '.join(ROWS)}")
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, one thread, {time.strftime('%Y-%m-%d')}")
    for name in options.rows or ROWS:
        row = ROWS[name]
        if options.images:
            row = Row(row.network, row.norm, row.eps, row.attacks, options.images, row.part)
        compare(name, row, again=options.again)


if __name__ == "__main__":
    main()
