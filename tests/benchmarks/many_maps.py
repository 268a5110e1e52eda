"""The figure of gradient maps of many networks, as `export maps` draws it.

    nice -n 15 python -m tests.benchmarks.many_maps [--networks 300] [--suffix pdf]

The records are made up: 10 images of 28x28 and their maps for each network.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np


def make(path: Path, count: int):
    """Return a study with the maps of so many networks."""
    from engine import specs
    from engine.store.study import Result, Study
    from tests import made_up_study as made_up

    study = Study(path, create=True)
    made_up.add_images(study)
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (10, 1, 28, 28), dtype=np.uint8)
    for seed in range(count):
        network = made_up.network("linf", 0.1, seed=seed)
        made_up.add_network(study, network)
        maps = specs.Maps(classifier=network, indices=tuple(range(10)))
        arrays = {
            "images": images,
            "labels": np.arange(10),
            "attributions": draw.normal(size=images.shape).astype(np.float32),
        }
        study.write(maps, Result({}, arrays), seconds=1.0, provenance={})
    return study


def main() -> None:
    """Print the seconds that the figure takes."""
    from engine.cli.main import main as command

    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--networks", type=int, default=300)
    options.add_argument("--suffix", default="pdf")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "many.isthmus"
        make(study, chosen.networks)
        out = Path(folder) / f"maps.{chosen.suffix}"
        wall, processor = time.perf_counter(), time.process_time()
        code = command(["export", "maps", "--study", str(study), "--out", str(out)])
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        size = out.stat().st_size / 1e6
        print(f"{chosen.networks} networks: {wall:.1f} s, processor {processor:.1f} s, "
              f"{size:.1f} MB, exit code {code}")  # fmt: skip


if __name__ == "__main__":
    main()
