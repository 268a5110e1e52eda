"""Writes a study with one record of every kind, as the present version writes it.

    python -m tests.golden.make NAME

A study of a released version is never written again: a later version must open it as it is.
"""

import hashlib
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import save_file

from engine import specs
from engine.data.images import ingest
from engine.jobs.events import Ended
from engine.manifold import vae_gan
from engine.plan.scheduler import Scheduler, Slots
from engine.store.study import Study
from tests.image_files import encoded, write

HERE = Path(__file__).resolve().parent
ATTACK = specs.PGD(eps=0.1, step_size=0.05, steps=2)
SHARED = {"evaluation": ATTACK, "evaluation_images": 4}
FEW = (0, 1)


def pictures() -> dict[str, bytes]:
    """Return dark and bright pictures: one look is enough to tell them apart."""
    chance = np.random.default_rng(0)
    found = {}
    for name, level in (("bright", 200), ("dark", 30)):
        for k in range(12):
            noise = chance.integers(0, 40, (8, 8), dtype=np.uint8)
            found[f"{name}/{k:02}.png"] = encoded(Image.fromarray(noise + np.uint8(level)))
    return found


def compute(study: Study, *wanted) -> None:
    failed = []

    def emit(event):
        if isinstance(event, Ended) and event.outcome != "finished":
            failed.append(event.message)

    scheduler = Scheduler(study, Slots(torch.device("cpu"), 1, 1), emit)
    scheduler.add(wanted)
    scheduler.wait()
    scheduler.stop()
    if failed:
        raise RuntimeError("; ".join(failed))


def weights_file(study: Study, spec: specs.Training, path: Path) -> str:
    """Write a network's weights to a file that the study can find; return its digest."""
    arrays = study.read(spec).arrays
    prefix = "weights/"
    save_file({k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    study.set_location(digest, path)
    return digest


def make(folder: Path, home: Path) -> Study:
    study = Study(folder, create=True)
    study.describe(name="Golden", notes="One record of every kind.")
    write(home / "pets", pictures())
    images, _ = ingest(home / "pets")
    study.set_location(images.digest, home / "pets")
    network = specs.SmallCNN(width=2, hidden=4)
    standard = specs.Training(images=images, network=network, epochs=6, batch_size=4, **SHARED)
    robust = standard.replace("scheme", specs.Adversarial(attack=ATTACK))
    plane = specs.Training(
        images=specs.Gaussians2D(per_class=30), network=specs.PaperMLP(), epochs=1, **SHARED
    )
    generator = specs.VAEGAN(
        images=specs.Glyphs(train=20, test=20), width=0.001, latent=1, epochs=1, batch_size=10
    )
    compute(study, standard)
    digest = weights_file(study, standard, home / "mine.safetensors")
    imported = specs.Imported(images=images, network=network, name="mine", digest=digest, **SHARED)
    compute(
        study,
        robust,
        imported,
        specs.Interpretability(
            classifier=robust,
            attribution=specs.Gradient(),
            mode="roar",
            baseline=standard,
            fractions=(0.5,),
            repeats=1,
        ),
        specs.Maps(classifier=robust, indices=FEW),
        specs.AdversarialExamples(classifier=robust, attack=ATTACK, indices=FEW),
        specs.Measurement(classifier=robust, metric=specs.Alignment(), test_images=4),
        specs.Boundary(classifier=plane, grid=10),
        specs.ManifoldDistance(generator=generator, test_images=2),
    )
    (folder / "locations.json").unlink()  # those are places on this machine
    return study


def main(name: str) -> None:
    vae_gan.SAMPLES = 4  # of 64: the shape is the same, and the study small
    with tempfile.TemporaryDirectory() as home:
        for entry in make(HERE / name, Path(home)).entries:
            print(f"{entry.size:8} {entry.kind:20} {entry.title}")


if __name__ == "__main__":
    main(sys.argv[1])
