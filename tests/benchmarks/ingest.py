"""Our reading of an image folder against torchvision's ImageFolder with a DataLoader.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.ingest [--rounds 5] [--workers 2] [--batch 256]

The images are the 60,000 of the CIFAR-10 archive in the data folder, unpacked into a temporary
one. Ours lists, hashes, splits and decodes them into one array, checks for copies, and reports; or
it takes what it kept of an earlier reading, after a look at every file's size and time of change.
Theirs lists and decodes them batch by batch, and keeps nothing. They take turns, and the ratio is
taken round by round, so that whatever else the machine does meets all. Processor time, of child
processes too, is what wall time would be made of on a machine of our own.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torchvision
from torchvision.transforms import ToTensor

from engine.data.cache import SETTLED_SECONDS, ImageCache
from engine.data.images import data_folder, ingest

GOAL = 0.5  # product.md: at most half of the peer's time.
ARCHIVE = "cifar10-images.tar.gz"


@dataclass(frozen=True)
class Cost:
    """Seconds by the clock, and of the processors."""

    wall: float
    processor: float


def processor_seconds() -> float:
    """Return the processor time of this process and of its ended children."""
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def measured(work: Callable[[], int], expected: int) -> Cost:
    """Time one way to read all images; it returns how many it read."""
    processor, wall = processor_seconds(), time.perf_counter()
    count = work()
    cost = Cost(time.perf_counter() - wall, processor_seconds() - processor)
    if count != expected:
        raise RuntimeError(f"{count} images were read, must be {expected}")
    return cost


def ours(path: Path, cache: ImageCache | None = None) -> int:
    """Read a folder or an archive as the program does."""
    _, images = ingest(path, cache=cache)
    return len(images.train_images) + len(images.test_images)


def peer(root: Path, workers: int, batch: int) -> int:
    """Read the folder's two parts as torchvision's examples do."""
    count = 0
    for part in ("train", "test"):
        images = torchvision.datasets.ImageFolder(str(root / part), ToTensor())
        loader = torch.utils.data.DataLoader(images, batch_size=batch, num_workers=workers)
        count += sum(len(labels) for _, labels in loader)
    return count


def spread(values: list[float]) -> str:
    """Return the median and the range."""
    return f"{statistics.median(values):6.3f}  ({min(values):.3f} to {max(values):.3f})"


def main() -> None:
    """Take turns and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2, help="processes of the DataLoader")
    parser.add_argument("--batch", type=int, default=256)
    options = parser.parse_args()
    torch.set_num_threads(1)
    archive = data_folder() / ARCHIVE
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        root = Path(folder) / "cifar10"
        cache = ImageCache(Path(folder) / "cache")
        total = sum(len(files) for _, _, files in os.walk(root))
        ways: dict[str, Callable[[], int]] = {
            "torchvision, folder": lambda: peer(root, options.workers, options.batch),
            "isthmus, folder": lambda: ours(root),
            "isthmus, .tar.gz": lambda: ours(archive),
            "isthmus, folder again": lambda: ours(root, cache),
        }
        time.sleep(SETTLED_SECONDS)  # A cache keeps nothing that changed a moment ago.
        ours(root, cache)
        costs: dict[str, list[Cost]] = {name: [] for name in ways}
        for _ in range(options.rounds):
            for name, work in ways.items():
                costs[name].append(measured(work, total))
    print(f"{total} images, {options.rounds} rounds, {os.cpu_count()} cores; median (range)")
    report(costs)


def report(costs: dict[str, list[Cost]]) -> None:
    """Print every way's seconds and its ratio to the first one's."""
    theirs = next(iter(costs.values()))
    for name, mine in costs.items():
        print(f"{name}")
        for kind in ("wall", "processor"):
            seconds = [getattr(cost, kind) for cost in mine]
            pairs = zip(seconds, theirs, strict=True)
            ratios = [value / getattr(other, kind) for value, other in pairs]
            print(f"  {kind:9}  {spread(seconds)} s   ratio {spread(ratios)}")
    print(f"goal: isthmus, folder takes at most {GOAL} of torchvision's wall time")


if __name__ == "__main__":
    main()
