"""A queue that runs out of memory while nobody watches: it must fail one job and go on.

It is run as a process of its own, whose memory is bounded: by torch on a CUDA device, by the system
on a CPU.

    python -m tests.device.short_memory DEVICE
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from engine import specs
from engine.jobs.events import Ended
from engine.plan.scheduler import Scheduler
from engine.plan.slots import slots_on
from engine.store.study import Study
from tests.device.kinds import IMAGES, training
from tests.device.report import Report

SECTION = "memory"
CUDA_BYTES = 1.6e9
CPU_BYTES = 900 << 20  # beside what the process has at the beginning
SECONDS = 120
BATCH = 6000  # images of 28 x 28 at 64 channels: 1.2 GB in the first layer alone


def check(report: Report, device: str, root: Path) -> None:
    """Add a row: what the job that needs too much says, and how the one after it ends."""
    asked = [sys.executable, "-m", "tests.device.short_memory", device]
    done = subprocess.run(asked, cwd=root, capture_output=True, text=True, timeout=SECONDS)
    if done.returncode:
        report.add(SECTION, "unattended", False, error=done.stderr[-300:])
        return
    found = json.loads(done.stdout.splitlines()[-1])
    said = found["large"]["message"]
    good = (
        found["large"]["outcome"] == "failed"
        and "out of memory" in said
        and "try a smaller batch size" in said
        and found["small"]["outcome"] == "finished"
    )
    report.add(SECTION, "unattended", good, said=said, then=found["small"]["outcome"])


def _bound(device: str) -> None:
    if device == "cuda":
        whole = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(CUDA_BYTES / whole)
        return
    import resource

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + CPU_BYTES,) * 2)


def main(device: str) -> None:
    """Queue a training whose batch does not fit, and one that does; print how both ended."""
    network = specs.SmallCNN(width=64, hidden=64)
    many = specs.Glyphs(train=BATCH, test=100)
    large = training(network=network, batch_size=BATCH, epochs=1, images=many)
    small = training(epochs=1)
    ended: dict[str, Ended] = {}

    def emit(event: object) -> None:
        if isinstance(event, Ended):
            ended[event.key] = event

    with tempfile.TemporaryDirectory() as home:
        scheduler = Scheduler(Study(Path(home) / "s", create=True), slots_on(device, 1), emit)
        scheduler.add([IMAGES, large.images])
        scheduler.wait(SECONDS / 2)
        _bound(device)
        scheduler.add([large, small])
        scheduler.wait(SECONDS / 2)
        scheduler.stop()
    keys = {"large": large.key, "small": small.key}
    found = {
        name: {"outcome": ended[key].outcome, "message": ended[key].message}
        for name, key in keys.items()
        if key in ended
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
