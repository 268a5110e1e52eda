"""Our retrainings against a plain PyTorch port of the published loop, on a CPU.

    python -m tests.benchmarks.retraining_speed [--images 2000] [--epochs 2] [--rounds 3] [--each 2]

The port does what the released code does, one retraining after the other: the occluded images are
made once and wrapped in a TensorDataset, a DataLoader forms the batches, torch uses every core, and
memory format and allocator are as torch and the system have them. Ours is the program's own plan:
as many retrainings side by side as there are cores, a thread each. Both train the paper's CIFAR-10
network on the same random images, occluded alike, from the same weights and in the same order of
batches, and a retraining of each is compared by its test accuracy and its training loss. Each has a
process of its own; they take turns, and the ratio is of retrainings per minute. Processor seconds
are printed beside: on a host that others disturb they are the steadier measure.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Sampler, TensorDataset

from engine import specs
from engine.data.images import ingest
from engine.jobs.classifiers import fresh_network
from engine.jobs.context import Context
from engine.jobs.device_images import DeviceImages, device_images
from engine.networks.gradients import as_unit
from engine.plan.scheduler import Scheduler, slots_on
from engine.retraining.rankings import ranking
from engine.retraining.retrain import occluded
from engine.store.study import Study

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


def published(model: nn.Module) -> nn.Module:
    """Return the network as it was published: every activation before the pooling after it."""
    layers = dict(model.network.named_children())
    names = list(layers)
    for pool in ("pool1", "pool2"):
        place = names.index(pool)
        names[place], names[place + 1] = names[place + 1], pool
    ordered = nn.Sequential(model.normalize, *(layers[name] for name in names))
    return ordered.to(memory_format=torch.contiguous_format)


def port(spec: specs.Retraining, context: Context) -> nn.Module:
    """Retrain as the released code does, in plain PyTorch; return the network."""
    images = device_images(context, spec.occlusion.ranking.images)
    ranks = ranking(spec.occlusion.ranking, context)
    fill = images.channel_mean
    train = occluded(as_unit(images.train), ranks.train, spec.occlusion, fill).contiguous()
    test = occluded(as_unit(images.test), ranks.test, spec.occlusion, fill).contiguous()
    weights = context.generator("weights", spec.seed)
    model = fresh_network(spec.network, images, context.device, generator=weights)
    model = published(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    order = SameOrder(len(train), context.generator("shuffle", spec.seed))
    held = TensorDataset(train.cpu(), images.train_labels.cpu())
    loader = DataLoader(held, spec.batch_size, sampler=order)
    for _ in range(spec.epochs):
        for batch, labels in loader:
            batch, labels = batch.to(context.device), labels.to(context.device)
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
    scheduler = Scheduler(study, slots_on("cpu"), lambda event: None)
    begun = time.perf_counter()
    scheduler.add(listed)
    scheduler.wait()
    taken = time.perf_counter() - begun
    scheduler.stop()
    return taken


def by_port(study: Study, listed: list[specs.Retraining]) -> float:
    """Compute them one after the other; return the seconds."""
    context = Context(listed[0], study, torch.device("cpu"), lambda event: None)
    ranking(listed[0].occlusion.ranking, context)
    begun = time.perf_counter()
    for spec in listed:
        port(spec, context)
    return time.perf_counter() - begun


WAYS = {"port": by_port, "isthmus": by_plan}


def serve(name: str, path: Path, link: Connection) -> None:
    """Answer lists of retrainings with the seconds they took, in a process of its own.

    Both seconds of the clock and seconds of its processors are sent.
    """
    study = Study(path)
    while (listed := link.recv()) is not None:
        begun = time.process_time()
        link.send((WAYS[name](study, listed), time.process_time() - begun))


def ask(link: Connection, listed: list[specs.Retraining]) -> tuple[float, float]:
    """Have a list of retrainings computed; return its seconds by the clock and of processors."""
    link.send(listed)
    clock, processors = link.recv()
    return clock, processors


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


def served(study: Study) -> dict[str, Connection]:
    """Start a process for each way."""
    context = multiprocessing.get_context("spawn")
    links = {}
    for name in WAYS:
        links[name], theirs = context.Pipe()
        context.Process(target=serve, args=(name, study.path, theirs), daemon=True).start()
    return links


def main() -> None:
    """Print retrainings per minute of both, turn by turn, and their ratio."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--images", type=int, default=2000)
    options.add_argument("--epochs", type=int, default=2)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--each", type=int, default=2, help="retrainings a slot and turn")
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as home:
        folder = random_folder(Path(home) / "images", options.images)
        images, _ = ingest(folder)
        study = Study(Path(home) / "speed.isthmus", create=True)
        study.set_location(images.digest, folder)
        links = served(study)
        count = options.each * slots_on("cpu").count
        ratios, work = [], []
        for turn in range(options.rounds + 1):  # The first warms up and records the images.
            listed = wanted(images, options.epochs, range(turn * count, (turn + 1) * count))
            taken = {name: ask(link, listed) for name, link in links.items()}
            rates = {name: 60 * count / clock for name, (clock, _) in taken.items()}
            if turn:
                ratios.append(rates["isthmus"] / rates["port"])
                work.append(taken["port"][1] / taken["isthmus"][1])
                print(
                    f"turn {turn}: port {rates['port']:.2f}, isthmus {rates['isthmus']:.2f} "
                    f"retrainings a minute, ratio {ratios[-1]:.2f}, "
                    f"of processor seconds {work[-1]:.2f}",
                    flush=True,
                )
        for link in links.values():
            link.send(None)
        study = Study(study.path)
        apart = largest_difference(study, wanted(images, options.epochs, range(1))[0])
    print(f"difference of one retraining: accuracy {apart[0]:.4f}, training loss {apart[1]:.2g}")
    print(
        f"median ratio {statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}], "
        f"n = {len(ratios)}, goal {GOAL}; of processor seconds {statistics.median(work):.2f} "
        f"[{min(work):.2f}, {max(work):.2f}]"
    )


if __name__ == "__main__":
    main()
