"""Training on a set of three times the memory, against a warm DataLoader with two workers.

    nice -n 15 python -m tests.benchmarks.beyond_memory [--memory 1200] [--turns 3] [--seconds 40]

Every turn is a process in a control group of so many MB of memory, which counts cached pages of
files too (Linux, version 1 or 2 of control groups, as root; otherwise only the program's share of
memory is set, and that is said). Ours: a training of the program on pixels of 224 px that lie in
the file of a shelf of three times that memory, all to be read from the disk in random order.
Theirs: torchvision's ImageFolder of small JPEG files, which all lie in memory, decoded by two
workers. Both train the small CNN, batch 50, one thread, and are timed for some seconds after a
warm-up; images a second are printed. Goal: no less than half.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

SIDE, BATCH, CLASSES, FILES = 224, 50, 10, 3000
TIMES = 3  # the set is so much larger than the memory
LIMIT_S = 500.0
GROUPS = Path("/sys/fs/cgroup")


def write_set(path: Path, size: int) -> int:
    """Write a shelf's file of about so many bytes; return its number of training images."""
    from engine.data.kept import shelf
    from engine.memory import room, scratch_in

    count = size // (3 * SIDE * SIDE)
    draws = np.random.default_rng(0)
    some = draws.integers(0, 256, (64, 3, SIDE, SIDE), dtype=np.uint8)
    with scratch_in(path.parent):
        images = room((count, 3, SIDE, SIDE), np.uint8, limit=0)
    for start in range(0, count, 64):
        part = images[start : start + 64]
        part[:] = some[: len(part)]
    labels = np.arange(count) % CLASSES
    arrays = {
        "train_images": images,
        "train_labels": labels,
        "test_images": images[:200],
        "test_labels": labels[:200],
    }
    shelf.write(path, {}, arrays)
    return count


def ours(home: Path, seconds: float) -> float:
    """Return the images a second of a training of the program on the mapped set."""
    from engine.data.image_set import ImageSet
    from engine.data.kept import shelf
    from engine.jobs.device_images import share_images
    from engine.jobs.events import Ended, Progress
    from engine.plan.scheduler import Scheduler, slots_on
    from engine.specs import FolderImages, SmallCNN, Training
    from engine.store.study import Study

    _, arrays = shelf.read(home / "set.images")
    spec = FolderImages(name="large", digest="0" * 64, image_size=SIDE, channels="rgb")
    names = tuple(f"class {k}" for k in range(CLASSES))
    count = len(arrays["train_images"])
    seen: list[tuple[float, float]] = []
    said: list[str] = []

    def emit(event: Any) -> None:
        if isinstance(event, Progress) and event.what == "epochs":
            seen.append((time.monotonic(), event.done * count))
        if isinstance(event, Ended) and event.outcome == "failed":
            said.append(event.message)

    with tempfile.TemporaryDirectory(dir=home) as place:
        study = Study(Path(place) / "s.isthmus", create=True)
        scheduler = Scheduler(study, slots_on("cpu", 1, 1), emit)
        share_images(scheduler.cache, spec, ImageSet(**arrays, classes=names))
        scheduler.add([Training(images=spec, network=SmallCNN(), epochs=1, batch_size=BATCH)])
        begun = time.monotonic()
        while not said and not (seen and seen[-1][0] - seen[0][0] > 1.25 * seconds):
            time.sleep(0.5)
            assert time.monotonic() - begun < LIMIT_S
        scheduler.stop(60)
    assert not said, said
    first = next(one for one in seen if one[0] >= seen[0][0] + 0.25 * seconds)
    return (seen[-1][1] - first[1]) / (seen[-1][0] - first[0])


def theirs(home: Path, seconds: float) -> float:
    """Return the images a second of the same with a DataLoader."""
    import torch
    from torch.nn import functional
    from torch.utils.data import DataLoader
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import ToTensor

    from engine.networks.architectures import build
    from engine.specs import SmallCNN

    torch.set_num_threads(1)
    for path in (home / "images").rglob("*.jpg"):
        path.read_bytes()
    loader = DataLoader(
        ImageFolder(str(home / "images"), ToTensor()), BATCH, shuffle=True, num_workers=2
    )
    generator, mean = torch.Generator().manual_seed(0), torch.full((3,), 0.5)
    model = build(SmallCNN(), shape=(3, SIDE, SIDE), classes=CLASSES, generator=generator,
                  channel_mean=mean, channel_std=mean).train()  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    begun, counted, since = time.monotonic(), 0, 0.0
    while True:
        for images, labels in loader:
            optimizer.zero_grad(set_to_none=True)
            functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
            now = time.monotonic()
            if not since:
                if now - begun > 0.25 * seconds:
                    since = now
                continue
            counted += len(images)
            if now - since > seconds:
                return counted / (now - since)


SIDES = {"ours": ours, "theirs": theirs}


@contextmanager
def group_of(megabytes: int):
    """Make a control group of so much memory; yield the file that takes processes, or None."""
    one = (GROUPS / "memory").is_dir()
    place = (GROUPS / "memory" if one else GROUPS) / f"isthmus-{os.getpid()}"
    limit = place / ("memory.limit_in_bytes" if one else "memory.max")
    try:
        place.mkdir()
        limit.write_text(str(megabytes * 10**6))
    except OSError as error:
        print(f"no control group of limited memory here: {error}")
        yield None
        return
    try:
        yield place / "cgroup.procs"
    finally:
        time.sleep(1.0)  # the last process has just ended
        place.rmdir()


def main() -> None:
    """Prepare both sets, let both sides take turns, and print what they reached."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--memory", type=int, default=1200, help="MB of memory for each process")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--side", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(SIDES[options.side[0]](Path(options.side[1]), options.seconds)))
        sys.stdout.flush()
        os._exit(0)
    from tests.benchmarks.memory import generate

    reached: dict[str, list[float]] = {name: [] for name in SIDES}
    with tempfile.TemporaryDirectory() as place, group_of(options.memory) as procs:
        home = Path(place)
        count = write_set(home / "set.images", TIMES * options.memory * 10**6)
        generate(home / "images", FILES, SIDE)
        print(f"{count:,} images, {count * 3 * SIDE**2 / 1e9:.2f} GB", flush=True)
        join = "" if procs is None else f"echo $$ > {procs} && "
        for _ in range(options.turns):
            for name in SIDES:
                own = f"{sys.executable} -m tests.benchmarks.beyond_memory --side {name} {home}"
                answer = subprocess.run(
                    ["sh", "-c", f"{join}exec {own} --seconds {options.seconds}"],
                    capture_output=True,
                    text=True,
                    check=False,
                    env={**os.environ, "ISTHMUS_IMAGE_MEMORY": "1"},
                )
                if answer.returncode:
                    sys.exit(f"{name}: {answer.stderr}")
                reached[name].append(float(answer.stdout.splitlines()[-1]))
                print(f"{name} {reached[name][-1]:.1f}, load {os.getloadavg()[0]:.1f}", flush=True)
    ratios = [a / b for a, b in zip(reached["ours"], reached["theirs"], strict=True)]
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(f"ratio {statistics.median(ratios):.2f} ({spread}, n = {len(ratios)})")


if __name__ == "__main__":
    main()
