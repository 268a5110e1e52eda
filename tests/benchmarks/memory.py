"""Memory and pauses with many large images: reading, the first step, rankings, the shelf.

    nice -n 15 python -m tests.benchmarks.memory [--images 20000] [--size 224] [--curve]

Generates small JPEG files in a temporary folder and works on them as the program does, every phase
in a process of its own, whose memory is sampled every 50 ms: what belongs to it alone (anonymous
memory) and what it maps of files, which the system takes back when another program needs memory.
"above" is the peak of the first beyond the bytes of the pixels, "gap" the longest time in which a
thread that wakes every 5 ms could not run, as the window's thread could not. On a machine with
other work that is compared with "idle": the same in a process that waits at the same time, and with
"held": the longest gap when of each counts no more than the process used the processor in it. What
remains is not other programs' doing.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CLASSES = 10
SAMPLE_SECONDS = 0.05
BEAT_SECONDS = 0.005
GB = 1e9


@dataclass
class Curve:
    """Memory of a process over time: seconds, and bytes of its own and of mapped files."""

    seconds: list[float] = field(default_factory=list)
    own: list[int] = field(default_factory=list)
    mapped: list[int] = field(default_factory=list)

    def sample(self, process: int, since: float) -> None:
        """Append what the kernel says now; nothing if the process has ended."""
        try:
            lines = Path(f"/proc/{process}/status").read_text().splitlines()
        except OSError:
            return
        found = {name: value for name, _, value in (line.partition(":") for line in lines)}
        if "RssAnon" in found:
            self.seconds.append(time.monotonic() - since)
            self.own.append(int(found["RssAnon"].split()[0]) << 10)
            shared = int(found["RssFile"].split()[0]) + int(found["RssShmem"].split()[0])
            self.mapped.append(shared << 10)

    def drawn(self, columns: int = 60) -> str:
        """Return the highest own memory of equal spans of time, in tenths of GB."""
        spans = np.array_split(np.array(self.own), min(columns, len(self.own)))
        return " ".join(f"{span.max() / GB:.1f}" for span in spans)


class Beat(threading.Thread):
    """Wakes every few milliseconds and keeps how much later than asked it did.

    ``held`` are the same gaps, of each no more than the seconds of the processor in it.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.gaps: list[float] = []
        self.held: list[float] = []
        self.go_on = True

    def run(self) -> None:
        """Keep the gaps until told to stop."""
        last, spent = time.monotonic(), time.process_time()
        while self.go_on:
            time.sleep(BEAT_SECONDS)
            now, used = time.monotonic(), time.process_time()
            self.gaps.append(now - last - BEAT_SECONDS)
            self.held.append(min(self.gaps[-1], used - spent))
            last, spent = now, used


def generate(folder: Path, count: int, size: int) -> None:
    """Write small JPEG files of smooth colours, in a folder a class."""
    draws = np.random.default_rng(0)
    for k in range(CLASSES):
        (folder / f"class{k}").mkdir(parents=True)
    for k in range(count):
        coarse = draws.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        coarse[..., k % 3] //= 1 + k % CLASSES
        image = Image.fromarray(coarse).resize((size, size), Image.Resampling.BILINEAR)
        image.save(folder / f"class{k % CLASSES}" / f"{k:06d}.jpg", quality=70)


# ------------------------------------------------------------------------------ phases, in children


def read(folder: Path, size: int, work: Path) -> None:
    """Read the folder without a cache, as a command does."""
    from engine.data.images import ingest

    ingest(folder, image_size=size, validation=0.1)


def shelve(folder: Path, size: int, work: Path) -> None:
    """Read the folder as the window does: what was read is kept for the next time."""
    from engine.data.cache import ImageCache
    from engine.data.images import ingest

    ingest(folder, image_size=size, validation=None, cache=ImageCache(work / "cache"))


def first_steps(folder: Path, size: int, work: Path) -> None:
    """Train up to the first point of the curve, a twentieth of an epoch."""
    from engine.specs import Standard

    _until_the_first_loss(folder, size, work, Standard())


def _until_the_first_loss(folder: Path, size: int, work: Path, scheme: Any) -> None:
    from engine.jobs.events import Ended, Scalars
    from engine.plan.scheduler import Scheduler, slots_on
    from engine.specs import SmallCNN, Training
    from engine.store.study import Study

    spec = _spec(folder, size, work)
    study = Study(work / "study", create=True)
    study.set_location(spec.digest, folder)
    done = threading.Event()
    said: list[str] = []

    def emit(event: Any) -> None:
        if isinstance(event, Scalars) and "loss" in event.values:
            done.set()
        if isinstance(event, Ended) and event.outcome == "failed":
            said.append(event.message)
            done.set()

    scheduler = Scheduler(study, slots_on("cpu"), emit)
    training = Training(images=spec, network=SmallCNN(), scheme=scheme, epochs=1, batch_size=50)
    scheduler.add([training])
    done.wait()
    scheduler.stop(60)
    if said:
        raise SystemExit(said[0])


def rank(folder: Path, size: int, work: Path) -> None:
    """Rank the pixels of all images at random, as ROAR's baseline does."""
    import torch

    from engine.jobs.context import Context
    from engine.retraining.rankings import ranking
    from engine.specs import RandomRanking
    from engine.store.study import Study

    spec = _spec(folder, size, work)
    study = Study(work / "study", create=True)
    study.set_location(spec.digest, folder)
    wanted = RandomRanking(images=spec)
    ranking(wanted, Context(wanted, study, torch.device("cpu"), lambda event: None))


def _spec(folder: Path, size: int, work: Path) -> Any:
    """Return the spec that the first phase wrote, or read the folder in a small form for it."""
    from engine.data.images import ingest
    from engine.specs.schema import from_dict

    kept = work / "spec.json"
    if not kept.exists():
        spec, _ = ingest(folder, image_size=8, channels="rgb")
        kept.write_text(json.dumps(spec.as_dict()))
    return from_dict(json.loads(kept.read_text())).replace("image_size", size)


PHASES: dict[str, Callable[[Path, int, Path], None]] = {
    "read": read,
    "first steps": first_steps,
    "rank": rank,
    "shelve": shelve,
    "open again": shelve,
    "first steps, mapped": first_steps,
}
ENVIRONMENT = {"first steps, mapped": {"ISTHMUS_IMAGE_MEMORY": "1"}}


# ------------------------------------------------------------------------------------- the parent


def child(phase: str, folder: Path, size: int, work: Path) -> None:
    """Run one phase and print how long it took and how long nothing else could run."""
    import torch

    import engine.data.images
    import engine.plan.scheduler  # noqa: F401  # loaded before the clock starts

    torch.set_num_threads(1)
    if phase in ("first steps", "first steps, mapped", "rank"):
        _spec(folder, size, work)
    # As in the window, whose own thread collects: Python would visit all objects of the libraries
    # on whichever thread reads, and hold its lock for 0.1 to 0.8 s.
    gc.freeze()
    gc.disable()
    beat = Beat()
    beat.start()
    begun = time.monotonic()
    PHASES[phase](folder, size, work)
    seconds = time.monotonic() - begun
    beat.go_on = False
    beat.join()
    late = sorted(beat.gaps)
    usual = statistics.median(late)
    told = {"seconds": seconds, "gap": late[-1], "held": max(beat.held), "usual": usual}
    print(json.dumps(told))


def measured(phase: str, folder: Path, size: int, work: Path) -> tuple[Curve, dict[str, float]]:
    """Run a phase in a child; return its memory curve and what it printed."""
    command = [sys.executable, "-m", "tests.benchmarks.memory", "--child", phase]
    command += ["--folder", str(folder), "--work", str(work), "--size", str(size)]
    environment = {**os.environ, **ENVIRONMENT.get(phase, {})}
    curve, since, beat = Curve(), time.monotonic(), Beat()
    beat.start()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        while process.poll() is None:
            curve.sample(process.pid, since)
            time.sleep(SAMPLE_SECONDS)
        assert process.stdout is not None
        said = process.stdout.read()
    beat.go_on = False
    beat.join()
    if process.returncode:
        raise SystemExit(f"{phase} ended with {process.returncode}")
    return curve, {**json.loads(said.splitlines()[-1]), "idle": max(beat.gaps)}


def main() -> None:
    """Generate the images, run the phases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--phases", nargs="+", default=list(PHASES), choices=list(PHASES))
    parser.add_argument("--curve", action="store_true", help="print the memory over time too")
    parser.add_argument("--child", choices=list(PHASES))
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.folder, options.size, options.work)
        return
    pixels = options.images * 3 * options.size**2
    print(f"{options.images:,} images of {options.size} px, {pixels / GB:.2f} GB of pixels")
    with tempfile.TemporaryDirectory() as place:
        folder, work = Path(place) / "images", Path(place) / "work"
        work.mkdir()
        generate(folder, options.images, options.size)
        time.sleep(4)  # a cache keeps nothing that changed a moment ago
        print("phase                    s   own GB  above  mapped    gap    held    idle  load")
        for phase in options.phases:
            curve, said = measured(phase, folder, options.size, work)
            own, mapped = max(curve.own) / GB, max(curve.mapped) / GB
            print(
                f"{phase:20} {said['seconds']:6.1f}  {own:6.2f} {own - pixels / GB:6.2f} "
                f"{mapped:6.2f} {said['gap'] * 1000:6.0f} {said['held'] * 1000:6.0f} "
                f"{said['idle'] * 1000:6.0f} ms "
                f"{os.getloadavg()[0]:4.1f}",
                flush=True,
            )
            if options.curve:
                print(f"  own GB over time: {curve.drawn()}")


if __name__ == "__main__":
    main()
