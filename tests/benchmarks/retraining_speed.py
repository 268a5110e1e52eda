"""Our retrainings against a plain PyTorch port of the published loop, on a CPU.

    python -m tests.benchmarks.retraining_speed [--images 2000] [--epochs 2] [--rounds 3]

The port does what the released code does, one retraining after the other: the occluded images are
made once and wrapped in a TensorDataset, a DataLoader forms the batches, torch uses every core, and
the memory format is torch's default. Ours is the program's own plan: as many retrainings side by
side as there are cores, a thread each. Both train the paper's CIFAR-10 network on the same random
images, occluded alike, from the same weights and in the same order of batches, and a retraining of
each is compared by its test accuracy and its training loss. They take turns; the ratio is of
retrainings per minute.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Sampler, TensorDataset

from engine import specs
from engine.context import Context
from engine.images import ingest
from engine.inputs import DeviceImages, device_images, fresh_network
from engine.modes import as_unit
from engine.plan import Scheduler, room_on
from engine.rankings import ranking
from engine.retraining import occluded
from engine.study import Study

GOAL = 1.5  # product.md: on a CPU, at least so many times as many retrainings a minute.


def random_folder(home: Path, count: int) -> Path:
    """Write random images of ten classes: the time does not depend on what they show."""
    draw = np.random.default_rng(0)
    for part, number in (("train", count), ("test", 200)):
        for index in range(number):
            folder = home / part / str(index % 10)
            folder.mkdir(parents=True, exist_ok=True)
            pixels = draw.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{index}.png")
    return home


class SameOrder(Sampler[int]):
    """Visits the images as the program does, so that the two can be compared."""

    def __init__(self, count: int, generator: torch.Generator):
        self.count = count
        self.generator = generator

    def __iter__(self):
        return iter(torch.randperm(self.count, generator=self.generator).tolist())

    def __len__(self):
        return self.count


def port(spec: specs.Retraining, context: Context) -> nn.Module:
    """Retrain as the released code does, in plain PyTorch; return the network."""
    images = device_images(context, spec.occlusion.ranking.images)
    ranks = ranking(spec.occlusion.ranking, context)
    fill = images.channel_mean
    train = occluded(as_unit(images.train), ranks.train, spec.occlusion, fill).contiguous()
    test = occluded(as_unit(images.test), ranks.test, spec.occlusion, fill).contiguous()
    weights = context.generator("weights", spec.seed)
    model = fresh_network(spec.network, images, context.device, generator=weights)
    model = model.to(memory_format=torch.contiguous_format)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    order = SameOrder(len(train), context.generator("shuffle", spec.seed))
    loader = DataLoader(TensorDataset(train, images.train_labels), spec.batch_size, sampler=order)
    for _ in range(spec.epochs):
        for batch, labels in loader:
            loss = functional.cross_entropy(model(batch), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    test_accuracy(model, test, images)
    return model


def test_accuracy(model: nn.Module, test: Tensor, images: DeviceImages) -> float:
    """Evaluate, as every retraining ends."""
    with torch.no_grad():
        return float((model(test).argmax(1) == images.test_labels).float().mean())


def wanted(images: specs.ImagesSpec, epochs: int, seeds: range) -> list[specs.Retraining]:
    """Return retrainings of one occlusion with different seeds."""
    occlusion = specs.Occlusion(ranking=specs.RandomRanking(images=images), fraction_removed=0.5)
    return [
        specs.Retraining(
            occlusion=occlusion, network=specs.PaperCifarCNN(), epochs=epochs, seed=seed
        )
        for seed in seeds
    ]


def by_plan(study: Study, listed: list[specs.Retraining]) -> float:
    """Compute them as the program does; return the seconds."""
    scheduler = Scheduler(study, room_on("cpu"), lambda event: None)
    begun = time.perf_counter()
    scheduler.add(listed)
    scheduler.wait()
    taken = time.perf_counter() - begun
    scheduler.stop()
    return taken


def by_port(study: Study, listed: list[specs.Retraining], threads: int) -> float:
    """Compute them one after the other; return the seconds."""
    torch.set_num_threads(threads)
    context = Context(listed[0], study, torch.device("cpu"), lambda event: None)
    ranking(listed[0].occlusion.ranking, context)
    begun = time.perf_counter()
    for spec in listed:
        port(spec, context)
    return time.perf_counter() - begun


def largest_difference(study: Study, spec: specs.Retraining) -> tuple[float, float]:
    """Return how far port and program are apart: in accuracy, and in training loss at the end."""
    context = Context(spec, study, torch.device("cpu"), lambda event: None)
    images = device_images(context, spec.occlusion.ranking.images)
    ranks = ranking(spec.occlusion.ranking, context)
    test = occluded(as_unit(images.test), ranks.test, spec.occlusion, images.channel_mean)
    train = occluded(as_unit(images.train), ranks.train, spec.occlusion, images.channel_mean)
    model = port(spec, context)
    with torch.no_grad():
        loss = float(functional.cross_entropy(model(train), images.train_labels))
    ours = study.read(spec)
    curve = float(ours.arrays["curve/loss"][-1])
    return abs(test_accuracy(model, test, images) - ours.numbers["accuracy"]), abs(loss - curve)


def main() -> None:
    """Print retrainings per minute of both, turn by turn, and their ratio."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--images", type=int, default=2000)
    options.add_argument("--epochs", type=int, default=2)
    options.add_argument("--rounds", type=int, default=3)
    options = options.parse_args()
    threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as home:
        folder = random_folder(Path(home) / "images", options.images)
        images, _ = ingest(folder)
        study = Study(Path(home) / "speed.isthmus", create=True)
        study.set_location(images.digest, folder)
        by_plan(study, wanted(images, 1, range(1000, 1001)))  # Warms up and records the images.
        side = room_on("cpu").slots
        ratios = []
        for turn in range(options.rounds):
            listed = wanted(images, options.epochs, range(turn * side, (turn + 1) * side))
            plain = by_port(study, listed, threads)
            ours = by_plan(study, listed)
            ratios.append(plain / ours)
            print(
                f"turn {turn + 1}: port {60 * side / plain:.2f}, isthmus {60 * side / ours:.2f} "
                f"retrainings a minute, ratio {plain / ours:.2f}",
                flush=True,
            )
        apart = largest_difference(study, wanted(images, options.epochs, range(1))[0])
    print(f"difference of one retraining: accuracy {apart[0]:.4f}, training loss {apart[1]:.2g}")
    print(
        f"median ratio {statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}], "
        f"n = {len(ratios)}, goal {GOAL}, {threads} threads"
    )


if __name__ == "__main__":
    main()
