"""The memory that a training step takes against its estimate, which decides how many run at once.

    nice -n 15 python -m tests.benchmarks.side_by_side

Every network is a process of its own: the peak of its resident memory over one step of Adam, less
what it held before, against :mod:`engine.plan.room`.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys

CASES = {
    "ResNet-18, 224 px, batch 16": ("ResNet18", (3, 224, 224), 16),
    "ResNet-18, 32 px, batch 100": ("ResNet18", (3, 32, 32), 100),
    "the paper's CIFAR-10 network, batch 100": ("PaperCifarCNN", (3, 32, 32), 100),
}


def measure(name: str) -> None:
    """Print the estimate and the peak of one network in bytes."""
    import torch
    from torch.nn import functional

    from engine import specs
    from engine.jobs.device_images import layout
    from engine.networks.architectures import build
    from engine.networks.memory import keep_freed_memory
    from engine.plan.room import ON_THE_WAY, PER_WEIGHT, count

    kind, shape, batch = CASES[name]
    network = getattr(specs, kind)()
    weights, kept = count(network, shape, 10)
    keep_freed_memory()
    half = torch.full((shape[0],), 0.5)
    model = build(network, shape=shape, classes=10, generator=torch.Generator().manual_seed(0),
                  channel_mean=half, channel_std=half)  # fmt: skip
    model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters())
    images = layout(torch.rand(batch, *shape))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(2):
        optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(model(images), torch.zeros(batch, dtype=torch.int64)).backward()
        optimizer.step()
    taken = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    print(round(PER_WEIGHT * weights + ON_THE_WAY * kept * batch), taken)


def main() -> None:
    """Print a line for each network."""
    if len(sys.argv) > 1:
        measure(sys.argv[1])
        return
    for name in CASES:
        command = [sys.executable, "-m", "tests.benchmarks.side_by_side", name]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
        estimate, taken = map(int, done.stdout.split())
        ratio = estimate / taken
        print(f"{name}: estimate {estimate / 1e6:.0f} MB, taken {taken / 1e6:.0f} MB, {ratio:.2f}")


if __name__ == "__main__":
    main()
