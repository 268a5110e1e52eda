"""A CIFAR-10 training in the style of airbench: a record of the program against a plain loop.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.airbench_style --data cifar10-images.tar.gz
        [--images 500] [--pairs 3] [--device cpu]

ResNet-18 (on a CPU a thin residual network), SGD with Nesterov momentum whose rate rises and falls,
smoothed labels, flips and shifts with mirrored borders. The plain loop does the same steps: the
same first weights, orders and changes of images; its images wait on the device, and it reads
nothing back before the end. A pair is a seed, and who is first alternates. Ours also draws maps of
probe images, measures clean and attacked accuracy after every epoch and keeps curves; the loop
measures the accuracy on all test images once. Seconds are those of the processor on a CPU, which
others may use too, and of the clock on a GPU. The ratio is of whole trainings, pair by pair; as the
steps are the same, so should the accuracies be. Source: Jordan 2024, "94 % on CIFAR-10 in 3.29
seconds on a single GPU".
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine import specs
from engine.data.images import ingest
from engine.jobs.classifiers import fresh_network
from engine.jobs.context import Cache, Context
from engine.jobs.device_images import DeviceImages, device_images
from engine.networks.memory import keep_freed_memory
from engine.plan.scheduler import compute
from engine.store.study import Study

PADDING = 2
EVALUATED = 500  # images at once


@dataclass(frozen=True)
class Size:
    """What is trained on a kind of device."""

    network: specs.NetworkSpec
    epochs: int
    batch: int
    precision: str


SIZES = {
    "cpu": Size(specs.WideResNet(depth=10, width=1), 2, 100, "float32"),
    "cuda": Size(specs.CifarResNet(), 8, 512, "bfloat16"),
}


def asked(images: specs.ImagesSpec, seed: int, size: Size) -> specs.Training:
    """Return the training; what it measures beside its steps is as little as can be."""
    return specs.Training(
        images=images,
        network=size.network,
        optimizer=specs.SGD(learning_rate=0.1, nesterov=True, weight_decay=5e-4, schedule="cyclic"),
        epochs=size.epochs,
        batch_size=size.batch,
        seed=seed,
        label_smoothing=0.2,
        augmentation=specs.Augmentation(padding=PADDING, border="reflect", flip=True),
        evaluation=specs.FGSM(eps=1 / 255),
        evaluation_images=100,
        epoch_images=10,
        precision=size.precision,  # type: ignore[arg-type]
    )


def changed(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return images (N, C, H, W), shifted with mirrored borders and maybe flipped."""
    count, _, height, width = images.shape
    padded = functional.pad(images, [PADDING] * 4, mode="reflect")
    corners = torch.randint(2 * PADDING + 1, (2, count, 1), generator=generator).to(images.device)
    rows = corners[0] + torch.arange(height, device=images.device)
    columns = corners[1] + torch.arange(width, device=images.device)
    there = torch.arange(count, device=images.device)
    cut = padded.permute(0, 2, 3, 1)[there[:, None, None], rows[:, :, None], columns[:, None, :]]
    flips = (torch.rand(count, 1, 1, 1, generator=generator) < 0.5).to(images.device)
    found = cut.permute(0, 3, 1, 2)
    return torch.where(flips, found.flip(-1), found).contiguous(memory_format=torch.channels_last)


def batches(spec: specs.Training, count: int, context: Context) -> Iterator[tuple[float, Tensor]]:
    """Yield, for every step, the share of the training that is done, and the images' places."""
    orders, steps = context.generator("shuffle", spec.seed), -(-count // spec.batch_size)
    for epoch in range(spec.epochs):
        order = torch.randperm(count, generator=orders).to(context.device)
        for step, places in enumerate(order.split(spec.batch_size)):
            yield (epoch + step / steps) / spec.epochs, places


def plain(spec: specs.Training, context: Context) -> tuple[nn.Module, float]:
    """Train as anyone would; return the network and its accuracy on all test images."""
    images = device_images(context, spec.images)
    weights = context.generator("weights", spec.seed)
    model = fresh_network(spec.network, images, context.device, generator=weights).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=spec.optimizer.learning_rate, momentum=0.9,
                                nesterov=True, weight_decay=5e-4, fused=True)  # fmt: skip
    changes = context.generator("augmentation", spec.seed)
    mixed = spec.precision == "bfloat16"
    for done, places in batches(spec, len(images.train), context):
        optimizer.param_groups[0]["lr"] = spec.optimizer.learning_rate * (1 - abs(2 * done - 1))
        pixels = changed(images.train[places].float().div_(255), changes)
        kind = context.device.type
        with torch.autocast(kind, torch.bfloat16) if mixed else nullcontext():
            logits = model(pixels)
        labels = images.train_labels[places]
        loss = functional.cross_entropy(logits.float(), labels, label_smoothing=0.2)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return model, accuracy(model, images)


@torch.no_grad()
def accuracy(model: nn.Module, images: DeviceImages) -> float:
    """Return the share of test images that a network tells right."""
    model.eval()
    right = [
        (model(some.float().div_(255)).argmax(1) == labels).sum()
        for some, labels in zip(
            images.test.split(EVALUATED), images.test_labels.split(EVALUATED), strict=True
        )
    ]
    return float(sum(right)) / len(images.test)


@dataclass(frozen=True)
class Pair:
    """A seed: seconds and accuracy of the program and of the plain loop."""

    ours: tuple[float, float]
    plain: tuple[float, float]

    @property
    def ratio(self) -> float:
        """How many times as long as the plain loop the program took."""
        return self.ours[0] / self.plain[0]

    @property
    def apart(self) -> float:
        """The program's accuracy minus the plain loop's."""
        return self.ours[1] - self.plain[1]


def pair_of(spec: specs.Training, study: Study, device: torch.device, cache: Cache) -> Pair:
    """Train a spec in both ways; with an even seed the program is first."""

    clock = time.process_time if device.type == "cpu" else time.perf_counter

    def timed(way: str) -> tuple[float, float]:
        context = Context(spec, study, device, lambda event: None, cache=cache)
        begun = clock()
        if way == "plain":
            _, found = plain(spec, context)
        else:
            found = float(compute(spec, context).numbers["clean_accuracy"])
        if device.type == "cuda":
            torch.cuda.synchronize()
        return clock() - begun, found

    ways = ("ours", "plain") if spec.seed % 2 == 0 else ("plain", "ours")
    found = {way: timed(way) for way in ways}
    study.drop_checkpoint(spec)
    return Pair(found["ours"], found["plain"])


def summary(pairs: list[Pair]) -> dict[str, float]:
    """Return medians and ranges of pairs as plain numbers."""
    ratios, apart = ([getattr(pair, name) for pair in pairs] for name in ("ratio", "apart"))
    return {
        "seconds": statistics.median(pair.ours[0] for pair in pairs),
        "plain_seconds": statistics.median(pair.plain[0] for pair in pairs),
        "ratio": statistics.median(ratios),
        "ratio_least": min(ratios),
        "ratio_most": max(ratios),
        "accuracy": statistics.mean(pair.ours[1] for pair in pairs),
        "plain_accuracy": statistics.mean(pair.plain[1] for pair in pairs),
        "accuracy_apart": statistics.mean(apart),
        "accuracy_apart_deviation": statistics.stdev(apart) if len(apart) > 1 else float("nan"),
        "n": len(pairs),
    }


def main() -> None:
    """Print every pair, and what they say together."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="CIFAR-10 as an image archive")
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--tests", type=int, default=500)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--device", default="cpu", choices=list(SIZES))
    options = parser.parse_args()
    keep_freed_memory()
    device, cache, pairs = torch.device(options.device), Cache(), []
    with tempfile.TemporaryDirectory() as home:
        study = Study(Path(home) / "s", create=True)
        images, _ = ingest(options.data, max_train=options.images, max_test=options.tests)
        study.set_location(images.digest, options.data)
        for seed in range(-1, options.pairs):
            spec = asked(images, abs(seed), SIZES[options.device])
            found = pair_of(spec, study, device, cache)
            if seed < 0:
                continue  # the first one also loads the images, and is repeated
            pairs.append(found)
            print(f"seed {seed}: ours {found.ours[0]:.2f} s, {found.ours[1]:.1%}; plain "
                  f"{found.plain[0]:.2f} s, {found.plain[1]:.1%}; ratio {found.ratio:.2f}, load "
                  f"{os.getloadavg()[0]:.1f}", flush=True)  # fmt: skip
    for name, value in summary(pairs).items():
        print(f"{name}: {value:.4g}")


if __name__ == "__main__":
    main()
